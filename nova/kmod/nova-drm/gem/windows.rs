// SPDX-License-Identifier: GPL-2.0

//! What programs see of VRAM, through the slots of BAR1 that are left to them.
//!
//! A slot shows a chunk of VRAM, in which many objects may have pieces. It is taken into use when a program touches one,
//! and taken from those who have mapped it when there is no other slot left for what a program touches.

use core::ops::Range;
use core::time::Duration;

use kernel::page::PAGE_SHIFT;
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::{new_mutex, Mutex};
use nova_core_module::{piece_at, Epoch, Extent, Place, ProgramSlot, ProgramSlots, SLOT_SIZE};
use nova_kernel::drm::gem::fault::{Fault, FilePages};

use super::video::Video;
use crate::driver::{Device, NovaDrmDriver};
use crate::gpu::Gpu;

/// Pages of BAR1 in a slot.
const SLOT_PAGES: usize = SLOT_SIZE as usize >> PAGE_SHIFT;

/// How long a touch waits for a boot at a time, with locks of the program's address space; a task can be frozen in between.
/// This driver's own value.
const BOOT_WAIT: Duration = Duration::from_secs(1);

/// What programs see of the VRAM of a device.
#[pin_data]
pub(crate) struct Windows {
    #[pin]
    state: Mutex<State>,
}

struct State {
    /// The epoch to which the rest belongs; `None` once it has ended. BAR1 shows nothing after that.
    epoch: Option<Epoch>,
    slots: ProgramSlots<KVVec<ProgramSlot>>,
    /// The pieces of objects that programs have touched since their chunk has its slot: where they are in the device's
    /// file, by their addresses in VRAM.
    pieces: RBTree<u64, FilePages>,
}

impl Windows {
    /// Of a GPU of which programs have seen nothing yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(gpu: &nova_core_module::Gpu<'_>) -> Result<impl PinInit<Self>> {
        let count = gpu.program_pages.pages().len() / SLOT_PAGES;
        let slots = KVVec::from_elem(ProgramSlot::default(), count, GFP_KERNEL)?;
        let state = State {
            epoch: None,
            slots: ProgramSlots::new(slots),
            pieces: RBTree::new(),
        };
        Ok(pin_init!(Self {
            state <- new_mutex!(state),
        }))
    }

    /// Bytes of VRAM that can be shown at a time, and those of them that are.
    pub(crate) fn size_and_used(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.slots.size(), state.slots.shown())
    }

    /// Whether VRAM can be shown: BAR1 may be too small for that.
    pub(crate) fn exist(&self) -> bool {
        self.size_and_used().0 != 0
    }

    /// After a sleep, until VRAM has been restored, waits for a boot, but not for long; returns whether contents come back. The
    /// dummy page would have others, and lose what is written there, although nothing tells of a loss. A task that is killed gets
    /// it.
    pub(crate) fn await_saved(gpu: &Gpu<'_>, video: &Video) -> bool {
        let is_saved = video.is_saved() || gpu.survival.lock().is_pending();
        is_saved && gpu.core.await_boot(BOOT_WAIT).is_ok()
    }

    /// Has the CPU see the page of an object that has been touched, and what else the same slot shows of the object
    /// around it; or the dummy page while the GPU does not work. Where it works and this fails, the touch does (`SIGBUS`), so
    /// that no program writes to the dummy page unawares. If contents come [back](Self::await_saved), the page is touched again
    /// instead. `video` is the object's.
    pub(crate) fn fault(
        &self,
        gpu: &Gpu<'_>,
        device: &Device,
        video: &Video,
        comes_back: bool,
        fault: &mut Fault<'_, NovaDrmDriver>,
    ) {
        let epoch = gpu.core.epoch().ok();
        let cleared = gpu.clearer.clear(gpu, video);
        let piece = piece_at(video.extents(), fault.offset(), SLOT_SIZE).ok_or(EINVAL);
        let piece = cleared.and(piece);
        let node = piece.and_then(|piece| {
            let pages = fault.object().file_pages(object_pages(&piece));
            Ok(RBTreeNode::new(piece.address, pages, GFP_KERNEL_ACCOUNT)?)
        });
        // Until the mutex is released, the piece is not taken back, and what is inserted is not removed by `Self::renew` or `Self::hide`.
        let mut state = self.state.lock();
        let shown = piece.and_then(|piece| Ok((piece, state.show(gpu, device, video, &piece)?)));
        let replaced = match (shown, node) {
            (Ok((piece, slot)), Ok(node)) => {
                let within = (piece.address % SLOT_SIZE) as usize >> PAGE_SHIFT;
                let from = slot.saturating_mul(SLOT_PAGES).saturating_add(within);
                fault.insert(&gpu.core.program_pages, from, object_pages(&piece));
                state.pieces.insert(node)
            }
            (Err(ENOMEM), _) | (_, Err(ENOMEM)) => {
                fault.out_of_memory();
                None
            }
            _ => {
                match gpu.core.epoch().ok() {
                    None if comes_back => fault.touch_again(),
                    // Another epoch will remove the page: it has not begun yet.
                    None => fault.insert_dummy(),
                    now if now == epoch => fault.fail(),
                    _ => fault.touch_again(),
                }
                None
            }
        };
        drop(state);
        drop(replaced);
    }

    /// Takes all from the programs if the GPU has been booted again, so that they see what there is now.
    pub(crate) fn renew(&self, gpu: &Gpu<'_>, device: &Device) {
        let epoch = gpu.core.epoch().ok();
        self.state.lock().renew(device, epoch);
    }

    /// Takes all from the programs, since the GPU is about to be unloaded or reset. Who touches a page after that gets the
    /// dummy page.
    pub(crate) fn hide(&self, device: &Device) {
        self.state.lock().renew(device, None);
    }

    /// Forgets an object whose `blocks` are about to be freed. Nobody has mapped it any more.
    pub(crate) fn forget(&self, blocks: &[Extent]) {
        let mut state = self.state.lock();
        for Extent { address, size, .. } in blocks {
            state.forget(*address..address.saturating_add(*size));
        }
    }
}

impl State {
    fn renew(&mut self, device: &Device, epoch: Option<Epoch>) {
        if epoch.is_some() && self.epoch == epoch {
            return;
        }
        // With all dummy pages.
        device.unmap_all_pages();
        self.epoch = epoch;
        self.slots.forget_all();
        self.pieces = RBTree::new();
    }

    /// Has a slot show the chunk with this piece of `video`; returns the slot.
    fn show(
        &mut self,
        gpu: &Gpu<'_>,
        device: &Device,
        video: &Video,
        piece: &Extent,
    ) -> Result<usize> {
        let epoch = gpu.core.epoch()?;
        if !video.is_cleared_in(epoch) {
            // Another epoch has begun since.
            return Err(EAGAIN);
        }
        self.renew(device, Some(epoch));
        let chunk = piece.address / SLOT_SIZE;
        let (slot, taken_from) = match self.slots.find(chunk).ok_or(ENOSPC)? {
            Place::Shown(slot) => return Ok(slot),
            Place::Free { slot, taken_from } => (slot, taken_from),
        };
        if let Some(other) = taken_from {
            self.take_back(device, other);
        }
        // If this fails, nobody knows what it shows.
        self.slots.set(slot, None);
        gpu.core.show(epoch, slot, chunk)?;
        self.slots.set(slot, Some(chunk));
        Ok(slot)
    }

    /// Takes a chunk from all that have mapped something in there.
    fn take_back(&mut self, device: &Device, chunk: u64) {
        let end = chunk.saturating_add(1).saturating_mul(SLOT_SIZE);
        let start = chunk.saturating_mul(SLOT_SIZE);
        self.remove(start..end, |pages| device.unmap_pages(pages));
    }

    /// Removes the pieces of blocks that are about to be freed, and frees the slots that have no others.
    fn forget(&mut self, range: Range<u64>) {
        let mut address = range.start;
        while let Some(first) = self.first(address..range.end) {
            let chunk = first / SLOT_SIZE;
            let start = chunk.saturating_mul(SLOT_SIZE);
            let end = start.saturating_add(SLOT_SIZE);
            self.remove(first..end.min(range.end), |_| {});
            if self.first(start..end).is_none() {
                self.slots.forget(chunk);
            }
            address = end;
        }
    }

    /// The address of the first piece in a range of VRAM.
    fn first(&self, range: Range<u64>) -> Option<u64> {
        let cursor = self.pieces.cursor_lower_bound(&range.start)?;
        let (address, _) = cursor.current();
        range.contains(address).then_some(*address)
    }

    /// Removes the pieces in a range of VRAM.
    fn remove(&mut self, range: Range<u64>, removed: impl Fn(&FilePages)) {
        while let Some(address) = self.first(range.clone()) {
            if let Some(pages) = self.pieces.remove(&address) {
                removed(&pages);
            }
        }
    }
}

/// The numbers of the pages in the object that a piece has.
fn object_pages(piece: &Extent) -> Range<usize> {
    let page = |offset: u64| (offset >> PAGE_SHIFT) as usize;
    page(piece.offset)..page(piece.offset.saturating_add(piece.size))
}

// SPDX-License-Identifier: GPL-2.0

//! VRAM of objects, and what is known of its contents.

use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core_module::{Blocks, Epoch, Extent};

/// VRAM of an object.
pub(crate) struct Video {
    blocks: Arc<Blocks>,
    /// The number of the epoch in which it has had contents last, or zero: it was zeroed or restored then, and may have
    /// been mapped since. The contents need not outlive that epoch: a reset may drop what the L2 cache has not written to
    /// VRAM yet, so that what was there before is seen again.
    cleared: Atomic<u64>,
    /// The number of the epoch up to which no contents have been lost; zero if there have been none.
    kept: Atomic<u64>,
    /// Its contents are in system memory, while the GPU sleeps.
    is_saved: Atomic<bool>,
}

impl Video {
    /// Blocks whose contents may be another program's.
    fn new(blocks: Blocks) -> Result<Arc<Self>> {
        let video = Self {
            blocks: Arc::new(blocks, GFP_KERNEL_ACCOUNT)?,
            cleared: Atomic::new(0),
            kept: Atomic::new(0),
            is_saved: Atomic::new(false),
        };
        Ok(Arc::new(video, GFP_KERNEL_ACCOUNT)?)
    }

    /// Where it is. Nobody may map it in an epoch in which it has not been cleared.
    pub(crate) fn extents(&self) -> &[Extent] {
        self.blocks.extents()
    }

    /// The memory itself.
    pub(super) fn blocks(&self) -> &Arc<Blocks> {
        &self.blocks
    }

    /// Bytes of it.
    pub(super) fn size(&self) -> u64 {
        let sizes = self.extents().iter().map(|extent| extent.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// Whether it has been cleared or restored in an epoch.
    pub(crate) fn is_cleared_in(&self, epoch: Epoch) -> bool {
        self.cleared.load(Relaxed) == epoch.number()
    }

    /// Notes that it has been cleared.
    pub(super) fn set_cleared_in(&self, epoch: Epoch) {
        let _ = self.kept.cmpxchg(0, epoch.number(), Relaxed);
        self.cleared.store(epoch.number(), Relaxed);
    }

    /// Whether its contents are in system memory.
    pub(super) fn is_saved(&self) -> bool {
        self.is_saved.load(Relaxed)
    }

    /// Notes whether its contents are in system memory.
    pub(super) fn set_saved(&self, is_saved: bool) {
        self.is_saved.store(is_saved, Relaxed);
    }

    /// Notes that it has the contents again that it had at the end of an earlier epoch.
    pub(super) fn set_restored(&self, from: Epoch, to: Epoch) {
        let _ = self.kept.cmpxchg(from.number(), to.number(), Relaxed);
        self.cleared.store(to.number(), Relaxed);
        self.set_saved(false);
    }

    /// Whether contents have been lost, now or before: VRAM keeps none over an epoch. `epoch` is the current one, if
    /// GSP-RM runs.
    pub(crate) fn is_lost(&self, epoch: Option<Epoch>) -> bool {
        let kept = self.kept.load(Relaxed);
        let is_current = epoch.is_some_and(|epoch| epoch.number() == kept);
        let is_saved = self.is_saved() && kept == self.cleared.load(Relaxed);
        kept != 0 && !is_current && !is_saved
    }
}

/// The VRAM of all objects of a device.
#[pin_data]
pub(crate) struct Videos {
    /// By the addresses of their first blocks.
    #[pin]
    all: Mutex<RBTree<u64, Arc<Video>>>,
}

impl Videos {
    /// None.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self { all <- new_mutex!(RBTree::new()) })
    }

    /// Adds the blocks of an object.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn add(&self, blocks: Blocks) -> Result<Arc<Video>> {
        let video = Video::new(blocks)?;
        let node = RBTreeNode::new(key(&video), video.clone(), GFP_KERNEL_ACCOUNT)?;
        let replaced = self.all.lock().insert(node);
        debug_assert!(replaced.is_none());
        Ok(video)
    }

    /// Removes the VRAM of an object that goes.
    pub(super) fn remove(&self, video: &Video) {
        let removed = self.all.lock().remove_node(&key(video));
        debug_assert!(removed.is_some());
    }

    /// Whether there are any with contents in an epoch.
    pub(super) fn have_contents(&self, epoch: Epoch) -> bool {
        let all = self.all.lock();
        let has_contents = all.values().any(|video| video.is_cleared_in(epoch));
        has_contents
    }

    /// Those that have contents in an epoch.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn with_contents(&self, epoch: Epoch) -> Result<KVVec<Arc<Video>>> {
        let has_contents = |video: &&Arc<Video>| video.is_cleared_in(epoch);
        loop {
            let count = self.all.lock().values().filter(has_contents).count();
            let mut found = KVVec::with_capacity(count, GFP_KERNEL)?;
            let add = |video: &Arc<Video>| found.push_within_capacity(video.clone()).is_ok();
            // There may be more meanwhile.
            if self.all.lock().values().filter(has_contents).all(add) {
                return Ok(found);
            }
        }
    }
}

fn key(video: &Video) -> u64 {
    let first = video.extents().first();
    first.map_or(0, |extent| extent.address)
}

// SPDX-License-Identifier: MIT

//! The sync objects of a call. nouveau has an array of those to wait for and one of those to signal,
//! nova has one array of both, with a limit.

use nova_uapi::{Sync, SYNC_SIGNAL, SYNC_TIMELINE};
use zerocopy::{transmute, IntoBytes};

use crate::device::{Device, Errno, Result};

/// Most sync objects that are given to nova at a time; nova's own limit. They are on the stack.
const ROOM: usize = 256;

/// An array of `struct drm_nouveau_sync` in the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    /// User pointer to the first one.
    pub(crate) pointer: u64,
    /// How many there are.
    pub(crate) count: u32,
}

/// What a call waits for and signals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Syncs {
    /// What it waits for.
    pub(crate) waits: List,
    /// What it signals.
    pub(crate) signals: List,
    /// Most of them that nova takes.
    pub(crate) max: usize,
}

impl Syncs {
    /// Submits the parts of some work to a queue: the first one that works after the waits, and the
    /// signals with the last one. Where there are more of them than nova takes at a time, pieces
    /// without work (`None`) go before or behind, since a queue keeps their order. If one of these
    /// fails behind the work, the work is done, but not all is signalled.
    pub(crate) fn submit<P: Copy>(
        &self,
        device: &impl Device,
        parts: impl IntoIterator<Item = P>,
        submit: impl FnMut(Option<P>, &[Sync]) -> Result,
    ) -> Result {
        let mut submit = uninterrupted(submit);
        let mut piece = Piece::new(self.max);
        for at in 0..self.waits.count {
            if piece.is_full() {
                submit(None, piece.take())?;
            }
            piece.push(read(device, &self.waits, at, 0)?);
        }
        let mut parts = parts.into_iter().peekable();
        let mut last = parts.next();
        while parts.peek().is_some() {
            submit(last, piece.take())?;
            last = parts.next();
        }
        for at in 0..self.signals.count {
            if piece.is_full() {
                submit(last.take(), piece.take())?;
            }
            piece.push(read(device, &self.signals, at, SYNC_SIGNAL)?);
        }
        submit(last, piece.take())
    }
}

/// Repeats a call that a signal has interrupted, but for the first one: a program repeats the whole of
/// an interrupted ioctl, and nothing may be done twice.
fn uninterrupted<P: Copy>(
    mut submit: impl FnMut(Option<P>, &[Sync]) -> Result,
) -> impl FnMut(Option<P>, &[Sync]) -> Result {
    let mut is_first = true;
    move |part, syncs| loop {
        let result = submit(part, syncs);
        if is_first || result != Err(Errno::INTR) {
            is_first = false;
            return result;
        }
    }
}

/// Sync objects for one call of nova.
struct Piece {
    syncs: [Sync; ROOM],
    count: usize,
    max: usize,
}

impl Piece {
    fn new(max: usize) -> Self {
        const NONE: Sync = Sync {
            handle: 0,
            flags: 0,
            point: 0,
        };
        Self {
            syncs: [NONE; ROOM],
            count: 0,
            max: max.clamp(1, ROOM),
        }
    }

    fn is_full(&self) -> bool {
        self.count >= self.max
    }

    fn push(&mut self, sync: Sync) {
        if let Some(place) = self.syncs.get_mut(self.count) {
            *place = sync;
            self.count = self.count.saturating_add(1);
        }
    }

    /// What has been pushed; what is pushed next is the first one again.
    fn take(&mut self) -> &[Sync] {
        let count = std::mem::take(&mut self.count);
        self.syncs.get(..count).unwrap_or_default()
    }
}

fn read(device: &impl Device, list: &List, at: u32, flags: u32) -> Result<Sync> {
    let mut bytes = [0_u8; size_of::<nouveau_uapi::Sync>()];
    let offset = u64::from(at).saturating_mul(bytes.len() as u64);
    let pointer = list.pointer.checked_add(offset).ok_or(Errno::FAULT)?;
    device.read(pointer, bytes.as_mut_bytes())?;
    translated(transmute!(bytes), flags)
}

/// A point of zero is none, as in nouveau.
fn translated(sync: nouveau_uapi::Sync, flags: u32) -> Result<Sync> {
    let nouveau_uapi::Sync {
        handle,
        timeline_value,
        ..
    } = sync;
    let (flags, point) = match (sync.flags & nouveau_uapi::SYNC_TYPES, timeline_value) {
        (nouveau_uapi::SYNC_SYNCOBJ, _) | (nouveau_uapi::SYNC_TIMELINE, 0) => (flags, 0),
        (nouveau_uapi::SYNC_TIMELINE, point) => (flags | SYNC_TIMELINE, point),
        _ => return Err(Errno::OPNOTSUPP),
    };
    Ok(Sync {
        handle,
        flags,
        point,
    })
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: GPL-2.0

//! Memory that the GPU may still use although nobody else does, until it is certain that the GPU does not.
//!
//! Memory that the GPU was given is freed once GSP-RM and the TLBs have let go of it. If they do not, only the end of the
//! epoch ends its use: the unload of GSP-RM or the reset of the GPU. Until then the memory is kept here, and the GSP counts
//! as lost, so that the reset comes soon.

use core::mem;

use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};

use crate::calls::Epoch;

/// Something that the GPU uses, and what it takes to keep it, so that this cannot fail.
pub(crate) struct Keep(KBox<Node>);

struct Node {
    _what: Arc<dyn Send + Sync>,
    next: Option<Keep>,
}

impl Keep {
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(what: Arc<dyn Send + Sync>) -> Result<Self> {
        let node = Node {
            _what: what,
            next: None,
        };
        Ok(Self(KBox::new(node, GFP_KERNEL_ACCOUNT)?))
    }
}

/// What is kept.
#[derive(Default)]
pub(crate) struct Kept {
    /// The epoch whose memory the GPU may use: that of the last boot, until the unload or the reset after it is over.
    used: Option<Epoch>,
    first: Option<Keep>,
}

impl Kept {
    /// From now on, the GPU may use memory of an epoch that begins.
    pub(crate) fn begin(kept: &Mutex<Self>, epoch: Epoch) {
        let mut kept = kept.lock();
        debug_assert!(kept.first.is_none());
        kept.used = Some(epoch);
    }

    /// Keeps what was given to the GPU in an epoch, unless the GPU does not use that any more.
    pub(crate) fn add(kept: &Mutex<Self>, epoch: Epoch, mut keep: Keep) {
        let mut kept = kept.lock();
        if kept.used == Some(epoch) {
            keep.0.next = kept.first.take();
            kept.first = Some(keep);
        } else {
            // The drop may take other locks.
            drop(kept);
            drop(keep);
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Frees everything: the GPU has been reset, or GSP-RM unloaded.
    pub(crate) fn end(kept: &Mutex<Self>) {
        let Self { mut first, .. } = mem::take(&mut *kept.lock());
        while let Some(Keep(mut node)) = first {
            first = node.next.take();
        }
    }
}

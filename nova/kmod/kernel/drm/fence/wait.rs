// SPDX-License-Identifier: GPL-2.0

//! Waiting for a fence without a thread: a work item is queued when the fence is signalled.

use core::cell::UnsafeCell;
use core::ptr::addr_of;

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::sync::{rcu, Arc};
use kernel::types::Opaque;

use super::Fence;
use crate::sync::arc_work::{self, HasArcWork};

/// A wait for a fence, which may be anybody's. Its drop ends the wait; it must be dropped where the last reference to the
/// `T` may be.
pub struct Wait<T: HasArcWork> {
    fence: Fence,
    node: KBox<Node<T>>,
    /// Whether the node has been added to the fence.
    is_armed: bool,
}

/// What the fence knows of a wait.
#[repr(C)]
struct Node<T> {
    callback: Opaque<bindings::dma_fence_cb>,
    /// Changed only while the node is not at the fence.
    owner: UnsafeCell<Option<Arc<T>>>,
    /// The fence has been signalled, and does not know the node any more.
    is_over: Atomic<bool>,
}

// SAFETY: The node is in the fence's list under the fence's lock, and any thread may remove it and drop the owner.
unsafe impl<T: HasArcWork> Send for Wait<T> {}

// SAFETY: What takes a shared reference only reads what does not change meanwhile.
unsafe impl<T: HasArcWork> Sync for Wait<T> {}

impl<T: HasArcWork> Wait<T> {
    /// A wait that has not begun.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(fence: Fence) -> Result<Self> {
        let node = Node {
            callback: Opaque::zeroed(),
            owner: UnsafeCell::new(None),
            is_over: Atomic::new(false),
        };
        Ok(Self {
            fence,
            node: KBox::new(node, GFP_KERNEL_ACCOUNT)?,
            is_armed: false,
        })
    }

    /// The fence.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Begins the wait, unless it has begun: the owner's work is queued once the fence is signalled. Returns `false` if it
    /// has been signalled already, and then nothing is queued by this call.
    pub fn arm(&mut self, owner: &Arc<T>) -> bool {
        if self.is_armed {
            // The work may run before the callback that has queued it says that it is over.
            return !self.fence.has_ended();
        }
        *self.node.owner.get_mut() = Some(owner.clone());
        // SAFETY: The fence is initialized. The node stays where it is until it is removed, or the fence has given it up.
        let failed = unsafe {
            bindings::dma_fence_add_callback(
                self.fence.as_raw(),
                self.node.callback.get(),
                Some(signaled::<T>),
            )
        };
        self.is_armed = failed == 0;
        if !self.is_armed {
            *self.node.owner.get_mut() = None;
        }
        self.is_armed
    }
}

impl<T: HasArcWork> Drop for Wait<T> {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        // The fence's lock may be gone a grace period after it was signalled. So it is only taken if the node was there
        // after the grace period had to wait for this thread.
        let _rcu = rcu::read_lock();
        if !self.node.is_over.load(Acquire) {
            // SAFETY: The node has been added to this fence. Once this returns, the callback does not run.
            unsafe {
                bindings::dma_fence_remove_callback(self.fence.as_raw(), self.node.callback.get())
            };
        }
    }
}

/// # Safety
///
/// For the fence to call, with the callback of a [`Node<T>`] that was added to it.
unsafe extern "C" fn signaled<T: HasArcWork>(
    _: *mut bindings::dma_fence,
    callback: *mut bindings::dma_fence_cb,
) {
    let node = callback.cast::<Node<T>>();
    // SAFETY: The node is there until `is_over` is set, or the callback is removed, which waits for the lock that the
    // caller holds. Its owner does not change while it is at the fence.
    unsafe {
        if let Some(owner) = &*(*node).owner.get() {
            // The node has a reference, so no last one is dropped here.
            arc_work::queue(owner);
        }
        (*addr_of!((*node).is_over)).store(true, Release);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The address spaces of the GPU that belong to those of programs.
//!
//! A [`Vm`](super::Vm) lives as long as its file, even after the GPU has been unbound. An [`AddressSpace`] has page tables
//! in VRAM and an object of GSP-RM: it goes when the GPU is unbound, and it is of one epoch. So the two are kept apart.

use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core_module::AddressSpace;

use crate::number::Number;

/// The address spaces of a bound GPU.
#[pin_data]
pub(crate) struct Spaces<'a> {
    #[pin]
    by_number: Mutex<RBTree<Number, Arc<AddressSpace<'a>>>>,
}

impl<'a> Spaces<'a> {
    /// None.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            by_number <- new_mutex!(RBTree::new()),
        })
    }

    /// The address space with a number; it may be of an earlier epoch.
    pub(super) fn get(&self, number: Number) -> Option<Arc<AddressSpace<'a>>> {
        self.by_number.lock().get(&number).cloned()
    }

    /// Adds an address space, instead of one of an earlier epoch.
    pub(super) fn set(&self, number: Number, space: Arc<AddressSpace<'a>>) -> Result {
        let node = RBTreeNode::new(number, space, GFP_KERNEL_ACCOUNT)?;
        let replaced = self.by_number.lock().insert(node);
        drop(replaced);
        Ok(())
    }

    /// Removes an address space, which the drop of the result frees.
    pub(super) fn remove(&self, number: Number) -> Option<Arc<AddressSpace<'a>>> {
        self.by_number.lock().remove(&number)
    }
}

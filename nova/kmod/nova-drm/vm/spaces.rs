// SPDX-License-Identifier: GPL-2.0

//! The address spaces of the GPU that belong to those of programs.
//!
//! A [`Vm`](super::Vm) lives as long as its file, even after the GPU has been unbound. An [`AddressSpace`] has page tables
//! in VRAM and an object of GSP-RM: it goes when the GPU is unbound, and it is of one epoch. So the two are kept apart.
//! What is mapped is found here, too, by those who move an object.

use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core_module::AddressSpace;

use super::Contents;
use crate::number::Number;

/// The address spaces of a bound GPU.
#[pin_data]
pub(crate) struct Spaces<'a> {
    #[pin]
    by_number: Mutex<RBTree<Number, Entry<'a>>>,
}

/// An address space, and what is mapped there.
struct Entry<'a> {
    contents: Arc<Contents>,
    space: Arc<AddressSpace<'a>>,
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
        let by_number = self.by_number.lock();
        by_number.get(&number).map(|entry| entry.space.clone())
    }

    /// What is mapped in each, by their numbers.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn contents(&self) -> Result<KVVec<(Number, Arc<Contents>)>> {
        loop {
            let count = self.by_number.lock().iter().count();
            let mut all = KVVec::with_capacity(count, GFP_KERNEL)?;
            let add = |(number, entry): (&Number, &Entry<'_>)| {
                let element = (*number, entry.contents.clone());
                all.push_within_capacity(element).is_ok()
            };
            // There may be more meanwhile.
            if self.by_number.lock().iter().all(add) {
                return Ok(all);
            }
        }
    }

    /// Adds an address space, instead of one of an earlier epoch.
    pub(super) fn set(
        &self,
        number: Number,
        contents: Arc<Contents>,
        space: Arc<AddressSpace<'a>>,
    ) -> Result {
        let entry = Entry { contents, space };
        let node = RBTreeNode::new(number, entry, GFP_KERNEL_ACCOUNT)?;
        let replaced = self.by_number.lock().insert(node);
        drop(replaced);
        Ok(())
    }

    /// Removes an address space, which the drop of the result frees.
    pub(super) fn remove(&self, number: Number) -> Option<Arc<AddressSpace<'a>>> {
        let removed = self.by_number.lock().remove(&number);
        removed.map(|entry| entry.space)
    }
}

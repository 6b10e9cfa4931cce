// SPDX-License-Identifier: GPL-2.0

//! What a fence stands for. A point of a syncobj's timeline is a link of a chain (`struct dma_fence_chain`), and stands for
//! the points before it, too. Sync files that are merged become an array (`struct dma_fence_array`).

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use kernel::prelude::*;

use super::Fence;
use crate::drm::shim;

/// The fences that a fence stands for: those of the links of a chain, the last one first, and those of an array; or the
/// fence alone. Of a chain, some that have ended are left out.
///
/// This is `dma_fence_unwrap_for_each()`, whose cursor has no binding.
pub struct Members {
    /// The link, or the fence that is none.
    link: Option<Fence>,
    /// Which member of it comes next.
    index: c_uint,
}

impl Fence {
    /// The fences that it stands for.
    pub fn members(&self) -> Members {
        Members {
            link: Some(self.clone()),
            index: 0,
        }
    }

    /// The link of a chain that is before this one.
    fn previous_link(self) -> Option<Self> {
        // SAFETY: By the invariant. The reference is given away.
        let link = unsafe { shim::dma_fence_chain_walk(ManuallyDrop::new(self).as_raw()) };
        // SAFETY: If there is one, the reference to it is the caller's.
        NonNull::new(link).map(|link| unsafe { Self::from_raw(link) })
    }
}

impl Iterator for Members {
    type Item = Fence;

    // Inlined into nova-drm.ko, which has the shim.
    #[inline]
    fn next(&mut self) -> Option<Fence> {
        loop {
            let link = self.link.as_ref()?;
            // SAFETY: The link is initialized. What it contains is, too, and stays as long as the link.
            let member = unsafe {
                let contained = shim::fence_chain_contained(link.as_raw());
                match self.index {
                    0 => shim::dma_fence_array_first(contained),
                    index => shim::dma_fence_array_next(contained, index),
                }
            };
            if let Some(member) = NonNull::new(member) {
                self.index = self.index.saturating_add(1);
                // SAFETY: As above; the link has a reference to it, directly or by the array.
                return Some(unsafe { Fence::get(member) });
            }
            self.index = 0;
            self.link = self.link.take().and_then(Fence::previous_link);
        }
    }
}

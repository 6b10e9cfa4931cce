// SPDX-License-Identifier: GPL-2.0

//! Address spaces and their pages.

use crate::engines::memory::{Access, Aperture, FaultType};

/// The root of an address space: its first page directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Root {
    pub(crate) aperture: Aperture,
    pub(crate) address: u64,
}

/// What a page allows, and how its bytes are arranged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// It cannot be written.
    pub(crate) read_only: bool,
    /// Only privileged accesses reach it.
    pub(crate) privileged: bool,
    /// Atomic accesses are refused.
    pub(crate) atomic_disabled: bool,
    /// It is not cached; nothing in the model is.
    pub(crate) is_volatile: bool,
    /// Its kind. Bytes are in the same order in all kinds: how those for depth and stencil arrange
    /// them is not public.
    pub(crate) kind: u8,
}

/// A page of virtual memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Translation {
    /// The page's first virtual address.
    pub(super) first: u64,
    /// It has `1 << shift` bytes.
    pub(super) shift: u32,
    /// Where it starts; nowhere if it is sparse.
    pub(super) target: Option<(Aperture, u64)>,
    pub(crate) attributes: Attributes,
}

impl Translation {
    /// Bytes of the page.
    pub(crate) fn size(&self) -> u64 {
        1 << self.shift
    }

    /// Whether nothing is there.
    pub(crate) fn is_sparse(&self) -> bool {
        self.target.is_none()
    }

    /// Number of bytes from `va`, which is in the page, to the page's end.
    pub(crate) fn left(&self, va: u64) -> u64 {
        self.size() - (va - self.first)
    }

    /// Where `va`, which is in the page, is; `None` if the page is sparse: it reads as zero, and
    /// writes are dropped.
    pub(crate) fn target(&self, va: u64) -> Option<(Aperture, u64)> {
        self.target
            .map(|(aperture, start)| (aperture, start + (va - self.first)))
    }

    /// Whether the page allows an access. The order of the checks is the model's own.
    pub(crate) fn check(&self, access: Access, is_privileged: bool) -> Result<(), FaultType> {
        let attributes = &self.attributes;
        if attributes.privileged && !is_privileged {
            return Err(FaultType::Privilege);
        }
        match access {
            Access::Write | Access::Atomic if attributes.read_only => Err(FaultType::ReadOnly),
            Access::Atomic if attributes.atomic_disabled => Err(FaultType::Atomic),
            _ => Ok(()),
        }
    }
}

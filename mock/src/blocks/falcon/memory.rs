// SPDX-License-Identifier: GPL-2.0

//! A falcon's memories, and what the hardware keeps about each block of code.

/// The hardware's state of a block of code memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeBlock {
    /// Virtual address in units of blocks.
    pub(crate) tag: u32,
    /// Loaded as secure code.
    pub(crate) secure: bool,
    /// Loaded since the reset.
    pub(crate) valid: bool,
}

/// The memories of a falcon.
pub(crate) struct Memories<'a> {
    pub(crate) code: &'a mut [u8],
    pub(crate) blocks: &'a mut [CodeBlock],
    pub(crate) data: &'a mut [u8],
}

// SPDX-License-Identifier: GPL-2.0

//! What is in a falcon's memories besides bytes, and the memories as those see them who write there.

/// What is known of a block of code memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeBlock {
    /// Virtual address in units of blocks.
    pub(crate) tag: u32,
    /// Loaded as secure code.
    pub(crate) secure: bool,
    /// Loaded at all since the reset.
    pub(crate) valid: bool,
}

/// The memories of a falcon.
pub(crate) struct Memories<'a> {
    pub(crate) code: &'a mut [u8],
    pub(crate) blocks: &'a mut [CodeBlock],
    pub(crate) data: &'a mut [u8],
}

// SPDX-License-Identifier: GPL-2.0

//! What is mapped.

/// Where memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aperture {
    /// In VRAM; addresses count from its start.
    Vram,
    /// In the machine's memory, coherent with the CPU's caches; addresses are bus addresses.
    System,
}

/// Memory without a gap. Its address and its size are multiples of 4 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where it is.
    pub aperture: Aperture,
    /// Its first byte.
    pub address: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// How pages are accessed. By default lines lie one after the other (`PITCH`), and the GPU can write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Kind ([`nova_hw::gmmu::kind`]).
    pub kind: u8,
    /// The GPU cannot write the pages.
    pub read_only: bool,
    /// Work of programs cannot reach the pages: they are for what engines do by themselves.
    pub privileged: bool,
}

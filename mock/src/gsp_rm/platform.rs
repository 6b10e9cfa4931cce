// SPDX-License-Identifier: GPL-2.0

//! What the checks of calls see of the card.

use nova_hw::abi::MemoryDescParams;
use nova_hw::chipset::Architecture;
use nova_hw::release::Release;

use crate::chips::Chip;

/// The chip, the release, and the memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Platform<'a> {
    pub(crate) chip: &'a Chip,
    pub(crate) release: &'static Release,
    /// Bytes of video memory that are the driver's, from address 0 on; what follows is GSP-RM's.
    pub(crate) vram: u64,
}

impl Platform<'_> {
    /// Whether a driver may name this memory: its video memory, or system memory.
    ///
    /// GSP-RM takes any address that is in a parameter, and a wrong one ends in a fault of the
    /// card or in damage to GSP-RM's own memory. The model refuses it instead.
    pub(crate) fn is_memory(&self, address_space: u32, base: u64, size: u64) -> bool {
        let end = base.checked_add(size);
        match address_space {
            MemoryDescParams::VIDEO => end.is_some_and(|end| end <= self.vram),
            MemoryDescParams::SYSTEM => end.is_some(),
            _ => false,
        }
    }

    /// Lowest bit of the addresses by which a page directory is indexed, and its entries.
    ///
    /// Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/mmu/arch/pascal/
    /// kern_gmmu_fmt_gp10x.c and arch/hopper/kern_gmmu_fmt_gh10x.c.
    pub(crate) fn directory(&self) -> (u32, u32) {
        match self.chip.chipset.arch() {
            Architecture::Turing | Architecture::Ampere | Architecture::Ada => (47, 4),
            Architecture::Hopper | Architecture::BlackwellGb10x | Architecture::BlackwellGb20x => {
                (56, 2)
            }
        }
    }
}

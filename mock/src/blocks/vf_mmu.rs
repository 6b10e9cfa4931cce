// SPDX-License-Identifier: GPL-2.0

//! The registers by which a function invalidates the MMU's TLBs.
//!
//! An invalidation is done when the write is. The model has no clients of graphics processing
//! clusters that access memory, so one of the hub's TLBs alone is one of all.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_vm.ref.txt; open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/mmu/arch/turing/kern_gmmu_tu102.c and ampere/kern_gmmu_ga100.c.

use std::ops::Range;

use nova_hw::chipset::Architecture;
use nova_hw::regs::vf_mmu::{MmuInvalidate, MmuInvalidatePdb, MmuInvalidateUpperPdb};

use super::block::{Block, Parts};
use super::wires::{Request, Wires};
use crate::chips::Chip;
use crate::engines::memory::Aperture;
use crate::engines::mmu::{Invalidation, Root};

/// State of the registers.
#[derive(Debug)]
pub(crate) struct VfMmu {
    pdb: MmuInvalidatePdb,
    upper_pdb: MmuInvalidateUpperPdb,
    invalidate: MmuInvalidate,
    /// An invalidation can be about the TLBs of links to other GPUs alone: from GA100 on.
    has_scope: bool,
}

impl VfMmu {
    fn of(chip: &Chip) -> Self {
        Self {
            pdb: MmuInvalidatePdb::new(),
            upper_pdb: MmuInvalidateUpperPdb::new(),
            invalidate: MmuInvalidate::new(),
            has_scope: !matches!(chip.chipset.arch(), Architecture::Turing),
        }
    }

    /// The address space that the registers name.
    fn root(&self) -> Root {
        let page = u64::from(self.upper_pdb.addr()) << 28 | u64::from(self.pdb.addr());
        Root {
            aperture: match self.pdb.aperture_sys_mem() {
                true => Aperture::System,
                false => Aperture::Vram,
            },
            address: page << 12,
        }
    }

    fn start(&self, wires: &mut Wires<'_>) {
        let command = self.invalidate;
        let cancels = command.replay() >= MmuInvalidate::REPLAY_CANCEL_TARGETED;
        let is_link = command.cancel_gpc_id() & 3 == MmuInvalidate::INVAL_SCOPE_LINK_TLBS;
        if self.has_scope && !cancels && is_link {
            return;
        }
        if !command.all_va() {
            // Of the methods of a channel that invalidate, some give an address.
            return wires.refuse("TLB invalidation by address, which no register holds");
        }
        let levels = match command.cache_level() {
            // For a cancellation, the field says which accesses are meant.
            _ if cancels => usize::MAX,
            MmuInvalidate::CACHE_LEVEL_ALL => usize::MAX,
            level => usize::from(level - MmuInvalidate::CACHE_LEVEL_PTE_ONLY),
        };
        let root = (!command.all_pdb()).then(|| self.root());
        wires.ask(Request::InvalidateTlbs(Invalidation { root, levels }));
    }
}

impl Block for VfMmu {
    const RANGES: &'static [Range<u32>] = &[0xb8_3000..0xb8_4000];

    fn new(parts: &Parts) -> Self {
        Self::of(parts.chip)
    }

    fn read(&mut self, _: &mut Wires<'_>, offset: u32) -> Option<u32> {
        match offset {
            MmuInvalidatePdb::OFFSET => Some(self.pdb.into()),
            MmuInvalidateUpperPdb::OFFSET => Some(self.upper_pdb.into()),
            MmuInvalidate::OFFSET => Some(self.invalidate.into()),
            _ => None,
        }
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        match offset {
            MmuInvalidatePdb::OFFSET => self.pdb = value.into(),
            MmuInvalidateUpperPdb::OFFSET => self.upper_pdb = value.into(),
            MmuInvalidate::OFFSET => {
                let command = MmuInvalidate::from(value);
                self.invalidate = command.with_trigger(false);
                if command.trigger() {
                    self.start(wires);
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::Tested;
    use crate::chips::by_name;

    const PDB: u32 = 0xb8_30a0;
    const UPPER_PDB: u32 = 0xb8_30a4;
    const INVALIDATE: u32 = 0xb8_30b0;

    fn vf_mmu(chip: &str) -> Tested<VfMmu> {
        Tested::new(chip, VfMmu::of(by_name(chip).unwrap()))
    }

    /// The invalidation that a command starts.
    fn started(vf_mmu: &mut Tested<VfMmu>, command: u32) -> Option<Invalidation> {
        vf_mmu.write(INVALIDATE, command).unwrap();
        let requests = std::mem::take(&mut vf_mmu.card.requests);
        match requests[..] {
            [Request::InvalidateTlbs(invalidation)] => Some(invalidation),
            [] => None,
            _ => panic!("{requests:?}"),
        }
    }

    #[test]
    fn one_address_space_is_invalidated() {
        let mut vf_mmu = vf_mmu("ga102");
        let mut root = |pdb, upper| {
            vf_mmu.write(PDB, pdb).unwrap();
            vf_mmu.write(UPPER_PDB, upper).unwrap();
            started(&mut vf_mmu, 0x8000_0001).unwrap().root.unwrap()
        };
        let at = |aperture, address| Root { aperture, address };
        assert_eq!(root(0x0012_3450, 0), at(Aperture::Vram, 0x1234_5000));
        let high = at(Aperture::System, 0xff_ff80_0000_1000);
        assert_eq!(root(0x8000_0012, 0xffff), high);
    }

    #[test]
    fn all_address_spaces_are_invalidated() {
        let mut vf_mmu = vf_mmu("ga102");
        // As nouveau and NVIDIA's driver do for BAR2.
        let invalidation = started(&mut vf_mmu, 0x8000_0007);
        assert_eq!(invalidation, Some(Invalidation::ALL));
        assert_eq!(vf_mmu.read(INVALIDATE), Some(7), "it is done");
    }

    #[test]
    fn levels_are_counted_from_the_page_tables() {
        let mut vf_mmu = vf_mmu("tu102");
        for (level, levels) in [(0, usize::MAX), (1, 0), (2, 1), (7, 6)] {
            let invalidation = started(&mut vf_mmu, 0x8000_0003 | level << 24).unwrap();
            assert_eq!(invalidation.levels, levels);
        }
        // A cancellation of faults means something else by it.
        let invalidation = started(&mut vf_mmu, 0x8000_0003 | 4 << 3 | 1 << 24);
        assert_eq!(invalidation, Some(Invalidation::ALL));
    }

    #[test]
    fn links_have_tlbs_of_their_own_from_ga100_on() {
        let links = 0x8000_0003 | 1 << 15;
        assert_eq!(started(&mut vf_mmu("ga100"), links), None);
        assert!(started(&mut vf_mmu("tu102"), links).is_some());
        let others = 0x8000_0003 | 2 << 15;
        assert!(started(&mut vf_mmu("ga100"), others).is_some());
        let cancels = links | 3 << 3;
        assert!(started(&mut vf_mmu("ga100"), cancels).is_some());
    }

    #[test]
    fn nothing_happens_without_a_trigger_or_an_address() {
        let mut vf_mmu = vf_mmu("gb202");
        assert_eq!(started(&mut vf_mmu, 3), None);
        assert!(vf_mmu.card.trace.refusals().is_empty());
        assert_eq!(started(&mut vf_mmu, 0x8000_0002), None);
        assert_eq!(vf_mmu.card.trace.refusals().len(), 1);
        assert_eq!(vf_mmu.read(0xb8_30a8), None);
        assert_eq!(vf_mmu.write(0xb8_30a8, 0), None);
    }
}

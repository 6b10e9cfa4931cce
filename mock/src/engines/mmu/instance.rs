// SPDX-License-Identifier: GPL-2.0

//! The address space that an instance block names.

use nova_hw::gmmu::instance::{PageDirBase, Target, PAGE_DIR_BASE};

use super::page::Root;
use crate::engines::memory::{Aperture, FaultType};
use crate::engines::physical::Physical;

/// The root of the address space of the instance block at `address`.
///
/// The chips have neither the page tables of version 1 nor big pages of 128 KiB: choosing them
/// leaves the engine unbound, as choosing no root does. A limit of the address space is not read,
/// since the block has none from Volta on (open-gpu-doc, manuals/turing/tu104/dev_ram.ref.txt).
pub(crate) fn root(
    physical: &Physical<'_>,
    aperture: Aperture,
    address: u64,
) -> Result<Root, FaultType> {
    let at = address
        .checked_add(PAGE_DIR_BASE)
        .ok_or(FaultType::Region)?;
    let mut bytes = [0; 8];
    physical.read(aperture, at, &mut bytes)?;
    let base = PageDirBase::from(u64::from_le_bytes(bytes));
    let aperture = match base.target() {
        Target::VidMem => Aperture::Vram,
        Target::SysMemCoherent | Target::SysMemNoncoherent => Aperture::System,
        Target::Invalid => return Err(FaultType::UnboundInstance),
    };
    match base.use_ver2_pt_format() && base.big_page_size_64kb() {
        true => Ok(Root {
            aperture,
            address: base.address(),
        }),
        false => Err(FaultType::UnboundInstance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::mmu::testing::Machine;

    /// The root of an instance block with this value at offset 0x200.
    fn root_of(base: u64) -> Result<Root, FaultType> {
        let mut machine = Machine::with_vram(0x10_0000);
        machine.vram.write(0x3200, &base.to_le_bytes());
        root(&machine.physical(), Aperture::Vram, 0x3000)
    }

    #[test]
    fn the_target_says_where_the_root_is() {
        let at = |aperture, address| Ok(Root { aperture, address });
        assert_eq!(root_of(0x1234_5c00), at(Aperture::Vram, 0x1234_5000));
        assert_eq!(root_of(0x1234_5c06), at(Aperture::System, 0x1234_5000));
        assert_eq!(root_of(0x1234_5c03), at(Aperture::System, 0x1234_5000));
        let high = 0xffff_ffff_ffff_fc30;
        assert_eq!(root_of(high), at(Aperture::Vram, high & !0xfff));
    }

    #[test]
    fn what_the_chips_do_not_have_is_unbound() {
        // No target, the old format, and big pages of 128 KiB.
        for base in [0xc01, 0x800, 0x400, 0] {
            assert_eq!(root_of(base), Err(FaultType::UnboundInstance));
        }
    }

    #[test]
    fn the_block_can_be_out_of_reach() {
        let mut machine = Machine::with_vram(0x10_0000);
        for address in [0x10_0000, u64::MAX - 0xfff, u64::MAX] {
            let root = root(&machine.physical(), Aperture::Vram, address);
            assert_eq!(root, Err(FaultType::Region));
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Page tables for tests of channels, written into the card's frame buffer from behind: the first
//! 512 MiB of VRAM at the same addresses, and 512 MiB of system memory from the first bus address of
//! an allocation on.

use nova_hw::gmmu::{kind, ver2, ver3, Format, PdeAperture, PteAperture, Version};
use nova_mock::in_process::Arena;
use nova_mock::Gpu;

/// The tables: bytes, from an address in VRAM on.
pub(crate) const SIZE: u64 = 8 * TABLE;

/// An address at which nothing is mapped.
pub(crate) const NOWHERE: u64 = 0x5000_0000;

const TABLE: u64 = 0x1000;

/// Where system memory begins, and its index in a directory whose entries are for 512 MiB.
const SYSTEM: u64 = 0x1_0000_0000;
const SYSTEM_INDEX: u64 = SYSTEM >> 29;

/// Writes the tables to `at`; returns the number of entries of the root, which is there.
pub(crate) fn write(card: &mut Gpu<Arena>, at: u64) -> u32 {
    let format = Format::of(card.chip().chipset.arch());
    let above = format.directories.len() as u64 - 1;
    let table = |index: u64| at + index * TABLE;
    card.vram_mut().write(at, &[0; SIZE as usize]);
    let mut link = |from: u64, entry: u64, to: u64| {
        let pde = pde(format.version, table(to)).to_le_bytes();
        card.vram_mut().write(table(from) + entry * 8, &pde);
    };
    for level in 1..above {
        link(level - 1, 0, level);
    }
    link(above - 1, 0, above);
    link(above - 1, SYSTEM_INDEX, above + 1);
    for page in 0..256 {
        let offset = page << 21;
        for (table_index, aperture, address) in [
            (above, PteAperture::VideoMemory, offset),
            (
                above + 1,
                PteAperture::SystemCoherentMemory,
                SYSTEM + offset,
            ),
        ] {
            let pte = pte(format.version, aperture, address).to_le_bytes();
            card.vram_mut().write(table(table_index) + page * 16, &pte);
        }
    }
    1 << format.directories[0].bits
}

fn pde(version: Version, table: u64) -> u64 {
    let (aperture, page) = (PdeAperture::VideoMemory, table >> 12);
    match version {
        Version::Ver2 => ver2::Pde::new()
            .with_aperture(aperture)
            .with_page(page)
            .into(),
        Version::Ver3 => ver3::Pde::new()
            .with_aperture(aperture)
            .with_page(page)
            .into(),
    }
}

fn pte(version: Version, aperture: PteAperture, address: u64) -> u64 {
    let page = address >> 12;
    match (version, aperture) {
        (Version::Ver2, PteAperture::VideoMemory) => ver2::Pte::new()
            .with_valid(true)
            .with_aperture(aperture)
            .with_vid_page(page as u32)
            .with_kind(kind::GENERIC_MEMORY)
            .into(),
        (Version::Ver2, _) => ver2::Pte::new()
            .with_valid(true)
            .with_aperture(aperture)
            .with_sys_page(page)
            .with_kind(kind::GENERIC_MEMORY)
            .into(),
        (Version::Ver3, _) => ver3::Pte::new()
            .with_valid(true)
            .with_aperture(aperture)
            .with_kind(kind::GENERIC_MEMORY)
            .with_page(page)
            .into(),
    }
}

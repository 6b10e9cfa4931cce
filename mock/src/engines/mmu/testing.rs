// SPDX-License-Identifier: GPL-2.0

//! Memory with page tables in it, for tests.

use std::ops::Range;

use nova_hw::gmmu::instance::{PageDirBase, Target, PAGE_DIR_BASE};
use nova_hw::gmmu::{kind, ver2, ver3, Format, Level, PdeAperture, PteAperture, Version};

use super::page::Root;
use crate::engines::memory::Aperture;
use crate::engines::physical::Physical;
use crate::machine::in_process::Arena;
use crate::vram::Vram;

/// A card's memory, and its machine's.
pub(crate) struct Machine {
    pub(crate) vram: Vram,
    pub(crate) system: Arena,
    pub(crate) is_bus_master: bool,
    pub(crate) protected: Option<Range<u64>>,
}

impl Machine {
    /// A machine whose card has `size` bytes of frame buffer.
    pub(crate) fn with_vram(size: u64) -> Self {
        Self {
            vram: Vram::in_process(size),
            system: Arena::new(),
            is_bus_master: true,
            protected: None,
        }
    }

    pub(crate) fn physical(&mut self) -> Physical<'_> {
        Physical {
            vram: &mut self.vram,
            system: &mut self.system,
            is_bus_master: self.is_bus_master,
            protected: self.protected.clone(),
        }
    }
}

/// A page that a test maps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    pub(crate) aperture: PteAperture,
    pub(crate) address: u64,
    pub(crate) read_only: bool,
    pub(crate) privileged: bool,
    pub(crate) atomic_disabled: bool,
    pub(crate) kind: u8,
}

impl Mapping {
    fn new(aperture: PteAperture, address: u64) -> Self {
        Self {
            aperture,
            address,
            read_only: false,
            privileged: false,
            atomic_disabled: false,
            kind: kind::GENERIC_MEMORY,
        }
    }

    /// A page in the frame buffer that allows everything.
    pub(crate) fn vram(address: u64) -> Self {
        Self::new(PteAperture::VideoMemory, address)
    }

    /// The same in the machine's memory.
    pub(crate) fn system(address: u64) -> Self {
        Self::new(PteAperture::SystemCoherentMemory, address)
    }

    /// The entry that maps it.
    pub(crate) fn entry(&self, version: Version) -> u64 {
        match version {
            Version::Ver2 => {
                let entry = ver2::Pte::new()
                    .with_valid(true)
                    .with_aperture(self.aperture)
                    .with_privilege(self.privileged)
                    .with_read_only(self.read_only)
                    .with_atomic_disable(self.atomic_disabled)
                    .with_kind(self.kind);
                let page = self.address >> 12;
                match self.aperture {
                    PteAperture::VideoMemory | PteAperture::PeerMemory => {
                        entry.with_vid_page(page as u32)
                    }
                    _ => entry.with_sys_page(page),
                }
                .into()
            }
            Version::Ver3 => ver3::Pte::new()
                .with_valid(true)
                .with_aperture(self.aperture)
                .with_pcf(
                    ver3::PtePcf::new()
                        .with_privilege(self.privileged)
                        .with_read_only(self.read_only)
                        .with_no_atomic(self.atomic_disabled),
                )
                .with_kind(self.kind)
                .with_page(self.address >> 12)
                .into(),
        }
    }
}

/// An entry that makes its page or directory sparse.
pub(crate) fn sparse(version: Version) -> u64 {
    match version {
        Version::Ver2 => ver2::Pte::new().with_vol(true).into(),
        Version::Ver3 => ver3::Pte::new().with_pcf(ver3::PtePcf::SPARSE).into(),
    }
}

/// An entry of a table of big pages that hides small pages.
pub(crate) fn no_small_pages(version: Version) -> u64 {
    match version {
        Version::Ver2 => ver2::Pte::new().with_privilege(true).into(),
        Version::Ver3 => ver3::Pte::new()
            .with_pcf(ver3::PtePcf::NO_VALID_4KB_PAGE)
            .into(),
    }
}

/// Page tables that a test builds. It makes the tables that an entry needs when the entry is
/// written.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) format: &'static Format,
    pub(crate) root: Root,
    /// Where the next table goes, in the aperture of the root.
    next: u64,
}

impl Tables {
    /// Tables from `first` on, which is aligned to 4 KiB, in memory that is zero.
    pub(crate) fn new(format: &'static Format, aperture: Aperture, first: u64) -> Self {
        Self {
            format,
            root: Root {
                aperture,
                address: first,
            },
            next: first + Format::TABLE_ALIGN,
        }
    }

    /// Writes an instance block that names these tables.
    pub(crate) fn bind(&self, physical: &mut Physical<'_>, aperture: Aperture, instance: u64) {
        let base = PageDirBase::new()
            .with_target(match self.root.aperture {
                Aperture::Vram => Target::VidMem,
                Aperture::System => Target::SysMemCoherent,
            })
            .with_use_ver2_pt_format(true)
            .with_big_page_size_64kb(true)
            .with_page(self.root.address >> 12);
        let bytes = u64::from(base).to_le_bytes();
        physical
            .write(aperture, instance + PAGE_DIR_BASE, &bytes)
            .unwrap();
    }

    /// Maps the page of `1 << shift` bytes at `va`.
    pub(crate) fn map(&mut self, physical: &mut Physical<'_>, va: u64, shift: u32, to: Mapping) {
        let entry = to.entry(self.format.version);
        self.write(physical, va, shift, entry.into());
    }

    /// Writes the entry for `va` at the level whose entries are for `1 << shift` bytes.
    pub(crate) fn write(&mut self, physical: &mut Physical<'_>, va: u64, shift: u32, entry: u128) {
        let (address, size) = self.entry(physical, va, shift);
        let bytes = entry.to_le_bytes();
        physical
            .write(self.root.aperture, address, &bytes[..size])
            .unwrap();
    }

    /// Address and size of that entry, in the aperture of the root.
    pub(crate) fn entry(
        &mut self,
        physical: &mut Physical<'_>,
        va: u64,
        shift: u32,
    ) -> (u64, usize) {
        let slot = |table, level: &Level| {
            let index = va >> level.shift & ((1 << level.bits) - 1);
            (table + index * level.entry_size, level.entry_size as usize)
        };
        let mut table = self.root.address;
        for level in self.format.directories {
            let here = slot(table, level);
            if level.shift == shift {
                return here;
            }
            table = self.below(physical, here, shift == self.format.big.shift);
        }
        match shift == self.format.big.shift {
            true => slot(table, &self.format.big),
            false => slot(table, &self.format.small),
        }
    }

    /// The table below a directory's entry; makes it if there is none. Of the two tables below an
    /// entry of PD0, that of big pages is at 256 bytes into a page, to try their alignment.
    fn below(
        &mut self,
        physical: &mut Physical<'_>,
        (address, size): (u64, usize),
        is_big: bool,
    ) -> u64 {
        let aperture = match self.root.aperture {
            Aperture::Vram => PdeAperture::VideoMemory,
            Aperture::System => PdeAperture::SystemCoherentMemory,
        };
        let mut bytes = [0; 16];
        physical
            .read(self.root.aperture, address, &mut bytes[..size])
            .unwrap();
        let old = u128::from_le_bytes(bytes);
        let page = self.next >> 12;
        let unit = (self.next >> 8) + 1;
        let (there, new) = match (self.format.version, size, is_big) {
            (Version::Ver2, 8, _) => {
                let pde = ver2::Pde::from(old as u64);
                let new = pde.with_aperture(aperture).with_page(page);
                let there = (pde.aperture(), pde.address());
                (there, u64::from(new).into())
            }
            (Version::Ver3, 8, _) => {
                let pde = ver3::Pde::from(old as u64);
                let new = pde.with_aperture(aperture).with_page(page);
                let there = (pde.aperture(), pde.address());
                (there, u64::from(new).into())
            }
            (Version::Ver2, _, true) => {
                let pde = ver2::DualPde::from(old);
                let new = pde.with_aperture_big(aperture).with_unit_big(unit);
                ((pde.aperture_big(), pde.address_big()), new.into())
            }
            (Version::Ver2, _, false) => {
                let pde = ver2::DualPde::from(old);
                let new = pde.with_aperture_small(aperture).with_page_small(page);
                ((pde.aperture_small(), pde.address_small()), new.into())
            }
            (Version::Ver3, _, true) => {
                let pde = ver3::DualPde::from(old);
                let new = pde.with_aperture_big(aperture).with_unit_big(unit);
                ((pde.aperture_big(), pde.address_big()), new.into())
            }
            (Version::Ver3, _, false) => {
                let pde = ver3::DualPde::from(old);
                let new = pde.with_aperture_small(aperture).with_page_small(page);
                ((pde.aperture_small(), pde.address_small()), new.into())
            }
        };
        if there.0 != PdeAperture::Invalid {
            return there.1;
        }
        let bytes = u128::to_le_bytes(new);
        physical
            .write(self.root.aperture, address, &bytes[..size])
            .unwrap();
        self.next += Format::TABLE_ALIGN;
        match size == 16 && is_big {
            true => unit << 8,
            false => page << 12,
        }
    }
}

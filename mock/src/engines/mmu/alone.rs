// SPDX-License-Identifier: GPL-2.0

//! The MMU without a card around it, for tests of a driver's page tables.

use nova_hw::chipset::Architecture;

use super::{Invalidation, Mmu, Root, TlbMode};
use crate::bus::machine::{GuestMemory, Unmapped};
use crate::engines::memory::{Aperture, FaultType};
use crate::engines::physical::Physical;
use crate::vram::Vram;

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the frame buffer.
    Vram(u64),
    /// In the machine's memory.
    System(u64),
    /// Nowhere: it is sparse.
    Sparse,
}

/// What the page of an address says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translated {
    /// Where it is.
    pub place: Place,
    /// Bytes from it to the end of its page.
    pub left: u64,
    /// It cannot be written.
    pub read_only: bool,
    /// It is for privileged accesses only.
    pub privileged: bool,
    /// It refuses atomic accesses.
    pub atomic_disabled: bool,
    /// It is not cached.
    pub is_volatile: bool,
    /// The page's kind.
    pub kind: u8,
}

/// The number of a fault's type, `NV_PFAULT_FAULT_TYPE_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultNumber(pub u8);

impl FaultNumber {
    /// An entry of a directory is invalid.
    pub const PDE: Self = Self(FaultType::Pde as u8);
    /// An entry of a page table is invalid.
    pub const PTE: Self = Self(FaultType::Pte as u8);
    /// The address is above the limit of the address space.
    pub const VA_LIMIT: Self = Self(FaultType::VaLimit as u8);
}

/// An MMU, and a frame buffer with page tables.
#[derive(Debug)]
pub struct MmuAlone {
    /// With TLBs that keep what hardware might keep.
    strict: Mmu,
    /// Without TLBs.
    lax: Mmu,
    vram: Vram,
}

impl MmuAlone {
    /// The MMU of a chip, and a frame buffer of `size` bytes.
    pub fn new(arch: Architecture, size: u64) -> Self {
        Self {
            strict: Mmu::new(arch, TlbMode::Strict),
            lax: Mmu::new(arch, TlbMode::Lax),
            vram: Vram::in_process(size),
        }
    }

    /// The frame buffer.
    pub fn vram(&mut self) -> &mut Vram {
        &mut self.vram
    }

    /// Translates an address, by the TLBs where they know it.
    pub fn translate(&mut self, root: u64, va: u64) -> Result<Translated, FaultNumber> {
        look(&mut self.strict, &mut self.vram, root, va)
    }

    /// Translates an address by what is in the frame buffer alone.
    pub fn walk(&mut self, root: u64, va: u64) -> Result<Translated, FaultNumber> {
        look(&mut self.lax, &mut self.vram, root, va)
    }

    /// Drops what the TLBs know.
    pub fn invalidate(&mut self) {
        self.strict.invalidate(Invalidation::ALL);
    }
}

/// A machine without memory: page tables are in the frame buffer.
struct NoMachine;

impl GuestMemory for NoMachine {
    fn read(&self, addr: u64, _: &mut [u8]) -> Result<(), Unmapped> {
        Err(Unmapped { addr })
    }

    fn write(&mut self, addr: u64, _: &[u8]) -> Result<(), Unmapped> {
        Err(Unmapped { addr })
    }
}

fn look(mmu: &mut Mmu, vram: &mut Vram, root: u64, va: u64) -> Result<Translated, FaultNumber> {
    let physical = Physical {
        vram,
        system: &mut NoMachine,
        is_bus_master: true,
        protected: None,
    };
    let root = Root {
        aperture: Aperture::Vram,
        address: root,
    };
    let page = mmu.translate(&physical, root, va);
    let page = page.map_err(|fault| FaultNumber(fault as u8))?;
    let attributes = page.attributes;
    Ok(Translated {
        place: match page.target(va) {
            Some((Aperture::Vram, at)) => Place::Vram(at),
            Some((Aperture::System, at)) => Place::System(at),
            None => Place::Sparse,
        },
        left: page.left(va),
        read_only: attributes.read_only,
        privileged: attributes.privileged,
        atomic_disabled: attributes.atomic_disabled,
        is_volatile: attributes.is_volatile,
        kind: attributes.kind,
    })
}

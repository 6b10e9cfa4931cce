// SPDX-License-Identifier: GPL-2.0

//! The MMU: translates the addresses of a channel's work.
//!
//! Not modelled: replay of faults, the fault buffers, address translation services (ATS), other
//! GPUs' memory, compression, the order of bytes that a kind of pages has, and caches. What follows
//! from the page tables alone is all here.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_mmu.ref.txt, dev_ram.ref.txt, dev_vm.ref.txt and
//! dev_fault.ref.txt; where these say nothing, the place in the code names another source, or that
//! it is the model's own choice.

use nova_hw::chipset::Architecture;
use nova_hw::gmmu::Format;

use super::memory::FaultType;
use super::physical::Physical;
use tlb::Tlb;

pub(crate) mod alone;
mod entry;
pub(crate) mod instance;
mod page;
pub(crate) mod space;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod testing;
mod tlb;
mod walk;

pub(crate) use page::{Root, Translation};
pub(crate) use tlb::{Invalidation, TlbMode};

#[cfg(test)]
mod tests;

/// State of the MMU.
#[derive(Debug)]
pub(crate) struct Mmu {
    format: &'static Format,
    tlb: Tlb,
}

impl Mmu {
    /// The MMU of a chip, with empty TLBs.
    pub(crate) fn new(arch: Architecture, mode: TlbMode) -> Self {
        let format = Format::of(arch);
        Self {
            format,
            tlb: Tlb::new(format, mode),
        }
    }

    /// Changes how the TLBs work, and empties them.
    pub(crate) fn set_mode(&mut self, mode: TlbMode) {
        self.tlb = Tlb::new(self.format, mode);
    }

    /// The page at a virtual address.
    pub(crate) fn translate(
        &mut self,
        physical: &Physical<'_>,
        root: Root,
        va: u64,
    ) -> Result<Translation, FaultType> {
        if let Some(found) = self.tlb.find(root, va) {
            return found.page;
        }
        let mut source = Cached {
            physical,
            tlb: &mut self.tlb,
            root,
            va,
        };
        let found = walk::walk(self.format, &mut source, root, va)?;
        self.tlb.keep(root, va, found);
        found.page
    }

    /// Drops translations.
    pub(crate) fn invalidate(&mut self, what: Invalidation) {
        self.tlb.invalidate(what);
    }
}

/// Entries of page tables, from the TLBs or from memory.
struct Cached<'a, 'm> {
    physical: &'a Physical<'m>,
    tlb: &'a mut Tlb,
    root: Root,
    va: u64,
}

impl walk::Source for Cached<'_, '_> {
    fn read(&mut self, slot: &walk::Slot) -> Result<u128, FaultType> {
        if let Some(entry) = self.tlb.find_entry(self.root, self.va, slot) {
            return Ok(entry);
        }
        let mut bytes = [0; 16];
        let into = &mut bytes[..slot.size];
        self.physical.read(slot.aperture, slot.address, into)?;
        Ok(u128::from_le_bytes(bytes))
    }

    fn keep(&mut self, slot: &walk::Slot, entry: u128) {
        self.tlb.keep_entry(self.root, self.va, slot, entry);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! PCI configuration space, also readable through BAR0.
//!
//! Source: PCI Express base specification 4.0, chapter 7; the places of the capabilities are those
//! of GeForce cards as `lspci` shows them.

use crate::chips::Chip;

/// Where the mirror of the configuration space starts in BAR0.
///
/// Source: Linux 7.3, drivers/gpu/nova-core/gpu/hal/tu102.rs and gh100.rs; open-gpu-kernel-modules
/// 570, src/common/inc/swref/published/hopper/gh100/dev_xtl_ep_pri.h.
pub const fn mirror_base(chip: &Chip) -> u32 {
    match chip.boots_through_fsp() {
        true => 0x09_2000,
        false => 0x08_8000,
    }
}

/// Bytes of configuration space, extended part included.
pub const SIZE: usize = 4096;

/// A base address register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Number of the (first) register.
    pub index: usize,
    /// Bytes that it decodes.
    pub size: u64,
    /// Two registers wide.
    pub is_64bit: bool,
    /// May be prefetched.
    pub is_prefetchable: bool,
}

/// The card's memory windows: registers, frame buffer, instance memory.
pub const BARS: [Bar; 3] = [
    Bar {
        index: 0,
        size: 16 << 20,
        is_64bit: false,
        is_prefetchable: false,
    },
    Bar {
        index: 1,
        size: 256 << 20,
        is_64bit: true,
        is_prefetchable: true,
    },
    Bar {
        index: 3,
        size: 32 << 20,
        is_64bit: true,
        is_prefetchable: true,
    },
];

const COMMAND: usize = 0x04;
const COMMAND_MEMORY: u8 = 1 << 1;
const COMMAND_BUS_MASTER: u8 = 1 << 2;
const FIRST_BAR: usize = 0x10;
const CAPABILITY_POINTER: usize = 0x34;
const PM: usize = 0x60;
const MSI: usize = 0x68;
const MSI_CONTROL: usize = MSI + 2;
const PCIE: usize = 0x78;
const PCIE_DEVICE_CONTROL: usize = PCIE + 8;

/// Initiate function level reset, in the high byte of the device control register.
const DEVICE_CONTROL_FLR: u8 = 1 << 7;

/// What a write to configuration space asks for besides changing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// A function level reset.
    Reset,
}

/// The configuration space.
#[derive(Clone, Debug)]
pub struct ConfigSpace {
    bytes: Box<[u8; SIZE]>,
    writable: Box<[u8; SIZE]>,
}

impl ConfigSpace {
    /// The configuration space of `chip` after a reset.
    pub fn new(chip: &Chip) -> Self {
        let mut space = Self {
            bytes: Box::new([0; SIZE]),
            writable: Box::new([0; SIZE]),
        };
        space.identify(chip);
        for bar in BARS {
            space.add_bar(bar);
        }
        space.add_capabilities();
        space
    }

    fn identify(&mut self, chip: &Chip) {
        self.put(0x00, &chip.vendor_id.to_le_bytes());
        self.put(0x02, &chip.device_id.to_le_bytes());
        self.allow(COMMAND, &[0x47, 0x05]);
        // Status: has capabilities.
        self.put(0x06, &[0x10, 0x00]);
        self.put(0x08, &[chip.pci_revision]);
        // Class: display controller.
        self.put(0x09, &[0x00, chip.pci_subclass, 0x03]);
        self.allow(0x0c, &[0xff]);
        self.put(0x2c, &chip.subsystem_vendor_id.to_le_bytes());
        self.put(0x2e, &chip.subsystem_id.to_le_bytes());
        self.put(CAPABILITY_POINTER, &[PM as u8]);
        self.allow(0x3c, &[0xff]);
        // Interrupt pin A.
        self.put(0x3d, &[0x01]);
    }

    fn add_bar(&mut self, bar: Bar) {
        let at = FIRST_BAR + 4 * bar.index;
        let flags = u8::from(bar.is_64bit) << 2 | u8::from(bar.is_prefetchable) << 3;
        let address = !(bar.size - 1);
        self.put(at, &[flags]);
        self.allow(at, &(address as u32).to_le_bytes());
        if bar.is_64bit {
            self.allow(at + 4, &((address >> 32) as u32).to_le_bytes());
        }
    }

    fn add_capabilities(&mut self) {
        // Power management version 3; D0 and D3hot.
        self.put(PM, &[0x01, MSI as u8, 0x03, 0x00, 0x08, 0x00]);
        self.allow(PM + 4, &[0x03]);
        // One vector, 64-bit address.
        self.put(MSI, &[0x05, PCIE as u8, 0x80, 0x00]);
        self.allow(MSI_CONTROL, &[0x71]);
        self.allow(
            MSI + 4,
            &[0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        );
        // PCIe endpoint version 2 that can be reset by function; 256 bytes of payload.
        self.put(PCIE, &[0x10, 0x00, 0x02, 0x00]);
        self.put(PCIE + 4, &0x1000_8fe1_u32.to_le_bytes());
        self.put(PCIE_DEVICE_CONTROL, &[0x30, 0x29]);
        self.allow(PCIE_DEVICE_CONTROL, &[0xff, 0x7f]);
        // Link: 16 lanes of 16 GT/s, and running so.
        self.put(PCIE + 12, &0x0045_3d04_u32.to_le_bytes());
        self.allow(PCIE + 16, &[0xff, 0x0f]);
        self.put(PCIE + 18, &[0x04, 0x11]);
        self.put(PCIE + 0x2c, &0x0180_001e_u32.to_le_bytes());
        self.put(PCIE + 0x30, &[0x04, 0x00]);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn allow(&mut self, at: usize, mask: &[u8]) {
        self.writable[at..at + mask.len()].copy_from_slice(mask);
    }

    /// Reads from byte `offset`; all ones outside.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        into.fill(0xff);
        let from = self.bytes.get(offset..).unwrap_or_default();
        for (byte, from) in into.iter_mut().zip(from) {
            *byte = *from;
        }
    }

    /// Reads the aligned 32-bit word at `offset`.
    pub fn read_u32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// Writes to byte `offset`; bits that are read-only keep their value.
    pub fn write(&mut self, offset: usize, from: &[u8]) -> Effect {
        let mut effect = Effect::None;
        for (at, &byte) in (offset.min(SIZE)..SIZE).zip(from) {
            let mask = self.writable[at];
            self.bytes[at] = self.bytes[at] & !mask | byte & mask;
            if at == PCIE_DEVICE_CONTROL + 1 && byte & DEVICE_CONTROL_FLR != 0 {
                effect = Effect::Reset;
            }
        }
        effect
    }

    /// Address that the BAR at `index` of [`BARS`] decodes.
    pub fn bar_address(&self, index: usize) -> u64 {
        let Some(bar) = BARS.get(index) else {
            return 0;
        };
        let at = FIRST_BAR + 4 * bar.index;
        let low = u64::from(self.read_u32(at) & !0xf);
        match bar.is_64bit {
            true => low | u64::from(self.read_u32(at + 4)) << 32,
            false => low,
        }
    }

    /// May the card read and write the machine's memory?
    pub fn is_bus_master(&self) -> bool {
        self.bytes[COMMAND] & COMMAND_BUS_MASTER != 0
    }

    /// Lets the card read and write the machine's memory, or not.
    pub fn set_bus_master(&mut self, on: bool) {
        let master = if on { COMMAND_BUS_MASTER } else { 0 };
        let command = self.bytes[COMMAND] & !COMMAND_BUS_MASTER | master;
        self.write(COMMAND, &[command]);
    }

    /// Enumerates as a machine would: memory at `addresses`, in the order of [`BARS`].
    pub fn enumerate(&mut self, addresses: [u64; BARS.len()]) {
        for (bar, address) in BARS.iter().zip(addresses) {
            let at = FIRST_BAR + 4 * bar.index;
            self.write(at, &(address as u32).to_le_bytes());
            if bar.is_64bit {
                self.write(at + 4, &((address >> 32) as u32).to_le_bytes());
            }
        }
        self.write(COMMAND, &[COMMAND_MEMORY]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::CHIPS;

    fn space() -> ConfigSpace {
        ConfigSpace::new(&CHIPS[0])
    }

    #[test]
    fn capabilities_form_a_list_that_ends() {
        let space = space();
        let mut found = Vec::new();
        let mut at = usize::from(space.bytes[CAPABILITY_POINTER]);
        while at != 0 && found.len() < 10 {
            found.push(space.bytes[at]);
            at = usize::from(space.bytes[at + 1]);
        }
        assert_eq!(found, [0x01, 0x05, 0x10]);
    }

    #[test]
    fn bars_tell_their_size_and_keep_their_address() {
        let mut space = space();
        space.write(0x10, &[0xff; 20]);
        assert_eq!(space.read_u32(0x10), 0xff00_0000);
        assert_eq!(space.read_u32(0x14), 0xf000_000c);
        assert_eq!(space.read_u32(0x18), 0xffff_ffff);
        assert_eq!(space.read_u32(0x1c), 0xfe00_000c);
        assert_eq!(space.read_u32(0x20), 0xffff_ffff);

        let addresses = [0xf000_0000, 0x40_0000_0000, 0x40_1000_0000];
        space.enumerate(addresses);
        assert_eq!([0, 1, 2].map(|bar| space.bar_address(bar)), addresses);
        assert!(!space.is_bus_master());
        space.set_bus_master(true);
        assert!(space.is_bus_master());
    }

    #[test]
    fn identity_cannot_be_written() {
        let mut space = space();
        let before = space.read_u32(0);
        assert_eq!(space.write(0, &[0xff; 4]), Effect::None);
        assert_eq!(space.read_u32(0), before);
    }

    #[test]
    fn function_level_reset_is_asked_for_and_does_not_stick() {
        let mut space = space();
        assert_eq!(
            space.write(PCIE_DEVICE_CONTROL, &[0x30, 0xa9]),
            Effect::Reset
        );
        assert_eq!(space.bytes[PCIE_DEVICE_CONTROL + 1], 0x29);
    }

    #[test]
    fn outside_is_all_ones() {
        let mut bytes = [0; 4];
        space().read(SIZE - 2, &mut bytes);
        assert_eq!(bytes, [0, 0, 0xff, 0xff]);
        assert_eq!(space().write(usize::MAX, &[1, 2]), Effect::None);
    }
}

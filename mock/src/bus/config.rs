// SPDX-License-Identifier: GPL-2.0

//! PCI configuration space, also readable through BAR0.
//!
//! Source: PCI Express base specification 4.0, chapter 7. The offsets of the capabilities and the
//! BARs are those that `lspci -vvv` shows of real cards: Quadro RTX 8000 and RTX 4090 (issues 480
//! and 504 of geerlingguy/raspberry-pi-pcie-devices), Tesla T4 (issue 434 of cloud-hypervisor), H20
//! (issue 128 of NVIDIA/nvtrust), RTX 5090 (issue 15 of aikitoria/open-gpu-kernel-modules); and
//! those of an H200 (docs/real-cards.md). The MSI-X of Hopper and later is not modelled.

use nova_hw::chipset::Architecture;

use crate::chips::Chip;

/// The trace's text for an access to the machine's memory without bus mastering.
pub(crate) const NO_BUS_MASTER: &str = "DMA while the card is no bus master";

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
    /// Number of its register, or of the first of two.
    pub index: usize,
    /// Bytes that it decodes.
    pub size: u64,
    /// Two registers wide.
    pub is_64bit: bool,
    /// May be prefetched.
    pub is_prefetchable: bool,
}

impl Bar {
    const fn new(index: usize, size: u64, is_64bit: bool) -> Self {
        Self {
            index,
            size,
            is_64bit,
            // BARs of 32 bits show registers only.
            is_prefetchable: is_64bit,
        }
    }
}

/// Number of memory windows.
pub const BAR_COUNT: usize = 3;

/// The smallest BAR that a card may have for its frame buffer, as PCI Express has it for resizable
/// BARs (section 7.8.6.2).
pub const BAR1_MIN: u64 = 1 << 20;

/// The card's memory windows as it is sold: registers, frame buffer, instance memory.
///
/// Source: as above; that BAR0 of GB100 has 64 bits is in open-gpu-kernel-modules 570,
/// src/common/inc/swref/published/blackwell/gb100/dev_pcfg_pf0.h, and its size is GB202's.
pub const fn bars(chip: &Chip) -> [Bar; BAR_COUNT] {
    let (registers, is_64bit) = match chip.chipset.arch() {
        Architecture::Turing | Architecture::Ampere | Architecture::Ada => (16 << 20, false),
        Architecture::Hopper => (16 << 20, true),
        Architecture::BlackwellGb10x => (64 << 20, true),
        Architecture::BlackwellGb20x => (64 << 20, false),
    };
    let second = if is_64bit { 2 } else { 1 };
    [
        Bar::new(0, registers, is_64bit),
        Bar::new(second, 256 << 20, true),
        Bar::new(second + 2, 32 << 20, true),
    ]
}

/// Number of MSI vectors that the card offers.
pub const fn msi_vectors(chip: &Chip) -> u32 {
    match chip.boots_through_fsp() {
        true => 16,
        false => 1,
    }
}

/// The fastest that the link can be, which it is: 16 or 32 GT/s (PCIe 4.0 and 5.0), as a link
/// capabilities register gives it.
const fn link_speed(chip: &Chip) -> u8 {
    match chip.boots_through_fsp() {
        true => 5,
        false => 4,
    }
}

/// Offsets of the capabilities.
#[derive(Clone, Copy, Debug)]
struct CapabilityOffsets {
    pm: usize,
    msi: usize,
    pcie: usize,
}

const fn capability_offsets(chip: &Chip) -> CapabilityOffsets {
    match chip.boots_through_fsp() {
        true => CapabilityOffsets {
            pm: 0x40,
            msi: 0x48,
            pcie: 0x60,
        },
        false => CapabilityOffsets {
            pm: 0x60,
            msi: 0x68,
            pcie: 0x78,
        },
    }
}

const COMMAND: usize = 0x04;
const COMMAND_MEMORY: u8 = 1 << 1;
const COMMAND_BUS_MASTER: u8 = 1 << 2;
/// Interrupt disable, in the high byte of the command register.
const COMMAND_INTX_DISABLE: u8 = 1 << 2;
const STATUS: usize = 0x06;
/// An interrupt is pending for the pin.
const STATUS_INTERRUPT: u8 = 1 << 3;
const FIRST_BAR: usize = 0x10;
const CAPABILITY_POINTER: usize = 0x34;

/// Offset of the message control register from the MSI capability.
const MSI_CONTROL: usize = 2;
const MSI_ENABLE: u8 = 1 << 0;

/// Offset of the device control register from the PCIe capability.
const DEVICE_CONTROL: usize = 8;

/// Function level reset, in the device capabilities register.
const DEVICE_CAPABILITY_FLR: u32 = 1 << 28;

/// Initiate function level reset, in the high byte of the device control register.
const DEVICE_CONTROL_FLR: u8 = 1 << 7;

/// Side effect of a write to configuration space.
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
    bars: [Bar; BAR_COUNT],
    /// Offset of MSI's message control register.
    msi_control: usize,
    /// Offset of the high byte of the device control register, if it can initiate a reset.
    reset_at: Option<usize>,
    bytes: Box<[u8; SIZE]>,
    writable: Box<[u8; SIZE]>,
}

impl ConfigSpace {
    /// The configuration space of `chip` after a reset.
    pub fn new(chip: &Chip) -> Self {
        Self::with_bars(chip, bars(chip))
    }

    /// The same, with `size` bytes in the BAR of the frame buffer, a power of two from [`BAR1_MIN`]
    /// on.
    pub fn with_bar1(chip: &Chip, size: Option<u64>) -> Self {
        let mut bars = bars(chip);
        let [_, frame_buffer, _] = &mut bars;
        frame_buffer.size = size.unwrap_or(frame_buffer.size);
        Self::with_bars(chip, bars)
    }

    fn with_bars(chip: &Chip, bars: [Bar; BAR_COUNT]) -> Self {
        let offsets = capability_offsets(chip);
        let reset_at = offsets.pcie + DEVICE_CONTROL + 1;
        let mut space = Self {
            bars,
            msi_control: offsets.msi + MSI_CONTROL,
            reset_at: chip.has_flr().then_some(reset_at),
            bytes: Box::new([0; SIZE]),
            writable: Box::new([0; SIZE]),
        };
        space.identify(chip);
        for bar in space.bars {
            space.add_bar(bar);
        }
        space.add_power_management(offsets.pm, offsets.msi);
        space.add_msi(offsets.msi, offsets.pcie, msi_vectors(chip));
        space.add_pcie(offsets.pcie, chip.has_flr(), link_speed(chip));
        space
    }

    fn identify(&mut self, chip: &Chip) {
        self.put(0x00, &chip.vendor_id.to_le_bytes());
        self.put(0x02, &chip.device_id.to_le_bytes());
        self.allow(COMMAND, &[0x47, 0x05]);
        // Status: has capabilities.
        self.put(STATUS, &[0x10, 0x00]);
        self.put(0x08, &[chip.pci_revision]);
        // Class: display controller.
        self.put(0x09, &[0x00, chip.pci_subclass, 0x03]);
        self.allow(0x0c, &[0xff]);
        self.put(0x2c, &chip.subsystem_vendor_id.to_le_bytes());
        self.put(0x2e, &chip.subsystem_id.to_le_bytes());
        self.put(CAPABILITY_POINTER, &[capability_offsets(chip).pm as u8]);
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

    fn add_power_management(&mut self, at: usize, next: usize) {
        // Version 3; D0 and D3hot.
        self.put(at, &[0x01, next as u8, 0x03, 0x00, 0x08, 0x00]);
        self.allow(at + 4, &[0x03]);
    }

    /// Adds MSI with a 64-bit address; several vectors can be masked each.
    fn add_msi(&mut self, at: usize, next: usize, vectors: u32) {
        let is_maskable = vectors > 1;
        let control = [
            0x80 | (vectors.trailing_zeros() as u8) << 1,
            u8::from(is_maskable),
        ];
        self.put(at, &[0x05, next as u8]);
        self.put(at + MSI_CONTROL, &control);
        self.allow(at + MSI_CONTROL, &[0x71]);
        self.allow(at + 4, &[0xfc]);
        self.allow(at + 5, &[0xff; 9]);
        if is_maskable {
            self.allow(at + 16, &(u32::MAX >> (32 - vectors)).to_le_bytes());
        }
    }

    /// Adds the PCIe capability, version 2 of an endpoint; it is the last in the list.
    fn add_pcie(&mut self, at: usize, has_flr: bool, speed: u8) {
        self.put(at, &[0x10, 0x00, 0x02, 0x00]);
        // 256 bytes of payload.
        let flr = if has_flr { DEVICE_CAPABILITY_FLR } else { 0 };
        self.put(at + 4, &(0x8fe1 | flr).to_le_bytes());
        self.put(at + DEVICE_CONTROL, &[0x30, 0x29]);
        self.allow(at + DEVICE_CONTROL, &[0xff, 0x7f]);
        // Link: 16 lanes, as capability and as status.
        self.put(at + 12, &(0x0045_3d00 | u32::from(speed)).to_le_bytes());
        self.allow(at + 16, &[0xff, 0x0f]);
        self.put(at + 18, &[speed, 0x11]);
        // All speeds up to that, from bit 1 on, and the target speed.
        let speeds = (2 << speed) - 2;
        self.put(at + 0x2c, &(0x0180_0000_u32 | speeds).to_le_bytes());
        self.put(at + 0x30, &[speed, 0x00]);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn allow(&mut self, at: usize, mask: &[u8]) {
        self.writable[at..at + mask.len()].copy_from_slice(mask);
    }

    /// Reads from byte `offset`; bytes outside of the space read as all ones.
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
            if self.reset_at == Some(at) && byte & DEVICE_CONTROL_FLR != 0 {
                effect = Effect::Reset;
            }
        }
        effect
    }

    /// The card's memory windows, in the order of [`bars`].
    pub fn bars(&self) -> [Bar; BAR_COUNT] {
        self.bars
    }

    /// Address that the BAR at `index` of [`bars`] decodes.
    pub fn bar_address(&self, index: usize) -> u64 {
        let Some(bar) = self.bars.get(index) else {
            return 0;
        };
        let at = FIRST_BAR + 4 * bar.index;
        let low = u64::from(self.read_u32(at) & !0xf);
        match bar.is_64bit {
            true => low | u64::from(self.read_u32(at + 4)) << 32,
            false => low,
        }
    }

    /// Whether the card may read and write the machine's memory.
    pub fn is_bus_master(&self) -> bool {
        self.bytes[COMMAND] & COMMAND_BUS_MASTER != 0
    }

    /// Sets whether the card may read and write the machine's memory.
    pub fn set_bus_master(&mut self, on: bool) {
        let master = if on { COMMAND_BUS_MASTER } else { 0 };
        let command = self.bytes[COMMAND] & !COMMAND_BUS_MASTER | master;
        self.write(COMMAND, &[command]);
    }

    /// Whether the card announces its interrupts by MSI, and not by its pin.
    pub fn has_msi(&self) -> bool {
        self.bytes[self.msi_control] & MSI_ENABLE != 0
    }

    /// Sets whether the card announces its interrupts by MSI.
    pub fn set_msi(&mut self, on: bool) {
        let control = self.bytes[self.msi_control] & !MSI_ENABLE | u8::from(on);
        self.write(self.msi_control, &[control]);
    }

    /// Shows in the status register whether an interrupt is pending for the pin; with MSI there is
    /// none.
    pub(crate) fn show_interrupt(&mut self, is_pending: bool) {
        let interrupt = match is_pending && !self.has_msi() {
            true => STATUS_INTERRUPT,
            false => 0,
        };
        self.bytes[STATUS] = self.bytes[STATUS] & !STATUS_INTERRUPT | interrupt;
    }

    /// Whether the card asserts its pin: an interrupt is pending for it, and it is not disabled.
    pub(crate) fn is_pin_asserted(&self) -> bool {
        let is_disabled = self.bytes[COMMAND + 1] & COMMAND_INTX_DISABLE != 0;
        self.bytes[STATUS] & STATUS_INTERRUPT != 0 && !is_disabled
    }

    /// Enumerates the card as a machine would, with its BARs at `addresses`, in the order of
    /// [`bars`].
    pub fn enumerate(&mut self, addresses: [u64; BAR_COUNT]) {
        for (bar, address) in self.bars.into_iter().zip(addresses) {
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
mod tests;

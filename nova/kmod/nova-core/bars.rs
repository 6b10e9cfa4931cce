// SPDX-License-Identifier: GPL-2.0

//! Which BAR is which.

use kernel::bindings;
use kernel::device::Bound;
use kernel::io::Io;
use kernel::pci;
use kernel::prelude::*;

/// Indices of the BARs of the registers, the frame buffer and instance memory.
///
/// They follow each other, and one of 64 bits takes two indices. Which ones have 64 bits differs: on
/// Hopper and GB10x the registers do as well. The device itself is asked, since the kernel forgets the
/// kind of a BAR for which it has found no room.
///
/// Source: PCI Express base specification 4.0, section 7.5.1.2.1.
pub(crate) fn bars(device: &pci::Device<Bound>) -> Result<[u32; 3]> {
    let registers = 0;
    let frame_buffer = behind(device, registers)?;
    let instance = behind(device, frame_buffer)?;
    Ok([registers, frame_buffer, instance])
}

/// The index that follows a BAR's own.
fn behind(device: &pci::Device<Bound>, index: u32) -> Result<u32> {
    const KIND: u32 = bindings::PCI_BASE_ADDRESS_SPACE | bindings::PCI_BASE_ADDRESS_MEM_TYPE_MASK;

    let register = bindings::PCI_BASE_ADDRESS_0 + 4 * index;
    let value = device.config_space().try_read32(register as usize)?;
    match value & KIND == bindings::PCI_BASE_ADDRESS_MEM_TYPE_64 {
        true => Ok(index + 2),
        false => Ok(index + 1),
    }
}

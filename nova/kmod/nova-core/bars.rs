// SPDX-License-Identifier: GPL-2.0

//! Finds the indices of the GPU's BARs.

use kernel::bindings;
use kernel::device::Bound;
use kernel::io::Io;
use kernel::pci;
use kernel::prelude::*;

/// Indices of the BARs of the registers, the frame buffer and instance memory, in this order.
///
/// A 64-bit BAR takes two indices. On Hopper and GB10x, the BAR of the registers is one, too. The type
/// is read from configuration space, since the kernel clears the flags of a BAR that it could not
/// assign an address to.
///
/// Source: PCI Express base specification 4.0, section 7.5.1.2.1.
pub(crate) fn bars(device: &pci::Device<Bound>) -> Result<[u32; 3]> {
    let registers = 0;
    let frame_buffer = next_index(device, registers)?;
    let instance = next_index(device, frame_buffer)?;
    Ok([registers, frame_buffer, instance])
}

/// Index of the BAR after the one at `index`.
fn next_index(device: &pci::Device<Bound>, index: u32) -> Result<u32> {
    const TYPE: u32 = bindings::PCI_BASE_ADDRESS_SPACE | bindings::PCI_BASE_ADDRESS_MEM_TYPE_MASK;

    let register = bindings::PCI_BASE_ADDRESS_0 + 4 * index;
    let value = device.config_space().try_read32(register as usize)?;
    match value & TYPE == bindings::PCI_BASE_ADDRESS_MEM_TYPE_64 {
        true => Ok(index + 2),
        false => Ok(index + 1),
    }
}

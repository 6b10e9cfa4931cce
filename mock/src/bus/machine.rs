// SPDX-License-Identifier: GPL-2.0

//! What the card can reach of its machine: the memory, and the CPU by interrupt.

use std::fmt;

/// Number of address bits of the card's DMA, up to Ada.
///
/// Source: Linux 7.3, drivers/gpu/nova-core/gpu/hal/tu102.rs.
pub(crate) const BUS_BITS: u32 = 47;

/// An access by the card to an address without memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// Bus address of the first byte without memory.
    pub addr: u64,
}

impl fmt::Display for Unmapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no memory at bus address {:#x}", self.addr)
    }
}

/// The machine's memory as a bus master sees it.
pub trait GuestMemory {
    /// Reads `into.len()` bytes at bus address `addr`.
    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), Unmapped>;

    /// Writes `from` at bus address `addr`; writes become visible in the order of the calls.
    fn write(&mut self, addr: u64, from: &[u8]) -> Result<(), Unmapped>;

    /// Reads a little-endian 32-bit word.
    fn read_u32(&self, addr: u64) -> Result<u32, Unmapped> {
        let mut bytes = [0; 4];
        self.read(addr, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Reads a little-endian 64-bit word.
    fn read_u64(&self, addr: u64) -> Result<u64, Unmapped> {
        let mut bytes = [0; 8];
        self.read(addr, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads `len` bytes into a new vector.
    fn read_vec(&self, addr: u64, len: usize) -> Result<Vec<u8>, Unmapped> {
        let mut bytes = vec![0; len];
        self.read(addr, &mut bytes)?;
        Ok(bytes)
    }
}

/// Where the card's interrupts go: messages, or the level of its pin where MSI is off.
pub trait InterruptSink {
    /// Delivers one MSI.
    fn interrupt(&mut self);

    /// Drives the pin, INTA; called when that changes.
    fn set_pin(&mut self, is_asserted: bool);
}

/// The machine that the card is plugged into.
pub trait Machine: GuestMemory + InterruptSink {}

impl<T: GuestMemory + InterruptSink> Machine for T {}

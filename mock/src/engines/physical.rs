// SPDX-License-Identifier: GPL-2.0

//! Physical memory, as the engines reach it.

use std::fmt;
use std::ops::Range;

use super::memory::{Aperture, FaultType};
use crate::bus::config::NO_BUS_MASTER;
use crate::bus::machine::{GuestMemory, Unmapped};
use crate::vram::Vram;

/// Bytes within which the machine's memory is there as a whole, or not at all.
const PAGE: u64 = 4096;

/// The memory of the card and of its machine.
pub(crate) struct Physical<'a> {
    pub(crate) vram: &'a mut Vram,
    /// The machine's memory.
    pub(crate) system: &'a mut dyn GuestMemory,
    /// The card may access the machine's memory.
    pub(crate) is_bus_master: bool,
    /// WPR2, which only the GSP accesses.
    pub(crate) protected: Option<Range<u64>>,
}

/// Why memory cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The address is behind the end of the frame buffer.
    OutsideVram,
    /// The address is in WPR2.
    Protected,
    /// The card is not a bus master.
    NotBusMaster,
    /// The machine has no memory there.
    Unmapped,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutsideVram => "behind the end of the frame buffer",
            Self::Protected => "in WPR2",
            Self::NotBusMaster => NO_BUS_MASTER,
            Self::Unmapped => "the machine has no memory there",
        })
    }
}

/// An access that ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable {
    /// Number of bytes that were accessed before.
    pub(crate) done: usize,
    /// What is wrong with the next one.
    pub(crate) reason: Reason,
}

impl From<Unreachable> for FaultType {
    /// What an engine reports. Hardware reports some of these in other ways, as an error of the bus
    /// or of the frame buffer; the model has one.
    fn from(_: Unreachable) -> Self {
        Self::Region
    }
}

impl Physical<'_> {
    /// The same memory, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Physical<'_> {
        Physical {
            vram: self.vram,
            system: self.system,
            is_bus_master: self.is_bus_master,
            protected: self.protected.clone(),
        }
    }

    /// Reads `into.len()` bytes.
    pub(crate) fn read(
        &self,
        aperture: Aperture,
        at: u64,
        into: &mut [u8],
    ) -> Result<(), Unreachable> {
        match aperture {
            Aperture::Vram => {
                let (len, end) = self.vram_part(at, into.len());
                self.vram.read(at, &mut into[..len]);
                end
            }
            Aperture::System => {
                self.check_bus_master()?;
                pages(at, into.len(), |addr, range| {
                    self.system.read(addr, &mut into[range])
                })
            }
        }
    }

    /// Writes `from`.
    pub(crate) fn write(
        &mut self,
        aperture: Aperture,
        at: u64,
        from: &[u8],
    ) -> Result<(), Unreachable> {
        match aperture {
            Aperture::Vram => {
                let (len, end) = self.vram_part(at, from.len());
                self.vram.write(at, &from[..len]);
                end
            }
            Aperture::System => {
                self.check_bus_master()?;
                pages(at, from.len(), |addr, range| {
                    self.system.write(addr, &from[range])
                })
            }
        }
    }

    /// How many bytes of an access to the frame buffer can be made, and how it ends.
    fn vram_part(&self, at: u64, len: usize) -> (usize, Result<(), Unreachable>) {
        let size = self.vram.size();
        let protected = self.protected.as_ref().filter(|range| !range.is_empty());
        let (end, reason) = match protected {
            Some(range) if range.contains(&at) => (at, Reason::Protected),
            Some(range) if (at..size).contains(&range.start) => (range.start, Reason::Protected),
            _ => (size, Reason::OutsideVram),
        };
        let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        match left < len {
            true => (left, Err(Unreachable { done: left, reason })),
            false => (len, Ok(())),
        }
    }

    fn check_bus_master(&self) -> Result<(), Unreachable> {
        match self.is_bus_master {
            true => Ok(()),
            false => Err(Unreachable {
                done: 0,
                reason: Reason::NotBusMaster,
            }),
        }
    }
}

/// Accesses the machine's memory as a whole, and if that fails page by page, up to the first one
/// that is not there.
fn pages(
    at: u64,
    len: usize,
    mut access: impl FnMut(u64, Range<usize>) -> Result<(), Unmapped>,
) -> Result<(), Unreachable> {
    if at.checked_add(len as u64).is_some() && access(at, 0..len).is_ok() {
        return Ok(());
    }
    let mut done = 0;
    while done < len {
        let unmapped = Unreachable {
            done,
            reason: Reason::Unmapped,
        };
        let addr = at.checked_add(done as u64).ok_or(unmapped)?;
        let part = (len - done).min((PAGE - addr % PAGE) as usize);
        addr.checked_add(part as u64).ok_or(unmapped)?;
        access(addr, done..done + part).map_err(|_| unmapped)?;
        done += part;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::mmu::testing::Machine;

    const VRAM: u64 = 0x10_0000;

    fn machine() -> Machine {
        Machine::with_vram(VRAM)
    }

    fn stopped(done: usize, reason: Reason) -> Result<(), Unreachable> {
        Err(Unreachable { done, reason })
    }

    #[test]
    fn vram_ends_where_it_ends() {
        let mut machine = machine();
        let mut physical = machine.physical();
        let end = physical.write(Aperture::Vram, VRAM - 3, &[1, 2, 3, 4]);
        assert_eq!(end, stopped(3, Reason::OutsideVram));
        let mut bytes = [0xff; 4];
        let end = physical.read(Aperture::Vram, VRAM - 3, &mut bytes);
        assert_eq!(end, stopped(3, Reason::OutsideVram));
        assert_eq!(bytes, [1, 2, 3, 0xff]);
        let end = physical.read(Aperture::Vram, VRAM - 4, &mut bytes);
        assert_eq!((end, bytes), (Ok(()), [0, 1, 2, 3]));
        let end = physical.read(Aperture::Vram, u64::MAX, &mut bytes);
        assert_eq!(end, stopped(0, Reason::OutsideVram));
    }

    #[test]
    fn wpr2_is_neither_read_nor_written() {
        let mut machine = machine();
        machine.protected = Some(0x8000..0xa000);
        let mut physical = machine.physical();
        let end = physical.write(Aperture::Vram, 0x7ffe, &[1; 4]);
        assert_eq!(end, stopped(2, Reason::Protected));
        for at in [0x8000, 0x9ffc] {
            let end = physical.read(Aperture::Vram, at, &mut [0; 4]);
            assert_eq!(end, stopped(0, Reason::Protected));
        }
        assert_eq!(physical.write(Aperture::Vram, 0xa000, &[1; 4]), Ok(()));
        physical.protected = Some(0x8000..0x8000);
        assert_eq!(physical.write(Aperture::Vram, 0x7ffe, &[1; 4]), Ok(()));
        // Nothing is there to protect behind the end.
        physical.protected = Some(VRAM..VRAM + 1);
        let end = physical.write(Aperture::Vram, VRAM - 1, &[1; 2]);
        assert_eq!(end, stopped(1, Reason::OutsideVram));
    }

    #[test]
    fn the_machines_memory_ends_at_a_page() {
        let mut machine = machine();
        let at = machine.system.place(&[7; 0x2000]);
        let mut physical = machine.physical();
        let end = physical.write(Aperture::System, at + 0x1ffd, &[1, 2, 3, 4]);
        assert_eq!(end, stopped(3, Reason::Unmapped));
        let mut bytes = [0; 0x1004];
        let end = physical.read(Aperture::System, at + 0x1000, &mut bytes);
        assert_eq!(end, stopped(0x1000, Reason::Unmapped));
        assert_eq!(bytes[0xffc..][..8], [7, 1, 2, 3, 0, 0, 0, 0]);
        for at in [0, u64::MAX - 2, u64::MAX] {
            let end = physical.read(Aperture::System, at, &mut [0; 4]);
            assert_eq!(end, stopped(0, Reason::Unmapped));
        }
    }

    #[test]
    fn the_machines_memory_needs_bus_mastering() {
        let mut machine = machine();
        let at = machine.system.place(&[7; 4]);
        machine.is_bus_master = false;
        let mut physical = machine.physical();
        let refused = stopped(0, Reason::NotBusMaster);
        assert_eq!(physical.write(Aperture::System, at, &[1]), refused);
        assert_eq!(physical.read(Aperture::System, at, &mut [0]), refused);
        physical.is_bus_master = true;
        let mut byte = [0];
        assert_eq!(physical.read(Aperture::System, at, &mut byte), Ok(()));
        assert_eq!(byte, [7]);
    }
}

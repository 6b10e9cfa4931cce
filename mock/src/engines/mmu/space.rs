// SPDX-License-Identifier: GPL-2.0

//! Memory as a channel sees it.

use super::page::Root;
use super::Mmu;
use crate::engines::memory::{Access, Address, Aperture, FaultType, Memory, MmuFault};
use crate::engines::physical::Physical;

/// The memory of a channel.
pub(crate) struct Space<'a> {
    pub(crate) mmu: &'a mut Mmu,
    pub(crate) physical: Physical<'a>,
    /// The root of the channel's address space, or why there is none.
    pub(crate) root: Result<Root, FaultType>,
    /// The accesses are privileged.
    pub(crate) is_privileged: bool,
}

/// A part of an access that goes to one place.
struct Part {
    /// Its first byte, as the work named it.
    address: Address,
    /// Where it goes; `None` if there is no memory, and no fault either.
    target: Option<(Aperture, u64)>,
    /// Number of bytes.
    len: usize,
}

impl Space<'_> {
    /// The first part of an access of `len` bytes.
    fn part(&mut self, address: Address, len: usize, access: Access) -> Result<Part, MmuFault> {
        let (target, left) = match address {
            Address::Physical(aperture, at) => {
                // An access does not go around the end.
                (Some((aperture, at)), (u64::MAX - at).saturating_add(1))
            }
            Address::Virtual(va) => {
                let fault = |reason| MmuFault {
                    address,
                    access,
                    reason,
                };
                let root = self.root.map_err(fault)?;
                let page = self.mmu.translate(&self.physical, root, va);
                let page = page.map_err(fault)?;
                page.check(access, self.is_privileged).map_err(fault)?;
                (page.target(va), page.left(va))
            }
        };
        Ok(Part {
            address,
            target,
            len: usize::try_from(left).map_or(len, |left| left.min(len)),
        })
    }

    fn read_part(&self, part: &Part, access: Access, into: &mut [u8]) -> Result<(), MmuFault> {
        let Some((aperture, at)) = part.target else {
            into.fill(0);
            return Ok(());
        };
        let read = self.physical.read(aperture, at, into);
        read.map_err(|end| MmuFault {
            address: part.address.plus(end.done as u64),
            access,
            reason: end.into(),
        })
    }

    fn write_part(&mut self, part: &Part, access: Access, from: &[u8]) -> Result<(), MmuFault> {
        let Some((aperture, at)) = part.target else {
            return Ok(());
        };
        let written = self.physical.write(aperture, at, from);
        written.map_err(|end| MmuFault {
            address: part.address.plus(end.done as u64),
            access,
            reason: end.into(),
        })
    }
}

impl Memory for Space<'_> {
    fn read(&mut self, at: Address, into: &mut [u8]) -> Result<(), MmuFault> {
        let mut done = 0;
        while done < into.len() {
            let part = self.part(at.plus(done as u64), into.len() - done, Access::Read)?;
            let end = done + part.len;
            self.read_part(&part, Access::Read, &mut into[done..end])?;
            done = end;
        }
        Ok(())
    }

    fn write(&mut self, at: Address, from: &[u8]) -> Result<(), MmuFault> {
        let mut done = 0;
        while done < from.len() {
            let part = self.part(at.plus(done as u64), from.len() - done, Access::Write)?;
            let end = done + part.len;
            self.write_part(&part, Access::Write, &from[done..end])?;
            done = end;
        }
        Ok(())
    }

    /// The CPU may see the machine's memory change in between.
    fn update(
        &mut self,
        at: Address,
        size: usize,
        change: &mut dyn FnMut(u64) -> u64,
    ) -> Result<(), MmuFault> {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..size];
        let mut parts = Vec::with_capacity(1);
        let mut done = 0;
        while done < size {
            let part = self.part(at.plus(done as u64), size - done, Access::Atomic)?;
            let end = done + part.len;
            self.read_part(&part, Access::Atomic, &mut bytes[done..end])?;
            parts.push((part, done..end));
            done = end;
        }
        let mut value = [0; 8];
        value[..size].copy_from_slice(bytes);
        let value = change(u64::from_le_bytes(value)).to_le_bytes();
        for (part, range) in parts {
            self.write_part(&part, Access::Atomic, &value[range])?;
        }
        Ok(())
    }
}

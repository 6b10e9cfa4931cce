// SPDX-License-Identifier: GPL-2.0

//! Memory for the tests of what executes.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;

use super::engine::Context;
use super::memory::{Access, Address, Aperture, FaultType, Memory, MmuFault};

const PAGE: usize = 0x1000;

/// An address space and an offset there.
type Place = (Option<Aperture>, u64);

/// What [`context`] has as the GPU's time.
pub(crate) const TIME: u64 = 0x17e0_1122_3344_5560;

/// An access, and how many of its bytes happened: fewer than it asked for where it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) access: Access,
    pub(crate) at: Address,
    pub(crate) size: usize,
}

/// Sparse memory that has every address and is all zero at first: a virtual address space and both
/// apertures, which have nothing in common.
#[derive(Default)]
pub(crate) struct TestMemory {
    pages: BTreeMap<Place, Box<[u8; PAGE]>>,
    faults: Vec<Refused>,
    /// All accesses of the tested code, in order.
    pub(crate) log: Vec<Logged>,
}

/// A region that fails accesses.
struct Refused {
    space: Option<Aperture>,
    first: u64,
    last: u64,
    access: Option<Access>,
    reason: FaultType,
}

impl TestMemory {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Fails all accesses to `size` bytes from `at` on.
    pub(crate) fn refuse(&mut self, at: Address, size: u64, reason: FaultType) {
        self.refuse_some(at, size, None, reason);
    }

    /// Fails accesses of one kind to `size` bytes from `at` on.
    pub(crate) fn refuse_access(
        &mut self,
        at: Address,
        size: u64,
        access: Access,
        reason: FaultType,
    ) {
        self.refuse_some(at, size, Some(access), reason);
    }

    fn refuse_some(&mut self, at: Address, size: u64, access: Option<Access>, reason: FaultType) {
        let (space, first) = place(at);
        let last = first + (size - 1);
        self.faults.push(Refused {
            space,
            first,
            last,
            access,
            reason,
        });
    }

    /// Makes all memory accessible again.
    pub(crate) fn refuse_nothing(&mut self) {
        self.faults.clear();
    }

    /// Writes, without a fault or an entry in the log.
    pub(crate) fn set(&mut self, at: Address, bytes: &[u8]) {
        for (page, start, part) in pages(at, bytes.len()) {
            let page = self.pages.entry(page);
            let page = page.or_insert_with(|| Box::new([0; PAGE]));
            page[start..start + part.len()].copy_from_slice(&bytes[part]);
        }
    }

    /// Writes `size` bytes that differ from each other, and from those of another `seed`, as far as
    /// bytes can; returns them.
    pub(crate) fn fill(&mut self, at: Address, size: usize, seed: u8) -> Vec<u8> {
        let byte =
            |at: u32| (at.wrapping_add(u32::from(seed)).wrapping_mul(0x9e37_79b1) >> 24) as u8;
        let bytes: Vec<_> = (0..).map(byte).take(size).collect();
        self.set(at, &bytes);
        bytes
    }

    /// Reads `size` bytes, without a fault or an entry in the log.
    pub(crate) fn get(&self, at: Address, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        self.copy_to(at, &mut bytes);
        bytes
    }

    /// Reads a word of 32 bits, without a fault or an entry in the log.
    pub(crate) fn get_u32(&self, at: Address) -> u32 {
        let mut word = [0; 4];
        self.copy_to(at, &mut word);
        u32::from_le_bytes(word)
    }

    /// Reads a word of 64 bits, without a fault or an entry in the log.
    pub(crate) fn get_u64(&self, at: Address) -> u64 {
        u64::from(self.get_u32(at.plus(4))) << 32 | u64::from(self.get_u32(at))
    }

    /// How many bytes the accesses of one kind have transferred.
    pub(crate) fn transferred(&self, access: Access) -> usize {
        let accesses = self.log.iter().filter(|logged| logged.access == access);
        accesses.map(|logged| logged.size).sum()
    }

    fn copy_to(&self, at: Address, into: &mut [u8]) {
        for (page, start, part) in pages(at, into.len()) {
            let into = &mut into[part];
            match self.pages.get(&page) {
                Some(page) => into.copy_from_slice(&page[start..start + into.len()]),
                None => into.fill(0),
            }
        }
    }

    /// How many of `size` bytes can be accessed, and the fault of the first that cannot.
    fn check(&self, at: Address, size: usize, access: Access) -> (usize, Result<(), MmuFault>) {
        if self.faults.is_empty() {
            return (size, Ok(()));
        }
        for done in 0..size {
            let address = at.plus(done as u64);
            let (space, byte) = place(address);
            let refused = self.faults.iter().find(|refused| {
                refused.space == space
                    && (refused.first..=refused.last).contains(&byte)
                    && refused.access.is_none_or(|refused| refused == access)
            });
            if let Some(&Refused { reason, .. }) = refused {
                let fault = MmuFault {
                    address,
                    access,
                    reason,
                };
                return (done, Err(fault));
            }
        }
        (size, Ok(()))
    }

    fn access(
        &mut self,
        at: Address,
        size: usize,
        access: Access,
    ) -> (usize, Result<(), MmuFault>) {
        let (size, result) = self.check(at, size, access);
        self.log.push(Logged { access, at, size });
        (size, result)
    }
}

impl Memory for TestMemory {
    fn read(&mut self, at: Address, into: &mut [u8]) -> Result<(), MmuFault> {
        let (size, result) = self.access(at, into.len(), Access::Read);
        self.copy_to(at, &mut into[..size]);
        result
    }

    fn write(&mut self, at: Address, from: &[u8]) -> Result<(), MmuFault> {
        let (size, result) = self.access(at, from.len(), Access::Write);
        self.set(at, &from[..size]);
        result
    }

    fn update(
        &mut self,
        at: Address,
        size: usize,
        change: &mut dyn FnMut(u64) -> u64,
    ) -> Result<(), MmuFault> {
        assert!(matches!(size, 4 | 8), "an atomic access of {size} bytes");
        let (done, result) = self.check(at, size, Access::Atomic);
        let size_done = if done == size { size } else { 0 };
        self.log.push(Logged {
            access: Access::Atomic,
            at,
            size: size_done,
        });
        result?;
        let word = match size {
            4 => u64::from(self.get_u32(at)),
            _ => self.get_u64(at),
        };
        self.set(at, &change(word).to_le_bytes()[..size]);
        Ok(())
    }
}

/// The pages of some bytes: for each its place in units of pages, where in it they begin, and which
/// ones they are.
fn pages(at: Address, size: usize) -> impl Iterator<Item = (Place, usize, Range<usize>)> {
    let mut done = 0;
    iter::from_fn(move || {
        let (space, at) = place(at.plus(done as u64));
        let start = at as usize % PAGE;
        let part = done..size.min(done + PAGE - start);
        done = part.end;
        let page = (space, at / PAGE as u64);
        (!part.is_empty()).then_some((page, start, part))
    })
}

fn place(at: Address) -> Place {
    match at {
        Address::Virtual(at) => (None, at),
        Address::Physical(aperture, at) => (Some(aperture), at),
    }
}

/// The context of a channel that is not privileged and has no limit on what it copies in a turn.
pub(crate) fn context(memory: &mut TestMemory) -> Context<'_> {
    Context {
        memory,
        time: TIME,
        is_privileged: false,
        budget: u64::MAX,
        interrupt: false,
        work: Vec::new(),
    }
}

#[test]
fn an_access_stops_at_the_first_byte_that_fails() {
    let mut memory = TestMemory::new();
    let at = Address::Virtual(0x1ffe);
    memory.refuse(Address::Virtual(0x2001), 2, FaultType::Pte);
    let fault = |access| MmuFault {
        address: Address::Virtual(0x2001),
        access,
        reason: FaultType::Pte,
    };
    assert_eq!(memory.write(at, &[1; 8]), Err(fault(Access::Write)));
    assert_eq!(memory.get(at, 8), [1, 1, 1, 0, 0, 0, 0, 0]);
    let mut bytes = [9; 4];
    assert_eq!(memory.read(at, &mut bytes), Err(fault(Access::Read)));
    assert_eq!(bytes, [1, 1, 1, 9]);
    let failed = memory.update(at.plus(2), 4, &mut |word| word + 1);
    assert_eq!(failed, Err(fault(Access::Atomic)));
    memory.refuse_nothing();
    assert_eq!(memory.update(at, 8, &mut |word| word + 1), Ok(()));
    assert_eq!(memory.get_u64(at), 0x01_0102);
    let sizes: Vec<_> = memory.log.iter().map(|logged| logged.size).collect();
    assert_eq!(sizes, [3, 3, 0, 8]);
}

#[test]
fn regions_can_fail_one_kind_of_access_and_spaces_are_apart() {
    let mut memory = TestMemory::new();
    let at = Address::Physical(Aperture::Vram, u64::MAX);
    memory.refuse_access(at, 1, Access::Write, FaultType::ReadOnly);
    let mut bytes = [9; 2];
    assert_eq!(memory.read(at, &mut bytes), Ok(()));
    assert!(memory.write(at, &bytes).is_err());
    assert_eq!(memory.write(Address::Virtual(u64::MAX), &[5, 6]), Ok(()));
    assert_eq!(memory.get(Address::Virtual(0), 1), [6]);
    assert_eq!(memory.get(at, 2), [0, 0]);
    let elsewhere = Address::Physical(Aperture::System, u64::MAX);
    assert_eq!(memory.write(elsewhere, &[7]), Ok(()));
    assert_eq!(memory.transferred(Access::Write), 3);
}

// SPDX-License-Identifier: GPL-2.0

//! Page tables of random bytes, and accesses through them.

use std::ops::Range;

use arbitrary::{Arbitrary, Unstructured};
use nova_hw::chipset::Architecture;
use nova_hw::gmmu::{Format, Version};

use crate::engines::memory::{Address, Aperture, FaultType, Memory, MmuFault};
use crate::engines::mmu::space::Space;
use crate::engines::mmu::testing::Machine;
use crate::engines::mmu::{instance, Invalidation, Mmu, Root, TlbMode};

/// One of each format; those of version 2 differ in the sizes of pages.
const ARCHITECTURES: [Architecture; 3] = [
    Architecture::Turing,
    Architecture::Ampere,
    Architecture::Hopper,
];

const PAGE: u64 = 0x1000;

/// Pages of the frame buffer, and of the machine's memory; few, so that tables lead to each other.
const VRAM_PAGES: u64 = 64;
const SYSTEM_PAGES: u64 = 8;
const WPR2: Range<u64> = 24 * PAGE..28 * PAGE;

/// A page, which may be in WPR2, behind the end of the frame buffer or where the machine has none.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Page {
    is_system: bool,
    number: u8,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Entry {
    /// It leads to a page; the rest is random.
    To(Page, u16),
    Any(u64),
}

#[derive(Debug, Arbitrary)]
enum Access {
    Read(u16),
    Write(Vec<u8>),
    Update { is_long: bool },
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// The CPU writes an entry.
    Write {
        page: Page,
        slot: u16,
        entry: Entry,
    },
    /// The CPU writes the same entry all over a page, so that any address leads on.
    Fill {
        page: Page,
        entry: Entry,
    },
    /// The next accesses are those of the instance block in this page.
    Bind {
        page: Page,
        is_privileged: bool,
    },
    /// An access to the address without the lowest bits, so that all levels of tables are met.
    Access {
        va: u64,
        without: u8,
        access: Access,
    },
    /// TLBs are invalidated, of the address space or of all.
    Invalidate {
        is_all: bool,
        levels: u8,
    },
    BusMaster(bool),
}

/// Has the MMU walk tables made from `data`: accesses end, and what is in WPR2 is neither seen nor
/// changed.
pub fn page_tables(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(&arch) = input.choose(&ARCHITECTURES) else {
        return;
    };
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(input) else {
        return;
    };
    // If anything depended on what is in WPR2, the two would differ.
    let mut cards = [0x00, 0xff].map(|secret| Tested::new(arch, secret));
    for step in &steps {
        let [one, other] = cards.each_mut().map(|card| card.step(step));
        assert_eq!(one, other, "WPR2 shows in {step:x?}");
    }
    let [one, other] = cards.map(|card| card.memory());
    assert!(one == other, "WPR2 shows in memory");
}

/// A card and its machine, with the accesses of a channel.
struct Tested {
    machine: Machine,
    /// Bus addresses of the machine's pages.
    system: Vec<u64>,
    secret: [u8; (WPR2.end - WPR2.start) as usize],
    version: Version,
    mmu: Mmu,
    root: Result<Root, FaultType>,
    is_privileged: bool,
}

impl Tested {
    fn new(arch: Architecture, secret: u8) -> Self {
        let mut machine = Machine::with_vram(VRAM_PAGES * PAGE);
        machine.protected = Some(WPR2);
        let secret = [secret; (WPR2.end - WPR2.start) as usize];
        machine.vram.write(WPR2.start, &secret);
        let pages = (0..SYSTEM_PAGES).map(|_| machine.system.place(&[0; PAGE as usize]));
        let system = pages.collect();
        Self {
            machine,
            system,
            secret,
            version: Format::of(arch).version,
            mmu: Mmu::new(arch, TlbMode::Strict),
            root: Err(FaultType::UnboundInstance),
            is_privileged: false,
        }
    }

    fn address(&self, page: Page) -> (Aperture, u64) {
        let number = u64::from(page.number);
        match page.is_system {
            false => (Aperture::Vram, number * PAGE),
            true => {
                let known = self.system.get(usize::from(page.number));
                (Aperture::System, known.copied().unwrap_or(number * PAGE))
            }
        }
    }

    fn entry(&self, entry: Entry) -> [u8; 8] {
        // The lowest bit of an entry's address.
        let shift = match self.version {
            Version::Ver2 => 8,
            Version::Ver3 => 12,
        };
        let entry = match entry {
            Entry::To(page, bits) => {
                let bits = u64::from(bits) & ((1 << shift) - 1);
                (self.address(page).1 / PAGE) << shift | bits
            }
            Entry::Any(entry) => entry,
        };
        entry.to_le_bytes()
    }

    /// The CPU writes into a page, if it can: it does not reach WPR2 either.
    fn write(&mut self, page: Page, offset: u64, bytes: &[u8]) {
        let (aperture, at) = self.address(page);
        let is_bus_master = std::mem::replace(&mut self.machine.is_bus_master, true);
        let _ = self.machine.physical().write(aperture, at + offset, bytes);
        self.machine.is_bus_master = is_bus_master;
    }

    /// What an access has read, or its fault.
    fn step(&mut self, step: &Step) -> Result<Vec<u8>, MmuFault> {
        match step {
            &Step::Write { page, slot, entry } => {
                let bytes = self.entry(entry);
                self.write(page, u64::from(slot) * 8 % PAGE, &bytes);
            }
            &Step::Fill { page, entry } => {
                let bytes = self.entry(entry).repeat(PAGE as usize / 8);
                self.write(page, 0, &bytes);
            }
            &Step::Bind {
                page,
                is_privileged,
            } => {
                let (aperture, at) = self.address(page);
                self.root = instance::root(&self.machine.physical(), aperture, at);
                self.is_privileged = is_privileged;
            }
            Step::Access {
                va,
                without,
                access,
            } => return self.access(va >> (without % 64), access),
            &Step::Invalidate { is_all, levels } => self.mmu.invalidate(Invalidation {
                root: self.root.ok().filter(|_| !is_all),
                levels: levels.into(),
            }),
            &Step::BusMaster(is_bus_master) => self.machine.is_bus_master = is_bus_master,
        }
        Ok(Vec::new())
    }

    fn access(&mut self, va: u64, access: &Access) -> Result<Vec<u8>, MmuFault> {
        let at = Address::Virtual(va);
        let mut space = Space {
            mmu: &mut self.mmu,
            physical: self.machine.physical(),
            root: self.root,
            is_privileged: self.is_privileged,
        };
        match access {
            &Access::Read(len) => {
                let mut bytes = vec![0; len.into()];
                space.read(at, &mut bytes).map(|()| bytes)
            }
            Access::Write(bytes) => space.write(at, bytes).map(|()| Vec::new()),
            &Access::Update { is_long } => {
                let mut old = 0;
                let size = if is_long { 8 } else { 4 };
                let updated = space.update(at, size, &mut |value| {
                    old = value;
                    value.wrapping_mul(3)
                });
                updated.map(|()| old.to_le_bytes().into())
            }
        }
    }

    /// All memory but WPR2, which must be as it was.
    fn memory(mut self) -> Vec<u8> {
        let mut bytes = vec![0; (VRAM_PAGES * PAGE) as usize];
        self.machine.vram.read(0, &mut bytes);
        let protected = WPR2.start as usize..WPR2.end as usize;
        assert!(bytes.drain(protected).eq(self.secret), "WPR2 has changed");
        self.machine.is_bus_master = true;
        for at in &self.system {
            let mut page = [0; PAGE as usize];
            let read = self
                .machine
                .physical()
                .read(Aperture::System, *at, &mut page);
            read.expect("the machine's memory");
            bytes.extend(page);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps do what they say: otherwise the fuzzer would see nothing.
    #[test]
    fn a_step_is_executed() {
        let page = |number| Page {
            is_system: false,
            number,
        };
        let fill = |at, to, bits| Step::Fill {
            page: page(at),
            entry: Entry::To(page(to), bits),
        };
        let access = |va, access| Step::Access {
            va,
            without: 0,
            access,
        };
        let mut tested = Tested::new(Architecture::Ampere, 0);
        for step in [
            // The second page is the root.
            Step::Write {
                page: page(0),
                slot: 0x40,
                entry: Entry::Any(0x1c00),
            },
            fill(1, 2, 2),
            fill(2, 3, 2),
            // Pages of 512 MiB.
            fill(3, 0, 1),
            Step::Bind {
                page: page(0),
                is_privileged: false,
            },
            access(32 * PAGE, Access::Write(vec![7; 3])),
        ] {
            assert_eq!(tested.step(&step), Ok(Vec::new()), "{step:x?}");
        }
        let read = tested.step(&access(32 * PAGE, Access::Read(4)));
        assert_eq!(read, Ok(vec![7, 7, 7, 0]));
        let read = tested.step(&access(WPR2.start, Access::Read(4)));
        assert!(read.is_err(), "{read:x?}");
    }
}

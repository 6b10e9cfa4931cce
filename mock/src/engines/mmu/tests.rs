// SPDX-License-Identifier: GPL-2.0

//! Tests of the MMU as a whole.

use nova_hw::gmmu::{kind, PteAperture, Version};
use proptest::prelude::*;

use super::page::Attributes;
use super::space::Space;
use super::testing::{no_small_pages, sparse, Machine, Mapping, Tables};
use super::*;
use crate::engines::memory::{Access, Address, Aperture, Memory, MmuFault};

const VRAM: u64 = 1 << 40;

/// Where the tables are.
const TABLES: u64 = 0x10_0000;

/// An architecture for each format.
const ARCHITECTURES: [Architecture; 5] = [
    Architecture::Turing,
    Architecture::Ada,
    Architecture::Hopper,
    Architecture::BlackwellGb10x,
    Architecture::BlackwellGb20x,
];

/// A virtual address with another index at each level, at the start of a small page.
const VA: u64 = 3 << 47 | 5 << 38 | 6 << 29 | 7 << 21 | 8 << 16 | 9 << 12;

/// An address space in a card's memory.
struct Fixture {
    machine: Machine,
    mmu: Mmu,
    tables: Tables,
}

impl Fixture {
    fn new(arch: Architecture, mode: TlbMode) -> Self {
        Self {
            machine: Machine::with_vram(VRAM),
            mmu: Mmu::new(arch, mode),
            tables: Tables::new(Format::of(arch), Aperture::Vram, TABLES),
        }
    }

    /// One for each format, without TLBs.
    fn all() -> impl Iterator<Item = Self> {
        ARCHITECTURES
            .map(|arch| Self::new(arch, TlbMode::Lax))
            .into_iter()
    }

    fn version(&self) -> Version {
        self.tables.format.version
    }

    fn map(&mut self, va: u64, shift: u32, to: Mapping) {
        self.tables.map(&mut self.machine.physical(), va, shift, to);
    }

    fn write_entry(&mut self, va: u64, shift: u32, entry: u64) {
        let mut physical = self.machine.physical();
        self.tables.write(&mut physical, va, shift, entry.into());
    }

    fn look(&mut self, va: u64) -> Result<Translation, FaultType> {
        let root = self.tables.root;
        self.mmu.translate(&self.machine.physical(), root, va)
    }

    /// Where an address is, and the number of bytes up to the end of its page.
    fn place(&mut self, va: u64) -> Result<(Option<(Aperture, u64)>, u64), FaultType> {
        self.look(va).map(|page| (page.target(va), page.left(va)))
    }

    fn space(&mut self) -> Space<'_> {
        Space {
            mmu: &mut self.mmu,
            physical: self.machine.physical(),
            root: Ok(self.tables.root),
            is_privileged: false,
        }
    }

    /// Shifts of the sizes that pages can have.
    fn shifts(&self) -> Vec<u32> {
        let format = self.tables.format;
        let directories = format.directories.iter().filter(|level| level.has_pages);
        let tables = [format.small.shift, format.big.shift];
        tables
            .into_iter()
            .chain(directories.rev().map(|level| level.shift))
            .collect()
    }
}

fn vram(address: u64, left: u64) -> Result<(Option<(Aperture, u64)>, u64), FaultType> {
    Ok((Some((Aperture::Vram, address)), left))
}

/// A mapping with numbers in place of names: pages in the frame buffer of both versions.
#[test]
fn tables_are_read_as_the_manuals_have_them() {
    let mut fixture = Fixture::new(Architecture::Turing, TlbMode::Lax);
    let vram_of = |fixture: &mut Fixture, writes: &[(u64, u64)]| {
        for (at, entry) in writes {
            fixture.machine.vram.write(*at, &entry.to_le_bytes());
        }
    };
    // PD3 at 0x100000, PD2, PD1, PD0, a table of big pages at 0x104300, one of small pages.
    let writes = [
        (0x10_0000 + 3 * 8, 0x10_1000 >> 4 | 2),
        (0x10_1000 + 5 * 8, 0x10_2000 >> 4 | 2),
        (0x10_2000 + 6 * 8, 0x10_3000 >> 4 | 2),
        (0x10_3000 + 7 * 16, 0x10_4300 >> 4 | 2),
        (0x10_3000 + 7 * 16 + 8, 0x10_5000 >> 4 | 2),
        (
            0x10_5000 + 0x89 * 8,
            0xf_ffff << 36 | 0xabc_d000 >> 4 | 0xc1,
        ),
    ];
    vram_of(&mut fixture, &writes);
    assert_eq!(fixture.place(VA + 0x123), vram(0xabc_d123, 0xedd));
    let attributes = fixture.look(VA).unwrap().attributes;
    let expected = Attributes {
        read_only: true,
        atomic_disabled: true,
        kind: kind::PITCH,
        ..Attributes::default()
    };
    // The bits above the address are the line of compression tags.
    assert_eq!(attributes, expected);
    // A big page: volatile and privileged, in coherent system memory, generic.
    let big = 0x06 << 56 | 0x12_3456_0000 >> 4 | 0x2d;
    vram_of(&mut fixture, &[(0x10_4300 + 8 * 8, big)]);
    let system = (Some((Aperture::System, 0x12_3456_9000)), 0x7000);
    assert_eq!(fixture.place(VA), Ok(system));
    let attributes = fixture.look(VA).unwrap().attributes;
    assert!(attributes.is_volatile && attributes.privileged);
    assert_eq!(attributes.kind, kind::GENERIC_MEMORY);

    let mut fixture = Fixture::new(Architecture::Hopper, TlbMode::Lax);
    let va = 1 << 56 | VA;
    let writes = [
        (0x10_0000 + 8, 0x10_1000 | 2),
        (0x10_1000 + 3 * 8, 0x10_2000 | 2),
        (0x10_2000 + 5 * 8, 0x10_3000 | 2),
        (0x10_3000 + 6 * 8, 0x10_4000 | 2),
        (0x10_4000 + 7 * 16, 0x10_5300 | 2),
        (0x10_4000 + 7 * 16 + 8, 0x10_6000 | 2),
        // PRIVILEGE_RO_NO_ATOMIC_UNCACHED_ACD
        (0x10_6000 + 0x89 * 8, 0xabc_d000 | 6 << 8 | 0x1f << 3 | 1),
    ];
    vram_of(&mut fixture, &writes);
    assert_eq!(fixture.place(va + 0x123), vram(0xabc_d123, 0xedd));
    let expected = Attributes {
        read_only: true,
        privileged: true,
        atomic_disabled: true,
        is_volatile: true,
        kind: kind::GENERIC_MEMORY,
    };
    assert_eq!(fixture.look(va).unwrap().attributes, expected);
    // REGULAR_RW_ATOMIC_CACHED_ACD, in coherent system memory
    let big = 0xf_1234_5678_0000 | 6 << 8 | 0x10 << 3 | 5;
    vram_of(&mut fixture, &[(0x10_5300 + 8 * 8, big)]);
    let system = (Some((Aperture::System, 0xf_1234_5678_9000)), 0x7000);
    assert_eq!(fixture.place(va), Ok(system));
    let attributes = fixture.look(va).unwrap().attributes;
    assert!(!attributes.privileged && !attributes.read_only && !attributes.atomic_disabled);
}

#[test]
fn pages_of_all_sizes_are_found() {
    for mut fixture in Fixture::all() {
        for shift in fixture.shifts() {
            // Another directory of the root's next level for each size.
            let va = u64::from(shift) << 39 & !((1 << shift) - 1);
            let at = 3 << shift & (VRAM - 1);
            fixture.map(va, shift, Mapping::vram(at));
            let inside = (1 << shift) - 5;
            assert_eq!(fixture.place(va), vram(at, 1 << shift));
            assert_eq!(fixture.place(va + inside), vram(at + inside, 5));
            let (lower, upper) = (va.checked_sub(1), va + (1 << shift));
            for outside in lower.into_iter().chain([upper]) {
                assert!(fixture.look(outside).is_err(), "{shift} {outside:#x}");
            }
        }
    }
}

#[test]
fn turing_has_no_pages_of_512_mib_and_ampere_none_of_256_gib() {
    for (arch, shift) in [
        (Architecture::Turing, 29),
        (Architecture::Turing, 38),
        (Architecture::Ada, 38),
        (Architecture::Hopper, 38),
        (Architecture::BlackwellGb10x, 47),
    ] {
        let mut fixture = Fixture::new(arch, TlbMode::Lax);
        fixture.map(VA, shift, Mapping::vram(0));
        assert_eq!(fixture.look(VA), Err(FaultType::PdeSize));
    }
}

#[test]
fn the_low_bits_of_a_large_pages_address_are_ignored() {
    for mut fixture in Fixture::all() {
        fixture.map(VA, 21, Mapping::vram(0x7f_f000));
        assert_eq!(
            fixture.place(VA),
            vram(0x60_0000 + (VA & 0x1f_ffff), 0x20_0000 - (VA & 0x1f_ffff))
        );
    }
}

#[test]
fn each_level_can_be_missing() {
    for mut fixture in Fixture::all() {
        let levels = fixture.tables.format.directories;
        assert_eq!(fixture.look(VA), Err(FaultType::Pde), "empty root");
        fixture.map(VA, 12, Mapping::vram(0x5000));
        assert_eq!(fixture.place(VA), vram(0x5000, 0x1000));
        fixture.write_entry(VA, 12, 0);
        assert_eq!(fixture.look(VA), Err(FaultType::Pte));
        for level in levels.iter().rev() {
            fixture.write_entry(VA, level.shift, 0);
            assert_eq!(fixture.look(VA), Err(FaultType::Pde), "{level:?}");
        }
    }
}

#[test]
fn addresses_are_as_long_as_the_format() {
    for mut fixture in Fixture::all() {
        let bits = fixture.tables.format.va_bits;
        let last = (1 << bits) - 1;
        fixture.map(last, 12, Mapping::vram(0x5000));
        assert_eq!(fixture.place(last), vram(0x5fff, 1));
        for va in [last + 1, u64::MAX] {
            assert_eq!(fixture.look(va), Err(FaultType::VaLimit));
        }
        let mut bytes = [0xff; 2];
        let read = fixture.space().read(Address::Virtual(last), &mut bytes);
        assert_eq!(read.unwrap_err().address, Address::Virtual(last + 1));
        assert_eq!(bytes, [0, 0xff]);
    }
}

#[test]
fn big_pages_come_before_small_ones() {
    for mut fixture in Fixture::all() {
        let version = fixture.version();
        fixture.map(VA, 12, Mapping::vram(0x5000));
        fixture.map(VA, 16, Mapping::vram(0x1_0000));
        assert_eq!(fixture.place(VA), vram(0x1_9000, 0x7000));
        fixture.write_entry(VA, 16, sparse(version));
        assert_eq!(fixture.place(VA), Ok((None, 0x7000)));
        fixture.write_entry(VA, 16, no_small_pages(version));
        assert_eq!(fixture.look(VA), Err(FaultType::Pte));
        fixture.write_entry(VA, 16, 0);
        assert_eq!(fixture.place(VA), vram(0x5000, 0x1000));
    }
    // Both bits are not sparse; what no source explains isn't either.
    for (arch, entry) in [(Architecture::Ada, 0x28), (Architecture::Hopper, 0x10)] {
        let mut fixture = Fixture::new(arch, TlbMode::Lax);
        fixture.map(VA, 12, Mapping::vram(0x5000));
        for shift in [16, 12] {
            fixture.write_entry(VA, shift, entry);
            assert_eq!(fixture.look(VA), Err(FaultType::Pte), "{shift}");
        }
    }
}

#[test]
fn an_empty_big_page_without_small_ones_is_an_invalid_page() {
    for mut fixture in Fixture::all() {
        fixture.map(VA, 16, Mapping::vram(0x1_0000));
        fixture.write_entry(VA, 16, 0);
        assert_eq!(fixture.look(VA), Err(FaultType::Pte));
    }
}

#[test]
fn every_level_can_be_sparse() {
    for mut fixture in Fixture::all() {
        let version = fixture.version();
        let levels = fixture.tables.format.directories;
        let small = fixture.tables.format.small;
        for level in [small].iter().chain(levels.iter().rev()) {
            fixture.write_entry(VA, level.shift, sparse(version));
            let left = (1 << level.shift) - (VA & ((1 << level.shift) - 1));
            assert_eq!(fixture.place(VA), Ok((None, left)), "{level:?}");
        }
    }
}

#[test]
fn only_the_half_of_the_big_pages_makes_pd0_sparse() {
    for mut fixture in Fixture::all() {
        let entry = u128::from(sparse(fixture.version()));
        let mut physical = fixture.machine.physical();
        fixture.tables.write(&mut physical, VA, 21, entry << 64);
        assert_eq!(fixture.look(VA), Err(FaultType::Pde));
        // It wins over a table of small pages.
        fixture.map(VA, 12, Mapping::vram(0x5000));
        let mut physical = fixture.machine.physical();
        let (at, _) = fixture.tables.entry(&mut physical, VA, 21);
        physical.write(Aperture::Vram, at, &[8]).unwrap();
        assert_eq!(fixture.place(VA), Ok((None, 0x20_0000 - (VA & 0x1f_ffff))));
    }
}

#[test]
fn sparse_pages_read_as_zero_and_drop_writes() {
    for mut fixture in Fixture::all() {
        let version = fixture.version();
        fixture.map(VA, 12, Mapping::vram(0x5000));
        fixture.write_entry(VA + 0x1000, 12, sparse(version));
        fixture.map(VA + 0x2000, 12, Mapping::vram(0x6000));
        let mut space = fixture.space();
        let at = Address::Virtual(VA + 0xffe);
        space.write(at, &[7; 0x1004]).unwrap();
        let mut bytes = [0xff; 0x1004];
        space.read(at, &mut bytes).unwrap();
        assert_eq!(
            (bytes[..2].to_vec(), bytes[0x1002..].to_vec()),
            (vec![7; 2], vec![7; 2])
        );
        assert!(bytes[2..0x1002].iter().all(|&byte| byte == 0));
        let mut seen = None;
        let change = &mut |old| {
            seen = Some(old);
            1
        };
        space.update(at.plus(2), 8, change).unwrap();
        assert_eq!(seen, Some(0));
    }
}

#[test]
fn tables_can_be_in_the_machines_memory() {
    for arch in ARCHITECTURES {
        let mut fixture = Fixture::new(arch, TlbMode::Lax);
        let pool = fixture.machine.system.place(&[0; 0x1_0000]);
        let page = fixture.machine.system.place(b"a page of the machine");
        fixture.tables = Tables::new(Format::of(arch), Aperture::System, pool);
        fixture.map(VA, 12, Mapping::system(page));
        fixture.map(VA + 0x20_0000, 16, Mapping::vram(0x1_0000));
        assert_eq!(
            fixture.place(VA),
            Ok((Some((Aperture::System, page)), 0x1000))
        );
        assert_eq!(fixture.place(VA + 0x20_0000), vram(0x1_9000, 0x7000));
        let mut bytes = [0; 6];
        let at = Address::Virtual(VA + 2);
        fixture.space().read(at, &mut bytes).unwrap();
        assert_eq!(&bytes, b"page o");
        fixture.machine.is_bus_master = false;
        assert_eq!(fixture.look(VA), Err(FaultType::Region));
    }
}

#[test]
fn tables_out_of_reach_fault() {
    for mut fixture in Fixture::all() {
        fixture.map(VA, 12, Mapping::vram(0x5000));
        // Behind the end of the frame buffer.
        let (at, _) = fixture
            .tables
            .entry(&mut fixture.machine.physical(), VA, 12);
        fixture.machine.vram = {
            let smaller = Machine::with_vram(at).vram;
            let mut bytes = vec![0; (at - TABLES) as usize];
            fixture.machine.vram.read(TABLES, &mut bytes);
            let mut vram = smaller;
            vram.write(TABLES, &bytes);
            vram
        };
        assert_eq!(fixture.look(VA), Err(FaultType::Region));
    }
    for mut fixture in Fixture::all() {
        fixture.map(VA, 12, Mapping::vram(0x5000));
        for shift in fixture
            .tables
            .format
            .directories
            .iter()
            .map(|level| level.shift)
            .chain([12])
        {
            // In WPR2.
            let (at, _) = fixture
                .tables
                .entry(&mut fixture.machine.physical(), VA, shift);
            fixture.machine.protected = Some(at..at + 1);
            assert_eq!(fixture.look(VA), Err(FaultType::Region), "{shift}");
            fixture.machine.protected = None;
        }
        assert!(fixture.look(VA).is_ok());
    }
}

/// Directories that lead to themselves end as the last level does: with an entry that is taken for
/// one of a page table.
#[test]
fn tables_that_lead_to_themselves_end() {
    for mut fixture in Fixture::all() {
        let entry = match fixture.version() {
            Version::Ver2 => TABLES >> 4 | 2,
            Version::Ver3 => TABLES | 2,
        };
        for at in (TABLES..TABLES + 0x1000).step_by(8) {
            fixture.machine.vram.write(at, &entry.to_le_bytes());
        }
        assert_eq!(fixture.look(VA), Err(FaultType::Pte));
    }
}

#[test]
fn pages_refuse_what_their_attributes_say() {
    let read_only = Mapping {
        read_only: true,
        ..Mapping::vram(0x5000)
    };
    let privileged = Mapping {
        privileged: true,
        ..Mapping::vram(0x6000)
    };
    let no_atomic = Mapping {
        atomic_disabled: true,
        ..Mapping::vram(0x7000)
    };
    let [rw, ro, privilege, atomic] = [0, 1, 2, 3].map(|page| Address::Virtual(VA + page * 0x1000));
    for mut fixture in Fixture::all() {
        fixture.map(VA, 12, Mapping::vram(0x4000));
        fixture.map(VA + 0x1000, 12, read_only);
        fixture.map(VA + 0x2000, 12, privileged);
        fixture.map(VA + 0x3000, 12, no_atomic);
        let mut space = fixture.space();
        for is_privileged in [false, true] {
            space.is_privileged = is_privileged;
            let mut tried = |at, access| {
                let fault = match access {
                    Access::Read => space.read(at, &mut [0; 4]),
                    Access::Write => space.write(at, &[1; 4]),
                    Access::Atomic => space.update(at, 4, &mut |old| old + 1),
                }
                .err()?;
                assert_eq!((fault.address, fault.access), (at, access));
                Some(fault.reason)
            };
            for access in [Access::Read, Access::Write, Access::Atomic] {
                let is_read = access == Access::Read;
                let is_atomic = access == Access::Atomic;
                assert_eq!(tried(rw, access), None);
                assert_eq!(tried(ro, access), (!is_read).then_some(FaultType::ReadOnly));
                let expected = (!is_privileged).then_some(FaultType::Privilege);
                assert_eq!(tried(privilege, access), expected);
                assert_eq!(
                    tried(atomic, access),
                    is_atomic.then_some(FaultType::Atomic)
                );
            }
        }
    }
}

#[test]
fn kinds_and_apertures_that_do_not_exist_fault() {
    for arch in ARCHITECTURES {
        let mut fixture = Fixture::new(arch, TlbMode::Lax);
        let kinds: &[u8] = match arch {
            // Without those for depth.
            Architecture::BlackwellGb20x => &[0, 6, 8, 9, 0xf],
            _ => &[0, 1, 2, 3, 4, 5, 6, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf],
        };
        let end = match fixture.version() {
            Version::Ver2 => 0x20,
            Version::Ver3 => 0x10,
        };
        for shift in fixture.shifts() {
            // Another directory of the root's next level for each size.
            let va = u64::from(shift) << 39 & !((1 << shift) - 1);
            for kind in 0..end {
                let mapping = Mapping {
                    kind,
                    ..Mapping::vram(0)
                };
                fixture.map(va, shift, mapping);
                let found = fixture.look(va).map(|page| page.attributes.kind);
                let expected = match kinds.contains(&kind) {
                    true => Ok(kind),
                    false => Err(FaultType::UnsupportedKind),
                };
                assert_eq!(found, expected, "{arch:?} {shift} {kind}");
            }
        }
        let peer = Mapping {
            aperture: PteAperture::PeerMemory,
            ..Mapping::vram(0x5000)
        };
        fixture.map(VA, 12, peer);
        assert_eq!(fixture.look(VA), Err(FaultType::UnsupportedAperture));
    }
}

#[test]
fn a_fault_leaves_what_lies_before_it() {
    for mut fixture in Fixture::all() {
        fixture.map(VA, 12, Mapping::vram(0x5000));
        fixture.map(VA + 0x1000, 12, Mapping::vram(0x8000));
        fixture.machine.protected = Some(0x8010..0x9000);
        let mut space = fixture.space();
        let at = Address::Virtual(VA + 0xffc);
        let fault = MmuFault {
            address: Address::Virtual(VA + 0x1010),
            access: Access::Write,
            reason: FaultType::Region,
        };
        assert_eq!(space.write(at, &[7; 0x40]), Err(fault));
        let mut bytes = [0; 0x40];
        let read = MmuFault {
            access: Access::Read,
            ..fault
        };
        assert_eq!(space.read(at, &mut bytes), Err(read));
        let mut expected = [0; 0x40];
        expected[..0x14].fill(7);
        assert_eq!(bytes, expected);
        // Atomic accesses that cross pages happen as a whole, or not at all.
        let fault = MmuFault {
            address: Address::Virtual(VA + 0x2000),
            access: Access::Atomic,
            reason: FaultType::Pte,
        };
        space.physical.protected = None;
        let last = Address::Virtual(VA + 0x1ffc);
        assert_eq!(space.update(last, 8, &mut |_| !0), Err(fault));
        assert_eq!(<dyn Memory>::read_u32(&mut space, last), Ok(0));
        let crossing = Address::Virtual(VA + 0xffc);
        space
            .update(crossing, 8, &mut |old| old + 0x1_0000_0001)
            .unwrap();
        assert_eq!(
            <dyn Memory>::read_u64(&mut space, crossing),
            Ok(0x0707_0708_0707_0708)
        );
        space.update(crossing, 4, &mut |old| old << 8).unwrap();
        assert_eq!(
            <dyn Memory>::read_u64(&mut space, crossing),
            Ok(0x0707_0708_0707_0800)
        );
    }
}

#[test]
fn physical_addresses_go_around_the_tables() {
    let mut fixture = Fixture::new(Architecture::Ada, TlbMode::Strict);
    let page = fixture.machine.system.place(&[0; 0x1000]);
    let mut space = fixture.space();
    space.root = Err(FaultType::UnboundInstance);
    for at in [
        Address::Physical(Aperture::Vram, 0x5000),
        Address::Physical(Aperture::System, page),
    ] {
        space.write(at, &[1, 2, 3, 4]).unwrap();
        space.update(at, 8, &mut |old| old + 1).unwrap();
        assert_eq!(<dyn Memory>::read_u64(&mut space, at), Ok(0x0403_0202));
    }
    for (aperture, at, address) in [
        (Aperture::Vram, VRAM - 2, VRAM),
        (Aperture::Vram, u64::MAX, u64::MAX),
        (Aperture::System, u64::MAX, u64::MAX),
    ] {
        let fault = MmuFault {
            address: Address::Physical(aperture, address),
            access: Access::Read,
            reason: FaultType::Region,
        };
        let read = space.read(Address::Physical(aperture, at), &mut [0; 4]);
        assert_eq!(read, Err(fault));
    }
    let unbound = space.read(Address::Virtual(VA), &mut [0]).unwrap_err();
    assert_eq!(unbound.reason, FaultType::UnboundInstance);
}

#[test]
fn an_instance_block_leads_to_the_tables() {
    let mut fixture = Fixture::new(Architecture::Ada, TlbMode::Strict);
    let mut physical = fixture.machine.physical();
    fixture.tables.bind(&mut physical, Aperture::Vram, 0x3000);
    let root = instance::root(&physical, Aperture::Vram, 0x3000);
    assert_eq!(root, Ok(fixture.tables.root));
}

/// A change of the tables that shows only after an invalidation.
fn shows_after(
    fixture: &mut Fixture,
    change: impl FnOnce(&mut Fixture),
    too_little: &[Invalidation],
    enough: Invalidation,
) {
    let before = fixture.place(VA);
    change(fixture);
    assert_eq!(fixture.place(VA), before);
    for &invalidation in too_little {
        fixture.mmu.invalidate(invalidation);
        assert_eq!(fixture.place(VA), before, "{invalidation:?}");
    }
    fixture.mmu.invalidate(enough);
    let after = fixture.place(VA);
    assert_ne!(after, before);
    fixture.mmu.set_mode(TlbMode::Lax);
    assert_eq!(fixture.place(VA), after);
    fixture.mmu.set_mode(TlbMode::Strict);
}

#[test]
fn strict_tlbs_are_stale_until_invalidated() {
    for arch in ARCHITECTURES {
        let mut fixture = Fixture::new(arch, TlbMode::Strict);
        let root = Some(fixture.tables.root);
        let invalidate = |levels| Invalidation { root, levels };
        let other = Invalidation {
            root: Some(Root {
                aperture: Aperture::System,
                address: TABLES,
            }),
            levels: usize::MAX,
        };

        // A page that appears, changes, and goes.
        let map = |to| move |fixture: &mut Fixture| fixture.map(VA, 12, Mapping::vram(to));
        shows_after(&mut fixture, map(0x5000), &[other], invalidate(usize::MAX));
        shows_after(&mut fixture, map(0x6000), &[other], invalidate(0));
        shows_after(&mut fixture, map(0x7000), &[], Invalidation::ALL);
        let clear = |fixture: &mut Fixture| fixture.write_entry(VA, 12, 0);
        shows_after(&mut fixture, clear, &[other], invalidate(0));

        // A page of 2 MiB in place of a table: PD0 is kept by an invalidation of pages alone.
        fixture.map(VA, 12, Mapping::vram(0x5000));
        let huge = |fixture: &mut Fixture| {
            let entry = Mapping::vram(0x20_0000).entry(fixture.version());
            fixture.write_entry(VA, 21, entry);
        };
        shows_after(&mut fixture, huge, &[other, invalidate(0)], invalidate(1));
        let clear = |fixture: &mut Fixture| fixture.write_entry(VA, 21, 0);
        shows_after(&mut fixture, clear, &[other, invalidate(0)], invalidate(1));

        // An empty PD2.
        fixture.map(VA, 12, Mapping::vram(0x5000));
        let clear = |fixture: &mut Fixture| fixture.write_entry(VA, 38, 0);
        let too_little = [invalidate(0), invalidate(1), invalidate(2)];
        shows_after(&mut fixture, clear, &too_little, invalidate(3));
    }
}

#[test]
fn lax_tlbs_keep_nothing() {
    for mut fixture in Fixture::all() {
        for to in [0x5000, 0x6000] {
            fixture.map(VA, 12, Mapping::vram(to));
            assert_eq!(fixture.place(VA), vram(to, 0x1000));
        }
    }
}

#[test]
fn address_spaces_are_kept_apart() {
    for arch in ARCHITECTURES {
        let mut fixture = Fixture::new(arch, TlbMode::Strict);
        fixture.map(VA, 12, Mapping::vram(0x5000));
        assert_eq!(fixture.place(VA), vram(0x5000, 0x1000));
        let first = fixture.tables.clone();
        fixture.tables = Tables::new(Format::of(arch), Aperture::Vram, 0x40_0000);
        fixture.map(VA, 12, Mapping::vram(0x6000));
        assert_eq!(fixture.place(VA), vram(0x6000, 0x1000));
        fixture.tables = first;
        assert_eq!(fixture.place(VA), vram(0x5000, 0x1000));
    }
}

#[test]
fn tlbs_are_bounded() {
    let mut fixture = Fixture::new(Architecture::Ada, TlbMode::Strict);
    let count = if cfg!(miri) { 0x40 } else { 0x5000 };
    for page in 0..count {
        fixture.look(page << 12).unwrap_err();
    }
    // The first one has made room.
    fixture.map(0, 12, Mapping::vram(0x5000));
    if !cfg!(miri) {
        assert_eq!(fixture.place(0), vram(0x5000, 0x1000));
    }
    assert!(fixture.look(0x3f000).is_err());
}

/// An entry that leads somewhere into a small frame buffer, or anywhere, or nowhere.
fn any_entry() -> impl Strategy<Value = u64> {
    let inside = (0..0x20_u64, any::<u64>());
    prop_oneof![
        any::<u64>(),
        Just(0),
        // Directories and pages of version 2, and of version 3.
        inside
            .clone()
            .prop_map(|(page, bits)| page << 8 | bits & 0xff),
        inside.prop_map(|(page, bits)| page << 12 | bits & 0xfff),
        (0..0x20_u64).prop_map(|page| page << 8 | 2),
        (0..0x20_u64).prop_map(|page| page << 12 | 2),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 128 }))]

    /// Whatever the tables are, an access ends, and strict TLBs find at first what is there.
    #[test]
    fn any_tables_can_be_walked(
        entries in proptest::collection::vec(any_entry(), 256),
        addresses in proptest::collection::vec(any::<u64>(), 8),
        arch in proptest::sample::select(&ARCHITECTURES),
        len in 1..0x3000_usize,
    ) {
        let mut fixture = Fixture::new(arch, TlbMode::Strict);
        fixture.machine = Machine::with_vram(0x2_0000);
        fixture.machine.protected = Some(0x1_e000..0x1_f000);
        fixture.machine.system.place(&[1; 0x2000]);
        for at in (0..0x2_0000).step_by(8) {
            let entry = entries[at * 7 / 8 % entries.len()];
            fixture.machine.vram.write(at as u64, &entry.to_le_bytes());
        }
        fixture.tables = Tables::new(Format::of(arch), Aperture::Vram, 0x1000);
        let mut lax = Mmu::new(arch, TlbMode::Lax);
        for va in addresses {
            let va = va & ((1 << (fixture.tables.format.va_bits + 1)) - 1);
            fixture.mmu.invalidate(Invalidation::ALL);
            let found = fixture.look(va);
            let root = fixture.tables.root;
            prop_assert_eq!(lax.translate(&fixture.machine.physical(), root, va), found);
            prop_assert_eq!(fixture.look(va), found);
            let at = Address::Virtual(va);
            let mut space = fixture.space();
            let mut bytes = vec![0; len];
            let read = space.read(at, &mut bytes);
            if let (Err(reason), Err(fault)) = (found, read) {
                prop_assert_eq!((fault.address, fault.reason), (at, reason));
            }
            prop_assert!(found.is_ok() || read.is_err());
            let _ = space.write(at, &bytes);
            let _ = space.update(at, 8, &mut |old| !old);
        }
    }

    /// What a test maps is what is found, with any pages beside it.
    #[test]
    fn mapped_pages_are_found(
        pages in proptest::collection::vec((0..0x40_u64, 0..3_usize, 0..0x100_u64), 1..40),
        arch in proptest::sample::select(&ARCHITECTURES),
    ) {
        let mut fixture = Fixture::new(arch, TlbMode::Strict);
        let mut expected = std::collections::BTreeMap::new();
        for (slot, size, to) in pages {
            // 2 MiB for each slot, with one size of pages.
            let va = VA & !0x1f_ffff | slot << 21;
            let shift = [12, 16, 21][size];
            if expected.contains_key(&va) {
                continue;
            }
            let to = (to + 1) << 21;
            fixture.map(va, shift, Mapping::vram(to));
            expected.insert(va, (shift, to));
        }
        for (va, (shift, to)) in expected {
            prop_assert_eq!(fixture.place(va + 5), vram(to + 5, (1 << shift) - 5));
        }
    }
}

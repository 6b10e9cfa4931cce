// SPDX-License-Identifier: GPL-2.0

//! The driver's page tables, as the mocked MMU reads them.

mod model;
mod vram;

use nova_core::{Aperture, Attributes, Block, Change, PageTables, Spare};
use nova_hw::chipset::Architecture;
use nova_hw::gmmu::{kind, Format};
use nova_mock::Place;
use proptest::prelude::*;

use model::{Model, Operation};
use vram::Vram;

/// An architecture for each format. GB10x and GB20x differ in kinds alone.
const ARCHITECTURES: [Architecture; 4] = [
    Architecture::Turing,
    Architecture::Ada,
    Architecture::Hopper,
    Architecture::BlackwellGb20x,
];

const fn of_kind(kind: u8) -> Attributes {
    Attributes {
        kind,
        read_only: false,
        privileged: false,
    }
}

/// An address space in a frame buffer, and what should be mapped in it.
struct Space {
    format: &'static Format,
    vram: Vram,
    tables: PageTables<Vram>,
    spare: Spare<Vram>,
    model: Model,
}

impl Space {
    fn new(arch: Architecture) -> Self {
        let vram = Vram::new(arch);
        let format = Format::of(arch);
        let tables = PageTables::new(&vram, format).unwrap();
        Self {
            format,
            vram,
            tables,
            spare: Spare::new(),
            model: Model::default(),
        }
    }

    /// Prepares a change, and makes it.
    fn change(&mut self, operation: &Operation) {
        let mut spare = core::mem::take(&mut self.spare);
        self.vram.note_tables();
        self.prepare(&mut spare, operation);
        self.make(&mut spare, operation);
        self.spare = spare;
    }

    fn prepare(&self, spare: &mut Spare<Vram>, operation: &Operation) {
        let range = operation.range.clone();
        let prepared = spare.prepare(&self.vram, self.format, range, operation.change());
        prepared.expect("memory");
    }

    /// Makes a change that has been prepared. The MMU looks on.
    fn make(&mut self, spare: &mut Spare<Vram>, operation: &Operation) {
        let Self {
            vram,
            tables,
            model,
            ..
        } = self;
        let range = operation.range.clone();
        vram.watch(Some(model.watch(operation, tables.root())));
        match &operation.blocks {
            Some((blocks, attributes)) => {
                tables.map(spare, range, blocks.iter().copied(), *attributes);
            }
            None if operation.is_sparse => tables.map_sparse(spare, range),
            None => tables.unmap(spare, range),
        }
        vram.watch(None);
        model.apply(operation.clone());
    }

    /// Ends a call: only now may tables be freed that the MMU may know of.
    fn invalidate(&mut self) {
        self.vram.invalidate();
        self.spare = Spare::new();
        self.model.invalidated();
        for (va, expected) in self.model.probes() {
            let found = self.vram.translate(self.tables.root(), va);
            assert!(
                expected.is(found),
                "{va:#x}: {found:x?}, not {expected:x?}\n{:#x?}",
                self.model
            );
        }
    }

    fn map(&mut self, va: u64, blocks: &[Block], page_shift: u32) {
        self.map_kind(va, blocks, page_shift, kind::GENERIC_MEMORY);
    }

    fn map_kind(&mut self, va: u64, blocks: &[Block], page_shift: u32, kind: u8) {
        let size: u64 = blocks.iter().map(|block| block.size).sum();
        self.change(&Operation {
            range: va..va + size,
            blocks: Some((blocks.to_vec(), of_kind(kind))),
            page_shift,
            is_sparse: false,
        });
    }

    fn sparse(&mut self, va: u64, size: u64) {
        self.change(&Operation {
            range: va..va + size,
            blocks: None,
            page_shift: 12,
            is_sparse: true,
        });
    }

    fn unmap(&mut self, va: u64, size: u64) {
        self.change(&Operation {
            range: va..va + size,
            blocks: None,
            page_shift: 12,
            is_sparse: false,
        });
    }

    /// Size of the page at an address.
    fn page_size(&self, va: u64) -> u64 {
        let found = self.vram.translate(self.tables.root(), va).unwrap();
        assert_eq!(va & (found.left - 1), 0, "not the start of a page");
        found.left
    }
}

fn in_vram(address: u64, size: u64) -> Block {
    Block {
        aperture: Aperture::Vram,
        address,
        size,
    }
}

fn in_system(address: u64, size: u64) -> Block {
    Block {
        aperture: Aperture::System,
        address,
        size,
    }
}

const K: u64 = 1 << 10;
const M: u64 = 1 << 20;

#[test]
fn each_part_gets_the_largest_pages() {
    for arch in ARCHITECTURES {
        let mut space = Space::new(arch);
        // From 60 KiB before 2 MiB on, all borders are the same in VRAM.
        let va = 8 * M - 60 * K;
        space.map(va, &[in_vram(0x4000_0000 - 60 * K, 4 * M + 200 * K)], 12);
        space.invalidate();
        assert_eq!(space.page_size(va), 4 * K);
        assert_eq!(space.page_size(8 * M), 2 * M);
        assert_eq!(space.page_size(12 * M), 64 * K);
        assert_eq!(space.page_size(12 * M + 64 * K), 64 * K);
        assert_eq!(space.page_size(12 * M + 128 * K), 4 * K);
        // The end of a block is in the middle of a page.
        let blocks = [in_vram(0x20_0000, M), in_vram(0x80_0000, M)];
        space.map(32 * M, &blocks, 16);
        space.invalidate();
        assert_eq!(space.page_size(32 * M), 64 * K);
        assert_eq!(space.page_size(33 * M), 64 * K);
        // System memory has small pages.
        space.map(64 * M, &[in_system(0x1_0000_0000, 4 * M)], 12);
        space.invalidate();
        assert_eq!(space.page_size(64 * M), 4 * K);
        // Where there are such pages.
        let large = Format::of(arch)
            .directories
            .iter()
            .any(|level| level.shift == 29 && level.has_pages);
        space.map(1 << 40, &[in_vram(1 << 30, 1 << 30)], 21);
        space.invalidate();
        let expected = if large { 512 * M } else { 2 * M };
        assert_eq!(space.page_size(1 << 40), expected);
    }
}

#[test]
fn only_words_that_matter_are_written() {
    for arch in ARCHITECTURES {
        let mut space = Space::new(arch);
        let written = |space: &mut Space, change: &dyn Fn(&mut Space)| {
            let before = space.tables.words_written();
            change(space);
            space.invalidate();
            space.tables.words_written() - before
        };
        // Keeps the directories.
        space.map(0, &[in_vram(0, 2 * M)], 21);
        let words = written(&mut space, &|space| {
            space.map(64 * M, &[in_system(0x1_0000_0000, 64 * M)], 12);
        });
        assert_eq!(words, 32 * (512 + 1), "small pages");
        let words = written(&mut space, &|space| space.unmap(64 * M, 64 * M));
        assert_eq!(words, 32, "tables are unlinked, not cleared");
        let words = written(&mut space, &|space| {
            space.map(64 * M, &[in_vram(64 * M, 64 * M)], 21);
        });
        assert_eq!(words, 32, "pages of 2 MiB");
        let words = written(&mut space, &|space| space.unmap(66 * M, 64 * K));
        assert_eq!(words, 32 + 1 + 1, "a page of 2 MiB is cut");
        let words = written(&mut space, &|space| space.unmap(66 * M + 64 * K, 4 * K));
        assert_eq!(words, 16 + 32 + 1 + 2, "one of 64 KiB is cut");
        let words = written(&mut space, &|space| space.unmap(66 * M + 128 * K, 4 * K));
        assert_eq!(words, 16 + 1, "another one");
        let words = written(&mut space, &|space| space.unmap(66 * M, 2 * M));
        assert_eq!(words, 2, "two tables are unlinked");
    }
}

#[test]
fn what_is_not_mapped_takes_no_tables() {
    for arch in ARCHITECTURES {
        let mut space = Space::new(arch);
        let end = 1 << Format::of(arch).va_bits;
        space.unmap(0, end);
        space.unmap(0x1000, 0x1000);
        space.unmap(end - 0x1000, 0x1000);
        space.invalidate();
        assert_eq!(
            space.tables.words_written(),
            u64::from(space.tables.root_entries())
        );
        space.sparse(0, end);
        space.invalidate();
        assert_eq!(space.vram.tables(), 1, "directories are sparse themselves");
        space.unmap(0, end);
        space.invalidate();
        drop(space.tables);
        assert_eq!(space.vram.tables(), 0);
    }
}

/// What is beside the cut stays throughout, as `Space::change` checks.
#[test]
fn pages_of_every_size_are_cut() {
    for arch in ARCHITECTURES {
        let directories = Format::of(arch).directories.iter();
        let shifts = directories.filter(|level| level.has_pages);
        for shift in shifts.map(|level| level.shift).chain([16]) {
            let mut space = Space::new(arch);
            let size = 1 << shift;
            for cut in [0, size / 2, size - 4 * K] {
                space.map(size, &[in_vram(size, size)], shift);
                space.invalidate();
                assert_eq!(space.page_size(size), size);
                space.unmap(size + cut, 4 * K);
                space.map(size + cut, &[in_system(0x1_0000_0000, 4 * K)], 12);
                space.invalidate();
            }
            space.map(size, &[in_vram(size, size)], shift);
            space.sparse(size + size / 2, 64 * K.min(size / 2));
            space.invalidate();
        }
    }
}

/// The same memory, so that the kind alone makes the difference. `Space::change` checks what is beside.
#[test]
fn pages_of_every_size_get_another_kind() {
    for arch in ARCHITECTURES {
        let format = Format::of(arch);
        let directories = format.directories.iter();
        let shifts = directories.filter(|level| level.has_pages);
        for shift in shifts.map(|level| level.shift).chain([16, 12]) {
            let mut space = Space::new(arch);
            let size = 1 << shift;
            let kind_at = |space: &Space, va| {
                let found = space.vram.translate(space.tables.root(), va);
                found.unwrap().kind
            };
            for kind in (0..16).filter(|kind| format.kinds.has(*kind)) {
                space.map_kind(size, &[in_vram(size, size)], shift, kind);
                space.invalidate();
                assert_eq!(space.page_size(size), size);
                assert_eq!(kind_at(&space, 2 * size - 4 * K), kind);
                // The last page, and the rest keeps what it had.
                let last = 2 * size - 4 * K;
                space.map_kind(last, &[in_vram(last, 4 * K)], 12, kind::PITCH);
                space.invalidate();
                assert_eq!(kind_at(&space, last), kind::PITCH);
                let expected = if shift == 12 { kind::PITCH } else { kind };
                assert_eq!(kind_at(&space, size), expected);
            }
        }
    }
}

#[test]
fn sparse_entries_of_every_size_are_cut() {
    for arch in ARCHITECTURES {
        let directories = Format::of(arch).directories.iter();
        for shift in directories.map(|level| level.shift).chain([16]) {
            let mut space = Space::new(arch);
            let size = 1 << shift;
            for cut in [0, size / 2, size - 4 * K] {
                space.sparse(size, size);
                space.invalidate();
                space.map(size + cut, &[in_system(0x1_0000_0000, 4 * K)], 12);
                space.invalidate();
            }
            space.unmap(size + size / 4, size / 2);
            space.invalidate();
        }
    }
}

#[test]
fn a_page_of_64_kib_says_where_small_pages_are() {
    for arch in ARCHITECTURES {
        let mut space = Space::new(arch);
        // Small pages, then a large one in their place, then small ones beside it.
        space.map(4 * M, &[in_system(0x1_0000_0000, 64 * K)], 12);
        space.invalidate();
        let tables = space.vram.tables();
        space.map(4 * M, &[in_vram(64 * K, 64 * K)], 16);
        space.invalidate();
        assert_eq!(space.vram.tables(), tables, "one table less, and one more");
        space.map(4 * M + 64 * K, &[in_system(0x2_0000_0000, 4 * K)], 12);
        space.invalidate();
        // Their entries are still in the table, and not in use.
        space.unmap(4 * M, 64 * K);
        space.invalidate();
        let root = space.tables.root();
        assert!(space.vram.translate(root, 4 * M + 4 * K).is_err());
        let found = space.vram.translate(root, 4 * M + 64 * K).unwrap();
        assert_eq!(found.place, Place::System(0x2_0000_0000));
    }
}

#[test]
fn tables_of_small_pages_are_not_seen_without_theirs_of_big_ones() {
    for arch in ARCHITECTURES {
        let mut space = Space::new(arch);
        // Half of 2 MiB takes big pages, half of it small ones, then the other way round.
        let big_first = [in_vram(16 * M, M), in_vram(64 * M + 4 * K, M)];
        let small_first = [in_vram(32 * M + 4 * K, M), in_vram(128 * M, M)];
        for blocks in [&big_first, &small_first, &big_first] {
            space.map(4 * M, blocks, 12);
            space.invalidate();
        }
        space.unmap(4 * M, 2 * M);
        space.invalidate();
    }
}

#[test]
fn memory_that_is_missing_is_told() {
    use nova_core::MemoryError;

    for arch in ARCHITECTURES {
        let space = Space::new(arch);
        let change = Change::Map {
            aperture: Aperture::System,
            page_shift: 12,
        };
        space.vram.limit(Some(3));
        let mut spare = Spare::new();
        let full = spare.prepare(&space.vram, space.format, 0..4 * M, change);
        assert!(matches!(full, Err(MemoryError::NoVram(_))));
        drop(spare);
        assert_eq!(space.vram.tables(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any sequence of changes. The frame buffer says what else is checked.
    #[test]
    fn the_mmu_finds_what_was_mapped(
        operations in model::operations(),
        piecewise in any::<bool>(),
    ) {
        for arch in ARCHITECTURES {
            let mut space = Space::new(arch);
            let end = 1 << Format::of(arch).va_bits;
            for (seed, is_last) in &operations {
                space.change(&seed.operation(arch));
                if *is_last {
                    space.invalidate();
                }
            }
            space.invalidate();
            // An empty address space has no tables but its root.
            match piecewise {
                true => for range in space.model.ranges() {
                    space.unmap(range.start, range.end - range.start);
                }
                false => space.unmap(0, end),
            }
            space.invalidate();
            prop_assert_eq!(space.vram.tables(), 1);
            drop(space.tables);
            prop_assert_eq!(space.vram.tables(), 0);
        }
    }

    /// Changes that are prepared long before, each for itself, and made in any order; some never are.
    #[test]
    fn changes_may_wait(
        operations in model::operations(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        never in any::<prop::sample::Index>(),
    ) {
        for arch in ARCHITECTURES {
            let mut space = Space::new(arch);
            let operations = operations.iter().map(|(seed, _)| seed.operation(arch));
            let mut waiting: Vec<_> = operations
                .map(|operation| {
                    let mut spare = Spare::new();
                    space.prepare(&mut spare, &operation);
                    (operation, spare)
                })
                .collect();
            let mut left = waiting.len() - never.index(waiting.len());
            while left > 0 {
                left -= 1;
                let (operation, mut spare) = waiting.swap_remove(order[left % order.len()].index(waiting.len()));
                space.vram.note_tables();
                space.make(&mut spare, &operation);
                space.invalidate();
                drop(spare);
            }
            drop(waiting);
            space.unmap(0, 1 << Format::of(arch).va_bits);
            space.invalidate();
            prop_assert_eq!(space.vram.tables(), 1);
        }
    }
}

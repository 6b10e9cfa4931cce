// SPDX-License-Identifier: GPL-2.0

//! What can be seen without an MMU. `tests/card/page_tables.rs` has the mocked one read the tables.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec::Vec;

use nova_hw::chipset::Architecture;
use nova_hw::gmmu::kind;
use zerocopy::FromZeros;

use super::blocks::Aperture;
use super::prepare::{Change, Need};
use super::*;
use crate::platform::OutOfMemory;
use crate::testing::Allocator;

/// Memory for tables; words that were not written are missing.
#[derive(Default)]
struct Vram {
    plain: Allocator,
    next: Cell<u64>,
    words: Rc<RefCell<BTreeMap<u64, u64>>>,
    tables: Rc<Cell<usize>>,
}

struct Table {
    address: u64,
    words: Rc<RefCell<BTreeMap<u64, u64>>>,
    tables: Rc<Cell<usize>>,
}

impl TableMemory for Table {
    fn address(&self) -> u64 {
        self.address
    }

    fn write(&self, first: usize, words: &[u64]) {
        for (at, word) in (self.address + first as u64 * 8..).step_by(8).zip(words) {
            self.words.borrow_mut().insert(at, *word);
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.tables.set(self.tables.get() - 1);
    }
}

impl TableSource for Vram {
    type Table = Table;

    fn alloc_table(&self) -> Result<Table, MemoryError> {
        self.next.set(self.next.get() + 0x1000);
        self.tables.set(self.tables.get() + 1);
        Ok(Table {
            address: self.next.get(),
            words: self.words.clone(),
            tables: self.tables.clone(),
        })
    }
}

impl Scratch for Vram {
    type Bytes = Vec<u8>;
    type Boxed<T> = <Allocator as Scratch>::Boxed<T>;
    type Slice<T> = Vec<T>;

    fn alloc_bytes(&self, size: usize) -> Result<Vec<u8>, OutOfMemory> {
        self.plain.alloc_bytes(size)
    }

    fn zeroed<T: FromZeros>(&self) -> Result<Self::Boxed<T>, OutOfMemory> {
        self.plain.zeroed()
    }

    fn boxed<T>(&self, value: T) -> Result<Self::Boxed<T>, OutOfMemory> {
        self.plain.boxed(value)
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<Vec<T>, OutOfMemory> {
        self.plain.slice(len, make)
    }
}

impl Vram {
    fn word(&self, at: u64) -> u64 {
        self.words.borrow()[&at]
    }
}

const READ_ONLY: Attributes = Attributes {
    kind: kind::GENERIC_MEMORY,
    read_only: true,
    privileged: false,
};

/// A page of 4 KiB in system memory, and one of 64 KiB in VRAM 2 MiB behind it.
fn two_pages(arch: Architecture) -> (Vram, PageTables<Vram>) {
    let vram = Vram::default();
    let mut tables = PageTables::new(&vram, Format::of(arch)).unwrap();
    let mut spare = Spare::new();
    let va = 3 << 47 | 5 << 38 | 6 << 29 | 7 << 21 | 8 << 16 | 9 << 12;
    let mut map = |va, aperture, address, size| {
        let change = Change::Map {
            aperture,
            page_shift: 12,
        };
        let block = Block {
            aperture,
            address,
            size,
        };
        let range = va..va + size;
        spare
            .prepare(&vram, Format::of(arch), range.clone(), change)
            .unwrap();
        tables.map(&mut spare, range, [block].into_iter(), READ_ONLY);
    };
    map(va, Aperture::System, 0x1_2345_6000, 0x1000);
    map(
        (va + (1 << 21)) & !0xffff,
        Aperture::Vram,
        0xabc_0000,
        0x1_0000,
    );
    drop(spare);
    (vram, tables)
}

/// Numbers in place of names; nouveau writes the same but for what `entry` explains.
#[test]
fn entries_are_as_the_manuals_have_them() {
    let (vram, tables) = two_pages(Architecture::Turing);
    let pd2 = vram.word(tables.root() + 3 * 8);
    assert_eq!(pd2 & 0xff, 2);
    let pd1 = vram.word((pd2 << 4) - 0x20 + 5 * 8);
    let pd0 = vram.word((pd1 << 4) - 0x20 + 6 * 8);
    let entry = (pd0 << 4) - 0x20 + 7 * 16;
    assert_eq!(vram.word(entry), 0, "no big pages");
    let small = vram.word(entry + 8);
    // Generic, read-only, volatile, coherent.
    let page = vram.word((small << 4) - 0x20 + 0x89 * 8);
    assert_eq!(page, 0x06 << 56 | 0x1_2345_6000 >> 4 | 0x4d);
    let big = vram.word(entry + 16);
    assert_eq!(vram.word(entry + 24), 0, "no small pages");
    let page = vram.word((big << 4) - 0x20 + 8 * 8);
    assert_eq!(page, 0x06 << 56 | 0xabc_0000 >> 4 | 0x41);
    assert_eq!(
        vram.word((big << 4) - 0x20 + 7 * 8),
        0x20,
        "no small pages either"
    );

    let (vram, tables) = two_pages(Architecture::Hopper);
    let table = |entry: u64| {
        // VALID_CACHED_ATS_NOT_ALLOWED, video memory
        assert_eq!(entry & 0xfff, 2 << 3 | 2);
        entry & !0xfff
    };
    let pd3 = table(vram.word(tables.root()));
    let pd2 = table(vram.word(pd3 + 3 * 8));
    let pd1 = table(vram.word(pd2 + 5 * 8));
    let pd0 = table(vram.word(pd1 + 6 * 8));
    let small = table(vram.word(pd0 + 7 * 16 + 8));
    // REGULAR_RO_ATOMIC_UNCACHED_ACD
    let page = vram.word(small + 0x89 * 8);
    assert_eq!(page, 0x1_2345_6000 | 6 << 8 | 0x15 << 3 | 5);
    let big = table(vram.word(pd0 + 8 * 16));
    // REGULAR_RO_ATOMIC_CACHED_ACD
    assert_eq!(vram.word(big + 8 * 8), 0xabc_0000 | 6 << 8 | 0x14 << 3 | 1);
    assert_eq!(vram.word(big + 7 * 8), 3 << 3, "NO_VALID_4KB_PAGE");
}

#[test]
fn sparse_entries_are_as_the_manuals_have_them() {
    for arch in [Architecture::Turing, Architecture::Hopper] {
        let vram = Vram::default();
        let mut tables = PageTables::new(&vram, Format::of(arch)).unwrap();
        let mut spare = Spare::new();
        // Below the root: a directory of 512 GiB, then one of 2 MiB, and small pages.
        let ranges = [0..1 << 47, 1 << 47..(1 << 47) + 0x20_1000];
        for range in ranges {
            spare
                .prepare(&vram, Format::of(arch), range.clone(), Change::Unmap)
                .unwrap();
            tables.map_sparse(&mut spare, range);
        }
        let sparse = vram
            .words
            .borrow()
            .values()
            .filter(|&&word| word == 8)
            .count();
        // 1 in the directory for 128 TiB, 1 in PD0, 1 in a table of small pages.
        assert_eq!(sparse, 3, "{arch:?}");
    }
}

fn need(arch: Architecture, range: Range<u64>, change: Change) -> ([u64; 4], u64, u64) {
    let need = Need::of(Format::of(arch), &range, change);
    (need.directories, need.tables, need.memory)
}

#[test]
fn the_worst_case_is_prepared() {
    const M: u64 = 1 << 20;
    let vram = |page_shift| Change::Map {
        aperture: Aperture::Vram,
        page_shift,
    };
    let system = Change::Map {
        aperture: Aperture::System,
        page_shift: 12,
    };
    let need_on = |range, change| need(Architecture::Turing, range, change);
    // Nothing in the way of whole entries.
    assert_eq!(need_on(0..1 << 49, Change::Unmap), ([0; 4], 0, 0));
    assert_eq!(need_on(0..0, system), ([0; 4], 0, 0));
    // Two small pages: in one entry each, or at the border of all.
    let two = ([1, 1, 1, 0], 1, 3);
    assert_eq!(need_on(0x1000..0x3000, Change::Unmap), two);
    assert_eq!(need_on(0x1000..0x3000, system), two);
    let border = 1 << 47;
    let across = border - 0x1000..border + 0x1000;
    assert_eq!(need_on(across, system), ([2, 2, 2, 0], 2, 6));
    // 64 MiB of each size of pages, and 4 KiB less at either end.
    let range = 64 * M..128 * M;
    assert_eq!(need_on(range.clone(), system), ([1, 1, 1, 0], 32, 32));
    assert_eq!(need_on(range.clone(), vram(12)), ([1, 1, 1, 0], 32, 64));
    assert_eq!(need_on(range.clone(), vram(16)), ([1, 1, 1, 0], 32, 32));
    assert_eq!(need_on(range, vram(21)), ([1, 1, 1, 0], 0, 0));
    let range = 64 * M + 0x1000..128 * M - 0x1000;
    assert_eq!(need_on(range.clone(), system), ([1, 1, 1, 0], 32, 30 + 6));
    assert_eq!(need_on(range.clone(), vram(12)), ([1, 1, 1, 0], 32, 60 + 6));
    assert_eq!(need_on(range.clone(), vram(16)), ([1, 1, 1, 0], 32, 30 + 6));
    assert_eq!(need_on(range.clone(), vram(21)), ([1, 1, 1, 0], 2, 6));
    assert_eq!(need_on(range, Change::Unmap), ([1, 1, 1, 0], 2, 6));
    // Pages of 512 MiB, where there are any.
    let range = 512 * M..1024 * M;
    assert_eq!(need_on(range.clone(), vram(29)), ([1, 1, 1, 0], 0, 0));
    let on_hopper = need(Architecture::Hopper, range, vram(29));
    assert_eq!(on_hopper, ([1, 1, 1, 0], 0, 0));
}

#[test]
fn all_tables_are_freed() {
    let (vram, mut tables) = two_pages(Architecture::Ampere);
    assert_eq!(vram.tables.get(), 6);
    let mut spare = Spare::new();
    let range = 0..1 << 49;
    let format = Format::of(Architecture::Ampere);
    spare
        .prepare(&vram, format, range.clone(), Change::Unmap)
        .unwrap();
    tables.unmap(&mut spare, range);
    assert_eq!(vram.tables.get(), 6, "the GPU may still use them");
    drop(spare);
    assert_eq!(vram.tables.get(), 1);
    drop(tables);
    assert_eq!(vram.tables.get(), 0);
}

#[test]
#[should_panic(expected = "a bug of the driver")]
fn addresses_that_are_not_aligned_are_a_bug() {
    let (_, mut tables) = two_pages(Architecture::Ampere);
    tables.unmap(&mut Spare::new(), 0x1000..0x1001);
}

#[test]
#[should_panic(expected = "a bug of the driver")]
fn a_change_that_is_not_prepared_is_a_bug() {
    let (_, mut tables) = two_pages(Architecture::Ampere);
    tables.map_sparse(&mut Spare::new(), 0x1000..0x2000);
}

/// As where memory is shown piece after piece at the same addresses, which are half an entry of PD0.
#[test]
fn a_part_of_an_entry_is_mapped_again_without_new_tables() {
    const SIZE: u64 = 1 << 20;
    let (vram, format) = (Vram::default(), Format::of(Architecture::Ampere));
    let mut tables = PageTables::new(&vram, format).unwrap();
    let mut spare = Spare::new();
    let range = 1 << 38..(1 << 38) + SIZE;
    let change = Change::Map {
        aperture: Aperture::System,
        page_shift: 12,
    };
    spare.prepare(&vram, format, range.clone(), change).unwrap();
    let mut map = |spare: &mut _, size: u64, address| {
        let block = Block {
            aperture: Aperture::System,
            address,
            size,
        };
        let range = range.start..range.start + size;
        tables.map(spare, range, [block].into_iter(), READ_ONLY);
    };
    map(&mut spare, SIZE, 0x1_0000_0000);
    drop(spare);
    let (before, count) = (vram.words.borrow().clone(), vram.tables.get());
    assert_eq!(count, 5, "the root, three directories, and small pages");
    // Nothing is prepared for these.
    let mut spare = Spare::new();
    map(&mut spare, SIZE - 0x5000, 0x2_0000_0000);
    map(&mut spare, SIZE, 0x3_0000_0000);
    drop(spare);
    assert_eq!(vram.tables.get(), count);
    let after = vram.words.borrow().clone();
    let changed = after.iter().filter(|(at, word)| before[at] != **word);
    assert_eq!(changed.count() as u64, SIZE >> 12);
    let mut spare = Spare::new();
    tables.unmap(&mut spare, range);
    drop(spare);
    assert_eq!(vram.tables.get(), 1);
}

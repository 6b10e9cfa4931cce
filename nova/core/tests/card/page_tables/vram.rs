// SPDX-License-Identifier: GPL-2.0

//! Memory for page tables, in which the mocked MMU looks after each word that is written.
//!
//! Memory that is free, and memory that was just allocated, has entries that lead anywhere. So a
//! table that is used before it is written, or after it was freed, shows in a wrong translation.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use nova_core::platform::{OutOfMemory, OutOfVram, Scratch, TableMemory, TableSource};
use nova_core::MemoryError;
use nova_hw::chipset::Architecture;
use nova_mock::{FaultNumber, MmuAlone, Translated};
use zerocopy::FromZeros;

use super::model::Watch;

const PAGE: u64 = 0x1000;

/// Where the first table is, and one behind which entries of version 2 cannot reach.
const FIRST: u64 = 0x1f_0000_0000;

/// A frame buffer.
pub(super) struct Vram(Rc<RefCell<State>>);

struct State {
    mmu: MmuAlone,
    next: u64,
    free: Vec<u64>,
    used: BTreeSet<u64>,
    left: Option<u64>,
    watch: Option<Watch>,
    /// Tables that were in use before the change.
    watched: BTreeSet<u64>,
}

impl State {
    fn look(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.look(&mut self.mmu);
        }
    }

    /// Fills a page with valid entries.
    fn spoil(&mut self, address: u64) {
        // As a page or as a directory, in either version; and what says nothing or sparse.
        let words = [
            0x0600_0000_1bad_0001,
            address >> 4 | 2,
            0,
            address | 2,
            0x1bad_0601,
            8,
            u64::MAX,
            0x0600_0000_1bad_0005,
        ];
        for word in 0..PAGE / 8 {
            let number = (word ^ word >> 4 ^ address >> 12) as usize % words.len();
            let at = address + word * 8;
            self.mmu.vram().write(at, &words[number].to_le_bytes());
        }
    }
}

impl Vram {
    pub(super) fn new(arch: Architecture) -> Self {
        Self(Rc::new(RefCell::new(State {
            mmu: MmuAlone::new(arch, 1 << 40),
            next: FIRST,
            free: Vec::new(),
            used: BTreeSet::new(),
            left: None,
            watch: None,
            watched: BTreeSet::new(),
        })))
    }

    /// Number of tables that are allocated.
    pub(super) fn tables(&self) -> usize {
        self.0.borrow().used.len()
    }

    /// Makes allocations fail after `left` more of them.
    pub(super) fn limit(&self, left: Option<u64>) {
        self.0.borrow_mut().left = left;
    }

    pub(super) fn translate(&self, root: u64, va: u64) -> Result<Translated, FaultNumber> {
        self.0.borrow_mut().mmu.translate(root, va)
    }

    pub(super) fn invalidate(&self) {
        self.0.borrow_mut().mmu.invalidate();
    }

    /// Notes which tables are in use.
    pub(super) fn note_tables(&self) {
        let state = &mut *self.0.borrow_mut();
        state.watched = state.used.clone();
    }

    /// What to check while tables are written. The last one must have found nothing wrong.
    pub(super) fn watch(&self, watch: Option<Watch>) {
        let state = &mut *self.0.borrow_mut();
        state.look();
        let last = std::mem::replace(&mut state.watch, watch);
        if let Some(wrong) = last.and_then(|watch| watch.wrong) {
            panic!("{wrong}");
        }
    }
}

/// Memory of a table.
pub(super) struct Table {
    address: u64,
    state: Rc<RefCell<State>>,
}

impl TableMemory for Table {
    fn address(&self) -> u64 {
        self.address
    }

    fn write(&self, first: usize, words: &[u64]) {
        let state = &mut *self.state.borrow_mut();
        assert!(first + words.len() <= PAGE as usize / 8, "the table's end");
        let is_watched = state.watched.contains(&self.address);
        for (number, word) in (first..).zip(words) {
            let at = self.address + number as u64 * 8;
            state.mmu.vram().write(at, &word.to_le_bytes());
            // Of a new table, this is not worth the time.
            if is_watched {
                state.look();
            }
        }
        state.look();
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let state = &mut *self.state.borrow_mut();
        assert!(state.used.remove(&self.address), "freed twice");
        state.spoil(self.address);
        state.free.push(self.address);
    }
}

impl TableSource for Vram {
    type Table = Table;

    fn alloc_table(&self) -> Result<Table, MemoryError> {
        let state = &mut *self.0.borrow_mut();
        if let Some(left) = &mut state.left {
            let none = OutOfVram { size: PAGE };
            *left = left.checked_sub(1).ok_or(none)?;
        }
        let address = state.free.pop().unwrap_or_else(|| {
            let new = state.next;
            state.next += PAGE;
            state.spoil(new);
            new
        });
        state.used.insert(address);
        Ok(Table {
            address,
            state: self.0.clone(),
        })
    }
}

impl Scratch for Vram {
    type Bytes = Vec<u8>;
    type Boxed<T> = Box<T>;
    type Slice<T> = Vec<T>;

    fn alloc_bytes(&self, size: usize) -> Result<Vec<u8>, OutOfMemory> {
        Ok(vec![0; size])
    }

    fn zeroed<T: FromZeros>(&self) -> Result<Box<T>, OutOfMemory> {
        self.boxed(T::new_zeroed())
    }

    fn boxed<T>(&self, value: T) -> Result<Box<T>, OutOfMemory> {
        Ok(Box::new(value))
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<Vec<T>, OutOfMemory> {
        Ok(std::iter::repeat_with(make).take(len).collect())
    }
}

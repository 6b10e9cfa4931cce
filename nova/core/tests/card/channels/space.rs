// SPDX-License-Identifier: GPL-2.0

//! Address spaces for tests of channels, as the driver makes them: page tables in its own memory in
//! VRAM, which it writes through the windows.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use super::queue::{Session, DATA, END};
use crate::adapter::Coherent;
use crate::common::Machine;
use nova_core::platform::{
    DmaAllocator, DmaMemory, OutOfMemory, Scratch, TableMemory, TableSource,
};
use nova_core::{
    AddressSpace, Aperture, Attributes, Block, Change, InstanceMemory, MemoryError, NewChunk,
    PageTables, Piece, Spare, SERVER_RANGE,
};
use nova_hw::gmmu::{kind, Format};
use zerocopy::FromZeros;

/// Bytes of a table.
const TABLE: u64 = 0x1000;

/// The driver's own memory, until the windows are closed.
#[derive(Clone)]
pub(super) struct Instance<'m> {
    pub(super) machine: &'m Machine,
    pub(super) memory: Rc<RefCell<Option<Box<InstanceMemory<Machine>>>>>,
}

impl<'m> Instance<'m> {
    /// A page that is zero.
    pub(super) fn zeroed(&self) -> Table<'m> {
        let table = self.alloc_table().unwrap();
        table.write(0, &[0; TABLE as usize / 8]);
        table
    }

    fn invalidate(&self, root: u64) {
        let mut memory = self.memory.borrow_mut();
        let invalidated = memory.as_mut().unwrap().invalidate(self.machine, root);
        invalidated.unwrap();
    }
}

impl<'m> TableSource for Instance<'m> {
    type Table = Table<'m>;

    fn alloc_table(&self) -> Result<Table<'m>, MemoryError> {
        let mut memory = self.memory.borrow_mut();
        let memory = memory.as_mut().unwrap();
        let mut chunk = None;
        loop {
            let piece = memory.alloc(self.machine, TABLE, &mut chunk).unwrap();
            if piece.is_some() {
                return Ok(Table {
                    instance: self.clone(),
                    piece,
                });
            }
            chunk = Some(NewChunk::new(self.machine, memory.info()).unwrap());
        }
    }
}

impl Scratch for Instance<'_> {
    type Bytes = <Machine as Scratch>::Bytes;
    type Boxed<T> = <Machine as Scratch>::Boxed<T>;
    type Slice<T> = <Machine as Scratch>::Slice<T>;

    fn alloc_bytes(&self, size: usize) -> Result<Self::Bytes, OutOfMemory> {
        self.machine.alloc_bytes(size)
    }

    fn zeroed<T: FromZeros>(&self) -> Result<Self::Boxed<T>, OutOfMemory> {
        self.machine.zeroed()
    }

    fn boxed<T>(&self, value: T) -> Result<Self::Boxed<T>, OutOfMemory> {
        self.machine.boxed(value)
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<Self::Slice<T>, OutOfMemory> {
        self.machine.slice(len, make)
    }
}

/// Memory of one table.
pub(super) struct Table<'m> {
    instance: Instance<'m>,
    piece: Option<Piece>,
}

impl Table<'_> {
    pub(super) fn piece(&self) -> &Piece {
        self.piece.as_ref().unwrap()
    }
}

impl TableMemory for Table<'_> {
    fn address(&self) -> u64 {
        self.piece.as_ref().unwrap().address()
    }

    fn write(&self, first: usize, words: &[u64]) {
        let Instance { machine, memory } = &self.instance;
        let piece = self.piece.as_ref().unwrap();
        let memory = memory.borrow();
        memory.as_ref().unwrap().write(machine, piece, first, words);
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        let Instance { machine, memory } = &self.instance;
        let piece = self.piece.take().unwrap();
        if let Some(memory) = &mut *memory.borrow_mut() {
            drop(memory.free(machine, piece));
        }
    }
}

/// An address space, in which everything is mapped at the address that it has for the device.
pub(super) struct Space<'m> {
    pub(super) object: AddressSpace,
    instance: Instance<'m>,
    format: &'static Format,
    tables: RefCell<PageTables<Instance<'m>>>,
}

impl<'m> Space<'m> {
    /// One that maps the tests' data in VRAM.
    pub(super) fn new(session: &mut Session<'m>, number: u32) -> Rc<Self> {
        let allocate = |object: AddressSpace, session: &mut Session<'m>, tables: &PageTables<_>| {
            let (root, entries) = (tables.root(), tables.root_entries());
            object.allocate(session, root, entries).unwrap();
        };
        let object = AddressSpace::new(session.client, number);
        Self::with(session, object, allocate)
    }

    /// One in which GSP-RM has a range of its own, too.
    pub(super) fn with_server_range(session: &mut Session<'m>, number: u32) -> Rc<Self> {
        let allocate = |object: AddressSpace, session: &mut Session<'m>, tables: &PageTables<_>| {
            let directories: Vec<_> = tables.directories(SERVER_RANGE.start).collect();
            object
                .allocate_with_server_range(session, &directories)
                .unwrap();
        };
        let object = AddressSpace::with_server_range(session.client, number);
        Self::with(session, object, allocate)
    }

    fn with(
        session: &mut Session<'m>,
        object: AddressSpace,
        allocate: impl FnOnce(AddressSpace, &mut Session<'m>, &PageTables<Instance<'m>>),
    ) -> Rc<Self> {
        let instance = session.instance.clone();
        let format = Format::of(session.machine.card().chip().chipset.arch());
        let tables = PageTables::new(&instance, format).unwrap();
        let space = Self {
            object,
            instance,
            format,
            tables: RefCell::new(tables),
        };
        space.map(Aperture::Vram, DATA..END);
        allocate(object, session, &space.tables.borrow());
        Rc::new(space)
    }

    /// Allocates system memory, and maps it.
    pub(super) fn alloc(&self, size: usize) -> Coherent {
        let memory = self.instance.machine.alloc_dma(size).unwrap();
        self.map(Aperture::System, range(&memory));
        memory
    }

    /// Maps memory that [`Self::alloc`] returned with another kind.
    pub(super) fn map_kind(&self, memory: &Coherent, kind: u8) {
        self.map_with(Aperture::System, range(memory), kind);
    }

    fn map(&self, aperture: Aperture, range: Range<u64>) {
        self.map_with(aperture, range, kind::PITCH);
    }

    fn map_with(&self, aperture: Aperture, range: Range<u64>, kind: u8) {
        let change = Change::Map {
            aperture,
            page_shift: 12,
        };
        let block = Block {
            aperture,
            address: range.start,
            size: range.end - range.start,
        };
        self.change(range.clone(), change, |tables, spare| {
            let attributes = Attributes {
                kind,
                ..Attributes::default()
            };
            tables.map(spare, range, [block].into_iter(), attributes);
        });
    }

    /// Maps a block of VRAM at any address.
    pub(super) fn map_block(&self, at: u64, address: u64, size: u64, attributes: Attributes) {
        let aperture = Aperture::Vram;
        let block = Block {
            aperture,
            address,
            size,
        };
        let change = Change::Map {
            aperture,
            page_shift: 12,
        };
        let range = at..at + size;
        self.change(range.clone(), change, |tables, spare| {
            tables.map(spare, range, [block].into_iter(), attributes);
        });
    }

    /// Unmaps memory that [`Self::alloc`] returned.
    pub(super) fn unmap(&self, memory: &Coherent) {
        let range = range(memory);
        self.change(range.clone(), Change::Unmap, |tables, spare| {
            tables.unmap(spare, range);
        });
    }

    fn change(
        &self,
        range: Range<u64>,
        change: Change,
        make: impl FnOnce(&mut PageTables<Instance<'m>>, &mut Spare<Instance<'m>>),
    ) {
        let tables = &mut *self.tables.borrow_mut();
        let mut spare = Spare::new();
        let prepared = spare.prepare(&self.instance, self.format, range, change);
        prepared.unwrap();
        make(tables, &mut spare);
        self.instance.invalidate(tables.root());
    }

    pub(super) fn free(&self, session: &mut Session<'_>) {
        self.object.free(session).unwrap();
    }
}

/// Where a device sees memory, in whole pages.
fn range(memory: &Coherent) -> Range<u64> {
    let start = memory.dma_addr();
    start..start + (memory.size() as u64).next_multiple_of(0x1000)
}

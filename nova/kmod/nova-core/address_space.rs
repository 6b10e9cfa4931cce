// SPDX-License-Identifier: GPL-2.0

//! Address spaces of the GPU for second-level drivers: page tables in VRAM, and the object of GSP-RM that names them.

use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core::platform::{OutOfMemory, OutOfVram, Scratch, TableMemory, TableSource};
use nova_core::{Attributes, Block, Change, MemoryError, PageTables, SERVER_RANGE};
use nova_hw::gmmu::Format;
use zerocopy::FromZeros;

use crate::calls::Epoch;
use crate::context::SharedContext;
use crate::dma;
use crate::errno::errno;
use crate::instance::{Memory, Table, TABLE};
use crate::kept::Keep;
use crate::rm::Rm;
use crate::table_limit::{Charge, TableLimit};

/// Bytes that are sparse beside GSP-RM's range: an entry of a directory.
const BESIDE: u64 = 2 << 20;

/// Where the memory of page tables, and of what the driver knows of them, comes from.
struct Source<'a> {
    memory: Memory<'a>,
    limit: Arc<TableLimit>,
}

/// A table, and what it is charged.
struct Charged<'a> {
    table: Table<'a>,
    _charge: Charge,
}

impl TableMemory for Charged<'_> {
    fn address(&self) -> u64 {
        self.table.address()
    }

    fn write(&self, first: usize, words: &[u64]) {
        self.table.write(first, words);
    }
}

impl<'a> TableSource for Source<'a> {
    type Table = Charged<'a>;

    fn alloc_table(&self) -> Result<Charged<'a>, MemoryError> {
        let charge = self.limit.charge().ok_or(OutOfVram { size: TABLE })?;
        Ok(Charged {
            table: self.memory.alloc_table()?,
            _charge: charge,
        })
    }
}

impl Scratch for Source<'_> {
    type Bytes = dma::Bytes;
    type Boxed<T> = KBox<T>;
    type Slice<T> = KVVec<T>;

    fn alloc_bytes(&self, size: usize) -> Result<dma::Bytes, OutOfMemory> {
        dma::bytes(size, GFP_KERNEL_ACCOUNT)
    }

    fn zeroed<T: FromZeros>(&self) -> Result<KBox<T>, OutOfMemory> {
        dma::zeroed(GFP_KERNEL_ACCOUNT)
    }

    fn boxed<T>(&self, value: T) -> Result<KBox<T>, OutOfMemory> {
        dma::boxed(value, GFP_KERNEL_ACCOUNT)
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<KVVec<T>, OutOfMemory> {
        dma::slice(len, make, GFP_KERNEL_ACCOUNT)
    }
}

/// The object of GSP-RM; the drop frees it, after which the GPU does not use the page tables any more. If that fails,
/// the page tables, and what they map, are kept.
struct Object<'a> {
    rm: Arc<dyn Rm + 'a>,
    memory: Memory<'a>,
    space: nova_core::AddressSpace,
    root: u64,
    /// What the page tables map. `None` only once it is dropped.
    mapped: Option<Keep>,
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        let epoch = self.memory.epoch();
        let freed = self.rm.free_space(epoch, self.space);
        let freed = freed.and_then(|()| self.memory.invalidate(self.root));
        if let (Err(_), Some(mapped)) = (freed, self.mapped.take()) {
            self.memory.keep();
            self.rm.keep(epoch, mapped);
        }
    }
}

/// An address space of the GPU. It is valid in one epoch; a change of one of an earlier epoch fails.
#[pin_data]
pub struct AddressSpace<'a> {
    /// Dropped before the tables.
    object: Object<'a>,
    #[pin]
    tables: Mutex<PageTables<Source<'a>>>,
    /// What all contexts of graphics share, once it is mapped. If the object is not freed, it is there until the end of the
    /// epoch nevertheless.
    #[pin]
    shared_context: Mutex<Option<Arc<SharedContext>>>,
    source: Source<'a>,
    format: &'static Format,
}

impl<'a> AddressSpace<'a> {
    /// Allocates an address space in which nothing is mapped. `mapped` has all that will be mapped, and is kept until the
    /// GPU does not use that any more. Page tables are charged to `limit`.
    pub(crate) fn new(
        rm: &Arc<dyn Rm + 'a>,
        memory: Memory<'a>,
        client: nova_core::Client,
        format: &'static Format,
        mapped: Arc<dyn Send + Sync>,
        limit: Arc<TableLimit>,
    ) -> Result<Arc<Self>> {
        let space = nova_core::AddressSpace::new(client, rm.next_space());
        let epoch = memory.epoch();
        let alloc = |tables: &PageTables<_>| {
            rm.alloc_space(epoch, space, tables.root(), tables.root_entries())
        };
        Self::with_object(rm, memory, format, mapped, limit, space, alloc)
    }

    /// As [`Self::new`], but GSP-RM has a range of its own in the page tables, too.
    pub(crate) fn with_server_range(
        rm: &Arc<dyn Rm + 'a>,
        memory: Memory<'a>,
        client: nova_core::Client,
        format: &'static Format,
        mapped: Arc<dyn Send + Sync>,
        limit: Arc<TableLimit>,
    ) -> Result<Arc<Self>> {
        let space = nova_core::AddressSpace::with_server_range(client, rm.next_space());
        let epoch = memory.epoch();
        let alloc = |tables: &PageTables<_>| {
            let mut directories = KVec::new();
            for directory in tables.directories(SERVER_RANGE.start) {
                directories.push(directory, GFP_KERNEL)?;
            }
            let size = SERVER_RANGE.end - SERVER_RANGE.start;
            let last = directories.last();
            debug_assert!(last.is_some_and(|(level, _)| 1 << level.shift == size));
            rm.alloc_space_with_server_range(epoch, space, &directories)
        };
        Self::with_object(rm, memory, format, mapped, limit, space, alloc)
    }

    /// The address space whose object `alloc` allocates.
    fn with_object(
        rm: &Arc<dyn Rm + 'a>,
        memory: Memory<'a>,
        format: &'static Format,
        mapped: Arc<dyn Send + Sync>,
        limit: Arc<TableLimit>,
        space: nova_core::AddressSpace,
        alloc: impl FnOnce(&PageTables<Source<'a>>) -> Result,
    ) -> Result<Arc<Self>> {
        let mapped = Keep::new(mapped)?;
        let source = Source {
            memory: memory.clone(),
            limit,
        };
        let mut tables = PageTables::new(&source, format).map_err(error)?;
        if space.has_server_range() {
            // There must be directories for GSP-RM's range, and so for something beside it.
            let beside = SERVER_RANGE.end..SERVER_RANGE.end + BESIDE;
            let mut spare = nova_core::Spare::new();
            let prepared = spare.prepare(&source, format, beside.clone(), Change::Unmap);
            prepared.map_err(error)?;
            tables.map_sparse(&mut spare, beside);
        }
        let root = tables.root();
        // The directories must be complete before GSP-RM knows of them.
        memory.invalidate(root)?;
        alloc(&tables)?;
        let object = Object {
            rm: rm.clone(),
            memory,
            space,
            root,
            mapped: Some(mapped),
        };
        let space = pin_init!(Self {
            object,
            tables <- new_mutex!(tables),
            shared_context <- new_mutex!(None),
            source,
            format,
        });
        Arc::pin_init(space, GFP_KERNEL_ACCOUNT)
    }

    /// Has `map` map what all contexts of graphics share, unless it has been mapped. It stays mapped.
    ///
    /// # Errors
    ///
    /// Those of `map`, and `EIO` if something else is mapped in its place, which an epoch does not have.
    pub(crate) fn map_shared(
        &self,
        shared: &Arc<SharedContext>,
        map: impl FnOnce() -> Result,
    ) -> Result {
        let mut mapped = self.shared_context.lock();
        if let Some(mapped) = &*mapped {
            let is_same = Arc::ptr_eq(mapped, shared);
            debug_assert!(is_same);
            return match is_same {
                true => Ok(()),
                false => Err(EIO),
            };
        }
        map()?;
        *mapped = Some(shared.clone());
        Ok(())
    }

    /// Its handle, by which a channel names it.
    pub(crate) fn handle(&self) -> u32 {
        self.object.space.handle()
    }

    /// The epoch in which it is valid.
    pub fn epoch(&self) -> Epoch {
        self.object.memory.epoch()
    }

    /// Adds to `spare` what a change of `range` may need. No memory is allocated under a lock that a change takes.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is no VRAM or the limit is reached, `ENOMEM`, `EIO` if the epoch has ended, `ETIMEDOUT` if the
    /// GPU's TLBs cannot be invalidated.
    #[inline(never)]
    pub fn prepare(&self, spare: &mut Spare<'a>, range: Range<u64>, change: Change) -> Result {
        let prepared = spare.0.prepare(&self.source, self.format, range, change);
        prepared.map_err(error)
    }

    /// Whether less than half of the tables are left that the program may have.
    #[inline(never)]
    pub fn are_tables_short(&self) -> bool {
        self.source.limit.is_short()
    }

    /// Has `changes` change the page tables, and then the GPU use them. The changes must have been
    /// [prepared](Self::prepare), with the same `spare`, which the caller drops after that, without the locks that other
    /// changes need.
    ///
    /// # Errors
    ///
    /// `EIO` if the epoch has ended, `ETIMEDOUT` if the GPU's TLBs cannot be invalidated: what was mapped before may be
    /// in use by the GPU until it is reset.
    #[inline(never)]
    pub fn change(
        &self,
        spare: &mut Spare<'a>,
        changes: &mut dyn FnMut(&mut Tables<'_, 'a>),
    ) -> Result {
        let mut tables = self.tables.lock();
        changes(&mut Tables {
            tables: &mut tables,
            spare: &mut spare.0,
        });
        self.object.memory.invalidate(self.object.root)
    }
}

/// Tables for changes of an address space, and tables that changes have unlinked.
pub struct Spare<'a>(nova_core::Spare<Source<'a>>);

impl Default for Spare<'_> {
    /// Without any tables.
    #[inline(never)]
    fn default() -> Self {
        Self(nova_core::Spare::new())
    }
}

/// The page tables of an address space while they are changed. No change fails.
pub struct Tables<'x, 'a> {
    tables: &'x mut PageTables<Source<'a>>,
    spare: &'x mut nova_core::Spare<Source<'a>>,
}

impl Tables<'_, '_> {
    /// Maps `blocks`, one after the other, in place of what is mapped in `range`, which has their size altogether.
    #[inline(never)]
    pub fn map(
        &mut self,
        range: Range<u64>,
        blocks: &mut dyn Iterator<Item = Block>,
        attributes: Attributes,
    ) {
        self.tables.map(self.spare, range, blocks, attributes);
    }

    /// Makes `range` sparse: it reads as zero and drops writes.
    #[inline(never)]
    pub fn map_sparse(&mut self, range: Range<u64>) {
        self.tables.map_sparse(self.spare, range);
    }

    /// Unmaps `range`, of which any parts may be mapped.
    #[inline(never)]
    pub fn unmap(&mut self, range: Range<u64>) {
        self.tables.unmap(self.spare, range);
    }
}

fn error(error: MemoryError) -> Error {
    errno(error.kind())
}

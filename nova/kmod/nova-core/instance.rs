// SPDX-License-Identifier: GPL-2.0

//! The driver's own memory in VRAM, and the windows through which the CPU sees it.
//!
//! It is made for the first piece of each epoch, and not by the boot, which would take longer for nothing on a GPU that
//! nobody uses. It ends with the epoch: before the GSP is stopped or the GPU is reset. Pieces of an earlier epoch do
//! nothing.

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core::platform::{OutOfVram, TableMemory, TableSource};
use nova_core::{InstanceMemory, MemoryInfo, Piece, Running, WindowError, WindowTables};

use crate::calls::{CallError, Epoch, Target};
use crate::errno::errno;
use crate::gsp::Gsp;
use crate::machine::Machine;
use nova_kernel::sync::wait_queue::TaskState;

/// Bytes of a table of the GPU's page tables.
const TABLE: u64 = 4096;

/// The memory of an epoch.
pub(crate) struct Open<'a> {
    epoch: Epoch,
    memory: KBox<InstanceMemory<Machine<'a>>>,
}

/// Instance memory. This is a trait for the reason of [`Rm`](crate::rm::Rm).
pub(crate) trait Instance: Send + Sync {
    /// Allocates a piece.
    fn alloc(&self, epoch: Epoch, size: u64) -> Result<Piece>;

    /// Frees a piece. Does nothing if the epoch has ended.
    fn free(&self, epoch: Epoch, piece: Piece);

    /// Writes words to a piece. Does nothing if the epoch has ended.
    fn write(&self, epoch: Epoch, piece: &Piece, first: usize, words: &[u64]);

    /// Completes what was written, and invalidates the TLBs for an address space.
    fn invalidate(&self, epoch: Epoch, root: u64) -> Result;
}

impl<'a> Gsp<'a> {
    /// Makes the memory of an epoch.
    fn open(&self, epoch: Epoch) -> Result<Open<'a>> {
        let target = self.target()?;
        if target.epoch != epoch {
            return Err(EIO);
        }
        let info = self.memory_info(target)?;
        let log = |error| self.log_window_error(error);
        let tables = WindowTables::new(self.machine(), &info).map_err(log)?;
        // Uninterruptible, since GSP-RM may execute the command even if the task is killed.
        let state = TaskState::Uninterruptible;
        self.execute(target, state, &tables.bind())?;
        let memory = tables.open(self.machine()).map_err(log)?;
        Ok(Open { epoch, memory })
    }

    fn memory_info(&self, target: Target) -> Result<MemoryInfo, CallError> {
        let mut current = self.current.lock();
        Ok(current.running_in(target.epoch)?.memory_info())
    }

    /// Frees the memory before GSP-RM is stopped, and takes its page tables from GSP-RM.
    pub(crate) fn close_instance(&self, running: &mut Running<Machine<'a>>) {
        let Some(Open { memory, .. }) = self.instance.lock().take() else {
            return;
        };
        let (machine, events) = (self.machine(), &mut |event: nova_core::Event<'_>| {
            self.log(event)
        });
        let closed = running.close_windows(machine, &memory, events);
        // A loss of the GSP is logged by the unload.
        if let (Err(error), None) = (closed, running.lost()) {
            dev_err!(machine.device(), "{}\n", format_args!("{error}"));
        }
    }

    /// Frees the memory before the GPU is reset. On return, nobody uses the windows.
    pub(crate) fn drop_instance(&self) {
        let open = self.instance.lock().take();
        drop(open);
    }

    #[inline(never)]
    fn log_window_error(&self, error: WindowError) -> Error {
        let is_expected = matches!(
            error,
            WindowError::Vram(_) | WindowError::Memory(_) | WindowError::Full
        );
        if !is_expected {
            dev_err!(self.machine().device(), "{}\n", format_args!("{error}"));
        }
        errno(error.kind())
    }
}

impl<'a> Open<'a> {
    /// The memory, if it is that of `epoch`.
    fn of(open: &mut Option<Self>, epoch: Epoch) -> Option<&mut InstanceMemory<Machine<'a>>> {
        match open {
            Some(open) if open.epoch == epoch => Some(&mut open.memory),
            Some(_) | None => None,
        }
    }
}

impl Instance for Gsp<'_> {
    fn alloc(&self, epoch: Epoch, size: u64) -> Result<Piece> {
        let mut instance = self.instance.lock();
        if instance.is_none() {
            *instance = Some(self.open(epoch)?);
        }
        let memory = Open::of(&mut instance, epoch).ok_or(EIO)?;
        let piece = memory.alloc(self.machine(), size);
        piece.map_err(|error| self.log_window_error(error))
    }

    fn free(&self, epoch: Epoch, piece: Piece) {
        if let Some(memory) = Open::of(&mut self.instance.lock(), epoch) {
            memory.free(self.machine(), piece);
        }
    }

    fn write(&self, epoch: Epoch, piece: &Piece, first: usize, words: &[u64]) {
        if let Some(memory) = Open::of(&mut self.instance.lock(), epoch) {
            memory.write(self.machine(), piece, first, words);
        }
    }

    fn invalidate(&self, epoch: Epoch, root: u64) -> Result {
        let mut instance = self.instance.lock();
        let memory = Open::of(&mut instance, epoch).ok_or(EIO)?;
        let done = memory.invalidate(self.machine(), root);
        done.map_err(|error| self.log_window_error(error))
    }
}

/// The driver's own memory in VRAM, for page tables of one epoch.
#[derive(Clone)]
pub struct Memory<'a> {
    instance: Arc<dyn Instance + 'a>,
    epoch: Epoch,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(instance: &Arc<dyn Instance + 'a>, epoch: Epoch) -> Self {
        Self {
            instance: instance.clone(),
            epoch,
        }
    }

    /// The epoch of the memory. After that, tables are not written any more.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Completes what was written to tables, and invalidates what the TLBs have of the address space whose root is at
    /// `root` in VRAM. Tables that were unlinked before may then be dropped.
    ///
    /// # Errors
    ///
    /// `EIO` if the epoch has ended, so that nothing uses the tables, and `ETIMEDOUT` if the GPU does not invalidate.
    #[inline(never)]
    pub fn invalidate(&self, root: u64) -> Result {
        self.instance.invalidate(self.epoch, root)
    }
}

impl<'a> TableSource for Memory<'a> {
    type Table = Table<'a>;

    #[inline(never)]
    fn alloc_table(&self) -> Result<Table<'a>, OutOfVram> {
        let piece = self.instance.alloc(self.epoch, TABLE);
        Ok(Table {
            memory: self.clone(),
            piece: Some(piece.map_err(|_| OutOfVram { size: TABLE })?),
        })
    }
}

/// Memory of one table, freed when dropped.
pub struct Table<'a> {
    memory: Memory<'a>,
    /// `None` only while it is dropped.
    piece: Option<Piece>,
}

impl TableMemory for Table<'_> {
    fn address(&self) -> u64 {
        self.piece.as_ref().map_or(0, Piece::address)
    }

    #[inline(never)]
    fn write(&self, first: usize, words: &[u64]) {
        if let Some(piece) = &self.piece {
            let Memory { instance, epoch } = &self.memory;
            instance.write(*epoch, piece, first, words);
        }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        if let Some(piece) = self.piece.take() {
            let Memory { instance, epoch } = &self.memory;
            instance.free(*epoch, piece);
        }
    }
}

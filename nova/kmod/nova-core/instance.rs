// SPDX-License-Identifier: GPL-2.0

//! The driver's own memory in VRAM, and the windows through which the CPU sees it.
//!
//! It is made for the first piece of each epoch, and not by the boot, which would take longer for nothing on a GPU that
//! nobody uses. It ends with the epoch: before the GSP is stopped or the GPU is reset. Pieces of an earlier epoch do
//! nothing.

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core::platform::{TableMemory, TableSource};
use nova_core::{
    InstanceMemory, MemoryError, MemoryInfo, NewChunk, Outgoing, Piece, Reply, RpcError, Running,
    UpdateBar2Pde, WindowError, WindowTables,
};

use crate::calls::{CallError, Epoch, Target};
use crate::errno::{errno, kind};
use crate::gsp::Gsp;
use crate::machine::Machine;
use nova_kernel::sync::wait_queue::TaskState;

/// Bytes of a table of the GPU's page tables.
pub(crate) const TABLE: u64 = 4096;

/// The memory of an epoch.
pub(crate) struct Open<'a> {
    epoch: Epoch,
    memory: KBox<InstanceMemory<Machine<'a>>>,
    /// The GPU may use pieces that nobody else uses any more, so none are freed before the end of the epoch.
    keeps: bool,
}

/// Instance memory. This is a trait for the reason of [`Rm`](crate::rm::Rm).
pub(crate) trait Instance: Send + Sync {
    /// Allocates a piece.
    fn alloc(&self, epoch: Epoch, size: u64) -> Result<Piece>;

    /// Frees a piece. Does nothing if the epoch has ended.
    fn free(&self, epoch: Epoch, piece: Piece);

    /// Frees no more pieces in this epoch: the GPU may go on using those that are freed.
    fn keep(&self, epoch: Epoch);

    /// Writes words to a piece. Does nothing if the epoch has ended.
    fn write(&self, epoch: Epoch, piece: &Piece, first: usize, words: &[u64]);

    /// Completes what was written.
    fn flush(&self, epoch: Epoch);

    /// Completes what was written, and invalidates the TLBs for an address space. If the GPU does not do that, the GSP is
    /// lost.
    fn invalidate(&self, epoch: Epoch, root: u64) -> Result;

    /// Has a slot of programs show a chunk of VRAM.
    fn show(&self, epoch: Epoch, slot: usize, chunk: u64) -> Result;
}

impl<'a> Gsp<'a> {
    /// Allocates the memory of an epoch, and all that opening it takes.
    fn prepare_open(&self, epoch: Epoch) -> Result<Closed<'a>> {
        let target = self.target()?;
        if target.epoch != epoch {
            return Err(EIO);
        }
        let info = self.memory_info(target)?;
        let tables = WindowTables::new(self.machine(), &info);
        let tables = tables.map_err(|error| self.window_error(epoch, error))?;
        let bind = tables.bind();
        let call = Outgoing::new(self.machine(), target.release, &bind).map_err(CallError::Rpc)?;
        Ok(Closed {
            target,
            tables,
            bind,
            call,
        })
    }

    /// Opens the memory; `instance` is locked. Allocates nothing; if it fails, what is to be freed comes with the error.
    fn open(&self, closed: Closed<'a>) -> Result<Open<'a>, (WindowTables<Machine<'a>>, Error)> {
        let Closed {
            target,
            tables,
            bind,
            call,
        } = closed;
        let epoch = target.epoch;
        // Whoever ends an epoch raises it before taking the lock that is held here. After that, nothing must be written.
        if let Err(error) = self.memory_info(target) {
            return Err((tables, error.into()));
        }
        tables.write(self.machine());
        // Uninterruptible, since GSP-RM may execute the command even if the task is killed.
        let reply = self.send_and_wait(epoch, TaskState::Uninterruptible, call);
        let read = |reply: Reply<_>| Ok(reply.read(target.release, &bind)?);
        if let Err(error) = reply.and_then(read) {
            return Err((tables, error.into()));
        }
        match tables.open(self.machine()) {
            Ok(memory) => Ok(Open {
                epoch,
                memory,
                keeps: false,
            }),
            Err((tables, error)) => Err((tables, self.window_error(epoch, error))),
        }
    }

    /// Calls `f` with the memory of an epoch, which is opened if it has not been. What that takes is allocated, and freed
    /// if it was not needed in the end, without the lock.
    fn with_open<R>(
        &self,
        epoch: Epoch,
        f: impl FnOnce(&mut InstanceMemory<Machine<'a>>) -> R,
    ) -> Result<R> {
        let mut closed = None;
        loop {
            let mut instance = self.instance.lock();
            if instance.is_none() {
                let Some(prepared) = closed.take() else {
                    drop(instance);
                    closed = Some(self.prepare_open(epoch)?);
                    continue;
                };
                match self.open(prepared) {
                    Ok(open) => *instance = Some(open),
                    Err((tables, error)) => {
                        drop(instance);
                        drop(tables);
                        return Err(error);
                    }
                }
            }
            let memory = Open::of(&mut instance, epoch).ok_or(EIO)?;
            return Ok(f(memory));
        }
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

    /// Logs an error, unless there is just too little memory. If the GPU does not invalidate its TLBs, nobody knows what it
    /// uses, so it has to be reset: the GSP is lost, which is logged once.
    #[inline(never)]
    fn window_error(&self, epoch: Epoch, error: WindowError) -> Error {
        match error {
            WindowError::Vram(_) | WindowError::Memory(_) | WindowError::Full => {}
            WindowError::Timeout(timeout) => self.lose(epoch, RpcError::Timeout(timeout)),
            _ => dev_err!(self.machine().device(), "{}\n", format_args!("{error}")),
        }
        errno(error.kind())
    }
}

/// Memory of an epoch that is not open yet, with the call that opens it.
struct Closed<'a> {
    target: Target,
    tables: WindowTables<Machine<'a>>,
    bind: UpdateBar2Pde,
    call: Outgoing<Machine<'a>>,
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
        // Allocated, and freed if it was not needed in the end, without the lock.
        let mut chunk = None;
        loop {
            let (piece, info) = self.with_open(epoch, |memory| {
                let piece = memory.alloc(self.machine(), size, &mut chunk);
                (piece, *memory.info())
            })?;
            if let Some(piece) = piece.map_err(|error| self.window_error(epoch, error))? {
                return Ok(piece);
            }
            let new = NewChunk::new(self.machine(), &info);
            chunk = Some(new.map_err(|error| self.window_error(epoch, error))?);
        }
    }

    fn free(&self, epoch: Epoch, piece: Piece) {
        let chunk = match &mut *self.instance.lock() {
            Some(open) if open.epoch == epoch && !open.keeps => {
                open.memory.free(self.machine(), piece)
            }
            Some(_) | None => None,
        };
        // Freed without the lock.
        drop(chunk);
    }

    fn keep(&self, epoch: Epoch) {
        match &mut *self.instance.lock() {
            Some(open) if open.epoch == epoch => open.keeps = true,
            Some(_) | None => {}
        }
    }

    fn write(&self, epoch: Epoch, piece: &Piece, first: usize, words: &[u64]) {
        if let Some(memory) = Open::of(&mut self.instance.lock(), epoch) {
            memory.write(self.machine(), piece, first, words);
        }
    }

    fn flush(&self, epoch: Epoch) {
        if let Some(memory) = Open::of(&mut self.instance.lock(), epoch) {
            memory.flush(self.machine());
        }
    }

    fn invalidate(&self, epoch: Epoch, root: u64) -> Result {
        let mut instance = self.instance.lock();
        let memory = Open::of(&mut instance, epoch).ok_or(EIO)?;
        let done = memory.invalidate(self.machine(), root);
        done.map_err(|error| self.window_error(epoch, error))
    }

    fn show(&self, epoch: Epoch, slot: usize, chunk: u64) -> Result {
        let shown = self.with_open(epoch, |memory| {
            memory.show(self.machine(), slot, Some(chunk))
        })?;
        shown.map_err(|error| self.window_error(epoch, error))
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
    /// `EIO` if the epoch has ended; then the GPU uses the tables until it is reset, or until GSP-RM is unloaded.
    /// `ETIMEDOUT` if the GPU does not invalidate; then the GSP is lost, and the epoch ends soon.
    #[inline(never)]
    pub fn invalidate(&self, root: u64) -> Result {
        self.instance.invalidate(self.epoch, root)
    }

    /// Allocates 4 KiB, for a table or for commands.
    ///
    /// # Errors
    ///
    /// `EIO` if the epoch has ended, `ETIMEDOUT` if the GPU's TLBs cannot be invalidated, `ENOSPC`, `ENOMEM`.
    #[inline(never)]
    pub fn page(&self) -> Result<Table<'a>> {
        let piece = self.instance.alloc(self.epoch, TABLE)?;
        Ok(Table {
            memory: self.clone(),
            piece: Some(piece),
        })
    }

    /// Frees no more tables before the end of the epoch: the GPU may go on using those that are dropped.
    pub(crate) fn keep(&self) {
        self.instance.keep(self.epoch);
    }
}

impl<'a> TableSource for Memory<'a> {
    type Table = Table<'a>;

    #[inline(never)]
    fn alloc_table(&self) -> Result<Table<'a>, MemoryError> {
        let no_table = |error| MemoryError::NoInstance {
            what: "a page table",
            kind: kind(error),
        };
        self.page().map_err(no_table)
    }
}

/// Memory of one table, or of 4 KiB of commands, freed when dropped.
pub struct Table<'a> {
    memory: Memory<'a>,
    /// `None` only while it is dropped.
    piece: Option<Piece>,
}

impl Table<'_> {
    /// Completes what was written, so that the GPU sees it.
    #[inline(never)]
    pub fn flush(&self) {
        let Memory { instance, epoch } = &self.memory;
        instance.flush(*epoch);
    }

    /// Where it is.
    pub(crate) fn piece(&self) -> Option<&Piece> {
        self.piece.as_ref()
    }
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

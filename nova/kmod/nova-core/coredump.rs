// SPDX-License-Identifier: GPL-2.0

//! The device coredump of a lost GSP: `/sys/class/devcoredump/devcd*/data`.
//!
//! The file starts with text. A line `== NAME SIZE` is followed by SIZE bytes of binary data and a
//! newline. docs/debugging.md describes the contents.

use core::fmt::{self, Write as _};

#[cfg(CONFIG_DEV_COREDUMP)]
use kernel::bindings;
use kernel::prelude::*;
use nova_core::platform::DmaMemory;
use nova_core::Running;

use crate::dma::Memory;
use crate::machine::Machine;

#[cfg(CONFIG_DEV_COREDUMP)]
extern "C" {
    /// Registers a coredump, and frees `data`, which must come from vmalloc, with it.
    ///
    /// Source: include/linux/devcoredump.h.
    fn dev_coredumpv(device: *mut c_void, data: *mut c_void, len: usize, gfp: bindings::gfp_t);
}

/// Bytes that are copied at a time, through the stack.
const CHUNK: usize = 256;

/// Creates a coredump with the state of the GSP at its loss. The kernel deletes it after five minutes
/// (`DEVCD_TIMEOUT`), if user space has not done so.
///
/// If there is no memory for it, there is no coredump.
pub(crate) fn submit<'a>(machine: &Machine<'a>, running: &Running<Machine<'a>>) {
    let mut dump = Dump(VVec::new());
    if dump.describe(running).is_ok() {
        dump.register(machine);
    }
}

struct Dump(VVec<u8>);

impl Dump {
    #[cfg(CONFIG_DEV_COREDUMP)]
    fn register(self, machine: &Machine<'_>) {
        let (data, len, _) = self.0.into_raw_parts();
        let device = core::ptr::from_ref(machine.device().as_ref()).cast_mut();
        // SAFETY: The device is bound. `VVec` allocates by vmalloc, and `into_raw_parts` has given up
        // the ownership of the memory, which the coredump takes.
        unsafe { dev_coredumpv(device.cast(), data.cast(), len, bindings::GFP_KERNEL) };
    }

    /// Drops the coredump, which this kernel does not support.
    #[cfg(not(CONFIG_DEV_COREDUMP))]
    fn register(self, _machine: &Machine<'_>) {}

    fn describe(&mut self, running: &Running<Machine<'_>>) -> fmt::Result {
        writeln!(self, "nova coredump 1")?;
        if let Some(lost) = running.lost() {
            writeln!(self, "{lost}")?;
        }
        writeln!(self, "\n{}", running.report())?;
        writeln!(self, "events         {:?}", running.event_counts())?;
        for call in running.last_calls() {
            writeln!(self, "{call}")?;
        }
        for (name, memory) in running.logs() {
            self.memory(name, memory)?;
        }
        self.memory("queues", running.queues())
    }

    fn memory(&mut self, name: &str, memory: &Memory) -> fmt::Result {
        writeln!(self, "== {name} {}", memory.size())?;
        let mut chunk = [0; CHUNK];
        for offset in (0..memory.size()).step_by(CHUNK) {
            memory.read(offset, &mut chunk).map_err(|_| fmt::Error)?;
            self.bytes(&chunk)?;
        }
        writeln!(self)
    }

    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        self.0
            .extend_from_slice(bytes, GFP_KERNEL)
            .map_err(|_| fmt::Error)
    }
}

impl fmt::Write for Dump {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes())
    }
}

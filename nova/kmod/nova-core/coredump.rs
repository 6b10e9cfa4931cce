// SPDX-License-Identifier: GPL-2.0

//! A device coredump of a GSP that is lost: `/sys/class/devcoredump/devcd*/data`.
//!
//! The file starts with text. A line `== NAME SIZE` announces SIZE bytes as they are, and a line end.
//! docs/debugging.md says what is in there.

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
    /// `struct device *`, memory from vmalloc and its bytes, how to allocate more.
    ///
    /// Source: include/linux/devcoredump.h.
    fn dev_coredumpv(device: *mut c_void, data: *mut c_void, len: usize, gfp: bindings::gfp_t);
}

/// Bytes that are copied at a time; they lie on the stack.
const CHUNK: usize = 256;

/// Hands what is known about the loss to user space, which has a few minutes to fetch it.
///
/// Where there is no memory for it, there is no coredump.
pub(crate) fn submit<'a>(machine: &Machine<'a>, running: &Running<Machine<'a>>) {
    let mut dump = Dump(VVec::new());
    if dump.describe(running).is_ok() {
        dump.give_away(machine);
    }
}

struct Dump(VVec<u8>);

impl Dump {
    #[cfg(CONFIG_DEV_COREDUMP)]
    fn give_away(self, machine: &Machine<'_>) {
        let (data, len, _) = self.0.into_raw_parts();
        let device = core::ptr::from_ref(machine.device().as_ref()).cast_mut();
        // SAFETY: The device is bound; the memory comes from vmalloc, and is given away.
        unsafe { dev_coredumpv(device.cast(), data.cast(), len, bindings::GFP_KERNEL) };
    }

    /// A kernel without coredumps takes none.
    #[cfg(not(CONFIG_DEV_COREDUMP))]
    fn give_away(self, _machine: &Machine<'_>) {}

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

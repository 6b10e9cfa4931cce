// SPDX-License-Identifier: GPL-2.0

//! The device coredump of a lost GSP, and memory for others. docs/debugging.md describes the contents.

use core::fmt::{self, Write as _};

use kernel::alloc::flags::__GFP_NOWARN;
use kernel::device::{Bound, Device};
use kernel::prelude::*;
use nova_core::platform::{DmaMemory, OutOfMemory};
use nova_core::{Dump, Running, Sink, Source};
use nova_kernel::coredump;

use crate::dma::Memory;
use crate::machine::Machine;

/// Memory of a coredump.
pub struct Coredump(VVec<u8>);

impl Coredump {
    /// An empty one that gets so many bytes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn with_room(size: usize) -> Result<Self> {
        Ok(Self(VVec::with_capacity(size, GFP_KERNEL | __GFP_NOWARN)?))
    }

    /// Makes it a coredump of a device, as [`coredump::make`] says.
    #[inline(never)]
    pub fn make(self, device: &Device<Bound>) {
        coredump::make(device, self.0);
    }
}

impl Sink for Coredump {
    #[inline(never)]
    fn append(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let added = self.0.extend_from_slice(bytes, GFP_KERNEL | __GFP_NOWARN);
        added.map_err(|_| OutOfMemory { size: bytes.len() })
    }
}

impl Source for Memory {
    fn read(&self, offset: u64, into: &mut [u8]) -> fmt::Result {
        let offset = usize::try_from(offset).map_err(|_| fmt::Error)?;
        DmaMemory::read(self, offset, into).map_err(|_| fmt::Error)
    }
}

/// Creates a coredump with the state of the GSP at its loss.
///
/// If there is no memory for it, there is no coredump.
pub(crate) fn submit<'a>(machine: &Machine<'a>, running: &Running<Machine<'a>>) {
    let mut dump = Dump::new(Coredump(VVec::new()));
    if describe(&mut dump, running).is_ok() {
        dump.into_inner().make(machine.device().as_ref());
    }
}

fn describe(dump: &mut Dump<Coredump>, running: &Running<Machine<'_>>) -> fmt::Result {
    writeln!(dump, "nova coredump 1")?;
    if let Some(lost) = running.lost() {
        writeln!(dump, "{lost}")?;
    }
    writeln!(dump, "\n{}", running.report())?;
    writeln!(dump, "events         {:?}", running.event_counts())?;
    for call in running.last_calls() {
        writeln!(dump, "{call}")?;
    }
    let mut part = |name: &str, memory: &Memory| {
        dump.part(format_args!("{name}"), memory, 0, memory.size() as u64)
    };
    for (name, memory) in running.logs() {
        part(name, memory)?;
    }
    part("queues", running.queues())
}

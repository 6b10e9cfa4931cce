// SPDX-License-Identifier: GPL-2.0

//! The device coredump of a queue that is lost by what its jobs did, or may have done.
//!
//! It is made when nobody waits for it any more: the channel has stopped, and the fences have ended. So it may wait for memory,
//! and what a program changes right after a fence is dumped as it is then.

use core::fmt;

use kernel::device::{Bound, Device};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_mutex, Mutex};
use nova_core_module::{
    Channel, Coredump, Dump, DumpedJob, Entry, LostQueue, Text, DUMP_ENTRIES_MAX,
};
use nova_kernel::coredump;

use super::engines;
use super::loss::Loss;
use super::queues::Made;
use super::Queue;
use crate::vm::{MappingCopy, Vm};

/// Mappings of an address space that a dump can be made of, and how often they are copied, which fails if a program makes more
/// meanwhile; the driver's own values.
const MAPPINGS_MAX: usize = 1 << 17;
const COPIES_MAX: usize = 3;

/// What makes dumps of the queues of a GPU.
///
/// They are dumps of the auxiliary device, so that one of a queue does not take the place of one of the GSP.
#[pin_data]
pub(super) struct Dumps<'a> {
    core: &'a nova_core_module::Gpu<'a>,
    device: &'a Device<Bound>,
    /// Held while one is made. Of two at once, the kernel would drop one.
    #[pin]
    making: Mutex<()>,
    /// That one could not be made has been logged.
    has_failed: Atomic<bool>,
}

impl<'a> Dumps<'a> {
    /// Of a GPU, and its auxiliary device.
    pub(super) fn new(
        core: &'a nova_core_module::Gpu<'a>,
        device: &'a Device<Bound>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            core,
            device,
            making <- new_mutex!(()),
            has_failed: Atomic::new(false),
        })
    }

    /// Makes one of a queue, whose channel this was and has ended, if its loss leaves one. Waits for memory, so no lock is held
    /// that the end of a fence may need.
    pub(super) fn make(&self, queue: &Queue, made: &Made<'_>) {
        let loss = queue.state.lock().loss();
        let Some(loss) = loss.filter(Loss::leaves_dump) else {
            return;
        };
        let Some(_making) = self.making.try_lock() else {
            return;
        };
        if !coredump::can_be_made(self.device) {
            return;
        }
        match self.write(queue, made, &loss) {
            Ok(dump) => dump.make(self.device),
            Err(_) if self.has_failed.xchg(true, Relaxed) => {}
            Err(error) => dev_warn!(self.device, "no dump of a lost queue: {error:?}\n"),
        }
    }

    fn write(&self, queue: &Queue, made: &Made<'_>, loss: &Loss) -> Result<Coredump> {
        let (unfinished, entries) = unfinished(&made.channel)?;
        let bindings = bindings(&queue.vm)?;
        let state = queue.state.lock();
        let jobs = [state.submitted(), state.done()];
        drop(state);
        let gpu = Text::<128>::format(fmt!("{}", self.core));
        let engine = queue
            .engine
            .map(|engine| engines::name(engine, queue.class));
        let queue = LostQueue {
            gpu: &gpu,
            interface: [nova_uapi::DRIVER_MAJOR, nova_uapi::DRIVER_MINOR],
            process: (Text::from_bytes(&queue.process.name), queue.process.number),
            id: queue.id.load(Relaxed),
            engine: engine.unwrap_or_default(),
            // One may have come after the loss.
            error: made.events.told().error.filter(|_| loss.xid != 0),
            architecture: self.core.chipset.arch(),
            fault: loss.fault,
            jobs,
            ring: made.channel.ring_state(),
            unfinished: &unfinished,
            entries: &entries,
            bindings: &bindings,
        };
        let mut dump = Dump::new(Coredump::with_room(queue.size_max())?);
        let written: fmt::Result = queue.write(&mut dump);
        written.map_err(|_| ENOMEM)?;
        Ok(dump.into_inner())
    }
}

/// The mappings of an address space, while programs may change them.
fn bindings(vm: &Vm) -> Result<KVVec<MappingCopy>> {
    for _ in 0..COPIES_MAX {
        if let Some(bindings) = vm.try_copy_mappings(MAPPINGS_MAX)? {
            return Ok(bindings);
        }
    }
    Err(E2BIG)
}

/// The jobs that the ring of a channel had, and their entries.
fn unfinished(channel: &Channel<'_>) -> Result<(KVVec<DumpedJob>, KVVec<Entry>)> {
    let (mut jobs, mut entries) = (KVVec::new(), KVVec::new());
    for number in channel.unfinished() {
        let Some(mut job) = channel.unfinished_job(number) else {
            break;
        };
        let before = entries.len();
        while entries.len() < DUMP_ENTRIES_MAX {
            let Some(entry) = channel.read_entry(&mut job.entries) else {
                break;
            };
            entries.push(entry, GFP_KERNEL)?;
        }
        let count = entries.len().saturating_sub(before);
        if count == 0 {
            break;
        }
        let job = DumpedJob {
            number,
            began: job.began,
            entries: count,
        };
        jobs.push(job, GFP_KERNEL)?;
    }
    Ok((jobs, entries))
}

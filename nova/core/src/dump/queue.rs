// SPDX-License-Identifier: GPL-2.0

//! The dump of a queue that is lost: why, what its ring had, what is bound around a fault, the words of its last pushes, and
//! the contents of bindings that a program wants to have dumped.

use core::fmt::{self, Write as _};
use core::ops::Range;

use nova_hw::chipset::Architecture;

use super::{Dump, Sink, Source};
use crate::fifo::fault::Reason;
use crate::fifo::ring::{Push, RingState};
use crate::fifo::unfinished::{Entry, Meaning};
use crate::gsp::events::ChannelError;
use crate::text::Text;

#[cfg(test)]
mod tests;

/// Bindings that are listed at most, this driver's own value as all that follow.
const BINDINGS_MAX: usize = 4096;

/// Pushes of which a dump has the words, and bytes of each.
const PUSHES_MAX: usize = 64;
const PUSH_BYTES_MAX: u64 = 4096;

/// Bytes of the contents of all bindings.
const CONTENTS_MAX: u64 = 16 << 20;

/// Bindings with contents: each has a page or more.
const PARTS_MAX: usize = (CONTENTS_MAX >> 12) as usize;

/// Entries of a ring that are listed at most.
pub const ENTRIES_MAX: usize = 4096;

/// A job that was in the ring.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Its number in the ring.
    pub number: u64,
    /// When the host has begun it, in nanoseconds of the GPU, if it has.
    pub began: Option<u64>,
    /// How many entries it has in the dump.
    pub entries: usize,
}

/// What is known of a binding.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The GPU cannot write.
    pub read_only: bool,
    /// The program wants its contents in a dump.
    pub dumpable: bool,
    /// The kind of the pages.
    pub kind: u8,
    /// What is bound; `None` for a sparse binding.
    pub object: Option<AboutObject>,
}

/// What is known of an object that is bound.
#[derive(Clone, Copy, Debug)]
pub struct AboutObject {
    /// Where in it the binding begins.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// Where it is.
    pub place: Place,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In system memory, which the CPU can read.
    System,
    /// In VRAM.
    Vram,
    /// With another driver.
    Import,
}

/// A range of an address space in which something is bound. What is read of it is read from its beginning on.
pub trait Binding: Source {
    /// Its addresses.
    fn range(&self) -> Range<u64>;

    /// What else is known of it.
    fn about(&self) -> About;

    /// The name of its object, as far as that fits.
    fn label(&self) -> Text<64>;
}

/// A queue that is lost, and whose channel has stopped.
pub struct LostQueue<'x, B> {
    /// The GPU, and the release of its firmware.
    pub gpu: &'x dyn fmt::Display,
    /// The version of the interface to programs.
    pub interface: [u32; 2],
    /// The name and the number of the process that has made the queue.
    pub process: (Text<16>, i32),
    /// The id of the queue in its file.
    pub id: u32,
    /// The name of its engine.
    pub engine: Text<16>,
    /// What GSP-RM has stopped it for; `None` if a job took too long.
    pub error: Option<ChannelError>,
    /// Which chips it is one of, by which the types of faults differ.
    pub architecture: Architecture,
    /// The number of its fault in the address space, if it was one.
    pub fault: Option<u64>,
    /// Jobs that were submitted to the queue, and those of them that were done.
    pub jobs: [u64; 2],
    /// How far the ring was.
    pub ring: RingState,
    /// The jobs that were in the ring.
    pub unfinished: &'x [Job],
    /// The entries of all of them.
    pub entries: &'x [Entry],
    /// What is bound in the address space, by the addresses.
    pub bindings: &'x [B],
}

impl<B: Binding> LostQueue<'_, B> {
    /// Writes the dump.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn write<S: Sink>(&self, to: &mut Dump<S>) -> fmt::Result {
        self.head(to)?;
        self.list_jobs(to)?;
        self.list_bindings(to)?;
        self.pushes(to)?;
        self.contents(to)
    }

    /// More bytes than the dump has, so that they can be allocated at once. With names that have to be escaped, it may have more.
    pub fn size_max(&self) -> usize {
        /// Bytes of a line, and some more.
        const LINE: usize = 256;
        let listed = self.bindings.len().min(BINDINGS_MAX);
        let lines = self.entries.len().saturating_add(self.unfinished.len());
        let text = lines.saturating_add(listed).saturating_add(32);
        let parts = PUSHES_MAX.saturating_mul(PUSH_BYTES_MAX as usize + LINE);
        let sizes = self.dumpable().map(|binding| size(binding));
        let contents = sizes.fold(0, u64::saturating_add).min(CONTENTS_MAX);
        let heads = self.dumpable().count();
        text.saturating_add(heads)
            .saturating_mul(LINE)
            .saturating_add(parts)
            .saturating_add(contents as usize)
    }

    fn head<S: Sink>(&self, to: &mut Dump<S>) -> fmt::Result {
        let ([major, minor], (process, pid)) = (self.interface, self.process);
        let ([submitted, done], ring) = (self.jobs, self.ring);
        writeln!(to, "nova queue dump 1")?;
        writeln!(to, "gpu            {}", self.gpu)?;
        writeln!(to, "interface      {major}.{minor}")?;
        writeln!(to, "process        {process}, {pid}")?;
        writeln!(to, "queue          {}, engine {}", self.id, self.engine)?;
        self.reason(to)?;
        writeln!(to, "jobs           {submitted} submitted, {done} done")?;
        let RingState { entries, get, put } = ring;
        writeln!(to, "ring           {entries} entries, GET {get}, PUT {put}")
    }

    fn reason<S: Sink>(&self, to: &mut Dump<S>) -> fmt::Result {
        let Some(error) = &self.error else {
            return writeln!(to, "reason         a job took too long");
        };
        let reason = match error.reason() {
            Reason::MmuFault => "a fault of the MMU",
            Reason::EngineError => "an error of the engine",
            Reason::Timeout => "the engine did not get to an end",
        };
        writeln!(to, "reason         {reason}, Xid {}", error.xid)?;
        let Some(number) = self.fault else {
            return Ok(());
        };
        match error.mmu_fault {
            None => writeln!(to, "fault          {number}"),
            Some(fault) => {
                let kind = fault.kind(self.architecture);
                let (address, number_of_kind) = (fault.address, fault.kind);
                writeln!(
                    to,
                    "fault          {number} at {address:#x}: {kind:?} ({number_of_kind:#x})"
                )
            }
        }
    }

    fn list_jobs<S: Sink>(&self, to: &mut Dump<S>) -> fmt::Result {
        let mut entries = self.entries;
        for job in self.unfinished {
            write!(to, "\njob {} of the ring, ", job.number)?;
            match job.began {
                Some(began) => writeln!(to, "begun at {began} ns")?,
                None => writeln!(to, "not begun")?,
            }
            let split = entries.split_at_checked(job.entries);
            let (its, others) = split.unwrap_or((entries, &[]));
            for entry in its {
                self.list_entry(to, entry)?;
            }
            entries = others;
        }
        match self.entries.len() < ENTRIES_MAX {
            true => writeln!(to),
            false => writeln!(to, "entries behind these, if there are any, are left out\n"),
        }
    }

    fn list_entry<S: Sink>(&self, to: &mut Dump<S>, entry: &Entry) -> fmt::Result {
        let Entry { index, bits, .. } = entry;
        write!(to, "{index:5} {bits:#018x} ")?;
        match entry.meaning {
            Meaning::Own => writeln!(to, "driver"),
            Meaning::Unknown => writeln!(to, "unknown"),
            Meaning::Base(base) => writeln!(to, "base {base:#x}"),
            Meaning::Push(push) => {
                let what = match self.binding_at(push.address) {
                    Some(binding) if is_readable(binding) => "",
                    Some(_) => ", not in system memory",
                    None => ", not bound",
                };
                let (address, bytes) = (push.address, bytes(&push));
                writeln!(to, "push {address:#x}, {bytes} bytes{what}")
            }
        }
    }

    fn list_bindings<S: Sink>(&self, to: &mut Dump<S>) -> fmt::Result {
        let count = self.bindings.len();
        let fault = self.error.and_then(|error| error.mmu_fault);
        let address = fault.map_or(0, |fault| fault.address);
        let listed = around(count, self.first_behind(address), BINDINGS_MAX);
        match count.saturating_sub(listed.len()) {
            0 => writeln!(to, "{count} bindings")?,
            left => writeln!(to, "{count} bindings, of which {left} are left out")?,
        }
        for binding in self.bindings.get(listed).unwrap_or_default() {
            list_binding(to, binding)?;
        }
        writeln!(to)
    }

    /// The index of the first binding that ends behind an address.
    fn first_behind(&self, address: u64) -> usize {
        let ends_before = |binding: &B| binding.range().end <= address;
        self.bindings.partition_point(ends_before)
    }

    /// The binding that has an address.
    fn binding_at(&self, address: u64) -> Option<&B> {
        let binding = self.bindings.get(self.first_behind(address))?;
        binding.range().contains(&address).then_some(binding)
    }

    /// Writes the words of the pushes that can be read.
    fn pushes<S: Sink>(&self, to: &mut Dump<S>) -> fmt::Result {
        let mut left = PUSHES_MAX;
        for entry in self.entries {
            let Meaning::Push(push) = entry.meaning else {
                continue;
            };
            let binding = self.binding_at(push.address);
            let Some(binding) = binding.filter(|binding| is_readable(*binding)) else {
                continue;
            };
            if left == 0 {
                break;
            }
            left = left.saturating_sub(1);
            let range = binding.range();
            let offset = push.address.saturating_sub(range.start);
            let there = range.end.saturating_sub(push.address);
            let size = bytes(&push).min(PUSH_BYTES_MAX).min(there);
            let address = push.address;
            to.part(format_args!("push@{address:#x}"), binding, offset, size)?;
        }
        Ok(())
    }

    /// Writes the contents of bindings that a program wants to have dumped.
    fn contents<S: Sink>(&self, to: &mut Dump<S>) -> fmt::Result {
        let mut left = CONTENTS_MAX;
        for binding in self.dumpable() {
            let size = size(binding).min(left);
            if size == 0 {
                break;
            }
            left = left.saturating_sub(size);
            let address = binding.range().start;
            to.part(format_args!("binding@{address:#x}"), binding, 0, size)?;
        }
        Ok(())
    }

    /// The bindings whose contents a dump has.
    fn dumpable(&self) -> impl Iterator<Item = &B> {
        let is_dumpable = |binding: &&B| binding.about().dumpable && is_readable(*binding);
        self.bindings.iter().filter(is_dumpable).take(PARTS_MAX)
    }
}

fn list_binding<S: Sink>(to: &mut Dump<S>, binding: &impl Binding) -> fmt::Result {
    let (Range { start, end }, about) = (binding.range(), binding.about());
    write!(to, "{start:#x}-{end:#x} kind {:#x}", about.kind)?;
    if about.read_only {
        write!(to, " read-only")?;
    }
    if about.dumpable {
        write!(to, " dumpable")?;
    }
    let Some(object) = about.object else {
        return writeln!(to, " sparse");
    };
    let place = match object.place {
        Place::System => "system",
        Place::Vram => "vram",
        Place::Import => "import",
    };
    let AboutObject { offset, size, .. } = object;
    write!(to, " {place}, object of {size:#x} bytes from {offset:#x}")?;
    match binding.label() {
        label if label.is_empty() => writeln!(to),
        // Control characters are escaped.
        label => writeln!(to, ": {label:?}"),
    }
}

/// Whether the CPU can read what is bound.
fn is_readable(binding: &impl Binding) -> bool {
    let object = binding.about().object;
    object.is_some_and(|object| object.place == Place::System)
}

fn size(binding: &impl Binding) -> u64 {
    let Range { start, end } = binding.range();
    end.saturating_sub(start)
}

/// Bytes of a push.
fn bytes(push: &Push) -> u64 {
    u64::from(push.words).saturating_mul(4)
}

/// At most `max` of `count` indices, with `middle` in their middle where there are enough on both sides.
fn around(count: usize, middle: usize, max: usize) -> Range<usize> {
    let last_start = count.saturating_sub(max);
    let start = middle.saturating_sub(max / 2).min(last_start);
    start..start.saturating_add(max).min(count)
}

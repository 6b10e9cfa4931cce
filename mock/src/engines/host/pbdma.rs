// SPDX-License-Identifier: GPL-2.0

//! One turn of a channel: entries, segments and headers.
//!
//! Source: open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt (`NV_PPBDMA_GP_ENTRY`) and
//! dev_ram.ref.txt (`NV_FIFO_DMA`).

use std::collections::VecDeque;
use std::mem;

use nova_hw::class::host::{
    exception, method, userd, GpEntry, Header, SubdeviceHeader, GP_ENTRY_SIZE,
};

use super::channel::{Channel, Method, Segment, Sequence};
use super::crc;
use super::error::{Cause, Stop};
use super::event::{HostEvent, Report, Step};
use crate::engines::engine::{Context, Engine, Exception, Progress, Work};
use crate::engines::memory::{Address, Memory};

/// Bits of addresses that the registers of GPUs without wide addresses have, and that an entry has.
const ENTRY_ADDRESS_BITS: u32 = 40;

/// Bits of wide addresses.
const WIDE_ADDRESS_BITS: u32 = 57;

/// Words that are read at once, at most.
const PIECE: u32 = 64;

/// Pieces do not cross this, so that all words before a page that cannot be read are executed.
const PAGE: u64 = 0x1000;

/// The methods of a sequence end here, in words.
const METHODS: u32 = 0x1000;

/// What a turn may do at most before the next channel gets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) methods: u32,
    pub(super) words: u32,
    pub(super) entries: u32,
    /// What engines may copy.
    pub(super) bytes: u64,
}

impl Budget {
    pub(super) const TURN: Self = Self {
        methods: 64,
        words: 256,
        entries: 64,
        bytes: 4 << 20,
    };

    /// This part of it, and all of it at most; at least one of each.
    pub(super) fn part(self, part: u32, of: u32) -> Self {
        let (part, of) = (u64::from(part.min(of)), u64::from(of));
        let scaled = |all: u32| (u64::from(all) * part / of).max(1) as u32;
        Self {
            methods: scaled(self.methods),
            words: scaled(self.words),
            entries: scaled(self.entries),
            bytes: (self.bytes * part / of).max(1),
        }
    }

    fn is_used_up(&self) -> bool {
        self.methods == 0 || self.words == 0 || self.entries == 0 || self.bytes == 0
    }
}

/// The hardware that executes a channel, in one turn.
pub(super) struct Pbdma<'a> {
    pub(super) channel: &'a mut Channel,
    pub(super) memory: &'a mut (dyn Memory + 'a),
    /// The GPU's time in nanoseconds.
    pub(super) time: u64,
    /// The method that no engine completes.
    pub(super) hangs_at: Option<u16>,
    pub(super) budget: Budget,
    /// The channel gives up the rest of its turn.
    pub(super) yields: bool,
    pub(super) report: &'a mut Report,
    /// Words of the segment that have been read.
    fetched: VecDeque<u32>,
}

impl<'a> Pbdma<'a> {
    pub(super) fn new(
        channel: &'a mut Channel,
        memory: &'a mut (dyn Memory + 'a),
        time: u64,
        hangs_at: Option<u16>,
        budget: Budget,
        report: &'a mut Report,
    ) -> Self {
        Self {
            channel,
            memory,
            time,
            hangs_at,
            budget,
            yields: false,
            report,
            fetched: VecDeque::new(),
        }
    }

    /// Gets the channel further, to the end of the turn or its work. Nothing is written after an
    /// error.
    pub(super) fn run(mut self) -> Result<(), Stop> {
        self.work()?;
        self.write_userd()
    }

    fn work(&mut self) -> Result<(), Stop> {
        if mem::take(&mut self.channel.is_rung) {
            self.read_gp_put()?;
        }
        if let Some((slot, method)) = self.channel.unfinished.take() {
            self.proceed(slot, method)?;
        }
        if let Some(acquire) = self.channel.acquire {
            self.channel.may_retry = false;
            if acquire.is_acquired(self.memory)? {
                self.channel.acquire = None;
                self.report.has_progressed = true;
                self.did(acquire.acquired());
            }
        }
        while self.may_go_on() && self.step()? {}
        Ok(())
    }

    fn may_go_on(&self) -> bool {
        let channel = &self.channel;
        let is_blocked =
            channel.acquire.is_some() || channel.unfinished.is_some() || channel.hanging.is_some();
        !is_blocked && !self.yields && !self.budget.is_used_up()
    }

    fn userd(&self, offset: u64) -> Address {
        let userd = self.channel.setup.userd;
        Address::Physical(userd.aperture, userd.at).plus(offset)
    }

    fn read_gp_put(&mut self) -> Result<(), Stop> {
        let at = self.userd(userd::GP_PUT);
        let put = self.memory.read_u32(at)?;
        let setup = &self.channel.setup;
        let (gpfifo, entries) = (setup.gpfifo, setup.entries);
        let bits = if setup.class.has_wide_addresses() {
            WIDE_ADDRESS_BITS
        } else {
            ENTRY_ADDRESS_BITS
        };
        let end = gpfifo.checked_add(u64::from(entries) * GP_ENTRY_SIZE);
        if end.is_none_or(|end| end > 1 << bits) {
            return Err(Cause::GpFifo.into());
        }
        if put >= entries {
            return Err(Cause::GpPointer { put, entries }.into());
        }
        self.channel.gp_put = put;
        Ok(())
    }

    /// Writes what has changed into USERD, as the hardware does when it switches channels.
    fn write_userd(&mut self) -> Result<(), Stop> {
        let progress = self.channel.progress;
        if mem::replace(&mut self.channel.written, progress) == progress {
            return Ok(());
        }
        let (low, high) = (|at: u64| at as u32, |at: u64| (at >> 32) as u32);
        if self.channel.setup.class.has_full_userd() {
            for (offset, value) in [
                (userd::PUT, low(progress.put)),
                (userd::PUT_HI, high(progress.put)),
                (userd::GET, low(progress.get)),
                (userd::GET_HI, high(progress.get)),
                (userd::REFERENCE, progress.reference),
            ] {
                self.write_userd_word(offset, value)?;
            }
            if let Some(get) = progress.top_level_get {
                let high = high(get) | userd::TOP_LEVEL_GET_VALID;
                self.write_userd_word(userd::TOP_LEVEL_GET, low(get))?;
                self.write_userd_word(userd::TOP_LEVEL_GET_HI, high)?;
            }
        }
        self.write_userd_word(userd::GP_GET, progress.gp_get)
    }

    fn write_userd_word(&mut self, offset: u64, value: u32) -> Result<(), Stop> {
        let at = self.userd(offset);
        Ok(self.memory.write(at, &value.to_le_bytes())?)
    }

    /// Processes the next word, or the next entry; false if there is none.
    fn step(&mut self) -> Result<bool, Stop> {
        let Some(mut segment) = self.channel.segment else {
            return self.entry();
        };
        let word = match self.fetched.pop_front() {
            Some(word) => word,
            None => self.fetch(segment)?,
        };
        self.budget.words -= 1;
        self.report.has_progressed = true;
        segment.at += 4;
        segment.left -= 1;
        let channel = &mut *self.channel;
        channel.pb_crc = crc::add(channel.pb_crc, word);
        channel.progress.get = segment.at;
        if !segment.is_subroutine {
            channel.progress.top_level_get = Some(segment.at);
        }
        channel.segment = (segment.left > 0).then_some(segment);
        self.word(word)?;
        if self.channel.segment.is_none() {
            self.fetched.clear();
        }
        Ok(true)
    }

    /// Reads more of the segment; returns the first word.
    fn fetch(&mut self, segment: Segment) -> Result<u32, Stop> {
        let to_page = (PAGE - segment.at % PAGE) / 4;
        let words = u64::from(segment.left.min(PIECE)).min(to_page) as usize;
        let mut bytes = vec![0; words * 4];
        self.memory.read(Address::Virtual(segment.at), &mut bytes)?;
        let word = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u32::from(byte))
        };
        let mut pieces = bytes.chunks_exact(4).map(word);
        let first = pieces.next().unwrap_or_default();
        self.fetched.extend(pieces);
        Ok(first)
    }

    /// Processes the next entry, up to its segment; false if there is none.
    fn entry(&mut self) -> Result<bool, Stop> {
        let channel = &mut *self.channel;
        let get = channel.progress.gp_get;
        if get == channel.gp_put {
            return Ok(false);
        }
        let at = Address::Virtual(channel.setup.gpfifo).plus(u64::from(get) * GP_ENTRY_SIZE);
        let entry = GpEntry::from(self.memory.read_u64(at)?);
        self.budget.entries -= 1;
        self.report.has_progressed = true;
        channel.progress.gp_get = (get + 1) % channel.setup.entries;
        let is_check = entry.is_control() && entry.get_hi() == GpEntry::GP_CRC;
        if !is_check {
            let bits = u64::from(entry);
            channel.gp_crc = crc::add(channel.gp_crc, bits as u32);
            channel.gp_crc = crc::add(channel.gp_crc, (bits >> 32) as u32);
        }
        if entry.is_control() {
            self.control(entry)?;
        } else {
            self.begin(entry)?;
        }
        Ok(true)
    }

    fn control(&mut self, entry: GpEntry) -> Result<(), Stop> {
        let channel = &mut *self.channel;
        let expected = entry.operand();
        match entry.get_hi() {
            GpEntry::NOP => {}
            GpEntry::GP_CRC => {
                let found = mem::take(&mut channel.gp_crc);
                if found != expected {
                    return Err(Cause::GpCrc { found, expected }.into());
                }
            }
            GpEntry::PB_CRC => {
                let found = channel.pb_crc;
                if found != expected {
                    return Err(Cause::PbCrc { found, expected }.into());
                }
            }
            GpEntry::SET_PB_SEGMENT_EXTENDED_BASE if channel.setup.class.has_wide_addresses() => {
                channel.extended_base = entry.extended_base_operand();
            }
            _ => return Err(bad_entry(entry, "no such operation")),
        }
        Ok(())
    }

    /// Begins with the segment of an entry.
    ///
    /// The channel processes everything in order, so SYNC has nothing to wait for.
    fn begin(&mut self, entry: GpEntry) -> Result<(), Stop> {
        let channel = &mut *self.channel;
        let end = entry.address() + u64::from(entry.length()) * 4;
        // The register for the end has no bit for the first address behind the last. With an
        // extended base the model has the same limit, which NVIDIA's driver keeps
        // (open-gpu-kernel-modules, kernel-open/nvidia-uvm/uvm_hopper_host.c).
        if end >= 1 << ENTRY_ADDRESS_BITS {
            return Err(bad_entry(
                entry,
                "the segment ends beyond the address space",
            ));
        }
        if entry.conditional() {
            if !channel.subdevice.is_active {
                return Ok(());
            }
            if channel.sequence.is_some() {
                return Err(Cause::PbSegment.into());
            }
        }
        let at = channel.extended_base | entry.address();
        channel.pb_crc = 0;
        channel.progress.get = at;
        channel.progress.put = channel.extended_base | end;
        if !entry.subroutine() {
            channel.progress.top_level_get = Some(at);
        }
        channel.segment = Some(Segment {
            at,
            left: entry.length(),
            is_conditional: entry.conditional(),
            is_subroutine: entry.subroutine(),
        });
        Ok(())
    }

    /// Processes a word of a segment: the data of the last header, or a header.
    fn word(&mut self, word: u32) -> Result<(), Stop> {
        let Some(mut sequence) = self.channel.sequence else {
            return self.header(word);
        };
        let (subchannel, address) = (sequence.subchannel, sequence.address);
        sequence.left -= 1;
        if sequence.increments > 0 {
            sequence.increments -= 1;
            sequence.address += 1;
        }
        self.channel.sequence = (sequence.left > 0).then_some(sequence);
        self.method(subchannel, address, word)
    }

    fn header(&mut self, word: u32) -> Result<(), Stop> {
        let header = Header::from(word);
        let (subchannel, address, count) = (header.subchannel(), header.address(), header.count());
        let bad = |reason| {
            Err(Cause::PbEntry {
                header: word,
                reason,
            }
            .into())
        };
        let increments = match header.operation() {
            Header::SUBDEVICE => return self.subdevice(word),
            Header::END_PB_SEGMENT => {
                self.channel.segment = None;
                return Ok(());
            }
            Header::IMMD => return self.method(subchannel, address, count.into()),
            Header::INC => count,
            Header::NON_INC => 0,
            Header::ONE_INC => count.min(1),
            _ => return bad("obsolete or reserved"),
        };
        if count == 0 {
            return Ok(());
        }
        // The last method needs no increment after it.
        let last = u32::from(address) + u32::from(increments.min(count - 1));
        if last >= METHODS {
            return bad("the methods wrap around");
        }
        self.channel.sequence = Some(Sequence {
            subchannel,
            address,
            increments: increments.min(count - 1),
            left: count,
        });
        Ok(())
    }

    fn subdevice(&mut self, word: u32) -> Result<(), Stop> {
        let header = SubdeviceHeader::from(word);
        let subdevice = &mut self.channel.subdevice;
        let mask = match header.opcode() {
            0 if word == 0 => return Ok(()),
            SubdeviceHeader::STORE => {
                subdevice.stored = header.mask();
                return Ok(());
            }
            SubdeviceHeader::SET => header.mask(),
            SubdeviceHeader::USE => subdevice.stored,
            _ => {
                let reason = "obsolete or reserved";
                return Err(Cause::PbEntry {
                    header: word,
                    reason,
                }
                .into());
            }
        };
        subdevice.is_active = mask != 0;
        let is_conditional = |segment: Segment| segment.is_conditional;
        if mask == 0 && self.channel.segment.is_some_and(is_conditional) {
            self.channel.segment = None;
        }
        Ok(())
    }

    /// Executes a method, whose address is in words.
    fn method(&mut self, subchannel: u8, address: u16, data: u32) -> Result<(), Stop> {
        if !self.channel.subdevice.is_active {
            return Ok(());
        }
        let method = u32::from(address) * 4;
        self.budget.methods -= 1;
        let is_hosts = method < method::END && method != method::SET_OBJECT;
        let slot = self.channel.slot(subchannel).filter(|_| !is_hosts);
        let object = slot.and_then(|slot| self.channel.object(slot));
        let called = Method {
            subchannel,
            class: object.map(|object| object.class),
            method,
            data,
        };
        self.report.steps.push(Step::Method(called));
        if is_hosts {
            return self.host_method(method, data);
        }
        let Some(slot) = slot else {
            return Err(Cause::Device { subchannel, method }.into());
        };
        let has_context = self.channel.setup.has_context;
        let Some(object) = self.channel.object(slot) else {
            return Err(Cause::NoObject { subchannel, method }.into());
        };
        if method == method::SET_OBJECT {
            let (class, object_class) = (data as u16, object.class);
            if class == object_class {
                return Ok(());
            }
            return Err(Stop {
                cause: Cause::Class {
                    class,
                    object: object_class,
                },
                engine: Some(object.engine_type),
                exception: object.exception,
            });
        }
        if object.needs_context && !has_context {
            return Err(Stop {
                cause: Cause::NoContext {
                    class: object.class,
                },
                engine: Some(object.engine_type),
                exception: exception::GR_FAULT_DURING_CTXSW,
            });
        }
        let method = method as u16;
        if self.hangs_at == Some(method) {
            self.channel.hanging = Some(slot);
            self.report.events.push(HostEvent::Hangs);
            return Ok(());
        }
        self.on_engine(slot, called, |engine, context| {
            engine.method(context, method, data)
        })
    }

    /// Records what the last method does.
    pub(super) fn did(&mut self, work: Work) {
        self.report.steps.push(Step::Work(work));
    }

    fn proceed(&mut self, slot: usize, method: Method) -> Result<(), Stop> {
        self.report.has_progressed = true;
        self.report.steps.push(Step::Proceeded(method));
        self.on_engine(slot, method, |engine, context| engine.proceed(context))
    }

    fn on_engine(
        &mut self,
        slot: usize,
        called: Method,
        execute: impl FnOnce(&mut dyn Engine, &mut Context<'_>) -> Result<Progress, Exception>,
    ) -> Result<(), Stop> {
        let is_privileged = self.channel.setup.is_privileged;
        let Some(object) = self.channel.object(slot) else {
            return Ok(());
        };
        let mut context = Context {
            memory: self.memory,
            time: self.time,
            is_privileged,
            budget: self.budget.bytes,
            interrupt: false,
            work: Vec::new(),
        };
        let result = execute(&mut *object.engine, &mut context);
        let (left, interrupt, work) = (context.budget, context.interrupt, context.work);
        self.budget.bytes = left;
        self.report.steps.extend(work.into_iter().map(Step::Work));
        let engine = object.engine_type;
        if interrupt {
            self.report
                .events
                .push(HostEvent::EngineNonStall { engine });
        }
        match result {
            Ok(Progress::Done) => {}
            Ok(Progress::Unfinished) => self.channel.unfinished = Some((slot, called)),
            Err(failed) => {
                let (class, exception) = (object.class, object.exception);
                let method = (class, called.method, called.data);
                return Err(Stop::of_engine(failed, method, engine, exception));
            }
        }
        Ok(())
    }
}

fn bad_entry(entry: GpEntry, reason: &'static str) -> Stop {
    let entry = u64::from(entry);
    Cause::GpEntry { entry, reason }.into()
}

// SPDX-License-Identifier: GPL-2.0

//! A host with channels in memory that tests can look at.

use std::sync::{Arc, Mutex};

use nova_hw::class::host::{userd, ChannelClass, GpEntry, Header, WorkSubmitToken, GP_ENTRY_SIZE};

use super::channel::Method;
use super::error::Cause;
use super::event::{Invalidate, Step};
use super::*;
use crate::engines::engine::{Context, Engine, Exception, Progress};
use crate::engines::memory::{Address, Aperture, MmuFault};
use crate::engines::testing::{TestMemory, TIME};

mod entries;
mod errors;
mod headers;
mod methods;
mod random;
mod schedule;
mod semaphores;

const RUNLIST: u8 = 3;
const ENTRIES: u32 = 8;
const INSTANCE: Place = Place {
    aperture: Aperture::Vram,
    at: 0x7000,
};

/// What the channels use as semaphores.
const DATA: u64 = 0x5000_0000;

/// Engine type of the channels, and of their objects.
const HOST_TYPE: u32 = 9;
const OBJECT_TYPE: u32 = 10;

/// Class of the objects, and what stops a channel for them.
const CLASS: u16 = 0xc7b5;
const EXCEPTION: u32 = 39;

const fn id(channel: u16) -> ChannelId {
    ChannelId {
        runlist: RUNLIST,
        channel,
    }
}

struct Card {
    memory: TestMemory,
    time: u64,
    /// The method that no engine completes.
    hangs_at: Option<u16>,
    /// The address space of the last turn, and its privilege.
    instance: Option<(Place, bool)>,
}

impl Surroundings for Card {
    fn memory(&mut self, instance: Place, is_privileged: bool) -> Box<dyn Memory + '_> {
        self.instance = Some((instance, is_privileged));
        Box::new(Borrowed(&mut self.memory))
    }

    fn time(&self) -> u64 {
        self.time
    }

    fn hangs_at(&self) -> Option<u16> {
        self.hangs_at
    }
}

struct Borrowed<'a>(&'a mut TestMemory);

impl Memory for Borrowed<'_> {
    fn read(&mut self, at: Address, into: &mut [u8]) -> Result<(), MmuFault> {
        self.0.read(at, into)
    }

    fn write(&mut self, at: Address, from: &[u8]) -> Result<(), MmuFault> {
        self.0.write(at, from)
    }

    fn update(
        &mut self,
        at: Address,
        size: usize,
        change: &mut dyn FnMut(u64) -> u64,
    ) -> Result<(), MmuFault> {
        self.0.update(at, size, change)
    }
}

/// An engine that takes these methods, and keeps a list of all others.
struct TestEngine {
    seen: Arc<Mutex<Vec<(u16, u32)>>>,
    left: u64,
}

impl TestEngine {
    /// Copies this many bytes.
    const COPY: u16 = 0x300;
    /// Writes to this offset in [`DATA`].
    const WRITE: u16 = 0x304;
    /// Refused.
    const REFUSED: u16 = 0x308;
    /// Not modelled.
    const NOT_MODELLED: u16 = 0x30c;
    /// Asks for an interrupt.
    const INTERRUPT: u16 = 0x310;
    /// Sees whether the channel is privileged, and the time.
    const CONTEXT: u16 = 0x314;

    fn copy(&mut self, context: &mut Context<'_>) -> Progress {
        let now = self.left.min(context.budget);
        self.left -= now;
        context.budget -= now;
        if self.left > 0 {
            return Progress::Unfinished;
        }
        Progress::Done
    }
}

impl Engine for TestEngine {
    fn method(
        &mut self,
        context: &mut Context<'_>,
        method: u16,
        data: u32,
    ) -> Result<Progress, Exception> {
        match method {
            Self::COPY => {
                self.left = data.into();
                return Ok(self.copy(context));
            }
            Self::WRITE => {
                let at = Address::Virtual(DATA + u64::from(data));
                context.memory.write(at, &[0xff; 4])?;
            }
            Self::REFUSED => {
                let reason = "refused".to_owned();
                return Err(Exception::Method { reason });
            }
            Self::NOT_MODELLED => {
                let what = "this".to_owned();
                return Err(Exception::NotModelled { what });
            }
            Self::INTERRUPT => context.interrupt = true,
            Self::CONTEXT => {
                let seen = (context.is_privileged.into(), context.time as u32);
                self.seen.lock().unwrap().push(seen);
            }
            _ => self.seen.lock().unwrap().push((method, data)),
        }
        Ok(Progress::Done)
    }

    fn proceed(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        assert!(self.left > 0, "there is nothing to go on with");
        Ok(self.copy(context))
    }
}

struct Bench {
    host: Host,
    card: Card,
    class: ChannelClass,
    seen: Arc<Mutex<Vec<(u16, u32)>>>,
    /// Where the next segment goes.
    next: u64,
}

impl Bench {
    fn new() -> Self {
        Self::of(ChannelClass::AmpereA)
    }

    fn of(class: ChannelClass) -> Self {
        let card = Card {
            memory: TestMemory::new(),
            time: TIME,
            hangs_at: None,
            instance: None,
        };
        Self {
            host: Host::default(),
            card,
            class,
            seen: Arc::default(),
            next: 0x100_0000,
        }
    }

    /// With one channel, number 1, that has an object.
    fn with_channel(class: ChannelClass) -> Self {
        let mut bench = Self::of(class);
        bench.add(1);
        bench
    }

    fn setup(&self, channel: u16) -> Setup {
        Setup {
            class: self.class,
            is_privileged: false,
            instance: INSTANCE,
            userd: Place {
                aperture: Aperture::Vram,
                at: u64::from(channel) * userd::SIZE,
            },
            gpfifo: gpfifo(channel),
            entries: ENTRIES,
            group: None,
            engine: HOST_TYPE,
            is_graphics: false,
            has_context: false,
            has_doorbell_kinds: self.class == ChannelClass::BlackwellB,
        }
    }

    fn add(&mut self, channel: u16) {
        self.add_as(channel, self.setup(channel));
    }

    fn add_as(&mut self, channel: u16, setup: Setup) {
        assert_eq!(self.host.create(id(channel), setup), Ok(()));
        let object = self.object();
        assert!(self.host.attach(id(channel), 4, object));
        assert!(self.host.enable(id(channel), true));
    }

    fn object(&self) -> Object {
        let engine = TestEngine {
            seen: Arc::clone(&self.seen),
            left: 0,
        };
        Object {
            class: CLASS,
            engine: Box::new(engine),
            engine_type: OBJECT_TYPE,
            exception: EXCEPTION,
            needs_context: false,
        }
    }

    /// Puts words somewhere in memory.
    fn words(&mut self, words: &[u32]) -> u64 {
        let at = self.next;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.card.memory.set(Address::Virtual(at), &bytes);
        self.next += (bytes.len() as u64).next_multiple_of(0x100);
        at
    }

    /// Puts an entry into a GPFIFO.
    fn entry(&mut self, channel: u16, entry: GpEntry) {
        let put = self.gp_put(channel);
        let at = gpfifo(channel) + u64::from(put) * GP_ENTRY_SIZE;
        let bits = u64::from(entry).to_le_bytes();
        self.card.memory.set(Address::Virtual(at), &bits);
        self.set_gp_put(channel, (put + 1) % ENTRIES);
    }

    fn set_gp_put(&mut self, channel: u16, put: u32) {
        let at = userd_at(channel, userd::GP_PUT);
        self.card.memory.set(at, &put.to_le_bytes());
    }

    fn gp_put(&self, channel: u16) -> u32 {
        self.userd(channel, userd::GP_PUT)
    }

    fn gp_get(&self, channel: u16) -> u32 {
        self.userd(channel, userd::GP_GET)
    }

    fn userd(&self, channel: u16, offset: u64) -> u32 {
        self.card.memory.get_u32(userd_at(channel, offset))
    }

    /// Adds a segment with these words.
    fn segment(&mut self, channel: u16, words: &[u32]) {
        let at = self.words(words);
        self.entry(channel, GpEntry::segment(at, words.len() as u32));
    }

    fn ring(&mut self, channel: u16) {
        assert!(self.host.ring(token(self.class, channel)));
    }

    /// Adds a segment and rings.
    fn push(&mut self, channel: u16, words: &[u32]) {
        self.segment(channel, words);
        self.ring(channel);
    }

    fn turn(&mut self) -> Option<Turn> {
        self.host.turn(&mut self.card)
    }

    /// Runs until idle.
    fn run(&mut self) -> Vec<Turn> {
        let turns: Vec<_> = std::iter::from_fn(|| self.turn()).take(1000).collect();
        assert!(turns.len() < 1000, "the host does not become idle");
        turns
    }

    /// Runs until idle; returns what the card learns.
    fn events(&mut self) -> Vec<HostEvent> {
        let turns = self.run().into_iter();
        turns.flat_map(|turn| turn.report.events).collect()
    }

    /// Runs until idle, which must stop channel 1; returns why.
    fn error(&mut self) -> Stopped {
        let mut events = self.events();
        match events.pop() {
            Some(HostEvent::Stopped(stopped)) if stopped.others.is_empty() => {
                let status = self.host.status(id(1));
                assert_eq!(status, Some(Status::Stopped(&stopped.cause)));
                stopped
            }
            event => panic!("no error: {event:?}"),
        }
    }

    /// Pushes to channel 1 and runs until idle, which must stop the channel; returns why.
    fn error_of(&mut self, words: &[u32]) -> Stopped {
        self.push(1, words);
        self.error()
    }

    /// What the engine has seen since the last call.
    fn seen(&mut self) -> Vec<(u16, u32)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn data(&self, offset: u64) -> u32 {
        self.card.memory.get_u32(Address::Virtual(DATA + offset))
    }

    fn set_data(&mut self, offset: u64, value: u64) {
        let at = Address::Virtual(DATA + offset);
        self.card.memory.set(at, &value.to_le_bytes());
    }

    fn status(&self, channel: u16) -> Status<'_> {
        self.host.status(id(channel)).unwrap()
    }
}

fn gpfifo(channel: u16) -> u64 {
    0x10_0000 + u64::from(channel) * 0x1000
}

fn userd_at(channel: u16, offset: u64) -> Address {
    let at = u64::from(channel) * userd::SIZE + offset;
    Address::Physical(Aperture::Vram, at)
}

fn token(class: ChannelClass, channel: u16) -> u32 {
    WorkSubmitToken::new()
        .with_channel(channel)
        .with_runlist(RUNLIST)
        .with_runlist_doorbell(class == ChannelClass::BlackwellB)
        .into()
}

/// A header on subchannel 4.
fn header(operation: u8, method: u32, count: u16) -> u32 {
    Header::of(operation, 4, method, count).into()
}

/// Methods in a row, each with its data.
fn inc(method: u32, data: &[u32]) -> Vec<u32> {
    let header = header(Header::INC, method, data.len() as u16);
    [&[header], data].concat()
}

/// One method with its data in the header.
fn immd(method: u32, data: u16) -> u32 {
    header(Header::IMMD, method, data)
}

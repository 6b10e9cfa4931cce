// SPDX-License-Identifier: GPL-2.0

//! A card with channels, for tests.

use nova_hw::class::copy::offset;
use nova_hw::class::host::{method, userd, GpEntry, Header, WorkSubmitToken};
use nova_hw::gmmu::Format;

use super::*;
use crate::engines::mmu::testing::{Mapping, Tables};
use crate::gpu::tests::card;
use crate::gsp_rm::context::Context;
use crate::machine::in_process::Arena;
use crate::trace::Trace;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DOORBELL: u32 = 0xbb_0090;

pub(crate) const SPACE: SpaceId = SpaceId {
    client: 0xc1d0_0000,
    handle: 0x90f1_0000,
};

/// Where things are in the frame buffer.
pub(crate) const TABLES: u64 = 0x10_0000;
pub(crate) const INSTANCE: u64 = 0x20_0000;
pub(crate) const USERD: u64 = 0x21_0000;
pub(crate) const GPFIFO: u64 = 0x22_0000;
pub(crate) const PUSH: u64 = 0x23_0000;
pub(crate) const DATA: u64 = 0x24_0000;

/// The virtual address of a place in the frame buffer, and one that is not mapped.
pub(crate) const fn va(place: u64) -> u64 {
    0x1_0000_0000 + place
}
pub(crate) const NOWHERE: u64 = 0x5000_0000;

pub(crate) const ENGINE: Engine = Engine::Copy(2);

/// How far apart the things of two channels are, and how many can have some.
pub(crate) const NEXT: u64 = 0x10_0000;
pub(crate) const CHANNELS: u64 = 5;

/// A channel, and the number of entries that were pushed to it.
pub(crate) struct Pushed {
    pub(crate) channel: resource::Channel,
    entries: u32,
}

/// A card with channels, at first with one on a copy engine.
pub(crate) struct Tested {
    pub(crate) card: Gpu<Arena>,
    pub(crate) pushed: Vec<Pushed>,
}

impl Tested {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With another channel.
    pub(crate) fn with(change: impl FnOnce(&mut resource::Channel)) -> Self {
        let mut tested = Self::without_channels(Trace::default());
        tested.add(ENGINE, change);
        tested
    }

    /// With a trace that sees the channel come.
    pub(crate) fn with_trace(trace: Trace) -> Self {
        let mut tested = Self::without_channels(trace);
        tested.add(ENGINE, |_| {});
        tested
    }

    fn without_channels(trace: Trace) -> Self {
        let mut card = card();
        *card.trace_mut() = trace;
        let format = Format::of(card.chip().chipset.arch());
        let mut tables = Tables::new(format, Aperture::Vram, TABLES);
        let (_, mut physical) = card.memory();
        let places = (0..CHANNELS).flat_map(|at| [GPFIFO, PUSH].map(|place| place + at * NEXT));
        for place in places.chain([DATA]) {
            tables.map(&mut physical, va(place), 12, Mapping::vram(place));
        }
        let directory = PageDirectory {
            aperture: Aperture::Vram,
            is_coherent: false,
            address: TABLES,
            entries: 4,
        };
        card.apply(Effect::PageDirectorySet {
            space: SPACE,
            directory,
        });
        let pushed = Vec::new();
        Self { card, pushed }
    }

    /// Adds a channel, with number 3 or the next one, that runs; returns its place in the list.
    pub(crate) fn add(
        &mut self,
        engine: Engine,
        change: impl FnOnce(&mut resource::Channel),
    ) -> usize {
        let at = self.pushed.len();
        let row = engines::of(self.card.chip().chipset).row(engine).unwrap();
        let video = |place| (Aperture::Vram, place + at as u64 * NEXT);
        let mut channel = resource::Channel {
            number: resource::ChannelNumber(3 + at as u16),
            class: ChannelClass::AmpereA as u32,
            group: None,
            space: Some(SPACE),
            engine,
            runlist: row.runlist,
            runqueue: 0,
            instance: video(INSTANCE),
            userd: video(USERD),
            gpfifo: va(GPFIFO) + at as u64 * NEXT,
            gpfifo_entries: 0x200,
            privilege: Privilege::User,
            share: 0,
            context: Context::default(),
        };
        change(&mut channel);
        for effect in [
            Effect::ChannelCreated(channel),
            Effect::ObjectCreated {
                channel: channel.number,
                class: CopyClass::AmpereB as u32,
                engine,
            },
            Effect::Scheduled {
                channel: channel.number,
                runs: true,
            },
        ] {
            self.card.apply(effect);
        }
        let entries = 0;
        self.pushed.push(Pushed { channel, entries });
        at
    }

    /// The first channel.
    pub(crate) fn channel(&self) -> resource::Channel {
        self.pushed[0].channel
    }

    pub(crate) fn token(&self, at: usize) -> u32 {
        let channel = &self.pushed[at].channel;
        let token = WorkSubmitToken::new().with_channel(channel.number.0);
        token.with_runlist(channel.runlist).into()
    }

    /// Gives the first channel these words, and rings.
    pub(crate) fn push(&mut self, words: &[u32]) {
        self.push_to(0, words);
    }

    /// Gives a channel these words, and rings.
    pub(crate) fn push_to(&mut self, at: usize, words: &[u32]) {
        let (apart, entries) = (at as u64 * NEXT, &mut self.pushed[at].entries);
        let segment = PUSH + apart + u64::from(*entries) * 0x400;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.card.vram.write(segment, &bytes);
        let entry = GpEntry::segment(va(segment), words.len() as u32);
        let slot = GPFIFO + apart + u64::from(*entries) * 8;
        self.card.vram.write(slot, &entry.into_bits().to_le_bytes());
        *entries += 1;
        let put = entries.to_le_bytes();
        self.card.vram.write(USERD + apart + userd::GP_PUT, &put);
        let token = self.token(at);
        self.card.write32(DOORBELL, token);
    }

    /// Lets time pass, an event at a time.
    pub(crate) fn settle(&mut self) {
        let end = self.card.now() + SECOND;
        while let Some(next) = self.card.next_event().filter(|&next| next < end) {
            self.card.advance(next);
        }
    }

    pub(crate) fn word(&self, at: u64) -> u32 {
        let mut bytes = [0; 4];
        self.card.vram.read(at, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub(crate) fn status(&self) -> String {
        self.card.channels()
    }

    /// The channels that have stopped, by their place in the list.
    pub(crate) fn stopped(&self) -> Vec<usize> {
        let status = self.status();
        let lines = status.lines().enumerate();
        lines
            .filter(|(_, line)| line.contains("Stopped"))
            .map(|(at, _)| at)
            .collect()
    }
}

pub(crate) fn host(first: u32, data: &[u32]) -> Vec<u32> {
    let header = Header::of(Header::INC, 0, first, data.len() as u16);
    [&[header.into()], data].concat()
}

pub(crate) fn copy(first: u16, data: &[u32]) -> Vec<u32> {
    let header = Header::of(Header::INC, 4, first.into(), data.len() as u16);
    [&[header.into()], data].concat()
}

/// Copies `len` bytes.
pub(crate) fn copies(from: u64, to: u64, len: u32) -> Vec<u32> {
    let halves = |at: u64| [(at >> 32) as u32, at as u32];
    let addresses = [halves(from), halves(to)].concat();
    [
        copy(offset::OFFSET_IN_UPPER, &addresses),
        copy(offset::LINE_LENGTH_IN, &[len, 1]),
        // Not pipelined, both sides in pitch form, virtual.
        copy(offset::LAUNCH_DMA, &[0x182]),
    ]
    .concat()
}

pub(crate) fn releases(at: u64, payload: u32) -> Vec<u32> {
    let [low, high] = [at as u32, (at >> 32) as u32];
    host(method::SEM_ADDR_LO, &[low, high, payload, 0, 1])
}

/// Waits until the word equals `payload`.
pub(crate) fn acquires(at: u64, payload: u32) -> Vec<u32> {
    let [low, high] = [at as u32, (at >> 32) as u32];
    host(method::SEM_ADDR_LO, &[low, high, payload, 0, 0])
}

// SPDX-License-Identifier: GPL-2.0

//! A card with a channel, for tests.

use nova_hw::class::copy::offset;
use nova_hw::class::host::{method, userd, GpEntry, Header, WorkSubmitToken};
use nova_hw::gmmu::Format;

use super::*;
use crate::engines::mmu::testing::{Mapping, Tables};
use crate::gpu::tests::card;
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

/// A card with a channel on a copy engine.
pub(crate) struct Tested {
    pub(crate) card: Gpu<Arena>,
    pub(crate) channel: payload::Channel,
    entries: u32,
}

impl Tested {
    pub(crate) fn new() -> Self {
        Self::with_trace(Trace::default())
    }

    /// With a trace that sees the channel come.
    pub(crate) fn with_trace(trace: Trace) -> Self {
        let mut card = card();
        *card.trace_mut() = trace;
        let format = Format::of(card.chip().chipset.arch());
        let mut tables = Tables::new(format, Aperture::Vram, TABLES);
        let (_, mut physical) = card.memory();
        for place in [GPFIFO, PUSH, DATA] {
            tables.map(&mut physical, va(place), 12, Mapping::vram(place));
        }
        let row = engines::of(card.chip().chipset).row(ENGINE).unwrap();
        let video = |at| (payload::Aperture::Video, at);
        let channel = payload::Channel {
            id: payload::ChannelId(3),
            class: ChannelClass::AmpereA as u32,
            space: Some(SPACE),
            engine: ENGINE,
            runlist: row.runlist,
            runqueue: 0,
            instance: video(INSTANCE),
            userd: video(USERD),
            gpfifo: va(GPFIFO),
            gpfifo_entries: 0x200,
            privilege: Privilege::User,
            share: 0,
        };
        let directory = PageDirectory {
            aperture: payload::Aperture::Video,
            address: TABLES,
            entries: 4,
        };
        for effect in [
            Effect::PageDirectorySet {
                space: SPACE,
                directory,
            },
            Effect::ChannelCreated(channel),
            Effect::ObjectCreated {
                channel: channel.id,
                class: CopyClass::AmpereB as u32,
                engine: ENGINE,
            },
            Effect::Scheduled {
                channel: channel.id,
                runs: true,
            },
        ] {
            card.apply(effect);
        }
        Self {
            card,
            channel,
            entries: 0,
        }
    }

    pub(crate) fn token(&self) -> u32 {
        let token = WorkSubmitToken::new().with_channel(self.channel.id.0);
        token.with_runlist(self.channel.runlist).into()
    }

    /// Gives the channel these words, and rings.
    pub(crate) fn push(&mut self, words: &[u32]) {
        let at = PUSH + u64::from(self.entries) * 0x400;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.card.vram.write(at, &bytes);
        let entry = GpEntry::segment(va(at), words.len() as u32);
        let slot = GPFIFO + u64::from(self.entries) * 8;
        self.card.vram.write(slot, &entry.into_bits().to_le_bytes());
        self.entries += 1;
        let put = self.entries.to_le_bytes();
        self.card.vram.write(USERD + userd::GP_PUT, &put);
        let token = self.token();
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

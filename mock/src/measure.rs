// SPDX-License-Identifier: GPL-2.0

//! What `make bench` measures of the engines: a channel on a card that has not booted, and lookups
//! of the MMU. GSP-RM's effects are given.

use nova_hw::chipset::Architecture;
use nova_hw::class::copy::{offset, Class as CopyClass};
use nova_hw::class::graphics::{launch, Class as GraphicsClass};
use nova_hw::class::host::{method, userd, ChannelClass, GpEntry, Header, WorkSubmitToken};
use nova_hw::gmmu::{kind, ver2, PdeAperture, PteAperture};

use crate::chips::engines::Engine;
use crate::chips::{by_name, engines};
use crate::engines::memory::Aperture;
use crate::engines::mmu::{Mmu, Root, TlbMode};
use crate::engines::physical::Physical;
use crate::firmware::Firmwares;
use crate::gpu::{Gpu, Setup};
use crate::gsp_rm::context::Context;
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::resource::{Channel, ChannelNumber, PageDirectory, Privilege, SpaceId};
use crate::machine::in_process::Arena;
use crate::synthetic;
use crate::vram::Vram;
use crate::{Fuses, Trace};

const CHIP: &str = "ga102";
const DOORBELL: u32 = 0xbb_0090;
const SPACE: SpaceId = SpaceId {
    client: 0xc1d0_0000,
    handle: 0x90f1_0000,
};

/// Where things are in the frame buffer, which is mapped to the same virtual addresses.
const TABLES: u64 = 0x1_0000;
const INSTANCE: u64 = 0x2_0000;
const USERD: u64 = 0x3_0000;
const GPFIFO: u64 = 0x4_0000;
const PUSH: u64 = 0x5_0000;
const PROGRAM: u64 = 0x6_0000;
const QMD: u64 = 0x7_0000;

/// Entries of the GPFIFO, of which one at most is in use.
const ENTRIES: u32 = 2;

/// The most methods of a header.
const METHODS: u32 = 0x1fff;

/// A large page, and how many of them are mapped.
const LARGE: u64 = 512 << 20;
const LARGE_PAGES: u64 = 32;

/// Subchannels of the object that computes, and of the one that copies.
const COMPUTE: u8 = 1;
const COPY: u8 = 4;

/// A channel on an engine of a GA102. It has the first 16 GiB of the frame buffer, of which the
/// first MiB is in use.
pub struct Work {
    card: Gpu<Arena>,
    channel: Channel,
    put: u32,
}

impl Work {
    /// An idle channel on a copy engine.
    ///
    /// # Panics
    ///
    /// If the card is not mocked any more.
    pub fn copies() -> Self {
        Self::on(Engine::Copy(2), CopyClass::AmpereB.number())
    }

    /// An idle channel that computes.
    ///
    /// # Panics
    ///
    /// If the card is not mocked any more.
    pub fn computes() -> Self {
        Self::on(Engine::Gr, GraphicsClass::AmpereComputeB.number())
    }

    fn on(engine: Engine, class: u32) -> Self {
        let chip = by_name(CHIP).expect("the chip");
        let mut vram = Vram::in_process(chip.vram);
        let pages = link_directories(&mut vram, 2);
        for page in 0..LARGE_PAGES {
            put(&mut vram, pages + page * 8, pte(page * LARGE));
        }
        let setup = Setup {
            chip,
            vram,
            bar1: None,
            firmware: Firmwares::load(chip, &synthetic::firmware(chip)).expect("the firmware"),
            // The card does not boot.
            vbios: Some(Vec::new()),
            fuses: Fuses::default(),
            trace: Trace::default(),
        };
        let mut card = Gpu::with_any_vbios(setup, Arena::new());
        let row = engines::of(chip.chipset).row(engine).expect("the engine");
        let video = |at| (Aperture::Vram, at);
        let channel = Channel {
            number: ChannelNumber(1),
            group: None,
            class: ChannelClass::AmpereA as u32,
            space: Some(SPACE),
            engine,
            runlist: row.runlist,
            runqueue: 0,
            instance: video(INSTANCE),
            userd: video(USERD),
            gpfifo: GPFIFO,
            gpfifo_entries: ENTRIES,
            privilege: Privilege::User,
            share: 0,
            context: Context::complete(),
        };
        let directory = PageDirectory {
            aperture: Aperture::Vram,
            is_coherent: false,
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
                channel: channel.number,
                class,
                engine,
            },
            Effect::Scheduled {
                channel: channel.number,
                runs: true,
            },
        ] {
            card.apply(effect);
        }
        let mut work = Self {
            card,
            channel,
            put: 0,
        };
        // What happens after power-on.
        work.settle();
        work
    }

    /// Copies `len` bytes of the frame buffer, and returns the number of turns that it took.
    ///
    /// # Panics
    ///
    /// If the channel stops.
    pub fn copy(&mut self, from: u64, to: u64, len: u32) -> u32 {
        let halves = |at: u64| [(at >> 32) as u32, at as u32];
        let words = [
            methods(
                COPY,
                offset::OFFSET_IN_UPPER,
                &[halves(from), halves(to)].concat(),
            ),
            methods(COPY, offset::LINE_LENGTH_IN, &[len, 1]),
            // Not pipelined, both sides in pitch form, virtual.
            methods(COPY, offset::LAUNCH_DMA, &[0x182]),
        ];
        self.run(&words.concat())
    }

    /// Gives the engine `count` methods that only set state, and returns the number of turns.
    ///
    /// # Panics
    ///
    /// If there are more than a header can have.
    pub fn methods(&mut self, count: u32) -> u32 {
        assert!(count <= METHODS, "{count} methods");
        let first = offset::SET_REMAP_CONST_A.into();
        let header = Header::of(Header::NON_INC, COPY, first, count as u16);
        let mut words = vec![0; 1 + count as usize];
        words[0] = header.into();
        self.run(&words)
    }

    /// Has a warp count from a number, not zero, down to zero, and returns how many instructions that is.
    ///
    /// # Panics
    ///
    /// If the channel stops.
    pub fn count_down(&mut self, from: u32) -> u64 {
        self.launch_count_down(from);
        2 + 3 * u64::from(from)
    }

    /// Returns the number of turns.
    fn launch_count_down(&mut self, from: u32) -> u32 {
        let program: [[u32; 4]; 5] = [
            // MOV R1, from
            [0x0001_7802, from, 0xf00, 0],
            // IADD3 R1, R1, -1, RZ
            [0x0101_7810, 0xffff_ffff, 0x07ff_e0ff, 0],
            // ISETP.NE.AND P0, PT, R1, RZ, PT
            [0x0100_720c, 0xff, 0x03f0_5270, 0],
            // @P0 BRA to the addition
            [0x0000_0947, 0xffff_ffd0, 0x0383_ffff, 0],
            // EXIT
            [0x0000_794d, 0, 0x0380_0000, 0],
        ];
        // Version 3.0 (clc6c0qmd.h), one block of a warp; numbers are those of words.
        let mut qmd = [0; 64];
        qmd[12..15].fill(1);
        qmd[18] = 0x30 | 32 << 16;
        qmd[19] = 1 | 1 << 16;
        qmd[48] = PROGRAM as u32;
        self.put_words(PROGRAM, program.as_flattened());
        self.put_words(QMD, &qmd);
        let class = GraphicsClass::AmpereComputeB.number();
        let words = [
            methods(COMPUTE, method::SET_OBJECT as u16, &[class]),
            methods(COMPUTE, launch::SEND_PCAS_A, &[(QMD >> 8) as u32]),
            // Invalidate, copy and schedule.
            methods(COMPUTE, launch::SEND_SIGNALING_PCAS2_B, &[3]),
        ];
        self.run(&words.concat())
    }

    /// Frees the channel and its address space.
    pub fn free(&mut self) {
        self.card.apply(Effect::ChannelFreed(self.channel.number));
        self.card.apply(Effect::PageDirectoryUnset { space: SPACE });
    }

    /// Has the channel execute these words.
    fn run(&mut self, words: &[u32]) -> u32 {
        self.put_words(PUSH, words);
        let vram = &mut self.card.vram;
        let entry = GpEntry::segment(PUSH, words.len() as u32);
        put(vram, GPFIFO + u64::from(self.put) * 8, entry.into());
        self.put = (self.put + 1) % ENTRIES;
        vram.write(USERD + userd::GP_PUT, &self.put.to_le_bytes());
        let token = WorkSubmitToken::new()
            .with_channel(self.channel.number.0)
            .with_runlist(self.channel.runlist);
        self.card.write32(DOORBELL, token.into());
        let turns = self.settle();
        assert!(!self.card.channels().contains("Stopped"), "the channel");
        turns
    }

    fn put_words(&mut self, at: u64, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.card.vram.write(at, &bytes);
    }

    /// Lets events happen until none is left, and returns their number.
    fn settle(&mut self) -> u32 {
        let mut events = 0;
        while let Some(next) = self.card.next_event() {
            self.card.advance(next);
            events += 1;
        }
        events
    }
}

/// A header of methods that follow each other, with their data.
fn methods(subchannel: u8, first: u16, data: &[u32]) -> Vec<u32> {
    let header = Header::of(Header::INC, subchannel, first.into(), data.len() as u16);
    [&[header.into()], data].concat()
}

/// The MMU of a GA102, with one page table of small pages.
pub struct Lookups {
    mmu: Mmu,
    vram: Vram,
    system: Arena,
}

impl Lookups {
    /// With TLBs that keep what was found, or without.
    pub fn new(has_tlb: bool) -> Self {
        let mut vram = Vram::in_process(64 << 20);
        let directory = link_directories(&mut vram, 3);
        let table = directory + 0x1000;
        let entry = ver2::DualPde::new()
            .with_aperture_small(PdeAperture::VideoMemory)
            .with_page_small(table >> 12);
        vram.write(directory, &u128::from(entry).to_le_bytes());
        for page in 0..512 {
            put(&mut vram, table + page * 8, pte(page << 12));
        }
        let mode = match has_tlb {
            true => TlbMode::Strict,
            false => TlbMode::Lax,
        };
        Self {
            mmu: Mmu::new(Architecture::Ampere, mode),
            vram,
            system: Arena::new(),
        }
    }

    /// Looks up `count` addresses, page after page.
    ///
    /// # Panics
    ///
    /// If there is no page.
    pub fn run(&mut self, count: u64) {
        let root = Root {
            aperture: Aperture::Vram,
            address: TABLES,
        };
        let physical = Physical {
            vram: &mut self.vram,
            system: &mut self.system,
            is_bus_master: true,
            protected: None,
        };
        for at in 0..count {
            let page = self.mmu.translate(&physical, root, (at % 512) << 12);
            assert!(page.is_ok(), "a page");
        }
    }
}

/// Writes the first entries of so many directories, each of which leads to the next, and returns
/// where the last one leads.
fn link_directories(vram: &mut Vram, count: u64) -> u64 {
    for at in (0..count).map(|number| TABLES + number * 0x1000) {
        let entry = ver2::Pde::new()
            .with_aperture(PdeAperture::VideoMemory)
            .with_page((at + 0x1000) >> 12);
        put(vram, at, entry.into());
    }
    TABLES + count * 0x1000
}

/// The entry for a page of the frame buffer.
fn pte(at: u64) -> u64 {
    let entry = ver2::Pte::new()
        .with_valid(true)
        .with_aperture(PteAperture::VideoMemory)
        .with_kind(kind::GENERIC_MEMORY)
        .with_vid_page((at >> 12) as u32);
    entry.into()
}

fn put(vram: &mut Vram, at: u64, entry: u64) {
    vram.write(at, &entry.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_happens() {
        let mut work = Work::copies();
        work.card.vram.write(LARGE, &[1, 2, 3, 4]);
        assert_eq!(work.copy(LARGE, 2 * LARGE, 12 << 20), 3);
        let mut bytes = [0; 4];
        work.card.vram.read(2 * LARGE, &mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4]);
        // A turn has 64.
        assert_eq!(work.methods(640), 10);
        work.free();
        assert_eq!(work.card.channels(), "");
        for has_tlb in [true, false] {
            Lookups::new(has_tlb).run(1000);
        }
    }

    #[test]
    fn all_instructions_are_executed() {
        let mut work = Work::computes();
        let turns = [5460, 5461].map(|from| work.launch_count_down(from));
        // A turn has 16384 instructions.
        assert_eq!(
            [5460, 5461].map(|from| work.count_down(from)),
            [16382, 16385]
        );
        assert_eq!(turns, [1, 2]);
    }
}

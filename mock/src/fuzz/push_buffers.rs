// SPDX-License-Identifier: GPL-2.0

//! Channels whose GPFIFOs, push buffers, USERDs and page tables are random, on a whole card.
//!
//! GSP-RM's effects are given, with what it would have checked.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use nova_hw::chipset::Architecture;
use nova_hw::class::copy::Class as CopyClass;
use nova_hw::class::graphics::Class as GraphicsClass;
use nova_hw::class::host::{userd, ChannelClass, GpEntry, WorkSubmitToken};
use nova_hw::gmmu::Format;
use nova_hw::release::RELEASES;

use super::card::{card, check_wpr2, DRIVERS, WPR2};
use crate::bus::machine::GuestMemory;
use crate::chips::{by_name, engines};
use crate::engines::memory::Aperture;
use crate::engines::mmu::testing::{sparse, Mapping, Tables};
use crate::engines::physical::Physical;
use crate::gpu::Gpu;
use crate::gsp_rm::context::Context;
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::resource::{Channel, ChannelNumber, GroupId, PageDirectory, Privilege, SpaceId};
use crate::machine::in_process::Arena;
use piece::Piece;

mod piece;

/// One of each generation of channels.
const CHIPS: [&str; 5] = ["tu102", "ga102", "gh100", "gb100", "gb202"];

/// Channels have numbers below this one.
const CHANNELS: u16 = 4;

/// Events of the card that happen after each step, and at the end. A turn may take as long as
/// copying 4 MiB takes.
const EVENTS: usize = 4;
const LAST_EVENTS: usize = 16;

/// The group of all channels that are in one.
const GROUP: GroupId = GroupId {
    client: 0xc1d0_0000,
    handle: 0xa06c_0000,
};

const SPACE: SpaceId = SpaceId {
    client: 0xc1d0_0000,
    handle: 0x90f1_0000,
};

const PAGE: u64 = 0x1000;
const LARGE: u64 = 0x20_0000;

/// Where things are in the frame buffer. A large page maps all that a channel has but for its
/// instance block; another one is for data.
const TABLES: u64 = 0x10_0000;
const INSTANCES: u64 = 0x18_0000;
const USERDS: u64 = LARGE;
const GPFIFOS: u64 = LARGE + 0x1_0000;
const PUSH: u64 = LARGE + 0x2_0000;
const PUSH_END: u64 = 2 * LARGE;
const DATA: u64 = 2 * LARGE;

/// Entries of a GPFIFO, unless the input has another number.
const ENTRIES: u32 = 512;

/// Virtual addresses: those of the large pages; a page of the machine's memory, a read-only page, a
/// sparse one, one of the machine's memory that is gone, and one in WPR2.
const VA: u64 = 0x1_0000_0000;
const SYSTEM: u64 = 0x2_0000_0000;
const READ_ONLY: u64 = SYSTEM + PAGE;
const SPARSE: u64 = SYSTEM + 2 * PAGE;
const GONE: u64 = SYSTEM + 3 * PAGE;
const PROTECTED: u64 = SYSTEM + 4 * PAGE;

/// Where GSP-RM lets an instance block or a USERD be.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Place {
    /// The channel's own.
    Own,
    Vram(u32),
    System(u64),
}

#[derive(Debug, Arbitrary)]
struct NewChannel {
    number: u8,
    class: u8,
    engine: u8,
    privilege: u8,
    has_group: bool,
    has_space: bool,
    instance: Place,
    userd: Place,
    gpfifo: Option<u64>,
    log2_entries: Option<u8>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// A segment, its entry and a doorbell.
    Push {
        channel: u8,
        pieces: Vec<Piece>,
    },
    /// An entry as it is, and a doorbell.
    Entry {
        channel: u8,
        entry: u64,
    },
    Put {
        channel: u8,
        put: u32,
    },
    Ring(u32),
    /// The CPU changes page tables, or whatever it likes of the driver's frame buffer.
    Tables {
        slot: u16,
        entry: u64,
    },
    Vram {
        at: u32,
        bytes: Vec<u8>,
    },
    Bar1 {
        at: u32,
        bytes: Vec<u8>,
    },
    Create(NewChannel),
    Free(u8),
    Schedule {
        channel: u8,
        runs: bool,
    },
    Object {
        channel: u8,
        class: u8,
        is_freed: bool,
    },
    PageDirectory(Option<u32>),
    BusMaster(bool),
    Settle,
}

/// Runs channels made from `data` on a card: their work is done in turns, however much there is, and
/// WPR2 does not change.
pub fn push_buffers(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(&chip) = input.choose(&CHIPS) else {
        return;
    };
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(input) else {
        return;
    };
    let mut driver = Driver::new(chip);
    for step in steps {
        driver.step(step);
    }
    driver.settle(LAST_EVENTS);
    check_wpr2(&driver.card);
}

/// A driver with a card.
struct Driver {
    card: Gpu<Arena>,
    channels: BTreeMap<ChannelNumber, Channel>,
    puts: [u32; CHANNELS as usize],
    /// Where the next words go.
    push: u64,
}

impl Driver {
    fn new(chip: &str) -> Self {
        // Their order is that of the classes.
        let class = CHIPS.iter().position(|&it| it == chip).unwrap_or_default() as u8;
        let chip = by_name(chip).expect("a chip");
        // The release that all chips boot.
        let mut driver = Self {
            card: card(chip, RELEASES[0]),
            channels: BTreeMap::new(),
            puts: [0; CHANNELS as usize],
            push: PUSH,
        };
        driver.build_tables();
        driver.set_directory(Some(TABLES as u32));
        let channel = |number, engine| NewChannel {
            number,
            class,
            engine,
            privilege: number,
            has_group: false,
            has_space: true,
            instance: Place::Own,
            userd: Place::Own,
            gpfifo: None,
            log2_entries: None,
        };
        let mut classes = classes();
        classes.retain(|&class| engines::of(chip.chipset).classes.has(class));
        // Rows are as in `Engines::table`: that of graphics, and of the first copy engines, of which
        // some are on its runlist.
        for (number, engine, classes) in [(0, 0, &classes[..]), (1, 3, &classes[..1])] {
            driver.create(channel(number, engine));
            for &class in classes {
                driver.object(number, class, false);
            }
            driver.schedule(number, true);
        }
        driver
    }

    fn build_tables(&mut self) {
        let format = Format::of(self.card.chip().chipset.arch());
        let [system, gone] = [0, 1].map(|_| self.card.machine_mut().place(&[0; PAGE as usize]));
        let mut physical = Physical {
            vram: &mut self.card.vram,
            system: &mut self.card.machine,
            is_bus_master: true,
            protected: None,
        };
        let mut tables = Tables::new(format, Aperture::Vram, TABLES);
        for (va, shift, to) in [
            (VA + LARGE, 21, Mapping::vram(LARGE)),
            (VA + DATA, 21, Mapping::vram(DATA)),
            (SYSTEM, 12, Mapping::system(system)),
            // No memory of the machine is that far up.
            (GONE, 12, Mapping::system(gone + (1 << 40))),
            (PROTECTED, 12, Mapping::vram(WPR2.start)),
        ] {
            tables.map(&mut physical, va, shift, to);
        }
        let read_only = Mapping {
            read_only: true,
            ..Mapping::vram(DATA)
        };
        tables.map(&mut physical, READ_ONLY, 12, read_only);
        let sparse = sparse(format.version).into();
        tables.write(&mut physical, SPARSE, 12, sparse);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Push { channel, pieces } => {
                let words: Vec<u32> = pieces.iter().flat_map(Piece::words).collect();
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                if self.push + bytes.len() as u64 > PUSH_END {
                    return;
                }
                let entry = GpEntry::segment(VA + self.push, words.len() as u32);
                self.card.vram.write(self.push, &bytes);
                self.push += bytes.len() as u64;
                self.entry(channel, entry.into());
            }
            Step::Entry { channel, entry } => self.entry(channel, entry),
            Step::Put { channel, put } => self.put(channel, put),
            Step::Ring(token) => self.ring(token),
            Step::Tables { slot, entry } => {
                let at = TABLES + u64::from(slot) % 0x2000 * 8;
                self.card.vram.write(at, &entry.to_le_bytes());
            }
            Step::Vram { at, bytes } => self.card.vram.write(u64::from(at) % DRIVERS, &bytes),
            Step::Bar1 { at, bytes } => self.card.write_bar1(u64::from(at) % DRIVERS, &bytes),
            Step::Create(channel) => self.create(channel),
            Step::Free(number) => {
                let id = id(number);
                self.channels.remove(&id);
                self.card.apply(Effect::ChannelFreed(id));
            }
            Step::Schedule { channel, runs } => self.schedule(channel, runs),
            Step::Object {
                channel,
                class,
                is_freed,
            } => {
                let classes = classes();
                let class = classes[usize::from(class) % classes.len()];
                self.object(channel, class, is_freed);
            }
            Step::PageDirectory(at) => self.set_directory(at),
            Step::BusMaster(is_on) => self.card.config_mut().set_bus_master(is_on),
            Step::Settle => self.settle(EVENTS),
        }
    }

    fn entry(&mut self, channel: u8, entry: u64) {
        let number = id(channel).0;
        let put = &mut self.puts[usize::from(number)];
        let at = GPFIFOS + u64::from(number) * PAGE + u64::from(*put) * 8;
        *put = (*put + 1) % ENTRIES;
        let put = *put;
        self.card.vram.write(at, &entry.to_le_bytes());
        self.put(channel, put);
    }

    fn put(&mut self, channel: u8, put: u32) {
        let Some(channel) = self.channels.get(&id(channel)) else {
            return;
        };
        let (aperture, at) = (channel.userd.0, channel.userd.1 + userd::GP_PUT);
        let put = put.to_le_bytes();
        match aperture {
            Aperture::Vram => self.card.vram.write(at, &put),
            // There may be no memory.
            _ => {
                let _ = self.card.machine.write(at, &put);
            }
        }
        let arch = self.card.chip().chipset.arch();
        let token = WorkSubmitToken::new()
            .with_channel(channel.number.0)
            .with_runlist(channel.runlist)
            .with_runlist_doorbell(arch == Architecture::BlackwellGb20x);
        self.ring(token.into());
    }

    fn ring(&mut self, token: u32) {
        self.card.write32(DOORBELL, token);
    }

    fn create(&mut self, new: NewChannel) {
        let id = id(new.number);
        if self.channels.contains_key(&id) {
            return;
        }
        let chip = self.card.chip().chipset;
        let rows = engines::of(chip).table();
        let row = rows[usize::from(new.engine) % rows.len()];
        let classes = ChannelClass::ALL;
        let place = |place, own, align: u64| match place {
            Place::Own => (Aperture::Vram, own),
            Place::Vram(at) => {
                let at = u64::from(at) % (DRIVERS - align);
                (Aperture::Vram, at / align * align)
            }
            Place::System(at) => (Aperture::System, at / align * align),
        };
        let number = u64::from(id.0);
        let (instance, userd) = (INSTANCES + number * PAGE, USERDS + number * userd::SIZE);
        let channel = Channel {
            number: id,
            class: classes[usize::from(new.class) % classes.len()] as u32,
            group: new.has_group.then_some(GROUP),
            space: new.has_space.then_some(SPACE),
            engine: row.engine,
            runlist: row.runlist,
            runqueue: 0,
            instance: place(new.instance, instance, PAGE),
            userd: place(new.userd, userd, userd::SIZE),
            gpfifo: new.gpfifo.unwrap_or(VA + GPFIFOS + number * PAGE),
            gpfifo_entries: new.log2_entries.map_or(ENTRIES, |log2| 1 << (log2 % 32)),
            privilege: match new.privilege % 3 {
                0 => Privilege::User,
                1 => Privilege::Admin,
                _ => Privilege::Kernel,
            },
            share: 0,
            context: Context::complete(),
        };
        self.puts[usize::from(id.0)] = 0;
        self.channels.insert(id, channel);
        self.card.apply(Effect::ChannelCreated(channel));
    }

    fn schedule(&mut self, channel: u8, runs: bool) {
        let channel = id(channel);
        self.card.apply(Effect::Scheduled { channel, runs });
    }

    fn object(&mut self, channel: u8, class: u32, is_freed: bool) {
        let Some(&Channel { number, engine, .. }) = self.channels.get(&id(channel)) else {
            return;
        };
        self.card.apply(match is_freed {
            false => Effect::ObjectCreated {
                channel: number,
                class,
                engine,
            },
            true => Effect::ObjectFreed {
                channel: number,
                class,
                engine,
            },
        });
    }

    fn set_directory(&mut self, at: Option<u32>) {
        self.card.apply(match at {
            None => Effect::PageDirectoryUnset { space: SPACE },
            Some(at) => Effect::PageDirectorySet {
                space: SPACE,
                directory: PageDirectory {
                    aperture: Aperture::Vram,
                    is_coherent: false,
                    address: u64::from(at) % DRIVERS / PAGE * PAGE,
                    entries: 4,
                },
            },
        });
    }

    /// Lets some events happen. Channels that wait for memory have some for ever.
    fn settle(&mut self, events: usize) {
        for _ in 0..events {
            let Some(next) = self.card.next_event() else {
                return;
            };
            self.card.advance(next);
        }
    }
}

/// NV_VIRTUAL_FUNCTION_DOORBELL.
const DOORBELL: u32 = 0xbb_0090;

/// Those whose methods are modelled; of copies, then of graphics.
fn classes() -> Vec<u32> {
    let copies = CopyClass::ALL.map(CopyClass::number).into_iter();
    let graphics = GraphicsClass::ALL.iter().map(|&class| class as u32);
    copies.chain(graphics).collect()
}

fn id(number: u8) -> ChannelNumber {
    ChannelNumber(u16::from(number) % CHANNELS)
}

#[cfg(test)]
mod tests {
    use super::piece::Spot;
    use super::*;

    /// Steps do what they say: otherwise the fuzzer would see nothing.
    #[test]
    fn a_step_is_executed() {
        let copy = |to| Piece::Copy {
            from: Spot::Data(0),
            to,
            pitches: [0; 2],
            length: 4,
            lines: 1,
            // Not pipelined, both sides in pitch form, virtual.
            launch: 0x182,
        };
        for chip in CHIPS {
            let mut driver = Driver::new(chip);
            driver.card.vram.write(DATA, &[1, 2, 3, 4]);
            let pieces = vec![copy(Spot::Data(0x1000)), copy(Spot::Protected(0))];
            driver.step(Step::Push { channel: 1, pieces });
            driver.settle(LAST_EVENTS);
            let mut bytes = [0; 4];
            driver.card.vram.read(DATA + 0x1000, &mut bytes);
            assert_eq!(bytes, [1, 2, 3, 4], "{chip}: {}", driver.card.channels());
            let channels = driver.card.channels();
            assert!(channels.contains("Region"), "{chip}: {channels}");
            check_wpr2(&driver.card);
        }
    }
}

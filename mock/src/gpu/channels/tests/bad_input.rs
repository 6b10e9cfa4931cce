// SPDX-License-Identifier: GPL-2.0

//! Memory that is not there, or goes away, and channels that end in the middle of their work.

use nova_hw::class::copy::{offset, PhysMode, Target as PhysTarget};

use super::*;

/// The machine has no memory there.
const GONE: u64 = 0x1000;

/// Bytes of a copy that takes three turns, and where it goes in the frame buffer.
const LEN: usize = 12 << 20;
const TO: u64 = 0x100_0000;

impl Tested {
    /// Maps the page of a place elsewhere.
    fn remap(&mut self, place: u64, to: Mapping) {
        let format = Format::of(self.card.chip().chipset.arch());
        let mut tables = Tables::new(format, Aperture::Vram, TABLES);
        let (mmu, mut physical) = self.card.memory();
        tables.map(&mut physical, va(place), 12, to);
        mmu.invalidate(Invalidation::ALL);
    }

    fn turn(&mut self) {
        let next = self.card.next_event().unwrap();
        self.card.advance(next);
    }

    fn is_stopped_by_memory(&self) -> bool {
        let status = self.status();
        status.contains("Stopped(Fault") && status.contains("Region")
    }
}

/// Sets WPR2 up, at the end of the frame buffer.
fn protect(tested: &mut Tested) -> u64 {
    let end = tested.card.vram.size();
    let start = end - 0x1_0000;
    tested.card.blocks.pfb.wpr2 = Some(start..end);
    start
}

#[test]
fn pages_that_are_not_there_stop_the_channel() {
    let pages: [fn(&mut Tested) -> Mapping; 3] = [
        |tested| Mapping::vram(tested.card.vram.size()),
        |tested| Mapping::vram(protect(tested)),
        |_| Mapping::system(GONE),
    ];
    for page in pages {
        for place in [GPFIFO, PUSH, DATA] {
            let mut tested = Tested::new();
            let to = page(&mut tested);
            tested.remap(place, to);
            tested.push(&releases(va(DATA), 1));
            tested.settle();
            let status = tested.status();
            assert!(tested.is_stopped_by_memory(), "{place:#x}: {status}");
        }
    }
}

#[test]
fn a_channel_without_its_own_memory_stops() {
    let changes: [fn(&mut resource::Channel); 2] = [
        |channel| channel.userd = (Aperture::System, GONE),
        |channel| channel.instance = (Aperture::System, GONE),
    ];
    for change in changes {
        let mut tested = Tested::with(change);
        tested.push(&releases(va(DATA), 1));
        tested.settle();
        assert!(tested.is_stopped_by_memory(), "{}", tested.status());
        assert_eq!(tested.word(DATA), 0);
    }
}

/// The work of a privileged channel: a copy within physical memory, and a release.
fn physical(from: (PhysMode, u64), to: u64, len: u32) -> Vec<u32> {
    let [high, low] = [(from.1 >> 32) as u32, from.1 as u32];
    [
        copy(offset::SET_SRC_PHYS_MODE, &[from.0.into(), 0]),
        copy(
            offset::OFFSET_IN_UPPER,
            &[high, low, (to >> 32) as u32, to as u32],
        ),
        copy(offset::LINE_LENGTH_IN, &[len, 1]),
        // As that of `copies`, with both sides in physical memory.
        copy(offset::LAUNCH_DMA, &[0x3182]),
        releases(va(DATA), 1),
    ]
    .concat()
}

const LOCAL: PhysMode = PhysMode::new();

fn privileged() -> Tested {
    Tested::with(|channel| channel.privilege = Privilege::Kernel)
}

#[test]
fn a_copy_ends_before_wpr2() {
    let mut tested = privileged();
    let wpr2 = protect(&mut tested);
    tested.card.vram.write(TO, &[7; 0x200]);
    tested.card.vram.write(wpr2, &[5; 0x200]);
    tested.push(&physical((LOCAL, TO), wpr2 - 0x100, 0x200));
    tested.settle();
    assert!(tested.is_stopped_by_memory(), "{}", tested.status());
    let words = [wpr2 - 4, wpr2].map(|at| tested.word(at));
    assert_eq!(words, [0x0707_0707, 0x0505_0505]);

    let mut tested = privileged();
    protect(&mut tested);
    tested.card.vram.write(wpr2, &[5; 0x200]);
    tested.push(&physical((LOCAL, wpr2 - 0x100), TO, 0x200));
    tested.settle();
    assert!(tested.is_stopped_by_memory(), "{}", tested.status());
    assert_eq!(tested.word(TO + 0x100), 0);
}

/// A channel that has copied a third of some memory of the machine; and the bus address of that.
fn in_a_copy() -> (Tested, u64) {
    let mut tested = privileged();
    let from = tested.card.machine.place(&vec![7; LEN]);
    let system = PhysMode::new().with_target(PhysTarget::COHERENT_SYSMEM);
    tested.push(&physical((system, from), TO, LEN as u32));
    tested.turn();
    assert!(tested.status().contains("Runnable"), "{}", tested.status());
    assert_eq!(tested.word(copied(1) - 4), 0x0707_0707);
    (tested, from)
}

/// Where the copy is after so many turns.
fn copied(turns: u64) -> u64 {
    TO + turns * (LEN as u64 / 3)
}

#[test]
fn a_long_copy_takes_three_turns() {
    let (mut tested, _) = in_a_copy();
    assert_eq!(tested.word(copied(1)), 0);
    tested.settle();
    assert_eq!(tested.word(copied(3) - 4), 0x0707_0707);
    assert_eq!(tested.word(DATA), 1);
}

#[test]
fn a_copy_ends_where_its_memory_goes() {
    let changes: [fn(&mut Tested, u64); 2] = [
        |tested, _| tested.card.config_mut().set_bus_master(false),
        |tested, from| tested.card.machine.remove(from),
    ];
    for change in changes {
        let (mut tested, from) = in_a_copy();
        change(&mut tested, from);
        tested.settle();
        assert!(tested.is_stopped_by_memory(), "{}", tested.status());
        // Bus mastering does not revive the channel.
        tested.card.config_mut().set_bus_master(true);
        tested.push(&releases(va(DATA), 2));
        tested.settle();
        assert_eq!((tested.word(copied(1)), tested.word(DATA)), (0, 0));
    }
}

#[test]
fn a_copy_ends_with_its_channel() {
    let ends: [fn(&mut Tested); 4] = [
        |tested| {
            let id = tested.channel().number;
            tested.card.apply(Effect::ChannelFreed(id));
        },
        |tested| {
            let (channel, class) = (tested.channel().number, CopyClass::AmpereB as u32);
            tested.card.apply(Effect::ObjectFreed {
                channel,
                class,
                engine: ENGINE,
            });
        },
        |tested| tested.card.stop_channel(3, 43),
        |tested| tested.card.reset(),
    ];
    for end in ends {
        let (mut tested, _) = in_a_copy();
        end(&mut tested);
        tested.settle();
        assert_eq!(tested.word(copied(1)), 0);
    }
}

#[test]
fn a_channel_that_is_taken_out_of_its_runlist_goes_on_when_it_is_back() {
    let (mut tested, _) = in_a_copy();
    let channel = tested.channel().number;
    let scheduled = |runs| Effect::Scheduled { channel, runs };
    tested.card.apply(scheduled(false));
    tested.settle();
    assert_eq!(tested.word(copied(1)), 0);
    tested.card.apply(scheduled(true));
    tested.settle();
    assert_eq!(tested.word(copied(3) - 4), 0x0707_0707);
}

/// The driver has taken away the memory of the queues.
#[test]
fn a_command_queue_that_is_gone_is_looked_at_once() {
    let mut tested = with_gsp_rm();
    tested.card.config_mut().set_bus_master(true);
    tested.card.serve_commands();
    let [refusal] = tested.card.trace().refusals() else {
        panic!("{:?}", tested.card.trace().refusals());
    };
    assert!(refusal.reason.contains("no memory"), "{}", refusal.reason);
}

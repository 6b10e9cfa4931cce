// SPDX-License-Identifier: GPL-2.0

//! Tests of a suspend and the resume on a whole card, with a GSP-RM that is given.

use std::ops::Range;

use nova_hw::abi::{function, GspFwWprMeta, RmFree};
use nova_hw::release::{ArgumentsLayout, RELEASES};
use zerocopy::IntoBytes;

use super::*;
use crate::block_id::FalconId;
use crate::blocks::falcon::Lock;
use crate::bus::machine::GuestMemory;
use crate::chips::by_name;
use crate::gpu::channels::testing::{self as working, acquires, releases, va, DATA};
use crate::gpu::tests::{card_of, pass};
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::queue::driver::Driver;
use crate::gsp_rm::queue::Message;
use crate::gsp_rm::resource::{MemoryList, Pages};
use crate::gsp_rm::suspend::{Region, Started};
use crate::gsp_rm::testing::Scene;
use crate::gsp_rm::{GspRm, State};
use crate::machine::in_process::Arena;
use crate::programs::chain_of_trust::Accepted;
use crate::programs::suspend::tests::prepare;

const SECOND: Duration = Duration::from_secs(1);
const AT: &ArgumentsLayout = &RELEASES[0].arguments;

const HEAP: u64 = 0x100_0000;
/// GSP-RM's page directory for BAR1, in its heap.
const BAR1: u64 = HEAP + 0x1000;
const WPR2: Range<u64> = 0x200_0000..0x204_0000;

/// A card with a GSP-RM that is to be suspended.
struct Tested {
    card: Gpu<Arena>,
    /// Bus address of the metadata.
    metadata: u64,
    /// Of the memory for GSP-RM's heap.
    heap: u64,
    /// Of GSP-RM's arguments.
    arguments: u64,
}

impl Tested {
    fn new(chip: &str) -> Self {
        Self::of(card_of(by_name(chip).unwrap()))
    }

    fn of(mut card: Gpu<Arena>) -> Self {
        pass(&mut card, SECOND);
        let (metadata, _) = prepare(card.machine_mut(), 0x40);
        let heap = card.machine_mut().place(&[0; 0x2000]);
        let arguments = card.machine_mut().place(&vec![0; AT.size]);
        let queues = Driver::new().link().unwrap();
        let mut rm = GspRm::new(RELEASES[0], queues, 0);
        rm.started = Started {
            arguments,
            ..Started::default()
        };
        rm.state = State::Unloading;
        rm.suspend = Some(Suspend {
            level: 3,
            regions: vec![Region {
                video: HEAP,
                at: 0,
                len: 0x2000,
            }],
            memory: MemoryList {
                is_video: false,
                len: 0x2000,
                pages: Pages::From(heap),
            },
            metadata,
        });
        card.programs.rm = Some(rm);
        card.programs.meta = Some(GspFwWprMeta {
            gsp_fw_wpr_start: WPR2.start,
            non_wpr_heap_offset: HEAP,
            ..GspFwWprMeta::default()
        });
        card.blocks.pfb.wpr2 = Some(WPR2);
        card.start_riscv();
        card.vram.write(BAR1, &[1, 2, 3]);
        Self {
            card,
            metadata,
            heap,
            arguments,
        }
    }

    fn rm(&mut self) -> &mut GspRm {
        self.card.programs.rm.as_mut().unwrap()
    }

    /// Suspends GSP-RM; returns whether it was saved.
    fn suspend(&mut self) -> bool {
        let metadata = self.metadata;
        self.suspend_to(metadata)
    }

    fn suspend_to(&mut self, metadata: u64) -> bool {
        self.card.end_gsp_rm();
        pass(&mut self.card, SECOND);
        if !self.card.chip().boots_through_fsp() {
            self.card.blocks.sec2.falcon.mailbox = [metadata as u32, (metadata >> 32) as u32];
            self.card.run_booter_unload();
        }
        self.card.saved.is_some()
    }

    /// Resets the card, and has the machine set it up again.
    fn reset(&mut self) {
        let config = self.card.config().clone();
        self.card.reset();
        self.card.restore_config(config);
        pass(&mut self.card, SECOND);
    }

    /// Resumes GSP-RM; returns its state.
    fn resume(&mut self) -> Option<State> {
        self.ask_for_resume();
        self.boot()
    }

    /// Has GSP-RM's arguments ask for a resume.
    fn ask_for_resume(&mut self) {
        let mut arguments = vec![0; AT.size];
        AT.in_pm_transition.write(&mut arguments, &1);
        AT.resume_level.write(&mut arguments, &3);
        let at = self.arguments;
        self.card.machine_mut().write(at, &arguments).unwrap();
    }

    /// Booter starts.
    fn run_booter(&mut self) {
        let metadata = self.metadata;
        self.card.blocks.sec2.falcon.mailbox = [metadata as u32, (metadata >> 32) as u32];
        self.card.run_booter();
    }

    fn boot(&mut self) -> Option<State> {
        let metadata = self.metadata;
        match self.card.chip().boots_through_fsp() {
            true => {
                let mut params = nova_hw::release::r570_144::GspFmcBootParams::default();
                params.boot_gsp_rm.target = 1;
                params.boot_gsp_rm.gsp_rm_desc_size = 256;
                params.boot_gsp_rm.b_is_gsp_rm_boot = 1;
                params.boot_gsp_rm.gsp_rm_desc_offset = metadata;
                params.gsp_rm.target = 2;
                let arguments = self.card.machine_mut().place(params.as_bytes());
                self.card.start_fmc(Accepted {
                    frts: None,
                    arguments,
                });
            }
            false => self.run_booter(),
        }
        pass(&mut self.card, SECOND);
        let early = self.card.programs.rm.as_ref().map(|rm| rm.state);
        assert_ne!(early, Some(State::Ready), "before the driver waits");
        self.card.blocks.gsp.falcon.os = 1;
        pass(&mut self.card, SECOND);
        self.card.programs.rm.as_ref().map(|rm| rm.state)
    }

    fn heap(&self) -> [u8; 3] {
        let mut bytes = [0; 3];
        self.card.vram.read(BAR1, &mut bytes);
        bytes
    }

    fn last_refusal(&self) -> String {
        let refusals = self.card.trace().refusals();
        refusals
            .last()
            .map_or(String::new(), |it| it.reason.clone())
    }
}

const CHIPS: [&str; 3] = ["tu102", "ga102", "gh100"];

#[test]
fn gsp_rm_resumes_after_a_sleep_without_power() {
    for chip in CHIPS {
        let mut tested = Tested::new(chip);
        assert!(tested.suspend(), "{chip}: {}", tested.last_refusal());
        assert_eq!(tested.card.wpr2(), None);
        assert!(tested.card.programs.rm.is_none() && !tested.card.gsp_runs());
        tested.reset();
        assert_eq!(tested.heap(), [0; 3], "{chip}: lost with the power");
        assert_eq!(tested.resume(), Some(State::Ready), "{chip}");
        assert_eq!(tested.heap(), [1, 2, 3]);
        assert_eq!(tested.card.wpr2(), Some(WPR2));
        assert!(tested.card.gsp_runs());
        assert_eq!(tested.card.blocks.gsp.falcon.lock, Lock::Open);
        assert!(tested.card.saved.is_none(), "only once");
    }
}

#[test]
fn objects_and_channels_are_as_they_were() {
    for chip in CHIPS {
        let mut tested = Tested::new(chip);
        let mut scene = Scene::new(chip, RELEASES[0]);
        let channel = scene.channel();
        let effects = scene.take_effects();
        tested.rm().objects = scene.objects;
        for effect in effects {
            tested.card.apply(effect);
        }
        let before = (tested.rm().objects.to_string(), tested.card.channels());
        assert!(before.1.contains("0x3 runlist 0"), "{}", before.1);
        tested.suspend();
        tested.reset();
        assert_eq!(tested.card.channels(), "", "{chip}");
        tested.resume();
        let after = (tested.rm().objects.to_string(), tested.card.channels());
        assert_eq!(after, before, "{chip}");

        free(&mut tested.card, channel);
        let objects = tested.card.objects().unwrap();
        assert_eq!(objects.lines().count(), before.0.lines().count() - 1);
        assert!(!objects.contains(&format!("handle={channel:#x}")));
        assert_eq!(tested.card.channels(), "", "{chip}");
        free(&mut tested.card, Scene::CLIENT);
        let objects = tested.card.objects().unwrap();
        assert_eq!(objects.lines().count(), 3, "GSP-RM's own, not {objects}");
    }
}

/// Frees an object of the client of [`Scene`].
fn free(card: &mut Gpu<Arena>, handle: u32) {
    let request = RmFree {
        h_root: Scene::CLIENT,
        h_object_old: handle,
        ..RmFree::default()
    };
    card.serve_message(Ok(Message {
        function: function::FREE,
        sequence: 0,
        payload: request.as_bytes().to_vec(),
        rest: Vec::new(),
    }));
}

/// As with a driver that has its channels stopped before, and that saves its part of the frame buffer.
#[test]
fn a_channel_that_waits_goes_on_after_the_resume() {
    let mut before = working::Tested::new();
    let at = va(DATA);
    before.push(&[acquires(at, 5), releases(at + 4, 6)].concat());
    before.settle();
    let status = before.status();
    assert!(status.contains("Waiting"), "{status}");
    before.card.apply(Effect::AllScheduled { run: false });
    let mut drivers = vec![0; HEAP as usize];
    before.card.vram.read(0, &mut drivers);

    let working::Tested { card, pushed } = before;
    let mut tested = Tested::of(card);
    tested.suspend();
    tested.reset();
    assert_eq!(tested.resume(), Some(State::Ready));

    let card = tested.card;
    let mut after = working::Tested { card, pushed };
    after.card.vram.write(0, &drivers);
    assert_eq!(after.status(), status);
    after.card.vram.write(DATA, &[5]);
    after.settle();
    assert_eq!(after.word(DATA + 4), 0, "still stopped");
    after.card.apply(Effect::AllScheduled { run: true });
    after.settle();
    assert_eq!(after.word(DATA + 4), 6);
    after.push(&releases(at, 7));
    after.settle();
    assert_eq!(after.word(DATA), 7);
}

#[test]
fn a_resume_waits_for_the_driver_and_not_for_ever() {
    let mut tested = Tested::new("ga102");
    tested.suspend();
    tested.ask_for_resume();
    tested.run_booter();
    for (after, expected) in [(LONGEST, false), (SECOND, true)] {
        pass(&mut tested.card, after);
        let state = tested.card.programs.rm.as_ref().map(|rm| rm.state);
        assert_eq!(state == Some(State::Ready), expected, "{state:?}");
    }
}

#[test]
fn a_reset_of_the_gsp_ends_a_resume() {
    let mut tested = Tested::new("ga102");
    tested.suspend();
    tested.ask_for_resume();
    tested.run_booter();
    pass(&mut tested.card, 2 * STEP);
    let state = tested.card.programs.rm.as_ref().map(|rm| rm.state);
    assert!(matches!(state, Some(State::Resuming(_))), "{state:?}");
    tested.card.end_program(FalconId::Gsp);
    assert_eq!(tested.card.next_event(), None);
    assert!(tested.card.programs.rm.is_none());
}

/// As `pm_test` of the kernel has it.
#[test]
fn gsp_rm_resumes_without_a_reset() {
    for chip in CHIPS {
        let mut tested = Tested::new(chip);
        tested.suspend();
        // As whoever uses the frame buffer meanwhile.
        tested.card.vram.write(HEAP + 8, &[9; 3]);
        assert_eq!(tested.resume(), Some(State::Ready), "{chip}");
        assert_eq!(tested.heap(), [1, 2, 3]);
    }
}

#[test]
fn a_suspend_cannot_be_resumed_twice() {
    for chip in CHIPS {
        let mut tested = Tested::new(chip);
        tested.suspend();
        tested.resume();
        tested.reset();
        assert_eq!(tested.resume(), None, "{chip}");
        assert_eq!(tested.card.wpr2(), None);
    }
}

#[test]
fn what_the_driver_damages_cannot_be_resumed() {
    for chip in CHIPS {
        let mut tested = Tested::new(chip);
        tested.suspend();
        let at = tested.metadata + 40;
        tested.card.machine_mut().write(at, &[0xee; 8]).unwrap();
        assert_eq!(tested.resume(), None, "{chip}");
        assert_eq!(tested.card.wpr2(), None);
        assert!(!tested.card.gsp_runs());
        let mailbox = match tested.card.chip().boots_through_fsp() {
            true => tested.card.blocks.gsp.falcon.mailbox,
            false => tested.card.blocks.sec2.falcon.mailbox,
        };
        assert_eq!(mailbox, [Code::Saved as u32, 0], "{chip}");
    }
}

/// The heap comes from the driver's memory.
#[test]
fn the_frame_buffer_comes_from_where_it_was_saved() {
    let mut tested = Tested::new("ga102");
    tested.suspend();
    let at = tested.heap + BAR1 - HEAP;
    assert_eq!(tested.card.machine().read_vec(at, 3), Ok(vec![1, 2, 3]));
    tested.card.machine_mut().write(at, &[4, 5, 6]).unwrap();
    tested.resume();
    assert_eq!(tested.heap(), [4, 5, 6]);
}

#[test]
fn the_arguments_must_ask_for_a_resume() {
    for chip in CHIPS {
        let mut tested = Tested::new(chip);
        tested.suspend();
        assert_eq!(tested.boot(), None, "{chip}");
        assert!(tested.last_refusal().contains("RMARGS"));
    }
}

#[test]
fn booter_saves_only_a_gsp_rm_that_was_suspended() {
    let mut tested = Tested::new("ga102");
    tested.card.programs.rm.as_mut().unwrap().suspend = None;
    assert!(!tested.suspend());
    assert_eq!(tested.card.wpr2(), Some(WPR2));
    // And not where there is no metadata.
    let mut tested = Tested::new("ga102");
    let elsewhere = tested.heap;
    assert!(!tested.suspend_to(elsewhere));
    assert!(tested.last_refusal().contains("magic"));
    // Nor if booter unload is to remove WPR2.
    let mut tested = Tested::new("ga102");
    tested.card.end_gsp_rm();
    tested.card.blocks.sec2.falcon.mailbox = [0xff; 2];
    tested.card.run_booter_unload();
    assert_eq!(tested.card.wpr2(), None);
    assert!(tested.card.saved.is_none() && tested.card.programs.suspended.is_none());
}

/// A reset without a suspend before it keeps the frame buffer.
#[test]
fn only_a_sleep_with_a_saved_gsp_rm_loses_the_frame_buffer() {
    let mut tested = Tested::new("ga102");
    tested.reset();
    assert_eq!(tested.heap(), [1, 2, 3]);
}

/// What was saved is in the machine's memory, so that booter may try again.
#[test]
fn a_resume_may_succeed_after_one_that_failed() {
    let mut tested = Tested::new("ga102");
    tested.suspend();
    tested.card.inject(Fault::BooterError(0xbad));
    tested.run_booter();
    assert_eq!(tested.card.blocks.sec2.falcon.mailbox[0], 0xbad);
    tested.card.repair();
    assert_eq!(tested.resume(), Some(State::Ready));
}

#[test]
fn a_resume_needs_a_wpr2_that_is_down() {
    let mut tested = Tested::new("ga102");
    tested.suspend();
    tested.card.blocks.pfb.wpr2 = Some(0..0x1000);
    assert_eq!(tested.resume(), None);
    assert_eq!(tested.card.blocks.sec2.falcon.mailbox[0], Code::Frts as u32);
}

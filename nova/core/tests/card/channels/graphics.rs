// SPDX-License-Identifier: GPL-2.0

//! Channels on the graphics engine: their contexts, and what their objects do.

use std::rc::Rc;

use super::queue::{Queue, Session, DATA};
use super::space::Space;
use super::{cards, pattern};
use crate::common::{ga102, Machine};
use nova_core::{
    AddressSpace, Attributes, ChannelWork, Classes, ContextOf, ContextPart, ContextPlaces,
    CopyObject, FaultKind, GraphicsInfo, GraphicsReader, Internal, Promotion, Reason, Scheduling,
    SERVER_RANGE,
};
use nova_hw::class::graphics;
use nova_hw::release::RELEASES;
use nova_mock::synthetic;

/// Where contexts are in VRAM, behind the tests' data: what is shared, and then that of each channel.
const SHARED: u64 = 0x400_0000 - 0x100_0000;
const OWN: u64 = SHARED + 0x20_0000;

/// Where they are mapped, in this order: a channel's own, and what is shared.
const OWN_AT: u64 = 1 << 36;
const SHARED_AT: u64 = 1 << 35;

/// Bytes between those of two channels.
const NEXT: u64 = 0x10_0000;

/// The header of methods that follow each other.
const fn methods(subchannel: u32, method: u32, count: u32) -> u32 {
    1 << 29 | count << 16 | subchannel << 13 | method >> 2
}

/// What channels of graphics need of a card.
struct Graphics {
    info: GraphicsInfo,
    classes: Classes,
    copy: CopyObject,
}

impl Graphics {
    fn new(session: &mut Session<'_>) -> Self {
        let reader = GraphicsReader::new(session.running.internal(Internal::Subdevice));
        let classes = Classes::of(session.machine.card().chip().chipset);
        let beside = session.engines.copy_beside_graphics().unwrap();
        Self {
            info: reader.read(session).unwrap(),
            classes,
            copy: CopyObject {
                class: classes.copy,
                engine: beside.number(),
            },
        }
    }

    /// Maps the context of the channel that is the `n`th here.
    fn context(&self, space: &Space<'_>, of: ContextOf, n: u64) -> Promotion {
        let layout = &self.info.context;
        let state = layout.state_at();
        let places = ContextPlaces {
            virtual_addresses: [OWN_AT + n * NEXT, SHARED_AT + state, SHARED_AT],
            own: OWN + n * NEXT,
            state: SHARED + state,
        };
        let blocks = [places.own, places.state, SHARED];
        let parts = ContextPart::ALL.into_iter().zip(blocks);
        for ((part, block), at) in parts.zip(places.virtual_addresses) {
            assert!(block + layout.size(part) <= 0x400_0000 && layout.size(part) <= NEXT);
            for mapping in layout.mappings(part, of) {
                let attributes = Attributes {
                    read_only: mapping.read_only,
                    privileged: true,
                    ..Attributes::default()
                };
                let (offset, size) = (mapping.offset, mapping.size);
                space.map_block(at + offset, block + offset, size, attributes);
            }
        }
        layout.promotion(of, &places)
    }

    /// Has GSP-RM make the golden context, of which nothing is left after that.
    fn golden(&self, session: &mut Session<'_>) {
        let before = session.machine.card().objects();
        let space = Space::with_server_range(session, 99);
        let context = self.context(&space, ContextOf::Golden, 0);
        let work = ChannelWork::Golden {
            context: context.entries(),
            class: self.classes.three_d,
        };
        let engine = session.engines.graphics().unwrap();
        let scheduling = Scheduling::default();
        let queue = Queue::with_work(session, &space, engine, 64, scheduling, work);
        queue.unwrap().free(session);
        space.free(session);
        assert_eq!(session.machine.card().objects(), before);
    }

    /// The `n`th channel here, with objects of these classes.
    fn queue<'m>(
        &self,
        session: &mut Session<'m>,
        space: &Rc<Space<'m>>,
        n: u64,
        classes: &[graphics::Class],
    ) -> Queue<'m> {
        let context = self.context(space, ContextOf::Program, n);
        let work = ChannelWork::Graphics {
            context: context.entries(),
            classes,
            copy: self.copy,
        };
        let engine = session.engines.graphics().unwrap();
        let scheduling = Scheduling::default();
        Queue::with_work(session, space, engine, 64, scheduling, work).unwrap()
    }
}

/// Methods that choose the objects on subchannels 0 and 1, as NVK does.
fn choose(classes: &Classes) -> [u32; 4] {
    [
        methods(0, 0, 1),
        classes.three_d.number(),
        methods(1, 0, 1),
        classes.compute.number(),
    ]
}

/// `SET_REPORT_SEMAPHORE_A` to `_D`, which release one word.
fn release(subchannel: u32, at: u64, payload: u32) -> [u32; 5] {
    let header = methods(subchannel, 0x1b00, 4);
    [header, (at >> 32) as u32, at as u32, payload, 1 << 28]
}

/// Inline data by the 3D class: eight bytes.
fn inline(at: u64, data: [u32; 2]) -> [u32; 10] {
    let [first, second] = data;
    let (header, launch) = (methods(0, 0x180, 4), methods(0, 0x1b0, 1));
    let load = 3 << 29 | 2 << 16 | 0x1b4 >> 2;
    // To a pitch-linear destination, with a flush.
    [
        header,
        8,
        1,
        (at >> 32) as u32,
        at as u32,
        launch,
        0x11,
        load,
        first,
        second,
    ]
}

/// The host's semaphore: releases a word.
fn host_release(at: u64, payload: u32) -> [u32; 6] {
    let header = methods(0, 0x5c, 5);
    [header, at as u32, (at >> 32) as u32, payload, 0, 1]
}

/// A copy on subchannel 4, whose object nobody has chosen.
fn copy(from: u64, to: u64, bytes: u32) -> [u32; 8] {
    let upper = |at: u64| (at >> 32) as u32;
    [
        methods(4, 0x400, 4),
        upper(from),
        from as u32,
        upper(to),
        to as u32,
        3 << 29 | 1 << 16 | 4 << 13 | 0x418 >> 2,
        bytes,
        4 << 29 | 0x182 << 16 | 4 << 13 | 0x300 >> 2,
    ]
}

fn word(session: &Session<'_>, at: u64) -> u32 {
    let mut bytes = [0; 4];
    session.machine.card().vram().read(at, &mut bytes);
    u32::from_le_bytes(bytes)
}

#[test]
fn a_channel_of_graphics_has_all_objects() {
    for (chip, firmware) in cards() {
        let machine = Machine::new(chip, synthetic::firmware_of(chip, firmware));
        let mut session = Session::new(&machine);
        let graphics = Graphics::new(&mut session);
        graphics.golden(&mut session);
        let before = machine.card().objects();
        let space = session.space(0);
        let classes = graphics.classes.graphics();
        let mut queue = graphics.queue(&mut session, &space, 1, &classes);
        machine.card().vram_mut().write(DATA, &pattern(0x100));
        let mut words = Vec::new();
        words.extend(choose(&graphics.classes));
        words.extend(release(0, DATA + 0x1000, 0x1111));
        words.extend(release(1, DATA + 0x1010, 0x2222));
        words.extend(inline(DATA + 0x1020, [0x3333, 0x4444]));
        words.extend(host_release(DATA + 0x1030, 0x5555));
        words.extend(copy(DATA, DATA + 0x2000, 0x100));
        let job = queue.submit_words(&machine, &words).unwrap();
        queue.wait(&mut session, job);
        assert_eq!(session.errors, [], "{}", chip.chipset);
        let expected = [
            (0x1000, 0x1111),
            (0x1010, 0x2222),
            (0x1020, 0x3333),
            (0x1024, 0x4444),
            (0x1030, 0x5555),
        ];
        for (at, payload) in expected {
            assert_eq!(
                word(&session, DATA + at),
                payload,
                "{} {at:#x}",
                chip.chipset
            );
        }
        let mut copied = vec![0; 0x100];
        machine.card().vram().read(DATA + 0x2000, &mut copied);
        assert!(copied == pattern(0x100), "{}", chip.chipset);
        let interrupts = session.engines.interrupts(queue.engine.runlist);
        assert!(session.raised.intersects(&interrupts), "{}", chip.chipset);

        queue.free(&mut session);
        space.free(&mut session);
        assert_eq!(machine.card().objects(), before);
        assert!(machine.refusals().is_empty(), "{:?}", machine.refusals());
        session.end();
    }
}

/// Its programs may compute, and copy, but a method for 3D has no object.
#[test]
fn a_channel_for_programs_has_no_object_for_3d() {
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let graphics = Graphics::new(&mut session);
    graphics.golden(&mut session);
    let space = session.space(0);
    let classes = graphics.classes.compute();
    let mut queue = graphics.queue(&mut session, &space, 1, &classes);
    let mut words = vec![methods(1, 0, 1), graphics.classes.compute.number()];
    words.extend(release(1, DATA + 0x1000, 7));
    words.extend(copy(DATA + 0x1000, DATA + 0x2000, 4));
    let job = queue.submit_words(&machine, &words).unwrap();
    queue.wait(&mut session, job);
    assert_eq!(word(&session, DATA + 0x2000), 7);
    let three_d = [methods(0, 0, 1), graphics.classes.three_d.number()];
    queue.submit_words(&machine, &three_d).unwrap();
    while session.errors.is_empty() {
        session.wait();
    }
    assert_eq!(session.errors[0].reason(), Reason::EngineError);
    session.end();
}

/// A method that the class does not have is an error of graphics, Xid 69.
#[test]
fn an_exception_stops_its_channel_alone() {
    for release in RELEASES {
        let machine = Machine::new(ga102(), synthetic::firmware_of(ga102(), release));
        let mut session = Session::new(&machine);
        let graphics = Graphics::new(&mut session);
        graphics.golden(&mut session);
        let space = session.space(0);
        let classes = graphics.classes.graphics();
        let [mut bad, mut good] = [1, 2].map(|n| graphics.queue(&mut session, &space, n, &classes));
        let mut words = choose(&graphics.classes).to_vec();
        words.extend([methods(0, 0x3ffc, 1), 0]);
        bad.submit_words(&machine, &words).unwrap();
        while session.errors.is_empty() {
            session.wait();
        }
        let error = session.errors[0];
        assert_eq!((error.channel, error.xid), (bad.id.into(), 69));
        assert_eq!((error.engine, error.reason()), (1, Reason::EngineError));
        let words = host_release(DATA + 0x1000, 9);
        let lost = bad.submit_words(&machine, &words).unwrap();
        let job = good.submit_words(&machine, &words).unwrap();
        good.wait(&mut session, job);
        assert!(bad.completed() < lost);
        assert_eq!(session.errors.len(), 1);

        // Another one has the room of the one that was lost.
        bad.free(&mut session);
        let mut queue = graphics.queue(&mut session, &space, 1, &classes);
        let job = queue.submit_words(&machine, &words).unwrap();
        queue.wait(&mut session, job);
        session.end();
    }
}

/// A program's commands cannot read its context.
#[test]
fn contexts_are_out_of_reach() {
    for (chip, release) in cards() {
        let machine = Machine::new(chip, synthetic::firmware_of(chip, release));
        let mut session = Session::new(&machine);
        let graphics = Graphics::new(&mut session);
        graphics.golden(&mut session);
        let space = session.space(0);
        let classes = graphics.classes.graphics();
        for (n, at) in [(1, OWN_AT + NEXT), (2, SHARED_AT)] {
            let mut queue = graphics.queue(&mut session, &space, n, &classes);
            let words = copy(at, DATA + 0x1000, 4);
            session.errors.clear();
            queue.submit_words(&machine, &words).unwrap();
            while session.errors.is_empty() {
                session.wait();
            }
            let error = session.errors[0];
            assert_eq!(error.reason(), Reason::MmuFault, "{}", chip.chipset);
            if let Some(fault) = error.mmu_fault {
                assert_eq!(fault.address, at, "{}", chip.chipset);
                assert_eq!(fault.kind(chip.chipset.arch()), FaultKind::Privilege);
            }
        }
        session.end();
    }
}

/// What was allocated before GSP-RM has refused a context, or an object, is freed.
#[test]
fn a_channel_of_graphics_that_is_refused_leaves_nothing() {
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let graphics = Graphics::new(&mut session);
    graphics.golden(&mut session);
    let space = session.space(0);
    let before = machine.card().objects();
    let engine = session.engines.graphics().unwrap();
    let good = graphics.context(&space, ContextOf::Program, 1);
    let mut bad = good.entries().to_vec();
    bad[0].gpu_phys_addr = !0xfff;
    let classes = graphics.classes.graphics();
    for (context, classes) in [
        (&bad[..], &classes[..]),
        (good.entries(), &[graphics::Class::HopperA]),
    ] {
        let work = ChannelWork::Graphics {
            context,
            classes,
            copy: graphics.copy,
        };
        let scheduling = Scheduling::default();
        let refused = Queue::with_work(&mut session, &space, engine, 64, scheduling, work);
        assert!(refused.is_err());
        assert_eq!(machine.card().objects(), before);
    }
    let mut queue = graphics.queue(&mut session, &space, 1, &classes);
    let words = host_release(DATA + 0x1000, 9);
    let job = queue.submit_words(&machine, &words).unwrap();
    queue.wait(&mut session, job);
    session.end();
}

/// GSP-RM's range is where it always is, and the directories are those above PD0.
#[test]
fn gsp_rm_shares_the_page_tables_of_the_golden_context() {
    for (chip, release) in cards() {
        let machine = Machine::new(chip, synthetic::firmware_of(chip, release));
        let mut session = Session::new(&machine);
        let before = machine.card().objects();
        assert_eq!(SERVER_RANGE, 0x1_0000_0000..0x1_2000_0000);
        let error = AddressSpace::with_server_range(session.client, 5).allocate_with_server_range(
            &mut session,
            &[(
                &nova_hw::gmmu::Format::of(chip.chipset.arch()).directories[1],
                0x1000,
            )],
        );
        assert!(error.is_err(), "{}", chip.chipset);
        assert_eq!(machine.card().objects(), before);
        let space = Space::with_server_range(&mut session, 6);
        space.free(&mut session);
        assert_eq!(machine.card().objects(), before);
        session.end();
    }
}

/// As the mock has them for each chip.
#[test]
fn gsp_rm_tells_what_graphics_consists_of() {
    for (chip, release) in cards() {
        let machine = Machine::new(chip, synthetic::firmware_of(chip, release));
        let mut session = Session::new(&machine);
        let info = Graphics::new(&mut session).info;
        let expected = match chip.chipset.name() {
            "tu102" => ([7, 5], 32),
            "ga100" => ([8, 0], 64),
            "ga102" => ([8, 6], 48),
            "ad102" => ([8, 9], 48),
            "gh100" => ([9, 0], 64),
            "gb100" => ([10, 0], 64),
            _ => ([10, 4], 48),
        };
        assert_eq!((info.sm_version, info.warps_per_sm), expected);
        assert_eq!((info.threads_per_warp, info.sms_per_tpc), (32, 2));
        for (gpc, tpcs) in info.tpcs.into_iter().enumerate() {
            assert_eq!(
                tpcs != 0,
                info.gpcs >> gpc & 1 != 0,
                "{} {gpc}",
                chip.chipset
            );
        }
        let reader = GraphicsReader::new(session.running.internal(Internal::Subdevice));
        let zcull = reader.read_zcull(&mut session).unwrap();
        assert_eq!(zcull.subregion_count, 0x10);
        assert_eq!(info.context.zcull, (0x1000, 0x1000));
        session.end();
    }
}

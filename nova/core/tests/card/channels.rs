// SPDX-License-Identifier: GPL-2.0

//! Channels on a mocked card: address spaces, copies, completions and their interrupts, errors.

mod graphics;
mod queue;
mod scheduling;
mod space;

use std::time::Duration;

use crate::adapter::Coherent;
use crate::common::{ga102, Machine};
use nova_core::platform::{Clock, DmaMemory};
use nova_core::{
    kinds_for_programs, AddressSpace, ChannelObjects, ChannelWork, Classes, ClearBytes, CopyObject,
    FaultKind, MmuFault, NewChannel, Outgoing, Reason, RpcError, Scheduling, SubmitError, Words,
};
use nova_hw::class::copy::Class;
use nova_hw::gmmu::Format;
use nova_hw::release::{Release, RELEASES};
use nova_mock::chips::{by_name, Chip};
use nova_mock::synthetic;
use queue::{Queue, Session, CHANNELS, DATA};

const MIB: usize = 1 << 20;

/// An address at which nothing is mapped.
const NOWHERE: u64 = 0x5000_0000;

/// Bytes that differ everywhere.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}

fn read(memory: &Coherent, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    memory.read(0, &mut bytes).unwrap();
    bytes
}

/// A chip of each generation with the newest release, and one with all releases.
fn cards() -> Vec<(&'static Chip, &'static Release)> {
    let names = [
        "tu102", "ga100", "ga102", "ad102", "gh100", "gb100", "gb202",
    ];
    let chips = names.map(|name| (by_name(name).unwrap(), RELEASES[0]));
    chips.into_iter().chain([(ga102(), RELEASES[1])]).collect()
}

#[test]
fn a_copy_engine_copies_and_says_so() {
    for (chip, release) in cards() {
        let machine = Machine::new(chip, synthetic::firmware_of(chip, release));
        let mut session = Session::new(&machine);
        assert_eq!(session.running.release().name, release.name);
        let before = machine.card().objects();
        let space = session.space(0);
        let engine = session.engine(0);
        let mut queue = Queue::new(&mut session, &space, engine, 64);
        let first_id = release.reserved_channels;
        assert_eq!(
            (queue.id, engine.name().as_str()),
            (first_id, expected_name(chip))
        );

        // From system memory to VRAM, and from there to system memory.
        let [from, to] = [MIB; 2].map(|size| space.alloc(size));
        from.write(0, &pattern(MIB)).unwrap();
        let mut copies = [
            queue.copy(from.dma_addr(), DATA, MIB),
            queue.copy(DATA, to.dma_addr(), MIB),
        ];
        let job = queue.submit(&machine, &mut copies).unwrap();
        assert_eq!((job, queue.completed()), (1, 0));
        queue.wait(&mut session, job);
        assert!(read(&to, MIB) == pattern(MIB), "{}", chip.chipset);
        let interrupts = session.engines.interrupts(engine.runlist);
        assert!(session.raised.intersects(&interrupts), "{}", chip.chipset);
        assert_eq!(session.errors, []);

        queue.free(&mut session);
        space.free(&mut session);
        assert_eq!(machine.card().objects(), before);
        assert!(machine.refusals().is_empty(), "{:?}", machine.refusals());
        session.end();
    }
}

/// GB20x has four copy engines that share graphics' runlist, all others two.
fn expected_name(chip: &Chip) -> &'static str {
    match chip.chipset.name() {
        "gb202" => "copy4",
        _ => "copy2",
    }
}

#[test]
fn memory_is_filled_with_zeros_and_nothing_beside_it() {
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let space = session.space(0);
    let engine = session.engine(1);
    let mut queue = Queue::new(&mut session, &space, engine, 64);
    machine.card().vram_mut().write(DATA, &[0xff; 0x3000]);
    let mut segment = [0; 64];
    let mut words = Words::new(&mut segment);
    let class = queue.classes.copy;
    for (at, bytes) in [(0x3, 0x6), (0x1000, 0x1000), (0x2800, 0x7ff)] {
        let at = DATA + at;
        assert!(ClearBytes { class, at, bytes }.write(&mut words));
    }
    let job = queue.submit_words(&machine, words.written()).unwrap();
    queue.wait(&mut session, job);
    let mut found = vec![0; 0x3000];
    machine.card().vram().read(DATA, &mut found);
    let is_zero = |at| matches!(at, 3..9 | 0x1000..0x2000 | 0x2800..0x2fff);
    for (at, byte) in found.into_iter().enumerate() {
        assert_eq!(byte == 0, is_zero(at), "{at:#x}");
    }
    session.end();
}

/// The ring has room for three jobs of four entries. When there is none, an interrupt tells of it.
#[test]
fn hundreds_of_jobs_go_through_a_small_ring() {
    const JOBS: u64 = 300;
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let space = session.space(0);
    let engine = session.engine(0);
    let mut queue = Queue::new(&mut session, &space, engine, 16);
    let from = space.alloc(0x1000);
    let to = space.alloc(0x2000);
    from.write(0, &pattern(0x1000)).unwrap();
    let mut waits = 0;
    for n in 0..JOBS {
        let (source, target) = (from.dma_addr() + n, to.dma_addr() + 16 * n);
        let copy = queue.copy(source, target, 16);
        while let Err(error) = queue.submit(&machine, &mut [copy]) {
            assert_eq!(error, SubmitError::NoRoom);
            session.wait();
            waits += 1;
            queue.completed();
        }
    }
    assert!(waits > 10, "{waits}");
    queue.wait(&mut session, JOBS);
    let (from, to) = (pattern(0x1000), read(&to, 0x2000));
    for n in 0..JOBS as usize {
        assert_eq!(to[16 * n..][..16], from[n..][..16], "job {n}");
    }
    assert!(machine.refusals().is_empty(), "{:?}", machine.refusals());
    session.end();
}

#[test]
fn a_fault_stops_its_channel_alone() {
    for release in RELEASES {
        let machine = Machine::new(ga102(), synthetic::firmware_of(ga102(), release));
        let mut session = Session::new(&machine);
        let space = session.space(0);
        let (engine, other) = (session.engine(0), session.engine(1));
        let mut queues = [
            Queue::new(&mut session, &space, engine, 64),
            Queue::new(&mut session, &space, engine, 64),
            Queue::new(&mut session, &space, other, 64),
        ];
        let good = |queue: &Queue| queue.copy(DATA, DATA + 0x1000, 0x1000);
        let first = good(&queues[0]);
        let job = queues[0].submit(&machine, &mut [first]).unwrap();
        queues[0].wait(&mut session, job);
        let bad = queues[0].copy(NOWHERE + 0x10, DATA, 0x100);
        queues[0].submit(&machine, &mut [bad]).unwrap();
        while session.errors.is_empty() {
            session.wait();
        }
        let error = session.errors[0];
        assert_eq!((error.channel, error.xid), (queues[0].id.into(), 31));
        assert_eq!(
            (error.engine, error.reason()),
            (engine.number(), Reason::MmuFault)
        );
        let fault = error.mmu_fault;
        match release.rc_triggered.mmu_fault_type {
            Some(_) => {
                let MmuFault { address, .. } = fault.unwrap();
                assert_eq!(address, NOWHERE + 0x10);
                let arch = ga102().chipset.arch();
                assert_eq!(fault.unwrap().kind(arch), FaultKind::Unmapped);
            }
            None => assert_eq!(fault, None),
        }

        // It does nothing any more, and the others go on.
        let lost = queues[0].submit(&machine, &mut [first]).unwrap();
        for queue in &mut queues[1..] {
            let copy = good(queue);
            let job = queue.submit(&machine, &mut [copy]).unwrap();
            queue.wait(&mut session, job);
        }
        machine.sleep(Duration::from_millis(100));
        assert_eq!((lost, queues[0].completed()), (3, 1));
        assert_eq!(session.errors.len(), 1);

        // A new one in the same address space works.
        let [dead, ..] = queues;
        dead.free(&mut session);
        let mut queue = Queue::new(&mut session, &space, engine, 64);
        let copy = good(&queue);
        let job = queue.submit(&machine, &mut [copy]).unwrap();
        queue.wait(&mut session, job);
        session.end();
    }
}

/// What is unmapped is not reached any more, although the GPU has just used it.
#[test]
fn memory_that_is_unmapped_is_left_alone() {
    for (chip, release) in cards() {
        let machine = Machine::new(chip, synthetic::firmware_of(chip, release));
        let mut session = Session::new(&machine);
        let space = session.space(0);
        let engine = session.engine(0);
        let mut queue = Queue::new(&mut session, &space, engine, 64);
        let to = space.alloc(0x1000);
        machine.card().vram_mut().write(DATA, &pattern(0x1000));
        let copy = queue.copy(DATA, to.dma_addr(), 0x1000);
        let job = queue.submit(&machine, &mut [copy]).unwrap();
        queue.wait(&mut session, job);
        assert!(read(&to, 0x1000) == pattern(0x1000), "{}", chip.chipset);

        space.unmap(&to);
        to.write(0, &[0; 0x1000]).unwrap();
        queue.submit(&machine, &mut [copy]).unwrap();
        while session.errors.is_empty() {
            session.wait();
        }
        assert_eq!(session.errors[0].reason(), Reason::MmuFault);
        assert!(read(&to, 0x1000) == [0; 0x1000], "{}", chip.chipset);
        session.end();
    }
}

/// Copies through mappings of each kind that programs can have, and of one that there is not.
#[test]
fn memory_of_any_kind_is_copied_and_of_no_kind_is_not() {
    for (chip, release) in cards() {
        let machine = Machine::new(chip, synthetic::firmware_of(chip, release));
        let mut session = Session::new(&machine);
        let space = session.space(0);
        let engine = session.engine(0);
        let mut queue = Queue::new(&mut session, &space, engine, 64);
        let to = space.alloc(0x1000);
        machine.card().vram_mut().write(DATA, &pattern(0x1000));
        let copy = queue.copy(DATA, to.dma_addr(), 0x1000);
        let arch = chip.chipset.arch();
        let kinds = kinds_for_programs(arch);
        for kind in (0..16).filter(|kind| kinds >> kind & 1 != 0) {
            to.write(0, &[0; 0x1000]).unwrap();
            space.map_kind(&to, kind);
            let job = queue.submit(&machine, &mut [copy]).unwrap();
            queue.wait(&mut session, job);
            assert!(
                read(&to, 0x1000) == pattern(0x1000),
                "{} {kind}",
                chip.chipset
            );
        }

        to.write(0, &[0; 0x1000]).unwrap();
        let missing = (0..16).find(|kind| !Format::of(arch).kinds.has(*kind));
        space.map_kind(&to, missing.unwrap());
        queue.submit(&machine, &mut [copy]).unwrap();
        while session.errors.is_empty() {
            session.wait();
        }
        let error = session.errors[0];
        assert_eq!(error.reason(), Reason::MmuFault);
        if let Some(fault) = error.mmu_fault {
            assert_eq!(fault.kind(arch), FaultKind::Kind, "{}", chip.chipset);
        }
        assert!(read(&to, 0x1000) == [0; 0x1000], "{}", chip.chipset);
        session.end();
    }
}

/// Two channels of two address spaces, on engines with vectors of their own.
#[test]
fn channels_of_two_engines_run_beside_each_other() {
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let mut queues: Vec<_> = [0, 1]
        .into_iter()
        .map(|n| {
            let space = session.space(n);
            let engine = session.engine(n as usize);
            Queue::new(&mut session, &space, engine, 64)
        })
        .collect();
    let target = |n: usize| DATA + (n as u64 + 1) * MIB as u64;
    machine.card().vram_mut().write(DATA, &pattern(MIB));
    for (n, queue) in queues.iter_mut().enumerate() {
        let copy = queue.copy(DATA, target(n), MIB);
        queue.submit(&machine, &mut [copy]).unwrap();
    }
    for (n, queue) in queues.iter_mut().enumerate() {
        queue.wait(&mut session, 1);
        let mut bytes = vec![0; MIB];
        machine.card().vram().read(target(n), &mut bytes);
        assert!(bytes == pattern(MIB), "channel {n}");
    }
    let [first, second] = [0, 1].map(|n| session.engines.interrupts(queues[n].engine.runlist));
    assert!(!first.intersects(&second));
    // The last interrupt may still be on its way when its channel has been looked at.
    while ![first, second]
        .iter()
        .all(|it| session.raised.intersects(it))
    {
        session.wait();
    }
    session.end();
}

/// GSP-RM lets go of a channel before it is unloaded, by calls that were made with the channel.
#[test]
fn a_channel_that_is_left_is_freed_before_the_unload() {
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let space = session.space(0);
    let engine = session.engine(0);
    let before = machine.card().objects();
    let queue = Queue::new(&mut session, &space, engine, 64);
    let release = session.running.release();
    let frees = queue.objects.frees();
    let calls = frees.map(|free| Outgoing::new(&machine, release, &free).unwrap());
    let [client, ..] = session.client.allocs();
    let again = Outgoing::new(&machine, release, &client).unwrap();
    for call in calls {
        session.running.call(&machine, call, &mut |_| {}).unwrap();
    }
    assert_eq!(machine.card().objects(), before);
    let error = session.running.call(&machine, again, &mut |_| {});
    assert!(matches!(error, Err(RpcError::Refused { .. })), "{error:?}");
    session.end();
}

/// What was allocated before a call failed is freed.
#[test]
fn objects_that_are_refused_leave_nothing() {
    let machine = Machine::synthetic();
    let mut session = Session::new(&machine);
    let before = machine.card().objects();
    let space = AddressSpace::new(session.client, 7);
    let error = space.allocate(&mut session, !0xfff, 4).unwrap_err();
    let expected =
        "DMA_SET_PAGE_DIRECTORY: expected status 0, found 0x1f (NV_ERR_INVALID_ARGUMENT)";
    assert_eq!(error.to_string(), expected);
    assert_eq!(machine.card().objects(), before);

    let space = session.space(0);
    let before = machine.card().objects();
    let engine = session.engine(0);
    let classes = Classes::of(ga102().chipset);
    let new = NewChannel {
        class: classes.channel,
        id: 5,
        space: space.object.handle(),
        scheduling: Scheduling::default(),
        is_privileged: false,
        engine: engine.number(),
        ring: 0x10000,
        entries: 64,
        instance: CHANNELS,
        userd: CHANNELS + 0x1000,
        method_buffer: (0x1_0000_0000, session.engines.method_buffer()),
    };
    let wrong = CopyObject {
        class: Class::HopperA,
        engine: engine.number(),
    };
    let objects = ChannelObjects::new(session.client, 5);
    let work = ChannelWork::Copy(wrong);
    let error = objects.allocate(&mut session, &new, work).unwrap_err();
    let expected = "GSP_RM_ALLOC: expected status 0, found 0x22 (NV_ERR_INVALID_CLASS)";
    assert_eq!(error.to_string(), expected);
    assert_eq!(machine.card().objects(), before);
    session.end();
}

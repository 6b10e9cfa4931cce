// SPDX-License-Identifier: GPL-2.0

//! Calls of GSP-RM on a mocked card: many at once, long ones, and ones that fail because the GSP is
//! lost.

use std::time::Duration;

use crate::common::{ga102, Machine, NOTICES};
use nova_core::platform::{Clock, Interrupts};
use nova_core::{
    Client, Command, Control, ErrorKind, Free, Internal, Outgoing, Reply, RpcError, Running,
    Stopped, Ticket,
};
use nova_hw::abi::control;
use nova_hw::abi::event::GSP_RUN_CPU_SEQUENCER;
use nova_hw::release::RELEASES;
use nova_mock::{synthetic, Fault, Notice};

/// Indices of GPU properties that GSP-RM knows.
const PROPERTIES: [u8; 9] = [0x25, 0x27, 0x29, 0x2a, 0x33, 0x34, 0x35, 0x36, 0x37];

/// Waits like an adapter: until an interrupt or the end of the pause.
fn wait(machine: &Machine, running: &mut Running<Machine>) {
    machine.wait(running.pause(machine));
    let events = &mut |event: nova_core::Event<'_>| {
        machine.events.borrow_mut().push(event.to_string());
    };
    let _ = running.service(machine, events);
}

fn finish(
    machine: &Machine,
    running: &mut Running<Machine>,
    ticket: Ticket,
) -> Result<Reply<Machine>, RpcError> {
    loop {
        if let Some(reply) = running.take(ticket) {
            return reply;
        }
        wait(machine, running);
    }
}

fn submit(
    machine: &Machine,
    running: &mut Running<Machine>,
    cmd: u32,
    params: &[u8],
) -> Result<Ticket, RpcError> {
    let control = Control {
        on: running.internal(Internal::Subdevice),
        cmd,
        params,
    };
    make(machine, running, &control)
}

/// Asks for the name of the GPU.
fn submit_name(machine: &Machine, running: &mut Running<Machine>) -> Result<Ticket, RpcError> {
    submit(machine, running, control::GPU_GET_NAME_STRING, &[0; 132])
}

fn make(
    machine: &Machine,
    running: &mut Running<Machine>,
    command: &impl Command,
) -> Result<Ticket, RpcError> {
    let call = Outgoing::new(machine, running.release(), command)?;
    running.submit(machine, call)
}

/// Executes a command.
pub(crate) fn execute<C: Command>(
    machine: &Machine,
    running: &mut Running<Machine>,
    command: &C,
) -> Result<C::Reply, RpcError> {
    let ticket = make(machine, running, command)?;
    finish(machine, running, ticket)?.read(running.release(), command)
}

/// Parameters that request the properties, starting with the `n`th.
fn properties(n: usize) -> Vec<u8> {
    let mut params = vec![PROPERTIES.len() as u8, 0, 0, 0];
    for at in 0..PROPERTIES.len() {
        let index = PROPERTIES[(at + n) % PROPERTIES.len()];
        params.extend([index, 0, 0, 0, 0xee, 0xee, 0xee, 0xee]);
    }
    params.resize(RELEASES[0].controls.gpu_get_info_v2, 0);
    params
}

fn long(seed: usize) -> Vec<u8> {
    let len = RELEASES[0].controls.pgpu_add_vgpu_type;
    let mut params: Vec<u8> = (0..len).map(|at| (at ^ at >> 8 ^ seed) as u8).collect();
    params[..8].fill(0);
    params
}

#[test]
fn replies_to_many_calls_at_once_are_not_mixed_up() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    for _ in 0..10 {
        let tickets: Vec<_> = (0..64)
            .map(|n| {
                let cmd = control::GPU_GET_INFO_V2;
                submit(&machine, &mut running, cmd, &properties(n)).unwrap()
            })
            .collect();
        let one_more = submit_name(&machine, &mut running);
        assert_eq!(one_more, Err(RpcError::TooManyCalls));
        for (n, ticket) in tickets.into_iter().enumerate().rev() {
            let reply = finish(&machine, &mut running, ticket).unwrap();
            assert_eq!(reply.status(), 0);
            let asked = properties(n);
            let indices = |params: &[u8]| params[4..76].chunks(8).map(|c| c[0]).collect::<Vec<_>>();
            assert_eq!(indices(reply.params()), indices(&asked));
            assert_eq!(reply.params()[11], 0, "the reply has values");
        }
    }
    machine.unload(running).unwrap();
    machine.assert_as_before();
}

#[test]
fn long_calls_are_continued_in_both_directions() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    for round in 0..20 {
        let cmd = control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE;
        let (first, second) = (long(round), long(round + 1));
        let tickets = [
            submit(&machine, &mut running, cmd, &first).unwrap(),
            submit_name(&machine, &mut running).unwrap(),
            submit(&machine, &mut running, cmd, &second).unwrap(),
        ];
        let [a, b, c] = tickets.map(|ticket| {
            let reply = finish(&machine, &mut running, ticket).unwrap();
            (reply.status(), reply.params().to_vec())
        });
        assert!(a == (0, first), "{:?}", machine.refusals());
        assert!(b.1[4..].starts_with(b"NVIDIA"));
        assert!(c == (0, second));
    }
    assert!(machine.refusals().is_empty(), "{:?}", machine.refusals());
    machine.unload(running).unwrap();
}

/// While the driver does not read the status queue, GSP-RM waits for space, and then continues.
#[test]
fn a_gsp_with_a_full_queue_waits_for_space() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    let cmd = control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE;
    let tickets: Vec<_> = (0..64)
        .map(|n| {
            machine.sleep(Duration::from_millis(1));
            submit(&machine, &mut running, cmd, &long(n)).unwrap()
        })
        .collect();

    let until = machine.now() + Duration::from_secs(1);
    let mut polls = 0;
    let next_poll = || machine.card().next_event().filter(|next| *next < until);
    while let Some(next) = next_poll() {
        machine.card().advance(next);
        polls += 1;
    }
    assert!((1..=200).contains(&polls), "{polls} polls");

    for (n, ticket) in tickets.into_iter().enumerate() {
        let reply = finish(&machine, &mut running, ticket).unwrap();
        assert!(reply.params() == long(n), "{:?}", machine.refusals());
    }
    let time = machine.now() - until;
    assert!(time < Duration::from_secs(2), "{time:?}");
    machine.unload(running).unwrap();
}

#[test]
fn cancelled_calls_free_their_entries() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    for round in 0..3 {
        let tickets: Vec<_> = (0..64)
            .map(|n| {
                let cmd = control::GPU_GET_INFO_V2;
                submit(&machine, &mut running, cmd, &properties(n)).unwrap()
            })
            .collect();
        let last = tickets[63];
        for &ticket in &tickets[..63] {
            running.cancel(ticket);
        }
        let reply = finish(&machine, &mut running, last).unwrap();
        assert_eq!(reply.status(), 0, "round {round}");
    }
    machine.unload(running).unwrap();
}

#[test]
fn refused_calls_have_replies() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    let ticket = submit(&machine, &mut running, 0x2080_ffff, &[1, 2, 3]).unwrap();
    let reply = finish(&machine, &mut running, ticket).unwrap();
    assert_eq!((reply.status(), reply.params()), (0x56, &[1, 2, 3][..]));
    let control = Control {
        on: running.internal(Internal::Client),
        cmd: control::GPU_GET_NAME_STRING,
        params: &[0; 132],
    };
    let ticket = make(&machine, &mut running, &control).unwrap();
    let reply = finish(&machine, &mut running, ticket).unwrap();
    assert_eq!(reply.status(), 0x56, "not a control of a client");
    let last: Vec<_> = running.last_calls().map(ToString::to_string).collect();
    assert!(last[0].contains("GSP_SET_SYSTEM_INFO"), "{last:#?}");
    assert!(last
        .last()
        .unwrap()
        .contains("0x20800110, 0x9c bytes: status 0x0"));
    machine.unload(running).unwrap();
}

#[test]
fn clients_are_allocated_and_freed() {
    for release in RELEASES {
        let machine = Machine::new(ga102(), synthetic::firmware_of(ga102(), release));
        let mut running = machine.boot().unwrap();
        assert_eq!(running.release().name, release.name);
        let before = machine.card().objects();
        let [first, second] = [0, 0x10_0001].map(|number| Client::new(number).allocs());
        for alloc in first.iter().chain(&second) {
            execute(&machine, &mut running, alloc).unwrap();
        }
        let again = execute(&machine, &mut running, &first[0]);
        let duplicate =
            "GSP_RM_ALLOC: expected status 0, found 0x19 (NV_ERR_INSERT_DUPLICATE_NAME)";
        assert_eq!(again.unwrap_err().to_string(), duplicate);
        let name = Control {
            on: second[2].object,
            cmd: control::GPU_GET_NAME_STRING,
            params: &[0; 132],
        };
        execute(&machine, &mut running, &name).unwrap();
        let objects = machine.card().objects().unwrap();
        for line in [
            "client=0xc1d00000 parent=0x0 handle=0xc1d00000 class=0x0 name=NV01_ROOT",
            "client=0xc1d00000 parent=0xc1d00000 handle=0xd0000080 class=0x80 name=NV01_DEVICE_0",
            "client=0xc1d00001 parent=0xd0000080 handle=0xd0002080 class=0x2080 name=NV20_SUBDEVICE_0",
        ] {
            assert!(objects.lines().any(|it| it == line), "{objects}");
        }

        // Freeing the second client frees its device and subdevice, too.
        let freed = first.iter().rev().chain(&second[..1]);
        for alloc in freed {
            execute(&machine, &mut running, &Free(alloc.object)).unwrap();
        }
        assert_eq!(machine.card().objects(), before);
        machine.unload(running).unwrap();
        machine.assert_as_before();
    }
}

#[test]
fn one_allocation_is_refused_and_the_next_ones_succeed() {
    let machine = Machine::synthetic();
    let status = 0x51;
    let fault = Fault::AllocRefused { after: 1, status };
    machine.card().inject(fault);
    for refused in [true, false] {
        let mut running = machine.boot().unwrap();
        let [client, device, subdevice] = Client::new(0).allocs();
        execute(&machine, &mut running, &client).unwrap();
        if refused {
            let error = execute(&machine, &mut running, &device).unwrap_err();
            let expected = "GSP_RM_ALLOC: expected status 0, found 0x51 (NV_ERR_NO_MEMORY)";
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.kind(), ErrorKind::NoSpace);
        }
        for alloc in [&device, &subdevice] {
            execute(&machine, &mut running, alloc).unwrap();
        }
        machine.unload(running).unwrap();
    }
}

#[test]
fn events_are_reported_between_replies() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    let text = "GPU has fallen off the bus".to_owned();
    let notices = [
        Notice::OsError { xid: 79, text },
        Notice::RcTriggered {
            xid: 31,
            engine: 1,
            channel: 8,
            fault_address: 0x7f_0000_1000,
            fault_type: 2,
        },
        Notice::MmuFaultQueued,
        Notice::Other {
            function: 0x1020,
            payload: vec![0; 100_000],
        },
        Notice::Other {
            function: 0x1006,
            payload: vec![0; 4],
        },
    ];
    let ticket = submit_name(&machine, &mut running).unwrap();
    for notice in &notices {
        assert!(machine.card().report(notice));
    }
    let reply = finish(&machine, &mut running, ticket).unwrap();
    assert_eq!(reply.status(), 0);
    let events = machine.events.borrow();
    assert_eq!(events[0], "Xid 79: GPU has fallen off the bus");
    assert!(events[1].starts_with("Xid 31: channel 0x8 of engine 0x1 has died"));
    assert_eq!(events[2], "an MMU fault has been queued");
    assert_eq!(events[3], "event 0x1020 of GSP-RM skipped");
    // The continuation record of an unknown event.
    assert_eq!(events[4], "event 0x47 of GSP-RM skipped");
    assert!(events[5].starts_with("event of GSP-RM skipped: OS_ERROR_LOG: payload"));
    let counts = running.event_counts();
    assert_eq!((counts.os_errors, counts.channel_errors), (1, 1));
    assert_eq!((counts.mmu_faults, counts.skipped), (1, NOTICES + 3));
    drop(events);
    machine.unload(running).unwrap();
}

/// GSP-RM requests a list of register accesses that only waits for this many seconds.
fn put_wait_list(machine: &Machine, seconds: u32) {
    let (words, header) = ([3, seconds * 1_000_000], [2, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    let words = header.iter().chain(&words);
    let payload = words.flat_map(|word| word.to_le_bytes()).collect();
    let function = GSP_RUN_CPU_SEQUENCER;
    assert!(machine.card().report(&Notice::Other { function, payload }));
}

#[test]
fn a_list_of_register_accesses_is_run_outside_of_service() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    put_wait_list(&machine, 4);
    put_wait_list(&machine, 2);
    let ticket = submit_name(&machine, &mut running).unwrap();
    for seconds in [4, 2] {
        let start = machine.now();
        wait(&machine, &mut running);
        assert!(
            machine.now() - start < Duration::from_secs(1),
            "service() ran the list"
        );
        assert!(running.has_list() && running.take(ticket).is_none());
        let list = running.take_list().unwrap();
        assert!(!running.has_list() && running.take_list().is_none());
        let list = list.run(&machine);
        assert!(machine.now() - start >= Duration::from_secs(seconds));
        running.finish_list(&machine, list).unwrap();
    }
    let reply = finish(&machine, &mut running, ticket).unwrap();
    assert_eq!(reply.status(), 0);
    machine.unload(running).unwrap();
    machine.assert_as_before();
}

#[test]
fn a_list_is_run_before_the_answer_behind_it() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    let [root, ..] = Client::new(0).allocs();
    execute(&machine, &mut running, &root).unwrap();
    machine.card().inject(Fault::ListBeforeFree);
    let ticket = make(&machine, &mut running, &Free(root.object)).unwrap();
    wait(&machine, &mut running);
    assert!(running.has_list() && running.take(ticket).is_none());
    let list = running.take_list().unwrap().run(&machine);
    running.finish_list(&machine, list).unwrap();
    let reply = finish(&machine, &mut running, ticket).unwrap();
    assert_eq!(reply.status(), 0);
    // The fault is over.
    execute(&machine, &mut running, &root).unwrap();
    execute(&machine, &mut running, &Free(root.object)).unwrap();
    machine.unload(running).unwrap();
    machine.assert_as_before();
}

#[test]
fn the_unload_runs_a_pending_list() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    put_wait_list(&machine, 2);
    wait(&machine, &mut running);
    assert!(running.has_list());
    let start = machine.now();
    machine.unload(running).unwrap();
    assert!(machine.now() - start >= Duration::from_secs(2));
    machine.assert_as_before();
}

/// Injects `fault` into the card and makes calls; returns the cause of the GSP's loss, and the time
/// until it.
fn lose(fault: Fault) -> (RpcError, Duration) {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    machine.card().inject(fault);
    let start = machine.now();
    let tickets: Vec<_> = (0..8)
        .map(|n| {
            submit(
                &machine,
                &mut running,
                control::GPU_GET_INFO_V2,
                &properties(n),
            )
            .unwrap()
        })
        .collect();
    let errors: Vec<_> = tickets
        .into_iter()
        .map(|ticket| finish(&machine, &mut running, ticket).unwrap_err())
        .collect();
    let time = machine.now() - start;
    let lost = *running.lost().unwrap();
    assert!(lost.call.is_some());
    assert!(
        errors.iter().all(|error| *error == lost.cause),
        "{errors:?}"
    );
    let new = submit(
        &machine,
        &mut running,
        control::GPU_GET_INFO_V2,
        &properties(0),
    );
    assert_eq!(new, Err(lost.cause));

    machine.card().repair();
    running.abandon(&machine).unwrap();
    drop(running);
    machine.assert_as_before();
    machine.mock.reset();
    machine.assert_boots();
    (lost.cause, time)
}

#[test]
fn a_gsp_that_does_not_answer_is_lost() {
    let (error, time) = lose(Fault::NoReply);
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let expected = format!("waited 5s for GSP-RM to answer a ping, saw {NOTICES:#x}");
    assert_eq!(error.to_string(), expected);
    // The time-outs of a call and of the ping.
    let range = Duration::from_secs(10)..Duration::from_secs(11);
    assert!(range.contains(&time), "{time:?}");
}

#[test]
fn a_late_call_fails_alone() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    let start = machine.now();
    let by = Duration::from_secs(8);
    machine.card().inject(Fault::LateReply(by));
    let late = submit(
        &machine,
        &mut running,
        control::GPU_GET_INFO_V2,
        &properties(0),
    )
    .unwrap();
    let mut failed = None;
    let mut answered = [0; 2];
    while machine.now() - start < by + Duration::from_secs(1) {
        let params = properties(answered[0]);
        let other = submit(&machine, &mut running, control::GPU_GET_INFO_V2, &params).unwrap();
        let reply = finish(&machine, &mut running, other).unwrap();
        assert_eq!(reply.params()[4..5], params[4..5], "reply to another call");
        answered[usize::from(failed.is_some())] += 1;
        if failed.is_none() {
            failed = running.take(late).map(|reply| {
                let time = machine.now() - start;
                assert!(time > Duration::from_secs(5) && time < Duration::from_secs(6));
                reply.unwrap_err().to_string()
            });
        }
        machine.sleep(Duration::from_millis(50));
    }
    let expected = format!("waited 5s for GSP_RM_CONTROL, saw {NOTICES:#x}");
    assert_eq!(failed, Some(expected));
    assert!(answered.iter().all(|&calls| calls > 20), "{answered:?}");
    assert!(running.lost().is_none());
    let skipped = running.event_counts().skipped;
    assert_eq!(skipped, NOTICES, "the late reply is recognized");
    assert!(machine.refusals().is_empty(), "{:?}", machine.refusals());
    machine.unload(running).unwrap();
    machine.assert_as_before();
}

#[test]
fn a_gsp_that_crashes_is_lost_at_once() {
    let (error, time) = lose(Fault::GspCrash { after: 0 });
    assert_eq!(error, RpcError::Stopped(Stopped::Halted { cpuctl: 0x10 }));
    assert!(time < Duration::from_millis(500), "{time:?}");
}

#[test]
fn a_gsp_with_a_corrupt_queue_is_lost() {
    let (error, time) = lose(Fault::BadChecksum);
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(time < Duration::from_millis(500), "{time:?}");
}

#[test]
fn a_reply_without_an_interrupt_is_found() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    machine.card().inject(Fault::NoInterrupt);
    let ticket = submit_name(&machine, &mut running).unwrap();
    let start = machine.now();
    finish(&machine, &mut running, ticket).unwrap();
    assert!(machine.now() - start < Duration::from_millis(200));
    machine.card().repair();
    machine.unload(running).unwrap();
}

/// With `pci=nomsi`, for example.
#[test]
fn without_msi_the_pin_announces_replies() {
    let machine = Machine::synthetic();
    machine.card().config_mut().set_msi(false);
    let mut running = machine.boot().unwrap();
    let announced = machine.announced.get();
    let ticket = submit_name(&machine, &mut running).unwrap();
    finish(&machine, &mut running, ticket).unwrap();
    assert!(machine.announced.get() > announced, "found by polling");
    machine.wait(Duration::from_secs(1));
    assert!(
        !machine.card().machine().pin(),
        "nobody has quieted the pin"
    );
    assert_eq!(machine.card().machine().interrupts(), 0, "MSIs");
    machine.unload(running).unwrap();
    machine.assert_as_before();
}

#[test]
fn all_calls_fail_if_the_card_is_gone() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    let ticket = submit_name(&machine, &mut running).unwrap();
    machine.card().inject(Fault::NoReply);
    machine.card().inject(Fault::CardGone { after: 0 });
    let error = finish(&machine, &mut running, ticket).unwrap_err();
    assert_eq!(error, RpcError::Stopped(Stopped::CardGone));
    running.abandon(&machine).unwrap();
    drop(running);
    machine.assert_cut_off();
}

/// The GSP answers, but the adapter cannot free what the GPU uses.
#[test]
fn a_gsp_that_is_given_up_is_lost() {
    let machine = Machine::synthetic();
    let mut running = machine.boot().unwrap();
    let ticket = submit_name(&machine, &mut running).unwrap();
    let cause = RpcError::TooManyCalls;
    running.lose(&machine, cause);
    assert_eq!(running.lost().unwrap().cause, cause);
    assert_eq!(running.take(ticket).unwrap().unwrap_err(), cause);
    let later = submit_name(&machine, &mut running);
    assert_eq!(later, Err(cause));
    running.abandon(&machine).unwrap();
    drop(running);
    machine.assert_as_before();
    machine.mock.reset();
    machine.assert_boots();
}

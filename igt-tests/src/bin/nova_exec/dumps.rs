// SPDX-License-Identifier: MIT

//! The dumps of queues that are lost.

use std::fs;

use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::dump::QueueDump;
use igt::nova::queue::Queue;
use igt::nova::wrong::OF_STOPPED;
use igt::nova::Gpu;
use igt::push::{Push, Segment};
use igt::syncobj::{assert_ended, Signal};
use igt::{kmsg, Fixture, Tests};
use nix::errno::Errno;
use nova_uapi as uapi;

use crate::faults::{endless, hasty};

/// What a dump must not have.
const SECRET: &[u8] = b"what is nobody else's business";

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest(
        "dump",
        "A job that faults leaves a dump of what has to do with it, and of nothing else.",
        || dump(gpu),
    );
    tests.subtest(
        "dump-timeout",
        "A job that takes too long leaves a dump.",
        || dump_timeout(gpu),
    );
    tests.subtest(
        "dump-first",
        "The dump of the first queue that is lost stays until it is dismissed.",
        || dump_first(gpu),
    );
    tests.subtest(
        "dump-close",
        "A file can be closed while its queue is dumped.",
        || dump_close(gpu),
    );
}

/// A buffer that has these bytes at its start.
fn filled<'a>(client: &'a Client, size: u64, flags: u32, bytes: &[u8]) -> Buffer<'a> {
    let buffer = client.try_bound(size, flags).expect("it can be mapped");
    buffer.memory.write(0, bytes);
    buffer
}

/// Has a queue do what it must not, at this address; returns the push.
fn fault(client: &Client, queue: &Queue<'_>, nowhere: u64) -> (Segment, Vec<u8>) {
    let words = queue.push().fill(nowhere, 1, 1);
    let segment = queue.place(words.words());
    let failed = client.syncobj();
    let result = queue.exec(&[segment], &[], &[Signal::Binary(&failed)]);
    assert_eq!(result, Ok(()));
    assert_ended(&failed, Err(Errno::ECANCELED));
    let words = words.words().iter();
    (segment, words.flat_map(|word| word.to_le_bytes()).collect())
}

#[track_caller]
fn assert_line(dump: &QueueDump, line: &str) {
    let has_line = dump.text.lines().any(|its| its == line);
    assert!(has_line, "no line {line:?} in {}", dump.text);
}

/// Whether it is the dump of this queue.
fn is_of(dump: &QueueDump, queue: &Queue<'_>) -> bool {
    let start = format!("queue          {}, engine copy", queue.id());
    dump.text.lines().any(|line| line.starts_with(&start))
}

fn dump(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    gpu.dismiss_queue_dump();
    let [client, other] = [Client::new(gpu), Client::new(gpu)];
    let content: Vec<u8> = (0..PAGE as usize + 8).map(|at| (at % 251) as u8).collect();
    let dumpable = uapi::VM_BIND_OP_FLAG_DUMPABLE;
    let kept = filled(&client, 2 * PAGE, dumpable, &content);
    assert_eq!(kept.set_label(b"state\0"), Ok(()));
    let private = filled(&client, PAGE, 0, SECRET);
    let foreign = filled(&other, PAGE, dumpable, SECRET);
    let queue = client.queue();
    queue.run(&queue.push().fill(private.address + 64, 1, 1));
    let nowhere = client.reserve(PAGE);
    let (push, words) = fault(&client, &queue, nowhere);
    let dump = gpu.await_queue_dump();
    let name = fs::read_to_string("/proc/self/comm").expect("a process has a name");
    let process = format!("{}, {}", name.trim_end(), std::process::id());
    assert_line(&dump, &format!("process        {process}"));
    assert!(is_of(&dump, &queue), "{}", dump.text);
    assert_line(&dump, "reason         a fault of the MMU, Xid 31");
    assert_line(&dump, "jobs           2 submitted, 1 done");
    let told = client.faults(0, 2).faults;
    assert_eq!(told.len(), 1, "{told:?}");
    match told[0].precision_shift {
        64 => assert_line(&dump, "fault          0"),
        _ => {
            let fault = format!("fault          0 at {nowhere:#x}: Unmapped ");
            assert!(dump.text.contains(&fault), "no {fault:?} in {}", dump.text);
        }
    }
    let Segment { address, length } = push;
    let entry = format!(" push {address:#x}, {length} bytes\n");
    assert!(dump.text.contains(&entry), "no {entry:?} in {}", dump.text);
    assert!(
        dump.text.contains("job 2 of the ring, begun at "),
        "{}",
        dump.text
    );
    let (start, end) = (kept.address, kept.address + 2 * PAGE);
    assert_line(
        &dump,
        &format!(
            "{start:#x}-{end:#x} kind 0x0 dumpable system, object of 0x2000 bytes from 0x0: \"state\""
        ),
    );
    let [push, kept] = [format!("push@{address:#x}"), format!("binding@{start:#x}")];
    assert_eq!(dump.names(), [push.as_str(), kept.as_str()]);
    assert_eq!(dump.part(&push), Some(&words[..]));
    let dumped = dump.part(&kept).unwrap_or_default();
    assert_eq!(dumped.len() as u64, 2 * PAGE);
    assert!(dumped.starts_with(&content) && dumped.ends_with(&[0; 8]));
    assert!(!dump.contains(SECRET), "it has what nobody wants dumped");
    let listed = |address: u64| dump.text.contains(&format!("\n{address:#x}-"));
    assert!(listed(private.address));
    // Both files have their buffers at the same addresses, so it is the length of the list that tells.
    assert!(foreign.address < end);
    let count = dump.text.matches(" system, object of ").count();
    assert_eq!(count, 3, "{}", dump.text);
    gpu.dismiss_queue_dump();
}

fn dump_timeout(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    gpu.dismiss_queue_dump();
    let client = Client::new(gpu);
    let queue = hasty(&client);
    let late = endless(&client, &queue);
    assert_ended(&late, Err(Errno::ETIME));
    let dump = gpu.await_queue_dump();
    assert_line(&dump, "reason         a job took too long");
    assert_line(&dump, "jobs           1 submitted, 0 done");
    assert_eq!(dump.names().len(), 1, "{:?}", dump.names());
    gpu.dismiss_queue_dump();
}

fn dump_first(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    gpu.dismiss_queue_dump();
    let client = Client::new(gpu);
    let queues = [client.queue(), client.queue(), client.queue()];
    let nowhere = client.reserve(PAGE);
    let [first, second, third] = &queues;
    fault(&client, first, nowhere);
    let dump = gpu.await_queue_dump();
    assert!(is_of(&dump, first), "{}", dump.text);
    fault(&client, second, nowhere);
    assert_eq!(second.destroy(), Ok(()));
    assert_eq!(gpu.queue_dump(), Some(dump));
    gpu.dismiss_queue_dump();
    fault(&client, third, nowhere);
    // The driver may not have looked at the second one before.
    let dump = gpu.await_queue_dump();
    assert!(!is_of(&dump, first), "{}", dump.text);
    gpu.dismiss_queue_dump();
}

/// Has a file lose a queue, and closes it at once, or when the fence has ended: then it leaves a dump.
fn lose_and_close(gpu: &Gpu, waits: bool) {
    const LARGE: u64 = 8 << 20;
    let client = Client::new(gpu);
    let _large = filled(&client, LARGE, uapi::VM_BIND_OP_FLAG_DUMPABLE, b"much");
    let (queue, nowhere) = (client.queue(), client.reserve(PAGE));
    match waits {
        true => drop(fault(&client, &queue, nowhere)),
        false => drop(queue.start(&queue.push().fill(nowhere, 1, 1))),
    }
}

fn dump_close(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    for round in 0..8 {
        gpu.dismiss_queue_dump();
        let waits = round % 2 == 0;
        lose_and_close(gpu, waits);
        if waits {
            let dump = gpu.await_queue_dump();
            assert_eq!(dump.names().len(), 2, "{:?}", dump.names());
        }
    }
    let client = Client::new(gpu);
    client.queue().run(&Push::new().nops(1));
    gpu.dismiss_queue_dump();
}

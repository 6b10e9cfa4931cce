// SPDX-License-Identifier: MIT

//! Copies memory to VRAM and back by a copy engine, and compares: `nova-copy [MIB]`.
//!
//! The two copies are jobs of one queue; each signals a point of a timeline, and the second waits for the first one's.
//! Exits with 0 if all bytes have come back.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use igt::nova::client::{Buffer, Client};
use igt::nova::object::{self, Object};
use igt::nova::queue::Queue;
use igt::syncobj::{Signal, Syncobj};
use igt::{device, nova, HANG};
use nova_uapi as uapi;
use nova_uapi::VmBindOp;

/// Copy memory to VRAM and back by a copy engine
#[derive(Debug, Parser)]
struct Args {
    /// MiB to copy
    #[arg(default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    mib: u32,
}

fn main() -> ExitCode {
    let Args { mib } = Args::parse();
    match copy(mib) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nova-copy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the error of a call is about.
fn of<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

fn copy(mib: u32) -> Result<(), String> {
    let size = mib << 20;
    let node = nova::first_render_node().ok_or("no render node of the nova driver")?;
    let file = of(&node.display().to_string(), device::open(&node))?;
    let client = of("address space", Client::with(file))?;
    let engine = client.copy_engines()[0];
    let create = uapi::QueueCreate {
        engine_instance: engine.engine_instance,
        ..Queue::patient(client.file())
    };
    let queue = of("queue", Queue::try_new(&client, create))?;
    let from = of("source", client.try_bound(size.into(), 0))?;
    let to = of("target", client.try_bound(size.into(), 0))?;
    let create = object::within(object::VRAM, size.into());
    let vram = of("VRAM", Object::try_new(client.file(), create))?;
    let between = client.reserve(size.into());
    let map = VmBindOp {
        op: uapi::VM_BIND_OP_MAP,
        handle: vram.handle(),
        address: between,
        size: size.into(),
        ..VmBindOp::default()
    };
    of("mapping VRAM", client.bind(map))?;
    fill(&from, size);

    let start = Instant::now();
    let timeline = of("timeline", Syncobj::new(client.file()))?;
    let there = queue.push().copy(from.address, between, size);
    let back = queue.push().copy(between, to.address, size);
    let [first, second] = [1, 2].map(|point| Signal::Point(&timeline, point));
    of(
        "EXEC",
        queue.exec(&[queue.place(there.words())], &[], &[first]),
    )?;
    of(
        "EXEC",
        queue.exec(&[queue.place(back.words())], &[first], &[second]),
    )?;
    of("waiting for the copies", timeline.wait_for_point(2, HANG))?;
    let millis = start.elapsed().as_millis();
    if from.memory.read(0, size as usize) != to.memory.read(0, size as usize) {
        return Err("other bytes have come back".into());
    }
    let name = engine.name;
    println!("{mib} MiB to VRAM and back by {name}, the same bytes, {millis} ms");
    Ok(())
}

/// No two pages are the same.
fn fill(buffer: &Buffer<'_>, size: u32) {
    let mut random = fastrand::Rng::with_seed(size.into());
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
        .take(size as usize)
        .collect();
    buffer.memory.write(0, &bytes);
}

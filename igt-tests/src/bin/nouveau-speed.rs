// SPDX-License-Identifier: MIT

//! Measures nouveau on the GPU, once each, and prints what it took in milliseconds, as JSON:
//!
//! - `load`: loading the module. With the argument `load`, the rest is left out;
//! - `copy`: a copy of 64 MiB in system memory by a copy engine, from the call to its fence;
//! - `memcpy`: the same by the CPU;
//! - `bar1`: a write of 256 KiB to VRAM by the CPU.

use std::hint::black_box;
use std::time::Instant;

use igt::nouveau::{pattern, Client, Engine, Gpu, Place};
use igt::push::Push;
use serde_json::{json, Map, Value};

const COPY: u64 = 64 << 20;
const BAR1: usize = 256 << 10;

fn main() {
    let mut took = Map::new();
    let mut measure = |name: &str, what: &mut dyn FnMut()| {
        let start = Instant::now();
        what();
        let millis = start.elapsed().as_secs_f64() * 1e3;
        took.insert(name.to_owned(), json!(millis));
    };

    let gpu = Gpu::require();
    measure("load", &mut || gpu.load());
    if std::env::args().nth(1).as_deref() != Some("load") {
        measure_work(&gpu, &mut measure);
    }
    println!("{}", Value::Object(took));
}

fn measure_work(gpu: &Gpu, measure: &mut dyn FnMut(&str, &mut dyn FnMut())) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (from, from_address) = client.bound(Place::System, COPY);
    let (to, to_address) = client.bound(Place::System, COPY);
    let source = pattern(1, COPY as usize);
    from.memory().write(0, &source);
    let push = Push::new().copy(from_address, to_address, COPY as u32);
    measure("copy", &mut || channel.run(&push));
    assert!(to.memory().read(0, COPY as usize) == source, "copied");

    let mut copied = vec![1; COPY as usize];
    measure("memcpy", &mut || {
        black_box(&mut copied).copy_from_slice(black_box(&source));
    });

    let vram = client.buffer(Place::Vram, BAR1 as u64);
    let memory = vram.memory();
    // The first access maps the pages.
    memory.write(0, &source[..BAR1]);
    measure("bar1", &mut || memory.write(0, black_box(&source[..BAR1])));
}

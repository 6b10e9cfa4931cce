// SPDX-License-Identifier: MIT

//! Memory that the driver takes for what programs have, without their own: bytes of the machine's memory that are no longer
//! free (`MemFree`), bytes of the kernel's memory that are charged to the program's memory cgroup (`kernel` in
//! `memory.stat`), and bytes of VRAM.
//!
//! What is not free depends on what else happens, and on lists of free pages that each CPU keeps for itself. What is
//! charged is exact up to a few pages, but a driver may take memory without charging it.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use igt::cgroup::Cgroup;
use serde_json::json;

use crate::driver::{Client, Driver, Region};
use crate::meter::Meter;

/// How many address spaces and queues are made.
const COUNT: usize = 32;

/// Bytes of an object that is mapped. The results are for a GiB.
const SIZE: u64 = 64 << 20;

/// Time in which the kernel sums up what its CPUs have counted: each second for the machine (`vm.stat_interval`), and every
/// two for cgroups (`FLUSH_TIME` in mm/memcontrol.c).
const SUMMED: Duration = Duration::from_secs(4);

/// What is in use.
struct Used {
    machine: i64,
    charged: i64,
    vram: i64,
}

pub(crate) fn measure(driver: &impl Driver, meter: &mut Meter) {
    let cgroup = Cgroup::require("bench");
    cgroup.enter().expect("a process may enter its cgroup");
    let client = driver.client();
    let used = || {
        sleep(SUMMED);
        Used {
            machine: -free(),
            charged: cgroup.kernel().expect("the cgroup has memory") as i64,
            vram: client.vram_used() as i64,
        }
    };
    let mut held = |name: &str, parts: f64, make: &mut dyn FnMut()| {
        let before = used();
        make();
        let after = used();
        let mean = |of: fn(&Used) -> i64| (of(&after) - of(&before)) as f64 / parts;
        meter.note(
            name,
            json!({
                "machine": mean(|used| used.machine),
                "charged": mean(|used| used.charged),
                "vram": mean(|used| used.vram),
            }),
        );
    };

    let mut clients = Vec::with_capacity(COUNT);
    held("space", COUNT as f64, &mut || {
        clients.extend((0..COUNT).map(|_| driver.client()));
    });
    drop(clients);
    let mut queues = Vec::with_capacity(COUNT);
    held("queue", COUNT as f64, &mut || {
        queues.extend((0..COUNT).map(|_| client.bare_queue()));
    });
    drop(queues);
    for (region, name) in [(Region::Vram, "gib-2m"), (Region::System, "gib-4k")] {
        let object = client.object(region, SIZE);
        // The object gets its memory.
        client.bind(&object, client.reserve(SIZE), SIZE);
        let gib = SIZE as f64 / f64::from(1 << 30);
        held(name, gib, &mut || {
            client.bind(&object, client.reserve(SIZE), SIZE);
        });
    }
}

/// Bytes of the machine's memory that are free.
fn free() -> i64 {
    let text = fs::read_to_string("/proc/meminfo").expect("the kernel has meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("MemFree:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<i64>().ok());
    kib.expect("meminfo has MemFree") << 10
}

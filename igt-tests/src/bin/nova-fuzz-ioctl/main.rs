// SPDX-License-Identifier: MIT

//! Calls the ioctls of a Nova device with valid, nearly valid and random arguments.
//!
//! Two processes share open files; in each, four threads call ioctls and open, copy and close
//! files, and map them. From time to time one of the processes is killed and replaced by a new one. The test
//! fails if the kernel reports a bug of its own, if an error number is unknown to user space, if a
//! process cannot be killed, if the GPU does not answer afterwards, or if an ioctl never succeeded,
//! since it was not tested then.
//!
//! The seed determines all choices, so that the same seed repeats the calls; the threads race
//! differently each time.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use call::Caller;
use clap::Parser;
use fastrand::Rng;
use igt::fuzz::Slot;
use igt::kmsg::Watch;
use igt::memory::Words;
use igt::nova::Gpu;
use igt::{device, drm, Children, Timeout, HANG};
use ioctls::IOCTLS;
use nix::sys::eventfd::EventFd;

mod call;
mod ioctls;

/// Threads of a process.
const THREADS: usize = 4;

/// Number of slots for nodes; the other half of the slots is for files that ioctls open or take.
pub(crate) const NODES: usize = Slot::COUNT / 2;

/// The place of mmap on the scoreboard, behind the ioctls.
pub(crate) const MMAP: usize = IOCTLS.len();

/// The longest time until a process is killed.
const LIFE: Duration = Duration::from_secs(2);

/// Fuzz the ioctls of a Nova device
#[derive(Debug, Parser)]
struct Args {
    /// Seconds after which it ends
    #[arg(long, default_value_t = 600)]
    seconds: u64,

    /// Seed of all choices; random by default
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("nova-fuzz-ioctl --seconds {} --seed {seed}", args.seconds);
    let gpu = Gpu::require();
    gpu.start();
    let drm = gpu.drm().unwrap_or_else(|| panic!("there are no nodes"));
    let nodes = [Some(drm.primary), drm.render];
    let nodes: Vec<PathBuf> = nodes.into_iter().flatten().collect();
    let mut watch = Watch::from_now().unwrap_or_else(|error| panic!("the kernel log: {error}"));

    let scoreboard = Scoreboard::new();
    let end = Instant::now() + Duration::from_secs(args.seconds);
    fuzz(
        &nodes,
        &scoreboard,
        &mut Rng::with_seed(seed),
        &mut watch,
        end,
    );
    gpu.assert_running();
    watch.assert_quiet();
    scoreboard.verdict(drm::has_syncobjs(&gpu.open_render()))
}

/// Forks, kills and replaces processes until `end`.
fn fuzz(
    nodes: &[PathBuf],
    scoreboard: &Scoreboard,
    rng: &mut Rng,
    watch: &mut Watch,
    end: Instant,
) {
    let fork = |rng: &mut Rng| {
        open_into(Slot::new(rng.usize(..NODES)), nodes, rng);
        let seed = rng.u64(..);
        Children::fork(1, |_| call_for_ever(nodes, scoreboard, seed))
    };
    let mut processes = [fork(rng), fork(rng)];
    while Instant::now() < end {
        thread::sleep(LIFE.mul_f64(rng.f64() / processes.len() as f64));
        let _bound = Timeout::new(HANG, "the end of a process that was killed");
        processes[rng.usize(..processes.len())] = fork(rng);
        watch.assert_quiet();
        scoreboard.assert_nothing_found();
    }
    let _bound = Timeout::new(HANG, "the end of processes that were killed");
    drop(processes);
}

/// Body of a process, which runs until it is killed.
fn call_for_ever(nodes: &[PathBuf], scoreboard: &Scoreboard, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let mut caller = Caller::new(rng.fork(), scoreboard);
            scope.spawn(move || {
                let _found = Found(scoreboard);
                loop {
                    act(&mut caller, nodes);
                }
            });
        }
    });
}

/// One action of a thread.
fn act(caller: &mut Caller<'_>, nodes: &[PathBuf]) {
    let mut number = || caller.rng.usize(..NODES);
    let nodes_of = [number(), number()].map(Slot::new);
    let others = [number(), number()].map(|number| Slot::new(NODES + number));
    let [one, other] = match caller.rng.bool() {
        true => nodes_of,
        false => others,
    };
    match caller.rng.u32(..100) {
        0 => open_into(nodes_of[0], nodes, &mut caller.rng),
        // This fails if there are too many open files.
        1 => drop(EventFd::new().map(|file| others[0].put(&file.into()))),
        2 => one.copy(other.get()),
        3 => one.close(),
        4 => caller.map(one),
        _ => caller.call(nodes_of[0], others[0]),
    }
}

/// Opens one of the nodes.
fn open_into(slot: Slot, nodes: &[PathBuf], rng: &mut Rng) {
    // This fails if there are too many open files.
    if let Ok(file) = device::open(&nodes[rng.usize(..nodes.len())]) {
        slot.put(&file.into());
    }
}

/// Records in the scoreboard that a thread has panicked, which is how it reports a failure.
struct Found<'a>(&'a Scoreboard);

impl Drop for Found<'_> {
    fn drop(&mut self) {
        self.0 .0[0].store(1, Relaxed);
    }
}

/// The results that all processes share: whether a thread has failed, and how often each ioctl, and
/// mmap, was called and succeeded.
pub(crate) struct Scoreboard(Words);

impl Scoreboard {
    fn new() -> Self {
        Self(Words::new(1 + 2 * (MMAP + 1)))
    }

    /// Counts a call of the ioctl with this index in [`IOCTLS`], or of mmap.
    pub(crate) fn count(&self, ioctl: usize, is_done: bool) {
        self.0[1 + 2 * ioctl].fetch_add(1, Relaxed);
        self.0[2 + 2 * ioctl].fetch_add(is_done.into(), Relaxed);
    }

    fn assert_nothing_found(&self) {
        let found = self.0[0].load(Relaxed);
        assert_eq!(found, 0, "a thread has failed");
    }

    fn verdict(&self, has_syncobjs: bool) -> ExitCode {
        self.assert_nothing_found();
        println!("{:24} {:>9} {:>9}", "", "called", "done");
        let mut all_done = true;
        let print = |name: &str, number: usize| {
            let [called, done] = [1, 2].map(|which| self.0[2 * number + which].load(Relaxed));
            println!("{name:24} {called:9} {done:9}");
            done > 0
        };
        for (number, ioctl) in IOCTLS.iter().enumerate() {
            let is_done = print(ioctl.name, number);
            all_done &= is_done || (ioctl.is_about_syncobjs() && !has_syncobjs);
        }
        all_done &= print("mmap", MMAP);
        if all_done {
            return ExitCode::SUCCESS;
        }
        println!("FAIL: ioctls that never succeeded were not tested");
        ExitCode::FAILURE
    }
}

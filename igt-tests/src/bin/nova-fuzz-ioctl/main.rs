// SPDX-License-Identifier: MIT

//! Calls the ioctls of a Nova device with arguments that are right, nearly right and nonsense.
//!
//! Two processes share files and all that belongs to these; in each, four threads call ioctls and open, copy
//! and close files. Now and then one of the processes is killed, and another one forked in its place.
//! What is wrong is a kernel that finds itself at fault, an error number that user space does not know, a
//! process that cannot be killed, a GPU that does not answer afterwards, and an ioctl that never succeeded,
//! for it was not tried.
//!
//! The seed is the source of all choices, so that the same seed does the same again; the threads race in
//! another way each time.

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

/// Slots of nodes; in as many after them are files that ioctls open or take.
pub(crate) const NODES: usize = Slot::COUNT / 2;

/// How long a process lives, at most.
const LIFE: Duration = Duration::from_secs(2);

/// Fuzz the ioctls of a Nova device
#[derive(Debug, Parser)]
struct Args {
    /// Seconds after which it ends
    #[arg(long, default_value_t = 600)]
    seconds: u64,

    /// Where all choices come from; a random one where none is given
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

    let board = Board::new();
    let end = Instant::now() + Duration::from_secs(args.seconds);
    fuzz(&nodes, &board, &mut Rng::with_seed(seed), &mut watch, end);
    gpu.assert_running();
    watch.assert_quiet();
    board.verdict(drm::has_syncobjs(&gpu.open_render()))
}

/// Forks, kills and forks again until `end`.
fn fuzz(nodes: &[PathBuf], board: &Board, rng: &mut Rng, watch: &mut Watch, end: Instant) {
    let fork = |rng: &mut Rng| {
        open_into(Slot::new(rng.usize(..NODES)), nodes, rng);
        let seed = rng.u64(..);
        Children::fork(1, |_| call_for_ever(nodes, board, seed))
    };
    let mut processes = [fork(rng), fork(rng)];
    while Instant::now() < end {
        thread::sleep(LIFE.mul_f64(rng.f64() / processes.len() as f64));
        let _bound = Timeout::new(HANG, "the end of a process that was killed");
        processes[rng.usize(..processes.len())] = fork(rng);
        watch.assert_quiet();
        board.assert_nothing_found();
    }
    let _bound = Timeout::new(HANG, "the end of processes that were killed");
    drop(processes);
}

/// What a process does until it is killed.
fn call_for_ever(nodes: &[PathBuf], board: &Board, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let mut caller = Caller::new(rng.fork(), board);
            scope.spawn(move || {
                let _found = Found(board);
                loop {
                    act(&mut caller, nodes);
                }
            });
        }
    });
}

/// Does what one thread does at a time.
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
        // There may be too many open files already.
        1 => drop(EventFd::new().map(|file| others[0].put(&file.into()))),
        2 => one.copy(other.get()),
        3 => one.close(),
        _ => caller.call(nodes_of[0], others[0]),
    }
}

/// Opens one of the nodes.
fn open_into(slot: Slot, nodes: &[PathBuf], rng: &mut Rng) {
    // There may be too many open files already.
    if let Ok(file) = device::open(&nodes[rng.usize(..nodes.len())]) {
        slot.put(&file.into());
    }
}

/// Tells that a thread has found something, when it panics for that.
struct Found<'a>(&'a Board);

impl Drop for Found<'_> {
    fn drop(&mut self) {
        self.0 .0[0].store(1, Relaxed);
    }
}

/// Whether something was found, and how often each ioctl was called and succeeded; all processes see it.
pub(crate) struct Board(Words);

impl Board {
    fn new() -> Self {
        Self(Words::new(1 + 2 * IOCTLS.len()))
    }

    /// Counts a call of the ioctl at that place in [`IOCTLS`].
    pub(crate) fn count(&self, ioctl: usize, is_done: bool) {
        self.0[1 + 2 * ioctl].fetch_add(1, Relaxed);
        self.0[2 + 2 * ioctl].fetch_add(is_done.into(), Relaxed);
    }

    fn assert_nothing_found(&self) {
        let found = self.0[0].load(Relaxed);
        assert_eq!(found, 0, "a thread has found something");
    }

    fn verdict(&self, has_syncobjs: bool) -> ExitCode {
        self.assert_nothing_found();
        println!("{:24} {:>9} {:>9}", "", "called", "done");
        let mut all_done = true;
        for (number, ioctl) in IOCTLS.iter().enumerate() {
            let [called, done] = [1, 2].map(|which| self.0[2 * number + which].load(Relaxed));
            println!("{:24} {called:9} {done:9}", ioctl.name);
            all_done &= done > 0 || (ioctl.is_about_syncobjs() && !has_syncobjs);
        }
        if all_done {
            return ExitCode::SUCCESS;
        }
        println!("FAIL: what never succeeded was not tested");
        ExitCode::FAILURE
    }
}

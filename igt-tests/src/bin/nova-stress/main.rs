// SPDX-License-Identifier: MIT

//! Stresses a mocked GPU from several processes at random times: it is reset, bound, removed, put
//! to sleep, broken, read and used.
//!
//! An action may fail because of another one. The test fails on an unexpected error, if the kernel
//! reports a bug of its own, if a process does not end, if the GPU does not work afterwards, or if
//! an action never succeeded, since it was not tested then.
//!
//! The seed determines the choices of each process, so that the same seed repeats the actions,
//! though not at exactly the same times.

use std::io;
use std::iter::{repeat_n, repeat_with};
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use actions::{Action, Context, Role};
use clap::Parser;
use fastrand::Rng;
use igt::kmsg::Watch;
use igt::memory::Words;
use igt::mock::Mock;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, RmControl, Sizes};
use igt::{Children, HANG};
use nix::errno::Errno;
use tempfile::NamedTempFile;

mod actions;

/// Interval between reads of the kernel log.
const LOOK: Duration = Duration::from_millis(200);

/// Errors that another action may cause: the GPU is removed, unbound, asleep, in reset, lost or
/// broken.
const EXPECTED: [Errno; 12] = [
    Errno::ENOENT,
    Errno::ENODEV,
    Errno::ENXIO,
    Errno::EBUSY,
    Errno::EAGAIN,
    Errno::EINTR,
    Errno::EIO,
    Errno::EPROTO,
    Errno::ETIMEDOUT,
    // A job ends with its queue, or takes too long since an engine hangs or the GPU is gone.
    Errno::ECANCELED,
    Errno::ETIME,
    // A function that has fallen off the bus has no reset.
    Errno::ENOTTY,
];

/// Stress a mocked GPU
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
    println!("nova-stress --seconds {} --seed {seed}", args.seconds);
    let gpu = Gpu::require();
    gpu.start();
    let mock = Mock::require(&gpu);
    let mut watch = Watch::from_now().unwrap_or_else(|error| panic!("the kernel log: {error}"));

    let roles = actions::roles();
    let scoreboard = Scoreboard::new(&roles);
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let [lost, recovered] = stress(&gpu, &mock, &roles, &scoreboard, seed, &mut watch, end);
    assert_works(&gpu, &mock);
    watch.assert_quiet();

    println!("{:24} {:>8} {:>8}", "", "tried", "done");
    let mut tallies = scoreboard.tallies(&roles);
    tallies.push(("recovery of the GSP", [lost, recovered]));
    for (name, [tried, done]) in &tallies {
        println!("{name:24} {tried:8} {done:8}");
    }
    let mut never = tallies.iter().filter(|(_, [_, done])| *done == 0);
    match never.next() {
        None => ExitCode::SUCCESS,
        Some((name, _)) => {
            println!("FAIL: {name} never succeeded, so it was not tested");
            ExitCode::FAILURE
        }
    }
}

/// Runs all processes until `end`, or until one of them fails; returns how often the GSP was lost
/// and how often it recovered.
fn stress(
    gpu: &Gpu,
    mock: &Mock,
    roles: &[Role],
    scoreboard: &Scoreboard,
    seed: u64,
    watch: &mut Watch,
    end: Instant,
) -> [u64; 2] {
    let mock_lock = NamedTempFile::new().unwrap_or_else(|error| panic!("a file to lock: {error}"));
    let sizes = Sizes::of(gpu);
    let mut seeds = Rng::with_seed(seed);
    let mut first_action = 0;
    let mut children = Vec::new();
    for role in roles {
        let seeds: Vec<u64> = repeat_with(|| seeds.u64(..)).take(role.processes).collect();
        children.push(Children::fork(role.processes, |number| {
            let context = Context {
                gpu,
                mock,
                sizes: &sizes,
                mock_lock: mock_lock.path(),
                rng: Rng::with_seed(seeds[number]),
            };
            act(role, context, scoreboard, first_action);
        }));
        first_action += role.actions.len();
    }
    let mut counts = [0; 2];
    while Instant::now() < end && !scoreboard.is_over() {
        let records = watch.assert_quiet();
        for (count, said) in counts.iter_mut().zip([nova::IS_LOST, nova::RUNS_AGAIN]) {
            let said = records.iter().filter(|record| record.text.contains(said));
            *count += said.count() as u64;
        }
        thread::sleep(LOOK);
    }
    scoreboard.end();
    children
        .into_iter()
        .for_each(|children| children.wait(HANG));
    counts
}

/// Body of a process: performs one action after the other.
fn act(role: &Role, mut context: Context<'_>, scoreboard: &Scoreboard, first_action: usize) {
    // A process that panics ends the test.
    let _end = End(scoreboard);
    // The order is random, but each round performs all actions, so that none is left out for long.
    let mut left = Vec::new();
    while !scoreboard.is_over() {
        let Some(at) = left.pop() else {
            left = shuffled(&role.actions, &mut context.rng);
            continue;
        };
        let action = &role.actions[at];
        let result = (action.run)(&mut context);
        if let Err(error) = &result {
            assert!(is_expected(error), "{}: {error}", action.name);
        }
        scoreboard.count(first_action + at, result.is_ok());
        thread::sleep(role.pause.mul_f64(context.rng.f64()));
    }
}

/// The indices of the actions in random order, each as often as its weight.
fn shuffled(actions: &[Action], rng: &mut Rng) -> Vec<usize> {
    let weights = actions.iter().map(|action| action.weight);
    let mut places: Vec<usize> = weights
        .enumerate()
        .flat_map(|(at, weight)| repeat_n(at, weight))
        .collect();
    rng.shuffle(&mut places);
    places
}

fn is_expected(error: &io::Error) -> bool {
    let number = match error.raw_os_error() {
        Some(number) => Errno::from_raw(number),
        None if error.kind() == io::ErrorKind::NotFound => Errno::ENOENT,
        None => return false,
    };
    EXPECTED.contains(&number)
}

/// Asserts that the GPU, after a repair, a removal and a rescan, boots and answers.
fn assert_works(gpu: &Gpu, mock: &Mock) {
    mock.tell("repair");
    if let Err(error) = gpu.pci().remove() {
        assert!(is_expected(&error), "remove: {error}");
    }
    actions::rescan().unwrap_or_else(|error| panic!("rescan: {error}"));
    gpu.start();
    let answer = RmControl::open(gpu).call(
        rm_control::SUBDEVICE,
        rm_control::GPU_GET_NAME_STRING,
        &[0; rm_control::NAME_STRING_LEN],
    );
    let status = answer.as_ref().map(|answer| answer.status);
    assert_eq!(status, Ok(rm_control::OK), "GSP-RM does not answer");
}

/// The results that all processes share: whether the test has ended, and how often each action was
/// tried and succeeded.
struct Scoreboard(Words);

impl Scoreboard {
    fn new(roles: &[Role]) -> Self {
        let actions: usize = roles.iter().map(|role| role.actions.len()).sum();
        Self(Words::new(1 + 2 * actions))
    }

    fn is_over(&self) -> bool {
        self.0[0].load(Relaxed) != 0
    }

    fn end(&self) {
        self.0[0].store(1, Relaxed);
    }

    fn counts_of(&self, action: usize) -> [&AtomicU64; 2] {
        [1, 2].map(|which| &self.0[2 * action + which])
    }

    fn count(&self, action: usize, is_done: bool) {
        let [tried, done] = self.counts_of(action);
        tried.fetch_add(1, Relaxed);
        done.fetch_add(is_done.into(), Relaxed);
    }

    fn tallies(&self, roles: &[Role]) -> Vec<(&'static str, [u64; 2])> {
        let actions = roles.iter().flat_map(|role| &role.actions);
        let tally = |(number, action): (usize, &Action)| {
            let counts = self.counts_of(number).map(|count| count.load(Relaxed));
            (action.name, counts)
        };
        actions.enumerate().map(tally).collect()
    }
}

/// Ends the test when dropped.
struct End<'a>(&'a Scoreboard);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

// SPDX-License-Identifier: GPL-2.0

use std::collections::VecDeque;
use std::format;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_secs(1);

/// Slots of the queues of these tests.
struct Slots(Vec<Slot<u32>>);

impl AsRef<[Slot<u32>]> for Slots {
    fn as_ref(&self) -> &[Slot<u32>] {
        &self.0
    }
}

impl AsMut<[Slot<u32>]> for Slots {
    fn as_mut(&mut self) -> &mut [Slot<u32>] {
        &mut self.0
    }
}

fn queue(slots: usize) -> Jobs<u32, Slots> {
    Jobs::new(Slots((0..slots).map(|_| Slot::FREE).collect()))
}

/// Starts all jobs that are ready; returns their numbers.
fn start_all(jobs: &mut Jobs<u32, Slots>) -> Vec<u64> {
    let start = || {
        let number = jobs.ready()?.number;
        jobs.started(NOW);
        Some(number)
    };
    core::iter::from_fn(start).collect()
}

/// Data of the jobs that are done when the ring has completed so many jobs.
fn done(jobs: &mut Jobs<u32, Slots>, completed: u64) -> Vec<u32> {
    let take = || jobs.take_done(completed, NOW).map(|ended| ended.data);
    core::iter::from_fn(take).collect()
}

#[test]
fn a_job_that_waits_holds_up_those_behind_it() {
    let mut jobs = queue(4);
    assert_eq!(jobs.submit(true, true, 10), Ok(1));
    assert_eq!(jobs.submit(true, false, 20), Ok(2));
    assert_eq!(jobs.submit(true, true, 30), Ok(3));
    assert_eq!(jobs.waiting(), None);
    assert_eq!(start_all(&mut jobs), [1]);
    assert_eq!(jobs.waiting(), Some((2, &mut 20)));
    jobs.end_wait(2);
    assert_eq!(jobs.waiting(), None);
    assert_eq!(start_all(&mut jobs), [2, 3]);
    assert_eq!(jobs.waiting(), None);
    assert_eq!(done(&mut jobs, 2), [10, 20]);
    assert_eq!((jobs.submitted(), jobs.completed()), (3, 2));
}

#[test]
fn a_job_stays_ready_until_it_is_started() {
    let mut jobs = queue(4);
    jobs.submit(true, true, 10).unwrap();
    for _ in 0..2 {
        let expected = Ready {
            number: 1,
            has_pushes: true,
            data: &mut 10,
        };
        assert_eq!(jobs.ready(), Some(expected));
    }
    assert_eq!(done(&mut jobs, 1), [0; 0]);
    jobs.started(NOW);
    assert_eq!(jobs.ready(), None);
}

#[test]
fn a_job_without_pushes_is_done_after_the_earlier_ones() {
    let mut jobs = queue(4);
    jobs.submit(true, true, 10).unwrap();
    jobs.submit(false, true, 20).unwrap();
    jobs.submit(true, true, 30).unwrap();
    assert_eq!(start_all(&mut jobs), [1, 2, 3]);
    assert_eq!(done(&mut jobs, 0), [0; 0]);
    assert_eq!(done(&mut jobs, 1), [10, 20]);
    // The second job in the ring.
    assert_eq!(done(&mut jobs, 2), [30]);
}

#[test]
fn a_job_without_pushes_is_not_done_while_it_waits() {
    let mut jobs = queue(4);
    jobs.submit(false, false, 10).unwrap();
    assert_eq!(start_all(&mut jobs), [0; 0]);
    assert_eq!(done(&mut jobs, 0), [0; 0]);
    jobs.end_wait(1);
    assert_eq!(start_all(&mut jobs), [1]);
    assert_eq!(done(&mut jobs, 0), [10]);
}

#[test]
fn a_full_queue_takes_no_job() {
    let mut jobs = queue(2);
    jobs.submit(true, true, 10).unwrap();
    jobs.submit(true, true, 20).unwrap();
    assert!(!jobs.has_room());
    assert_eq!(jobs.submit(true, true, 30), Err(30));
    start_all(&mut jobs);
    assert_eq!(done(&mut jobs, 1), [10]);
    assert_eq!(jobs.submit(true, true, 30), Ok(3));
    assert_eq!(queue(0).submit(true, true, 10), Err(10));
}

#[test]
fn the_time_of_a_job_counts_from_the_end_of_the_one_before() {
    let [first, second, third] = [1, 2, 3].map(Duration::from_secs);
    let mut jobs = queue(4);
    assert_eq!(jobs.running_since(), None);
    jobs.submit(true, true, 10).unwrap();
    jobs.submit(true, true, 20).unwrap();
    assert_eq!(jobs.running_since(), None);
    jobs.started(first);
    jobs.started(second);
    assert_eq!(jobs.running_since(), Some(first));
    jobs.take_done(1, third).unwrap();
    assert_eq!(jobs.running_since(), Some(third));
    jobs.lose();
    assert_eq!(jobs.running_since(), None);
}

#[test]
fn a_lost_queue_gives_back_its_jobs_and_takes_none() {
    let mut jobs = queue(4);
    jobs.submit(true, true, 10).unwrap();
    jobs.submit(true, false, 20).unwrap();
    start_all(&mut jobs);
    assert_eq!(jobs.take_lost(), None);
    assert_eq!(jobs.waiting(), Some((2, &mut 20)));
    jobs.lose();
    assert_eq!(jobs.waiting(), None);
    jobs.end_wait(2);
    assert!(jobs.is_lost());
    assert_eq!(jobs.submit(true, true, 30), Err(30));
    assert_eq!(start_all(&mut jobs), [0; 0]);
    assert_eq!(done(&mut jobs, 2), [0; 0]);
    let lost = |number, data| Some(Ended { number, data });
    assert_eq!(jobs.take_lost(), lost(1, 10));
    assert_eq!(jobs.take_lost(), lost(2, 20));
    assert_eq!(jobs.take_lost(), None);
}

/// What happens to a queue. The number of [`Step::EndWait`] counts from the sixth job before the oldest.
#[derive(Clone, Debug)]
enum Step {
    Submit {
        has_pushes: bool,
        is_ready: bool,
    },
    EndWait(u64),
    Start,
    /// The ring completes this many jobs.
    Complete(u64),
    TakeDone,
    Lose,
    TakeLost,
}

fn step() -> impl Strategy<Value = Step> {
    let submit = |(has_pushes, is_ready)| Step::Submit {
        has_pushes,
        is_ready,
    };
    prop_oneof![
        6 => any::<(bool, bool)>().prop_map(submit),
        6 => (0..14u64).prop_map(Step::EndWait),
        6 => Just(Step::Start),
        6 => (0..3u64).prop_map(Step::Complete),
        6 => Just(Step::TakeDone),
        1 => Just(Step::Lose),
        1 => Just(Step::TakeLost),
    ]
}

/// A queue as lists, with the ring behind it.
#[derive(Default)]
struct Model {
    /// Number of each job that is not started, whether it has pushes, and whether its waits are over.
    waiting: VecDeque<(u64, bool, bool)>,
    /// Number of each job that is started, and whether it has pushes.
    started: VecDeque<(u64, bool)>,
    /// Numbers of the jobs in the ring.
    ring: VecDeque<u64>,
    submitted: u64,
    completed: u64,
    is_lost: bool,
}

const SLOTS: usize = 5;

impl Model {
    fn submit(&mut self, has_pushes: bool, is_ready: bool) -> Option<u64> {
        if self.is_lost || self.waiting.len() + self.started.len() == SLOTS {
            return None;
        }
        self.submitted += 1;
        let job = (self.submitted, has_pushes, is_ready);
        self.waiting.push_back(job);
        Some(self.submitted)
    }

    fn end_wait(&mut self, number: u64) {
        for job in self.waiting.iter_mut().filter(|job| job.0 == number) {
            job.2 = true;
        }
    }

    fn start(&mut self) -> Option<(u64, bool)> {
        let &(number, has_pushes, is_ready) = self.waiting.front()?;
        if self.is_lost || !is_ready {
            return None;
        }
        self.waiting.pop_front();
        self.started.push_back((number, has_pushes));
        if has_pushes {
            self.ring.push_back(number);
        }
        Some((number, has_pushes))
    }

    fn complete(&mut self, count: u64) {
        for _ in 0..count {
            self.completed += u64::from(self.ring.pop_front().is_some());
        }
    }

    fn take_done(&mut self) -> Option<u64> {
        let &(number, _) = self.started.front()?;
        if self.is_lost || self.ring.contains(&number) {
            return None;
        }
        self.started.pop_front();
        Some(number)
    }

    fn take_lost(&mut self) -> Option<u64> {
        if !self.is_lost {
            return None;
        }
        let started = self.started.pop_front().map(|job| job.0);
        started.or_else(|| self.waiting.pop_front().map(|job| job.0))
    }
}

/// Number of a job, whose data is its number.
fn ended(ended: Ended<u32>) -> u64 {
    assert_eq!(u64::from(ended.data), ended.number);
    ended.number
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 512 }))]

    #[test]
    fn a_queue_behaves_as_its_model(steps in prop::collection::vec(
        step(),
        1..if cfg!(miri) { 30 } else { 200 },
    )) {
        let (mut jobs, mut model) = (queue(SLOTS), Model::default());
        for (at, step) in steps.into_iter().enumerate() {
            let text = format!("step {at}: {step:?}");
            match step {
                Step::Submit { has_pushes, is_ready } => {
                    let data = u32::try_from(jobs.submitted()).unwrap() + 1;
                    let number = jobs.submit(has_pushes, is_ready, data).ok();
                    prop_assert_eq!(number, model.submit(has_pushes, is_ready), "{}", text);
                }
                Step::EndWait(place) => {
                    let number = (jobs.completed() + place).saturating_sub(5);
                    jobs.end_wait(number);
                    model.end_wait(number);
                }
                Step::Start => {
                    let ready = jobs.ready().map(|job| (job.number, job.has_pushes));
                    if ready.is_some() {
                        jobs.started(NOW);
                    }
                    prop_assert_eq!(ready, model.start(), "{}", text);
                }
                Step::Complete(count) => model.complete(count),
                Step::TakeDone => {
                    let done = jobs.take_done(model.completed, NOW).map(ended);
                    prop_assert_eq!(done, model.take_done(), "{}", text);
                }
                Step::Lose => {
                    jobs.lose();
                    model.is_lost = true;
                }
                Step::TakeLost => {
                    let lost = jobs.take_lost().map(ended);
                    prop_assert_eq!(lost, model.take_lost(), "{}", text);
                }
            }
            let left = model.waiting.len() + model.started.len();
            prop_assert_eq!(jobs.has_room(), left < SLOTS);
            prop_assert_eq!(jobs.submitted(), model.submitted);
            prop_assert_eq!(jobs.completed(), model.submitted - left as u64);
        }
    }
}

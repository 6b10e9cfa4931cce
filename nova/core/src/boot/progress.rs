// SPDX-License-Identifier: GPL-2.0

//! What each stage takes.

use core::time::Duration;

use super::error::{Error, Failure};
use super::stage::Stage;
use crate::chip::identify::card_gone;
use crate::mmio::{Counts, Io};

/// What one stage took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The stage.
    pub stage: Stage,
    /// How long it took, in whole microseconds.
    pub time: Duration,
    /// Register reads.
    pub reads: u32,
    /// Register writes.
    pub writes: u32,
}

/// A [`StageReport`] in less space.
#[derive(Clone, Copy, Debug)]
struct Entry {
    stage: Stage,
    micros: u32,
    reads: u32,
    writes: u32,
}

/// What has been spent so far.
struct Spent {
    time: Duration,
    reads: u32,
    writes: u32,
}

impl Spent {
    #[inline(never)]
    fn until_now(io: &Io<'_>) -> Self {
        Self {
            time: io.now(),
            reads: io.counts().map_or(0, Counts::reads),
            writes: io.counts().map_or(0, Counts::writes),
        }
    }
}

/// Why a stage failed.
#[cold]
#[inline(never)]
fn failure(io: &Io<'_>, stage: Stage, error: Error) -> Failure {
    let error = if card_gone(io) {
        Error::CardGone
    } else {
        error
    };
    Failure { stage, error }
}

/// Runs stages and notes what they took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    stages: [Option<Entry>; Stage::BOOT],
}

impl Progress {
    /// Runs a stage. Where it fails, the card being gone explains whatever else was seen.
    // Kernel stacks are small: each stage gives its part back at its end.
    #[inline(never)]
    pub(crate) fn run<T>(
        &mut self,
        io: &Io<'_>,
        stage: Stage,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let start = Spent::until_now(io);
        match work() {
            Ok(done) => {
                self.note(io, stage, &start);
                Ok(done)
            }
            Err(error) => Err(failure(io, stage, error)),
        }
    }

    /// Notes what a stage took since `start`.
    #[inline(never)]
    fn note(&mut self, io: &Io<'_>, stage: Stage, start: &Spent) {
        let end = Spent::until_now(io);
        let micros = end.time.saturating_sub(start.time).as_micros();
        let entry = Entry {
            stage,
            micros: u32::try_from(micros).unwrap_or(u32::MAX),
            reads: end.reads.saturating_sub(start.reads),
            writes: end.writes.saturating_sub(start.writes),
        };
        let free = self.stages.iter_mut().find(|slot| slot.is_none());
        debug_assert!(free.is_some(), "{stage} is one stage too many");
        if let Some(free) = free {
            *free = Some(entry);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = StageReport> + '_ {
        self.stages.iter().flatten().map(|entry| StageReport {
            stage: entry.stage,
            time: Duration::from_micros(entry.micros.into()),
            reads: entry.reads,
            writes: entry.writes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp::rpc::error::RpcError;
    use crate::testing::Card;
    use nova_hw::regs::pmc::PmcBoot0;
    use std::vec::Vec;

    #[test]
    fn a_stage_is_noted_with_what_it_took() {
        let (card, counts) = (Card::default(), Counts::default());
        let io = &Io::counted(&card, &counts);
        let mut progress = Progress::default();
        let work = |time| {
            move || {
                io.read32(4);
                io.read32(4);
                io.write32(8, 1);
                io.sleep(Duration::from_micros(time));
                Ok(time)
            }
        };
        assert_eq!(progress.run(io, Stage::Gfw, work(5)), Ok(5));
        let longest = u64::from(u32::MAX) + 1;
        assert_eq!(progress.run(io, Stage::Vbios, work(longest)), Ok(longest));
        let entry = |stage, time| StageReport {
            stage,
            time: Duration::from_micros(time),
            reads: 2,
            writes: 1,
        };
        let expected = [entry(Stage::Gfw, 5), entry(Stage::Vbios, u32::MAX.into())];
        assert_eq!(progress.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_stage_fails_by_its_error_or_because_the_card_is_gone() {
        let card = Card::default();
        let io = &Io::new(&card);
        let fail = || {
            let failed = Progress::default().run(io, Stage::Gfw, || -> Result<(), _> {
                Err(RpcError::TooManyCalls.into())
            });
            failed.unwrap_err()
        };
        let failure = |error| Failure {
            stage: Stage::Gfw,
            error,
        };
        assert_eq!(fail(), failure(RpcError::TooManyCalls.into()));
        card.set(PmcBoot0::OFFSET, u32::MAX);
        assert_eq!(fail(), failure(Error::CardGone));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Time and register accesses of each stage.

use core::time::Duration;

use super::error::{Error, Failure};
use super::stage::Stage;
use crate::chip::identify::{card_gone, is_virtual};
use crate::mmio::{Counts, Io};

/// Time and register accesses of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The stage.
    pub stage: Stage,
    /// Duration in whole microseconds.
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

/// Time and register accesses up to now.
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

/// Creates the failure of a stage.
#[cold]
#[inline(never)]
fn failure(io: &Io<'_>, stage: Stage, error: Error) -> Failure {
    let error = match error {
        _ if card_gone(io) => Error::CardGone,
        // PMC_BOOT_1 of an unknown chip may mean something else.
        Error::UnknownChip(_) => error,
        _ if is_virtual(io) => Error::VirtualFunction,
        error => error,
    };
    Failure { stage, error }
}

/// Runs stages and records their time and register accesses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    stages: [Option<Entry>; Stage::BOOT],
}

impl Progress {
    /// Runs a stage. If it fails and the card is gone or a virtual function, the error says that instead.
    // Not inlined, so that a stage frees its stack space at its end: kernel stacks are small.
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

    /// Records the time and the accesses of a stage since `start`.
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
    use nova_hw::regs::pmc::{PmcBoot0, PmcBoot1};
    use std::vec::Vec;

    #[test]
    fn time_and_accesses_of_a_stage_are_recorded() {
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
    fn a_stage_fails_with_its_error_unless_the_card_is_the_cause() {
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
        // What a refused register gives has both bits of the field.
        card.set(PmcBoot1::OFFSET, 0xbadf_5040);
        assert_eq!(fail(), failure(RpcError::TooManyCalls.into()));
        card.set(PmcBoot1::OFFSET, 2 << 16);
        assert_eq!(fail(), failure(Error::VirtualFunction));
        card.set(PmcBoot0::OFFSET, u32::MAX);
        assert_eq!(fail(), failure(Error::CardGone));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A block of threads, which share memory and barriers.

use nova_hw::class::qmd::Qmd;

use super::super::engine::{Context, Exception, Progress};
use super::shared::Shared;
use super::warp::{State, Warp};
use super::{COST, LANES};

/// Instructions that a warp executes before the next one has its turn.
const SLICE: u32 = 256;

/// A block that runs.
#[derive(Debug)]
pub(super) struct Block {
    warps: Vec<Warp>,
    /// The warp whose turn it is.
    next: usize,
    memory: Vec<u8>,
}

impl Block {
    pub(super) fn new(qmd: &Qmd, index: [u32; 3]) -> Self {
        let threads: u32 = qmd.block.iter().product();
        let first = (0..threads).step_by(LANES);
        Self {
            warps: first.map(|first| Warp::new(qmd, index, first)).collect(),
            next: 0,
            memory: vec![0; qmd.shared_memory as usize],
        }
    }

    /// Executes until all threads have ended or the budget is used up.
    pub(super) fn run(
        &mut self,
        shared: &mut Shared,
        context: &mut Context<'_>,
    ) -> Result<Progress, Exception> {
        let mut blocked = 0;
        loop {
            let Some(warp) = self.warps.get_mut(self.next) else {
                self.next = 0;
                if blocked == self.warps.len() && !self.pass_barrier() {
                    return Ok(Progress::Done);
                }
                blocked = 0;
                continue;
            };
            for _ in 0..SLICE {
                let Some(left) = context.budget.checked_sub(COST) else {
                    return Ok(Progress::Unfinished);
                };
                if warp.step(shared, context, &mut self.memory)? == State::Blocked {
                    blocked += 1;
                    break;
                }
                context.budget = left;
            }
            self.next += 1;
        }
    }

    /// All threads that have not ended wait at the barrier, and go on; `false` if all have ended.
    fn pass_barrier(&mut self) -> bool {
        let mut is_passed = false;
        for warp in &mut self.warps {
            is_passed |= warp.pass_barrier();
        }
        is_passed
    }
}

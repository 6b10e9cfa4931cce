// SPDX-License-Identifier: GPL-2.0

//! Instructions that decide where a lane goes on.

use nova_hw::sass::{Control, INSTRUCTION_SIZE};

use super::super::engine::Exception;
use super::trap;
use super::warp::{lanes, mask_of, Sources, Wait, Warp, BARRIERS};

impl Warp {
    /// Executes an instruction in some lanes.
    pub(super) fn control(
        &mut self,
        control: &Control,
        active: u32,
        sources: &mut Sources<'_, '_>,
    ) -> Result<(), Exception> {
        match *control {
            Control::Branch {
                offset,
                condition,
                is_uniform,
            } => {
                let to = self.next_counter().wrapping_add_signed(offset);
                if to % INSTRUCTION_SIZE != 0 {
                    return Err(trap(format!("misaligned branch to {to:#x}")));
                }
                let branching = active & self.condition(condition, is_uniform);
                if branching != 0 {
                    self.branch(to, branching);
                }
            }
            Control::Exit { condition } => {
                let ending = active & self.condition(condition, false);
                if ending != 0 {
                    self.leave();
                    self.live &= !ending;
                    self.meet();
                }
            }
            Control::SetBarrier { barrier, condition } => {
                let members = active & self.condition(condition, false);
                self.set_barrier(barrier, members, |_| members);
            }
            Control::WaitBarrier { barrier, condition } => {
                let waiting = active & self.condition(condition, false);
                let masks = &self.barriers[usize::from(barrier) % BARRIERS];
                // Nearly always all are there together.
                if lanes(waiting).any(|lane| masks[lane] & self.live & !waiting != 0) {
                    self.wait(waiting, |_| Wait::Barrier(barrier));
                }
            }
            Control::Break { barrier, condition } => {
                let leaving = active & self.condition(condition, false);
                let masks = &mut self.barriers[usize::from(barrier) % BARRIERS];
                let left = lanes(leaving).map(|lane| masks[lane]).collect::<Vec<_>>();
                // Other lanes may have another barrier in the register.
                for mask in masks.iter_mut().filter(|mask| left.contains(mask)) {
                    *mask &= !leaving;
                }
                self.leave();
                self.meet();
            }
            Control::MoveFromBarrier {
                to,
                barrier,
                clears,
            } => {
                let masks = self.barriers[usize::from(barrier) % BARRIERS];
                self.set(to, &masks, false, active);
                if clears {
                    self.set_barrier(barrier, active, |_| 0);
                }
            }
            Control::MoveToBarrier { barrier, from } => {
                let masks = *self.register(from);
                self.set_barrier(barrier, active, |lane| masks[lane]);
            }
            Control::SynchronizeWarp { mask } => {
                let masks = self.operand(mask.operand, sources)?;
                self.wait(active, |lane| Wait::Lanes(masks[lane]));
            }
            Control::SynchronizeBlock => self.wait(active, |_| Wait::Block),
            Control::Nothing => {}
        }
        Ok(())
    }

    fn set_barrier(&mut self, barrier: u8, active: u32, mask: impl Fn(usize) -> u32) {
        let masks = &mut self.barriers[usize::from(barrier) % BARRIERS];
        for lane in lanes(active) {
            masks[lane] = mask(lane);
        }
    }

    fn wait(&mut self, waiting: u32, wait: impl Fn(usize) -> Wait) {
        if waiting == 0 {
            return;
        }
        self.leave();
        for lane in lanes(waiting) {
            self.waits[lane] = wait(lane);
        }
        self.meet();
    }

    /// Has those lanes go on that wait for none any more; `false` if there are none.
    pub(super) fn meet(&mut self) -> bool {
        let waits = |wait: Wait| mask_of(|lane| self.waits[lane] == wait) & self.live;
        let is_met = |lane: usize| match self.waits[lane] {
            // Lanes that have another barrier in the register have other members.
            Wait::Barrier(barrier) => {
                let masks = &self.barriers[usize::from(barrier) % BARRIERS];
                let members = |lane: usize| masks[lane] & self.live;
                let are_equal = mask_of(|other| members(other) == members(lane));
                members(lane) & !(waits(Wait::Barrier(barrier)) & are_equal) == 0
            }
            Wait::Lanes(mask) => mask & self.live & !waits(Wait::Lanes(mask)) == 0,
            Wait::None | Wait::Block => false,
        };
        let met = mask_of(is_met) & self.live;
        for lane in lanes(met) {
            self.waits[lane] = Wait::None;
        }
        met != 0
    }

    /// All threads of the block have come to the barrier: those of this warp go on. `false` if there
    /// are none.
    pub(super) fn pass_barrier(&mut self) -> bool {
        for lane in lanes(self.live) {
            self.waits[lane] = Wait::None;
        }
        self.live != 0
    }
}

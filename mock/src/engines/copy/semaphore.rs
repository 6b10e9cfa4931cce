// SPDX-License-Identifier: GPL-2.0

//! The semaphore that a launch releases.

use nova_hw::class::copy::{offset, Class, LaunchDma, Reduction, SemaphoreType};

use super::super::engine::{Context, Exception, Work};
use super::super::memory::{Address, MmuFault};
use super::super::reduction::{reduce, reduce_u32};
use super::report::{self, not_modelled, refused};
use super::state::State;

/// What is done when a launch has copied.
#[derive(Debug)]
pub(super) struct Release {
    at: Address,
    payload: u64,
    /// Bytes of the payload, 4 or 8.
    size: usize,
    how: How,
}

#[derive(Debug)]
enum How {
    Write,
    /// The payload is extended to 64 bits, and the time follows.
    WriteWithTime,
    Reduce {
        operation: u8,
        is_unsigned: bool,
    },
}

impl Release {
    /// What the channel has set; `None` if no semaphore is released.
    pub(super) fn new(state: &State, launch: LaunchDma) -> Result<Option<Self>, Exception> {
        let with_time = match launch.semaphore_type() {
            SemaphoreType::NONE => return Ok(None),
            SemaphoreType::ONE_WORD => false,
            SemaphoreType::FOUR_WORDS => true,
            _ => return Err(not_modelled("a semaphore with a conditional interrupt")),
        };
        let mut payload = state.get_u64(offset::SET_SEMAPHORE_PAYLOAD);
        let mut size = 4;
        if launch.semaphore_payload_is_two_words() {
            payload |= state.get_u64(offset::SET_SEMAPHORE_PAYLOAD_UPPER) << 32;
            size = 8;
        }
        let at = state.address(offset::SET_SEMAPHORE_A);
        let alignment = if with_time { 16 } else { size };
        if at % alignment as u64 != 0 {
            let what = format!("a semaphore of {alignment} bytes at {at:#x}");
            return Err(refused(report::INVALID_ALIGNMENT, what));
        }
        let how = if launch.semaphore_reduction_enable() {
            if with_time {
                return Err(not_modelled("a reduction with a time stamp"));
            }
            check(state.class, launch)?;
            How::Reduce {
                operation: launch.semaphore_reduction(),
                is_unsigned: launch.semaphore_reduction_is_unsigned(),
            }
        } else if with_time {
            How::WriteWithTime
        } else {
            How::Write
        };
        Ok(Some(Self {
            at: Address::Virtual(at),
            payload,
            size,
            how,
        }))
    }

    /// Releases the semaphore. Who sees the payload sees the time, too.
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<(), MmuFault> {
        let payload = self.payload.to_le_bytes();
        match self.how {
            How::Write => context.memory.write(self.at, &payload[..self.size])?,
            How::WriteWithTime => {
                let time = context.time.to_le_bytes();
                context.memory.write(self.at.plus(8), &time)?;
                context.memory.write(self.at, &payload)?;
            }
            How::Reduce {
                operation,
                is_unsigned,
            } => {
                let mut change = |old| match self.size {
                    4 => {
                        let (old, payload) = (old as u32, self.payload as u32);
                        reduce_u32(operation, is_unsigned, old, payload).into()
                    }
                    _ => reduce(operation, is_unsigned, old, self.payload),
                };
                context.memory.update(self.at, self.size, &mut change)?;
            }
        }
        context.work.push(self.work());
        Ok(())
    }

    fn work(&self) -> Work {
        let (at, payload) = (self.at, self.payload);
        match self.how {
            How::Reduce { .. } => Work::Reduce { at, payload },
            How::Write | How::WriteWithTime => Work::Release { at, payload },
        }
    }
}

/// Refuses a reduction that does not exist, or whose result is not known.
fn check(class: Class, launch: LaunchDma) -> Result<(), Exception> {
    let operation = launch.semaphore_reduction();
    match operation {
        Reduction::INC | Reduction::DEC if !launch.semaphore_reduction_is_unsigned() => {
            Err(not_modelled("a signed increment or decrement"))
        }
        Reduction::IMIN..=Reduction::DEC => Ok(()),
        Reduction::FMIN | Reduction::FMAX if class < Class::AmpereB => {
            let what = format!("{} has no reduction {operation:#x}", class.name());
            Err(refused(report::INVALID_VALUE, what))
        }
        Reduction::FADD | Reduction::FMIN | Reduction::FMAX => {
            if launch.semaphore_payload_is_two_words() {
                return Err(not_modelled("a floating-point reduction of 64 bits"));
            }
            Ok(())
        }
        _ => Err(refused(
            report::INVALID_VALUE,
            format!("reduction {operation:#x}"),
        )),
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Semaphores that are released.

use nova_hw::class::copy::Reduction;
use nova_hw::class::graphics::{ReductionFormat, ReductionOp};

use super::super::engine::{Context, Exception, Work};
use super::super::memory::{Address, MmuFault};
use super::super::reduction::{reduce, reduce_u32};
use super::error::{self, not_modelled, refused};

/// What a semaphore consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    /// A payload of 32 bits.
    OneWord,
    /// A payload of 64 bits.
    TwoWords,
    /// A payload of 64 bits, and the time.
    FourWords,
}

impl Structure {
    const fn size(self) -> usize {
        match self {
            Self::OneWord => 4,
            Self::TwoWords => 8,
            Self::FourWords => 16,
        }
    }

    /// The place of a semaphore; it is aligned to its size.
    pub(super) fn place(self, at: u64) -> Result<Address, Exception> {
        let size = self.size();
        if at % size as u64 != 0 {
            let what = format!("a semaphore of {size} bytes at {at:#x}");
            return Err(refused(error::INVALID_ALIGNMENT, what));
        }
        Ok(Address::Virtual(at))
    }
}

/// An operation on what a semaphore has.
#[derive(Clone, Copy, Debug)]
struct Reduce {
    /// A [`Reduction`].
    operation: u8,
    is_unsigned: bool,
}

/// A release that is to be done.
#[derive(Debug)]
pub(super) struct Release {
    at: Address,
    structure: Structure,
    payload: u64,
    reduce: Option<Reduce>,
}

impl Release {
    /// A release of a semaphore, which may be reduced with the payload: a [`ReductionOp`] and a
    /// [`ReductionFormat`].
    pub(super) fn new(
        at: u64,
        structure: Structure,
        payload: u64,
        reduction: Option<(u8, u8)>,
    ) -> Result<Self, Exception> {
        let at = structure.place(at)?;
        let reduce = match reduction {
            Some((operation, format)) => {
                if structure == Structure::FourWords {
                    return Err(not_modelled("a reduction with a time stamp"));
                }
                Some(Reduce::new(operation, format)?)
            }
            None => None,
        };
        Ok(Self {
            at,
            structure,
            payload,
            reduce,
        })
    }

    /// Releases the semaphore. Who sees the payload sees the time, too.
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<(), MmuFault> {
        let size = self.structure.size();
        let (at, payload) = (self.at, self.payload);
        if let Some(Reduce {
            operation,
            is_unsigned,
        }) = self.reduce
        {
            let mut change = |old| match size {
                4 => reduce_u32(operation, is_unsigned, old as u32, payload as u32).into(),
                _ => reduce(operation, is_unsigned, old, payload),
            };
            context.memory.update(at, size, &mut change)?;
            context.work.push(Work::Reduce { at, payload });
            return Ok(());
        }
        if self.structure == Structure::FourWords {
            let time = context.time.to_le_bytes();
            context.memory.write(at.plus(8), &time)?;
        }
        let bytes = &payload.to_le_bytes()[..size.min(8)];
        context.memory.write(at, bytes)?;
        context.work.push(Work::Release { at, payload });
        Ok(())
    }
}

impl Reduce {
    fn new(operation: u8, format: u8) -> Result<Self, Exception> {
        let is_unsigned = match format {
            ReductionFormat::UNSIGNED => true,
            ReductionFormat::SIGNED => false,
            other => {
                let what = format!("reduction of format {other}");
                return Err(refused(error::INVALID_ENUM, what));
            }
        };
        let operation = match operation {
            ReductionOp::ADD => Reduction::IADD,
            ReductionOp::MIN => Reduction::IMIN,
            ReductionOp::MAX => Reduction::IMAX,
            ReductionOp::INC | ReductionOp::DEC if !is_unsigned => {
                return Err(not_modelled("a signed increment or decrement"));
            }
            ReductionOp::INC => Reduction::INC,
            ReductionOp::DEC => Reduction::DEC,
            ReductionOp::AND => Reduction::IAND,
            ReductionOp::OR => Reduction::IOR,
            ReductionOp::XOR => Reduction::IXOR,
            other => {
                let what = format!("reduction {other}");
                return Err(refused(error::INVALID_ENUM, what));
            }
        };
        Ok(Self {
            operation,
            is_unsigned,
        })
    }
}

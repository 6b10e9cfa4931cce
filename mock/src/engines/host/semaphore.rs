// SPDX-License-Identifier: GPL-2.0

//! The host's semaphores.
//!
//! Source: open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt, `NV_UDMA_SEM_EXECUTE`, and
//! classes/host/clc46f.h, `NVC46F_SEMAPHORED`.

use nova_hw::class::host::{reduction, ChannelClass, SemExecute, SemaphoreD};

use super::error::Cause;
use crate::engines::engine::Work;
use crate::engines::memory::{Address, Memory, MmuFault};

/// Registers that the semaphore methods of both kinds set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Registers {
    pub(super) address_lo: u32,
    pub(super) address_hi: u32,
    pub(super) payload_lo: u32,
    pub(super) payload_hi: u32,
}

impl Registers {
    fn address(&self, class: ChannelClass) -> u64 {
        let bits = if class.has_wide_addresses() { 25 } else { 8 };
        let high = u64::from(self.address_hi) & ((1 << bits) - 1);
        high << 32 | u64::from(self.address_lo & !3)
    }

    fn payload(&self, is_64bit: bool) -> u64 {
        let high = if is_64bit { self.payload_hi } else { 0 };
        u64::from(high) << 32 | u64::from(self.payload_lo)
    }
}

/// What is done with a semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Acquire(Acquire),
    Release(Release),
}

/// When a semaphore is acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Equal,
    StrictGeq,
    CircularGeq,
    And,
    Nor,
}

/// A semaphore that is to have some value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acquire {
    address: u64,
    payload: u64,
    is_64bit: bool,
    condition: Condition,
}

impl Acquire {
    /// What the channel has done when it has acquired the semaphore.
    pub(super) fn acquired(&self) -> Work {
        Work::Acquire {
            at: Address::Virtual(self.address),
            payload: self.payload,
        }
    }

    /// What it does until then.
    pub(super) fn waits(&self) -> Work {
        Work::Wait {
            at: Address::Virtual(self.address),
            payload: self.payload,
        }
    }

    /// Looks once at the semaphore.
    pub(super) fn is_acquired(&self, memory: &mut dyn Memory) -> Result<bool, MmuFault> {
        let at = Address::Virtual(self.address);
        let payload = self.payload;
        let (value, difference) = if self.is_64bit {
            let value = memory.read_u64(at)?;
            (value, value.wrapping_sub(payload) as i64)
        } else {
            let value = memory.read_u32(at)?;
            let difference = value.wrapping_sub(payload as u32) as i32;
            (u64::from(value), i64::from(difference))
        };
        let all = if self.is_64bit {
            u64::MAX
        } else {
            u64::from(u32::MAX)
        };
        Ok(match self.condition {
            Condition::Equal => value == payload,
            Condition::StrictGeq => value >= payload,
            Condition::CircularGeq => difference >= 0,
            Condition::And => value & payload != 0,
            Condition::Nor => value | payload != all,
        })
    }
}

/// What a reduction computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    Min { is_signed: bool },
    Max { is_signed: bool },
    Xor,
    And,
    Or,
    Add,
    Inc,
    Dec,
}

impl Reduction {
    /// The reduction, if the hardware has it for such values.
    fn decode(number: u8, is_signed: bool, is_64bit: bool) -> Option<Self> {
        Some(match number {
            reduction::MIN => Self::Min { is_signed },
            reduction::MAX => Self::Max { is_signed },
            reduction::XOR => Self::Xor,
            reduction::AND => Self::And,
            reduction::OR => Self::Or,
            reduction::ADD if !(is_signed && is_64bit) => Self::Add,
            reduction::INC if !is_signed && !is_64bit => Self::Inc,
            reduction::DEC if !is_signed && !is_64bit => Self::Dec,
            _ => return None,
        })
    }

    /// The semaphore's next value; only the lower bits of the result count where values have 32.
    fn apply(self, value: u64, payload: u64, is_64bit: bool) -> u64 {
        let signed = |value: u64| match is_64bit {
            true => value as i64,
            false => i64::from(value as u32 as i32),
        };
        let is_less = |is_signed| match is_signed {
            true => signed(value) < signed(payload),
            false => value < payload,
        };
        match self {
            Self::Min { is_signed } if is_less(is_signed) => value,
            Self::Max { is_signed } if !is_less(is_signed) => value,
            Self::Min { .. } | Self::Max { .. } => payload,
            Self::Xor => value ^ payload,
            Self::And => value & payload,
            Self::Or => value | payload,
            Self::Add => value.wrapping_add(payload),
            Self::Inc if value >= payload => 0,
            Self::Inc => value + 1,
            Self::Dec if value == 0 || value > payload => payload,
            Self::Dec => value - 1,
        }
    }
}

/// A semaphore that gets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Release {
    address: u64,
    payload: u64,
    is_64bit: bool,
    has_time: bool,
    reduction: Option<Reduction>,
}

impl Release {
    /// What the channel has done when it has released the semaphore.
    pub(super) fn work(&self) -> Work {
        let (at, payload) = (Address::Virtual(self.address), self.payload);
        match self.reduction {
            Some(_) => Work::Reduce { at, payload },
            None => Work::Release { at, payload },
        }
    }

    /// Writes the time, then the value, so that who sees the value sees the time.
    pub(super) fn release(&self, memory: &mut dyn Memory, time: u64) -> Result<(), MmuFault> {
        let at = Address::Virtual(self.address);
        if self.has_time {
            memory.write(at.plus(8), &time.to_le_bytes())?;
        }
        let size = if self.is_64bit { 8 } else { 4 };
        match self.reduction {
            Some(reduction) => memory.update(at, size, &mut |value| {
                reduction.apply(value, self.payload, self.is_64bit)
            }),
            // With the time, the unused half is written as zero.
            None if self.has_time => memory.write(at, &self.payload.to_le_bytes()),
            None => memory.write(at, &self.payload.to_le_bytes()[..size]),
        }
    }
}

/// The operation of SEM_EXECUTE.
pub(super) fn execute(
    registers: &Registers,
    class: ChannelClass,
    data: u32,
) -> Result<Operation, Cause> {
    let fields = SemExecute::from(data);
    let is_64bit = fields.is_64bit();
    let acquire = |condition| Kind::Acquire(condition);
    let kind = match fields.operation() {
        SemExecute::ACQUIRE => acquire(Condition::Equal),
        SemExecute::ACQ_STRICT_GEQ => acquire(Condition::StrictGeq),
        SemExecute::ACQ_CIRC_GEQ => acquire(Condition::CircularGeq),
        SemExecute::ACQ_AND => acquire(Condition::And),
        SemExecute::ACQ_NOR => acquire(Condition::Nor),
        SemExecute::RELEASE => Kind::Release,
        SemExecute::REDUCTION => Kind::Reduction(fields.reduction()),
        _ => Kind::Unknown,
    };
    let form = Form {
        is_64bit,
        has_time: fields.release_timestamp(),
        is_signed: !fields.is_unsigned(),
    };
    decode(registers, class, data, kind, form)
}

/// The operation of SEMAPHORED.
///
/// ACQ_GEQ compares as ACQ_CIRC_GEQ does: drivers have always used it for counters that wrap.
pub(super) fn execute_old(
    registers: &Registers,
    class: ChannelClass,
    data: u32,
) -> Result<Operation, Cause> {
    let fields = SemaphoreD::from(data);
    let kind = match fields.operation() {
        SemaphoreD::ACQUIRE => Kind::Acquire(Condition::Equal),
        SemaphoreD::ACQ_GEQ => Kind::Acquire(Condition::CircularGeq),
        SemaphoreD::ACQ_AND => Kind::Acquire(Condition::And),
        SemaphoreD::RELEASE => Kind::Release,
        SemaphoreD::REDUCTION => Kind::Reduction(fields.reduction()),
        _ => Kind::Unknown,
    };
    let form = Form {
        is_64bit: false,
        has_time: !fields.release_4byte(),
        is_signed: !fields.is_unsigned(),
    };
    decode(registers, class, data, kind, form)
}

enum Kind {
    Acquire(Condition),
    Release,
    Reduction(u8),
    Unknown,
}

struct Form {
    is_64bit: bool,
    has_time: bool,
    is_signed: bool,
}

fn decode(
    registers: &Registers,
    class: ChannelClass,
    data: u32,
    kind: Kind,
    form: Form,
) -> Result<Operation, Cause> {
    let Form {
        is_64bit,
        has_time,
        is_signed,
    } = form;
    let address = registers.address(class);
    let payload = registers.payload(is_64bit);
    let bad = |reason| Cause::Semaphore {
        address,
        data,
        reason,
    };
    if is_64bit && address % 8 != 0 {
        return Err(bad("64 bits need an address that is a multiple of 8"));
    }
    let reduction = match kind {
        Kind::Acquire(condition) => {
            return Ok(Operation::Acquire(Acquire {
                address,
                payload,
                is_64bit,
                condition,
            }))
        }
        Kind::Release => None,
        Kind::Reduction(number) => match Reduction::decode(number, is_signed, is_64bit) {
            None => return Err(bad("no such reduction")),
            reduction => reduction,
        },
        Kind::Unknown => return Err(bad("no such operation")),
    };
    if has_time && address % 16 != 0 {
        return Err(bad("the time needs an address that is a multiple of 16"));
    }
    Ok(Operation::Release(Release {
        address,
        payload,
        is_64bit,
        has_time,
        reduction,
    }))
}

// SPDX-License-Identifier: GPL-2.0

//! The methods that release semaphores, acquire them and report.

use nova_hw::class::graphics::{
    offset, ComputeReportSemaphoreExecute, Generation, Report, ReportSemaphoreD,
    ReportSemaphoreExecute, SemaphoreOperation, StructureSize,
};

use super::super::engine::{Context, Exception, Progress, Work};
use super::error::{self, check_bits, not_modelled, refused};
use super::semaphore::{Release, Structure};
use super::state::State;

/// What a method asks for, whichever form it has.
#[derive(Debug)]
pub(super) struct Request {
    generation: Generation,
    /// A [`SemaphoreOperation`].
    operation: u8,
    /// A [`Report`].
    report: u8,
    at: u64,
    structure: Structure,
    payload: u64,
    /// The payload has 64 bits.
    is_long: bool,
    /// Operation and format.
    reduction: Option<(u8, u8)>,
    traps: bool,
    awaken: bool,
}

impl Request {
    /// `SET_REPORT_SEMAPHORE_D` of a 3D class.
    pub(super) fn three_d(state: &State, data: u32) -> Result<Self, Exception> {
        check_bits("SET_REPORT_SEMAPHORE_D", data, ReportSemaphoreD::DEFINED)?;
        Ok(Self::old(state, data.into()))
    }

    /// `SET_REPORT_SEMAPHORE_D` of a compute class, which only releases.
    pub(super) fn compute(state: &State, data: u32) -> Result<Self, Exception> {
        let defined = ReportSemaphoreD::DEFINED_COMPUTE;
        check_bits("SET_REPORT_SEMAPHORE_D", data, defined)?;
        let request = Self::old(state, data.into());
        match request.operation {
            SemaphoreOperation::RELEASE | SemaphoreOperation::TRAP => Ok(request),
            other => Err(refused(error::INVALID_ENUM, format!("operation {other}"))),
        }
    }

    fn old(state: &State, data: ReportSemaphoreD) -> Self {
        let (upper, lower) = (
            offset::SET_REPORT_SEMAPHORE_A,
            offset::SET_REPORT_SEMAPHORE_B,
        );
        let reduction = (data.reduction_op(), data.reduction_format());
        Self {
            generation: state.class.generation(),
            operation: data.operation(),
            report: data.report(),
            at: state.semaphore(upper, lower),
            structure: match data.is_one_word() {
                true => Structure::OneWord,
                false => Structure::FourWords,
            },
            payload: state.get_u64(offset::SET_REPORT_SEMAPHORE_C),
            is_long: false,
            reduction: data.reduction_enable().then_some(reduction),
            traps: data.conditional_trap(),
            awaken: data.awaken_enable(),
        }
    }

    /// `REPORT_SEMAPHORE_EXECUTE` of a 3D class.
    pub(super) fn three_d_execute(state: &State, data: u32) -> Result<Self, Exception> {
        let defined = ReportSemaphoreExecute::DEFINED;
        check_bits("REPORT_SEMAPHORE_EXECUTE", data, defined)?;
        let data = ReportSemaphoreExecute::from(data);
        let reduction = (data.reduction_op(), data.reduction_format());
        Ok(Self {
            operation: data.operation(),
            report: data.report(),
            reduction: data.reduction_enable().then_some(reduction),
            traps: data.trap_type() != 0,
            awaken: data.awaken_enable(),
            ..Self::new(state, data.structure_size(), data.payload_is_64_bits())?
        })
    }

    /// `REPORT_SEMAPHORE_EXECUTE` of a compute class.
    pub(super) fn compute_execute(state: &State, data: u32) -> Result<Self, Exception> {
        let defined = ComputeReportSemaphoreExecute::DEFINED;
        check_bits("REPORT_SEMAPHORE_EXECUTE", data, defined)?;
        let data = ComputeReportSemaphoreExecute::from(data);
        let reduction = (data.reduction_op(), data.reduction_format());
        Ok(Self {
            operation: data.operation(),
            reduction: data.reduction_enable().then_some(reduction),
            traps: data.trap_type() != 0,
            awaken: data.awaken_enable(),
            ..Self::new(state, data.structure_size(), data.payload_is_64_bits())?
        })
    }

    /// A release of the semaphore that `REPORT_SEMAPHORE_EXECUTE` is about.
    fn new(state: &State, size: u8, is_long: bool) -> Result<Self, Exception> {
        let structure = match (size, is_long) {
            (StructureSize::FOUR_WORDS, _) => Structure::FourWords,
            (StructureSize::ONE_WORD, false) => Structure::OneWord,
            (StructureSize::TWO_WORDS, true) => Structure::TwoWords,
            (StructureSize::ONE_WORD | StructureSize::TWO_WORDS, _) => {
                return Err(not_modelled(
                    "a payload that has another size than its semaphore",
                ));
            }
            _ => return Err(refused(error::INVALID_ENUM, format!("structure {size}"))),
        };
        let (upper, lower) = (
            offset::SET_REPORT_SEMAPHORE_ADDRESS_UPPER,
            offset::SET_REPORT_SEMAPHORE_ADDRESS_LOWER,
        );
        let payload = match is_long {
            true => state.get_halves(
                offset::SET_REPORT_SEMAPHORE_PAYLOAD_UPPER,
                offset::SET_REPORT_SEMAPHORE_PAYLOAD_LOWER,
            ),
            false => state.get_u64(offset::SET_REPORT_SEMAPHORE_PAYLOAD_LOWER),
        };
        Ok(Self {
            generation: state.class.generation(),
            operation: SemaphoreOperation::RELEASE,
            report: Report::NONE,
            at: state.semaphore(upper, lower),
            structure,
            payload,
            is_long,
            reduction: None,
            traps: false,
            awaken: false,
        })
    }

    /// Does it.
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        if self.traps || self.operation == SemaphoreOperation::TRAP {
            return Err(not_modelled("a trap"));
        }
        if !Report::is_defined(self.generation, self.report) {
            let what = format!("report {:#x}", self.report);
            return Err(refused(error::INVALID_ENUM, what));
        }
        match self.operation {
            SemaphoreOperation::ACQUIRE => self.acquire(context)?,
            SemaphoreOperation::REPORT_ONLY => self.report()?.run(context)?,
            _ => self.release()?.run(context)?,
        }
        context.interrupt |= self.awaken;
        Ok(Progress::Done)
    }

    fn release(&self) -> Result<Release, Exception> {
        if self.report != Report::NONE {
            return Err(not_modelled("a release with a report"));
        }
        Release::new(self.at, self.structure, self.payload, self.reduction)
    }

    /// The report as a semaphore that is released.
    fn report(&self) -> Result<Release, Exception> {
        if self.reduction.is_some() || self.structure != Structure::FourWords {
            return Err(not_modelled("a report without a time stamp"));
        }
        let words = match self.report {
            // The payload, a counter of 32 bits, and the time.
            Report::NONE | Report::ZPASS_PIXEL_CNT if !self.is_long => self.payload,
            // A counter of 64 bits, and the time.
            report if Report::is_counter(report) => 0,
            report => return Err(not_modelled(format!("report {report:#x}"))),
        };
        Release::new(self.at, self.structure, words, None)
    }

    /// Completes if the semaphore has the payload, which fulfils each comparison.
    fn acquire(&self, context: &mut Context<'_>) -> Result<(), Exception> {
        if self.report != Report::NONE || self.reduction.is_some() {
            return Err(not_modelled("to acquire and report or reduce a semaphore"));
        }
        let at = self.structure.place(self.at)?;
        let value = match self.is_long {
            true => context.memory.read_u64(at)?,
            false => context.memory.read_u32(at)?.into(),
        };
        if value != self.payload {
            let what = format!(
                "to wait for the semaphore at {:#x}: {value:#x}, not {:#x}",
                self.at, self.payload
            );
            return Err(not_modelled(what));
        }
        let payload = self.payload;
        context.work.push(Work::Acquire { at, payload });
        Ok(())
    }
}

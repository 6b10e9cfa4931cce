// SPDX-License-Identifier: GPL-2.0

//! Why the host stops a channel.

use nova_hw::class::host::{exception, method};
use thiserror::Error;

use crate::engines::engine::Exception;
use crate::engines::memory::MmuFault;

/// What was wrong. In brackets: the interrupt that tells GSP-RM.
///
/// Source: open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt, `NV_PPBDMA_INTR_0` and
/// `NV_PPBDMA_INTR_1`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Cause {
    #[error("MMU fault: {:?} of {:x?}: {:?}", .0.access, .0.address, .0.reason)]
    Fault(MmuFault),
    /// GPFIFO.
    #[error("the GPFIFO does not end within the address space")]
    GpFifo,
    /// GPPTR.
    #[error("GP_PUT is {put:#x} with {entries:#x} entries")]
    GpPointer { put: u32, entries: u32 },
    /// GPENTRY.
    #[error("bad entry {entry:#018x}: {reason}")]
    GpEntry { entry: u64, reason: &'static str },
    /// GPCRC.
    #[error("the entries have CRC {found:#010x}, not {expected:#010x}")]
    GpCrc { found: u32, expected: u32 },
    /// PBCRC.
    #[error("the segment has CRC {found:#010x}, not {expected:#010x}")]
    PbCrc { found: u32, expected: u32 },
    /// PBENTRY.
    #[error("bad header {header:#010x}: {reason}")]
    PbEntry { header: u32, reason: &'static str },
    /// PBSEG.
    #[error("a conditional segment begins with the data of an earlier header")]
    PbSegment,
    /// METHOD.
    #[error("method {method:#x} ({}) with {data:#x}: {reason}", method_name(*.method))]
    Method {
        method: u32,
        data: u32,
        reason: &'static str,
    },
    /// DEVICE.
    #[error("method {method:#x} of software on subchannel {subchannel}")]
    Device { subchannel: u8, method: u32 },
    /// SEMAPHORE.
    #[error("bad semaphore operation {data:#010x} at {address:#x}: {reason}")]
    Semaphore {
        address: u64,
        data: u32,
        reason: &'static str,
    },
    /// CTXNOTVALID.
    #[error("method {method:#x} on subchannel {subchannel} without an object")]
    NoObject { subchannel: u8, method: u32 },
    /// The engine has no context to switch to.
    #[error("class {class:#06x} on a channel without a graphics context")]
    NoContext { class: u16 },
    /// HCE_ILLEGAL_CLASS for copy engines.
    #[error("class {class:#06x} on a subchannel with class {object:#06x}")]
    Class { class: u16, object: u16 },
    /// An engine has refused a method.
    #[error("class {class:#06x}, method {method:#x} with {data:#x}: {reason}")]
    Engine {
        class: u16,
        method: u32,
        data: u32,
        reason: String,
    },
    /// A program has stopped.
    #[error("class {class:#06x}, method {method:#x} with {data:#x}: program: {reason}")]
    Program {
        class: u16,
        method: u32,
        data: u32,
        reason: String,
    },
    #[error("not modelled: {what}")]
    NotModelled { what: String },
    /// CTXSW_TIMEOUT of `NV_RUNLIST_INTR_0` (open-gpu-kernel-modules 570, dev_runlist.h of GA100).
    #[error("the engine was not given to the next channel in time")]
    SwitchTimeout,
    /// Memory has an uncorrectable error.
    #[error("uncorrectable error of memory (ECC)")]
    Ecc,
    /// The card or GSP-RM wanted it.
    #[error("stopped by request")]
    Requested,
}

fn method_name(method: u32) -> &'static str {
    method::name(method).unwrap_or("none")
}

/// What is to end a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) cause: Cause,
    /// The engine that was at fault (`NV2080_ENGINE_TYPE_*`), if it was not the host.
    pub(crate) engine: Option<u32>,
    /// `ROBUST_CHANNEL_*`.
    pub(crate) exception: u32,
}

impl Stop {
    /// An engine has stopped while it executed a method; other errors than faults are `exception`.
    pub(super) fn of_engine(
        failed: Exception,
        (class, method, data): (u16, u32, u32),
        engine: u32,
        exception: u32,
    ) -> Self {
        let (cause, exception) = match failed {
            Exception::Fault(fault) => (Cause::Fault(fault), exception::FIFO_ERROR_MMU_ERR_FLT),
            Exception::Method { reason } => {
                let cause = Cause::Engine {
                    class,
                    method,
                    data,
                    reason,
                };
                (cause, exception)
            }
            Exception::Program { reason } => {
                let cause = Cause::Program {
                    class,
                    method,
                    data,
                    reason,
                };
                (cause, exception::GR_EXCEPTION)
            }
            Exception::NotModelled { what } => (Cause::NotModelled { what }, exception),
        };
        Self {
            cause,
            engine: Some(engine),
            exception,
        }
    }
}

impl From<Cause> for Stop {
    /// The host itself has found the error.
    fn from(cause: Cause) -> Self {
        let exception = match cause {
            Cause::Fault(_) => exception::FIFO_ERROR_MMU_ERR_FLT,
            Cause::PbCrc { .. } => exception::PBDMA_PUSHBUFFER_CRC_MISMATCH,
            _ => exception::PBDMA_ERROR,
        };
        Self {
            cause,
            engine: None,
            exception,
        }
    }
}

impl From<MmuFault> for Stop {
    fn from(fault: MmuFault) -> Self {
        Cause::Fault(fault).into()
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What an error of a channel means: why the channel was lost, whose fault it is, and what kind of
//! access the page tables did not permit.
//!
//! GSP-RM does not tell what the access was, a read or a write; nor does release 535.113.01 tell the
//! address.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/nverror.h; open-gpu-doc,
//! manuals/turing/tu104/dev_fault.ref.txt.

use nova_hw::chipset::Architecture;
use nova_hw::class::host::exception;
use nova_hw::gmmu::fault;

use crate::gsp::events::{ChannelError, MmuFault};

/// Why GSP-RM has stopped a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An access that the page tables do not permit.
    MmuFault,
    /// Another error of the engine or of the host.
    EngineError,
    /// The engine did not get to an end.
    Timeout,
}

/// Whether the channel's own work is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// It is.
    Guilty,
    /// It is not.
    Innocent,
    /// That is not known.
    Unknown,
}

/// What kind of access the page tables did not permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing is mapped there.
    Unmapped,
    /// A write to a mapping that is read-only.
    ReadOnly,
    /// The mapping is for privileged accesses.
    Privilege,
    /// The address is beyond the address space.
    Limit,
    /// The access does not fit the kind of the pages.
    Kind,
    /// The access cannot reach this kind of memory.
    Aperture,
    /// An atomic access that the mapping does not allow.
    Atomic,
    /// The memory is damaged.
    Poison,
    /// Compressed data cannot be read.
    Compression,
    /// Anything else.
    Other,
}

impl ChannelError {
    /// Why the channel was stopped.
    pub fn reason(&self) -> Reason {
        match self.xid {
            exception::FIFO_ERROR_MMU_ERR_FLT => Reason::MmuFault,
            exception::CTXSW_TIMEOUT_ERROR => Reason::Timeout,
            _ => Reason::EngineError,
        }
    }

    /// Whose fault it is. An error of memory, or of another channel in the group, strikes whoever is
    /// there.
    pub fn blame(&self) -> Blame {
        match self.xid {
            exception::PREEMPTIVE_REMOVAL
            | exception::GPU_ECC_DBE
            | exception::CONTAINED_ERROR
            | exception::UNCONTAINED_ERROR => Blame::Innocent,
            exception::RESETCHANNEL_VERIF_ERROR => Blame::Unknown,
            _ => Blame::Guilty,
        }
    }
}

impl MmuFault {
    /// What kind of access it was, on a chip of this architecture.
    pub fn kind(&self, arch: Architecture) -> FaultKind {
        use Architecture::{BlackwellGb10x, BlackwellGb20x};
        match self.kind {
            fault::PDE | fault::PTE => FaultKind::Unmapped,
            fault::VA_LIMIT_VIOLATION => FaultKind::Limit,
            fault::PRIV_VIOLATION => FaultKind::Privilege,
            fault::RO_VIOLATION => FaultKind::ReadOnly,
            fault::PITCH_MASK_VIOLATION | fault::UNSUPPORTED_KIND => FaultKind::Kind,
            fault::UNSUPPORTED_APERTURE | fault::REGION_VIOLATION => FaultKind::Aperture,
            // Blackwell has this number for something else.
            fault::COMPRESSION_FAILURE if !matches!(arch, BlackwellGb10x | BlackwellGb20x) => {
                FaultKind::Compression
            }
            fault::POISONED => FaultKind::Poison,
            fault::ATOMIC_VIOLATION => FaultKind::Atomic,
            _ => FaultKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_a_reason_and_somebody_to_blame() {
        for (xid, reason, blame) in [
            (31, Reason::MmuFault, Blame::Guilty),
            (32, Reason::EngineError, Blame::Guilty),
            (41, Reason::EngineError, Blame::Guilty),
            (43, Reason::EngineError, Blame::Unknown),
            (45, Reason::EngineError, Blame::Innocent),
            (94, Reason::EngineError, Blame::Innocent),
            (109, Reason::Timeout, Blame::Guilty),
        ] {
            let error = ChannelError {
                xid,
                ..ChannelError::default()
            };
            assert_eq!((error.reason(), error.blame()), (reason, blame), "{xid}");
        }
    }

    #[test]
    fn faults_have_kinds() {
        use FaultKind::*;
        let kinds = [
            Unmapped,
            Other,
            Unmapped,
            Limit,
            Other,
            Privilege,
            ReadOnly,
            Other,
            Kind,
            Other,
            Aperture,
            Compression,
            Kind,
            Aperture,
            Poison,
            Atomic,
            Other,
        ];
        let kind = |kind, arch| MmuFault { address: 0, kind }.kind(arch);
        for (number, expected) in (0..).zip(kinds) {
            assert_eq!(kind(number, Architecture::Ada), expected, "{number:#x}");
        }
        assert_eq!(kind(0xb, Architecture::BlackwellGb20x), Other);
        assert_eq!(kind(0x6, Architecture::BlackwellGb20x), ReadOnly);
    }
}

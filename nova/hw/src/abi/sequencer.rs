// SPDX-License-Identifier: GPL-2.0

//! GSP_RUN_CPU_SEQUENCER: register accesses that GSP-RM requests from the CPU. The list consists of
//! 32-bit words: an opcode, its arguments, the next opcode.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Start of the payload, followed by the list; `rpc_run_cpu_sequencer_v17_00`.
///
/// Source: src/nvidia/generated/g_rpc-structures.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct RunCpuSequencer {
    /// Capacity of the list in words.
    pub buffer_size_dword: u32,
    /// Length of the list in words.
    pub cmd_index: u32,
    /// Slots of [`SequencerOpcode::RegStore`].
    pub reg_save_area: [u32; Self::SLOTS as usize],
}

layout!(RunCpuSequencer: 40, reg_save_area @ 8);

impl RunCpuSequencer {
    /// Slots of [`SequencerOpcode::RegStore`].
    pub const SLOTS: u32 = 8;
}

/// An opcode; its documentation has its arguments in the order of the words.
///
/// Source: src/nvidia/arch/nvalloc/common/inc/rmgspseq.h; for units,
/// `kgspExecuteSequencerBuffer_IMPL` in src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SequencerOpcode {
    /// Writes a register: offset, value.
    RegWrite = 0,
    /// Replaces bits of a register: offset, mask, value in place.
    RegModify = 1,
    /// Reads a register until bits have a value: offset, mask, value in place, time-out in
    /// microseconds (0 for the driver's own), error code that identifies the place in GSP-RM.
    RegPoll = 2,
    /// Waits: microseconds.
    DelayUs = 3,
    /// Reads a register into a slot: offset, slot.
    RegStore = 4,
    /// Resets the GSP and selects its falcon core.
    CoreReset = 5,
    /// Starts the falcon.
    CoreStart = 6,
    /// Waits for the falcon to halt.
    CoreWaitForHalt = 7,
    /// Resets the GSP, selects its RISC-V core, and has SEC2 start GSP-RM again.
    CoreResume = 8,
}

impl SequencerOpcode {
    /// All opcodes, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::RegWrite,
        Self::RegModify,
        Self::RegPoll,
        Self::DelayUs,
        Self::RegStore,
        Self::CoreReset,
        Self::CoreStart,
        Self::CoreWaitForHalt,
        Self::CoreResume,
    ];

    /// The opcode with this number.
    pub fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(raw).ok()?).copied()
    }

    /// Number of argument words.
    pub const fn arguments(self) -> usize {
        match self {
            Self::RegWrite | Self::RegStore => 2,
            Self::RegModify => 3,
            Self::RegPoll => 5,
            Self::DelayUs => 1,
            Self::CoreReset | Self::CoreStart | Self::CoreWaitForHalt | Self::CoreResume => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SequencerOpcode;

    #[test]
    fn every_opcode_is_found_by_its_number() {
        for (number, opcode) in (0..).zip(SequencerOpcode::ALL) {
            assert_eq!(opcode as u32, number);
            assert_eq!(SequencerOpcode::from_raw(number), Some(opcode));
        }
        assert_eq!(SequencerOpcode::from_raw(9), None);
    }
}

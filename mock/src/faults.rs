// SPDX-License-Identifier: GPL-2.0

//! Ways in which the card can be broken, for tests of drivers.
//!
//! [`table`] has the name of each fault and what a real card does in that state; [`Faults`] holds
//! those that were injected into a card. Not here: the effect of a fault, which is in the code that
//! the fault breaks.

use std::time::Duration;

use crate::block_id::FalconId;

pub(crate) use table::number;
pub use table::{list, Argument, FaultError, NamedFault, FAULTS};

mod table;

/// A way in which the card misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Fault {
    /// The card falls off the bus after a number of accesses: reads give all ones.
    CardGone {
        /// Accesses that still work, counted from when the fault was injected.
        after: u64,
    },
    /// The link is lost for this long.
    LinkLost(Duration),
    /// The card is a virtual function.
    VirtualFunction,
    /// The registers answer this long after a reset.
    SlowReset(Duration),
    /// The registers do not answer after a reset.
    ResetWithoutMemory,
    /// Nothing answers after a reset.
    DeadlyReset,
    /// The VBIOS cannot be read.
    PromGarbage,
    /// The VBIOS cannot be read until the next reset.
    PromFlaky,
    /// The fuses accept nothing older than this version of each program.
    FuseVersion(u32),
    /// WPR2 is set up now, until booter unload or a reset removes it.
    Wpr2Up,
    /// The GFW never reports that it has completed.
    GfwNeverDone,
    /// The GFW gets stuck with this progress.
    GfwStuck(u8),
    /// The GFW never completes after a reset of the function.
    GfwHungByReset,
    /// A falcon's memories are never scrubbed after a reset.
    ScrubbingNeverDone(FalconId),
    /// A falcon never switches between its cores.
    CoreNeverSelected(FalconId),
    /// A falcon's DMA never becomes idle.
    DmaNeverIdle(FalconId),
    /// A falcon's program runs for ever.
    NeverHalts(FalconId),
    /// FWSEC-FRTS fails with this code in scratch register 0xE.
    FrtsError(u16),
    /// FWSEC-FRTS sets WPR2 up this many bytes away from the requested address.
    FrtsMisplaced(i64),
    /// FWSEC-FRTS reports success without setting WPR2 up.
    FrtsSilent,
    /// FWSEC-SB fails with this code in scratch register 0x15.
    SbError(u16),
    /// Booter ends with this code in its mailbox.
    BooterError(u32),
    /// Booter unload ends with this code in its mailbox.
    BooterUnloadError(u32),
    /// Booter unload reports success without removing WPR2.
    BooterUnloadSilent,
    /// Booter reports success and the GSP's RISC-V core does not start.
    RiscvNeverActive,
    /// The FSP refuses every command with this code.
    FspError(u32),
    /// The FSP refuses chains of trust until the next reset.
    FspFlaky,
    /// The word at this byte of the FSP's answers has these bits changed.
    FspReplyAt {
        /// Bytes from the start of the packet.
        offset: usize,
        /// Bits that are changed.
        xor: u32,
    },
    /// The FSP's answers have this many bytes.
    FspReplyLength(usize),
    /// The FSP never answers.
    FspSilent,
    /// The FMC never lifts the lockdown of the GSP's registers.
    LockdownNeverReleased,
    /// The FMC ends with this code in its mailbox.
    FmcError(u32),
    /// The FMC fails until the next reset.
    FmcFlaky,
    /// GSP-RM never sends GSP_RUN_CPU_SEQUENCER.
    NoSequencer,
    /// GSP-RM's sequencer list has an operation that does not exist.
    BadSequencerOpcode,
    /// The sequencer waits for a register value that never comes.
    SequencerPollNeverMet,
    /// GSP-RM sends another list before it answers the next request to free an object.
    ListBeforeFree,
    /// SEC2 never sets the handoff bit in `CORE_RESUME` of the CPU sequencer.
    CoreResumeNeverDone,
    /// SEC2 reports this error in `CORE_RESUME` of the CPU sequencer.
    CoreResumeError(u32),
    /// GSP-RM never sends GSP_INIT_DONE.
    NoInitDone,
    /// GSP-RM sends GSP_INIT_DONE with this status.
    InitDoneError(u32),
    /// GSP-RM crashes before it would send GSP_INIT_DONE.
    InitCrash,
    /// Messages from the GSP carry a wrong checksum.
    BadChecksum,
    /// Messages from the GSP claim to be this many bytes long.
    BadLength(u32),
    /// Messages from the GSP claim to take this many elements.
    BadElementCount(u32),
    /// Messages from the GSP carry wrong sequence numbers.
    BadSequence,
    /// Messages from the GSP carry a wrong signature.
    BadSignature,
    /// The GSP answers no command.
    NoReply,
    /// The GSP delays its answer to one command by this long, and answers all others at once.
    LateReply(Duration),
    /// The GSP refuses every command with this status.
    ReplyError(u32),
    /// GSP-RM refuses one allocation of an object.
    AllocRefused {
        /// Allocations that it still serves, counted from when the fault was injected.
        after: u64,
        /// The NV_STATUS.
        status: u32,
    },
    /// The GSP puts its write pointer outside of its ring.
    BadWritePointer(u32),
    /// The GSP puts its read pointer outside of the driver's ring.
    BadReadPointer(u32),
    /// GSP-RM acknowledges the unload and then does not end.
    NeverEnds,
    /// The GSP raises no interrupt.
    NoInterrupt,
    /// The GSP's interrupts are delayed by this long.
    LateInterrupt(Duration),
    /// GSP-RM crashes: its processor stops during a call.
    GspCrash {
        /// Calls that it still serves, counted from INIT_DONE.
        after: u64,
    },
    /// The GSP's processor stops now.
    GspStops,
    /// An engine never completes the next method with this number.
    EngineHangs(u16),
    /// The next non-stall interrupt of an engine is lost.
    NoNonStall,
    /// GSP-RM stops the next channel that has work, with this number (Xid).
    ChannelError(u32),
    /// The next channel that has work meets an uncorrectable error of memory, whose effects stay within
    /// its address space.
    EccContained,
    /// The next channel that has work meets an uncorrectable error of memory that concerns all.
    EccUncontained,
}

/// The faults that were injected into a card and not repaired yet.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the card has exactly this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// Ends a fault.
    pub(crate) fn end(&mut self, fault: Fault) {
        self.0.retain(|other| *other != fault);
    }

    /// The status with which GSP-RM refuses allocation `index` since its start.
    pub(crate) fn alloc_refused(&self, index: u64) -> Option<u32> {
        self.iter().find_map(|fault| match fault {
            Fault::AllocRefused { after, status } if after == index => Some(status),
            _ => None,
        })
    }

    /// Ends the refusals of what were the first `count` allocations since GSP-RM's start.
    pub(crate) fn end_alloc_refused(&mut self, count: u64) {
        let is_over =
            |fault: &Fault| matches!(fault, Fault::AllocRefused { after, .. } if *after < count);
        self.0.retain(|fault| !is_over(fault));
    }

    /// All of them, in the order in which they were injected.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Fault> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
    }
}

/// Methods that return the value of a fault if the card has it; the first one injected counts.
macro_rules! values {
    ($($name:ident: $fault:pat => $value:ident: $type:ty,)*) => {
        impl Faults {
            $(pub(crate) fn $name(&self) -> Option<$type> {
                self.iter().find_map(|fault| match fault {
                    $fault => Some($value),
                    _ => None,
                })
            })*
        }
    };
}

values! {
    gone_after: Fault::CardGone { after } => after: u64,
    gfw_stuck: Fault::GfwStuck(progress) => progress: u8,
    fuse_version: Fault::FuseVersion(version) => version: u32,
    frts_error: Fault::FrtsError(code) => code: u16,
    frts_misplaced: Fault::FrtsMisplaced(by) => by: i64,
    sb_error: Fault::SbError(code) => code: u16,
    booter_error: Fault::BooterError(code) => code: u32,
    booter_unload_error: Fault::BooterUnloadError(code) => code: u32,
    fsp_error: Fault::FspError(code) => code: u32,
    fsp_reply_length: Fault::FspReplyLength(len) => len: usize,
    fmc_error: Fault::FmcError(code) => code: u32,
    core_resume_error: Fault::CoreResumeError(code) => code: u32,
    init_done_error: Fault::InitDoneError(status) => status: u32,
    message_length: Fault::BadLength(len) => len: u32,
    message_elements: Fault::BadElementCount(count) => count: u32,
    reply_error: Fault::ReplyError(status) => status: u32,
    late_reply: Fault::LateReply(by) => by: Duration,
    write_pointer: Fault::BadWritePointer(value) => value: u32,
    read_pointer: Fault::BadReadPointer(value) => value: u32,
    interrupt_delay: Fault::LateInterrupt(by) => by: Duration,
    crash_after: Fault::GspCrash { after } => after: u64,
    engine_hangs: Fault::EngineHangs(method) => method: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_has_the_faults_that_were_injected_and_not_repaired() {
        let mut faults: Faults = [Fault::FspSilent, Fault::BooterError(7)]
            .into_iter()
            .collect();
        faults.add(Fault::BooterError(8));
        assert!(faults.has(Fault::FspSilent) && !faults.has(Fault::NoReply));
        assert_eq!(faults.booter_error(), Some(7));
        assert_eq!(faults.booter_unload_error(), None);
        faults.end(Fault::FspSilent);
        assert!(!faults.has(Fault::FspSilent));
        faults.clear();
        assert_eq!(faults.booter_error(), None);
    }
}

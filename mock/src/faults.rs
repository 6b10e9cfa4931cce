// SPDX-License-Identifier: GPL-2.0

//! Ways in which the card can be broken, for tests of drivers.
//!
//! [`table`] has their names and says what a real card does then.

use std::time::Duration;

use crate::block::Engine;

pub(crate) use table::number;
pub use table::{list, Argument, FaultError, NamedFault, FAULTS};

mod table;

/// One way in which the card does not behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Fault {
    /// The card falls off the bus after so many register accesses: reads give all ones.
    CardGone {
        /// Register accesses that still work, counted from when the fault was injected.
        after: u64,
    },
    /// The fuses accept nothing older than this version of each program.
    FuseVersion(u32),
    /// WPR2 is up whenever the card comes out of a reset, and from now on.
    Wpr2Up,
    /// The GFW never reports that it is through.
    GfwNeverDone,
    /// A falcon's memories are never scrubbed after a reset.
    ScrubbingNeverDone(Engine),
    /// A falcon never switches between its cores.
    CoreNeverSelected(Engine),
    /// A falcon's DMA never becomes idle.
    DmaNeverIdle(Engine),
    /// A falcon's program runs for ever.
    NeverHalts(Engine),
    /// FWSEC-FRTS fails with this code in scratch register 0xE.
    FrtsError(u16),
    /// FWSEC-FRTS opens WPR2 this many bytes away from where it was asked to.
    FrtsMisplaced(i64),
    /// FWSEC-FRTS reports success and opens no WPR2.
    FrtsSilent,
    /// FWSEC-SB fails with this code in scratch register 0x15.
    SbError(u16),
    /// Booter ends with this code in its mailbox.
    BooterError(u32),
    /// Booter unload ends with this code in its mailbox.
    BooterUnloadError(u32),
    /// Booter unload reports success and leaves WPR2 as it was.
    BooterUnloadSilent,
    /// Booter reports success and the GSP's RISC-V core does not start.
    RiscvNeverActive,
    /// The FSP refuses every command with this code.
    FspError(u32),
    /// The word at this byte of the FSP's answers has these bits changed.
    FspReplyAt {
        /// Bytes from the start of the packet.
        offset: usize,
        /// Bits that are changed.
        xor: u32,
    },
    /// The FSP's answers have this many bytes.
    FspReplyLength(usize),
    /// The FSP answers nothing.
    FspSilent,
    /// The FMC never lifts the lockdown of the GSP's registers.
    LockdownNeverReleased,
    /// The FMC ends with this code in its mailbox.
    FmcError(u32),
    /// GSP-RM never asks for the sequencer.
    NoSequencer,
    /// GSP-RM asks for a sequencer operation that does not exist.
    BadSequencerOpcode,
    /// The sequencer waits for a register value that never comes.
    SequencerPollNeverMet,
    /// SEC2 never hands over to GSP-RM when it is to resume it.
    ResumeNeverDone,
    /// SEC2 reports this error when it is to resume GSP-RM.
    ResumeError(u32),
    /// GSP-RM never says that it is initialised.
    NoInitDone,
    /// GSP-RM says that its initialisation failed, with this status.
    InitDoneError(u32),
    /// Messages from the GSP carry a wrong checksum.
    BadChecksum,
    /// Messages from the GSP claim to be this many bytes long.
    BadLength(u32),
    /// Messages from the GSP claim to take this many elements.
    BadElementCount(u32),
    /// Messages from the GSP do not count up.
    BadSequence,
    /// Messages from the GSP carry a wrong signature.
    BadSignature,
    /// The GSP answers no command.
    NoReply,
    /// The GSP refuses every command with this status.
    ReplyError(u32),
    /// The GSP puts its write pointer outside of its ring.
    BadWritePointer(u32),
    /// The GSP puts its read pointer outside of the driver's ring.
    BadReadPointer(u32),
    /// The GSP acknowledges that the driver unloads and then does not suspend.
    NeverSuspends,
    /// The GSP raises no interrupt.
    NoInterrupt,
    /// The GSP's interrupts arrive so much later.
    LateInterrupt(Duration),
    /// GSP-RM crashes: its processor stops in the middle of a request.
    GspCrash {
        /// Requests that it has served before, counted from INIT_DONE.
        after: u64,
    },
}

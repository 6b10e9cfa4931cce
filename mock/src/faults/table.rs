// SPDX-License-Identifier: GPL-2.0

//! The list of faults: the name of each, and what a real card does in that state.

use std::fmt::{self, Write};
use std::str::FromStr;
use std::time::Duration;

use nova_hw::abi::status::NV_ERR_NO_MEMORY;

use super::Fault;
use crate::block_id::FalconId;

/// The argument of a fault.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// Its default value.
    pub default: i64,
}

/// A fault by its name.
#[derive(Clone, Copy, Debug)]
pub struct NamedFault {
    /// The stage that fails.
    pub stage: &'static str,
    /// The way in which it fails.
    pub kind: &'static str,
    /// Its argument, if it has one.
    pub argument: Option<Argument>,
    /// What a real card does in that state.
    pub hardware: &'static str,
    make: fn(i64) -> Fault,
}

impl NamedFault {
    /// The fault with this argument.
    pub fn with(&self, argument: i64) -> Fault {
        (self.make)(argument)
    }
}

impl fmt::Display for NamedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage={},kind={}", self.stage, self.kind)?;
        match self.argument {
            Some(Argument {
                name: name @ ("code" | "by" | "method"),
                default,
            }) => write!(f, ",{name}={default:#x}"),
            Some(Argument { name, default }) => write!(f, ",{name}={default}"),
            None => Ok(()),
        }
    }
}

const fn plain(
    stage: &'static str,
    kind: &'static str,
    make: fn(i64) -> Fault,
    hardware: &'static str,
) -> NamedFault {
    NamedFault {
        stage,
        kind,
        argument: None,
        hardware,
        make,
    }
}

const fn with(
    stage: &'static str,
    kind: &'static str,
    (name, default): (&'static str, i64),
    make: fn(i64) -> Fault,
    hardware: &'static str,
) -> NamedFault {
    NamedFault {
        stage,
        kind,
        argument: Some(Argument { name, default }),
        hardware,
        make,
    }
}

/// All faults, in the order of a boot.
#[rustfmt::skip]
pub const FAULTS: &[NamedFault] = &[
    with("card", "gone", ("after", 0), |after| Fault::CardGone { after: after as u64 },
        "falls off the bus (power, thermal shutdown, riser): reads of registers and of \
         configuration space give all ones, writes are lost, no interrupt comes"),
    with("card", "link", ("ms", 50), |ms| Fault::LinkLost(Duration::from_millis(ms as u64)),
        "an uncorrectable error of the link: for this time all reads give all ones and writes are \
         lost, which ends the fault; the card itself runs on"),
    plain("card", "virtual", |_| Fault::VirtualFunction,
        "a virtual function, such as a hypervisor hands to a guest: it answers where the chip is \
         identified, and BOOT_1 says what it is; the rest is not there"),
    with("reset", "slow", ("ms", 300), |ms| Fault::SlowReset(Duration::from_millis(ms as u64)),
        "after a reset the registers read all ones for this time, while configuration space answers"),
    plain("reset", "no-memory", |_| Fault::ResetWithoutMemory,
        "after a reset the registers read all ones for ever, while configuration space answers"),
    plain("reset", "dead", |_| Fault::DeadlyReset,
        "after a reset the card answers nowhere: the link does not come up again"),
    plain("prom", "garbage", |_| Fault::PromGarbage,
        "reads of the VBIOS give garbage: a broken flash chip"),
    plain("prom", "flaky", |_| Fault::PromFlaky,
        "reads of the VBIOS give garbage until the next reset, which ends the fault"),
    plain("gfw", "timeout", |_| Fault::GfwNeverDone,
        "a broken VBIOS or memory training that fails: GFW never reports 0xff; only a reset of the \
         card runs it again, and it fails again"),
    with("gfw", "progress", ("value", 3), |value| Fault::GfwStuck(value as u8),
        "GFW opens its progress register and gets stuck there (open-gpu-kernel-modules issue 789: \
         at 0x3); on Hopper and later the secure boot of the FSP does"),
    plain("gfw", "reset", |_| Fault::GfwHungByReset,
        "the card comes up well with the power, and a reset of the function leaves GFW hung (the \
         VBIOS of some Blackwell boards)"),
    with("fuse", "version", ("version", 16), |version| Fault::FuseVersion(version as u32),
        "a board that is fused for newer firmware: no file has a signature for it, and \
         the boot ROM refuses to run the programs (no effect before GA102); with version 1 the \
         middle one of the three signatures in the synthetic VBIOS of GA10x is the right one, not \
         the last (on Ada there are two, and 1 is the version without the fault, too)"),
    plain("wpr2", "up", |_| Fault::Wpr2Up,
        "an earlier driver died without removing WPR2: FWSEC refuses to set it up again until \
         booter has removed it or the function was reset, which ends the fault"),
    plain("gsp-reset", "timeout", |_| Fault::ScrubbingNeverDone(FalconId::Gsp),
        "the engine's clock or power is gated: the scrubbing of the GSP's memories never ends"),
    plain("sec2-reset", "timeout", |_| Fault::ScrubbingNeverDone(FalconId::Sec2),
        "as gsp-reset, for SEC2"),
    plain("gsp-core", "timeout", |_| Fault::CoreNeverSelected(FalconId::Gsp),
        "the switch between falcon and RISC-V core never becomes valid (there is none before GA102)"),
    plain("gsp-dma", "timeout", |_| Fault::DmaNeverIdle(FalconId::Gsp),
        "a read is lost in the IOMMU or on the bus: the falcon's DMA waits for ever, and so does a \
         program that loads another one (before GA102)"),
    plain("sec2-dma", "timeout", |_| Fault::DmaNeverIdle(FalconId::Sec2),
        "as gsp-dma, for SEC2 (before GA102 booter is not loaded by DMA)"),
    plain("fwsec-frts", "timeout", |_| Fault::NeverHalts(FalconId::Gsp),
        "FWSEC hangs, as with a corrupt VBIOS: the GSP's falcon never halts"),
    with("fwsec-frts", "error", ("code", 0xbad), |code| Fault::FrtsError(code as u16),
        "FWSEC refuses, with its error in the upper half of scratch register 0xe"),
    with("fwsec-frts", "misplaced", ("by", 0x1_0000), Fault::FrtsMisplaced,
        "FWSEC sets WPR2 up at another address than the requested one"),
    plain("fwsec-frts", "silent", |_| Fault::FrtsSilent,
        "FWSEC reports success without setting WPR2 up, as when the wrong command was run"),
    plain("booter", "timeout", |_| Fault::NeverHalts(FalconId::Sec2),
        "booter hangs: SEC2 never halts"),
    with("booter", "error", ("code", 0x2a), |code| Fault::BooterError(code as u32),
        "booter refuses to boot, with its error in SEC2's mailbox 0"),
    plain("riscv", "timeout", |_| Fault::RiscvNeverActive,
        "booter succeeds and the RISC-V core does not start: its boot ROM has rejected \
         the bootloader's manifest"),
    with("fsp", "error", ("code", 0x9e), |code| Fault::FspError(code as u32),
        "the FSP refuses the chain of trust, with its error in the answer (Hopper and later)"),
    plain("fsp", "flaky", |_| Fault::FspFlaky,
        "the FSP refuses the chain of trust with error 0x9e until the next reset, which ends the fault"),
    plain("fsp", "timeout", |_| Fault::FspSilent,
        "the FSP's management partition hangs: it takes the message and never answers"),
    plain("fsp", "type", |_| Fault::FspReplyAt { offset: 4, xor: 1 << 24 },
        "the FSP's answer has another NVDM type than 0x15"),
    plain("fsp", "command", |_| Fault::FspReplyAt { offset: 12, xor: 1 },
        "the FSP answers another command than the one that was sent"),
    with("fsp", "length", ("bytes", 12), |len| Fault::FspReplyLength(len.clamp(4, 1024) as usize),
        "the FSP's answer is truncated, or too long"),
    plain("lockdown", "timeout", |_| Fault::LockdownNeverReleased,
        "the FMC hangs: the GSP's registers stay behind the boot ROM's lockdown"),
    with("fmc", "error", ("code", 0x2a), |code| Fault::FmcError(code as u32),
        "the FMC refuses to boot, with its error in the GSP's mailbox 0"),
    plain("fmc", "flaky", |_| Fault::FmcFlaky,
        "the FMC refuses to boot with error 0xb until the next reset, which ends the fault: a slow \
         link (open-gpu-kernel-modules issues 974 and 935)"),
    plain("sequencer", "never", |_| Fault::NoSequencer,
        "GSP-RM hangs early in its start and never sends GSP_RUN_CPU_SEQUENCER"),
    plain("sequencer", "opcode", |_| Fault::BadSequencerOpcode,
        "GSP-RM of an unknown release sends an operation that the driver does not know"),
    plain("sequencer", "poll", |_| Fault::SequencerPollNeverMet,
        "the program that the sequencer runs fails and its result never appears"),
    plain("sequencer", "free", |_| Fault::ListBeforeFree,
        "GSP-RM wants registers accessed before it answers the next request to free an object, which ends \
         the fault: its sequencer is a part of every release, and nobody says when it is used"),
    plain("resume", "timeout", |_| Fault::CoreResumeNeverDone,
        "SEC2 hangs in `CORE_RESUME` of the CPU sequencer: the handoff bit is never set"),
    with("resume", "error", ("code", 7), |code| Fault::CoreResumeError(code as u32),
        "SEC2 refuses `CORE_RESUME` of the CPU sequencer, with its error in mailbox 0"),
    plain("init-done", "timeout", |_| Fault::NoInitDone,
        "GSP-RM hangs in its initialization"),
    with("init-done", "error", ("code", 0x55), |code| Fault::InitDoneError(code as u32),
        "GSP-RM's initialization fails, with an NV_STATUS in GSP_INIT_DONE"),
    plain("init-done", "crash", |_| Fault::InitCrash,
        "GSP-RM crashes in its initialization, after some notices: its core halts"),
    plain("message", "checksum", |_| Fault::BadChecksum,
        "memory is overwritten, or reads overtake writes: the message's checksum \
         is wrong"),
    with("message", "length", ("bytes", 0), |bytes| Fault::BadLength(bytes as u32),
        "memory is overwritten: the message's length is invalid"),
    with("message", "elements", ("count", 0), |count| Fault::BadElementCount(count as u32),
        "memory is overwritten: the message's number of elements is invalid"),
    plain("message", "sequence", |_| Fault::BadSequence,
        "a message is lost or comes twice: its sequence number is not the next one"),
    plain("message", "signature", |_| Fault::BadSignature,
        "the ring's contents are not a message: the signature is wrong"),
    with("message", "write-pointer", ("value", 63), |value| Fault::BadWritePointer(value as u32),
        "the ring's write pointer is outside of the ring"),
    with("message", "read-pointer", ("value", 63), |value| Fault::BadReadPointer(value as u32),
        "the read pointer of the driver's ring is outside of the ring: the driver sees it when it \
         sends the next message"),
    plain("reply", "timeout", |_| Fault::NoReply,
        "GSP-RM hangs in a call and never answers again; its core still runs"),
    with("reply", "late", ("ms", 8000), |ms| Fault::LateReply(Duration::from_millis(ms as u64)),
        "GSP-RM answers one call after its limit, and every other one at once"),
    with("reply", "error", ("code", 0x56), |code| Fault::ReplyError(code as u32),
        "GSP-RM refuses every call with this NV_STATUS"),
    with("alloc", "refused", ("after", 0), |after| Fault::AllocRefused {
            after: after as u64,
            status: NV_ERR_NO_MEMORY,
        },
        "GSP-RM has run out of memory or of channels: after this many allocations that it still \
         serves, it refuses one with NV_ERR_NO_MEMORY, which ends the fault"),
    with("gsp", "crash", ("after", 0), |after| Fault::GspCrash { after: after as u64 },
        "libos takes an exception and stops the core: it reads as halted, the falcon raises HALT, \
         and nothing is answered until the GSP is booted again; it crashes at the same call of \
         each boot"),
    plain("gsp", "stop", |_| Fault::GspStops,
        "the core stops at once, also while it is idle, without a message or an interrupt, until the \
         GSP is booted again, which ends the fault"),
    plain("interrupt", "lost", |_| Fault::NoInterrupt,
        "an MSI is lost, or the leaf was not enabled: messages stay in the ring without an interrupt"),
    with("interrupt", "late", ("ms", 500), |ms| {
            Fault::LateInterrupt(Duration::from_millis(ms as u64))
        },
        "interrupts are moderated or the machine is overloaded: the MSI comes long after the message"),
    with("engine", "hang", ("method", 0x300), |method| Fault::EngineHangs(method as u16),
        "an engine hangs in its next method with this number (0x300 is LAUNCH_DMA of the copy \
         engines), which ends the fault: the channel gets no further, and its runlist waits for \
         the engine, until GSP-RM stops, disables or frees the channel and resets the engine; \
         other runlists go on. Once a channel of another group waits, GSP-RM stops the first one \
         with Xid 109 after a second"),
    plain("nonstall", "lost", |_| Fault::NoNonStall,
        "the next non-stall interrupt of an engine is lost, which ends the fault: the work is done, \
         and nobody says so"),
    with("channel", "error", ("code", 43), |code| Fault::ChannelError(code as u32),
        "GSP-RM stops the next channel that has work, and its group, with this Xid, which ends the \
         fault: the work has brought an engine to a state that only a reset ends"),
    plain("ecc", "contained", |_| Fault::EccContained,
        "the next channel that has work reads memory with an uncorrectable error, which ends the \
         fault: GSP-RM stops all channels of that address space with Xid 94 (with 48 on Turing)"),
    plain("ecc", "uncontained", |_| Fault::EccUncontained,
        "as ecc contained, but nothing tells whom the error concerns: GSP-RM stops all channels with \
         Xid 95 (with 48 on Turing)"),
    plain("suspend", "timeout", |_| Fault::NeverEnds,
        "GSP-RM acknowledges the unload and never ends: no mailbox says that libos has suspended the processor"),
    with("fwsec-sb", "error", ("code", 3), |code| Fault::SbError(code as u16),
        "FWSEC cannot restore the pre-OS applications, with its error in scratch register 0x15"),
    with("booter-unload", "error", ("code", 9), |code| Fault::BooterUnloadError(code as u32),
        "booter refuses to remove WPR2, with its error in SEC2's mailbox 0"),
    plain("booter-unload", "silent", |_| Fault::BooterUnloadSilent,
        "booter reports success without removing WPR2"),
];

/// A fault was specified wrongly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// A part is not of the form `name=value`.
    #[error("{0:?} is not of the form name=value")]
    Form(String),
    /// No such fault is in the list.
    #[error("there is no fault stage={stage},kind={kind}")]
    Unknown {
        /// The stage that was named.
        stage: String,
        /// The kind that was named.
        kind: String,
    },
    /// The fault has no argument of that name.
    #[error("the fault has no argument {0}")]
    Argument(String),
    /// The argument is not a number.
    #[error("{0:?} is not a number")]
    Number(String),
}

/// A number, in decimal or hexadecimal.
pub(crate) fn number(text: &str) -> Result<i64, FaultError> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| FaultError::Number(text.into()))
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads `stage=booter,kind=error,code=0x2a`; the argument may be left out.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (mut stage, mut kind, mut argument) = ("", "", None);
        for part in text.split(',') {
            match part.split_once('=') {
                Some(("stage", value)) => stage = value,
                Some(("kind", value)) => kind = value,
                Some(named) if argument.is_none() => argument = Some(named),
                _ => return Err(FaultError::Form(part.into())),
            }
        }
        let is_it = |fault: &&NamedFault| (fault.stage, fault.kind) == (stage, kind);
        let Some(fault) = FAULTS.iter().find(is_it) else {
            let (stage, kind) = (stage.into(), kind.into());
            return Err(FaultError::Unknown { stage, kind });
        };
        let value = match (argument, fault.argument) {
            (None, argument) => argument.map_or(0, |argument| argument.default),
            (Some((name, value)), Some(argument)) if name == argument.name => number(value)?,
            (Some((name, _)), _) => return Err(FaultError::Argument(name.into())),
        };
        Ok(fault.with(value))
    }
}

/// The list as the text of docs/faults.md.
pub fn list() -> String {
    let mut text = String::from(HEAD);
    for fault in FAULTS {
        // Writing to a string does not fail.
        let _ = writeln!(text, "- `{fault}`: {}.", fault.hardware);
    }
    text
}

const HEAD: &str = "\
# Faults of the mocked GPU

The output of `nova-mock --list-faults`.

`nova-mock --fault 'stage=booter,kind=timeout'` breaks the card before the driver sees it, and may
be repeated. Through the control socket (`nova-mock --control PATH`), `fault stage=…` breaks it at
any time and `repair` ends all faults. A fault lasts until then, over resets and boots, unless its
line says what ends it. What a fault has left behind, such as a falcon that runs, stays until the
driver resets it.

An argument is shown with its default. Each line says what a real card does in that state.

";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, HashSet};

    #[test]
    fn fault_names_are_unique_and_can_be_parsed() {
        let names: BTreeSet<_> = FAULTS
            .iter()
            .map(|fault| (fault.stage, fault.kind))
            .collect();
        assert_eq!(names.len(), FAULTS.len());
        for fault in FAULTS {
            let default = fault.argument.map_or(0, |argument| argument.default);
            assert_eq!(
                fault.to_string().parse(),
                Ok(fault.with(default)),
                "{fault}"
            );
        }
    }

    #[test]
    fn the_list_has_all_faults() {
        use strum::EnumCount;
        let listed: HashSet<_> = FAULTS
            .iter()
            .map(|fault| std::mem::discriminant(&fault.with(0)))
            .collect();
        assert_eq!(listed.len(), Fault::COUNT);
    }

    #[test]
    fn arguments_may_be_given_or_left_out() {
        let parse = |text: &str| text.parse::<Fault>();
        let error = Fault::BooterError(0x11);
        assert_eq!(parse("stage=booter,kind=error,code=0x11"), Ok(error));
        assert_eq!(parse("code=17,kind=error,stage=booter"), Ok(error));
        let default = Fault::BooterError(0x2a);
        assert_eq!(parse("stage=booter,kind=error"), Ok(default));
        let misplaced = Fault::FrtsMisplaced(-4096);
        assert_eq!(
            parse("stage=fwsec-frts,kind=misplaced,by=-4096"),
            Ok(misplaced)
        );
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let told = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert_eq!(told("stage=x,kind=y"), "there is no fault stage=x,kind=y");
        assert_eq!(told(""), "\"\" is not of the form name=value");
        assert_eq!(
            told("stage=gfw,kind=timeout,code=1"),
            "the fault has no argument code"
        );
        assert_eq!(
            told("stage=booter,kind=error,code=z"),
            "\"z\" is not a number"
        );
        assert!(told("stage=booter,kind=error,code=1,code=2").contains("form"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads a file")]
    fn the_document_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md");
        let document = std::fs::read_to_string(path).unwrap();
        assert_eq!(document, list(), "nova-mock --list-faults >docs/faults.md");
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The FSP, the processor that starts the GSP on Hopper and later, and how it is talked to: a
//! message is written to its external memory, and so is its answer, one at a time.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/fsp/kern_fsp.c and
//! src/nvidia/src/kernel/gpu/fsp/arch/hopper/kern_fsp_gh100.c; Linux 7.3,
//! drivers/gpu/nova-core/fsp.rs and falcon/fsp.rs.

use core::fmt;
use core::time::Duration;

use nova_hw::fsp::{MctpHeader, NvdmHeader, NvdmType, ResponseMessage, CHANNEL_SIZE};
use nova_hw::regs::fsp::{
    FspEmemc, FspEmemd, FspMsgqHead, FspMsgqTail, FspQueueHead, FspQueueTail,
};
use nova_hw::regs::therm::{ThermI2csScratch, ThermI2csScratchGb202, FSP_BOOT_COMPLETE};
use zerocopy::little_endian::U32;
use zerocopy::FromBytes;

use crate::bug::OrBug;
use crate::chip::FspStatus;
use crate::error_kind::ErrorKind;
use crate::mmio::{Io, Timeout};

/// The FSP's secure boot takes less than this.
const BOOT_LIMIT: Duration = Duration::from_secs(5);

/// The FSP answers in less than this.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Bytes of a word.
const WORD: usize = size_of::<u32>();

/// The FSP did not do what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FspError {
    /// It did not get ready, or did not answer in time.
    Timeout(Timeout),
    /// The queue's pointers enclose no message.
    Pointers {
        /// Offset of the first word.
        head: u32,
        /// Offset of the last word.
        tail: u32,
    },
    /// It is too short.
    Short {
        /// Its bytes.
        found: usize,
    },
    /// It is no whole message.
    Mctp {
        /// Its first header.
        found: u32,
    },
    /// It is no answer.
    Nvdm {
        /// Header that it should have.
        expected: u32,
        /// Header that it has.
        found: u32,
    },
    /// It answers something else.
    Command {
        /// Type of the message that was sent.
        expected: u32,
        /// Type of the message that it answers.
        found: u32,
    },
    /// The FSP refuses.
    Refused {
        /// Type of the message.
        command: u32,
        /// Why.
        code: u32,
    },
}

impl FspError {
    /// The coarse sort.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Refused { .. } => ErrorKind::Io,
            Self::Pointers { .. }
            | Self::Short { .. }
            | Self::Mctp { .. }
            | Self::Nvdm { .. }
            | Self::Command { .. } => ErrorKind::Protocol,
        }
    }
}

impl From<Timeout> for FspError {
    fn from(e: Timeout) -> Self {
        Self::Timeout(e)
    }
}

impl FspStatus {
    /// Waits until the FSP is through with its own secure boot.
    pub(crate) fn wait(self, io: &Io<'_>) -> Result<(), Timeout> {
        let awaited = "the FSP to complete its secure boot";
        match self {
            Self::Gh100 => io
                .wait_at(0, awaited, BOOT_LIMIT, |scratch: ThermI2csScratch| {
                    scratch.data() == FSP_BOOT_COMPLETE
                })
                .map(|_| ()),
            Self::Gb202 => io
                .wait_at(0, awaited, BOOT_LIMIT, |scratch: ThermI2csScratchGb202| {
                    scratch.data() == FSP_BOOT_COMPLETE
                })
                .map(|_| ()),
        }
    }
}

/// Sends `message`, which is of type `kind`, and waits until the FSP has done what it says.
pub(crate) fn command(io: &Io<'_>, kind: NvdmType, message: &[U32]) -> Result<(), FspError> {
    make_room(io)?;
    send(io, message);
    // Longer than any answer is, so that one which is too long is seen whole.
    let mut buffer = [0; CHANNEL_SIZE];
    let answer = receive(io, &mut buffer)?;
    check(kind, answer)
}

/// Makes sure that the channel is free: the FSP has taken the last message, and nothing is left of
/// what it said. That may be there after somebody has waited in vain, or did not understand it.
///
/// Source: open-gpu-kernel-modules 570, `kfspCanSendPacket_GH100`; Linux does not look.
fn make_room(io: &Io<'_>) -> Result<(), Timeout> {
    let mut pacer = io.slow_pacer(ANSWER_LIMIT);
    loop {
        let last = pacer.expired();
        let head = u32::from(io.read::<FspQueueHead>());
        let tail = u32::from(io.read::<FspQueueTail>());
        if head == tail {
            break;
        }
        if last {
            return Err(Timeout {
                awaited: "the FSP to take the last message",
                seen: tail,
                after: ANSWER_LIMIT,
            });
        }
        pacer.pause();
    }
    if u32::from(io.read::<FspMsgqTail>()) != 0 {
        take_out(io);
    }
    Ok(())
}

/// Takes what the FSP has said out of its queue.
fn take_out(io: &Io<'_>) {
    io.write(FspMsgqTail::new());
    io.write(FspMsgqHead::new());
}

/// Writes a message and tells the FSP.
fn send(io: &Io<'_>, message: &[U32]) {
    debug_assert!((WORD..=CHANNEL_SIZE).contains(&size_of_val(message)));
    io.write(FspEmemc::new().with_aincw(true));
    for word in message {
        io.write(FspEmemd::from(word.get()));
    }
    let last = size_of_val(message).saturating_sub(WORD);
    io.write(FspQueueTail::from(last as u32));
    io.write(FspQueueHead::new());
}

/// Waits for a message, reads it and takes it out of the queue.
fn receive<'b>(io: &Io<'_>, buffer: &'b mut [u8; CHANNEL_SIZE]) -> Result<&'b [u8], FspError> {
    let len = wait(io)?;
    let answer = buffer.get_mut(..len).or_bug();
    io.write(FspEmemc::new().with_aincr(true));
    for word in answer.chunks_exact_mut(WORD) {
        let read = u32::from(io.read::<FspEmemd>());
        word.copy_from_slice(&read.to_le_bytes());
    }
    take_out(io);
    Ok(answer)
}

/// Waits until the queue, which was empty, has a message; returns its bytes.
fn wait(io: &Io<'_>) -> Result<usize, FspError> {
    let mut pacer = io.slow_pacer(ANSWER_LIMIT);
    loop {
        // Nothing comes at once.
        pacer.pause();
        let last = pacer.expired();
        let tail = u32::from(io.read::<FspMsgqTail>());
        if tail != 0 {
            return len(io.read::<FspMsgqHead>().into(), tail);
        }
        if last {
            return Err(FspError::Timeout(Timeout {
                awaited: "an answer of the FSP",
                seen: tail,
                after: ANSWER_LIMIT,
            }));
        }
    }
}

/// Bytes of a message from the word at `head` to the word at `tail`, both included.
fn len(head: u32, tail: u32) -> Result<usize, FspError> {
    let len = tail
        .checked_sub(head)
        .and_then(|distance| usize::try_from(distance).ok()?.checked_add(WORD))
        .filter(|len| *len <= CHANNEL_SIZE && len % WORD == 0);
    len.ok_or(FspError::Pointers { head, tail })
}

/// Checks that `answer` says that a message of type `kind` was taken.
fn check(kind: NvdmType, answer: &[u8]) -> Result<(), FspError> {
    let found = answer.len();
    let (message, _) =
        ResponseMessage::read_from_prefix(answer).map_err(|_| FspError::Short { found })?;
    let mctp = MctpHeader::from(message.headers.mctp.get());
    if !mctp.som() || !mctp.eom() {
        return Err(FspError::Mctp { found: mctp.into() });
    }
    let nvdm = NvdmHeader::from(message.headers.nvdm.get()).with_ic(false);
    let response = NvdmHeader::of(NvdmType::FspResponse);
    if nvdm != response {
        return Err(FspError::Nvdm {
            expected: response.into(),
            found: nvdm.into(),
        });
    }
    let (command, found) = (kind as u32, message.response.command_nvdm_type.get());
    if found != command {
        return Err(FspError::Command {
            expected: command,
            found,
        });
    }
    match message.response.error_code.get() {
        0 => Ok(()),
        code => Err(FspError::Refused { command, code }),
    }
}

impl fmt::Display for FspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(e) => e.fmt(f),
            Self::Pointers { head, tail } => write!(
                f,
                "FSP: expected a message of up to {CHANNEL_SIZE} bytes, found one from {head:#x} \
                 to {tail:#x}"
            ),
            Self::Short { found } => write!(
                f,
                "FSP: answer: expected at least {} bytes, found {found}",
                size_of::<ResponseMessage>()
            ),
            Self::Mctp { found } => write!(
                f,
                "FSP: answer: expected one whole packet, found MCTP header {found:#010x}"
            ),
            Self::Nvdm { expected, found } => write!(
                f,
                "FSP: answer: expected NVDM header {expected:#010x}, found {found:#010x}"
            ),
            Self::Command { expected, found } => write!(
                f,
                "FSP: answer: expected one to message {expected:#x}, found one to {found:#x}"
            ),
            Self::Refused { command, code } => write!(
                f,
                "FSP: answer to message {command:#x}: expected 0, found error {code:#x}"
            ),
        }
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod peer;
#[cfg(test)]
mod tests;

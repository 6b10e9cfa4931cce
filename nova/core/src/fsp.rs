// SPDX-License-Identifier: GPL-2.0

//! The FSP, the processor that starts the GSP on Hopper and later: messages to it and its responses
//! go through its external memory, one at a time.
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

/// Time-out for the FSP's secure boot; Linux's.
const BOOT_LIMIT: Duration = Duration::from_secs(5);

/// Time-out for a response; Linux's.
const RESPONSE_LIMIT: Duration = Duration::from_secs(2);

/// Bytes of a word.
const WORD: usize = size_of::<u32>();

/// Error of a command to the FSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FspError {
    /// The FSP did not boot, or did not respond in time.
    Timeout(Timeout),
    /// The queue's pointers do not enclose a message.
    Pointers {
        /// Offset of the first word.
        head: u32,
        /// Offset of the last word.
        tail: u32,
    },
    /// The response is too short.
    Short {
        /// Bytes of the response.
        found: usize,
    },
    /// The response is not exactly one packet.
    Mctp {
        /// The MCTP header.
        found: u32,
    },
    /// The NVDM header is not that of a response.
    Nvdm {
        /// The expected header.
        expected: u32,
        /// The received header.
        found: u32,
    },
    /// The response is to another command.
    Command {
        /// Type of the sent command.
        expected: u32,
        /// Type of the command in the response.
        found: u32,
    },
    /// The FSP refused the command.
    Refused {
        /// Type of the command.
        command: u32,
        /// The FSP's error code.
        code: u32,
    },
}

impl FspError {
    /// The kind of the error.
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
    /// Waits until the FSP has completed its secure boot.
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

/// Sends the command `message` of type `kind` and waits until the FSP has executed it.
pub(crate) fn command(io: &Io<'_>, kind: NvdmType, message: &[U32]) -> Result<(), FspError> {
    make_room(io)?;
    send(io, message);
    // Larger than any valid response, so that one that is too long is read completely.
    let mut buffer = [0; CHANNEL_SIZE];
    let response = receive(io, &mut buffer)?;
    check(kind, response)
}

/// Waits until the FSP has taken the last message, and discards a late response to it.
///
/// Source: open-gpu-kernel-modules 570, `kfspCanSendPacket_GH100`; Linux does not check.
fn make_room(io: &Io<'_>) -> Result<(), Timeout> {
    let mut pacer = io.slow_pacer(RESPONSE_LIMIT);
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
                after: RESPONSE_LIMIT,
            });
        }
        pacer.pause();
    }
    if u32::from(io.read::<FspMsgqTail>()) != 0 {
        remove_message(io);
    }
    Ok(())
}

/// Removes the FSP's message from its queue.
fn remove_message(io: &Io<'_>) {
    io.write(FspMsgqTail::new());
    io.write(FspMsgqHead::new());
}

/// Writes a message and notifies the FSP.
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

/// Waits for a message, reads it and removes it from the queue.
fn receive<'b>(io: &Io<'_>, buffer: &'b mut [u8; CHANNEL_SIZE]) -> Result<&'b [u8], FspError> {
    let len = wait(io)?;
    let response = buffer.get_mut(..len).or_bug();
    io.write(FspEmemc::new().with_aincr(true));
    for word in response.chunks_exact_mut(WORD) {
        let read = u32::from(io.read::<FspEmemd>());
        word.copy_from_slice(&read.to_le_bytes());
    }
    remove_message(io);
    Ok(response)
}

/// Waits until the queue, which is empty, has a message; returns its length in bytes.
fn wait(io: &Io<'_>) -> Result<usize, FspError> {
    let mut pacer = io.slow_pacer(RESPONSE_LIMIT);
    loop {
        // A response takes longer than one pause.
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
                after: RESPONSE_LIMIT,
            }));
        }
    }
}

/// Bytes of a message from the word at `head` to the word at `tail`, inclusive.
fn len(head: u32, tail: u32) -> Result<usize, FspError> {
    let len = tail
        .checked_sub(head)
        .and_then(|distance| usize::try_from(distance).ok()?.checked_add(WORD))
        .filter(|len| *len <= CHANNEL_SIZE && len % WORD == 0);
    len.ok_or(FspError::Pointers { head, tail })
}

/// Checks that `response` is a response that a command of type `kind` succeeded.
fn check(kind: NvdmType, response: &[u8]) -> Result<(), FspError> {
    let found = response.len();
    let (message, _) =
        ResponseMessage::read_from_prefix(response).map_err(|_| FspError::Short { found })?;
    let mctp = MctpHeader::from(message.headers.mctp.get());
    if !mctp.som() || !mctp.eom() {
        return Err(FspError::Mctp { found: mctp.into() });
    }
    let nvdm = NvdmHeader::from(message.headers.nvdm.get()).with_ic(false);
    let expected = NvdmHeader::of(NvdmType::FspResponse);
    if nvdm != expected {
        return Err(FspError::Nvdm {
            expected: expected.into(),
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

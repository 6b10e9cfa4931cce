// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, each with everything that is needed to say so in one line.

use core::fmt;

use nova_hw::chipset::Chipset;

use crate::boot::layout::NoRoom;
use crate::boot::report::Stage;
use crate::chip::identify::{UnknownChip, CARD_GONE};
use crate::error_kind::ErrorKind;
use crate::firmware::choice;
use crate::firmware::{File, ImageFile};
use crate::fsp::FspError;
use crate::gsp::queue::QueueError;
use crate::gsp::rpc::calls::{CALLS_MAX, PAYLOAD_LIMIT};
use crate::gsp::sequencer::SequencerError;
use crate::mmio::Timeout;
use crate::platform::memory::MemoryError;
use crate::platform::{LoadError, OutOfBounds};
use crate::text::Text;

/// What stopped the driver.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The registers read all ones: the card is gone from the bus.
    CardGone,
    /// A GPU that has no GSP, or a chip that this driver does not know.
    UnknownChip(UnknownChip),
    /// Something did not happen in time.
    Timeout(Timeout),
    /// A firmware file could not be loaded.
    Load {
        /// The file.
        file: File,
        /// Why.
        error: LoadError,
    },
    /// A firmware file is not what it should be.
    Firmware {
        /// The file.
        file: File,
        /// What is wrong.
        error: nova_firmware::Error,
    },
    /// There is no such release for this chip.
    NoRelease {
        /// The chip.
        chipset: Chipset,
        /// The branch that was asked for.
        branch: u32,
    },
    /// The GSP's firmware image could not be loaded from the file that another one names.
    LoadImage {
        /// The file.
        file: ImageFile,
        /// Why.
        error: LoadError,
    },
    /// That file is not as long as the other one says.
    ImageLen {
        /// The file.
        file: ImageFile,
        /// Bytes that it should have.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// A firmware file is of another release than the one asked for.
    Release {
        /// The file.
        file: File,
        /// The release that it holds.
        found: Text<32>,
    },
    /// The VBIOS is not what it should be.
    Vbios(nova_firmware::Error),
    /// The GSP's firmware image cannot be mapped as it must be.
    Image(ImageError),
    /// There is no memory, or not such as it has to be.
    Memory(MemoryError),
    /// The frame buffer is too small.
    NoRoom(NoRoom),
    /// A ucode says something about itself that cannot be.
    Ucode {
        /// The ucode.
        name: &'static str,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// Its value.
        found: u32,
    },
    /// A ucode did not run: the boot ROM refuses what is not signed for this chip.
    UcodeRefused {
        /// The ucode.
        ucode: &'static str,
    },
    /// A ucode ran and failed.
    UcodeFailed {
        /// The ucode.
        ucode: &'static str,
        /// Where it says so.
        register: &'static str,
        /// What it says.
        found: u32,
    },
    /// The scrubber ran and says that it is not through.
    Unscrubbed {
        /// What it says.
        found: u32,
    },
    /// The FSP.
    Fsp(FspError),
    /// WPR2 is not as it should be.
    Wpr2 {
        /// When.
        after: &'static str,
        /// Where it should start; `None` if it should not be there.
        expected: Option<u64>,
        /// Where it starts; `None` if it is not there.
        found: Option<u64>,
    },
    /// The message queues.
    Queue(QueueError),
    /// An RPC failed.
    Rpc {
        /// Its name.
        rpc: &'static str,
        /// NV_STATUS that came back.
        status: u32,
    },
    /// A call has more parameters than any message could carry.
    CallTooLong {
        /// Bytes of its payload.
        len: usize,
    },
    /// As many calls of GSP-RM are under way as there can be.
    TooManyCalls,
    /// There is no such call, or nobody waits for it any more.
    NoCall,
    /// The GSP's processor has stopped.
    Halted {
        /// Its control register.
        cpuctl: u32,
    },
    /// The payload of a message is too short.
    Payload {
        /// Name of the RPC or event.
        message: &'static str,
        /// Bytes that it must have.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// The list of register accesses that GSP-RM wants done.
    Sequencer(SequencerError),
    /// GSP-RM's interrupt table has no usable entry for the GSP.
    NoInterrupt {
        /// Vector in its entry, if it has one.
        found: Option<u32>,
    },
}

/// What is wrong with the mapping of the GSP's firmware image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// More pages than three levels of tables reach, or none.
    PageCount {
        /// Pages of the image.
        pages: usize,
    },
    /// A page has no bus address.
    PageAddress {
        /// The page.
        page: usize,
    },
}

impl Error {
    /// The coarse sort.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::CardGone => ErrorKind::NoDevice,
            Self::UnknownChip(_) => ErrorKind::Unsupported,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Load { error, .. } | Self::LoadImage { error, .. } => match error {
                LoadError::NotFound => ErrorKind::NotFound,
                LoadError::OutOfMemory => ErrorKind::NoMemory,
                LoadError::Os(_) => ErrorKind::Io,
            },
            Self::Memory(error) => error.kind(),
            Self::Firmware { .. }
            | Self::NoRelease { .. }
            | Self::ImageLen { .. }
            | Self::Release { .. }
            | Self::Vbios(_)
            | Self::Image(_)
            | Self::NoRoom(_)
            | Self::Ucode { .. } => ErrorKind::Invalid,
            Self::UcodeRefused { .. }
            | Self::UcodeFailed { .. }
            | Self::Unscrubbed { .. }
            | Self::Fsp(FspError::Refused { .. })
            | Self::Rpc { .. } => ErrorKind::Io,
            Self::Wpr2 { expected, .. } => match expected {
                Some(_) => ErrorKind::Io,
                None => ErrorKind::Busy,
            },
            Self::CallTooLong { .. } | Self::NoCall => ErrorKind::Invalid,
            Self::TooManyCalls => ErrorKind::Busy,
            Self::Halted { .. } => ErrorKind::Io,
            Self::Queue(_)
            | Self::Fsp(_)
            | Self::Payload { .. }
            | Self::Sequencer(_)
            | Self::NoInterrupt { .. } => ErrorKind::Protocol,
        }
    }
}

/// The end of an attempt: where it stopped and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// The stage that failed.
    pub stage: Stage,
    /// Why.
    pub error: Error,
}

impl Failure {
    /// The coarse sort of the error.
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }
}

impl From<Timeout> for Error {
    fn from(e: Timeout) -> Self {
        Self::Timeout(e)
    }
}

impl From<FspError> for Error {
    fn from(e: FspError) -> Self {
        Self::Fsp(e)
    }
}

impl From<ImageError> for Error {
    fn from(e: ImageError) -> Self {
        Self::Image(e)
    }
}

impl From<MemoryError> for Error {
    fn from(e: MemoryError) -> Self {
        Self::Memory(e)
    }
}

impl From<OutOfBounds> for Error {
    fn from(e: OutOfBounds) -> Self {
        Self::Memory(e.into())
    }
}

impl From<NoRoom> for Error {
    fn from(e: NoRoom) -> Self {
        Self::NoRoom(e)
    }
}

impl From<QueueError> for Error {
    fn from(e: QueueError) -> Self {
        Self::Queue(e)
    }
}

impl From<SequencerError> for Error {
    fn from(e: SequencerError) -> Self {
        Self::Sequencer(e)
    }
}

/// A range start that may not be there.
struct Start(Option<u64>);

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(start) => write!(f, "at {start:#x}"),
            None => f.write_str("none"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CardGone => f.write_str(CARD_GONE),
            Self::UnknownChip(e) => e.fmt(f),
            Self::Timeout(e) => e.fmt(f),
            Self::Load { file, error } => write!(f, "{file}: {error}"),
            Self::Firmware { file, error } => write!(f, "{file}: {error}"),
            Self::Release { file, found } => {
                let expected = file.set.release.name;
                write!(f, "{file}: release: expected {expected}, found {found}")
            }
            Self::LoadImage { file, error } => write!(f, "{file}: {error}"),
            Self::ImageLen {
                file,
                expected,
                found,
            } => write!(f, "{file}: expected {expected:#x} bytes, found {found:#x}"),
            Self::NoRelease { chipset, branch } => {
                f.write_str("firmware release: expected ")?;
                for (n, release) in choice::releases(*chipset, None).enumerate() {
                    let or = if n == 0 { "" } else { " or " };
                    write!(f, "{or}{}", release.branch().unwrap_or_default())?;
                }
                write!(f, " for {}, found {branch}", chipset.name())
            }
            Self::Vbios(error) => write!(f, "VBIOS: {error}"),
            Self::Image(e) => e.fmt(f),
            Self::Memory(e) => e.fmt(f),
            Self::NoRoom(e) => e.fmt(f),
            Self::Ucode {
                name,
                field,
                expected,
                found,
            } => write!(f, "{name}: {field}: expected {expected}, found {found:#x}"),
            Self::UcodeRefused { ucode } => write!(
                f,
                "{ucode}: expected it to run, found its mailboxes untouched \
                 (does the boot ROM refuse its signature?)"
            ),
            Self::UcodeFailed {
                ucode,
                register,
                found,
            } => write!(f, "{ucode}: {register}: expected 0, found {found:#x}"),
            Self::Fsp(e) => e.fmt(f),
            Self::Unscrubbed { found } => write!(
                f,
                "scrubber: handoff in secure scratch register 15: expected 3, found {found:#x}"
            ),
            Self::Wpr2 {
                after,
                expected,
                found,
            } => write!(
                f,
                "WPR2 after {after}: expected {}, found {}",
                Start(*expected),
                Start(*found)
            ),
            Self::Queue(e) => e.fmt(f),
            Self::Rpc { rpc, status } => {
                write!(f, "{rpc}: expected status 0, found {status:#x}")
            }
            Self::CallTooLong { len } => write!(
                f,
                "call of GSP-RM: expected at most {PAYLOAD_LIMIT:#x} bytes, found {len:#x}"
            ),
            Self::TooManyCalls => {
                write!(f, "calls of GSP-RM: all {CALLS_MAX} are under way")
            }
            Self::NoCall => f.write_str("calls of GSP-RM: expected one under way, found none"),
            Self::Halted { cpuctl } => write!(
                f,
                "RISC-V core of the GSP: expected it to run, found CPUCTL {cpuctl:#010x}"
            ),
            Self::Payload {
                message,
                expected,
                found,
            } => write!(
                f,
                "{message}: payload: expected at least {expected:#x} bytes, found {found:#x}"
            ),
            Self::Sequencer(e) => e.fmt(f),
            Self::NoInterrupt { found: None } => {
                f.write_str("interrupt table: expected an entry for the GSP, found none")
            }
            Self::NoInterrupt {
                found: Some(vector),
            } => write!(
                f,
                "interrupt table: expected a vector of the GSP below 256, found {vector:#x}"
            ),
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageCount { pages } => write!(
                f,
                "firmware image: expected 1 to 512 * 512 * 512 pages, found {pages}"
            ),
            Self::PageAddress { page } => {
                write!(f, "firmware image: page {page} has no bus address")
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.error)
    }
}

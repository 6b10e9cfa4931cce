// SPDX-License-Identifier: GPL-2.0

//! Reading only the parts of a slow ROM that a driver needs.
//!
//! A GPU shows its ROM through registers, a word at a time. [`Scan`] runs the parser on the bytes
//! that have been read so far; when the parser needs other bytes, the scan requests them and starts
//! over. So there is one parser, and images that it skips (the EFI driver) are never read.

use core::ops::Range;

use super::Vbios;
use crate::error::{Error, ErrorKind, Expected, Format, Result};
use crate::view::{offset, Coverage, View};

/// Bytes of a word, the unit in which the ROM is read.
const WORD: usize = 4;

/// The next step of a [`Scan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read this range of the ROM, in whole words, into the same range of the buffer, then
    /// continue.
    Read(Range<usize>),
    /// The buffer has all bytes that [`Vbios::parse`], [`Vbios::version`] and [`Vbios::fwsec`]
    /// read.
    Done,
}

/// Determines the parts of a ROM that a driver needs.
///
/// ```
/// use nova_firmware::vbios::{Scan, Step};
///
/// fn read(word_at: impl Fn(usize) -> [u8; 4], buffer: &mut [u8]) -> Result<(), nova_firmware::Error> {
///     let mut scan = Scan::new();
///     while let Step::Read(range) = scan.step(buffer)? {
///         let words = range.clone().step_by(4);
///         for (at, word) in words.zip(buffer[range].chunks_mut(4)) {
///             word.copy_from_slice(&word_at(at));
///         }
///     }
///     Ok(())
/// }
/// # assert!(read(|_| [0xff; 4], &mut [0; 64]).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Scan {
    coverage: Coverage,
}

impl Scan {
    /// A scan of a ROM that has not been read yet.
    pub const fn new() -> Self {
        Self {
            coverage: Coverage::NONE,
        }
    }

    /// Returns what to read next. `rom` is a buffer as large as the ROM (or its window), with the
    /// bytes that earlier steps requested; its size must be the same at every step.
    ///
    /// An error means that the ROM is malformed.
    pub fn step(&mut self, rom: &[u8]) -> Result<Step> {
        let view = View::new(Format::Vbios, rom);
        let wanted = match look(view.covered_by(&self.coverage)) {
            Ok(()) => return Ok(Step::Done),
            Err(Error {
                kind: ErrorKind::NotRead { start, end },
                ..
            }) => whole_words(start, end, rom.len()),
            Err(error) => return Err(error),
        };
        if self.coverage.add(wanted.clone()) {
            Ok(Step::Read(wanted))
        } else {
            let most = Coverage::MAX_RANGES as u64;
            let expected = Expected::AtMost(most);
            Err(view.unexpected(wanted.start, "separate reads", expected, most + 1))
        }
    }
}

impl Default for Scan {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads everything that a driver reads.
fn look(rom: View<'_>) -> Result<()> {
    let vbios = Vbios::parse_view(rom)?;
    vbios.version()?;
    vbios.fwsec()?;
    Ok(())
}

/// The range of whole words with the bytes from `start` to `end`, limited to the ROM.
fn whole_words(start: u64, end: u64, len: usize) -> Range<usize> {
    let end = offset(end);
    let end = end.checked_next_multiple_of(WORD).unwrap_or(end).min(len);
    let start = offset(start);
    start.saturating_sub(start % WORD)..end
}

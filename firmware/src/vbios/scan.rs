// SPDX-License-Identifier: GPL-2.0

//! Reading no more of a slow ROM than a driver needs.
//!
//! A GPU shows its ROM through registers, a word at a time. [`Scan`] runs the parser over what has
//! been read so far; where it wants a byte that has not, the scan asks for it and starts over. So
//! there is one parser, and images that nobody looks into (the EFI driver) are never read.

use core::ops::Range;

use super::Vbios;
use crate::error::{Error, ErrorKind, Expected, Format, Result};
use crate::view::{offset, Coverage, View};

/// Bytes of the ROM come in words of this size.
const WORD: usize = 4;

/// What a [`Scan`] wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read these bytes of the ROM into the same place of the buffer, then ask again. Whole words.
    Read(Range<usize>),
    /// The buffer holds all that [`Vbios::parse`], [`Vbios::version`] and [`Vbios::fwsec`] look at.
    Done,
}

/// Finds out which parts of a ROM are needed.
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
    /// A scan of a ROM of which nothing has been read.
    pub const fn new() -> Self {
        Self {
            coverage: Coverage::NONE,
        }
    }

    /// Says what to read next, given a buffer as large as the ROM (or its window) that holds what
    /// earlier steps asked for. The size of the buffer must be the same at every step.
    ///
    /// An error means that what has been read shows the ROM to be broken.
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
            let most = Coverage::MAX_STRETCHES as u64;
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

/// Looks at everything that a driver will look at.
fn look(rom: View<'_>) -> Result<()> {
    let vbios = Vbios::parse_view(rom)?;
    vbios.version()?;
    vbios.fwsec()?;
    Ok(())
}

/// The words that hold the bytes from `start` to `end`, as far as they lie in the ROM.
fn whole_words(start: u64, end: u64, len: usize) -> Range<usize> {
    let end = offset(end);
    let end = end.checked_next_multiple_of(WORD).unwrap_or(end).min(len);
    let start = offset(start);
    start.saturating_sub(start % WORD)..end
}

// SPDX-License-Identifier: GPL-2.0

//! Checked reads from a borrowed file.

use core::ops::Range;

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::error::{Error, ErrorKind, Expected, Format, Result};

/// A window into a file that knows its offset in the file, for errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    format: Format,
    /// Offset of `bytes` in the file.
    base: usize,
    bytes: &'a [u8],
    /// Bytes of the file that have been read from a slow device; `None` if all of them have.
    coverage: Option<&'a Coverage>,
}

/// Widens an offset to 64 bits for an [`Error`].
pub(crate) const fn wide(value: usize) -> u64 {
    value as u64
}

/// Converts a number from a file into an offset; one that does not fit becomes the largest, which
/// is beyond the end of every file.
pub(crate) fn offset(value: impl TryInto<usize>) -> usize {
    value.try_into().unwrap_or(usize::MAX)
}

impl<'a> View<'a> {
    /// A view of a whole file.
    pub(crate) const fn new(format: Format, bytes: &'a [u8]) -> Self {
        Self {
            format,
            base: 0,
            bytes,
            coverage: None,
        }
    }

    /// The same view, of which only the bytes in `coverage` have been read.
    pub(crate) const fn covered_by(self, coverage: &'a Coverage) -> Self {
        Self {
            coverage: Some(coverage),
            ..self
        }
    }

    /// Length in bytes.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// All bytes of the view, which must have been read completely.
    pub(crate) const fn all(&self) -> &'a [u8] {
        self.bytes
    }

    /// Offset in the file of byte `at` of this view.
    pub(crate) const fn position(&self, at: usize) -> usize {
        self.base.saturating_add(at)
    }

    /// An error in the field at byte `at` of this view.
    pub(crate) const fn error(&self, at: usize, field: &'static str, kind: ErrorKind) -> Error {
        Error {
            format: self.format,
            offset: wide(self.position(at)),
            field,
            kind,
        }
    }

    /// The error of a wrong value at byte `at` of this view.
    pub(crate) fn unexpected(
        &self,
        at: usize,
        field: &'static str,
        expected: Expected,
        found: impl Into<u64>,
    ) -> Error {
        let found = found.into();
        self.error(at, field, ErrorKind::Value { expected, found })
    }

    /// Checks that the field at byte `at` has a value that fits `expected`.
    pub(crate) fn check(
        &self,
        at: usize,
        field: &'static str,
        expected: Expected,
        found: impl Into<u64>,
    ) -> Result<()> {
        let found = found.into();
        let fits = match expected {
            Expected::Exactly(value) => found == value,
            Expected::OneOf(values) => values.contains(&found),
            Expected::AtLeast(value) => found >= value,
            Expected::AtMost(value) => found <= value,
            Expected::MultipleOf(value) => found.checked_rem(value) == Some(0),
            Expected::Magic(_) | Expected::Words(_) => false,
        };
        if fits {
            Ok(())
        } else {
            Err(self.unexpected(at, field, expected, found))
        }
    }

    /// The window of `len` bytes from byte `at`; errors name `field`.
    pub(crate) fn view(&self, at: usize, len: usize, field: &'static str) -> Result<Self> {
        let (start, end) = (at, at.saturating_add(len));
        let bytes = self.bytes.get(start..end).ok_or_else(|| {
            let (end, limit) = (self.position(end), self.position(self.len()));
            let (end, limit) = (wide(end), wide(limit));
            self.error(at, field, ErrorKind::Truncated { end, limit })
        })?;
        if let Some(unread) = self.unread(start..end) {
            let (start, end) = (wide(unread.start), wide(unread.end));
            return Err(self.error(at, field, ErrorKind::NotRead { start, end }));
        }
        Ok(Self {
            base: self.position(at),
            bytes,
            ..*self
        })
    }

    /// The window from byte `at` to the end, without reading it.
    pub(crate) fn tail(&self, at: usize, field: &'static str) -> Result<Self> {
        let bytes = self.bytes.get(at..).ok_or_else(|| {
            let (end, limit) = (self.position(at), self.position(self.len()));
            let (end, limit) = (wide(end), wide(limit));
            self.error(at, field, ErrorKind::Truncated { end, limit })
        })?;
        Ok(Self {
            base: self.position(at),
            bytes,
            ..*self
        })
    }

    /// The first `len` bytes, or all if there are fewer, without reading them.
    pub(crate) fn head(&self, len: usize) -> Self {
        Self {
            bytes: self.bytes.get(..len).unwrap_or(self.bytes),
            ..*self
        }
    }

    fn unread(&self, range: Range<usize>) -> Option<Range<usize>> {
        let range = self.position(range.start)..self.position(range.end);
        self.coverage?.first_gap(range)
    }

    /// The `len` bytes from byte `at`; errors name `field`.
    pub(crate) fn bytes(&self, at: usize, len: usize, field: &'static str) -> Result<&'a [u8]> {
        Ok(self.view(at, len, field)?.bytes)
    }

    /// Borrows the structure at byte `at`.
    pub(crate) fn structure<T>(&self, at: usize, field: &'static str) -> Result<&'a T>
    where
        T: FromBytes + Immutable + KnownLayout + Unaligned,
    {
        let bytes = self.bytes(at, size_of::<T>(), field)?;
        T::ref_from_bytes(bytes).map_err(|_| self.error(at, field, ErrorKind::Missing))
    }

    /// The byte at `at`, which is the length of a header or an entry and must be at least `least`.
    pub(crate) fn length(&self, at: usize, field: &'static str, least: u64) -> Result<usize> {
        let len = self.u8(at, field)?;
        self.check(at, field, Expected::AtLeast(least), len)?;
        Ok(usize::from(len))
    }

    /// The byte at `at`.
    pub(crate) fn u8(&self, at: usize, field: &'static str) -> Result<u8> {
        Ok(*self.structure::<u8>(at, field)?)
    }

    /// The little-endian 16-bit word at `at`.
    pub(crate) fn u16(&self, at: usize, field: &'static str) -> Result<u16> {
        self.structure(at, field).copied().map(u16::from_le_bytes)
    }

    /// The little-endian 32-bit word at `at`.
    pub(crate) fn u32(&self, at: usize, field: &'static str) -> Result<u32> {
        self.structure(at, field).copied().map(u32::from_le_bytes)
    }
}

/// The bytes of a file that have been read.
#[derive(Clone, Debug)]
pub(crate) struct Coverage {
    ranges: [Range<u32>; Coverage::MAX_RANGES],
    used: usize,
}

impl Coverage {
    /// The most separate ranges that are recorded; a ROM of 12 images needs 60.
    pub(crate) const MAX_RANGES: usize = 64;

    /// No bytes.
    pub(crate) const NONE: Self = Self {
        ranges: [const { 0..0 }; Self::MAX_RANGES],
        used: 0,
    };

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let used = self.ranges.iter().take(self.used);
        used.map(|range| offset(range.start)..offset(range.end))
    }

    /// The first bytes of `range` that have not been read.
    pub(crate) fn first_gap(&self, range: Range<usize>) -> Option<Range<usize>> {
        let mut start = range.start;
        while start < range.end {
            match self.ranges().find(|range| range.contains(&start)) {
                Some(range) => start = range.end,
                None => {
                    let later = self.ranges().map(|range| range.start);
                    let end = later.filter(|at| *at > start).fold(range.end, usize::min);
                    return Some(start..end);
                }
            }
        }
        None
    }

    /// Records that `range` has been read; `false` if there is no room for it.
    pub(crate) fn add(&mut self, range: Range<usize>) -> bool {
        let (Ok(start), Ok(end)) = (u32::try_from(range.start), u32::try_from(range.end)) else {
            return false;
        };
        let mut used = self.ranges.iter_mut().take(self.used);
        if let Some(before) = used.find(|range| range.end == start) {
            before.end = end;
            return true;
        }
        match self.ranges.get_mut(self.used) {
            Some(free) => *free = start..end,
            None => return false,
        }
        self.used = self.used.saturating_add(1);
        true
    }
}

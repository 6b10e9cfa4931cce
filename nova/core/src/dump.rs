// SPDX-License-Identifier: GPL-2.0

//! Dumps of what has failed: text, and then parts of binary data. A part is a line `== NAME SIZE`, so many bytes, and a line
//! end. docs/debugging.md describes what they contain.

pub(crate) mod queue;

use core::fmt::{self, Write as _};

use crate::platform::OutOfMemory;

/// Bytes of a part that are read at a time, onto the stack.
const CHUNK: usize = 256;

/// Where a dump is written to.
pub trait Sink {
    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    fn append(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory>;
}

/// Memory of which a dump has a part.
pub trait Source {
    /// Reads bytes at an offset.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    fn read(&self, offset: u64, into: &mut [u8]) -> fmt::Result;
}

/// A dump that is being written. It fails with [`fmt::Error`], as text does.
#[derive(Debug)]
pub struct Dump<S>(S);

impl<S: Sink> Dump<S> {
    /// An empty one.
    pub fn new(sink: S) -> Self {
        Self(sink)
    }

    /// What has been written.
    pub fn into_inner(self) -> S {
        self.0
    }

    /// Adds a part of so many bytes from an offset on.
    ///
    /// # Errors
    ///
    /// There is no memory, or the source cannot be read.
    pub fn part(
        &mut self,
        name: fmt::Arguments<'_>,
        source: &impl Source,
        offset: u64,
        size: u64,
    ) -> fmt::Result {
        writeln!(self, "== {name} {size}")?;
        let mut chunk = [0; CHUNK];
        let (mut at, mut left) = (offset, size);
        while left != 0 {
            let count = left.min(CHUNK as u64);
            let bytes = chunk.get_mut(..count as usize).unwrap_or_default();
            source.read(at, bytes)?;
            self.bytes(bytes)?;
            at = at.saturating_add(count);
            left = left.saturating_sub(count);
        }
        writeln!(self)
    }

    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        self.0.append(bytes).map_err(|_| fmt::Error)
    }
}

impl<S: Sink> fmt::Write for Dump<S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// Room for some bytes.
    struct Limited(Vec<u8>, usize);

    impl Sink for Limited {
        fn append(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory> {
            let Self(all, limit) = self;
            if all.len() + bytes.len() > *limit {
                return Err(OutOfMemory { size: bytes.len() });
            }
            all.extend(bytes);
            Ok(())
        }
    }

    /// Each byte is the lower half of its offset; there are 600.
    struct Offsets;

    impl Source for Offsets {
        fn read(&self, offset: u64, into: &mut [u8]) -> fmt::Result {
            if offset + into.len() as u64 > 600 {
                return Err(fmt::Error);
            }
            for (byte, offset) in into.iter_mut().zip(offset..) {
                *byte = offset as u8;
            }
            Ok(())
        }
    }

    fn dump(limit: usize, offset: u64, size: u64) -> Result<Vec<u8>, fmt::Error> {
        let mut dump = Dump::new(Limited(Vec::new(), limit));
        dump.part(format_args!("part {}", 1), &Offsets, offset, size)?;
        Ok(dump.into_inner().0)
    }

    #[test]
    fn a_part_is_a_line_bytes_and_a_line_end() {
        let expected: Vec<u8> = (10..594).map(|offset| offset as u8).collect();
        let dumped = dump(1000, 10, 584).unwrap();
        let (head, rest) = dumped.split_at(14);
        assert_eq!(String::from_utf8_lossy(head), "== part 1 584\n");
        assert_eq!(rest.split_last(), Some((&b'\n', &expected[..])));
        assert_eq!(dump(1000, 5, 0), Ok(b"== part 1 0\n\n".to_vec()));
    }

    #[test]
    fn what_cannot_be_read_or_kept_is_an_error() {
        assert!(dump(599, 10, 584).is_ok());
        assert_eq!(dump(598, 10, 584), Err(fmt::Error), "no memory");
        assert_eq!(dump(1000, 10, 591), Err(fmt::Error), "beyond the end");
    }
}

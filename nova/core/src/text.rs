// SPDX-License-Identifier: GPL-2.0

//! Short strings of a fixed capacity: names and versions, without an allocator.

use core::fmt;

/// A string of at most `N` bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: u16,
}

impl<const N: usize> Text<N> {
    /// The empty string.
    pub const EMPTY: Self = {
        assert!(N <= u16::MAX as usize);
        Self {
            bytes: [0; N],
            len: 0,
        }
    };

    /// Takes the bytes up to the first NUL, the end, or the capacity; bytes that are not printable
    /// ASCII become `?`, so that firmware cannot write control characters into a log.
    pub fn from_bytes(from: &[u8]) -> Self {
        let mut text = Self::EMPTY;
        for (to, &byte) in text
            .bytes
            .iter_mut()
            .zip(from.iter().take_while(|&&byte| byte != 0))
        {
            *to = if byte == b' ' || byte.is_ascii_graphic() {
                byte
            } else {
                b'?'
            };
            text.len = text.len.saturating_add(1);
        }
        text
    }

    /// Formats a string; it is truncated at the capacity.
    pub fn format(args: fmt::Arguments<'_>) -> Self {
        let mut text = Self::EMPTY;
        // The only possible error is a full string, which is then truncated as intended.
        let _ = fmt::write(&mut text, args);
        text
    }

    /// Formats a string that must fit.
    pub(crate) fn whole(args: fmt::Arguments<'_>) -> Self {
        let mut text = Self::EMPTY;
        let written = fmt::write(&mut text, args);
        debug_assert!(written.is_ok(), "{text} is cut off");
        text
    }

    /// The string.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..self.len.into()).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }

    /// Whether the string is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let free = self.bytes.get_mut(self.len.into()..).unwrap_or_default();
        let mut fits = s.len().min(free.len());
        while !s.is_char_boundary(fits) {
            fits = fits.saturating_sub(1);
        }
        for (to, from) in free.iter_mut().zip(s.bytes().take(fits)) {
            *to = from;
        }
        self.len = self.len.saturating_add(fits as u16);
        if fits == s.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_nul_and_capacity() {
        assert_eq!(Text::<8>::from_bytes(b"ab\0cd").as_str(), "ab");
        assert_eq!(Text::<3>::from_bytes(b"abcd").as_str(), "abc");
        assert_eq!(Text::<8>::from_bytes(b"a\n \xffb").as_str(), "a? ?b");
        assert!(Text::<8>::from_bytes(b"").is_empty());
    }

    #[test]
    fn format_truncates_between_characters() {
        assert_eq!(
            Text::<4>::format(format_args!("{}", "abc\u{e9}")).as_str(),
            "abc"
        );
        let full = Text::<4>::format(format_args!("{}", "abcd"));
        assert_eq!((full.as_str(), full.is_empty()), ("abcd", false));
        assert_eq!(
            Text::<8>::format(format_args!("{}-{}", 1, 2)).as_str(),
            "1-2"
        );
    }
}

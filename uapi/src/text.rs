// SPDX-License-Identifier: MIT

//! Text in a structure, of fixed size.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `char[N]` of the header: text with at least one NUL at the end, padded with NULs.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    /// `from` as text, truncated to `N - 1` bytes and at its first NUL.
    pub fn new(from: &[u8]) -> Self {
        let mut bytes = [0; N];
        let room = bytes.iter_mut().take(N.saturating_sub(1));
        for (to, from) in room.zip(from.iter().take_while(|byte| **byte != 0)) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The bytes before the first NUL, or all bytes if there is none.
    pub fn as_bytes_to_nul(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or(&[])
    }

    /// The text before the first NUL; `None` if it is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.as_bytes_to_nul()).ok()
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes_to_nul().escape_ascii())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_stored() {
        let text = Text::<8>::new(b"570.144");
        assert_eq!(text.as_str(), Some("570.144"));
        assert_eq!(text.as_bytes(), b"570.144\0");
    }

    #[test]
    fn long_text_is_truncated_and_ends_with_a_nul() {
        let text = Text::<4>::new(b"570.144");
        assert_eq!(text.as_bytes(), b"570\0");
    }

    #[test]
    fn text_ends_at_its_first_nul() {
        let text = Text::<8>::new(b"ab\0cd");
        assert_eq!(text.as_bytes(), b"ab\0\0\0\0\0\0");
    }

    #[test]
    fn text_without_a_nul_is_read_completely() {
        let text = Text(*b"abcd");
        assert_eq!(text.as_str(), Some("abcd"));
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_escaped() {
        let text = Text::<8>::new(b"a\xff\n");
        assert_eq!(text.as_str(), None);
        extern crate std;
        assert_eq!(std::format!("{text}"), "a\\xff\\n");
    }
}

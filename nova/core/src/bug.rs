// SPDX-License-Identifier: GPL-2.0

//! What is always there, unless this driver has a bug.

/// For values that no input can take away.
pub(crate) trait OrBug<T> {
    /// The value. Where it is missing, tests and fuzzers stop; a kernel goes on with nothing, rather
    /// than to crash.
    fn or_bug(self) -> T;
}

impl<T: Default> OrBug<T> for Option<T> {
    #[track_caller]
    fn or_bug(self) -> T {
        debug_assert!(self.is_some(), "a bug of the driver: nothing is here");
        self.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_given_back() {
        assert_eq!(Some(7).or_bug(), 7);
    }

    #[test]
    #[should_panic(expected = "a bug of the driver")]
    fn a_bug_is_loud() {
        None::<&[u8]>.or_bug();
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Values that are only missing if the driver has a bug.

/// Unwraps values that no input can make missing.
pub(crate) trait OrBug<T> {
    /// Returns the value. If it is missing, tests and fuzzers panic; a kernel continues with the
    /// default value instead.
    fn or_bug(self) -> T;
}

impl<T: Default> OrBug<T> for Option<T> {
    #[track_caller]
    fn or_bug(self) -> T {
        debug_assert!(self.is_some(), "a bug of the driver: a value is missing");
        self.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_returned() {
        assert_eq!(Some(7).or_bug(), 7);
    }

    #[test]
    #[should_panic(expected = "a bug of the driver")]
    fn a_missing_value_panics() {
        None::<&[u8]>.or_bug();
    }
}

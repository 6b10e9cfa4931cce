// SPDX-License-Identifier: MIT

//! Why an argument is refused.

use core::fmt;

/// The error number of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// `EINVAL`: the header does not allow this value.
    Invalid,
    /// `E2BIG`: the argument has members that this kernel does not know, and they are not zero.
    TooBig,
    /// `EOPNOTSUPP`: the header defines this value, but this GPU or this kernel does not do it.
    Unsupported,
}

/// A member that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What the call fails with.
    pub errno: Errno,
    /// Structure and member, as in the header.
    pub member: &'static str,
    /// What the member must be.
    pub expected: &'static str,
    /// What it is.
    pub found: u64,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            member,
            expected,
            found,
            ..
        } = self;
        write!(f, "{member} is {found:#x}, must be {expected}")
    }
}

/// `EINVAL` for `member`, which is `found`, unless it is as expected.
pub(crate) fn require(
    is_expected: bool,
    member: &'static str,
    expected: &'static str,
    found: impl Into<u64>,
) -> Result<(), Refused> {
    match is_expected {
        true => Ok(()),
        false => Err(invalid(member, expected, found)),
    }
}

/// `EINVAL` for `member`, which is `found`.
pub(crate) fn invalid(
    member: &'static str,
    expected: &'static str,
    found: impl Into<u64>,
) -> Refused {
    Refused {
        errno: Errno::Invalid,
        member,
        expected,
        found: found.into(),
    }
}

/// `EINVAL` unless `found` is zero: the member is reserved, or unused here.
pub(crate) fn require_zero(member: &'static str, found: impl Into<u64>) -> Result<(), Refused> {
    let found = found.into();
    require(found == 0, member, "zero", found)
}

/// `EINVAL` if `found` has bits other than `defined`.
pub(crate) fn require_flags(member: &'static str, found: u32, defined: u32) -> Result<(), Refused> {
    require(found & !defined == 0, member, "flags of the header", found)
}

/// `EOPNOTSUPP` for `member`, which is `found`.
pub(crate) fn unsupported(
    member: &'static str,
    expected: &'static str,
    found: impl Into<u64>,
) -> Refused {
    Refused {
        errno: Errno::Unsupported,
        member,
        expected,
        found: found.into(),
    }
}

/// Whether `value` is a multiple of `alignment`; nothing is a multiple of 0.
pub(crate) fn is_aligned(value: u64, alignment: u64) -> bool {
    value.checked_rem(alignment) == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_member_what_is_expected_and_what_was_found() {
        extern crate std;
        let refused = require_flags("drm_nova_exec.flags", 0x11, 1).unwrap_err();
        assert_eq!(
            std::format!("{refused}"),
            "drm_nova_exec.flags is 0x11, must be flags of the header"
        );
        assert_eq!(refused.errno, Errno::Invalid);
    }

    #[test]
    fn nothing_is_a_multiple_of_zero() {
        assert!(is_aligned(0, 4) && is_aligned(8, 4) && !is_aligned(6, 4));
        assert!(!is_aligned(0, 0) && !is_aligned(4, 0));
    }
}

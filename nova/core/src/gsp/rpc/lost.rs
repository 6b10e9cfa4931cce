// SPDX-License-Identifier: GPL-2.0

//! When the GSP does not answer any more.

use core::fmt;
use core::time::Duration;

use super::error::RpcError;

/// Why the GSP was given up: it has to be booted again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lost {
    /// The call that had been under way longest, and for how long.
    pub call: Option<(&'static str, Duration)>,
    /// What happened; each call fails with it from then on.
    pub cause: RpcError,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the GSP is lost: {}", self.cause)?;
        match self.call {
            Some((name, age)) => write!(f, " (oldest call: {name}, {age:?} ago)"),
            None => Ok(()),
        }
    }
}

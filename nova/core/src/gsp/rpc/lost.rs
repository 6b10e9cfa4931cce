// SPDX-License-Identifier: GPL-2.0

//! The loss of the GSP.

use core::fmt;
use core::time::Duration;

use super::error::RpcError;

/// The loss of the GSP, which has to be booted again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lost {
    /// Name and age of the oldest call in progress.
    pub call: Option<(&'static str, Duration)>,
    /// The cause, which is the error of each call from then on.
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

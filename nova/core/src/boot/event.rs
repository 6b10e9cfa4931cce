// SPDX-License-Identifier: GPL-2.0

//! Events of a GPU.

use core::fmt;

use super::error::Failure;
use crate::gsp::events::GspEvent;

/// An event of a GPU, which arises without a request of the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An event that GSP-RM sent.
    Gsp(GspEvent<'a>),
    /// A boot failed, and so did its teardown: the GPU has to be reset.
    TeardownFailed(&'a Failure),
}

/// Callback for events.
pub(crate) type Events<'a> = &'a mut dyn FnMut(Event<'_>);

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gsp(event) => event.fmt(f),
            Self::TeardownFailed(failure) => write!(f, "the GPU could not be put back: {failure}"),
        }
    }
}

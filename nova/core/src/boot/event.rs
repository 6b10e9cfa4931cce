// SPDX-License-Identifier: GPL-2.0

//! What is told of a GPU without having been asked for.

use core::fmt;

use super::error::Failure;
use crate::gsp::events::GspEvent;

/// Something that whoever boots or uses a GPU did not ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// GSP-RM has reported it.
    Gsp(GspEvent<'a>),
    /// A boot failed, and so did putting the GPU back: it has to be reset.
    TeardownFailed(&'a Failure),
}

/// Who is told of events.
pub(crate) type Events<'a> = &'a mut dyn FnMut(Event<'_>);

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gsp(event) => event.fmt(f),
            Self::TeardownFailed(failure) => write!(f, "the GPU could not be put back: {failure}"),
        }
    }
}

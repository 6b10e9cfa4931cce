// SPDX-License-Identifier: GPL-2.0

//! The two ways to get GSP-RM going, a file each; the table of chips names the one to take.
//!
//! A way says what it takes of the GPU and of the firmware files ([`Plan`]), what the GPU reads while
//! it boots and how the GSP is started ([`Load`]), and how that is undone ([`Teardown`]). What comes
//! before and after is the same on both of them and lies outside of this folder.

// One of each exists per GPU, and what outlives a call is off the stack.
#![allow(clippy::large_enum_variant)]

mod fsp;
mod sec2;

use core::ops::Range;

use super::error::{Error, Failure};
use super::found::Found;
use super::progress::Progress;
use crate::chip::BootMethod;
use crate::falcon::processors::Processors;
use crate::firmware::common::Common;
use crate::mmio::Io;
use crate::platform::Platform;
use crate::text::Text;

/// All that a boot takes, found and given its place; nothing is written and nothing on the GPU has
/// changed.
pub(crate) enum Plan<P: Platform> {
    Sec2(sec2::Plan<P>),
    Fsp(fsp::Plan<P>),
}

/// What the GPU reads until GSP-RM runs.
pub(crate) enum Load<P: Platform> {
    Sec2(P::Boxed<sec2::Load<P>>),
    Fsp(P::Boxed<fsp::Load<P>>),
}

/// What it takes to undo whatever a boot did, so that the next one finds the GPU as after reset.
///
/// All of it is prepared before the boot: once something has failed is no time to look for files.
pub(crate) enum Teardown<P: Platform> {
    Sec2(sec2::Teardown<P>),
    Fsp(fsp::Teardown),
}

impl<P: Platform> Plan<P> {
    /// Waits until the GPU is ready, reads what has to be known of it and loads the files.
    #[inline(never)]
    pub(crate) fn make(
        platform: &P,
        io: &Io<'_>,
        found: &Found,
        progress: &mut Progress,
    ) -> Result<Self, Failure> {
        match found.chip.method {
            BootMethod::Sec2 => sec2::Plan::make(platform, io, found, progress).map(Self::Sec2),
            BootMethod::Fsp(boot) => {
                fsp::Plan::make(platform, io, found, boot, progress).map(Self::Fsp)
            }
        }
    }

    /// The files that every way to boot takes.
    pub(crate) fn common(&self) -> &Common<P> {
        match self {
            Self::Sec2(plan) => &plan.common,
            Self::Fsp(plan) => &plan.common,
        }
    }

    /// The version of the VBIOS, where the boot reads it.
    pub(crate) fn vbios_version(&self) -> Result<Option<Text<32>>, Error> {
        match self {
            Self::Sec2(plan) => Ok(Some(plan.vbios.version()?)),
            Self::Fsp(_) => Ok(None),
        }
    }

    /// Where FRTS goes, where the driver chooses that.
    pub(crate) fn frts(&self) -> Option<Range<u64>> {
        match self {
            Self::Sec2(plan) => Some(plan.layout.frts.clone()).filter(|frts| !frts.is_empty()),
            Self::Fsp(_) => None,
        }
    }

    /// Writes what the GPU reads. `libos` is the bus address of the libos arguments, where those
    /// are pointed to by something in memory.
    #[inline(never)]
    pub(crate) fn write(self, platform: &P, libos: u64) -> Result<(Load<P>, Teardown<P>), Error> {
        Ok(match self {
            Self::Sec2(plan) => {
                let (load, teardown) = plan.write(platform)?;
                (Load::Sec2(load), Teardown::Sec2(teardown))
            }
            Self::Fsp(plan) => {
                let (load, teardown) = plan.write(platform, libos)?;
                (Load::Fsp(load), Teardown::Fsp(teardown))
            }
        })
    }
}

impl<P: Platform> Load<P> {
    /// Bytes of firmware that were copied for it, beyond those of [`Common`].
    pub(crate) fn copied(&self) -> usize {
        match self {
            Self::Sec2(load) => load.copied(),
            Self::Fsp(load) => load.copied(),
        }
    }

    /// Gets the firmware into WPR2 and the GSP's RISC-V core going, with the libos arguments at bus
    /// address `libos`.
    pub(crate) fn start(
        &self,
        processors: Processors<'_>,
        libos: u64,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        match self {
            Self::Sec2(load) => load.start(processors, libos, progress),
            Self::Fsp(load) => load.start(processors, progress),
        }
    }
}

impl<P: Platform> Teardown<P> {
    /// Bytes of firmware that were copied for it.
    pub(crate) fn copied(&self) -> usize {
        match self {
            Self::Sec2(teardown) => teardown.copied(),
            Self::Fsp(_) => 0,
        }
    }

    /// Undoes a boot. A step that fails does not keep the next one from being tried; the first
    /// failure is what is returned.
    pub(crate) fn run(
        &self,
        processors: Processors<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        match self {
            Self::Sec2(teardown) => teardown.run(processors, progress),
            Self::Fsp(teardown) => teardown.run(processors, progress),
        }
    }

    /// Stops what a driver that did not get to unload has left running, so that it does not reach the
    /// memory that it knows of; says whether there was any. [`Self::run`] takes it away.
    pub(crate) fn stop_leftovers(&self, processors: Processors<'_>) -> Result<bool, Error> {
        match self {
            Self::Sec2(_) => sec2::stop_leftovers(processors),
            Self::Fsp(_) => fsp::stop_leftovers(processors),
        }
    }
}

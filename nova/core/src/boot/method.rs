// SPDX-License-Identifier: GPL-2.0

//! The paths on which GSP-RM gets going, a file each; the table of chips names the one to take.
//!
//! A path says what it takes of the GPU and of the firmware files ([`Plan`]), what the GPU reads
//! while it boots and how the GSP is started ([`Load`]), and how that is undone ([`WayBack`]).
//! What comes before and behind is the same on all of them and lies outside of this folder.

// One of each exists per GPU, and what outlives a call is off the stack.
#![allow(clippy::large_enum_variant)]

pub(crate) mod fsp;
pub(crate) mod sec2;

use core::ops::Range;

use crate::boot::error::{Error, Failure};
use crate::boot::found::Found;
use crate::boot::gpu::Hardware;
use crate::boot::report::Progress;
use crate::chip::BootMethod;
use crate::firmware::Common;
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
    Sec2(sec2::Load<P>),
    Fsp(fsp::Load<P>),
}

/// The way back: whatever a boot did, undone, so that the next one finds the GPU as after reset.
///
/// All that it takes is prepared before the way forth is walked: once something has failed is no
/// time to look for files.
pub(crate) enum WayBack<P: Platform> {
    Sec2(sec2::WayBack<P>),
    Fsp(fsp::WayBack),
}

/// What a plan becomes in memory.
pub(crate) struct Written<P: Platform> {
    pub(crate) load: P::Boxed<Load<P>>,
    pub(crate) way_back: WayBack<P>,
    /// Bytes of firmware that were copied beyond those of [`Common`].
    pub(crate) copied: usize,
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
            BootMethod::Fsp(variant) => {
                fsp::Plan::make(platform, io, found, variant, progress).map(Self::Fsp)
            }
        }
    }

    /// The files that every path takes.
    pub(crate) fn common(&self) -> &Common<P> {
        match self {
            Self::Sec2(plan) => &plan.common,
            Self::Fsp(plan) => &plan.common,
        }
    }

    /// The version of the VBIOS, where the path reads it.
    pub(crate) fn vbios_version(&self) -> Result<Option<Text<32>>, Error> {
        match self {
            Self::Sec2(plan) => plan.vbios.version().map(Some),
            Self::Fsp(_) => Ok(None),
        }
    }

    /// Where FRTS goes, where the path chooses that.
    pub(crate) fn frts(&self) -> Option<Range<u64>> {
        match self {
            Self::Sec2(plan) => Some(plan.layout.frts.clone()).filter(|frts| !frts.is_empty()),
            Self::Fsp(_) => None,
        }
    }

    /// Writes what the GPU reads. `libos` is the bus address of the libos arguments, where those
    /// are pointed to by something in memory.
    #[inline(never)]
    pub(crate) fn write(self, platform: &P, libos: u64) -> Result<Written<P>, Error> {
        match self {
            Self::Sec2(plan) => plan.write(platform),
            Self::Fsp(plan) => plan.write(platform, libos),
        }
    }
}

impl<P: Platform> Load<P> {
    /// Gets the firmware into WPR2 and the GSP's RISC-V core going, with the libos arguments at bus
    /// address `libos`.
    pub(crate) fn start(
        &self,
        hardware: Hardware<'_>,
        libos: u64,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        match self {
            Self::Sec2(load) => load.start(hardware, libos, progress),
            Self::Fsp(load) => load.start(hardware, progress),
        }
    }
}

impl<P: Platform> WayBack<P> {
    /// Walks it. A step that fails does not keep the next one from being tried; the first failure
    /// is what is returned.
    pub(crate) fn walk(
        &self,
        hardware: Hardware<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        match self {
            Self::Sec2(way_back) => way_back.walk(hardware, progress),
            Self::Fsp(way_back) => way_back.walk(hardware, progress),
        }
    }

    /// Stops what a driver that did not get to unload has left running, so that it does not reach the
    /// memory that it knows of; says whether there was any. The way back takes it away.
    pub(crate) fn stop_leftovers(&self, hardware: Hardware<'_>) -> Result<bool, Error> {
        match self {
            Self::Sec2(_) => sec2::stop_leftovers(hardware),
            Self::Fsp(_) => fsp::stop_leftovers(hardware),
        }
    }
}

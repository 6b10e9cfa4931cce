// SPDX-License-Identifier: GPL-2.0

//! The two ways to start GSP-RM, a file each; the table of chips selects one.
//!
//! Each has a [`Plan`] with what the boot needs of the GPU and of the firmware files, a [`Load`]
//! with the memory that the GPU reads and the code that starts the GSP, and a [`Teardown`] that
//! undoes the boot. The steps before and after are the same for both ways and are not in this
//! folder.

// Each exists once per GPU, and values that outlive a call are boxed.
#![allow(clippy::large_enum_variant)]

mod fsp;
mod sec2;

use core::ops::Range;
use core::time::Duration;

use super::error::{Error, Failure};
use super::found::Found;
use super::progress::Progress;
use crate::chip::BootMethod;
use crate::falcon::processors::Processors;
use crate::falcon::Falcon;
use crate::firmware::common::Common;
use crate::gsp::rpc::error::RpcError;
use crate::mmio::Io;
use crate::platform::Platform;
use crate::text::Text;

/// Time-out for the start of the RISC-V core, once booter has completed; Linux's.
const RISCV_LIMIT: Duration = Duration::from_secs(5);

/// Everything that a boot needs, loaded and placed in the frame buffer; nothing is written to
/// memory, and the GPU is unchanged.
pub(crate) enum Plan<P: Platform> {
    Sec2(sec2::Plan<P>),
    Fsp(fsp::Plan<P>),
}

/// The memory that the GPU reads during the boot.
pub(crate) enum Load<P: Platform> {
    Sec2(P::Boxed<sec2::Load<P>>),
    Fsp(P::Boxed<fsp::Load<P>>),
}

/// The teardown, after which the GPU is as after a reset.
///
/// It is prepared before the boot, so that it needs no files after a failure.
pub(crate) enum Teardown<P: Platform> {
    Sec2(sec2::Teardown<P>),
    Fsp(fsp::Teardown),
}

impl<P: Platform> Plan<P> {
    /// Waits until the GPU is ready, reads its properties and loads the files.
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

    /// The files that both ways to boot use.
    pub(crate) fn common(&self) -> &Common<P> {
        match self {
            Self::Sec2(plan) => &plan.common,
            Self::Fsp(plan) => &plan.common,
        }
    }

    /// The version of the VBIOS, if the boot reads the VBIOS.
    pub(crate) fn vbios_version(&self) -> Result<Option<Text<32>>, Error> {
        match self {
            Self::Sec2(plan) => Ok(Some(plan.vbios.version()?)),
            Self::Fsp(_) => Ok(None),
        }
    }

    /// The range of FRTS, if the driver chooses it.
    pub(crate) fn frts(&self) -> Option<Range<u64>> {
        match self {
            Self::Sec2(plan) => Some(plan.layout.frts.clone()).filter(|frts| !frts.is_empty()),
            Self::Fsp(_) => None,
        }
    }

    /// Writes the memory that the GPU reads. `libos` is the bus address of the libos arguments,
    /// which the FMC's arguments contain.
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
    /// Bytes of firmware that were copied, without those of [`Common`].
    pub(crate) fn copied(&self) -> usize {
        match self {
            Self::Sec2(load) => load.copied(),
            Self::Fsp(load) => load.copied(),
        }
    }

    /// Copies the firmware into WPR2 and starts the GSP's RISC-V core; `libos` is the bus address
    /// of the libos arguments.
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

    /// Waits until the RISC-V core runs GSP-RM.
    ///
    /// When the FMC has released the GSP's registers, the core is active already; one that is not has stopped
    /// (`kgspBootstrap_GH100` looks once, too). Booter has only just started it.
    pub(crate) fn wait_riscv(&self, gsp: &Falcon<'_>) -> Result<(), Error> {
        match self {
            Self::Sec2(_) => Ok(gsp.wait_riscv(RISCV_LIMIT)?),
            Self::Fsp(_) => Ok(gsp.check_liveness().map_err(RpcError::from)?),
        }
    }
}

impl<P: Platform> Teardown<P> {
    /// Bytes of firmware that were copied.
    pub(crate) fn copied(&self) -> usize {
        match self {
            Self::Sec2(teardown) => teardown.copied(),
            Self::Fsp(_) => 0,
        }
    }

    /// Undoes a boot. All steps are tried even if one fails; the first failure is returned.
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

    /// Stops programs that a driver left running without unload, so that they do not access that
    /// driver's memory; returns whether there is leftover state, which [`Self::run`] removes.
    pub(crate) fn stop_leftovers(&self, processors: Processors<'_>) -> Result<bool, Error> {
        match self {
            Self::Sec2(_) => sec2::stop_leftovers(processors),
            Self::Fsp(_) => fsp::stop_leftovers(processors),
        }
    }
}

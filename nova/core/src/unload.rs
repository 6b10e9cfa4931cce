// SPDX-License-Identifier: GPL-2.0

//! The way back: whatever a boot did, undone, so that the next one finds the GPU as after reset.
//!
//! Source: open-gpu-kernel-modules 570, `kgspTeardown_TU102` and `kgspUnloadRm_IMPL`.

use crate::booter;
use crate::error::Failure;
use crate::falcon::Ucode;
use crate::fwsec;
use crate::gpu::Hardware;
use crate::platform::DmaMemory;
use crate::report::{Progress, Stage};

/// What the way back takes, prepared before the way forth is walked: once something has failed is
/// no time to look for files.
pub(crate) struct WayBack<M> {
    /// FWSEC with the command to undo the boot.
    pub(crate) fwsec_sb: Ucode<M>,
    /// Booter that takes WPR2 away.
    pub(crate) booter_unload: Ucode<M>,
}

impl<M: DmaMemory> WayBack<M> {
    /// Walks it. A step that fails does not keep the next one from being tried; the first failure
    /// is what is returned.
    pub(crate) fn walk(
        &self,
        hardware: Hardware<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Hardware { io, gsp, sec2 } = hardware;
        let fwsec = progress.run(io, Stage::FwsecSb, || fwsec::undo(io, &gsp, &self.fwsec_sb));
        let booter = progress.run(io, Stage::BooterUnload, || {
            booter::unload(io, &sec2, &self.booter_unload)
        });
        fwsec.and(booter)
    }
}

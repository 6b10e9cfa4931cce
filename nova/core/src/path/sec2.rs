// SPDX-License-Identifier: GPL-2.0

//! The path of Turing to Ada: FWSEC, which runs on the GSP's falcon, makes WPR2; booter, which runs
//! on SEC2, fills it and starts the RISC-V core. Both have a counterpart that undoes that.
//!
//! Source: open-gpu-kernel-modules 570, `kgspBootstrap_TU102` and `kgspTeardown_TU102` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/gsp/hal/tu102.rs.

use core::ops::Range;

use zerocopy::IntoBytes;

use super::Written;
use crate::booter;
use crate::chip::Chip;
use crate::choice::{self, Chosen};
use crate::error::{Error, Failure};
use crate::falcon::Ucode;
use crate::fb::{self, Layout};
use crate::firmware::{copy, Common, FileSet, BOOTER_LOAD, BOOTER_UNLOAD};
use crate::fwsec;
use crate::gfw;
use crate::gpu::Hardware;
use crate::identify::Found;
use crate::io::{halves, Io};
use crate::platform::{DmaMemory, Platform};
use crate::report::{Progress, Stage};
use crate::vbios::Vbios;
use crate::wpr::{self, wpr2};

/// What this path takes.
pub(crate) struct Plan<P: Platform> {
    /// The files that every path takes.
    pub(crate) common: Common<P>,
    /// The VBIOS, which FWSEC comes out of.
    pub(crate) vbios: Vbios<P::Bytes>,
    /// Who gets which part of the frame buffer.
    pub(crate) layout: Layout,
    booter: Booters<P::Memory>,
}

/// Booter for the way forth and for the way back.
struct Booters<M> {
    load: Ucode<M>,
    unload: Ucode<M>,
}

/// What the GPU reads until GSP-RM runs.
pub(crate) struct Load<P: Platform> {
    /// FWSEC that makes WPR2.
    fwsec_frts: Ucode<P::Memory>,
    /// Where it puts FRTS.
    frts: Range<u64>,
    /// Booter that fills WPR2.
    booter: Ucode<P::Memory>,
    /// What booter is told.
    metadata: P::Memory,
    _common: Common<P>,
}

/// What it takes to undo that.
pub(crate) struct WayBack<M> {
    /// FWSEC with the command to undo the boot.
    fwsec_sb: Ucode<M>,
    /// Booter that takes WPR2 away.
    booter_unload: Ucode<M>,
}

impl<P: Platform> Plan<P> {
    /// Waits for the GPU's own firmware, reads the VBIOS, loads the files and divides the frame
    /// buffer up.
    pub(super) fn make(
        platform: &P,
        io: &Io<'_>,
        found: &Found,
        progress: &mut Progress,
    ) -> Result<Self, Failure> {
        progress.run(io, Stage::Gfw, || gfw::wait(io))?;
        let vbios = progress.run(io, Stage::Vbios, || Vbios::read(platform, io))?;
        let Chosen { files, passed_over } = progress.run(io, Stage::Firmware, || {
            choice::newest(found, |set| files(platform, io, set))
        })?;
        let (booter, common) = files;
        let common = Common {
            passed_over,
            ..common
        };
        let layout = progress.run(io, Stage::Layout, || layout(io, &found.chip, &common))?;
        Ok(Self {
            common,
            vbios,
            layout,
            booter,
        })
    }

    /// Writes what depends on the layout.
    pub(super) fn write(self, platform: &P, io: &Io<'_>) -> Result<Written<P>, Error> {
        let fwsec = fwsec::Signed::new(io, self.vbios.fwsec()?)?;
        let load = Load {
            fwsec_frts: fwsec.frts(platform, &self.layout.frts)?,
            frts: self.layout.frts.clone(),
            metadata: metadata(platform, &self.common, &self.layout)?,
            booter: self.booter.load,
            _common: self.common,
        };
        let way_back = WayBack {
            fwsec_sb: fwsec.sb(platform)?,
            booter_unload: self.booter.unload,
        };
        let ucodes = [
            &load.fwsec_frts,
            &load.booter,
            &way_back.fwsec_sb,
            &way_back.booter_unload,
        ];
        Ok(Written {
            copied: ucodes
                .iter()
                .fold(0, |sum, ucode| ucode.size.saturating_add(sum)),
            load: super::Load::Sec2(load),
            way_back: super::WayBack::Sec2(way_back),
        })
    }
}

/// Loads the files of `set`, the large one last, so that what is wrong with a small one is found
/// out early.
fn files<P: Platform>(
    platform: &P,
    io: &Io<'_>,
    set: FileSet,
) -> Result<(Booters<P::Memory>, Common<P>), Error> {
    let booters = Booters {
        load: booter::prepare(platform, io, set, BOOTER_LOAD)?,
        unload: booter::prepare(platform, io, set, BOOTER_UNLOAD)?,
    };
    Ok((booters, Common::load(platform, set)?))
}

/// Divides the frame buffer up.
fn layout<P: Platform>(io: &Io<'_>, chip: &Chip, common: &Common<P>) -> Result<Layout, Error> {
    let fb = fb::usable_size(io);
    Ok(Layout::new(&fb::Sizes {
        fb,
        vga_workspace: fb::vga_workspace(io),
        frts: chip.frts_size,
        bootloader: common.bootloader.size as u64,
        firmware: common.image.size as u64,
        heap: chip.heap.size(&common.release.heap, fb),
        non_wpr_heap: chip.non_wpr_heap_size,
    })?)
}

/// What booter is told.
#[inline(never)]
fn metadata<P: Platform>(
    platform: &P,
    common: &Common<P>,
    layout: &Layout,
) -> Result<P::Memory, Error> {
    let metadata = wpr::metadata(layout, &common.images());
    copy(platform, "the WPR metadata", metadata.as_bytes())
}

impl<P: Platform> Load<P> {
    /// Makes WPR2, and has booter fill it and start the RISC-V core.
    pub(super) fn start(
        &self,
        hardware: Hardware<'_>,
        libos: u64,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Hardware { io, gsp, sec2 } = hardware;
        progress.run(io, Stage::FwsecFrts, || {
            fwsec::make_wpr2(io, &gsp, &self.fwsec_frts, &self.frts)
        })?;
        progress.run(io, Stage::BooterLoad, || {
            gsp.reset_into_riscv()?;
            gsp.write_mailboxes(halves(libos));
            booter::load(&sec2, &self.booter, self.metadata.dma_addr())
        })
    }
}

impl<M: DmaMemory> WayBack<M> {
    /// Has FWSEC put the GSP back and booter take WPR2 away.
    pub(super) fn walk(
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

    /// While WPR2 is up, FWSEC refuses to make it.
    pub(super) fn clear_leftovers(&self, hardware: Hardware<'_>) -> Result<(), Error> {
        if wpr2(hardware.io).is_none() {
            return Ok(());
        }
        self.walk(hardware, &mut Progress::default())
            .map_err(|failure| failure.error)
    }
}

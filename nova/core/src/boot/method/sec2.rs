// SPDX-License-Identifier: GPL-2.0

//! The boot of Turing to Ada: FWSEC, which runs on the GSP's falcon, sets up WPR2; booter, which
//! runs on SEC2, fills it and starts the RISC-V core. For the teardown, each has a counterpart.
//!
//! Source: open-gpu-kernel-modules 570, `kgspBootstrap_TU102` and `kgspTeardown_TU102` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/gsp/hal/tu102.rs.

use core::ops::Range;

use nova_firmware::gen_bootloader::GenBootloader;
use zerocopy::IntoBytes;

use crate::boot::booter;
use crate::boot::error::{Error, Failure};
use crate::boot::found::Found;
use crate::boot::gfw;
use crate::boot::layout::{FbLayout, FbNeeds};
use crate::boot::progress::Progress;
use crate::boot::scrubber;
use crate::boot::stage::Stage;
use crate::boot::wpr::{self, wpr2};
use crate::chip::{Chip, FalconKind};
use crate::falcon::processors::Processors;
use crate::falcon::{Falcon, Ucode};
use crate::firmware::choice::{self, Chosen};
use crate::firmware::common::Common;
use crate::firmware::names::{FileSet, BOOTER_LOAD, BOOTER_UNLOAD, GEN_BOOTLOADER};
use crate::mmio::{halves, Io};
use crate::platform::{memory, DmaMemory, Platform, Scratch};
use crate::vbios::fwsec;
use crate::vbios::rom::Vbios;

/// Everything that this way to boot needs.
pub(crate) struct Plan<P: Platform> {
    /// The files that both ways to boot use.
    pub(crate) common: P::Boxed<Common<P>>,
    /// The VBIOS, which contains FWSEC.
    pub(crate) vbios: Vbios<P::Bytes>,
    /// Layout of the frame buffer.
    pub(crate) layout: FbLayout,
    files: Files<P>,
    /// The scrubber, if the frame buffer has to be scrubbed.
    scrubber: Option<Ucode<P::Memory>>,
    fwsec: Programs<P>,
}

/// The files that only this way to boot uses.
struct Files<P: Platform> {
    booter_load: Ucode<P::Memory>,
    booter_unload: Ucode<P::Memory>,
    /// The generic bootloader, which fetches FWSEC if the falcon cannot.
    gen_bootloader: Option<P::File>,
}

/// The memory that the GPU reads during the boot.
pub(crate) struct Load<P: Platform> {
    /// FWSEC with the command FRTS, and the range of FRTS; without FRTS, booter sets up WPR2.
    fwsec_frts: Option<(fwsec::Boxed<P>, Range<u64>)>,
    /// The scrubber, if the frame buffer has to be scrubbed.
    scrubber: Option<Ucode<P::Memory>>,
    /// Booter-load.
    booter: Ucode<P::Memory>,
    /// WPR metadata, booter's argument.
    metadata: P::Memory,
    _common: P::Boxed<Common<P>>,
}

/// The programs that undo the boot.
pub(crate) struct Teardown<P: Platform> {
    /// FWSEC with the command SB.
    fwsec_sb: fwsec::Boxed<P>,
    /// Booter-unload.
    booter_unload: Ucode<P::Memory>,
}

/// Result of writing a plan.
type Written<P> = (<P as Scratch>::Boxed<Load<P>>, Teardown<P>);

impl<P: Platform> Plan<P> {
    /// Waits for the GPU's own firmware, reads the VBIOS, loads the files and computes the layout
    /// of the frame buffer.
    pub(super) fn make(
        platform: &P,
        io: &Io<'_>,
        found: &Found,
        progress: &mut Progress,
    ) -> Result<Self, Failure> {
        let falcon = found.chip.falcon;
        progress.run(io, Stage::Gfw, || gfw::wait(io))?;
        let vbios = progress.run(io, Stage::Vbios, || Ok(Vbios::read(platform, io)?))?;
        let Chosen { files, passed_over } = progress.run(io, Stage::Firmware, || {
            choice::newest(platform, found.identity.chipset, found.pinned, |set| {
                let files = Files::load(platform, io, falcon, set)?;
                Ok((set, files, Common::load(platform, set)?))
            })
        })?;
        let (set, files, mut common) = files;
        common.passed_over = passed_over;
        let layout = progress.run(io, Stage::Layout, || layout(io, &found.chip, &common))?;
        let scrubber = if found.chip.scrubber && scrubber::reaches_beyond_gfw(&layout) {
            progress.run(io, Stage::Scrubber, || {
                scrubber::prepare(platform, io, falcon, set)
            })?
        } else {
            None
        };
        let fwsec = progress.run(io, Stage::Fwsec, || {
            let fwsec = signed_fwsec(io, &vbios, &files, set, falcon)?;
            programs(platform, &fwsec, &layout)
        })?;
        Ok(Self {
            common,
            vbios,
            layout,
            files,
            scrubber,
            fwsec,
        })
    }

    /// Writes the memory that depends on the layout.
    #[inline(never)]
    pub(super) fn write(self, platform: &P) -> Result<Written<P>, Error> {
        let (fwsec_frts, fwsec_sb) = self.fwsec;
        let teardown = Teardown {
            fwsec_sb,
            booter_unload: self.files.booter_unload,
        };
        let load = Load {
            fwsec_frts,
            scrubber: self.scrubber,
            metadata: metadata(platform, &self.common, &self.layout)?,
            booter: self.files.booter_load,
            _common: self.common,
        };
        Ok((
            memory::boxed(platform, "what the GSP boots from", load)?,
            teardown,
        ))
    }
}

/// FWSEC, with what the falcon of this chip needs to run it.
fn signed_fwsec<'a, P: Platform>(
    io: &Io<'_>,
    vbios: &'a Vbios<P::Bytes>,
    files: &'a Files<P>,
    set: FileSet,
    falcon: FalconKind,
) -> Result<fwsec::Signed<'a>, Error> {
    let fwsec = vbios.fwsec()?;
    Ok(match &files.gen_bootloader {
        Some(file) => fwsec::Signed::for_loader(fwsec, gen_bootloader(set, file.as_ref())?)?,
        None => fwsec::Signed::for_boot_rom(io, falcon, fwsec)?,
    })
}

/// FWSEC in memory, with the command FRTS if the layout has FRTS, and with SB for the teardown.
#[inline(never)]
fn programs<P: Platform>(
    platform: &P,
    fwsec: &fwsec::Signed<'_>,
    layout: &FbLayout,
) -> Result<Programs<P>, Error> {
    let frts = &layout.frts;
    let fwsec_frts = match frts.is_empty() {
        true => None,
        false => Some((fwsec.frts(platform, frts)?, frts.clone())),
    };
    Ok((fwsec_frts, fwsec.sb(platform)?))
}

/// FWSEC with the commands FRTS, which is for a range of the frame buffer, and SB.
type Programs<P> = (Option<(fwsec::Boxed<P>, Range<u64>)>, fwsec::Boxed<P>);

impl<P: Platform> Files<P> {
    /// Loads the files of `set`.
    #[inline(never)]
    fn load(platform: &P, io: &Io<'_>, falcon: FalconKind, set: FileSet) -> Result<Self, Error> {
        let booter = |name| booter::prepare(platform, io, falcon, set, name);
        Ok(Self {
            booter_load: booter(BOOTER_LOAD)?,
            booter_unload: booter(BOOTER_UNLOAD)?,
            gen_bootloader: match falcon {
                FalconKind::Tu102 => {
                    let file = set.file(GEN_BOOTLOADER).load(platform)?;
                    gen_bootloader(set, file.as_ref())?;
                    Some(file)
                }
                FalconKind::Ga102 => None,
            },
        })
    }
}

/// Parses the file of the generic bootloader.
fn gen_bootloader(set: FileSet, file: &[u8]) -> Result<GenBootloader<'_>, Error> {
    let gen_bootloader = set.file(GEN_BOOTLOADER);
    Ok(gen_bootloader.parse(file, GenBootloader::parse, GenBootloader::from_tlv)?)
}

/// Computes the layout of the frame buffer.
fn layout<P: Platform>(io: &Io<'_>, chip: &Chip, common: &Common<P>) -> Result<FbLayout, Error> {
    let fb = chip.fb.usable_size(io);
    Ok(FbLayout::new(&FbNeeds {
        fb,
        vga_workspace: chip.fb.vga_workspace(io),
        frts: chip.frts_size,
        bootloader: common.bootloader.size as u64,
        firmware: common.image.size as u64,
        heap: chip.heap.size(&common.release.heap, fb),
        non_wpr_heap: chip.non_wpr_heap_size,
    })?)
}

/// WPR metadata.
#[inline(never)]
fn metadata<P: Platform>(
    platform: &P,
    common: &Common<P>,
    layout: &FbLayout,
) -> Result<P::Memory, Error> {
    let metadata = wpr::metadata(layout, &common.images());
    Ok(memory::copy_to_dma(
        platform,
        "the WPR metadata",
        metadata.as_bytes(),
    )?)
}

impl<P: Platform> Load<P> {
    /// Bytes of firmware that were copied, without those of [`Common`].
    pub(super) fn copied(&self) -> usize {
        let fwsec = self
            .fwsec_frts
            .as_ref()
            .map_or(0, |(fwsec, _)| fwsec.size());
        let scrubber = self.scrubber.as_ref().map_or(0, |scrubber| scrubber.size);
        fwsec
            .saturating_add(scrubber)
            .saturating_add(self.booter.size)
    }

    /// Sets up WPR2, and has booter fill it and start the RISC-V core.
    pub(super) fn start(
        &self,
        processors: Processors<'_>,
        libos: u64,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Processors { io, gsp, sec2 } = processors;
        if let Some((fwsec, frts)) = &self.fwsec_frts {
            progress.run(io, Stage::FwsecFrts, || make_wpr2(io, &gsp, fwsec, frts))?;
        }
        if let Some(scrubber) = &self.scrubber {
            progress.run(io, Stage::Scrubber, || scrubber::run(io, &sec2, scrubber))?;
        }
        progress.run(io, Stage::BooterLoad, || {
            gsp.reset_into_riscv()?;
            gsp.write_mailboxes(halves(libos));
            booter::load(&sec2, &self.booter, self.metadata.dma_addr())
        })
    }
}

/// Has FWSEC set up WPR2, and checks that FRTS is at the requested place.
fn make_wpr2<M: DmaMemory>(
    io: &Io<'_>,
    gsp: &Falcon<'_>,
    fwsec: &fwsec::Program<M>,
    frts: &Range<u64>,
) -> Result<(), Error> {
    fwsec::frts(io, gsp, fwsec)?;
    let found = wpr2(io).map(|range| range.start);
    if found != Some(frts.start) {
        return Err(Error::Wpr2 {
            after: "FWSEC-FRTS",
            expected: Some(frts.start),
            found,
        });
    }
    Ok(())
}

impl<P: Platform> Teardown<P> {
    /// Bytes of firmware that were copied.
    pub(super) fn copied(&self) -> usize {
        self.fwsec_sb.size().saturating_add(self.booter_unload.size)
    }

    /// Has FWSEC restore the GSP's state and booter take WPR2 away.
    pub(super) fn run(
        &self,
        processors: Processors<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Processors { io, gsp, sec2 } = processors;
        let fwsec = progress.run(io, Stage::FwsecSb, || {
            Ok(fwsec::undo(io, &gsp, &self.fwsec_sb)?)
        });
        let booter = progress.run(io, Stage::BooterUnload, || {
            booter::unload(io, &sec2, &self.booter_unload)
        });
        fwsec.and(booter)
    }
}

/// Stops GSP-RM and booter; other leftover programs do not write to memory.
pub(super) fn stop_leftovers(processors: Processors<'_>) -> Result<bool, Error> {
    let Processors { io, gsp, sec2 } = processors;
    if wpr2(io).is_none() {
        return Ok(false);
    }
    gsp.reset()?;
    sec2.reset()?;
    Ok(true)
}

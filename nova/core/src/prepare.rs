// SPDX-License-Identifier: GPL-2.0

//! From a GPU that was found to one whose boot is prepared: all that the GPU will read is written
//! to memory, and the GPU is as it was.
//!
//! Kernel stacks are small: what handles large structures is not inlined, so that they are gone
//! when it returns.

use nova_hw::abi::function;
use nova_hw::chipset::Chipset;
use nova_hw::release::{Release, RELEASES};
use zerocopy::IntoBytes;

use crate::booter;
use crate::chip::Chip;
use crate::error::{Error, Failure};
use crate::falcon::Ucode;
use crate::fb::{self, Layout};
use crate::firmware::{copy, FileSet, GspImage, RiscvBootloader, BOOTER_LOAD, BOOTER_UNLOAD};
use crate::flush::FlushPage;
use crate::fwsec;
use crate::gfw;
use crate::gpu::Gpu;
use crate::identify::Found;
use crate::io::Io;
use crate::libos::Libos;
use crate::platform::{DmaMemory, Platform};
use crate::report::{BootReport, Progress, Stage};
use crate::rpc::Rpc;
use crate::static_info::StaticInfo;
use crate::system_info::{system_info, Registry};
use crate::text::Text;
use crate::unload::WayBack;
use crate::vbios::Vbios;
use crate::wpr;

/// A GPU whose boot is prepared. Nothing on the GPU has changed, so it may simply be dropped.
pub struct Prepared<P: Platform> {
    pub(crate) gpu: P::Boxed<Gpu<P>>,
    pub(crate) load: P::Boxed<Load<P>>,
}

/// What the GPU reads until GSP-RM runs.
pub(crate) struct Load<P: Platform> {
    /// FWSEC that makes WPR2.
    pub(crate) fwsec_frts: Ucode<P::Memory>,
    /// Booter that fills it.
    pub(crate) booter: Ucode<P::Memory>,
    /// What booter is told.
    pub(crate) metadata: P::Memory,
    _image: GspImage<P::Image, P::Memory>,
    _bootloader: RiscvBootloader<P::Memory>,
}

/// The firmware files, loaded.
struct Files<P: Platform> {
    release: &'static Release,
    image: GspImage<P::Image, P::Memory>,
    bootloader: RiscvBootloader<P::Memory>,
    booter: Ucode<P::Memory>,
    booter_unload: Ucode<P::Memory>,
}

/// What is written for this one boot.
struct Written<P: Platform> {
    fwsec_frts: Ucode<P::Memory>,
    fwsec_sb: Ucode<P::Memory>,
    metadata: P::Memory,
    rpc: Rpc<P::Memory, P::Bytes>,
    libos: Libos<P::Memory>,
    flush: FlushPage<P::Memory>,
}

impl Found {
    /// Waits for the GPU's own firmware, reads the VBIOS, loads the firmware files, and writes all
    /// that the GPU will read to memory.
    ///
    /// # Errors
    ///
    /// Missing or malformed firmware files or VBIOS, no memory, a GPU that does not get ready. The
    /// GPU is as it was.
    pub fn prepare<P: Platform>(self, platform: &P) -> Result<Prepared<P>, Failure> {
        let io = &Io::new(platform);
        let Self {
            chip,
            chipset,
            revision,
            boot0,
            mut progress,
        } = self;
        progress.run(io, Stage::Gfw, || gfw::wait(io))?;
        let vbios = progress.run(io, Stage::Vbios, || Vbios::read(platform, io))?;
        let files = progress.run(io, Stage::Firmware, || Files::load(platform, io, chipset))?;
        let layout = progress.run(io, Stage::Layout, || layout(io, &chip, &files))?;
        let mut prepared = progress.run(io, Stage::Memory, || {
            let written = Written::new(platform, io, &chip, &vbios, &files, &layout)?;
            let report = BootReport {
                chipset,
                revision,
                vbios_version: vbios.version()?,
                firmware_release: Text::from_bytes(files.release.name.as_bytes()),
                build_id: files.image.build_id,
                firmware_mapped: files.image.size,
                firmware_copied: written.copied().saturating_add(files.copied()),
                frts: layout.frts.clone(),
                wpr2: layout.wpr2.clone(),
                info: StaticInfo::default(),
                progress: Progress::default(),
            };
            assemble(platform, boot0, report, files, written)
        })?;
        prepared.gpu.report.progress = progress;
        Ok(prepared)
    }
}

impl<P: Platform> Files<P> {
    fn load(platform: &P, io: &Io<'_>, chipset: Chipset) -> Result<Self, Error> {
        // The large file comes last, so that what is wrong with a small one is found out early.
        let [release] = RELEASES;
        let set = FileSet { chipset, release };
        Ok(Self {
            release,
            bootloader: RiscvBootloader::load(platform, set)?,
            booter: booter::prepare(platform, io, set, BOOTER_LOAD)?,
            booter_unload: booter::prepare(platform, io, set, BOOTER_UNLOAD)?,
            image: GspImage::load(platform, set)?,
        })
    }

    /// Bytes of firmware that had to be copied.
    fn copied(&self) -> usize {
        self.image
            .copied()
            .saturating_add(self.bootloader.size)
            .saturating_add(self.booter.size)
            .saturating_add(self.booter_unload.size)
    }
}

/// Puts together what outlives the preparation.
#[inline(never)]
fn assemble<P: Platform>(
    platform: &P,
    boot0: u32,
    report: BootReport,
    files: Files<P>,
    written: Written<P>,
) -> Result<Prepared<P>, Error> {
    let no_memory = |e| Error::no_memory("the state of the GPU", e);
    Ok(Prepared {
        gpu: platform
            .boxed(Gpu {
                boot0,
                bar: platform.pci().bar_sizes[0],
                app_version: files.bootloader.app_version,
                release: files.release,
                report,
                flush: written.flush,
                rpc: written.rpc,
                libos: written.libos,
                way_back: WayBack {
                    fwsec_sb: written.fwsec_sb,
                    booter_unload: files.booter_unload,
                },
            })
            .map_err(no_memory)?,
        load: platform
            .boxed(Load {
                fwsec_frts: written.fwsec_frts,
                booter: files.booter,
                metadata: written.metadata,
                _image: files.image,
                _bootloader: files.bootloader,
            })
            .map_err(no_memory)?,
    })
}

/// Divides the frame buffer up.
fn layout<P: Platform>(io: &Io<'_>, chip: &Chip, files: &Files<P>) -> Result<Layout, Error> {
    let fb = fb::usable_size(io);
    Ok(Layout::new(&fb::Sizes {
        fb,
        vga_workspace: fb::vga_workspace(io),
        frts: chip.frts_size,
        bootloader: files.bootloader.size as u64,
        firmware: files.image.size as u64,
        heap: chip.heap.size(&files.release.heap, fb),
        non_wpr_heap: chip.non_wpr_heap_size,
    })?)
}

impl<P: Platform> Written<P> {
    /// Writes what depends on the layout, and what the GSP finds when it starts.
    #[inline(never)]
    fn new(
        platform: &P,
        io: &Io<'_>,
        chip: &Chip,
        vbios: &Vbios<P::Bytes>,
        files: &Files<P>,
        layout: &Layout,
    ) -> Result<Self, Error> {
        let fwsec = fwsec::Signed::new(io, vbios.fwsec()?)?;
        let rpc = enqueue_first(platform, files.release, chip)?;
        Ok(Self {
            fwsec_frts: fwsec.frts(platform, &layout.frts)?,
            fwsec_sb: fwsec.sb(platform)?,
            metadata: metadata(platform, files, layout)?,
            libos: Libos::new(platform, &files.release.arguments, rpc.queue())?,
            rpc,
            flush: FlushPage::new(platform)?,
        })
    }

    /// Bytes of firmware that had to be copied.
    fn copied(&self) -> usize {
        self.fwsec_frts.size.saturating_add(self.fwsec_sb.size)
    }
}

/// What booter is told.
#[inline(never)]
fn metadata<P: Platform>(
    platform: &P,
    files: &Files<P>,
    layout: &Layout,
) -> Result<P::Memory, Error> {
    let Files {
        image, bootloader, ..
    } = files;
    let metadata = wpr::metadata(
        layout,
        &wpr::Images {
            radix3: image.radix3(),
            firmware_size: image.size as u64,
            bootloader: (bootloader.memory.dma_addr(), bootloader.size as u64),
            bootloader_offsets: bootloader.offsets,
            signature: (image.signature.dma_addr(), image.signature_size as u64),
        },
    );
    copy(platform, "the WPR metadata", metadata.as_bytes())
}

/// Queues with the messages that GSP-RM has to find when it starts.
#[inline(never)]
fn enqueue_first<P: Platform>(
    platform: &P,
    release: &Release,
    chip: &Chip,
) -> Result<Rpc<P::Memory, P::Bytes>, Error> {
    let mut rpc = Rpc::new(platform)?;
    let system_info = system_info(&release.system_info, platform.pci(), chip);
    rpc.enqueue(function::GSP_SET_SYSTEM_INFO, &[system_info.as_bytes()])?;
    rpc.enqueue(function::SET_REGISTRY, &Registry::new().parts())?;
    Ok(rpc)
}

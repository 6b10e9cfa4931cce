// SPDX-License-Identifier: GPL-2.0

//! From a GPU that was found to one whose boot is prepared: all that the GPU will read is written to
//! memory, and the GPU is as it was.

use nova_hw::r570_144::function;
use zerocopy::IntoBytes;

use crate::booter;
use crate::chip::Chip;
use crate::error::{Error, Failure};
use crate::falcon::Ucode;
use crate::fb::{self, Layout};
use crate::firmware::{copy, GspImage, RiscvBootloader};
use crate::flush::FlushPage;
use crate::fwsec;
use crate::gfw;
use crate::gpu::Gpu;
use crate::identify::Found;
use crate::io::Io;
use crate::libos::Libos;
use crate::platform::{DmaMemory, Platform};
use crate::report::{BootReport, Stage};
use crate::rpc::Rpc;
use crate::static_info::StaticInfo;
use crate::system_info::{system_info, Registry};
use crate::unload::WayBack;
use crate::vbios::Vbios;
use crate::wpr;

/// A GPU whose boot is prepared. Nothing on the GPU has changed, so it may simply be dropped.
pub struct Prepared<P: Platform> {
    pub(crate) gpu: Gpu<P>,
    pub(crate) load: Load<P>,
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
    /// Waits for the GPU's own firmware, reads the VBIOS, loads the firmware files, and writes all that
    /// the GPU will read to memory.
    ///
    /// # Errors
    ///
    /// Missing or malformed firmware files or VBIOS, no memory, a GPU that does not get ready. The GPU
    /// is as it was.
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
        let files: Files<P> = progress.run(io, Stage::Firmware, || {
            Ok(Files {
                image: GspImage::load(platform, chipset)?,
                bootloader: RiscvBootloader::load(platform, chipset)?,
                booter: booter::prepare(platform, io, chipset, booter::Kind::Load)?,
                booter_unload: booter::prepare(platform, io, chipset, booter::Kind::Unload)?,
            })
        })?;
        let layout = progress.run(io, Stage::Layout, || layout(io, &chip, &files))?;
        let (written, vbios_version) = progress.run(io, Stage::Memory, || {
            Ok((
                write(platform, io, &chip, &vbios, &files, &layout)?,
                vbios.version()?,
            ))
        })?;

        let copied = [
            written.fwsec_frts.size,
            written.fwsec_sb.size,
            files.booter.size,
            files.booter_unload.size,
            files.bootloader.size,
            files.image.signature_size,
        ];
        let report = BootReport {
            chipset,
            revision,
            vbios_version,
            firmware_release: files.image.release,
            build_id: files.image.build_id,
            firmware_mapped: files.image.size,
            firmware_copied: copied.iter().sum(),
            frts: layout.frts,
            wpr2: layout.wpr2,
            info: StaticInfo::default(),
            progress,
        };
        Ok(Prepared {
            gpu: Gpu {
                boot0,
                bar: platform.pci().bar_sizes[0],
                app_version: files.bootloader.app_version,
                report,
                flush: written.flush,
                rpc: written.rpc,
                libos: written.libos,
                way_back: WayBack {
                    fwsec_sb: written.fwsec_sb,
                    booter_unload: files.booter_unload,
                },
            },
            load: Load {
                fwsec_frts: written.fwsec_frts,
                booter: files.booter,
                metadata: written.metadata,
                _image: files.image,
                _bootloader: files.bootloader,
            },
        })
    }
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
        heap: chip.heap.size(fb),
        non_wpr_heap: chip.non_wpr_heap_size,
    })?)
}

/// Writes what depends on the layout, and what the GSP finds when it starts.
// Kernel stacks are small: what is not inlined gives its structures back when it returns.
#[inline(never)]
fn write<P: Platform>(
    platform: &P,
    io: &Io<'_>,
    chip: &Chip,
    vbios: &Vbios<P::Bytes>,
    files: &Files<P>,
    layout: &Layout,
) -> Result<Written<P>, Error> {
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
    let fwsec = fwsec::Signed::new(io, vbios.fwsec()?)?;
    let rpc = enqueue_first(platform, chip)?;
    Ok(Written {
        fwsec_frts: fwsec.frts(platform, &layout.frts)?,
        fwsec_sb: fwsec.sb(platform)?,
        metadata: copy(platform, "the WPR metadata", metadata.as_bytes())?,
        libos: Libos::new(platform, rpc.queue())?,
        rpc,
        flush: FlushPage::new(platform)?,
    })
}

/// Queues with the messages that GSP-RM has to find when it starts.
#[inline(never)]
fn enqueue_first<P: Platform>(
    platform: &P,
    chip: &Chip,
) -> Result<Rpc<P::Memory, P::Bytes>, Error> {
    let mut rpc = Rpc::new(platform)?;
    let system_info = system_info(platform.pci(), chip);
    rpc.enqueue(function::GSP_SET_SYSTEM_INFO, &[system_info.as_bytes()])?;
    rpc.enqueue(function::SET_REGISTRY, &Registry::new().parts())?;
    Ok(rpc)
}

// SPDX-License-Identifier: GPL-2.0

//! The boot from end to end, one type per state: [`Found`] → [`Prepared`] → [`Running`].
//!
//! A state owns what it needs and borrows nothing; every step is given the platform anew, so that an
//! adapter can keep the state where it likes. Only [`Prepared::boot`] changes the GPU, and where that
//! fails it puts the GPU back before it returns.
//!
//! Source: open-gpu-kernel-modules 570, `kgspBootstrap_TU102` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c.

use core::time::Duration;

use nova_hw::gsp::MAILBOX0_LIBOS_SUSPENDED;
use nova_hw::r570_144::{
    event, function, GspStaticConfigInfo, IntrKernelTable, RmControl, UnloadingGuestDriver,
    CTRL_INTR_GET_KERNEL_TABLE,
};
use zerocopy::{FromZeros, IntoBytes};

use crate::booter;
use crate::error::{Error, Failure};
use crate::falcon::{Engine, Falcon, Ucode};
use crate::fb::{self, Layout};
use crate::firmware::{copy, GspImage, RiscvBootloader};
use crate::flush::FlushPage;
use crate::fwsec;
use crate::gfw;
use crate::identify::Found;
use crate::intr::Irq;
use crate::io::{halves, Io};
use crate::libos::Libos;
use crate::platform::{DmaMemory, Platform};
use crate::report::{BootReport, Progress, Stage};
use crate::rpc::{Awaited, Events, Rpc, Wait};
use crate::sequencer::Sequencer;
use crate::static_info::StaticInfo;
use crate::system_info::{system_info, Registry};
use crate::unload::WayBack;
use crate::vbios::Vbios;
use crate::wpr::{self, wpr2};

/// The RISC-V core starts in less than this once booter is through.
const RISCV_LIMIT: Duration = Duration::from_secs(5);

/// GSP-RM initializes itself in less than this, register accesses that it asks for included.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The GSP stops in less than this.
const SUSPEND_LIMIT: Duration = Duration::from_secs(5);

/// A GPU whose boot is prepared: all that it takes is in memory, nothing on the GPU has changed.
pub struct Prepared<P: Platform> {
    found: Found,
    report: BootReport,
    load: Load<P>,
    host: Host<P>,
}

/// A GPU on which GSP-RM runs.
pub struct Running<P: Platform> {
    found: Found,
    report: BootReport,
    irq: Irq,
    host: Host<P>,
}

/// What is needed until GSP-RM runs.
struct Load<P: Platform> {
    fwsec_frts: Ucode<P::Memory>,
    booter: Ucode<P::Memory>,
    /// Bus address of it is what booter is given.
    metadata: P::Memory,
    layout: Layout,
    /// Only kept for the GPU to read.
    _image: GspImage<P::Image, P::Memory>,
    _bootloader: RiscvBootloader<P::Memory>,
}

/// What is needed as long as GSP-RM runs.
struct Host<P: Platform> {
    flush: FlushPage<P::Memory>,
    rpc: Rpc<P::Memory, P::Bytes>,
    libos: Libos<P::Memory>,
    way_back: WayBack<P::Memory>,
    /// Version of the bootloader.
    app_version: u32,
    /// Bytes of BAR0.
    bar: u64,
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
        let (chip, chipset) = (self.chip, self.chipset);
        let mut progress = self.progress.clone();
        progress.run(io, Stage::Gfw, || gfw::wait(io))?;
        let vbios = progress.run(io, Stage::Vbios, || Vbios::read(platform, io))?;
        let (image, bootloader, booter, booter_unload) =
            progress.run(io, Stage::Firmware, || {
                Ok((
                    GspImage::load(platform, chipset)?,
                    RiscvBootloader::load(platform, chipset)?,
                    booter::prepare(platform, io, chipset, booter::Kind::Load)?,
                    booter::prepare(platform, io, chipset, booter::Kind::Unload)?,
                ))
            })?;
        let layout = progress.run(io, Stage::Layout, || {
            let fb = fb::usable_size(io);
            Ok(Layout::new(&fb::Sizes {
                fb,
                vga_workspace: fb::vga_workspace(io),
                frts: chip.frts_size,
                bootloader: bootloader.size as u64,
                firmware: image.size as u64,
                heap: chip.heap.size(fb),
                non_wpr_heap: chip.non_wpr_heap_size,
            })?)
        })?;
        progress
            .run(io, Stage::Memory, || {
                let fwsec = fwsec::Signed::new(io, vbios.fwsec()?)?;
                let fwsec_frts = fwsec.frts(platform, &layout.frts)?;
                let fwsec_sb = fwsec.sb(platform)?;
                let images = wpr::Images {
                    radix3: image.radix3(),
                    firmware_size: image.size as u64,
                    bootloader: (bootloader.memory.dma_addr(), bootloader.size as u64),
                    bootloader_offsets: bootloader.offsets,
                    signature: (image.signature.dma_addr(), image.signature_size as u64),
                };
                let metadata = wpr::metadata(&layout, &images);
                let metadata = copy(platform, "the WPR metadata", metadata.as_bytes())?;

                let mut rpc = Rpc::new(platform)?;
                let system_info = system_info(platform.pci(), &chip);
                rpc.enqueue(function::GSP_SET_SYSTEM_INFO, &[system_info.as_bytes()])?;
                rpc.enqueue(function::SET_REGISTRY, &Registry::new().parts())?;
                let libos = Libos::new(platform, rpc.queue())?;

                let report = BootReport {
                    chipset,
                    revision: self.revision,
                    vbios_version: vbios.version()?,
                    firmware_release: image.release,
                    build_id: image.build_id,
                    firmware_mapped: image.size,
                    firmware_copied: [
                        fwsec_frts.size,
                        fwsec_sb.size,
                        booter.size,
                        booter_unload.size,
                        bootloader.size,
                        image.signature_size,
                    ]
                    .iter()
                    .sum(),
                    frts: layout.frts.clone(),
                    wpr2: layout.wpr2.clone(),
                    info: StaticInfo::default(),
                    progress: Progress::default(),
                };
                Ok(Prepared {
                    found: self,
                    report,
                    host: Host {
                        flush: FlushPage::new(platform)?,
                        rpc,
                        libos,
                        way_back: WayBack {
                            fwsec_sb,
                            booter_unload,
                        },
                        app_version: bootloader.app_version,
                        bar: platform.pci().bar_sizes[0],
                    },
                    load: Load {
                        fwsec_frts,
                        booter,
                        metadata,
                        layout,
                        _image: image,
                        _bootloader: bootloader,
                    },
                })
            })
            .map(|prepared| Prepared {
                report: BootReport {
                    progress,
                    ..prepared.report
                },
                ..prepared
            })
    }
}

impl<P: Platform> Prepared<P> {
    /// Boots the GSP until GSP-RM has initialized itself and described the GPU.
    ///
    /// # Errors
    ///
    /// Whatever keeps the GSP from running. What was done to the GPU has been undone then, as far as
    /// [`Failure::recovery`] does not say otherwise.
    pub fn boot(self, platform: &P, events: Events<'_>) -> Result<Running<P>, Failure> {
        let io = &Io::new(platform);
        let Self {
            found,
            mut report,
            load,
            mut host,
        } = self;
        let hardware = Hardware::new(io, &found);
        host.flush.register(io);
        match host.start(&hardware, &load, &mut report, events) {
            Ok(irq) => Ok(Running {
                found,
                report,
                irq,
                host,
            }),
            Err(failure) => {
                let failure = host
                    .way_back
                    .recover(io, &hardware.gsp, &hardware.sec2, failure);
                host.flush.unregister(io);
                Err(failure)
            }
        }
    }
}

/// The parts of the GPU that take part in the boot.
struct Hardware<'a> {
    io: &'a Io<'a>,
    gsp: Falcon<'a>,
    sec2: Falcon<'a>,
}

impl<'a> Hardware<'a> {
    fn new(io: &'a Io<'a>, found: &Found) -> Self {
        Self {
            io,
            gsp: Falcon::new(io, Engine::Gsp, found.boot0),
            sec2: Falcon::new(io, Engine::Sec2, found.boot0),
        }
    }
}

impl<P: Platform> Host<P> {
    fn sequencer<'a>(&self, hardware: &Hardware<'a>) -> Sequencer<'a> {
        Sequencer {
            io: hardware.io,
            gsp: hardware.gsp,
            sec2: hardware.sec2,
            bar: self.bar,
            libos: self.libos.dma_addr(),
            app_version: self.app_version,
        }
    }

    /// Everything that a boot does to the GPU.
    fn start(
        &mut self,
        hardware: &Hardware<'_>,
        load: &Load<P>,
        report: &mut BootReport,
        events: Events<'_>,
    ) -> Result<Irq, Failure> {
        let &Hardware { io, gsp, sec2 } = hardware;
        let progress = &mut report.progress;
        progress.run(io, Stage::Leftovers, || self.clear_leftovers(hardware))?;
        progress.run(io, Stage::FwsecFrts, || {
            fwsec::make_wpr2(io, &gsp, &load.fwsec_frts, &load.layout.frts)
        })?;
        progress.run(io, Stage::BooterLoad, || {
            gsp.reset_into_riscv()?;
            let [lo, hi] = halves(self.libos.dma_addr());
            gsp.write_mailboxes(lo, hi);
            booter::load(&sec2, &load.booter, load.metadata.dma_addr())
        })?;
        progress.run(io, Stage::Riscv, || {
            gsp.write_os(self.app_version);
            Ok(gsp.wait_riscv(RISCV_LIMIT)?)
        })?;
        let sequencer = &self.sequencer(hardware);
        progress.run(io, Stage::InitDone, || {
            self.rpc.ring(io);
            let init_done = Awaited {
                name: "GSP_INIT_DONE",
                function: event::GSP_INIT_DONE,
                sequence: None,
            };
            let wait = Wait::Polling;
            self.rpc
                .wait_for(init_done, INIT_LIMIT, wait, sequencer, events)
                .map(|_| ())
        })?;
        report.info = progress.run(io, Stage::StaticInfo, || {
            let request = GspStaticConfigInfo::new_zeroed();
            let rpc = ("GET_GSP_STATIC_INFO", function::GET_GSP_STATIC_INFO);
            let parts = [request.as_bytes()];
            StaticInfo::read(
                self.rpc
                    .call(rpc, &parts, Wait::Polling, sequencer, events)?,
            )
        })?;
        if let Some(range) = wpr2(io) {
            report.wpr2 = range;
        }
        progress.run(io, Stage::Interrupts, || {
            let mut table = IntrKernelTable::new_zeroed();
            let control = RmControl {
                h_client: report.info.client,
                h_object: report.info.subdevice,
                cmd: CTRL_INTR_GET_KERNEL_TABLE,
                ..RmControl::new_zeroed()
            };
            self.rpc.control(
                "INTERNAL_INTR_GET_KERNEL_TABLE",
                control,
                &mut table,
                Wait::Polling,
                sequencer,
                events,
            )?;
            Irq::find(&table)
        })
    }

    /// Takes away what a driver that did not get to unload has left: while WPR2 is up, FWSEC refuses.
    fn clear_leftovers(&self, hardware: &Hardware<'_>) -> Result<(), Error> {
        let &Hardware { io, gsp, sec2 } = hardware;
        if wpr2(io).is_none() {
            return Ok(());
        }
        self.way_back
            .walk(io, &gsp, &sec2, &mut Progress::default())
            .map_err(|failure| failure.error)
    }
}

impl<P: Platform> Running<P> {
    /// What the boot did and found.
    pub fn report(&self) -> &BootReport {
        &self.report
    }

    /// The logs of the GSP, for people to look at: what libos and GSP-RM write there takes a tool of
    /// NVIDIA's to read.
    pub fn logs(&self) -> [(&'static str, &P::Memory); 3] {
        self.host.libos.logs()
    }

    /// The GSP's interrupt, still held back.
    pub fn irq(&self) -> Irq {
        self.irq
    }

    /// Handles all messages that have arrived.
    ///
    /// # Errors
    ///
    /// A message that cannot be understood; those behind it are handled by the next call.
    pub fn service(&mut self, platform: &P, events: Events<'_>) -> Result<(), Error> {
        let io = &Io::new(platform);
        let sequencer = self.host.sequencer(&Hardware::new(io, &self.found));
        self.host.rpc.handle(&sequencer, events)
    }

    /// Stops GSP-RM and puts the GPU back as it was before the boot.
    ///
    /// The adapter keeps handling the interrupt meanwhile; on return it is held back.
    ///
    /// # Errors
    ///
    /// What failed first; the steps behind it have been tried nevertheless.
    pub fn unload(self, platform: &P, events: Events<'_>) -> Result<(), Failure> {
        let io = &Io::new(platform);
        let Self {
            found,
            irq,
            mut host,
            ..
        } = self;
        let hardware = Hardware::new(io, &found);
        let mut progress = Progress::default();
        let shutdown = progress.run(io, Stage::Shutdown, || {
            host.shut_down(platform, &hardware, events)
        });
        irq.disable(platform);
        let back = host
            .way_back
            .walk(io, &hardware.gsp, &hardware.sec2, &mut progress);
        host.flush.unregister(io);
        shutdown.and(back)
    }
}

impl<P: Platform> Host<P> {
    /// Tells GSP-RM to stop and waits until the GSP has.
    fn shut_down(
        &mut self,
        platform: &P,
        hardware: &Hardware<'_>,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let sequencer = self.sequencer(hardware);
        let request = UnloadingGuestDriver::new_zeroed();
        let rpc = ("UNLOADING_GUEST_DRIVER", function::UNLOADING_GUEST_DRIVER);
        let wait = Wait::Interrupt(platform);
        self.rpc
            .call(rpc, &[request.as_bytes()], wait, &sequencer, events)?;
        hardware.gsp.wait_mailbox0(
            "the GSP's processor to be suspended",
            MAILBOX0_LIBOS_SUSPENDED,
            SUSPEND_LIMIT,
        )?;
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What is needed of a GPU from the start of its boot to the end of its way back, and the steps
//! between.
//!
//! Source: open-gpu-kernel-modules 570, `kgspBootstrap_TU102` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c and `kgspUnloadRm_IMPL` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.

use core::time::Duration;

use nova_hw::abi::{event, function, UnloadingGuestDriver, CTRL_INTR_GET_KERNEL_TABLE};
use nova_hw::gsp::MAILBOX0_LIBOS_SUSPENDED;
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::boot::error::{Error, Failure};
use crate::boot::flush::FlushPage;
use crate::boot::method::{Load, WayBack};
use crate::boot::report::{BootReport, Progress, Stage};
use crate::boot::wpr::wpr2;
use crate::chip::Chip;
use crate::falcon::{Engine, Falcon};
use crate::gsp::commands::static_info::StaticInfo;
use crate::gsp::events::Events;
use crate::gsp::libos::Libos;
use crate::gsp::rpc::call::{Call, Object};
use crate::gsp::rpc::{Rpc, Wait};
use crate::gsp::sequencer::Sequencer;
use crate::intr::Irq;
use crate::mmio::Io;
use crate::platform::Platform;

/// The RISC-V core starts in less than this once booter is through.
const RISCV_LIMIT: Duration = Duration::from_secs(5);

/// GSP-RM initializes itself in less than this, register accesses that it asks for included.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The GSP stops in less than this.
const SUSPEND_LIMIT: Duration = Duration::from_secs(5);

/// A GPU and what it reads and writes while GSP-RM runs.
pub(crate) struct Gpu<P: Platform> {
    /// What is particular to the chip.
    pub(crate) chip: Chip,
    /// PMC_BOOT_0.
    pub(crate) boot0: u32,
    /// Bytes of BAR0.
    pub(crate) bar: u64,
    /// Version of the bootloader.
    pub(crate) app_version: u32,
    /// Release of the firmware.
    pub(crate) release: &'static Release,
    pub(crate) report: P::Boxed<BootReport>,
    pub(crate) flush: FlushPage<P::Memory>,
    pub(crate) rpc: P::Boxed<Rpc<P>>,
    pub(crate) libos: Libos<P::Memory>,
    pub(crate) way_back: WayBack<P>,
}

/// The processors that take part in the boot.
#[derive(Clone, Copy)]
pub(crate) struct Hardware<'a> {
    pub(crate) io: &'a Io<'a>,
    pub(crate) gsp: Falcon<'a>,
    pub(crate) sec2: Falcon<'a>,
}

impl<P: Platform> Gpu<P> {
    /// The processors.
    pub(crate) fn hardware<'a>(&self, io: &'a Io<'a>) -> Hardware<'a> {
        let falcon = |engine| Falcon::new(io, self.chip.falcon, engine, self.boot0);
        Hardware {
            io,
            gsp: falcon(Engine::Gsp),
            sec2: falcon(Engine::Sec2),
        }
    }

    /// What executes the register accesses that GSP-RM asks for.
    pub(crate) fn sequencer<'a>(&self, hardware: Hardware<'a>) -> Sequencer<'a> {
        Sequencer {
            hardware,
            bar: self.bar,
            libos: self.libos.dma_addr(),
            app_version: self.app_version,
        }
    }

    /// Everything that a boot does to the GPU, up to where GSP-RM has described it.
    pub(crate) fn start(
        &mut self,
        platform: &P,
        hardware: Hardware<'_>,
        load: &Load<P>,
        events: Events<'_>,
    ) -> Result<Irq, Failure> {
        let mut progress = core::mem::take(&mut self.report.progress);
        self.start_gsp(platform, hardware, load, &mut progress)?;
        let irq = self.meet_gsp_rm(platform, hardware, &mut progress, events)?;
        self.report.progress = progress;
        if let Some(range) = wpr2(hardware.io) {
            self.report.wpr2 = range;
        }
        Ok(irq)
    }

    /// Gets the firmware into WPR2 and the RISC-V core going.
    fn start_gsp(
        &mut self,
        platform: &P,
        hardware: Hardware<'_>,
        load: &Load<P>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Hardware { io, gsp, .. } = hardware;
        progress.run(io, Stage::Leftovers, || {
            let were_any = self.way_back.stop_leftovers(hardware)?;
            platform.admit();
            if were_any {
                // While WPR2 is up, FWSEC refuses to make it.
                let back = self.way_back.walk(hardware, &mut Progress::default());
                back.map_err(|failure| failure.error)?;
            }
            Ok(())
        })?;
        load.start(hardware, self.libos.dma_addr(), progress)?;
        progress.run(io, Stage::Riscv, || {
            gsp.write_os(self.app_version);
            Ok(gsp.wait_riscv(RISCV_LIMIT)?)
        })
    }

    /// Has GSP-RM look at the messages that wait for it, waits until it is ready and asks it for what
    /// a driver has to know.
    ///
    /// Its interrupt is among that, so until then its messages are looked for.
    fn meet_gsp_rm(
        &mut self,
        platform: &P,
        hardware: Hardware<'_>,
        progress: &mut Progress,
        events: Events<'_>,
    ) -> Result<Irq, Failure> {
        let io = hardware.io;
        let sequencer = &self.sequencer(hardware);
        let wait = Wait::Polling;
        progress.run(io, Stage::InitDone, || {
            let init_done = Call::event("GSP_INIT_DONE", event::GSP_INIT_DONE, INIT_LIMIT);
            let said = self
                .rpc
                .call(platform, &init_done, wait, sequencer, events)?;
            said.good().map(|_| ())
        })?;
        self.report.info = progress.run(io, Stage::StaticInfo, || {
            let at = &self.release.static_info;
            let parts = [StaticInfo::request(at)];
            let function = function::GET_GSP_STATIC_INFO;
            let call = Call::new("GET_GSP_STATIC_INFO", function, &parts);
            let reply = self.rpc.call(platform, &call, wait, sequencer, events)?;
            StaticInfo::read(at, reply.good()?)
        })?;
        progress.run(io, Stage::Interrupts, || {
            let name = "INTERNAL_INTR_GET_KERNEL_TABLE";
            let object = self.report.info.handles(Object::Subdevice);
            let parts = [Irq::REQUEST];
            let call = Call::control(name, object, CTRL_INTR_GET_KERNEL_TABLE, &parts);
            let reply = self.rpc.call(platform, &call, wait, sequencer, events)?;
            Irq::find(self.chip.interrupt, self.release.gsp_engine, reply.good()?)
        })
    }

    /// Undoes what a boot did to the GPU, or else keeps the GPU off the memory that it still may use.
    pub(crate) fn put_back(
        &self,
        platform: &P,
        hardware: Hardware<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let back = self.way_back.walk(hardware, progress);
        if back.is_err() {
            platform.isolate();
        }
        self.flush.unregister(hardware.io);
        back
    }

    /// Tells GSP-RM to stop and waits until the GSP has.
    pub(crate) fn shut_down(
        &mut self,
        platform: &P,
        hardware: Hardware<'_>,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let sequencer = self.sequencer(hardware);
        let request = UnloadingGuestDriver::default();
        let parts = [request.as_bytes()];
        let function = function::UNLOADING_GUEST_DRIVER;
        let call = Call::new("UNLOADING_GUEST_DRIVER", function, &parts);
        let wait = Wait::Interrupt(platform);
        let reply = self.rpc.call(platform, &call, wait, &sequencer, events)?;
        reply.good()?;
        hardware.gsp.wait_mailbox0(
            "the GSP's processor to be suspended",
            MAILBOX0_LIBOS_SUSPENDED,
            SUSPEND_LIMIT,
        )?;
        Ok(())
    }
}

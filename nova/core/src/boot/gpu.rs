// SPDX-License-Identifier: GPL-2.0

//! The state of a GPU from the start of its boot to the end of its teardown, and the steps between.
//!
//! Source: open-gpu-kernel-modules 570, `kgspBootstrap_TU102` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c and `kgspUnloadRm_IMPL` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.

use core::time::Duration;

use nova_hw::gsp::MAILBOX0_LIBOS_SUSPENDED;

use super::error::{Error, Failure};
use super::flush::FlushPage;
use super::method::{Load, Teardown};
use super::progress::Progress;
use super::report::BootReport;
use super::stage::Stage;
use super::wpr::wpr2;
use crate::chip::Chip;
use crate::falcon::processors::Processors;
use crate::gsp::commands::control;
use crate::gsp::commands::init_done::InitDone;
use crate::gsp::commands::interrupt_table::{GetInterruptTable, InterruptTable};
use crate::gsp::commands::ping::Ping;
use crate::gsp::commands::static_info::{GetStaticInfo, StaticInfo};
use crate::gsp::commands::unloading_guest_driver::UnloadingGuestDriver;
use crate::gsp::commands::update_bar_pde::UpdateBar2Pde;
use crate::gsp::events::GspEvents;
use crate::gsp::handles::Internal;
use crate::gsp::libos::Libos;
use crate::gsp::rpc::error::RpcError;
use crate::gsp::rpc::outgoing::Outgoing;
use crate::gsp::rpc::{Rpc, Wait};
use crate::gsp::sequencer::Sequencer;
use crate::intr::Irq;
use crate::mmio::Io;
use crate::platform::Platform;

/// Time-out for the stop of the GSP; the driver's own.
const SUSPEND_LIMIT: Duration = Duration::from_secs(5);

/// A GPU, and the memory that it accesses while GSP-RM runs.
pub(crate) struct Gpu<P: Platform> {
    /// Properties of the chip.
    pub(crate) chip: Chip,
    /// PMC_BOOT_0.
    pub(crate) boot0: u32,
    /// Bytes of BAR0.
    pub(crate) bar: u64,
    /// Version of the bootloader.
    pub(crate) app_version: u32,
    pub(crate) report: P::Boxed<BootReport>,
    pub(crate) flush: FlushPage<P::Memory>,
    pub(crate) rpc: P::Boxed<Rpc<P>>,
    pub(crate) libos: Libos<P::Memory>,
    /// The vectors of interrupts, once GSP-RM runs.
    pub(crate) interrupts: InterruptTable,
    pub(crate) teardown: Teardown<P>,
}

impl<P: Platform> Gpu<P> {
    /// The falcons and the registers.
    pub(crate) fn processors<'a>(&self, io: &'a Io<'a>) -> Processors<'a> {
        Processors::new(io, self.chip.falcon, self.boot0)
    }

    /// The sequencer, which runs the register accesses that GSP-RM requests.
    pub(crate) fn sequencer<'a>(&self, processors: Processors<'a>) -> Sequencer<'a> {
        Sequencer {
            processors,
            bar: self.bar,
            libos: self.libos.dma_addr(),
            app_version: self.app_version,
        }
    }

    /// Boots the GPU until GSP-RM has described it.
    pub(crate) fn boot(
        &mut self,
        platform: &P,
        processors: Processors<'_>,
        load: &Load<P>,
        events: GspEvents<'_>,
    ) -> Result<Irq, Failure> {
        let mut progress = core::mem::take(&mut self.report.progress);
        self.start_gsp(platform, processors, load, &mut progress)?;
        let io = processors.io;
        let sequencer = &self.sequencer(processors);
        progress.run(io, Stage::InitDone, || {
            self.wait_init_done(platform, sequencer, events)
        })?;
        self.report.info = progress.run(io, Stage::StaticInfo, || {
            self.get_static_info(platform, sequencer, events)
        })?;
        let irq = progress.run(io, Stage::Interrupts, || {
            self.get_interrupt(platform, sequencer, events)
        })?;
        self.report.progress = progress;
        if let Some(range) = wpr2(io) {
            self.report.wpr2 = range;
        }
        Ok(irq)
    }

    /// Removes leftover state, copies the firmware into WPR2 and starts the RISC-V core.
    fn start_gsp(
        &mut self,
        platform: &P,
        processors: Processors<'_>,
        load: &Load<P>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Processors { io, gsp, .. } = processors;
        progress.run(io, Stage::Leftovers, || {
            let are_leftovers = self.teardown.stop_leftovers(processors)?;
            platform.enable_dma();
            if are_leftovers {
                // FWSEC refuses to set up WPR2 if it is set up already.
                let torn_down = self.teardown.run(processors, &mut Progress::default());
                torn_down.map_err(|failure| failure.error)?;
            }
            Ok(())
        })?;
        load.start(processors, self.libos.dma_addr(), progress)?;
        progress.run(io, Stage::Riscv, || {
            gsp.write_os(self.app_version);
            load.wait_riscv(&gsp)
        })
    }

    /// Waits until GSP-RM has initialized itself; it reads the messages that were sent before the
    /// start.
    fn wait_init_done(
        &mut self,
        platform: &P,
        sequencer: &Sequencer<'_>,
        events: GspEvents<'_>,
    ) -> Result<(), Error> {
        let wait = Wait::Polling;
        self.rpc
            .call(platform, &InitDone, wait, sequencer, events)?;
        Ok(())
    }

    /// Reads GSP-RM's description of the GPU.
    fn get_static_info(
        &mut self,
        platform: &P,
        sequencer: &Sequencer<'_>,
        events: GspEvents<'_>,
    ) -> Result<StaticInfo, Error> {
        let wait = Wait::Polling;
        let rpc = &mut self.rpc;
        Ok(rpc.call(platform, &GetStaticInfo, wait, sequencer, events)?)
    }

    /// Reads the vectors of interrupts; until the GSP's is known, messages are polled for.
    fn get_interrupt(
        &mut self,
        platform: &P,
        sequencer: &Sequencer<'_>,
        events: GspEvents<'_>,
    ) -> Result<Irq, Error> {
        let get_table = control::Call {
            on: self.report.info.internal(Internal::Subdevice),
            method: GetInterruptTable,
        };
        let wait = Wait::Polling;
        let rpc = &mut self.rpc;
        self.interrupts = rpc.call(platform, &get_table, wait, sequencer, events)?;
        let ping = self.ping_command();
        self.rpc.keep_ping(platform, &ping)?;
        Ok(Irq::new(self.chip.interrupt, self.interrupts.gsp)?)
    }

    /// The command for pings: reads the table of interrupts, as the boot has done, which changes
    /// nothing. Nouveau sends it, too (`r535_gsp_intr_get_table`), and so does NVIDIA's driver
    /// (`intrInitInterruptTable_KERNEL` in src/nvidia/src/kernel/gpu/intr/intr.c).
    fn ping_command(&self) -> Ping {
        Ping(control::Call {
            on: self.report.info.internal(Internal::Subdevice),
            method: GetInterruptTable,
        })
    }

    /// Pings GSP-RM.
    pub(crate) fn ping(&mut self, io: &Io<'_>) -> Result<(), RpcError> {
        let ping = self.ping_command();
        self.rpc.ping(&ping, io.now())?;
        self.rpc.ring(io);
        Ok(())
    }

    /// Takes the page tables of BAR2 from GSP-RM.
    pub(crate) fn unbind_bar2(
        &mut self,
        platform: &P,
        io: &Io<'_>,
        unbind: &UpdateBar2Pde,
        events: GspEvents<'_>,
    ) -> Result<(), RpcError> {
        let sequencer = self.sequencer(self.processors(io));
        let wait = Wait::Interrupt(platform);
        // Their callers do not wait any more.
        self.rpc.cancel_all();
        self.rpc.call(platform, unbind, wait, &sequencer, events)
    }

    /// Makes a call that is ready, and waits for its reply.
    pub(crate) fn call(
        &mut self,
        platform: &P,
        io: &Io<'_>,
        call: Outgoing<P>,
        events: GspEvents<'_>,
    ) -> Result<(), RpcError> {
        let sequencer = self.sequencer(self.processors(io));
        let wait = Wait::Interrupt(platform);
        // Their callers do not wait any more.
        self.rpc.cancel_all();
        let reply = self.rpc.make(call, wait, &sequencer, events)?;
        reply.check()
    }

    /// Undoes a boot; if that fails, disables the GPU's DMA, since the GPU may still access memory.
    pub(crate) fn tear_down(
        &self,
        platform: &P,
        processors: Processors<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let torn_down = self.teardown.run(processors, progress);
        if torn_down.is_err() {
            platform.disable_dma();
        }
        self.flush.unregister(processors.io);
        torn_down
    }

    /// Stops GSP-RM and waits until the GSP has stopped.
    pub(crate) fn shut_down(
        &mut self,
        platform: &P,
        processors: Processors<'_>,
        events: GspEvents<'_>,
    ) -> Result<(), Error> {
        let sequencer = self.sequencer(processors);
        let wait = Wait::Interrupt(platform);
        // Their callers do not wait any more.
        self.rpc.cancel_all();
        self.rpc
            .call(platform, &UnloadingGuestDriver, wait, &sequencer, events)?;
        processors.gsp.wait_mailbox0(
            "the GSP's processor to be suspended",
            MAILBOX0_LIBOS_SUSPENDED,
            SUSPEND_LIMIT,
        )?;
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Preparation of a boot: writes all memory that the GPU will read, and leaves the GPU unchanged.
//!
//! Functions that handle large structures are not inlined, since kernel stacks are small.

use nova_hw::release::Release;

use super::error::{Error, Failure};
use super::flush::FlushPage;
use super::found::Found;
use super::gpu::Gpu;
use super::method::{Load, Plan};
use super::progress::Progress;
use super::report::BootReport;
use super::stage::Stage;
use crate::chip::Chip;
use crate::gsp::commands::interrupt_table::InterruptTable;
use crate::gsp::commands::set_registry::SetRegistry;
use crate::gsp::commands::set_system_info::SetSystemInfo;
use crate::gsp::commands::static_info::StaticInfo;
use crate::gsp::libos::Libos;
use crate::gsp::rpc::Rpc;
use crate::mmio::{Counts, Io};
use crate::platform::{memory, Platform};
use crate::text::Text;

/// A GPU whose boot is prepared. The GPU is unchanged, so this may be dropped.
pub struct Prepared<P: Platform> {
    pub(crate) gpu: P::Boxed<Gpu<P>>,
    pub(crate) load: Load<P>,
}

impl Found {
    /// Waits until the GPU is ready, reads the VBIOS if the boot uses it, loads the firmware files,
    /// and writes all memory that the GPU will read.
    ///
    /// # Errors
    ///
    /// Missing or malformed firmware files or VBIOS, failed allocations, or a GPU that does not get
    /// ready. The GPU is unchanged.
    #[inline(never)]
    pub fn prepare<P: Platform>(mut self, platform: &P) -> Result<Prepared<P>, Failure> {
        let counts = Counts::default();
        let io = &Io::counted(platform, &counts);
        let mut progress = core::mem::take(&mut self.progress);
        let plan = Plan::make(platform, io, &self, &mut progress)?;
        let mut prepared = progress.run(io, Stage::Memory, || write(platform, &self, plan))?;
        prepared.gpu.report.progress = progress;
        Ok(prepared)
    }
}

/// Writes the memory that the GPU will read, and creates the state for the boot.
#[inline(never)]
fn write<P: Platform>(platform: &P, found: &Found, plan: Plan<P>) -> Result<Prepared<P>, Error> {
    let common = plan.common();
    let (release, app_version) = (common.release, common.bootloader.app_version);
    let mut report = report(platform, found, &plan)?;
    let rpc = enqueue_first(platform, release, &found.chip)?;
    let libos = Libos::new(platform, &release.arguments, rpc.queue())?;
    let (load, teardown) = plan.write(platform, libos.dma_addr())?;
    report.firmware_copied = report
        .firmware_copied
        .saturating_add(load.copied())
        .saturating_add(teardown.copied());
    let gpu = Gpu {
        chip: found.chip,
        boot0: found.identity.boot0,
        bar: platform.pci().bar_sizes[0],
        app_version,
        report,
        flush: FlushPage::new(platform, found.chip.flush)?,
        rpc,
        libos,
        interrupts: InterruptTable::default(),
        teardown,
    };
    Ok(Prepared {
        gpu: memory::boxed(platform, "the state of the GPU", gpu)?,
        load,
    })
}

/// The part of the report that is known before the boot.
#[inline(never)]
fn report<P: Platform>(
    platform: &P,
    found: &Found,
    plan: &Plan<P>,
) -> Result<P::Boxed<BootReport>, Error> {
    let common = plan.common();
    let report = BootReport {
        chipset: found.identity.chipset,
        revision: found.identity.revision,
        vbios_version: plan.vbios_version()?,
        firmware_release: Text::from_bytes(common.release.name.as_bytes()),
        passed_over: common.passed_over,
        build_id: common.image.build_id,
        firmware_mapped: common.image.size,
        firmware_copied: common.copied(),
        frts: plan.frts(),
        wpr2: 0..0,
        info: StaticInfo::default(),
        progress: Progress::default(),
    };
    Ok(memory::boxed(platform, "the boot report", report)?)
}

/// Creates the queues, with the messages that GSP-RM reads when it starts.
#[inline(never)]
fn enqueue_first<P: Platform>(
    platform: &P,
    release: &'static Release,
    chip: &Chip,
) -> Result<P::Boxed<Rpc<P>>, Error> {
    let now = platform.now();
    let rpc = Rpc::new(platform, release, now)?;
    let mut rpc = memory::boxed(platform, "the connection to GSP-RM", rpc)?;
    let info = SetSystemInfo {
        pci: platform.pci(),
        chip,
    };
    rpc.submit_new(platform, &info, now)?;
    rpc.submit_new(platform, &SetRegistry, now)?;
    Ok(rpc)
}

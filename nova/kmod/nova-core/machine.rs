// SPDX-License-Identifier: GPL-2.0

//! The platform of the portable driver: a PCI device, and the kernel's services for it.

use core::time::Duration;

use kernel::device::Bound;
use kernel::io::Io;
use kernel::page::PAGE_SHIFT;
use kernel::pci::{self, Bar};
use kernel::pr_err_once;
use kernel::prelude::*;
use kernel::sizes::{SZ_16M, SZ_32M};
use kernel::sync::{Arc, SetOnce};
use kernel::time::{Instant, Monotonic};
use nova_core::platform::{
    Interrupts, OutOfVram, PciInfo, Platform, Registers, VideoMemory, WindowBar, Windows,
};
use nova_core::{program_slots, MemoryError, MemoryInfo, BAR1_OWN, SLOT_SIZE};

use crate::bars::bars;
use crate::errno::kind;
use crate::vram::{Chunk, Vram};
use nova_kernel::pci::bar_pages::BarPages;
use nova_kernel::pci::bar_start::BarStart;
use nova_kernel::pci::enabled::set_master;
use nova_kernel::pci::reset::Resettable;
use nova_kernel::sync::completion::Completion;

/// The BAR with the registers.
const REGISTERS: u32 = 0;

/// Minimum size of the BAR on all GPUs from Turing on; Blackwell's is larger.
const REGISTERS_SIZE: usize = SZ_16M;

/// How much of BAR2 is mapped: all of it, on all GPUs.
const BAR2_MAX: usize = SZ_32M;

/// How much of BAR1 is mapped: what the driver uses.
const BAR1_MAX: usize = BAR1_OWN as usize;

/// What the BARs show, in their order.
const BARS: [&str; 3] = ["registers", "frame buffer", "instance memory"];

/// A bound GPU on the PCI bus.
#[pin_data]
pub(crate) struct Machine<'a> {
    device: &'a pci::Device<Bound>,
    resettable: Resettable<'a>,
    registers: Bar<'a, REGISTERS_SIZE>,
    /// The windows are uncached, since writes to page tables must not be merged or reordered.
    bar1: BarStart<'a>,
    bar2: BarStart<'a>,
    pci: PciInfo,
    /// The VRAM of the driver and its users; set by the first boot.
    pub(crate) vram: SetOnce<Arc<Vram>>,
    /// Zero of [`Clock::now`](nova_core::platform::Clock::now).
    start: Instant<Monotonic>,
    /// The GSP's interrupt.
    #[pin]
    interrupt: Completion,
}

impl<'a> Machine<'a> {
    /// Maps the registers, and reads the device's PCI information.
    pub(crate) fn new(device: &'a pci::Device<Bound>) -> impl PinInit<Self, Error> + 'a {
        try_pin_init!(Self {
            device,
            resettable: Resettable::new(device)?,
            registers: device
                .iomap_region_sized(REGISTERS, c"nova-core")
                .inspect_err(|error| {
                    dev_err!(
                        device,
                        "BAR0: cannot map {REGISTERS_SIZE:#x} bytes of registers: {error:?}\n"
                    )
                })?,
            pci: pci_info(device)?,
            bar1: window(device, WindowBar::Bar1)?,
            bar2: window(device, WindowBar::Bar2)?,
            vram: SetOnce::new(),
            start: Instant::now(),
            interrupt <- Completion::new(),
        })
    }

    /// The PCI device.
    pub(crate) fn device(&self) -> &'a pci::Device<Bound> {
        self.device
    }

    /// The function-level reset of the GPU.
    pub(crate) fn resettable(&self) -> &Resettable<'a> {
        &self.resettable
    }

    /// When the device was bound.
    pub(crate) fn start(&self) -> Instant<Monotonic> {
        self.start
    }

    /// Wakes a wait for the GSP's interrupt, which has fired.
    pub(crate) fn interrupt_fired(&self) {
        self.interrupt.complete();
    }

    /// The pages of BAR1 that show VRAM to programs; none if BAR1 is too small, or has no page tables.
    pub(crate) fn program_pages(&self, memory: &MemoryInfo) -> Result<BarPages<'a>> {
        let [_, bar1, _] = bars(self.device)?;
        let slots = program_slots(self.device.resource_len(bar1)?);
        let pages = |slot: usize| slot * (SLOT_SIZE as usize >> PAGE_SHIFT);
        let pages = match memory.has_bar1_root() && !slots.is_empty() {
            true => pages(slots.start)..pages(slots.end),
            false => 0..0,
        };
        BarPages::new(self.device, bar1, pages)
    }

    fn window(&self, bar: WindowBar) -> &BarStart<'a> {
        match bar {
            WindowBar::Bar1 => &self.bar1,
            WindowBar::Bar2 => &self.bar2,
        }
    }

    /// Logs an access beyond the BAR. Offsets from outside the driver are checked before the access, so
    /// this is a bug of the driver.
    #[cold]
    fn no_register(&self, offset: u32) {
        debug_assert!(false, "no register at {offset:#x}");
        pr_err_once!("bug: there is no register at {offset:#x}\n");
    }
}

/// Maps what is used of a window.
fn window(device: &pci::Device<Bound>, bar: WindowBar) -> Result<BarStart<'_>> {
    let [_, bar1, bar2] = bars(device)?;
    let (index, limit) = match bar {
        WindowBar::Bar1 => (bar1, BAR1_MAX),
        WindowBar::Bar2 => (bar2, BAR2_MAX),
    };
    BarStart::new(device, index, limit)
        .inspect_err(|error| dev_err!(device, "BAR{index}: cannot map it: {error:?}\n"))
}

fn pci_info(device: &pci::Device<Bound>) -> Result<PciInfo> {
    let mut info = PciInfo {
        domain_bus_device_function: domain(device)? << 32 | u64::from(device.dev_id()),
        device_id: u32::from(device.device_id()) << 16 | u32::from(device.vendor_id().as_raw()),
        subsystem_id: u32::from(device.subsystem_device_id()) << 16
            | u32::from(device.subsystem_vendor_id()),
        revision: device.revision_id(),
        ..PciInfo::default()
    };
    let slots = info.bars.iter_mut().zip(&mut info.bar_sizes);
    for (((start, size), index), name) in slots.zip(bars(device)?).zip(BARS) {
        *start = device.resource_start(index)?;
        *size = device.resource_len(index)?;
        if *size == 0 {
            dev_err!(
                device,
                "BAR{index} ({name}) has no addresses; try pci=realloc\n"
            );
            return Err(ENOSPC);
        }
    }
    Ok(info)
}

/// The PCI domain: the first number in the device's name, `0000:01:00.0`.
fn domain(device: &pci::Device<Bound>) -> Result<u64> {
    let name = device.as_ref().name().to_str()?;
    let (domain, _) = name.split_once(':').ok_or(EINVAL)?;
    u64::from_str_radix(domain, 16).map_err(|_| EINVAL)
}

impl Registers for Machine<'_> {
    fn read32(&self, offset: u32) -> u32 {
        let read = self.registers.try_read32(offset as usize);
        read.unwrap_or_else(|_| {
            self.no_register(offset);
            u32::MAX
        })
    }

    fn write32(&self, offset: u32, value: u32) {
        if self.registers.try_write32(value, offset as usize).is_err() {
            self.no_register(offset);
        }
    }
}

impl Windows for Machine<'_> {
    fn window_size(&self, bar: WindowBar) -> u64 {
        self.window(bar).size() as u64
    }

    fn read_window(&self, bar: WindowBar, offset: u64) -> u64 {
        let read = |offset| self.window(bar).read64(offset).ok();
        let word = usize::try_from(offset).ok().and_then(read);
        debug_assert!(word.is_some(), "{bar:?} has no {offset:#x}");
        word.unwrap_or(u64::MAX)
    }

    fn write_window(&self, bar: WindowBar, offset: u64, value: u64) {
        let write = |offset| self.window(bar).write64(offset, value).ok();
        let written = usize::try_from(offset).ok().and_then(write);
        debug_assert!(written.is_some(), "{bar:?} has no {offset:#x}");
    }

    fn write_window32(&self, bar: WindowBar, offset: u64, value: u32) {
        let write = |offset| self.window(bar).write32(offset, value).ok();
        let written = usize::try_from(offset).ok().and_then(write);
        debug_assert!(written.is_some(), "{bar:?} has no {offset:#x}");
    }
}

impl VideoMemory for Machine<'_> {
    type Block = Chunk;

    fn alloc_vram(&self, size: u64, align: u64) -> Result<Chunk, MemoryError> {
        let vram = self.vram.as_ref().ok_or(OutOfVram { size })?;
        vram.chunk(size, align).map_err(|error| match error {
            ENOSPC => OutOfVram { size }.into(),
            error => MemoryError::NoInstance {
                what: "the driver itself",
                kind: kind(error),
            },
        })
    }
}

impl Interrupts for Machine<'_> {
    fn wait(&self, timeout: Duration) -> bool {
        self.interrupt.wait(timeout)
    }
}

impl Platform for Machine<'_> {
    fn pci(&self) -> &PciInfo {
        &self.pci
    }

    fn enable_dma(&self) {
        set_master(self.device, true);
    }

    fn disable_dma(&self) {
        // The reset also fails if the PCI core is about to reset the device.
        if self.resettable.reset().is_err() {
            set_master(self.device, false);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! BAR1 and BAR2: windows into address spaces.
//!
//! BAR1 shows the frame buffer as it is until GSP-RM gives it page tables of its own, whose first
//! entry is the driver's; BAR2 shows nothing before that. The driver may take BAR1 out of its
//! address space again.
//!
//! An access to a page that is not mapped reads as all ones, and a write there is dropped. Hardware
//! also reports a fault of the BAR, which the model records as a refusal.

use nova_hw::abi::GspFwWprMeta;

use super::{Gpu, Windows};
use crate::block_id::BlockId;
use crate::bus::machine::Machine;
use crate::engines::memory::{Address, Aperture, FaultType, Memory, MmuFault};
use crate::engines::mmu::space::Space;
use crate::engines::mmu::{instance, Invalidation, Mmu, Root};
use crate::engines::physical::Physical;
use crate::gsp_rm::effects::Bar;
use crate::gsp_rm::static_info::{page_directories, PAGE_DIRECTORY};

/// The BAR, as the trace names it.
fn block(bar: Bar) -> BlockId {
    match bar {
        Bar::Bar1 => BlockId::Bar1,
        Bar::Bar2 => BlockId::Bar2,
    }
}

impl<M: Machine> Gpu<M> {
    /// The memory of card and machine, as engines reach it, and the MMU.
    pub(super) fn memory(&mut self) -> (&mut Mmu, Physical<'_>) {
        let physical = Physical {
            vram: &mut self.vram,
            system: &mut self.machine,
            is_bus_master: self.config.is_bus_master(),
            protected: self.blocks.pfb.wpr2.clone(),
        };
        (&mut self.mmu, physical)
    }

    /// GSP-RM has started: the BARs go through its page directories, which are empty.
    pub(super) fn bind_windows(&mut self, meta: &GspFwWprMeta) {
        for address in page_directories(meta) {
            self.vram.write(address, &[0; PAGE_DIRECTORY as usize]);
        }
        self.bind_windows_again(meta);
    }

    /// GSP-RM has resumed: the BARs go through its page directories as they were saved.
    pub(super) fn bind_windows_again(&mut self, meta: &GspFwWprMeta) {
        let [bar1, bar2] = page_directories(meta).map(|address| {
            Some(Root {
                aperture: Aperture::Vram,
                address,
            })
        });
        self.windows = Windows { bar1, bar2 };
        self.mmu.invalidate(Invalidation::ALL);
    }

    /// The driver binds BAR1 to the address space of an instance block, or to none.
    pub(super) fn bind_bar1(&mut self, block: Option<(Aperture, u64)>) {
        let (_, physical) = self.memory();
        let root = block.map(|(aperture, address)| instance::root(&physical, aperture, address));
        match root.transpose() {
            Ok(root) => self.windows.bar1 = root,
            Err(reason) => self.refuse(
                BlockId::Pbus,
                format!("BAR1 is bound to an instance block of no use: {reason:?}"),
            ),
        }
    }

    /// Reads BAR1 as the CPU does.
    pub fn read_bar1(&mut self, offset: u64, into: &mut [u8]) {
        self.read_window(Bar::Bar1, offset, into);
    }

    /// Writes to BAR1 as the CPU does.
    pub fn write_bar1(&mut self, offset: u64, from: &[u8]) {
        self.write_window(Bar::Bar1, offset, from);
    }

    /// Reads BAR2 as the CPU does.
    pub fn read_bar2(&mut self, offset: u64, into: &mut [u8]) {
        self.read_window(Bar::Bar2, offset, into);
    }

    /// Writes to BAR2 as the CPU does.
    pub fn write_bar2(&mut self, offset: u64, from: &[u8]) {
        self.write_window(Bar::Bar2, offset, from);
    }

    fn read_window(&mut self, bar: Bar, offset: u64, into: &mut [u8]) {
        self.trace.access(self.schedule.now(), block(bar), false);
        into.fill(0xff);
        let mut bytes = vec![0; into.len()];
        match self.in_window(bar, offset, |memory, at| memory.read(at, &mut bytes)) {
            Some(Ok(())) => into.copy_from_slice(&bytes),
            Some(Err(fault)) => self.refuse_window(bar, offset, fault),
            None => {}
        }
    }

    fn write_window(&mut self, bar: Bar, offset: u64, from: &[u8]) {
        self.trace.access(self.schedule.now(), block(bar), true);
        if let Some(Err(fault)) = self.in_window(bar, offset, |memory, at| memory.write(at, from)) {
            self.refuse_window(bar, offset, fault);
        }
        // The CPU may have changed what a channel waits for.
        self.look_again();
    }

    /// Accesses what a BAR shows at `offset`; `None` if it shows nothing.
    fn in_window(
        &mut self,
        bar: Bar,
        offset: u64,
        access: impl FnOnce(&mut dyn Memory, Address) -> Result<(), MmuFault>,
    ) -> Option<Result<(), MmuFault>> {
        if self.has_no_registers() {
            return None;
        }
        let root = match bar {
            Bar::Bar1 => self.windows.bar1,
            Bar::Bar2 => self.windows.bar2,
        };
        let at = match (root, bar) {
            (Some(_), _) => Address::Virtual(offset),
            (None, Bar::Bar1) => Address::Physical(Aperture::Vram, offset),
            (None, Bar::Bar2) => return None,
        };
        let (mmu, physical) = self.memory();
        let mut space = Space {
            mmu,
            physical,
            root: root.ok_or(FaultType::UnboundInstance),
            is_privileged: true,
        };
        Some(access(&mut space, at))
    }

    fn refuse_window(&mut self, bar: Bar, offset: u64, fault: MmuFault) {
        let reason = format!(
            "offset {offset:#x}: {:?} of {:?}",
            fault.access, fault.reason
        );
        self.refuse(block(bar), reason);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The CPU's interrupt tree: vectors in leaves, two leaves for each bit of the top, and one MSI for
//! the whole tree, or the pin. From Hopper on also the registers in the same range that say where
//! BAR1 leads.
//!
//! Source: nouveau, nvkm/subdev/vfn/tu102.c; open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/bif/kernel_bif.c and arch/maxwell/kernel_bif_gm107.c (up to Ada, the
//! next MSI is sent only after the driver has rearmed it; later the driver toggles the top's
//! enables).

use std::ops::Range;

use nova_hw::regs::intr::{
    CpuIntrLeaf, CpuIntrLeafEnClear, CpuIntrLeafEnSet, CpuIntrLeafTrigger, CpuIntrTop,
    CpuIntrTopEnClear, CpuIntrTopEnSet, FuncBar1BlockHighAddr, FuncBar1BlockLowAddr,
};

use super::block::{Block, Parts};
use super::pbus::aperture;
use super::wires::{Request, Wires};
use crate::chips::Chip;

/// Leaves of the largest tree.
const LEAVES: usize = CpuIntrLeaf::COUNT as usize;

/// Leaves up to Ada.
///
/// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/turing/tu102/dev_vm.h
/// (`NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF__SIZE_1`).
const LEAVES_TU102: usize = 8;

/// State of the tree.
#[derive(Debug)]
pub(crate) struct Intr {
    /// Number of leaves on this chip.
    leaves: usize,
    pending: [u32; LEAVES],
    enabled: [u32; LEAVES],
    top_enabled: u32,
    /// The top has an enabled bit pending, for which an MSI was sent or is due, or the pin is
    /// asserted.
    asserted: bool,
    /// An MSI may be sent.
    armed: bool,
    /// An MSI is sent each time that the top rises, without rearming: from Hopper on.
    rearms_itself: bool,
    /// An MSI is to be sent.
    due: bool,
    /// The block that names BAR1's page tables, in two registers; on chips that have them.
    bar1_block: Option<[u32; 2]>,
}

impl Intr {
    /// The tree of `chip`, with nothing pending or enabled.
    fn of(chip: &Chip) -> Self {
        Self {
            leaves: match chip.chipset.arch().boots_through_fsp() {
                true => LEAVES,
                false => LEAVES_TU102,
            },
            pending: [0; LEAVES],
            enabled: [0; LEAVES],
            top_enabled: 0,
            asserted: false,
            armed: true,
            rearms_itself: chip.boots_through_fsp(),
            due: false,
            bar1_block: chip.boots_through_fsp().then_some([0; 2]),
        }
    }

    /// Half of the block that names BAR1's page tables.
    fn bar1_block(&mut self, offset: u32) -> Option<&mut u32> {
        let [low, high] = self.bar1_block.as_mut()?;
        match offset {
            FuncBar1BlockLowAddr::OFFSET => Some(low),
            FuncBar1BlockHighAddr::OFFSET => Some(high),
            _ => None,
        }
    }

    /// BAR1 leads where these registers say. The upper half is written last and binds a block; the
    /// lower half alone takes BAR1 out of page tables.
    ///
    /// Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/bus/arch/hopper/
    /// kern_bus_gh100.c; tinygrad, which writes only the lower half.
    fn bind_bar1(&self, wires: &mut Wires<'_>, written: u32) {
        let Some([low, high]) = self.bar1_block else {
            return;
        };
        let block = FuncBar1BlockLowAddr::from(low);
        if written == FuncBar1BlockLowAddr::OFFSET && block.mode_virtual() {
            return;
        }
        let address = u64::from(high) << 32 | u64::from(block.ptr()) << 12;
        wires.ask(Request::BindBar1(
            block
                .mode_virtual()
                .then(|| (aperture(block.target()), address)),
        ));
    }

    /// Bits of the top whose leaves hold an enabled vector that is pending.
    fn top(&self) -> u32 {
        let leaves = self.pending.iter().zip(&self.enabled).enumerate();
        leaves.fold(0, |top, (leaf, (pending, enabled))| {
            top | u32::from(pending & enabled != 0) << (leaf / 2)
        })
    }

    /// Whether any vector or any bit of the top is enabled.
    pub(crate) fn is_any_enabled(&self) -> bool {
        self.top_enabled != 0 || self.enabled.iter().any(|&leaf| leaf != 0)
    }

    fn update(&mut self) {
        let asserted = self.top() & self.top_enabled != 0;
        if asserted && !self.asserted {
            self.send();
        }
        self.asserted = asserted;
    }

    fn send(&mut self) {
        if self.armed {
            self.armed = self.rearms_itself;
            self.due = true;
        }
    }

    /// An engine announces an interrupt.
    pub(crate) fn pulse(&mut self, vector: u32) {
        if let Some(leaf) = self.pending[..self.leaves].get_mut(vector as usize / 32) {
            *leaf |= 1 << (vector % 32);
        }
        self.update();
    }

    /// The driver allows the next MSI.
    pub(crate) fn rearm(&mut self) {
        self.armed = true;
        if self.asserted {
            self.send();
        }
    }

    /// Whether the top has an enabled bit pending.
    pub(crate) fn is_asserted(&self) -> bool {
        self.asserted
    }

    /// Returns whether an MSI is due, and clears that.
    pub(crate) fn take_msi(&mut self) -> bool {
        std::mem::take(&mut self.due)
    }

    /// Number of the leaf whose register is at `offset`, in the array of registers that starts at
    /// `first`.
    fn leaf(&self, offset: u32, first: u32) -> Option<usize> {
        let index = (offset.checked_sub(first)? / CpuIntrLeaf::STRIDE) as usize;
        (index < self.leaves).then_some(index)
    }
}

impl Block for Intr {
    const RANGES: &'static [Range<u32>] = &[0xb8_0000..0xb8_3000, 0xb8_4000..0xb9_0000];

    fn new(parts: &Parts) -> Self {
        Self::of(parts.chip)
    }

    fn read(&mut self, _: &mut Wires<'_>, offset: u32) -> Option<u32> {
        match offset {
            CpuIntrTop::OFFSET => Some(self.top()),
            CpuIntrTopEnSet::OFFSET | CpuIntrTopEnClear::OFFSET => Some(self.top_enabled),
            _ => self
                .leaf(offset, CpuIntrLeaf::OFFSET)
                .map(|leaf| self.pending[leaf])
                .or_else(|| {
                    self.leaf(offset, CpuIntrLeafEnSet::OFFSET)
                        .or_else(|| self.leaf(offset, CpuIntrLeafEnClear::OFFSET))
                        .map(|leaf| self.enabled[leaf])
                })
                .or_else(|| self.bar1_block(offset).copied()),
        }
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        match offset {
            CpuIntrTopEnSet::OFFSET => self.top_enabled |= value & ((1 << (self.leaves / 2)) - 1),
            CpuIntrTopEnClear::OFFSET => self.top_enabled &= !value,
            CpuIntrLeafTrigger::OFFSET => {
                self.pulse(CpuIntrLeafTrigger::from(value).vector().into());
            }
            _ => {
                if let Some(leaf) = self.leaf(offset, CpuIntrLeaf::OFFSET) {
                    self.pending[leaf] &= !value;
                } else if let Some(leaf) = self.leaf(offset, CpuIntrLeafEnSet::OFFSET) {
                    self.enabled[leaf] |= value;
                } else if let Some(leaf) = self.leaf(offset, CpuIntrLeafEnClear::OFFSET) {
                    self.enabled[leaf] &= !value;
                } else {
                    // A change takes effect at once: none is ever pending or outstanding.
                    let read_only: u32 = match offset {
                        FuncBar1BlockLowAddr::OFFSET => FuncBar1BlockLowAddr::new()
                            .with_pending(true)
                            .with_outstanding(true)
                            .into(),
                        _ => 0,
                    };
                    *self.bar1_block(offset)? = value & !read_only;
                    self.bind_bar1(wires, offset);
                }
            }
        }
        self.update();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::Tested;
    use crate::chips::by_name;

    fn intr() -> Tested<Intr> {
        Tested::new("ga102", Intr::of(by_name("ga102").unwrap()))
    }

    const VECTOR: u32 = 155;
    const LEAF: u32 = VECTOR / 32;
    const BIT: u32 = 1 << (VECTOR % 32);

    fn enabled() -> Tested<Intr> {
        let mut intr = intr();
        intr.write(CpuIntrLeafEnSet::at(LEAF).unwrap(), BIT)
            .unwrap();
        intr.write(CpuIntrTopEnSet::OFFSET, 0xf).unwrap();
        intr
    }

    fn clear(intr: &mut Tested<Intr>) {
        intr.write(CpuIntrLeaf::at(LEAF).unwrap(), BIT).unwrap();
    }

    #[test]
    fn an_interrupt_needs_its_leaf_and_the_top_enabled() {
        let mut intr = intr();
        intr.pulse(VECTOR);
        assert_eq!(intr.read(CpuIntrLeaf::at(LEAF).unwrap()), Some(BIT));
        assert_eq!(intr.read(CpuIntrTop::OFFSET), Some(0));
        intr.write(CpuIntrLeafEnSet::at(LEAF).unwrap(), BIT)
            .unwrap();
        assert_eq!(intr.read(CpuIntrTop::OFFSET), Some(1 << (LEAF / 2)));
        assert!(!intr.take_msi());
        intr.write(CpuIntrTopEnSet::OFFSET, 0xf).unwrap();
        assert!(intr.take_msi());
        assert!(!intr.take_msi());
    }

    #[test]
    fn the_next_msi_is_sent_after_rearming() {
        let mut intr = enabled();
        intr.pulse(VECTOR);
        assert!(intr.take_msi());
        clear(&mut intr);
        intr.pulse(VECTOR);
        assert!(!intr.take_msi(), "not rearmed");
        intr.rearm();
        assert!(intr.take_msi());
        clear(&mut intr);
        intr.rearm();
        assert!(!intr.take_msi(), "nothing pending");
    }

    #[test]
    fn toggling_the_top_announces_what_is_still_pending() {
        let mut intr = enabled();
        intr.pulse(VECTOR);
        assert!(intr.take_msi());
        intr.rearm();
        assert!(intr.take_msi());
        intr.write(CpuIntrTopEnClear::OFFSET, 0xf).unwrap();
        intr.rearm();
        assert!(!intr.take_msi());
        intr.write(CpuIntrTopEnSet::OFFSET, 0xf).unwrap();
        assert!(intr.take_msi());
    }

    #[test]
    fn gh100_sends_msis_without_rearming() {
        let mut intr = enabled();
        intr.rearms_itself = true;
        for _ in 0..2 {
            intr.pulse(VECTOR);
            assert!(intr.take_msi());
            intr.pulse(VECTOR);
            assert!(!intr.take_msi(), "the top has not fallen");
            clear(&mut intr);
        }
    }

    #[test]
    fn the_block_of_bar1_is_kept_from_hopper_on() {
        const LOW: u32 = 0xb8_0f60;
        const HIGH: u32 = 0xb8_0f64;
        let mut ada = Tested::new("ad102", Intr::of(by_name("ad102").unwrap()));
        assert_eq!((ada.read(LOW), ada.write(LOW, 0)), (None, None));
        for chip in ["gh100", "gb202"] {
            let mut intr = Tested::new(chip, Intr::of(by_name(chip).unwrap()));
            assert_eq!(intr.read(LOW), Some(0), "physical");
            assert_eq!(intr.write(LOW, 0x1234_5a03), Some(()));
            assert_eq!(intr.write(HIGH, 7), Some(()));
            assert_eq!(intr.read(LOW), Some(0x1234_5a00), "nothing is under way");
            assert_eq!(intr.read(HIGH), Some(7));
            assert_eq!(intr.write(LOW, 0), Some(()));
            assert_eq!(intr.read(LOW), Some(0));
        }
    }

    #[test]
    fn vectors_outside_of_the_tree_do_nothing() {
        let mut intr = enabled();
        intr.pulse(u32::MAX);
        intr.write(CpuIntrLeafTrigger::OFFSET, u32::MAX).unwrap();
        assert!(!intr.take_msi());
        assert_eq!(intr.read(0xb8_1040), None);
        assert_eq!(intr.write(0xb8_1604, 0), None);
    }
}

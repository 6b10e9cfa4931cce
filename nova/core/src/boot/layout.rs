// SPDX-License-Identifier: GPL-2.0

//! The layout of the frame buffer for the boot.
//!
//! From the end downwards: VGA workspace, FRTS, bootloader, GSP firmware, WPR2 heap, WPR metadata
//! (WPR2 spans from the metadata to the end of FRTS), and the heap that is not in WPR2.
//!
//! Source: open-gpu-kernel-modules 570, `kgspCalculateFbLayout_TU102` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/fb.rs.

use core::fmt;
use core::ops::Range;

use nova_hw::abi::GspFwWprMeta;
use nova_hw::regs::fuse::{OptDisplay, OptDisplayTu102};
use nova_hw::regs::pdisp::VgaWorkspaceBase;
use nova_hw::regs::pfb::LocalMemoryRange;
use nova_hw::regs::pgc6::UsableFbSize;
use nova_hw::size::{KIB, MIB};

use crate::chip::FbRegisters;
use crate::mmio::Io;

/// Size of PRAMIN, the window through which the VGA workspace is accessed: the last MiB.
const PRAMIN_SIZE: u64 = MIB;

/// Size of the VGA workspace if the VBIOS placed it outside of PRAMIN, or if the GPU itself
/// computes the layout.
pub(super) const VGA_WORKSPACE_SIZE: u64 = 128 * KIB;

const FRTS_ALIGN: u64 = 128 * KIB;
const BOOTLOADER_ALIGN: u64 = 4 * KIB;
const FIRMWARE_ALIGN: u64 = 64 * KIB;
const WPR_ALIGN: u64 = MIB;

/// Sizes of the regions of the frame buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FbNeeds {
    /// Size of the usable frame buffer.
    pub(crate) fb: u64,
    /// Offset of the VGA workspace, if the chip has a display and the VBIOS has set the workspace
    /// up.
    pub(crate) vga_workspace: Option<u64>,
    /// Size of FRTS.
    pub(crate) frts: u64,
    /// Size of the RISC-V bootloader.
    pub(crate) bootloader: u64,
    /// Size of the GSP's firmware image.
    pub(crate) firmware: u64,
    /// Size of GSP-RM's heap in WPR2.
    pub(crate) heap: u64,
    /// Size of GSP-RM's heap outside of WPR2.
    pub(crate) non_wpr_heap: u64,
}

/// The regions, as byte ranges of the frame buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FbLayout {
    /// Bytes of the frame buffer.
    pub(crate) fb: u64,
    /// VGA workspace.
    pub(crate) vga_workspace: Range<u64>,
    /// FRTS, VBIOS data that FWSEC verified.
    pub(crate) frts: Range<u64>,
    /// RISC-V bootloader.
    pub(crate) bootloader: Range<u64>,
    /// GSP firmware.
    pub(crate) firmware: Range<u64>,
    /// GSP-RM's heap in WPR2.
    pub(crate) heap: Range<u64>,
    /// WPR2, the write-protected region 2.
    pub(crate) wpr2: Range<u64>,
    /// GSP-RM's heap outside of WPR2.
    pub(crate) non_wpr_heap: Range<u64>,
    /// End of the memory that WPR2 may cover: the start of the VGA workspace, rounded down.
    pub(crate) wpr_end: u64,
}

/// Error for a frame buffer that is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Name of the region that does not fit.
    pub what: &'static str,
    /// Bytes that the region needs.
    pub needed: u64,
    /// Bytes that are left.
    pub left: u64,
}

impl FbLayout {
    /// Bytes at the end of the frame buffer that are reserved for regions.
    pub(crate) fn reserved(&self) -> u64 {
        self.fb.saturating_sub(self.non_wpr_heap.start)
    }

    /// Computes the layout.
    pub(crate) fn new(sizes: &FbNeeds) -> Result<Self, NoRoom> {
        let vga_base = vga_workspace_base(sizes)?;
        let wpr_end = align_down(vga_base, FRTS_ALIGN);
        let frts = below("FRTS", wpr_end, sizes.frts, 1)?;
        let bootloader = below(
            "the bootloader",
            frts.start,
            sizes.bootloader,
            BOOTLOADER_ALIGN,
        )?;
        let firmware = below(
            "the firmware",
            bootloader.start,
            sizes.firmware,
            FIRMWARE_ALIGN,
        )?;
        let heap_start = below("the heap", firmware.start, sizes.heap, WPR_ALIGN)?.start;
        let heap = heap_start..align_down(firmware.start, WPR_ALIGN);
        let wpr2_start = below(
            "the WPR metadata",
            heap.start,
            size_of::<GspFwWprMeta>() as u64,
            WPR_ALIGN,
        )?
        .start;
        let non_wpr_heap = below("the non-WPR heap", wpr2_start, sizes.non_wpr_heap, 1)?;
        Ok(Self {
            fb: sizes.fb,
            vga_workspace: vga_base..sizes.fb,
            wpr2: wpr2_start..frts.end,
            frts,
            bootloader,
            firmware,
            heap,
            non_wpr_heap,
            wpr_end,
        })
    }
}

impl FbRegisters {
    /// Size of the usable frame buffer in bytes.
    pub(crate) fn usable_size(self, io: &Io<'_>) -> u64 {
        match self {
            Self::Tu102 | Self::Ga100 => io.read::<LocalMemoryRange>().bytes(),
            Self::Ga102 => io.read::<UsableFbSize>().bytes(),
        }
    }

    /// Offset of the VGA workspace, if the chip has a display and the VBIOS has set the workspace
    /// up.
    pub(crate) fn vga_workspace(self, io: &Io<'_>) -> Option<u64> {
        let disabled = match self {
            Self::Tu102 => io.read::<OptDisplayTu102>().display_disabled(),
            Self::Ga100 | Self::Ga102 => io.read::<OptDisplay>().display_disabled(),
        };
        if disabled {
            return None;
        }
        io.read::<VgaWorkspaceBase>().address()
    }
}

/// Start of the VGA workspace.
fn vga_workspace_base(sizes: &FbNeeds) -> Result<u64, NoRoom> {
    let pramin = below("PRAMIN", sizes.fb, PRAMIN_SIZE, 1)?.start;
    Ok(match sizes.vga_workspace {
        None => pramin,
        Some(base) if base < pramin => sizes.fb.saturating_sub(VGA_WORKSPACE_SIZE),
        // A workspace beyond the end is treated as an empty one.
        Some(base) => base.min(sizes.fb),
    })
}

/// The range of `size` bytes below `end` whose start is aligned.
fn below(what: &'static str, end: u64, size: u64, align: u64) -> Result<Range<u64>, NoRoom> {
    let start = end.checked_sub(size).ok_or(NoRoom {
        what,
        needed: size,
        left: end,
    })?;
    let start = align_down(start, align);
    Ok(start..start.saturating_add(size))
}

/// Rounds down to a multiple of `align`, a power of two.
fn align_down(value: u64, align: u64) -> u64 {
    value & !align.saturating_sub(1)
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, needed, left } = self;
        write!(
            f,
            "frame buffer: expected {needed:#x} bytes for {what}, found {left:#x} bytes left"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::size::GIB;
    use proptest::prelude::*;

    use crate::testing::Card;

    #[test]
    fn each_family_uses_its_registers() {
        let card = Card::default();
        let io = &Io::new(&card);
        // 44 << 8 MiB with ECC, which takes a sixteenth.
        card.set(0x100ce0, 0x4000_02c8);
        card.set(0x1183a4, 24 << 10);
        card.set(0x625f04, 0x05ff_ff08);
        let ecc = (44 << 28) / 16 * 15;
        let workspace = Some(0x5_ffff_0000);
        let cases = [
            (FbRegisters::Tu102, ecc, 0x021c04),
            (FbRegisters::Ga100, ecc, 0x820c04),
            (FbRegisters::Ga102, 24 * GIB, 0x820c04),
        ];
        for (registers, size, fuse) in cases {
            assert_eq!(registers.usable_size(io), size);
            assert_eq!(registers.vga_workspace(io), workspace);
            card.set(fuse, 1);
            assert_eq!(registers.vga_workspace(io), None);
            card.set(fuse, 0);
        }
    }

    #[test]
    fn without_frts_wpr2_ends_at_wpr_end() {
        let sizes = FbNeeds { frts: 0, ..sizes() };
        let layout = FbLayout::new(&sizes).unwrap();
        assert!(layout.frts.is_empty());
        assert_eq!(layout.frts.start, layout.wpr_end);
        assert_eq!(layout.wpr2.end, layout.wpr_end);
        assert_eq!(layout.reserved(), layout.fb - layout.non_wpr_heap.start);
    }

    fn sizes() -> FbNeeds {
        FbNeeds {
            fb: 24 * GIB,
            vga_workspace: Some(24 * GIB - 512 * KIB),
            frts: MIB,
            bootloader: 0x6000,
            firmware: 63_510_000,
            heap: 0x8a0_0000,
            non_wpr_heap: MIB,
        }
    }

    #[test]
    fn layout_of_a_24_gib_card() {
        let layout = FbLayout::new(&sizes()).unwrap();
        assert_eq!(layout.vga_workspace, 0x5_fff8_0000..0x6_0000_0000);
        assert_eq!(layout.frts, 0x5_ffe8_0000..0x5_fff8_0000);
        assert_eq!(layout.bootloader, 0x5_ffe7_a000..0x5_ffe8_0000);
        assert_eq!(layout.firmware.start, 0x5fc1e0000);
        assert_eq!(layout.heap, 0x5f3700000..0x5fc100000);
        assert_eq!(layout.wpr2, 0x5f3600000..0x5fff80000);
        assert_eq!(layout.non_wpr_heap, 0x5f3500000..0x5f3600000);
    }

    #[test]
    fn vga_workspace_outside_of_pramin_is_moved() {
        let place = |vga_workspace| {
            let layout = FbLayout::new(&FbNeeds {
                vga_workspace,
                ..sizes()
            });
            layout.unwrap().vga_workspace
        };
        assert_eq!(place(None), 24 * GIB - MIB..24 * GIB);
        assert_eq!(place(Some(0)), 24 * GIB - 128 * KIB..24 * GIB);
        assert_eq!(place(Some(u64::MAX)), 24 * GIB..24 * GIB);
        let first = 24 * GIB - MIB;
        assert_eq!(place(Some(first)), first..24 * GIB);
        assert_eq!(place(Some(first - 1)), 24 * GIB - 128 * KIB..24 * GIB);
    }

    #[test]
    fn too_small_a_card_is_refused() {
        let fb = 64 * MIB;
        let error = FbLayout::new(&FbNeeds {
            fb,
            vga_workspace: None,
            ..sizes()
        });
        let error = error.unwrap_err();
        assert_eq!((error.what, error.needed), ("the heap", sizes().heap));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 }))]

        /// Regions of any sizes are large enough, aligned, and do not overlap.
        #[test]
        fn regions_do_not_overlap(
            fb in 0..=1u64 << 40,
            vga in proptest::option::of(any::<u64>()),
            bootloader in 0..=1u64 << 20,
            firmware in 0..=1u64 << 32,
            heap in (0..=1u64 << 12).prop_map(|mib| mib * MIB),
        ) {
            let sizes = FbNeeds {
                fb,
                vga_workspace: vga,
                bootloader,
                firmware,
                heap,
                ..sizes()
            };
            let Ok(layout) = FbLayout::new(&sizes) else {
                // Alignment and the fixed regions take less than 16 MiB.
                prop_assert!(fb < firmware + heap + bootloader + 16 * MIB);
                return Ok(());
            };
            let parts = [
                &layout.non_wpr_heap,
                &layout.heap,
                &layout.firmware,
                &layout.bootloader,
                &layout.frts,
                &layout.vga_workspace,
            ];
            for pair in parts.windows(2) {
                prop_assert!(pair[0].start <= pair[0].end);
                prop_assert!(pair[0].end <= pair[1].start);
            }
            prop_assert_eq!(layout.vga_workspace.end, fb);
            prop_assert!(layout.heap.end - layout.heap.start >= heap);
            prop_assert_eq!(layout.firmware.end - layout.firmware.start, firmware);
            prop_assert_eq!(layout.wpr2.start, layout.non_wpr_heap.end);
            prop_assert_eq!(layout.wpr2.end, layout.frts.end);
            prop_assert!(layout.heap.start - layout.wpr2.start >= 256);
            prop_assert_eq!(layout.heap.start % MIB, 0);
            prop_assert_eq!(layout.firmware.start % (64 * KIB), 0);
            prop_assert_eq!(layout.bootloader.start % (4 * KIB), 0);
            prop_assert_eq!(layout.frts.start % (128 * KIB), 0);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! PDISP: the address of the VGA workspace, as the VBIOS sets it.

use std::ops::Range;

use nova_hw::regs::pdisp::VgaWorkspaceBase;

use super::block::{Block, Parts};
use super::wires::Wires;

/// Bytes of the VGA workspace, which is at the end of the frame buffer.
///
/// Source: open-gpu-kernel-modules 570, kernel_gsp_tu102.c (`kgspCalculateFbLayout_TU102`).
pub(crate) const VGA_WORKSPACE_SIZE: u64 = 0x2_0000;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Pdisp;

impl Block for Pdisp {
    const RANGES: &'static [Range<u32>] = &[0x61_0000..0x6a_0000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        let base = wires.vram.size().saturating_sub(VGA_WORKSPACE_SIZE) >> 16;
        (wires.chip.has_display && offset == VgaWorkspaceBase::OFFSET).then(|| {
            VgaWorkspaceBase::new()
                .with_status_valid(true)
                .with_addr((base & 0xff_ffff) as u32)
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn the_workspace_ends_with_the_frame_buffer() {
        let mut card = TestCard::with_vram("ga102", 24 << 30);
        let base = card.read(&mut Pdisp, VgaWorkspaceBase::OFFSET).unwrap();
        let base = VgaWorkspaceBase::from(base);
        assert_eq!(base.address(), Some((24 << 30) - VGA_WORKSPACE_SIZE));
        assert_eq!(card.read(&mut Pdisp, 0x62_5f00), None);
    }

    #[test]
    fn ga100_has_no_vga_workspace() {
        let mut card = TestCard::new("ga100");
        assert_eq!(card.read(&mut Pdisp, VgaWorkspaceBase::OFFSET), None);
    }
}

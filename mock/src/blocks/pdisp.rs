// SPDX-License-Identifier: GPL-2.0

//! PDISP: the address of the VGA workspace, as the VBIOS sets it, and the ports of VGA's CRTC.

use std::ops::Range;

use nova_hw::regs::pdisp::VgaWorkspaceBase;

use super::block::{Block, Parts};
use super::wires::Wires;

/// Bytes of the VGA workspace, which is at the end of the frame buffer.
///
/// Source: open-gpu-kernel-modules 570, kernel_gsp_tu102.c (`kgspCalculateFbLayout_TU102`).
pub(crate) const VGA_WORKSPACE_SIZE: u64 = 0x2_0000;

/// Ports 0x3d4 (index) and 0x3d5 (data) of the CRTC, a byte each. nouveau locks and unlocks it
/// there. The model has no display, so that nothing of it is kept.
///
/// Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/engine/disp/vga.c.
const CRTC: u32 = 0x60_13d4;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Pdisp;

impl Block for Pdisp {
    const RANGES: &'static [Range<u32>] = &[0x60_1000..0x60_2000, 0x61_0000..0x6a_0000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        if wires.chip.has_display && offset == CRTC {
            return Some(0);
        }
        let base = wires.vram.size().saturating_sub(VGA_WORKSPACE_SIZE) >> 16;
        (wires.chip.has_display && offset == VgaWorkspaceBase::OFFSET).then(|| {
            VgaWorkspaceBase::new()
                .with_status_valid(true)
                .with_addr((base & 0xff_ffff) as u32)
                .into()
        })
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, _: u32) -> Option<()> {
        (wires.chip.has_display && offset == CRTC).then_some(())
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
    fn the_crtc_can_be_locked() {
        let mut card = TestCard::new("ga102");
        assert_eq!(card.write(&mut Pdisp, 0x60_13d4, 0x5700), Some(()));
        assert_eq!(card.read(&mut Pdisp, 0x60_13d4), Some(0));
        assert_eq!(TestCard::new("ga100").read(&mut Pdisp, 0x60_13d4), None);
    }

    #[test]
    fn ga100_has_no_vga_workspace() {
        let mut card = TestCard::new("ga100");
        assert_eq!(card.read(&mut Pdisp, VgaWorkspaceBase::OFFSET), None);
    }
}

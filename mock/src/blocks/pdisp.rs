// SPDX-License-Identifier: GPL-2.0

//! PDISP: where the VBIOS put the VGA workspace.

use nova_hw::regs::pdisp::VgaWorkspaceBase;

use crate::chips::Chip;

/// Bytes of the workspace, at the end of the frame buffer.
///
/// Source: open-gpu-kernel-modules 570, kernel_gsp_tu102.c (`kgspCalculateFbLayout_TU102`).
pub(crate) const VGA_WORKSPACE_SIZE: u64 = 0x2_0000;

/// Reads the register at `offset`, where there is one.
pub(crate) fn read(chip: &Chip, vram: u64, offset: u32) -> Option<u32> {
    let base = vram.saturating_sub(VGA_WORKSPACE_SIZE) >> 16;
    (chip.has_display && offset == VgaWorkspaceBase::OFFSET).then(|| {
        VgaWorkspaceBase::new()
            .with_status_valid(true)
            .with_addr((base & 0xff_ffff) as u32)
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;

    #[test]
    fn the_workspace_ends_with_the_frame_buffer() {
        let chip = by_name("ga102").unwrap();
        let base = read(chip, 24 << 30, VgaWorkspaceBase::OFFSET).unwrap();
        let base = VgaWorkspaceBase::from(base);
        assert_eq!(base.address(), Some((24 << 30) - VGA_WORKSPACE_SIZE));
        assert_eq!(read(chip, 24 << 30, 0x62_5f00), None);
    }

    #[test]
    fn ga100_has_none() {
        let chip = by_name("ga100").unwrap();
        assert_eq!(read(chip, chip.vram, VgaWorkspaceBase::OFFSET), None);
    }
}

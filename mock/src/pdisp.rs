// SPDX-License-Identifier: GPL-2.0

//! PDISP: where the VBIOS put the VGA workspace.

use nova_hw::regs::pdisp::VgaWorkspaceBase;

/// Bytes of the workspace, at the end of the frame buffer.
///
/// Source: open-gpu-kernel-modules 570, kernel_gsp_tu102.c (`kgspCalculateFbLayout_TU102`).
pub(crate) const VGA_WORKSPACE_SIZE: u64 = 0x2_0000;

/// Reads the register at `offset`, where there is one.
pub(crate) fn read(vram: u64, offset: u32) -> Option<u32> {
    let base = vram.saturating_sub(VGA_WORKSPACE_SIZE) >> 16;
    (offset == VgaWorkspaceBase::OFFSET).then(|| {
        VgaWorkspaceBase::new()
            .with_status_valid(true)
            .with_addr((base & 0xff_ffff) as u32)
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_ends_with_the_frame_buffer() {
        let base = VgaWorkspaceBase::from(read(24 << 30, VgaWorkspaceBase::OFFSET).unwrap());
        assert_eq!(base.address(), Some((24 << 30) - VGA_WORKSPACE_SIZE));
        assert_eq!(read(24 << 30, 0x62_5f00), None);
    }
}

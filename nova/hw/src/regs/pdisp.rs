// SPDX-License-Identifier: GPL-2.0

//! PDISP, the display engine: the location of the VGA workspace.
//!
//! Source: Linux 7.3, drivers/gpu/nova-core/fb/regs.rs; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/disp/v04_00/dev_disp.h.

registers! {
    /// VGA workspace in the frame buffer.
    NV_PDISP_VGA_WORKSPACE_BASE as VgaWorkspaceBase @ 0x625f04 {
        #[bits(3)]
        __: u8,
        /// The chip has a VGA workspace.
        pub status_valid: bool,
        #[bits(4)]
        __: u8,
        /// Address of the workspace in units of 64 KiB.
        #[bits(24)]
        pub addr: u32,
    }
}

impl VgaWorkspaceBase {
    /// Byte address of the workspace, if there is one.
    pub const fn address(self) -> Option<u64> {
        if self.status_valid() {
            Some((self.addr() as u64) << 16)
        } else {
            None
        }
    }
}

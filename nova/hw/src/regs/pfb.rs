// SPDX-License-Identifier: GPL-2.0

//! PFB, the frame buffer and its MMU.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/turing/tu102/dev_fb.h; Linux
//! 7.3, drivers/gpu/nova-core/fb/regs.rs.

registers! {
    /// System memory address that the GPU reads to flush its writes to system memory (sysmembar),
    /// low part.
    NV_PFB_NISO_FLUSH_SYSMEM_ADDR as NisoFlushSysmemAddr @ 0x100c10 {
        /// Bits 8 to 39 of the address.
        pub adr_39_08: u32,
    }

    /// High part of [`NisoFlushSysmemAddr`], on GA100 and later.
    NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI as NisoFlushSysmemAddrHi @ 0x100c40 {
        /// Bits 40 to 63 of the address.
        #[bits(24)]
        pub adr_63_40: u32,
        __: u8,
    }

    /// As [`NisoFlushSysmemAddr`], on Hopper; writing the low half makes the address effective.
    NV_PFB_FBHUB_PCIE_FLUSH_SYSMEM_ADDR_LO as FbhubFlushSysmemAddrLo @ 0x100a34 {
        /// Low half of the address.
        pub adr: u32,
    }

    /// High half of [`FbhubFlushSysmemAddrLo`].
    NV_PFB_FBHUB_PCIE_FLUSH_SYSMEM_ADDR_HI as FbhubFlushSysmemAddrHi @ 0x100a38 {
        /// High half of the address.
        #[bits(20)]
        pub adr: u32,
        #[bits(12)]
        __: u16,
    }

    /// As [`FbhubFlushSysmemAddrLo`], on GB10x, in the first HSHUB.
    NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_LO as HshubFlushSysmemAddrLo @ 0x870e50 {
        /// Low half of the address.
        pub adr: u32,
    }

    /// High half of [`HshubFlushSysmemAddrLo`].
    NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_HI as HshubFlushSysmemAddrHi @ 0x870e54 {
        /// High half of the address.
        #[bits(20)]
        pub adr: u32,
        #[bits(12)]
        __: u16,
    }

    /// The same for the HSHUB's egress; must be equal to [`HshubFlushSysmemAddrLo`].
    NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_LO as HshubEgFlushSysmemAddrLo @ 0x8706c0 {
        /// Low half of the address.
        pub adr: u32,
    }

    /// High half of [`HshubEgFlushSysmemAddrLo`].
    NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_HI as HshubEgFlushSysmemAddrHi @ 0x8706c4 {
        /// High half of the address.
        #[bits(20)]
        pub adr: u32,
        #[bits(12)]
        __: u16,
    }

    /// As [`FbhubFlushSysmemAddrLo`], on GB20x.
    NV_PFB_FBHUB0_PCIE_FLUSH_SYSMEM_ADDR_LO as Fbhub0FlushSysmemAddrLo @ 0x8a1d58 {
        /// Low half of the address.
        pub adr: u32,
    }

    /// High half of [`Fbhub0FlushSysmemAddrLo`].
    NV_PFB_FBHUB0_PCIE_FLUSH_SYSMEM_ADDR_HI as Fbhub0FlushSysmemAddrHi @ 0x8a1d5c {
        /// High half of the address.
        #[bits(20)]
        pub adr: u32,
        #[bits(12)]
        __: u16,
    }

    /// Size of the frame buffer, on Turing and GA100.
    NV_PFB_PRI_MMU_LOCAL_MEMORY_RANGE as LocalMemoryRange @ 0x100ce0 {
        /// Exponent.
        #[bits(4)]
        pub lower_scale: u8,
        /// Mantissa.
        #[bits(6)]
        pub lower_mag: u8,
        #[bits(20)]
        __: u32,
        /// ECC is enabled and takes one sixteenth of the memory.
        pub ecc_mode_enabled: bool,
        #[bits(1)]
        __: u8,
    }

    /// Who may access [`MmuLockAddrLo`] and [`MmuLockAddrHi`], on GA100.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga100/dev_fb.h.
    NV_PFB_PRI_MMU_LOCK_CFG_PRIV_LEVEL_MASK as MmuLockCfgPrivLevelMask @ 0x1fa7c8 {
        /// The CPU may read them.
        pub read_protection_level0: bool,
        #[bits(31)]
        __: u32,
    }

    /// Start of the memory that the VBIOS keeps from the driver, on GA100; the end is before it
    /// where there is none. Source: as above.
    NV_PFB_PRI_MMU_LOCK_ADDR_LO as MmuLockAddrLo @ 0x1fa82c {
        #[bits(4)]
        __: u8,
        /// Address in units of 4 KiB.
        #[bits(28)]
        pub val: u32,
    }

    /// End of that memory, on GA100. Source: as above.
    NV_PFB_PRI_MMU_LOCK_ADDR_HI as MmuLockAddrHi @ 0x1fa830 {
        #[bits(4)]
        __: u8,
        /// Address in units of 4 KiB.
        #[bits(28)]
        pub val: u32,
    }

    /// Start of WPR2.
    NV_PFB_PRI_MMU_WPR2_ADDR_LO as Wpr2AddrLo @ 0x1fa824 {
        #[bits(4)]
        __: u8,
        /// Address in units of 4 KiB.
        #[bits(28)]
        pub val: u32,
    }

    /// End of WPR2; zero if WPR2 is not set up.
    NV_PFB_PRI_MMU_WPR2_ADDR_HI as Wpr2AddrHi @ 0x1fa828 {
        #[bits(4)]
        __: u8,
        /// Address in units of 4 KiB.
        #[bits(28)]
        pub val: u32,
    }
}

impl LocalMemoryRange {
    /// Usable bytes.
    pub const fn bytes(self) -> u64 {
        let size = ((self.lower_mag() as u64) << self.lower_scale()) << 20;
        if self.ecc_mode_enabled() {
            size / 16 * 15
        } else {
            size
        }
    }
}

impl Wpr2AddrLo {
    /// Byte address of the first byte.
    pub const fn address(self) -> u64 {
        (self.val() as u64) << 12
    }
}

impl Wpr2AddrHi {
    /// Byte address of the end, after the last byte.
    pub const fn address(self) -> u64 {
        (self.val() as u64) << 12
    }
}

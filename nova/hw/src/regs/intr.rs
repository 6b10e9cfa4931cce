// SPDX-License-Identifier: GPL-2.0

//! The CPU's interrupt tree, from Turing on.
//!
//! An interrupt is a vector: bit vector % 32 of leaf vector / 32. Two leaves make a subtree, a bit
//! of the top. A vector that is raised and enabled in its leaf raises its subtree; a subtree that
//! is raised and enabled raises an MSI. There are eight leaves up to Ada, and sixteen from Hopper on.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102/dev_vm.h
//! (offsets from 0xb80000), src/nvidia/src/kernel/gpu/bif/arch/maxwell/kernel_bif_gm107.c (MSI);
//! Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/vfn/tu102.c and subdev/pci/gp100.c.

registers! {
    /// Writing any value after an MSI enables the next MSI; a register of PCI configuration space
    /// in its mirror in BAR0. Up to Ada.
    NV_XVE_CYA_2 as MsiRearm @ 0x088704 {
        /// All bits.
        pub value: u32,
    }

    /// Pending vectors of a leaf; writing a bit clears it.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF as CpuIntrLeaf @ 0xb81000 [16; 4] {
        /// A bit per vector.
        pub value: u32,
    }

    /// Enables vectors of a leaf; reads as the enabled vectors.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_SET as CpuIntrLeafEnSet @ 0xb81200 [16; 4] {
        /// A bit per vector.
        pub value: u32,
    }

    /// Disables vectors of a leaf; reads as the enabled vectors.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_EN_CLEAR as CpuIntrLeafEnClear @ 0xb81400 [16; 4] {
        /// A bit per vector.
        pub value: u32,
    }

    /// Subtrees with a pending and enabled vector.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP as CpuIntrTop @ 0xb81600 {
        /// A bit per subtree.
        pub value: u32,
    }

    /// Enables subtrees; reads as the enabled subtrees.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_SET as CpuIntrTopEnSet @ 0xb81608 {
        /// A bit per subtree.
        pub value: u32,
    }

    /// Disables subtrees; reads as the enabled subtrees.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_TOP_EN_CLEAR as CpuIntrTopEnClear @ 0xb81610 {
        /// A bit per subtree.
        pub value: u32,
    }

    /// Raises a vector.
    NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_LEAF_TRIGGER as CpuIntrLeafTrigger @ 0xb81640 {
        /// The vector.
        #[bits(12)]
        pub vector: u16,
        #[bits(20)]
        __: u32,
    }
}

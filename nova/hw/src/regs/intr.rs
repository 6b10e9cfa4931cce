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

    /// As NV_PBUS_BAR1_BLOCK, for the BAR1 of a function, from Hopper on: the low half of the block's
    /// address, and what else there is to say. Not an interrupt, but it lies in the same range.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/hopper/gh100/dev_vm.h
    /// (an offset from 0xb80000), src/nvidia/src/kernel/gpu/bus/arch/hopper/kern_bus_gh100.c.
    NV_VIRTUAL_FUNCTION_PRIV_FUNC_BAR1_BLOCK_LOW_ADDR as FuncBar1BlockLowAddr @ 0xb80f60 {
        /// A change is waiting; read-only.
        pub pending: bool,
        /// Accesses by what was before are under way; read-only.
        pub outstanding: bool,
        #[bits(7)]
        __: u8,
        /// BAR1 goes through page tables.
        pub mode_virtual: bool,
        /// Memory with the block: 0 for the frame buffer, 2 and 3 for the machine's.
        #[bits(2)]
        pub target: u8,
        /// Address of the block in units of 4 KiB, its lower bits.
        #[bits(20)]
        pub ptr: u32,
    }

    /// The other bits of that address.
    ///
    /// Source: the same.
    NV_VIRTUAL_FUNCTION_PRIV_FUNC_BAR1_BLOCK_HIGH_ADDR as FuncBar1BlockHighAddr @ 0xb80f64 {
        /// All bits.
        pub ptr: u32,
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

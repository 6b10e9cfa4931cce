// SPDX-License-Identifier: GPL-2.0

//! The MMU's registers that each function has: invalidation of the TLBs.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_vm.ref.txt (offsets from 0xb80000);
//! open-gpu-kernel-modules 570, src/common/inc/swref/published/blackwell/gb100/dev_vm.h.

registers! {
    /// The address space to invalidate, by its root directory.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_PDB as MmuInvalidatePdb @ 0xb830a0 {
        #[bits(1)]
        __: u8,
        /// The root directory is in the machine's memory.
        pub aperture_sys_mem: bool,
        #[bits(2)]
        __: u8,
        /// Low bits of its address in units of 4 KiB.
        #[bits(28)]
        pub addr: u32,
    }

    /// High part of the root directory's address.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_UPPER_PDB as MmuInvalidateUpperPdb @ 0xb830a4 {
        /// The bits above those of [`MmuInvalidatePdb`].
        #[bits(20)]
        pub addr: u32,
        #[bits(12)]
        __: u16,
    }

    /// Invalidates.
    NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE as MmuInvalidate @ 0xb830b0 {
        /// All virtual addresses.
        pub all_va: bool,
        /// All address spaces, and not only one.
        pub all_pdb: bool,
        /// Not the TLBs of the graphics processing clusters.
        pub hubtlb_only: bool,
        /// What happens to faults that can be replayed.
        #[bits(3)]
        pub replay: u8,
        /// A barrier for system memory follows.
        pub sys_membar: bool,
        /// Whose acknowledgment to wait for.
        #[bits(2)]
        pub ack: u8,
        /// Client whose fault is cancelled.
        #[bits(6)]
        pub cancel_client_id: u8,
        /// Cluster whose fault is cancelled. From GA100 on, without a cancellation, the low two bits
        /// say which TLBs are meant (`INVAL_SCOPE`; open-gpu-kernel-modules 570,
        /// src/common/inc/swref/published/ampere/ga100/dev_vm.h).
        #[bits(5)]
        pub cancel_gpc_id: u8,
        /// The client whose fault is cancelled is at the hub.
        pub cancel_client_type_hub: bool,
        /// The address space is given by its PASID.
        pub use_pasid: bool,
        /// A size is given.
        pub use_size: bool,
        /// Flushes the MMU's properties.
        pub prop_flush: bool,
        /// Levels of the page table whose entries are invalidated.
        #[bits(3)]
        pub cache_level: u8,
        #[bits(4)]
        __: u8,
        /// Starts; reads as zero when it is done.
        pub trigger: bool,
    }
}

impl MmuInvalidate {
    /// [`Self::replay`]: the first value that cancels faults; those above do so, too
    /// (`REPLAY_CANCEL_TARGETED`).
    pub const REPLAY_CANCEL_TARGETED: u8 = 3;

    /// [`Self::cancel_gpc_id`]: only the TLBs of links to other GPUs (`INVAL_SCOPE_LINK_TLBS`).
    pub const INVAL_SCOPE_LINK_TLBS: u8 = 1;

    /// [`Self::cache_level`]: entries of all levels (`CACHE_LEVEL_ALL`).
    pub const CACHE_LEVEL_ALL: u8 = 0;

    /// [`Self::cache_level`]: only entries of page tables (`CACHE_LEVEL_PTE_ONLY`). The values above
    /// add one level of directories each, PD0 first.
    pub const CACHE_LEVEL_PTE_ONLY: u8 = 1;
}

// SPDX-License-Identifier: GPL-2.0

//! UFLUSH: flushes of what the CPU has written into the frame buffer, and of the L2 cache, up to
//! Ada.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/maxwell/gm107/dev_flush.h and
//! gm200/dev_flush.h; Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/bar/g84.c.

registers! {
    /// Completes the CPU's writes to the frame buffer.
    NV_UFLUSH_FB_FLUSH as FbFlush @ 0x070000 {
        /// Written to start the flush; reads 1 until it has started.
        pub pending: bool,
        /// The flush has not completed.
        pub outstanding: bool,
        #[bits(30)]
        __: u32,
    }

    /// Drops lines of system memory from the L2 cache; the fields are those of [`FbFlush`].
    NV_UFLUSH_L2_SYSMEM_INVALIDATE as L2SysmemInvalidate @ 0x070004 {
        /// As in [`FbFlush`].
        pub pending: bool,
        /// As in [`FbFlush`].
        pub outstanding: bool,
        #[bits(30)]
        __: u32,
    }

    /// Writes changed lines of system memory back from the L2 cache; the fields are those of
    /// [`FbFlush`].
    NV_UFLUSH_L2_FLUSH_DIRTY as L2FlushDirty @ 0x070010 {
        /// As in [`FbFlush`].
        pub pending: bool,
        /// As in [`FbFlush`].
        pub outstanding: bool,
        #[bits(30)]
        __: u32,
    }
}

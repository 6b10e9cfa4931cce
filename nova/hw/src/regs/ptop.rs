// SPDX-License-Identifier: GPL-2.0

//! PTOP, the table of the chip's engines, on GA100 and later.
//!
//! A device has one to three rows in sequence; a row of zero that does not follow another one of a
//! device is unused.
//!
//! Source: open-gpu-kernel-modules 595.45, src/common/inc/swref/published/ampere/ga100/dev_top.h and
//! blackwell/gb100/dev_top.h; Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/top/ga100.c.

registers! {
    /// Size of the table.
    NV_PTOP_DEVICE_INFO_CFG as DeviceInfoCfg @ 0x0224fc {
        /// Version of the format.
        #[bits(4)]
        pub version: u8,
        /// Most devices that it may have.
        #[bits(12)]
        pub max_devices: u16,
        /// Most rows of a device.
        #[bits(4)]
        pub max_rows_per_device: u8,
        /// Rows.
        #[bits(12)]
        pub num_rows: u16,
    }

    /// A row of the table; this is the layout of a device's first one.
    NV_PTOP_DEVICE_INFO2 as DeviceInfo2 @ 0x022800 [353; 4] {
        /// Number of the engine in reports of MMU faults; 0 if it has none.
        #[bits(11)]
        pub fault_id: u16,
        /// Group of the engine.
        #[bits(5)]
        pub group_id: u8,
        /// Which of the engines of its kind it is.
        pub instance_id: u8,
        /// Kind of engine.
        #[bits(7)]
        pub type_enum: u8,
        /// Another row of the device follows.
        pub row_chain: bool,
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Engines, as parameters and tables name them.

/// Numbers of engines in parameters (`NV2080_ENGINE_TYPE_*`). Other engines of a kind follow the
/// first one, up to the numbers that come later because the range before them was full.
///
/// Source: src/common/sdk/nvidia/inc/class/cl2080.h.
pub mod engine_type {
    /// Graphics and compute; `NV2080_ENGINE_TYPE_GR0`.
    pub const GR0: u32 = 0x01;
    /// First copy engine; `NV2080_ENGINE_TYPE_COPY0`.
    pub const COPY0: u32 = 0x09;
    /// First video decoder; `NV2080_ENGINE_TYPE_NVDEC0`.
    pub const NVDEC0: u32 = 0x13;
    /// First video encoder; `NV2080_ENGINE_TYPE_NVENC0`.
    pub const NVENC0: u32 = 0x1b;
    /// `NV2080_ENGINE_TYPE_SEC2`
    pub const SEC2: u32 = 0x26;
    /// First JPEG decoder; `NV2080_ENGINE_TYPE_NVJPEG0`.
    pub const NVJPEG0: u32 = 0x2b;
    /// First optical flow accelerator; `NV2080_ENGINE_TYPE_OFA0`.
    pub const OFA0: u32 = 0x33;
    /// Copy engine 10, of 570.144; `NV2080_ENGINE_TYPE_COPY10`.
    pub const COPY10: u32 = 0x34;
    /// Second optical flow accelerator of 570.144; `NV2080_ENGINE_TYPE_OFA1`.
    pub const OFA1: u32 = 0x3e;
    /// Fourth video encoder of 570.144; `NV2080_ENGINE_TYPE_NVENC3`.
    pub const NVENC3: u32 = 0x3f;

    /// A copy engine; there are 20 numbers.
    pub const fn copy(instance: u8) -> u32 {
        match instance {
            0..=9 => COPY0 + instance as u32,
            _ => COPY10 + (instance as u32 - 10),
        }
    }
}

/// Kinds of engines in an *engine descriptor* (`ENG_DESC`): the kind in bits 31:8, the instance
/// below.
///
/// Source: src/nvidia/generated/g_eng_desc_nvoc.h, and the `classId`s of the structures there.
pub mod engine_class {
    /// `ENG_GR`
    pub const GR: u32 = 0xd3_34df;
    /// `ENG_CE`
    pub const COPY: u32 = 0x79_3ceb;
    /// `ENG_NVDEC`
    pub const NVDEC: u32 = 0x8f_99e1;
    /// `ENG_NVENC`, in 535 `ENG_MSENC`
    pub const NVENC: u32 = 0xe9_7b6c;
    /// `ENG_NVJPEG`
    pub const NVJPEG: u32 = 0x2b_3a54;
    /// `ENG_OFA`
    pub const OFA: u32 = 0xdd_7bab;
    /// `ENG_SEC2`
    pub const SEC2: u32 = 0x28_c408;
}

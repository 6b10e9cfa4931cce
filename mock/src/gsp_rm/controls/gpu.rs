// SPDX-License-Identifier: GPL-2.0

//! Controls about the GPU as a whole.

use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED};
use nova_hw::abi::{control, GpuInfo, GpuNameString, PerfBoost, MEMSYS_RAW_MODE};
use nova_hw::chipset::Architecture;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::call::{invalid, Call, Control};
use crate::chips::Chip;
use crate::gsp_rm::refused::Refused;

pub(super) static CONTROLS: &[Control] = &[
    Control {
        cmd: |_| Some(control::GPU_GET_INFO_V2),
        size: |release| release.controls.gpu_get_info_v2,
        call: |call| gpu_infos(call.platform.chip, call.params),
    },
    Control {
        cmd: |_| Some(control::GPU_GET_NAME_STRING),
        size: |_| size_of::<GpuNameString>(),
        call: |call| name_string(call.platform.chip, call.params),
    },
    Control {
        cmd: |_| Some(control::INTERNAL_MEMSYS_GET_STATIC_CONFIG),
        size: |release| release.controls.memsys_static_config,
        call: |call| Ok(memory_system(call.params.len())),
    },
    Control {
        cmd: |_| Some(control::PERF_BOOST),
        size: |_| size_of::<PerfBoost>(),
        call: boost,
    },
    Control {
        cmd: |_| Some(control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE),
        size: |release| release.controls.pgpu_add_vgpu_type,
        call: |call| add_vgpu_types(call.params),
    },
];

/// A property of the GPU (`NV2080_CTRL_GPU_INFO_INDEX_*`), if the model has it.
fn gpu_info(chip: &Chip, index: u32) -> Option<u32> {
    /// `NV2080_CTRL_GPU_INFO_GPU_SMC_MODE_DISABLED`: partitions (MIG) are possible, and there are
    /// none. On a GPU that cannot have any it is 0.
    const SMC_MODE_DISABLED: u32 = 2;
    // What an H200 has and a desktop's GPU has not.
    let is_hopper = chip.chipset.arch() == Architecture::Hopper;
    Some(match index {
        // `SURPRISE_REMOVAL_POSSIBLE` and `GPU_SR_SUPPORT`.
        0x25 | 0x29 => 0,
        // `GLOBAL_POISON_FUSE_ENABLED`.
        0x27 => u32::from(is_hopper),
        // `GPU_SMC_MODE`.
        0x2a if is_hopper => SMC_MODE_DISABLED,
        0x2a => 0,
        // `4K_PAGE_ISOLATION_REQUIRED`.
        0x33 => 0,
        // `DISPLAY_ENABLED`.
        0x34 => u32::from(chip.has_display),
        // `MOBILE_CONFIG_ENABLED`.
        0x35 => 0,
        // `GPU_PROFILING_CAPABILITY` and `GPU_DEBUGGING_CAPABILITY`.
        0x36 | 0x37 => 1,
        _ => return None,
    })
}

/// Fills in the requested properties, of which there must be one.
///
/// Source: `getGpuInfos` in src/nvidia/src/kernel/gpu/subdevice/subdevice_ctrl_gpu_kernel.c.
fn gpu_infos(chip: &Chip, params: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut reply = params.to_vec();
    let (count, list) = reply.split_at_mut(4);
    let count = count
        .iter()
        .rev()
        .fold(0, |n, &byte| n << 8 | usize::from(byte));
    let entries = list.chunks_exact_mut(size_of::<GpuInfo>());
    if count == 0 || count > entries.len() {
        let error = format!("{count} properties of the GPU");
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    }
    for entry in entries.take(count) {
        let mut info = GpuInfo::read_from_bytes(entry).unwrap_or_default();
        let Some(data) = gpu_info(chip, info.index) else {
            let error = format!("property {:#x} of the GPU", info.index);
            return Err((NV_ERR_INVALID_ARGUMENT, error));
        };
        info.data = data;
        entry.copy_from_slice(info.as_bytes());
    }
    Ok(reply)
}

/// Fills in the name of the GPU.
fn name_string(chip: &Chip, params: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut reply = GpuNameString::new_zeroed();
    reply.kind = params
        .iter()
        .take(4)
        .rev()
        .fold(0, |n, &byte| n << 8 | u32::from(byte));
    let name: Vec<u8> = match reply.kind {
        GpuNameString::ASCII => chip.marketing_name.bytes().collect(),
        GpuNameString::UNICODE => {
            let units = chip.marketing_name.encode_utf16();
            units.flat_map(u16::to_le_bytes).collect()
        }
        kind => {
            let error = format!("name of the GPU of kind {kind:#x}");
            return Err((NV_ERR_INVALID_ARGUMENT, error));
        }
    };
    reply.name[..name.len()].copy_from_slice(&name);
    Ok(reply.as_bytes().to_vec())
}

/// The memory system, with all that drivers here read: compression tags need the memory manager. What
/// else is in there is 0.
fn memory_system(size: usize) -> Vec<u8> {
    let mut reply = vec![0; size];
    reply[MEMSYS_RAW_MODE] = 0;
    reply
}

/// Raises clocks, which the model has none of. The duration is checked as the header describes it.
fn boost(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    const COMMANDS: u32 = 3;
    let request: PerfBoost = call.read()?;
    let is_long = request.duration > PerfBoost::DURATION_MAX
        && request.duration != PerfBoost::DURATION_INFINITE;
    match request.flags & COMMANDS == COMMANDS || is_long {
        true => Err(invalid(format!("a boost as {request:x?}"))),
        false => call.accept(),
    }
}

/// Registers types of virtual GPUs, of which this card supports none; the answer has the same
/// parameters.
fn add_vgpu_types(params: &[u8]) -> Result<Vec<u8>, Refused> {
    match params.get(4..8) {
        Some([0, 0, 0, 0]) => Ok(params.to_vec()),
        _ => Err((
            NV_ERR_NOT_SUPPORTED,
            "types of virtual GPUs are not supported".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;
    use crate::gsp_rm::testing::control;
    use nova_hw::release::RELEASES;

    /// Parameters that ask for these properties.
    fn infos(count: u32, indices: &[u32]) -> Vec<u8> {
        let mut params = count.to_le_bytes().to_vec();
        for &index in indices {
            params.extend(GpuInfo { index, data: 0 }.as_bytes());
        }
        params.resize(RELEASES[0].controls.gpu_get_info_v2, 0);
        params
    }

    #[test]
    fn properties_come_in_the_requested_order() {
        let reply = control(control::GPU_GET_INFO_V2, &infos(2, &[0x34, 0x33])).unwrap();
        let word = |n: usize| reply[4 * n];
        assert_eq!([0, 1, 2, 3, 4].map(word), [2, 0x34, 1, 0x33, 0]);
        let unknown = control(control::GPU_GET_INFO_V2, &infos(1, &[0x7777]));
        assert_eq!(unknown, Err(NV_ERR_INVALID_ARGUMENT));
        let too_many = control(control::GPU_GET_INFO_V2, &infos(66, &[]));
        assert_eq!(too_many, Err(NV_ERR_INVALID_ARGUMENT));
        let none = control(control::GPU_GET_INFO_V2, &infos(0, &[]));
        assert_eq!(none, Err(NV_ERR_INVALID_ARGUMENT), "as an H200 with 580");
        let one_unknown = control(control::GPU_GET_INFO_V2, &infos(2, &[0x33, 0x7777]));
        assert_eq!(one_unknown, Err(NV_ERR_INVALID_ARGUMENT));
    }

    /// An H200 with release 580.
    #[test]
    fn gh100_has_the_properties_of_an_h200() {
        for (index, value) in [
            (0x25, 0),
            (0x27, 1),
            (0x29, 0),
            (0x2a, 2),
            (0x33, 0),
            (0x34, 0),
            (0x35, 0),
            (0x36, 1),
            (0x37, 1),
        ] {
            assert_eq!(gpu_info(by_name("gh100").unwrap(), index), Some(value));
        }
    }

    #[test]
    fn the_name_comes_in_both_encodings() {
        let name = |kind: u32| {
            let mut params = kind.to_le_bytes().to_vec();
            params.resize(132, 0xee);
            control(control::GPU_GET_NAME_STRING, &params)
        };
        assert!(name(0).unwrap()[4..].starts_with(b"NVIDIA GeForce"));
        assert!(name(1).unwrap()[4..].starts_with(b"N\0V\0I\0"));
        assert_eq!(name(2), Err(NV_ERR_INVALID_ARGUMENT));
    }

    #[test]
    fn types_of_virtual_gpus_are_refused() {
        let mut params = vec![0x5a; RELEASES[0].controls.pgpu_add_vgpu_type];
        let add = |params: &[u8]| control(control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE, params);
        assert_eq!(add(&params), Err(NV_ERR_NOT_SUPPORTED));
        params[4..8].fill(0);
        assert_eq!(add(&params), Ok(params.clone()));
        assert_eq!(add(&params[1..]), Err(NV_ERR_INVALID_ARGUMENT));
    }

    /// The memory system of each release, and nothing in it that nouveau would act upon.
    #[test]
    fn compression_tags_need_the_memory_manager() {
        use crate::gsp_rm::testing::Scene;
        for (release, size) in [(RELEASES[0], 40), (RELEASES[1], 56)] {
            let mut scene = Scene::new("ga102", release);
            let reply = scene.internal(0x2080_0a1c, &vec![0xee; size]);
            assert_eq!(reply, Ok(vec![0; size]));
            let other = scene.internal(0x2080_0a1c, &vec![0; 96 - size]);
            assert_eq!(other, Err(NV_ERR_INVALID_ARGUMENT));
        }
    }

    #[test]
    fn a_boost_has_a_duration() {
        let boost = |flags, duration| {
            let params = PerfBoost { flags, duration };
            control(control::PERF_BOOST, params.as_bytes()).map(|_| ())
        };
        // tinygrad's.
        assert_eq!(boost(2 | 1 << 4 | 1 << 6, u32::MAX), Ok(()));
        assert_eq!(boost(1, 3600), Ok(()));
        assert_eq!(boost(1, 3601), Err(NV_ERR_INVALID_ARGUMENT));
        assert_eq!(boost(3, 1), Err(NV_ERR_INVALID_ARGUMENT));
    }
}

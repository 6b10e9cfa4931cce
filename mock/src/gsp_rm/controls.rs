// SPDX-License-Identifier: GPL-2.0

//! The controls of GSP-RM's objects.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrl2080.

use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED};
use nova_hw::abi::{
    control, GpuInfo, GpuNameString, IntrKernelTable, IntrKernelTableEntry, RmControl,
    INTR_VECTOR_INVALID,
};
use nova_hw::chipset::Architecture;
use nova_hw::release::Release;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::chips::Chip;
use crate::gsp_rm::objects::Objects;
use crate::gsp_rm::refused::Refused;

/// Vector of the GSP's interrupt.
pub(crate) const GSP_VECTOR: u32 = 0x9b;

/// Makes the parameters of the answer from those of the call.
type Function = fn(&Chip, &Release, &[u8]) -> Result<Vec<u8>, Refused>;

/// A control. A new one is listed in [`CONTROLS`].
struct Control {
    /// Its number; the upper half is the class that has it.
    cmd: u32,
    /// Bytes of its parameters.
    size: fn(&Release) -> usize,
    /// What it does.
    call: Function,
}

static CONTROLS: [Control; 4] = [
    Control {
        cmd: control::INTERNAL_INTR_GET_KERNEL_TABLE,
        size: |_| size_of::<IntrKernelTable>(),
        call: |_, release, _| Ok(interrupt_table(release.gsp_engine).as_bytes().to_vec()),
    },
    Control {
        cmd: control::GPU_GET_INFO_V2,
        size: |release| release.controls.gpu_get_info_v2,
        call: |chip, _, params| gpu_infos(chip, params),
    },
    Control {
        cmd: control::GPU_GET_NAME_STRING,
        size: |_| size_of::<GpuNameString>(),
        call: |chip, _, params| name_string(chip, params),
    },
    Control {
        cmd: control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE,
        size: |release| release.controls.pgpu_add_vgpu_type,
        call: |_, _, params| add_vgpu_types(params),
    },
];

/// Calls a control on an object; returns the parameters of the answer.
///
/// Source: `_rmapiRmControl` in src/nvidia/src/kernel/rmapi/control.c for the order of the checks,
/// and an H200 with release 580. In 535.113.01 a wrong size is found after the class, and is
/// NV_ERR_INVALID_PARAM_STRUCT.
pub(crate) fn call(
    chip: &Chip,
    release: &Release,
    objects: &Objects,
    header: &RmControl,
    params: &[u8],
) -> Result<Vec<u8>, Refused> {
    let (cmd, len) = (header.cmd, header.params_size as usize);
    let Some(params) = params.get(..len) else {
        let error = format!(
            "{:#x} bytes of parameters, not the {len:#x} of the header",
            params.len()
        );
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    };
    // `NVXXXX_CTRL_CMD_NULL`, and that of each class: nothing is looked up.
    if cmd as u16 == 0 {
        return Ok(params.to_vec());
    }
    let client = objects.client(header.h_client)?;
    let control = CONTROLS.iter().find(|control| control.cmd == cmd);
    if control.is_some_and(|control| (control.size)(release) != len) {
        let error = format!("control {cmd:#x} with {len:#x} bytes of parameters");
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    }
    // An object has the controls of its own class only (`resControlLookup_IMPL` in
    // src/nvidia/src/libraries/resserv/src/rs_resource.c).
    let class = client.find(header.h_object)?.class;
    if cmd >> 16 != class.number {
        let error = format!("control {cmd:#x} on a {}", class.name());
        return Err((NV_ERR_NOT_SUPPORTED, error));
    }
    match control {
        Some(control) => (control.call)(chip, release, params),
        None => Err((
            NV_ERR_NOT_SUPPORTED,
            format!("control {cmd:#x} is not supported"),
        )),
    }
}

fn interrupt_table(gsp_engine: u16) -> IntrKernelTable {
    const NO_SUBTREE: u8 = 0xff;
    let mut table = IntrKernelTable::new_zeroed();
    table.table_len = 1;
    table.table[0] = IntrKernelTableEntry {
        engine_idx: gsp_engine,
        vector_stall: GSP_VECTOR,
        vector_non_stall: INTR_VECTOR_INVALID,
        ..IntrKernelTableEntry::default()
    };
    table.subtree_map = [[NO_SUBTREE; 2]; 7];
    let subtree = (GSP_VECTOR / 64) as u8;
    table.subtree_map[0] = [subtree; 2];
    table
}

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
    use crate::chips::{by_name, CHIPS};
    use crate::gsp_rm::objects::{INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE};
    use nova_hw::abi::class::{NV01_DEVICE_0, NV01_ROOT, NV20_SUBDEVICE_0};
    use nova_hw::abi::status::{NV_ERR_INVALID_CLIENT, NV_ERR_OBJECT_NOT_FOUND};
    use nova_hw::abi::{Nv0080AllocParameters, RmAlloc};
    use nova_hw::release::RELEASES;

    fn control(cmd: u32, params: &[u8]) -> Result<Vec<u8>, u32> {
        control_of(cmd, params, |_| {})
    }

    fn control_of(
        cmd: u32,
        params: &[u8],
        change: impl FnOnce(&mut RmControl),
    ) -> Result<Vec<u8>, u32> {
        let mut header = RmControl {
            h_client: INTERNAL_CLIENT,
            h_object: INTERNAL_SUBDEVICE,
            cmd,
            params_size: params.len() as u32,
            ..RmControl::default()
        };
        change(&mut header);
        call(&CHIPS[0], RELEASES[0], &Objects::new(), &header, params).map_err(|refused| refused.0)
    }

    #[test]
    fn parameters_must_be_in_the_message() {
        let params = GpuNameString::new_zeroed();
        let change = |header: &mut RmControl| header.params_size += 1;
        let result = control_of(control::GPU_GET_NAME_STRING, params.as_bytes(), change);
        assert_eq!(result, Err(NV_ERR_INVALID_ARGUMENT));
    }

    /// As a real H200 with release 580 answers: the client is looked up first, then the size of the
    /// parameters counts, then the object, then its class. A null command does not get that far.
    #[test]
    fn a_call_is_checked_in_the_order_of_an_h200() {
        const NAME: u32 = control::GPU_GET_NAME_STRING;
        const SIZE: usize = size_of::<GpuNameString>();
        const UNKNOWN: u32 = 0xdead_beef;
        let (client, device, subdevice) = (INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE);
        for (cmd, h_client, h_object, len, expected) in [
            (NAME, client, subdevice, SIZE, Ok(())),
            (NAME, UNKNOWN, subdevice, SIZE, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, 0, subdevice, SIZE, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, UNKNOWN, 0, SIZE, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, UNKNOWN, subdevice, 8, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, client, subdevice, 0, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, subdevice, 131, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, subdevice, 133, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, UNKNOWN, 8, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, device, 8, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, UNKNOWN, SIZE, Err(NV_ERR_OBJECT_NOT_FOUND)),
            (NAME, client, 0, SIZE, Err(NV_ERR_OBJECT_NOT_FOUND)),
            (NAME, client, client, SIZE, Err(NV_ERR_NOT_SUPPORTED)),
            (0x2080_0199, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x2080_fffe, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x1234_5678, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x0080_1111, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x0201, client, device, 128, Err(NV_ERR_NOT_SUPPORTED)),
            (0, client, subdevice, 0, Ok(())),
            (0x2080_0000, client, subdevice, 0, Ok(())),
            (0x0080_0000, UNKNOWN, UNKNOWN, 0, Ok(())),
            (0, UNKNOWN, UNKNOWN, 0, Ok(())),
        ] {
            let change = |header: &mut RmControl| {
                (header.h_client, header.h_object) = (h_client, h_object);
            };
            let result = control_of(cmd, &vec![0; len], change).map(|_| ());
            assert_eq!(result, expected, "{cmd:#x} on {h_object:#x}, {len} bytes");
        }
    }

    #[test]
    fn a_subdevice_of_any_client_has_its_controls() {
        let mut objects = Objects::new();
        for (h_class, h_parent, h_object) in [
            (NV01_ROOT, 1, 1),
            (NV01_DEVICE_0, 1, 2),
            (NV20_SUBDEVICE_0, 2, 3),
        ] {
            let mut request = RmAlloc {
                h_client: 1,
                h_parent,
                h_object,
                h_class,
                ..RmAlloc::default()
            };
            let mut params = match h_class {
                NV01_DEVICE_0 => Nv0080AllocParameters::default().as_bytes().to_vec(),
                _ => Vec::new(),
            };
            let result = objects.alloc(RELEASES[0], &mut request, &mut params);
            assert_eq!(result, Ok(()));
        }
        let header = RmControl {
            h_client: 1,
            h_object: 3,
            cmd: control::GPU_GET_NAME_STRING,
            params_size: size_of::<GpuNameString>() as u32,
            ..RmControl::default()
        };
        let params = GpuNameString::new_zeroed();
        let reply = call(&CHIPS[0], RELEASES[0], &objects, &header, params.as_bytes());
        assert!(reply.unwrap()[4..].starts_with(b"NVIDIA GeForce"));
    }

    #[test]
    fn the_interrupt_table_has_the_gsp() {
        let params = IntrKernelTable::default();
        let table = control(control::INTERNAL_INTR_GET_KERNEL_TABLE, params.as_bytes()).unwrap();
        let table = IntrKernelTable::read_from_bytes(&table).unwrap();
        assert_eq!(table.table_len, 1);
        assert_eq!(table.table[0].vector_stall, GSP_VECTOR);
    }

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
}

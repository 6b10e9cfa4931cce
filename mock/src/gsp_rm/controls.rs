// SPDX-License-Identifier: GPL-2.0

//! The controls of GSP-RM's objects.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrl2080.

use nova_hw::abi::status::{
    NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_PARAM_STRUCT, NV_ERR_NOT_SUPPORTED,
};
use nova_hw::abi::{
    control, GpuInfo, GpuNameString, IntrKernelTable, IntrKernelTableEntry, RmControl,
    INTR_VECTOR_INVALID,
};
use nova_hw::release::Release;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::chips::Chip;
use crate::gsp_rm::objects::Objects;
use crate::gsp_rm::refused::Refused;

/// Properties of a GPU in a desktop (`NV2080_CTRL_GPU_INFO_INDEX_*`) and their values.
const GPU_INFOS: [(u32, u32); 9] = [
    // No surprise removal, and no poison fuse.
    (0x25, 0),
    (0x27, 0),
    // No SR-IOV in the host, and no partitions.
    (0x29, 0),
    (0x2a, 0),
    // 4 KiB pages need not be isolated.
    (0x33, 0),
    // With a display, and not mobile.
    (0x34, 1),
    (0x35, 0),
    // Profiling and debugging are allowed.
    (0x36, 1),
    (0x37, 1),
];

/// Vector of the GSP's interrupt.
pub(crate) const GSP_VECTOR: u32 = 0x9b;

/// Calls a control on an object; returns the parameters of the answer.
pub(crate) fn call(
    chip: &Chip,
    release: &Release,
    objects: &Objects,
    header: &RmControl,
    params: &[u8],
) -> Result<Vec<u8>, Refused> {
    let len = header.params_size as usize;
    let Some(params) = params.get(..len) else {
        let error = format!(
            "{:#x} bytes of parameters, not the {len:#x} of the header",
            params.len()
        );
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    };
    // The upper half of a control's number is its class; an object has the controls of its own
    // class only (`resControlLookup_IMPL` in src/nvidia/src/libraries/resserv/src/rs_resource.c).
    let class = objects.find(header.h_client, header.h_object)?.class;
    if header.cmd >> 16 != class.number {
        let error = format!("control {:#x} on a {}", header.cmd, class.name());
        return Err((NV_ERR_NOT_SUPPORTED, error));
    }
    let expect = |expected| match len == expected {
        true => Ok(()),
        false => Err((
            NV_ERR_INVALID_PARAM_STRUCT,
            format!(
                "control {:#x} with {len:#x} bytes of parameters",
                header.cmd
            ),
        )),
    };
    match header.cmd {
        control::INTERNAL_INTR_GET_KERNEL_TABLE => {
            expect(size_of::<IntrKernelTable>())?;
            Ok(interrupt_table(release.gsp_engine).as_bytes().to_vec())
        }
        control::GPU_GET_INFO_V2 => {
            expect(release.controls.gpu_get_info_v2)?;
            gpu_infos(params)
        }
        control::GPU_GET_NAME_STRING => {
            expect(size_of::<GpuNameString>())?;
            name_string(chip, params)
        }
        control::VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE => {
            expect(release.controls.pgpu_add_vgpu_type)?;
            add_vgpu_types(params)
        }
        cmd => Err((
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

/// Fills in the requested properties.
fn gpu_infos(params: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut reply = params.to_vec();
    let (count, list) = reply.split_at_mut(4);
    let count = count
        .iter()
        .rev()
        .fold(0, |n, &byte| n << 8 | usize::from(byte));
    let entries = list.chunks_exact_mut(size_of::<GpuInfo>());
    if count > entries.len() {
        let error = format!("{count} properties of the GPU");
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    }
    for entry in entries.take(count) {
        let mut info = GpuInfo::read_from_bytes(entry).unwrap_or_default();
        let Some(&(_, data)) = GPU_INFOS.iter().find(|known| known.0 == info.index) else {
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
    use crate::chips::CHIPS;
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
    fn controls_need_an_object_and_room() {
        let params = IntrKernelTable::default();
        let status = |change: fn(&mut RmControl)| {
            control_of(
                control::INTERNAL_INTR_GET_KERNEL_TABLE,
                params.as_bytes(),
                change,
            )
            .unwrap_err()
        };
        assert_eq!(status(|header| header.h_client = 0), NV_ERR_INVALID_CLIENT);
        let nothing = status(|header| header.h_object = 0);
        assert_eq!(nothing, NV_ERR_OBJECT_NOT_FOUND);
        for other in [INTERNAL_CLIENT, INTERNAL_DEVICE] {
            let change = |header: &mut RmControl| header.h_object = other;
            let result = control_of(
                control::INTERNAL_INTR_GET_KERNEL_TABLE,
                params.as_bytes(),
                change,
            );
            assert_eq!(result, Err(NV_ERR_NOT_SUPPORTED));
        }
        assert_eq!(status(|header| header.cmd = 1), NV_ERR_NOT_SUPPORTED);
        let too_short = status(|header| header.params_size = 4);
        assert_eq!(too_short, NV_ERR_INVALID_PARAM_STRUCT);
        let too_long = status(|header| header.params_size = u32::MAX);
        assert_eq!(too_long, NV_ERR_INVALID_ARGUMENT);
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
        assert_eq!(add(&params[1..]), Err(NV_ERR_INVALID_PARAM_STRUCT));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Controls about the engines that channels feed, and about their interrupts.

use nova_hw::abi::{
    control, ConstructedFalcon, ConstructedFalconInfo, DeviceEntry, DeviceInfoTable,
    IntrKernelTable, IntrKernelTableEntry, INTR_VECTOR_INVALID,
};
use nova_hw::chipset::{Architecture, Chipset};
use nova_hw::release::Release;
use zerocopy::{FromZeros, IntoBytes};

use super::call::{invalid, Call, Control};
use crate::chips::engines::{self, Engine, Row};
use crate::chips::Chip;
use crate::gsp_rm::refused::Refused;

/// Vector of the GSP's interrupt.
pub(crate) const GSP_VECTOR: u32 = 0x9b;

/// Vectors of the display's interrupts, the second of which has low latency; the model's choice.
const DISPLAY_VECTORS: [u32; 2] = [0x9c, 0x9d];

pub(super) static CONTROLS: &[Control] = &[
    Control {
        cmd: |_| Some(control::INTERNAL_INTR_GET_KERNEL_TABLE),
        size: |_| size_of::<IntrKernelTable>(),
        call: |call| {
            let table = interrupt_table(call.platform.chip, call.platform.release);
            Ok(table.as_bytes().to_vec())
        },
    },
    Control {
        cmd: |_| Some(control::FIFO_GET_DEVICE_INFO_TABLE),
        size: |_| size_of::<DeviceInfoTable>(),
        call: device_info,
    },
    Control {
        cmd: |_| Some(control::CE_GET_FAULT_METHOD_BUFFER_SIZE),
        size: |_| size_of::<u32>(),
        call: |call| {
            Ok(fault_method_buffer(call.platform.chip.chipset)
                .to_le_bytes()
                .to_vec())
        },
    },
    Control {
        cmd: |release| Some(release.control_numbers.constructed_falcons),
        size: |_| size_of::<ConstructedFalconInfo>(),
        call: |call| Ok(falcons(call.platform.chip.chipset).as_bytes().to_vec()),
    },
];

/// The interrupts that are the CPU's: the non-stalling ones of all engines that channels feed, the
/// display's, and the GSP's own. GSP-RM serves the stalling ones of the engines.
fn interrupt_table(chip: &Chip, release: &Release) -> IntrKernelTable {
    const NO_SUBTREE: u8 = 0xff;
    let entry = |engine_idx, vector_stall, vector_non_stall| IntrKernelTableEntry {
        engine_idx,
        vector_stall,
        vector_non_stall,
        ..IntrKernelTableEntry::default()
    };
    let numbers = &release.engines;
    let mut entries = vec![entry(release.gsp_engine, GSP_VECTOR, INTR_VECTOR_INVALID)];
    if chip.has_display {
        let [vector, low] = DISPLAY_VECTORS;
        entries.push(entry(numbers.display, vector, INTR_VECTOR_INVALID));
        let has_low = chip.chipset.arch() == Architecture::BlackwellGb20x;
        let number = numbers.display_low.filter(|_| has_low);
        entries.extend(number.map(|number| entry(number, low, INTR_VECTOR_INVALID)));
    }
    for row in engines::of(chip.chipset).table() {
        let number = row.engine.number_in(&numbers.mc);
        entries.push(entry(number, INTR_VECTOR_INVALID, row.nonstall));
    }

    let mut table = IntrKernelTable::new_zeroed();
    table.table_len = entries.len() as u32;
    table.table[..entries.len()].copy_from_slice(&entries);
    table.subtree_map = [[NO_SUBTREE; 2]; 7];
    let subtree = |vector: u32| (vector / 64) as u8;
    table.subtree_map[IntrKernelTable::DEFAULT] = [subtree(GSP_VECTOR); 2];
    table.subtree_map[IntrKernelTable::ENGINE_NOTIFICATION] = [0; 2];
    table
}

/// A part of the table of engines.
///
/// Source: `subdeviceCtrlCmdFifoGetDeviceInfoTable_VF` in
/// src/nvidia/src/kernel/gpu/fifo/kernel_fifo_ctrl.c, for virtual functions. That the first entry must be a multiple of the
/// entries of a reply is only in the header.
fn device_info(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let request: DeviceInfoTable = call.read()?;
    let table = engines::of(call.platform.chip.chipset).table();
    let base = request.base_index as usize;
    if base % DeviceInfoTable::MAX_ENTRIES != 0 || base >= DeviceInfoTable::MAX_DEVICES {
        return Err(invalid(format!("engines from {base:#x} on")));
    }
    let rest = table.get(base..).unwrap_or_default();
    let count = rest.len().min(DeviceInfoTable::MAX_ENTRIES);
    let mut reply = DeviceInfoTable {
        base_index: request.base_index,
        num_entries: count as u32,
        b_more: u8::from(rest.len() > count),
        ..DeviceInfoTable::default()
    };
    for (entry, row) in reply.entries.iter_mut().zip(rest) {
        *entry = device_entry(call.platform.chip.chipset, call.platform.release, row);
    }
    Ok(reply.as_bytes().to_vec())
}

/// Bases of runlist 0's registers and channel RAM, and the distance to those of the next runlist, from
/// Ampere on; the model's own. With GSP-RM, no driver uses these registers.
const RUNLIST_BASE: u32 = 0x90_0000;
const CHANNEL_RAM_BASE: u32 = 0xa0_0000;
const RUNLIST_STRIDE: u32 = 0x2000;

fn device_entry(chipset: Chipset, release: &Release, row: &Row) -> DeviceEntry {
    let engine = row.engine;
    let arch = chipset.arch();
    let numbers = &release.engines;
    let (pbdma, count) = row.pbdmas;
    let runlist = u32::from(row.runlist);
    let mut entry = DeviceEntry {
        num_pbdmas: count,
        ..DeviceEntry::default()
    };
    for (at, value) in [
        (DeviceEntry::ENG_DESC, engine.descriptor()),
        // In the order of the table; the model's choice.
        (DeviceEntry::FIFO_TAG, row.nonstall),
        (
            DeviceEntry::RM_ENGINE_TYPE,
            engine.number_in(&numbers.rm).into(),
        ),
        (DeviceEntry::RUNLIST, runlist),
        (
            DeviceEntry::MMU_FAULT_ID,
            engine.mmu_fault_id(arch).unwrap_or(0),
        ),
        (DeviceEntry::MC, engine.number_in(&numbers.mc).into()),
        (DeviceEntry::DEV_TYPE_ENUM, engine.top_type()),
        (DeviceEntry::INSTANCE_ID, engine.instance().into()),
        (DeviceEntry::IS_HOST_DRIVEN_ENGINE, 1),
    ] {
        entry.engine_data[at] = value;
    }
    if arch != Architecture::Turing {
        let offset = runlist * RUNLIST_STRIDE;
        entry.engine_data[DeviceEntry::RUNLIST_PRI_BASE] = RUNLIST_BASE + offset;
        entry.engine_data[DeviceEntry::RUNLIST_ENGINE_ID] = row.position.into();
        entry.engine_data[DeviceEntry::CHRAM_PRI_BASE] = CHANNEL_RAM_BASE + offset;
    }
    for index in 0..count {
        let at = index as usize;
        entry.pbdma_ids[at] = pbdma + index;
        entry.pbdma_fault_ids[at] = engines::pbdma_fault_id(arch, pbdma + index).unwrap_or(0);
    }
    let name = engine.name();
    entry.engine_name[..name.len()].copy_from_slice(name.as_bytes());
    entry
}

/// Bytes of a channel's buffer for methods that a fault interrupts: an H200's for Hopper and later,
/// tinygrad's for others.
fn fault_method_buffer(chipset: Chipset) -> u32 {
    match chipset.arch().boots_through_fsp() {
        true => 0xf000,
        false => 0x5000,
    }
}

/// The context buffers of engines with a falcon: those for video, and SEC2. The size is tinygrad's
/// for a video decoder; where buffers may be, and the bases, are not modelled.
fn falcons(chipset: Chipset) -> ConstructedFalconInfo {
    const CONTEXT: u32 = 0x1000;
    let mut info = ConstructedFalconInfo::new_zeroed();
    let has_falcon = |row: &Row| !matches!(row.engine, Engine::Gr | Engine::Copy(_));
    let rows = engines::of(chipset).table().into_iter().filter(has_falcon);
    for (entry, row) in info.constructed_falcons_table.iter_mut().zip(rows) {
        *entry = ConstructedFalcon {
            eng_desc: row.engine.descriptor(),
            ctx_buffer_size: CONTEXT,
            ..ConstructedFalcon::default()
        };
        info.num_constructed_falcons += 1;
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::testing::{control_on, on_each, Scene};
    use nova_hw::abi::status::NV_ERR_INVALID_ARGUMENT;
    use nova_hw::release::{r535_113_01, RELEASES};
    use std::collections::BTreeSet;
    use zerocopy::FromBytes;

    fn interrupts(scene: &mut Scene) -> IntrKernelTable {
        let params = IntrKernelTable::default();
        let cmd = control::INTERNAL_INTR_GET_KERNEL_TABLE;
        let table = scene.internal(cmd, params.as_bytes()).unwrap();
        IntrKernelTable::read_from_bytes(&table).unwrap()
    }

    fn devices(scene: &mut Scene) -> Vec<DeviceEntry> {
        let params = DeviceInfoTable::default();
        let cmd = control::FIFO_GET_DEVICE_INFO_TABLE;
        let reply = scene.internal(cmd, params.as_bytes()).unwrap();
        let table = DeviceInfoTable::read_from_bytes(&reply).unwrap();
        assert_eq!(table.b_more, 0, "nouveau asks once");
        table.entries[..table.num_entries as usize].to_vec()
    }

    #[test]
    fn every_engine_has_a_vector_that_is_its_own() {
        on_each(|scene| {
            let table = interrupts(scene);
            let entries = &table.table[..table.table_len as usize];
            assert!(entries.len() <= 32, "nouveau has no room for more");
            let numbers = &scene.release.engines;
            let vectors: BTreeSet<_> = entries
                .iter()
                .flat_map(|entry| [entry.vector_stall, entry.vector_non_stall])
                .filter(|&vector| vector != INTR_VECTOR_INVALID)
                .collect();
            assert_eq!(vectors.len(), entries.len());
            assert!(vectors.iter().all(|&vector| vector < 256));
            let stalling = |number| {
                let entry = entries.iter().find(|entry| entry.engine_idx == number);
                entry.map(|entry| entry.vector_stall)
            };
            assert_eq!(stalling(scene.release.gsp_engine), Some(GSP_VECTOR));
            let has_display = stalling(numbers.display).is_some();
            assert_eq!(has_display, scene.chip.has_display);
            for device in devices(scene) {
                let number = device.engine_data[DeviceEntry::MC] as u16;
                let mut found = entries.iter().filter(|entry| entry.engine_idx == number);
                assert!(found
                    .next()
                    .is_some_and(|entry| entry.vector_non_stall < 32));
            }
            // The categories of the vectors.
            assert_eq!(table.subtree_map[0], [2, 2]);
            assert_eq!(table.subtree_map[2], [0, 0]);
            assert_eq!(table.subtree_map[1], [0xff, 0xff]);
        });
    }

    #[test]
    fn only_gb20x_has_display_interrupts_with_low_latency() {
        for (chip, expected) in [("gb202", true), ("ga102", false), ("gb100", false)] {
            let table = interrupts(&mut Scene::new(chip, RELEASES[0]));
            let low = table.table.iter().any(|entry| entry.engine_idx == 176);
            assert_eq!(low, expected, "{chip}");
        }
    }

    #[test]
    fn a_table_of_engines_has_the_numbers_of_its_release() {
        let first = |release| devices(&mut Scene::new("ga102", release));
        let [new, old] = [RELEASES[0], &r535_113_01::RELEASE].map(first);
        let column = |table: &[DeviceEntry], at: usize| -> Vec<u32> {
            table.iter().map(|entry| entry.engine_data[at]).collect()
        };
        let types = [1, 9, 10, 11, 12, 13, 0x1d, 0x1e, 0x25];
        let new_types = [&types[..], &[0x3e, 0x31]].concat();
        let old_types = [&types[..], &[0x3d, 0x30]].concat();
        assert_eq!(column(&new, 2), new_types);
        assert_eq!(column(&old, 2), old_types);
        for table in [&new, &old] {
            assert_eq!(column(table, 3), [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(table[0].engine_data[0], 0xd334_df00);
            assert_eq!(table[2].engine_data[10], 1, "instance of COPY1");
            assert_eq!(table[2].engine_data[13], 2, "third on its runlist");
            assert_eq!((table[0].num_pbdmas, table[0].pbdma_ids), (2, [0, 1]));
            assert_eq!((table[3].num_pbdmas, table[3].pbdma_ids), (1, [2, 0]));
            assert_eq!(table[3].pbdma_fault_ids[0], 34);
            assert_eq!(&table[1].engine_name[..4], b"ce0\0");
            let bases: BTreeSet<_> = column(table, 11).into_iter().collect();
            assert_eq!(bases.len(), 9, "one for each runlist");
        }
        let turing = devices(&mut Scene::new("tu102", RELEASES[0]));
        assert!(turing.iter().all(|entry| entry.engine_data[11] == 0));
    }

    #[test]
    fn a_part_of_the_table_starts_at_a_multiple_of_32() {
        let mut scene = Scene::new("ga102", RELEASES[0]);
        let mut from = |base_index| {
            let params = DeviceInfoTable {
                base_index,
                ..DeviceInfoTable::default()
            };
            let reply = scene.internal(control::FIFO_GET_DEVICE_INFO_TABLE, params.as_bytes());
            reply.map(|reply| {
                DeviceInfoTable::read_from_bytes(&reply)
                    .unwrap()
                    .num_entries
            })
        };
        assert_eq!(from(32), Ok(0));
        assert_eq!(from(1), Err(NV_ERR_INVALID_ARGUMENT));
        assert_eq!(from(256), Err(NV_ERR_INVALID_ARGUMENT));
    }

    #[test]
    fn a_channel_needs_a_buffer_for_interrupted_methods() {
        for (chip, expected) in [("tu102", 0x5000), ("ad102", 0x5000), ("gh100", 0xf000)] {
            let mut scene = Scene::new(chip, RELEASES[0]);
            let size = scene.internal(control::CE_GET_FAULT_METHOD_BUFFER_SIZE, &[0; 4]);
            assert_eq!(size, Ok(u32::to_le_bytes(expected).to_vec()));
        }
    }

    /// The number is another control's in the other release, which the model does not have.
    #[test]
    fn falcons_are_listed_by_the_control_of_the_release() {
        for (release, cmd, other) in [
            (RELEASES[0], 0x2080_01b0, 0x2080_0a42),
            (RELEASES[1], 0x2080_0a42, 0x2080_01b0),
        ] {
            let mut scene = Scene::new("ga102", release);
            let params = ConstructedFalconInfo::default();
            let reply = scene.internal(cmd, params.as_bytes()).unwrap();
            let info = ConstructedFalconInfo::read_from_bytes(&reply).unwrap();
            // Two video decoders, an encoder, the optical flow accelerator and SEC2.
            assert_eq!(info.num_constructed_falcons, 5);
            assert_eq!(info.constructed_falcons_table[1].eng_desc, 0x8f99_e101);
            assert_ne!(info.constructed_falcons_table[4].ctx_buffer_size, 0);
            assert!(scene.internal(other, params.as_bytes()).is_err());
            let status = control_on(&mut scene, cmd, &params.as_bytes()[1..]);
            assert_eq!(status, Err(NV_ERR_INVALID_ARGUMENT));
        }
    }
}

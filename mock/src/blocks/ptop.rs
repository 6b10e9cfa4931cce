// SPDX-License-Identifier: GPL-2.0

//! PTOP: the table of the chip's engines, of those that the model has.
//!
//! Not here: the kind by which the table names the FSP, which is not public.
//!
//! Source: as for [`nova_hw::regs::ptop`]; the kinds of engines are in nouveau's top/ga100.c.

use std::ops::Range;

use nova_hw::chipset::Architecture;
use nova_hw::regs::falcon::{GSP_BASE, SEC2_BASE};
use nova_hw::regs::ptop::{DeviceInfo2, DeviceInfoCfg};

use super::block::{Block, Parts};
use super::wires::Wires;

/// Rows of each device, the second of which has the base of its registers.
const ROWS: usize = 2;

/// The engines: kind, and base of the registers.
const DEVICES: [(u8, u32); 2] = [(0x0d, SEC2_BASE), (0x14, GSP_BASE)];

/// The format's version, and the most devices and rows of one, as in gb100/dev_top.h.
const VERSION: u8 = 2;
const MAX_DEVICES: u16 = 0x99;
const MAX_ROWS: u8 = 3;

/// The block; it has no state.
#[derive(Debug)]
pub(crate) struct Ptop;

/// Row `index` of the table.
fn row(index: usize) -> u32 {
    match (DEVICES.get(index / ROWS), index % ROWS) {
        (None, _) => 0,
        (Some(&(type_enum, _)), 0) => DeviceInfo2::new()
            .with_type_enum(type_enum)
            .with_row_chain(true)
            .into(),
        (Some(&(_, base)), _) => base,
    }
}

impl Block for Ptop {
    const RANGES: &'static [Range<u32>] = &[0x02_2000..0x02_3000];

    fn new(_: &Parts) -> Self {
        Self
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        if wires.chip.chipset.arch() == Architecture::Turing {
            return None;
        }
        if offset == DeviceInfoCfg::OFFSET {
            let cfg = DeviceInfoCfg::new()
                .with_version(VERSION)
                .with_max_devices(MAX_DEVICES)
                .with_max_rows_per_device(MAX_ROWS)
                .with_num_rows(DeviceInfo2::COUNT as u16);
            return Some(cfg.into());
        }
        let index = offset.checked_sub(DeviceInfo2::OFFSET)? / DeviceInfo2::STRIDE;
        (index < DeviceInfo2::COUNT).then(|| row(index as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    /// The kinds and bases of all devices, read as NVIDIA's gpu-admin-tools (on Hopper and later)
    /// and nouveau do.
    fn devices(chip: &str) -> Vec<(u32, u32)> {
        let mut card = TestCard::new(chip);
        let rows = card.read(&mut Ptop, 0x02_24fc).unwrap() >> 20;
        let mut devices = Vec::new();
        let mut device = Vec::new();
        for index in 0..rows {
            let row = card.read(&mut Ptop, 0x02_2800 + 4 * index).unwrap();
            if row != 0 || !device.is_empty() {
                device.push(row);
            }
            if row >> 31 == 0 && !device.is_empty() {
                devices.push((device[0] >> 24 & 0x7f, device[1] & 0xff_f000));
                device.clear();
            }
        }
        devices
    }

    #[test]
    fn the_table_has_the_engines() {
        for chip in ["ga102", "gh100", "gb202"] {
            assert_eq!(devices(chip), [(0x0d, 0x84_0000), (0x14, 0x11_0000)]);
        }
        assert_eq!(TestCard::new("tu102").read(&mut Ptop, 0x02_2800), None);
        assert_eq!(TestCard::new("gh100").read(&mut Ptop, 0x02_2d84), None);
    }
}

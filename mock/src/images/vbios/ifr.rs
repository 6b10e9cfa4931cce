// SPDX-License-Identifier: GPL-2.0

//! The IFR ("init from ROM") header at the start of the flash, and the ROM directory behind it,
//! which say where the images are.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_vbios_tu102.c
//! (`s_romImgFindPciHeader_TU102`); Linux 7.3, Documentation/gpu/nova/core/vbios.rst. The numbers are
//! those of an A100, from where `shape.rs` says.

use super::image::Image;
use crate::chips::Chip;

/// Offset of the images.
const IMAGES: usize = 0x5000;

/// Bytes of the header with all its data.
const TOTAL_DATA_SIZE: usize = 0x6c0;

/// Offset of the flash status, and its bytes; the ROM directory follows.
const FLASH_STATUS: usize = 0x1000;
const FLASH_STATUS_SIZE: usize = 0x1000;

/// What precedes the images of `chip` in the flash, if these have `len` bytes.
pub(crate) fn ifr(chip: &Chip, len: usize) -> Vec<u8> {
    let mut header = Image(vec![0; IMAGES]);
    header.put(0, b"NVGI");
    // Version 3 with 0x24 bytes of fixed data; the topmost bit of the total size is reserved, and set.
    header.put_u32(4, &[0x24_038a, 1 << 31 | TOTAL_DATA_SIZE as u32]);
    header.put_u16(0xc, &[chip.subsystem_vendor_id, chip.subsystem_id]);
    header.put_u32(0x10, &[0x202, 0x24]);
    // Offsets of the flash status and of its header: version 2, entries of 32 bytes.
    let status = TOTAL_DATA_SIZE + 0x10;
    header.put_u32(TOTAL_DATA_SIZE, &[FLASH_STATUS as u32, status as u32]);
    header.put(status, b"RFFS");
    header.put_u16(status + 4, &[2, 0xc, 0x20, FLASH_STATUS_SIZE as u16]);
    // The directory: version 3, offset and size of the images.
    let directory = FLASH_STATUS + FLASH_STATUS_SIZE;
    header.put(directory, b"RFRD");
    header.put_u16(directory + 4, &[3, 0x28]);
    header.put_u32(directory + 8, &[IMAGES as u32, len as u32]);
    header.0
}

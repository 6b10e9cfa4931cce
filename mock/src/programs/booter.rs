// SPDX-License-Identifier: GPL-2.0

//! Booter, the signed program on SEC2 that puts GSP-RM into WPR2 and starts it, and booter unload,
//! which removes WPR2.
//!
//! The source is not public. The checks are those that the comments of gsp_fw_wpr_meta.h and the
//! layout in kernel_gsp_tu102.c (open-gpu-kernel-modules 570) imply. The error codes are the
//! model's own.

use std::ops::Range;

use nova_hw::abi::GspFwWprMeta;
use nova_hw::gsp::{BOOTER_UNLOAD_MAILBOX, PAGE_SIZE};
use zerocopy::{FromBytes, IntoBytes};

use crate::bus::machine::{GuestMemory, Unmapped, BUS_BITS};
use crate::images::firmware::Firmware;

const KIB_4: u64 = 0x1000;
const KIB_64: u64 = 0x1_0000;
const KIB_128: u64 = 0x2_0000;
const MIB: u64 = 0x10_0000;

/// Smallest transfer of a falcon's DMA in bytes, and so the alignment of what it reads.
const DMA_ALIGN: u64 = 256;

/// Entries of a page of a radix3 table.
const ENTRIES: u64 = (PAGE_SIZE / 8) as u64;

/// State of the frame buffer when booter starts.
#[derive(Clone, Debug)]
pub(crate) struct FrameBuffer {
    /// Size in bytes.
    pub(crate) size: u64,
    /// Bytes at its end that have been scrubbed.
    pub(crate) scrubbed: u64,
    /// FWSEC must have put FRTS there.
    pub(crate) has_frts: bool,
    /// The write-protected region, if it is set up.
    pub(crate) wpr2: Option<Range<u64>>,
}

/// Booter's error codes; the model's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Code {
    /// The WPR metadata cannot be read or is invalid.
    Metadata = 1,
    /// The layout of the frame buffer is invalid.
    Layout = 2,
    /// FRTS is not where the metadata says.
    Frts = 3,
    /// The image is not the signed GSP-RM.
    Image = 4,
    /// The signature is not GSP-RM's.
    Signature = 5,
    /// The RISC-V bootloader is not the signed one.
    Bootloader = 6,
    /// The GSP is running.
    Busy = 7,
    /// The arguments are unknown.
    Arguments = 8,
    /// What was saved at a suspend is missing or damaged.
    Saved = 9,
}

/// Booter's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) reason: String,
}

pub(crate) fn refuse<T>(code: Code, reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused {
        code,
        reason: reason.into(),
    })
}

pub(crate) fn unmapped(code: Code, what: &str) -> impl Fn(Unmapped) -> Refused + '_ {
    move |error| Refused {
        code,
        reason: format!("{what}: {error}"),
    }
}

/// Checks the WPR metadata at bus address `address`, and all that it refers to.
pub(crate) fn load(
    memory: &dyn GuestMemory,
    address: u64,
    firmware: &Firmware,
    frame_buffer: &FrameBuffer,
) -> Result<GspFwWprMeta, Refused> {
    check_address(Code::Metadata, "WPR metadata", address, DMA_ALIGN)?;
    let bytes = memory
        .read_vec(address, size_of::<GspFwWprMeta>())
        .map_err(unmapped(Code::Metadata, "WPR metadata"))?;
    let Ok(meta) = GspFwWprMeta::read_from_bytes(&bytes) else {
        return refuse(Code::Metadata, "WPR metadata of the wrong size");
    };
    check_metadata(&meta)?;
    check_layout(&meta, frame_buffer)?;
    check_frts(&meta, frame_buffer)?;
    check_bootloader(memory, &meta, firmware)?;
    check_signature(memory, &meta, firmware)?;
    check_image(memory, &meta, firmware)?;
    Ok(meta)
}

pub(crate) fn check_address(
    code: Code,
    what: &str,
    address: u64,
    align: u64,
) -> Result<(), Refused> {
    if address == 0 || address % align != 0 || address >> BUS_BITS != 0 {
        return refuse(code, format!("{what} at bus address {address:#x}"));
    }
    Ok(())
}

pub(crate) fn check_metadata(meta: &GspFwWprMeta) -> Result<(), Refused> {
    let fields = [
        ("magic", meta.magic, GspFwWprMeta::MAGIC),
        ("revision", meta.revision, GspFwWprMeta::REVISION),
        ("bootCount", meta.boot_count, 0),
        ("verified", meta.verified, 0),
    ];
    for (name, found, expected) in fields {
        if found != expected {
            return refuse(
                Code::Metadata,
                format!("{name} is {found:#x}, not {expected:#x}"),
            );
        }
    }
    if meta.padding != [0; 2] {
        return refuse(Code::Metadata, "padding is not zero");
    }
    Ok(())
}

/// A region of the frame buffer: its name, start, size and alignment.
type Region = (&'static str, u64, u64, u64);

fn check_layout(meta: &GspFwWprMeta, frame_buffer: &FrameBuffer) -> Result<(), Refused> {
    let vram = frame_buffer.size;
    if meta.fb_size != vram {
        return refuse(
            Code::Layout,
            format!("fbSize is {:#x}, the card has {vram:#x}", meta.fb_size),
        );
    }
    if meta.gsp_fw_rsvd_start != meta.non_wpr_heap_offset {
        return refuse(Code::Layout, "gspFwRsvdStart is not nonWprHeapOffset");
    }
    let regions: [Region; 7] = [
        (
            "nonWprHeap",
            meta.non_wpr_heap_offset,
            meta.non_wpr_heap_size,
            MIB,
        ),
        (
            "gspFwWpr",
            meta.gsp_fw_wpr_start,
            size_of::<GspFwWprMeta>() as u64,
            KIB_128,
        ),
        (
            "gspFwHeap",
            meta.gsp_fw_heap_offset,
            meta.gsp_fw_heap_size,
            MIB,
        ),
        ("gspFw", meta.gsp_fw_offset, meta.size_of_radix3_elf, KIB_64),
        (
            "bootBin",
            meta.boot_bin_offset,
            meta.size_of_bootloader,
            KIB_4,
        ),
        ("frts", meta.frts_offset, meta.frts_size, KIB_128),
        (
            "vgaWorkspace",
            meta.vga_workspace_offset,
            meta.vga_workspace_size,
            KIB_64,
        ),
    ];
    let mut end = 0;
    for (name, start, size, align) in regions {
        if size == 0 && (name != "frts" || frame_buffer.has_frts) {
            return refuse(Code::Layout, format!("{name} is empty"));
        }
        if start % align != 0 {
            return refuse(
                Code::Layout,
                format!("{name} at {start:#x} is not aligned to {align:#x}"),
            );
        }
        if start < end {
            return refuse(
                Code::Layout,
                format!("{name} at {start:#x} starts before {end:#x}"),
            );
        }
        end = start.saturating_add(size);
    }
    if end != vram {
        return refuse(Code::Layout, format!("vgaWorkspace ends at {end:#x}"));
    }
    let wpr_end = meta.gsp_fw_wpr_end;
    if wpr_end % KIB_128 != 0 || wpr_end > meta.vga_workspace_offset {
        return refuse(Code::Layout, format!("gspFwWprEnd is {wpr_end:#x}"));
    }
    if vram - meta.gsp_fw_rsvd_start > frame_buffer.scrubbed {
        let reserved = meta.gsp_fw_rsvd_start;
        return refuse(
            Code::Layout,
            format!("the frame buffer from {reserved:#x} on is not scrubbed"),
        );
    }
    Ok(())
}

fn check_frts(meta: &GspFwWprMeta, frame_buffer: &FrameBuffer) -> Result<(), Refused> {
    let frts = meta.frts_offset..meta.frts_offset.saturating_add(meta.frts_size);
    let wpr2 = &frame_buffer.wpr2;
    match frame_buffer.has_frts {
        true if wpr2.is_none() => return refuse(Code::Frts, "FWSEC has not set WPR2 up"),
        true if *wpr2 != Some(frts.clone()) => {
            let reason = format!("FRTS is {frts:#x?}, WPR2 is {wpr2:#x?}");
            return refuse(Code::Frts, reason);
        }
        false if wpr2.is_some() || !frts.is_empty() => {
            let reason =
                format!("FRTS is {frts:#x?} and WPR2 {wpr2:#x?}, but the chip has no FRTS");
            return refuse(Code::Frts, reason);
        }
        _ => {}
    }
    if frts.end != meta.gsp_fw_wpr_end {
        return refuse(
            Code::Frts,
            format!(
                "FRTS ends at {:#x}, gspFwWprEnd is {:#x}",
                frts.end, meta.gsp_fw_wpr_end
            ),
        );
    }
    Ok(())
}

pub(crate) fn check_bootloader(
    memory: &dyn GuestMemory,
    meta: &GspFwWprMeta,
    firmware: &Firmware,
) -> Result<(), Refused> {
    let expected = &firmware.bootloader;
    let fields = [
        (
            "sizeOfBootloader",
            meta.size_of_bootloader,
            expected.ucode.len() as u64,
        ),
        (
            "bootloaderCodeOffset",
            meta.bootloader_code_offset,
            expected.code_offset.into(),
        ),
        (
            "bootloaderDataOffset",
            meta.bootloader_data_offset,
            expected.data_offset.into(),
        ),
        (
            "bootloaderManifestOffset",
            meta.bootloader_manifest_offset,
            expected.manifest_offset.into(),
        ),
    ];
    for (name, found, expected) in fields {
        if found != expected {
            return refuse(
                Code::Bootloader,
                format!("{name} is {found:#x}, not {expected:#x}"),
            );
        }
    }
    let address = meta.sysmem_addr_of_bootloader;
    check_address(Code::Bootloader, "bootloader", address, DMA_ALIGN)?;
    let found = memory
        .read_vec(address, expected.ucode.len())
        .map_err(unmapped(Code::Bootloader, "bootloader"))?;
    compare(Code::Bootloader, "bootloader", 0, &found, &expected.ucode)
}

pub(crate) fn check_signature(
    memory: &dyn GuestMemory,
    meta: &GspFwWprMeta,
    firmware: &Firmware,
) -> Result<(), Refused> {
    let expected = &firmware.gsp.signature;
    if meta.size_of_signature != expected.len() as u64 {
        return refuse(
            Code::Signature,
            format!(
                "sizeOfSignature is {:#x}, not {:#x}",
                meta.size_of_signature,
                expected.len()
            ),
        );
    }
    let address = meta.sysmem_addr_of_signature;
    check_address(Code::Signature, "signature", address, DMA_ALIGN)?;
    let found = memory
        .read_vec(address, expected.len())
        .map_err(unmapped(Code::Signature, "signature"))?;
    compare(Code::Signature, "signature", 0, &found, expected)
}

fn compare(
    code: Code,
    what: &str,
    offset: u64,
    found: &[u8],
    expected: &[u8],
) -> Result<(), Refused> {
    match found
        .iter()
        .zip(expected)
        .position(|(found, expected)| found != expected)
    {
        Some(at) => refuse(
            code,
            format!(
                "byte {:#x} of the {what} is not the signed one",
                offset + at as u64
            ),
        ),
        None => Ok(()),
    }
}

/// Walks the radix3 table and compares the image page by page.
pub(crate) fn check_image(
    memory: &dyn GuestMemory,
    meta: &GspFwWprMeta,
    firmware: &Firmware,
) -> Result<(), Refused> {
    let size = firmware.gsp.size();
    if meta.size_of_radix3_elf != size {
        return refuse(
            Code::Image,
            format!(
                "sizeOfRadix3Elf is {:#x}, not {size:#x}",
                meta.size_of_radix3_elf
            ),
        );
    }
    let image = pages(memory, meta.sysmem_addr_of_radix3_elf, size)?;

    let (mut found, mut expected) = ([0; PAGE_SIZE], [0; PAGE_SIZE]);
    for (page, address) in (0..).zip(image) {
        let offset = page * PAGE_SIZE as u64;
        let len = (size - offset).min(PAGE_SIZE as u64) as usize;
        memory
            .read(address, &mut found[..len])
            .map_err(unmapped(Code::Image, "image"))?;
        if let Err(error) = firmware.gsp.read_at(offset, &mut expected[..len]) {
            return refuse(Code::Image, format!("the signed file: {error}"));
        }
        if found[..len] != expected[..len] {
            compare(
                Code::Image,
                "image",
                offset,
                &found[..len],
                &expected[..len],
            )?;
        }
    }
    Ok(())
}

/// The addresses of the pages for `size` bytes below the root of a radix3 table.
pub(crate) fn pages(memory: &dyn GuestMemory, root: u64, size: u64) -> Result<Vec<u64>, Refused> {
    let pages = size.div_ceil(PAGE_SIZE as u64);
    let tables = pages.div_ceil(ENTRIES);
    let level1 = entries(memory, &[root], tables.div_ceil(ENTRIES), "level 1")?;
    let level2 = entries(memory, &level1, tables, "level 2")?;
    entries(memory, &level2, pages, "image")
}

/// Reads the addresses of `count` pages of the next level from the pages `tables`.
fn entries(
    memory: &dyn GuestMemory,
    tables: &[u64],
    count: u64,
    what: &str,
) -> Result<Vec<u64>, Refused> {
    let mut found = Vec::new();
    for &table in tables {
        check_address(Code::Image, "radix3 table", table, PAGE_SIZE as u64)?;
        let left = count - found.len() as u64;
        let bytes = memory
            .read_vec(table, left.min(ENTRIES) as usize * 8)
            .map_err(unmapped(Code::Image, "radix3 table"))?;
        for entry in bytes.chunks_exact(8) {
            let address = entry
                .iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | u64::from(byte));
            let name = format!("{what} page {}", found.len());
            check_address(Code::Image, &name, address, PAGE_SIZE as u64)?;
            found.push(address);
        }
    }
    Ok(found)
}

/// The metadata that booter writes to the start of WPR2.
pub(crate) fn verified(meta: &GspFwWprMeta) -> Vec<u8> {
    let mut meta = *meta;
    meta.verified = GspFwWprMeta::VERIFIED;
    meta.as_bytes().to_vec()
}

/// What booter unload shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unload {
    /// Remove WPR2.
    Remove,
    /// Save WPR2 to where the metadata of a suspend at this bus address says, and remove it.
    Save(u64),
}

/// Checks whether WPR2 may be removed. The mailboxes have the address of the metadata if GSP-RM was
/// suspended.
///
/// Source: open-gpu-kernel-modules 570, `kgspExecuteBooterUnloadIfNeeded_TU102` in
/// src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_booter_tu102.c.
pub(crate) fn unload(
    mailbox: [u32; 2],
    wpr2: Option<&Range<u64>>,
    gsp_is_active: bool,
    is_suspended: bool,
) -> Result<Unload, Refused> {
    let [low, high] = mailbox;
    let unload = match mailbox == [BOOTER_UNLOAD_MAILBOX; 2] {
        true => Unload::Remove,
        false => Unload::Save(u64::from(high) << 32 | u64::from(low)),
    };
    if unload != Unload::Remove && !is_suspended {
        return refuse(Code::Arguments, format!("mailboxes {mailbox:#x?}"));
    }
    if gsp_is_active {
        return refuse(Code::Busy, "the GSP's RISC-V core is running");
    }
    if wpr2.is_none() {
        return refuse(Code::Arguments, "WPR2 is not up");
    }
    Ok(unload)
}

#[cfg(test)]
mod tests;

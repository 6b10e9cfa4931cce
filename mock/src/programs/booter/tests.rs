// SPDX-License-Identifier: GPL-2.0

//! Tests of booter.

use super::*;
use crate::bus::machine::GuestMemory;
use crate::chips::{Chip, CHIPS};
use crate::images::synthetic;
use crate::machine::in_process::Arena;
use nova_hw::release::RELEASES;

const CHIP: &Chip = &CHIPS[0];
const VRAM: u64 = 8 << 30;
const FRTS: Range<u64> = VRAM - 0x12_0000..VRAM - 0x2_0000;

/// A machine with valid WPR metadata and firmware.
struct Prepared {
    memory: Arena,
    firmware: Firmware,
    meta: GspFwWprMeta,
    /// Address of the table with the addresses of the image's pages.
    level2: u64,
}

fn frame_buffer() -> FrameBuffer {
    FrameBuffer {
        size: VRAM,
        scrubbed: VRAM,
        has_frts: true,
        wpr2: Some(FRTS),
    }
}

fn table(memory: &mut Arena, entries: &[u64]) -> u64 {
    let bytes: Vec<u8> = entries
        .iter()
        .flat_map(|entry| entry.to_le_bytes())
        .collect();
    memory.place(&bytes)
}

fn prepared() -> Prepared {
    let firmware = Firmware::load(CHIP, RELEASES[0], &synthetic::firmware(CHIP)).unwrap();
    let mut memory = Arena::new();
    let mut image = vec![0; firmware.gsp.size() as usize];
    firmware.gsp.read_at(0, &mut image).unwrap();
    let pages: Vec<u64> = image
        .chunks(PAGE_SIZE)
        .map(|page| memory.place(page))
        .collect();
    let level2 = table(&mut memory, &pages);
    let level1 = table(&mut memory, &[level2]);
    let level0 = table(&mut memory, &[level1]);

    let boot_bin = FRTS.start - 0x1_0000;
    let image_at = boot_bin - 0x10_0000;
    let heap = (image_at - 0x800_0000) & !(MIB - 1);
    let wpr = heap - MIB;
    let meta = GspFwWprMeta {
        magic: GspFwWprMeta::MAGIC,
        revision: GspFwWprMeta::REVISION,
        sysmem_addr_of_radix3_elf: level0,
        size_of_radix3_elf: firmware.gsp.size(),
        sysmem_addr_of_bootloader: memory.place(&firmware.bootloader.ucode),
        size_of_bootloader: firmware.bootloader.ucode.len() as u64,
        bootloader_code_offset: firmware.bootloader.code_offset.into(),
        bootloader_data_offset: firmware.bootloader.data_offset.into(),
        bootloader_manifest_offset: firmware.bootloader.manifest_offset.into(),
        sysmem_addr_of_signature: memory.place(&firmware.gsp.signature),
        size_of_signature: firmware.gsp.signature.len() as u64,
        gsp_fw_rsvd_start: wpr - MIB,
        non_wpr_heap_offset: wpr - MIB,
        non_wpr_heap_size: MIB,
        gsp_fw_wpr_start: wpr,
        gsp_fw_heap_offset: heap,
        gsp_fw_heap_size: 0x800_0000,
        gsp_fw_offset: image_at & !(KIB_64 - 1),
        boot_bin_offset: boot_bin,
        frts_offset: FRTS.start,
        frts_size: FRTS.end - FRTS.start,
        gsp_fw_wpr_end: FRTS.end,
        fb_size: VRAM,
        vga_workspace_offset: FRTS.end,
        vga_workspace_size: VRAM - FRTS.end,
        ..GspFwWprMeta::default()
    };
    Prepared {
        memory,
        firmware,
        meta,
        level2,
    }
}

impl Prepared {
    fn load(&mut self) -> Result<GspFwWprMeta, Refused> {
        let address = self.memory.place(self.meta.as_bytes());
        load(&self.memory, address, &self.firmware, &frame_buffer())
    }
}

/// Booter's error code after a change to the metadata.
fn refused(change: impl FnOnce(&mut GspFwWprMeta)) -> Code {
    let mut prepared = prepared();
    change(&mut prepared.meta);
    prepared.load().unwrap_err().code
}

#[test]
fn a_valid_boot_is_accepted() {
    let mut prepared = prepared();
    assert_eq!(prepared.load(), Ok(prepared.meta));
    let verified = verified(&prepared.meta);
    let verified = GspFwWprMeta::read_from_bytes(&verified).unwrap();
    assert_eq!(verified.verified, GspFwWprMeta::VERIFIED);
}

#[test]
fn metadata_must_be_where_the_mailboxes_say() {
    let prepared = prepared();
    for address in [0, 0x80, 1 << 47, 0xdead_0000] {
        let result = load(
            &prepared.memory,
            address,
            &prepared.firmware,
            &frame_buffer(),
        );
        assert_eq!(result.unwrap_err().code, Code::Metadata, "{address:#x}");
    }
}

#[test]
fn invalid_metadata_is_refused() {
    assert_eq!(refused(|meta| meta.magic ^= 1), Code::Metadata);
    assert_eq!(refused(|meta| meta.revision = 2), Code::Metadata);
    assert_eq!(refused(|meta| meta.boot_count = 1), Code::Metadata);
    assert_eq!(
        refused(|meta| meta.verified = GspFwWprMeta::VERIFIED),
        Code::Metadata
    );
    assert_eq!(refused(|meta| meta.padding = [1, 0]), Code::Metadata);
}

#[test]
fn an_invalid_layout_is_refused() {
    assert_eq!(refused(|meta| meta.fb_size -= MIB), Code::Layout);
    assert_eq!(refused(|meta| meta.gsp_fw_rsvd_start += 1), Code::Layout);
    assert_eq!(refused(|meta| meta.non_wpr_heap_size += 1), Code::Layout);
    assert_eq!(
        refused(|meta| meta.gsp_fw_wpr_start += 0x1000),
        Code::Layout
    );
    assert_eq!(refused(|meta| meta.gsp_fw_heap_size += MIB), Code::Layout);
    assert_eq!(
        refused(|meta| meta.gsp_fw_heap_size = u64::MAX),
        Code::Layout
    );
    assert_eq!(refused(|meta| meta.gsp_fw_offset += 0x1000), Code::Layout);
    assert_eq!(refused(|meta| meta.boot_bin_offset += KIB_64), Code::Layout);
    assert_eq!(refused(|meta| meta.vga_workspace_size -= 1), Code::Layout);
    assert_eq!(refused(|meta| meta.gsp_fw_wpr_end += KIB_128), Code::Layout);
    assert_eq!(refused(|meta| meta.frts_size = 0), Code::Layout);
}

#[test]
fn frts_must_be_the_region_that_fwsec_set_up() {
    assert_eq!(refused(|meta| meta.frts_size -= KIB_128), Code::Frts);
    assert_eq!(refused(|meta| meta.gsp_fw_wpr_end -= KIB_128), Code::Frts);
    let mut prepared = prepared();
    let address = prepared.memory.place(prepared.meta.as_bytes());
    let closed = FrameBuffer {
        wpr2: None,
        ..frame_buffer()
    };
    let result = load(&prepared.memory, address, &prepared.firmware, &closed);
    assert_eq!(result.unwrap_err().code, Code::Frts);
}

#[test]
fn without_frts_booter_sets_wpr2_up() {
    let mut prepared = prepared();
    prepared.meta.frts_offset = FRTS.end;
    prepared.meta.frts_size = 0;
    let address = prepared.memory.place(prepared.meta.as_bytes());
    let empty = FrameBuffer {
        has_frts: false,
        wpr2: None,
        ..frame_buffer()
    };
    let load = |frame_buffer| load(&prepared.memory, address, &prepared.firmware, frame_buffer);
    assert_eq!(load(&empty), Ok(prepared.meta));
    let open = FrameBuffer {
        wpr2: Some(FRTS),
        ..empty
    };
    assert_eq!(load(&open).unwrap_err().code, Code::Frts);
    assert_eq!(load(&frame_buffer()).unwrap_err().code, Code::Layout);
}

#[test]
fn memory_that_is_not_scrubbed_is_refused() {
    let mut prepared = prepared();
    let address = prepared.memory.place(prepared.meta.as_bytes());
    let needed = VRAM - prepared.meta.gsp_fw_rsvd_start;
    for (scrubbed, result) in [(needed, None), (needed - 1, Some(Code::Layout))] {
        let frame_buffer = FrameBuffer {
            scrubbed,
            ..frame_buffer()
        };
        let found = load(&prepared.memory, address, &prepared.firmware, &frame_buffer);
        assert_eq!(found.err().map(|refused| refused.code), result);
    }
}

#[test]
fn bootloader_and_signature_must_be_the_signed_ones() {
    assert_eq!(
        refused(|meta| meta.bootloader_code_offset += 1),
        Code::Bootloader
    );
    assert_eq!(
        refused(|meta| meta.size_of_bootloader -= 1),
        Code::Bootloader
    );
    assert_eq!(
        refused(|meta| meta.sysmem_addr_of_bootloader += 0x100),
        Code::Bootloader
    );
    assert_eq!(
        refused(|meta| meta.sysmem_addr_of_bootloader = 0),
        Code::Bootloader
    );
    assert_eq!(refused(|meta| meta.size_of_signature = 0), Code::Signature);
    assert_eq!(
        refused(|meta| meta.sysmem_addr_of_signature += 1),
        Code::Signature
    );
    let mut prepared = prepared();
    prepared
        .memory
        .write(prepared.meta.sysmem_addr_of_signature + 7, &[0xee])
        .unwrap();
    assert_eq!(prepared.load().unwrap_err().code, Code::Signature);
}

#[test]
fn the_image_is_compared_page_by_page() {
    let mut prepared = prepared();
    let last = prepared.memory.read_u64(prepared.level2 + 8 * 4).unwrap();
    prepared.memory.write(last + 10, &[0xee]).unwrap();
    let refused = prepared.load().unwrap_err();
    assert_eq!(refused.code, Code::Image);
    assert!(refused.reason.contains("0x400a"), "{}", refused.reason);
}

#[test]
fn table_entries_must_be_valid_page_addresses() {
    assert_eq!(refused(|meta| meta.size_of_radix3_elf -= 1), Code::Image);
    assert_eq!(
        refused(|meta| meta.sysmem_addr_of_radix3_elf += 8),
        Code::Image
    );
    for entry in [0, 0x1234, 1 << 50, 0xdead_0000] {
        let mut prepared = prepared();
        let at = prepared.level2 + 8;
        prepared.memory.write(at, &u64::to_le_bytes(entry)).unwrap();
        assert_eq!(prepared.load().unwrap_err().code, Code::Image, "{entry:#x}");
    }
}

#[test]
fn wpr2_is_removed_only_while_the_gsp_is_stopped() {
    let unload = |mailbox, wpr2, is_active| unload(mailbox, wpr2, is_active, false);
    assert_eq!(unload([0xff; 2], Some(&FRTS), false), Ok(Unload::Remove));
    assert_eq!(
        unload([0xff; 2], Some(&FRTS), true).unwrap_err().code,
        Code::Busy
    );
    assert_eq!(
        unload([0xff; 2], None, false).unwrap_err().code,
        Code::Arguments
    );
    assert_eq!(
        unload([0xff, 0], Some(&FRTS), false).unwrap_err().code,
        Code::Arguments
    );
}

#[test]
fn wpr2_is_saved_if_gsp_rm_was_suspended() {
    let unload = |mailbox| unload(mailbox, Some(&FRTS), false, true);
    assert_eq!(unload([0xff, 0]), Ok(Unload::Save(0xff)));
    assert_eq!(unload([0x2000, 1]), Ok(Unload::Save(0x1_0000_2000)));
    assert_eq!(unload([0xff; 2]), Ok(Unload::Remove));
}

// SPDX-License-Identifier: GPL-2.0

//! The FMC, the program that the FSP starts on the GSP of Hopper and later: it lays out the end of
//! the frame buffer, puts GSP-RM into WPR2 and starts it, as booter does on older chips.
//!
//! Its source is not public. The checks follow the comments of gspifpub.h and gsp_fw_wpr_meta.h,
//! and the figure in `kgspCalculateFbLayout_GH100`; the error codes are those of the model's
//! [`booter`](crate::programs::booter).
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/gsp/gspifpub.h and
//! src/nvidia/src/kernel/gpu/gsp/arch/hopper/kernel_gsp_gh100.c.

use std::ops::Range;

use nova_hw::abi::{GspFwSrMeta, GspFwWprMeta};
use nova_hw::release::r570_144::GspFmcBootParams;
use zerocopy::FromBytes;

use crate::bus::machine::GuestMemory;
use crate::chips::Chip;
use crate::images::firmware::Firmware;
use crate::programs::booter::{
    check_address, check_bootloader, check_image, check_metadata, check_signature, refuse,
    unmapped, Code, Refused,
};

const KIB_4: u64 = 4 << 10;
const KIB_64: u64 = 64 << 10;
const KIB_128: u64 = 128 << 10;
const MIB: u64 = 1 << 20;

/// Alignment of what the FMC reads.
const ALIGN: u64 = 256;

/// Bytes of the headers in front of the metadata in WPR2; the model's own value.
const WPR_HEADERS: u64 = KIB_128;

/// Bytes behind FRTS that are reserved for the PMU of Blackwell.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/pmu/kern_pmu.c
/// (`kpmuReservedMemorySizeGet_IMPL`).
const PMU_RESERVED: u32 = 0x182_0000;

/// The FMC's inputs.
pub(crate) struct Inputs<'a> {
    pub(crate) memory: &'a dyn GuestMemory,
    pub(crate) chip: &'a Chip,
    pub(crate) firmware: &'a Firmware,
    /// Bytes of frame buffer.
    pub(crate) vram: u64,
    /// Range of FRTS, from the FSP.
    pub(crate) frts: Range<u64>,
    /// Bus address of the arguments.
    pub(crate) arguments: u64,
}

/// The result of a successful run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Booted {
    /// The metadata, with the layout that the FMC has chosen.
    pub(crate) meta: GspFwWprMeta,
    /// The write-protected region.
    pub(crate) wpr2: Range<u64>,
    /// Bus address of libos' arguments.
    pub(crate) libos: u64,
}

impl Inputs<'_> {
    /// Checks the arguments and all that they refer to, and lays out the frame buffer.
    pub(crate) fn run(&self) -> Result<Booted, Refused> {
        let params = params(self.memory, self.arguments)?;
        let meta = self.metadata(&params)?;
        let (memory, firmware) = (self.memory, self.firmware);
        check_metadata(&meta)?;
        self.check_sizes(&meta)?;
        check_bootloader(memory, &meta, firmware)?;
        check_signature(memory, &meta, firmware)?;
        check_image(memory, &meta, firmware)?;
        let (meta, wpr2) = self.place(&meta)?;
        Ok(Booted {
            meta,
            wpr2,
            libos: params.gsp_rm.boot_args_offset,
        })
    }

    fn metadata(&self, params: &GspFmcBootParams) -> Result<GspFwWprMeta, Refused> {
        let (address, size) = (
            params.boot_gsp_rm.gsp_rm_desc_offset,
            params.boot_gsp_rm.gsp_rm_desc_size,
        );
        if size as usize != size_of::<GspFwWprMeta>() {
            return refuse(Code::Metadata, format!("gspRmDescSize is {size:#x}"));
        }
        check_address(Code::Metadata, "WPR metadata", address, ALIGN)?;
        let bytes = self
            .memory
            .read_vec(address, size as usize)
            .map_err(unmapped(Code::Metadata, "WPR metadata"))?;
        GspFwWprMeta::read_from_bytes(&bytes)
            .or_else(|_| refuse(Code::Metadata, "WPR metadata of the wrong size"))
    }

    fn check_sizes(&self, meta: &GspFwWprMeta) -> Result<(), Refused> {
        let frts = self.frts.end - self.frts.start;
        let pmu = match self.chip.is_hopper() {
            true => 0,
            false => PMU_RESERVED,
        };
        if meta.frts_size != frts {
            let found = meta.frts_size;
            return refuse(Code::Frts, format!("frtsSize is {found:#x}, not {frts:#x}"));
        }
        if meta.pmu_reserved_size != pmu {
            let found = meta.pmu_reserved_size;
            let reason = format!("pmuReservedSize is {found:#x}, not {pmu:#x}");
            return refuse(Code::Layout, reason);
        }
        let least = self.chip.non_wpr_heap();
        let sizes = [
            ("nonWprHeapSize", meta.non_wpr_heap_size, least),
            ("gspFwHeapSize", meta.gsp_fw_heap_size, MIB),
            ("vgaWorkspaceSize", meta.vga_workspace_size, KIB_128),
        ];
        for (name, found, least) in sizes {
            if found < least || found % KIB_64 != 0 || found > self.vram {
                return refuse(Code::Layout, format!("{name} is {found:#x}"));
            }
        }
        Ok(())
    }

    /// Lays out the end of the frame buffer, from FRTS downwards.
    fn place(&self, meta: &GspFwWprMeta) -> Result<(GspFwWprMeta, Range<u64>), Refused> {
        let below = |end: u64, size: u64, align: u64| match end.checked_sub(size) {
            Some(start) => Ok(start / align * align),
            None => refuse(Code::Layout, "the frame buffer is too small"),
        };
        let behind = meta.vga_workspace_size + u64::from(meta.pmu_reserved_size);
        if self.vram - self.frts.end < behind {
            let end = self.frts.end;
            let reason = format!("FRTS ends at {end:#x}, less than {behind:#x} before the end");
            return refuse(Code::Layout, reason);
        }
        let boot_bin = below(self.frts.start, meta.size_of_bootloader, KIB_4)?;
        let image = below(boot_bin, meta.size_of_radix3_elf, KIB_64)?;
        let heap = below(image, meta.gsp_fw_heap_size, MIB)?;
        let start = below(heap, size_of::<GspFwWprMeta>() as u64, KIB_128)?;
        let wpr2 = below(start, WPR_HEADERS, KIB_128)?;
        let non_wpr_heap = below(wpr2, meta.non_wpr_heap_size, KIB_64)?;
        let placed = GspFwWprMeta {
            gsp_fw_rsvd_start: non_wpr_heap,
            non_wpr_heap_offset: non_wpr_heap,
            gsp_fw_wpr_start: start,
            gsp_fw_heap_offset: heap,
            gsp_fw_offset: image,
            boot_bin_offset: boot_bin,
            frts_offset: self.frts.start,
            gsp_fw_wpr_end: self.frts.end,
            fb_size: self.vram,
            vga_workspace_offset: self.vram - meta.vga_workspace_size,
            ..*meta
        };
        Ok((placed, wpr2..self.frts.end))
    }
}

/// Reads and checks the arguments at bus address `address`.
fn params(memory: &dyn GuestMemory, address: u64) -> Result<GspFmcBootParams, Refused> {
    let bytes = memory
        .read_vec(address, size_of::<GspFmcBootParams>())
        .map_err(unmapped(Code::Arguments, "FMC arguments"))?;
    let Ok(params) = GspFmcBootParams::read_from_bytes(&bytes) else {
        return refuse(Code::Arguments, "FMC arguments of the wrong size");
    };
    let boot = &params.boot_gsp_rm;
    for (name, target) in [("metadata", boot.target), ("libos", params.gsp_rm.target)] {
        if !is_system(target) {
            return refuse(Code::Arguments, format!("{name} in memory {target}"));
        }
    }
    if boot.b_is_gsp_rm_boot != 1 {
        let found = boot.b_is_gsp_rm_boot;
        return refuse(Code::Arguments, format!("bIsGspRmBoot is {found}"));
    }
    Ok(params)
}

/// Bus address of the metadata of the suspend from which the arguments ask to resume.
///
/// Source: open-gpu-kernel-modules 570, `kgspSetupGspFmcArgs_GH100` in
/// src/nvidia/src/kernel/gpu/gsp/arch/hopper/kernel_gsp_gh100.c.
pub(crate) fn resume(memory: &dyn GuestMemory, arguments: u64) -> Result<u64, Refused> {
    let boot = params(memory, arguments)?.boot_gsp_rm;
    let size = boot.gsp_rm_desc_size;
    match size as usize == size_of::<GspFwSrMeta>() {
        true => Ok(boot.gsp_rm_desc_offset),
        false => refuse(Code::Metadata, format!("gspRmDescSize is {size:#x}")),
    }
}

fn is_system(target: u32) -> bool {
    matches!(
        target,
        GspFmcBootParams::DMA_TARGET_COHERENT_SYSTEM
            | GspFmcBootParams::DMA_TARGET_NONCOHERENT_SYSTEM
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;
    use crate::images::firmware::Firmwares;
    use crate::images::synthetic;
    use crate::machine::in_process::Arena;
    use nova_hw::gsp::PAGE_SIZE;
    use zerocopy::IntoBytes;

    const VRAM: u64 = 80 << 30;
    const FRTS_END: u64 = VRAM - (28 << 20);

    /// A machine with valid arguments and firmware.
    struct Prepared {
        memory: Arena,
        chip: &'static Chip,
        firmware: Firmwares,
        meta: GspFwWprMeta,
        params: GspFmcBootParams,
        frts_end: u64,
    }

    fn prepared(chip: &str) -> Prepared {
        let chip = by_name(chip).unwrap();
        let firmware = Firmwares::load(chip, &synthetic::firmware(chip)).unwrap();
        let mut memory = Arena::new();
        let mut image = vec![0; firmware.gsp.size() as usize];
        firmware.gsp.read_at(0, &mut image).unwrap();
        let table = |memory: &mut Arena, entries: &[u64]| memory.place(entries.as_bytes());
        let pages: Vec<u64> = image
            .chunks(PAGE_SIZE)
            .map(|page| memory.place(page))
            .collect();
        let level2 = table(&mut memory, &pages);
        let level1 = table(&mut memory, &[level2]);
        let meta = GspFwWprMeta {
            magic: GspFwWprMeta::MAGIC,
            revision: GspFwWprMeta::REVISION,
            sysmem_addr_of_radix3_elf: table(&mut memory, &[level1]),
            size_of_radix3_elf: firmware.gsp.size(),
            sysmem_addr_of_bootloader: memory.place(&firmware.bootloader.ucode),
            size_of_bootloader: firmware.bootloader.ucode.len() as u64,
            bootloader_code_offset: firmware.bootloader.code_offset.into(),
            bootloader_data_offset: firmware.bootloader.data_offset.into(),
            bootloader_manifest_offset: firmware.bootloader.manifest_offset.into(),
            sysmem_addr_of_signature: memory.place(&firmware.gsp.signature),
            size_of_signature: firmware.gsp.signature.len() as u64,
            non_wpr_heap_size: chip.non_wpr_heap(),
            gsp_fw_heap_size: 0x800_0000,
            frts_size: MIB,
            vga_workspace_size: KIB_128,
            pmu_reserved_size: if chip.is_hopper() { 0 } else { PMU_RESERVED },
            ..GspFwWprMeta::default()
        };
        let mut params = GspFmcBootParams::default();
        params.boot_gsp_rm.target = 1;
        params.boot_gsp_rm.gsp_rm_desc_size = 256;
        params.boot_gsp_rm.b_is_gsp_rm_boot = 1;
        params.gsp_rm.target = 2;
        params.gsp_rm.boot_args_offset = 0x1234_5000;
        Prepared {
            memory,
            chip,
            firmware,
            meta,
            params,
            frts_end: FRTS_END,
        }
    }

    impl Prepared {
        fn run(&mut self) -> Result<Booted, Refused> {
            self.params.boot_gsp_rm.gsp_rm_desc_offset = self.memory.place(self.meta.as_bytes());
            Inputs {
                arguments: self.memory.place(self.params.as_bytes()),
                memory: &self.memory,
                chip: self.chip,
                firmware: &self.firmware,
                vram: VRAM,
                frts: self.frts_end - MIB..self.frts_end,
            }
            .run()
        }
    }

    fn refused(change: impl FnOnce(&mut Prepared)) -> Code {
        let mut prepared = prepared("gb202");
        change(&mut prepared);
        prepared.run().unwrap_err().code
    }

    #[test]
    fn the_layout_has_no_overlaps() {
        for chip in ["gh100", "gb100", "gb202"] {
            let booted = prepared(chip).run().unwrap();
            let meta = booted.meta;
            let parts = [
                (meta.non_wpr_heap_offset, meta.non_wpr_heap_size),
                (booted.wpr2.start, WPR_HEADERS),
                (meta.gsp_fw_wpr_start, 256),
                (meta.gsp_fw_heap_offset, meta.gsp_fw_heap_size),
                (meta.gsp_fw_offset, meta.size_of_radix3_elf),
                (meta.boot_bin_offset, meta.size_of_bootloader),
                (meta.frts_offset, meta.frts_size),
                (booted.wpr2.end, meta.pmu_reserved_size.into()),
                (meta.vga_workspace_offset, meta.vga_workspace_size),
                (meta.fb_size, 0),
            ];
            for pair in parts.windows(2) {
                assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{chip}: {pair:#x?}");
            }
            assert_eq!(booted.libos, 0x1234_5000);
        }
    }

    #[test]
    fn arguments_must_name_gsp_rm_in_system_memory() {
        let params = |change: fn(&mut GspFmcBootParams)| refused(|all| change(&mut all.params));
        assert_eq!(params(|all| all.boot_gsp_rm.target = 0), Code::Arguments);
        assert_eq!(params(|all| all.gsp_rm.target = 3), Code::Arguments);
        assert_eq!(
            params(|all| all.boot_gsp_rm.b_is_gsp_rm_boot = 0),
            Code::Arguments
        );
        assert_eq!(
            params(|all| all.boot_gsp_rm.gsp_rm_desc_size = 255),
            Code::Metadata
        );
    }

    #[test]
    fn a_resume_names_the_metadata_of_the_suspend() {
        let mut memory = Arena::new();
        let mut params = prepared("gh100").params;
        params.boot_gsp_rm.gsp_rm_desc_offset = 0x5600;
        let arguments = memory.place(params.as_bytes());
        assert_eq!(resume(&memory, arguments), Ok(0x5600));
        params.boot_gsp_rm.gsp_rm_desc_size = 8;
        let arguments = memory.place(params.as_bytes());
        assert!(resume(&memory, arguments).is_err());
        assert!(resume(&memory, 0).is_err());
    }

    #[test]
    fn sizes_must_be_those_that_the_chip_requires() {
        let meta = |change: fn(&mut GspFwWprMeta)| refused(|all| change(&mut all.meta));
        assert_eq!(meta(|meta| meta.magic = 0), Code::Metadata);
        assert_eq!(meta(|meta| meta.frts_size = 0), Code::Frts);
        assert_eq!(meta(|meta| meta.pmu_reserved_size = 0), Code::Layout);
        assert_eq!(meta(|meta| meta.non_wpr_heap_size = 2 << 20), Code::Layout);
        assert_eq!(meta(|meta| meta.gsp_fw_heap_size = 0), Code::Layout);
        assert_eq!(meta(|meta| meta.gsp_fw_heap_size = 1 << 63), Code::Layout);
        assert_eq!(meta(|meta| meta.vga_workspace_size = 0), Code::Layout);
        assert_eq!(refused(|all| all.frts_end = VRAM - (2 << 20)), Code::Layout);
        assert_eq!(refused(|all| all.frts_end = 2 << 20), Code::Layout);
    }

    #[test]
    fn firmware_must_be_the_signed_one() {
        let meta = |change: fn(&mut GspFwWprMeta)| refused(|all| change(&mut all.meta));
        assert_eq!(
            meta(|meta| meta.bootloader_code_offset += 1),
            Code::Bootloader
        );
        assert_eq!(meta(|meta| meta.size_of_signature = 0), Code::Signature);
        assert_eq!(meta(|meta| meta.size_of_radix3_elf += 1), Code::Image);
    }
}

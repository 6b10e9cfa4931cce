// SPDX-License-Identifier: GPL-2.0

//! The generic bootloader, a small program that fetches FWSEC by DMA and starts it, on falcons into
//! which the CPU would otherwise have to write FWSEC word by word.
//!
//! Source: open-gpu-kernel-modules 570, `s_prepareHsFalconWithLoader` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_falcon_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/firmware/fwsec/bootloader.rs.

use nova_firmware::falcon::{Layout, Part};
use nova_firmware::gen_bootloader::GenBootloader;
use nova_hw::falcon::{LoaderDescriptor, BLOCK_SIZE};
use zerocopy::IntoBytes;

use crate::falcon::error::FalconError;
use crate::falcon::Ucode;
use crate::mmio::halves;
use crate::platform::DmaAllocator;
use crate::vbios::FWSEC;

/// Bytes of code memory; the generic bootloader is at its end, so that it does not overlap FWSEC.
const CODE_MEMORY: u32 = 1 << 16;

/// The generic bootloader with the description of FWSEC, which is at bus address `address`.
pub(super) fn prepare<A: DmaAllocator>(
    allocator: &A,
    loader: &GenBootloader<'_>,
    fwsec: &Layout,
    address: u64,
) -> Result<Ucode<A::Memory>, FalconError> {
    let descriptor = descriptor(fwsec, address)?;
    let code = loader.code();
    let code_len = code.len().next_multiple_of(BLOCK_SIZE);
    let len = u32::try_from(code_len).unwrap_or(u32::MAX);
    let target = CODE_MEMORY.checked_sub(len).ok_or(FalconError::Ucode {
        name: FWSEC,
        field: "size of its bootloader",
        expected: "at most 64 KiB",
        found: len,
    })?;
    let data = Part {
        source: len,
        target: loader.dmem_load_offset(),
        len: size_of::<LoaderDescriptor>() as u32,
    };
    let layout = Layout {
        imem_ns: Some(Part {
            source: 0,
            target,
            len,
        }),
        imem_sec: Part { len: 0, ..data },
        dmem: data,
        boot_addr: loader.start_tag().saturating_mul(BLOCK_SIZE as u32),
    };
    let size = code_len.saturating_add(size_of::<LoaderDescriptor>());
    Ucode::blank(allocator, FWSEC, size, layout)?
        .patch(0, code)?
        .patch(code_len, descriptor.as_bytes())
}

/// The description of FWSEC's location and layout for the generic bootloader.
fn descriptor(fwsec: &Layout, address: u64) -> Result<LoaderDescriptor, FalconError> {
    let error = |field, expected, found| FalconError::Ucode {
        name: FWSEC,
        field,
        expected,
        found,
    };
    let none = error("non-secure code", "some", 0);
    let (non_secure, secure, data) = (fwsec.imem_ns.ok_or(none)?, fwsec.imem_sec, fwsec.dmem);
    // Code has the same offset in system memory and in code memory, so it is subtracted from the base.
    let start = secure.target.wrapping_sub(secure.source);
    if data.target != 0 {
        let expected = "the start of data memory";
        return Err(error("target of the data", expected, data.target));
    }
    let code_base = address.wrapping_sub(start.into());
    let data_base = address.wrapping_add(data.source.into());
    for offset in [code_base as u32, data_base as u32, secure.target] {
        if offset % BLOCK_SIZE as u32 != 0 {
            let expected = "a multiple of 256";
            return Err(error("offset of a part", expected, offset));
        }
    }
    Ok(LoaderDescriptor {
        ctx_dma: LoaderDescriptor::CTX_DMA_SYSMEM,
        code_dma_base: halves(code_base),
        non_secure_code_off: non_secure.target,
        non_secure_code_size: non_secure.len,
        secure_code_off: secure.target,
        secure_code_size: secure.len,
        data_dma_base: halves(data_base),
        data_size: data.len,
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::FalconKind;
    use crate::falcon::{Engine, Falcon};
    use crate::mmio::Io;
    use crate::testing::{Allocator, Card};
    use std::vec::Vec;

    /// Layout of FWSEC of a TU102: 0x300 bytes of non-secure code, the secure code, the data.
    fn layout() -> Layout {
        let part = |source, target, len| Part {
            source,
            target,
            len,
        };
        Layout {
            imem_ns: Some(part(0, 0, 0x300)),
            imem_sec: part(0x300, 0x300, 0xd000),
            dmem: part(0xd300, 0, 0x4a00),
            boot_addr: 0,
        }
    }

    #[test]
    fn the_descriptor_has_fwsecs_location_and_layout() {
        let expected = LoaderDescriptor {
            ctx_dma: 4,
            code_dma_base: [0x2345_6000, 0x1],
            non_secure_code_off: 0,
            non_secure_code_size: 0x300,
            secure_code_off: 0x300,
            secure_code_size: 0xd000,
            data_dma_base: [0x2346_3300, 0x1],
            data_size: 0x4a00,
            ..Default::default()
        };
        assert_eq!(descriptor(&layout(), 0x1_2345_6000), Ok(expected));
    }

    #[test]
    fn the_program_is_at_the_end_of_code_memory() {
        let words: [u32; 12] = [
            // The file: magic, version, size, descriptor, ucode and its size.
            0x10de, 1, 0x200, 0x18, 0x30, 0x180,
            // The descriptor: first block, offset of the data in DMEM, code, data.
            0xfd, 0x20, 0, 0x180, 0x180, 0,
        ];
        let mut file: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        file.resize(0x1b0, 0);
        let loader = GenBootloader::parse(&file).unwrap();
        let allocator = Allocator::default();
        let ucode = prepare(&allocator, &loader, &layout(), 0x1_0000_0000).unwrap();

        let card = Card::default();
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Tu102, Engine::Gsp, 0);
        gsp.load(&ucode).unwrap();
        let ports_and_bootvec = [0x110180, 0x1101c0, 0x110104];
        let writes = card.writes.borrow();
        let found = writes
            .iter()
            .filter(|(at, _)| ports_and_bootvec.contains(at));
        let expected = [
            (0x110180, 1 << 24 | 0xfe00),
            (0x1101c0, 1 << 24 | 0x20),
            (0x110104, 0xfd00),
        ];
        assert_eq!(found.copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_offset_of_the_code_is_subtracted_from_the_base() {
        let mut moved = layout();
        moved.imem_ns.as_mut().unwrap().target = 0x1000;
        moved.imem_sec.target = 0x1300;
        let descriptor = descriptor(&moved, 0x1_0000_0000).unwrap();
        assert_eq!(descriptor.code_dma_base, [0xffff_f000, 0]);
        assert_eq!(descriptor.secure_code_off, 0x1300);
        assert_eq!(descriptor.data_dma_base, [0xd300, 1]);
    }

    #[test]
    fn layouts_that_the_program_cannot_load_are_refused() {
        let change = |change: fn(&mut Layout)| {
            let mut layout = layout();
            change(&mut layout);
            descriptor(&layout, 0x1_0000_0000)
        };
        assert!(change(|layout| layout.imem_ns = None).is_err());
        assert!(change(|layout| layout.dmem.target = 0x100).is_err());
        assert!(change(|layout| layout.dmem.source = 0xd380).is_err());
        assert!(change(|layout| layout.imem_sec.target = 0x340).is_err());
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The generic bootloader, a small program that fetches FWSEC by DMA and starts it, on falcons that
//! the CPU would have to write all of FWSEC into.
//!
//! Source: open-gpu-kernel-modules 570, `s_prepareHsFalconWithLoader` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_falcon_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/firmware/fwsec/bootloader.rs.

use nova_firmware::falcon::{Layout, Part};
use nova_firmware::gen_bootloader::GenBootloader;
use nova_hw::falcon::{LoaderDescriptor, BLOCK_SIZE};
use zerocopy::IntoBytes;

use super::NAME;
use crate::error::Error;
use crate::falcon::Ucode;
use crate::io::halves;
use crate::platform::DmaAllocator;

/// Bytes of code memory, at the end of which the program lies, out of the way of what it fetches.
const CODE_MEMORY: u32 = 1 << 16;

/// The program with what it has to know about FWSEC, which lies at bus address `address`.
pub(super) fn prepare<A: DmaAllocator>(
    allocator: &A,
    loader: &GenBootloader<'_>,
    fwsec: &Layout,
    address: u64,
) -> Result<Ucode<A::Memory>, Error> {
    let descriptor = descriptor(fwsec, address)?;
    let code = loader.code();
    let code_len = code.len().next_multiple_of(BLOCK_SIZE);
    let len = u32::try_from(code_len).unwrap_or(u32::MAX);
    let target = CODE_MEMORY.checked_sub(len).ok_or(Error::Ucode {
        name: NAME,
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
    Ucode::blank(allocator, NAME, size, layout)?
        .patch(0, code)?
        .patch(code_len, descriptor.as_bytes())
}

/// Tells the program where FWSEC is and where it goes.
fn descriptor(fwsec: &Layout, address: u64) -> Result<LoaderDescriptor, Error> {
    let error = |field, expected, found| Error::Ucode {
        name: NAME,
        field,
        expected,
        found,
    };
    let none = error("non-secure code", "some", 0);
    let (non_secure, secure, data) = (fwsec.imem_ns.ok_or(none)?, fwsec.imem_sec, fwsec.dmem);
    // Code has one offset, in system memory as in code memory, so that is taken off the address.
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

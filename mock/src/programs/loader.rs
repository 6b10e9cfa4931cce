// SPDX-License-Identifier: GPL-2.0

//! The generic bootloader, a program without a signature that fetches another one by DMA and starts
//! it; where there is no boot ROM, that is how FWSEC gets into the GSP's falcon.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/rmflcnbl.h and
//! kernel_gsp_falcon_tu102.c (`s_prepareHsFalconWithLoader`).

use std::ops::Range;

use nova_hw::falcon::{LoaderDescriptor, BLOCK_SIZE};
use nova_hw::regs::fbif::FbifTarget;
use zerocopy::FromBytes;

use crate::block_id::Engine;
use crate::blocks::falcon::{read_target, Falcon, Memory, Transfer};
use crate::blocks::wires::Wires;
use crate::bus::host::BUS_BITS;
use crate::faults::Fault;
use crate::images::firmware::Firmwares;

/// Where the bootloader found what it is to fetch, and where it goes.
struct Part {
    memory: Memory,
    address: u64,
    range: Range<u32>,
}

fn address([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// What a descriptor asks to be fetched.
fn parts(descriptor: &LoaderDescriptor) -> [Part; 3] {
    let LoaderDescriptor {
        non_secure_code_off,
        non_secure_code_size,
        secure_code_off,
        secure_code_size,
        data_size,
        ..
    } = *descriptor;
    let code_base = address(descriptor.code_dma_base);
    let code = |secure, at: u32, size: u32| Part {
        memory: Memory::Imem { tag: 0, secure },
        address: code_base.wrapping_add(at.into()),
        range: at..at.saturating_add(size),
    };
    [
        code(false, non_secure_code_off, non_secure_code_size),
        code(true, secure_code_off, secure_code_size),
        Part {
            memory: Memory::Dmem,
            address: address(descriptor.data_dma_base),
            range: 0..data_size,
        },
    ]
}

/// Where in data memory the bootloader looks for its descriptor, if one of `firmware` is loaded in
/// `falcon` at byte `at` of the code memory.
pub(crate) fn find(falcon: &Falcon, firmware: &Firmwares, at: usize) -> Option<usize> {
    let loaded = falcon.imem.get(at..)?;
    firmware.all().iter().find_map(|firmware| {
        let loader = firmware.loader.as_ref()?;
        let is_it = falcon.bootvec == loader.address && loaded.starts_with(&loader.code);
        is_it.then_some(loader.descriptor_at)
    })
}

/// Has the bootloader in `falcon` fetch what its descriptor, at byte `at` of the data memory, names.
pub(crate) fn run(
    falcon: &mut Falcon,
    wires: &mut Wires<'_>,
    engine: Engine,
    at: usize,
) -> Result<(), String> {
    let descriptor = falcon
        .dmem
        .get(at..)
        .and_then(|bytes| LoaderDescriptor::read_from_prefix(bytes).ok())
        .map(|(descriptor, _)| descriptor)
        .ok_or("the bootloader's descriptor is behind the end of the data memory")?;
    let target = u8::try_from(descriptor.ctx_dma)
        .map_err(|_| "the bootloader is told a configuration that does not exist")
        .and_then(|ctx_dma| falcon.dma_target(ctx_dma))?;
    if descriptor.code_entry_point != 0 {
        let entry = descriptor.code_entry_point;
        return Err(format!("the bootloader is told to enter at {entry:#x}"));
    }
    for part in parts(&descriptor) {
        fetch(falcon, wires, target, &part)?;
    }
    falcon.dma_stuck = wires.faults.has(Fault::DmaNeverIdle(engine));
    Ok(())
}

fn fetch(
    falcon: &mut Falcon,
    wires: &mut Wires<'_>,
    target: FbifTarget,
    part: &Part,
) -> Result<(), String> {
    const BLOCK: u32 = BLOCK_SIZE as u32;
    let Range { start, end } = part.range;
    let size = match part.memory {
        Memory::Imem { .. } => falcon.imem.len(),
        Memory::Dmem => falcon.dmem.len(),
    };
    let Part { address, .. } = *part;
    if [start, end].iter().any(|at| at % BLOCK != 0) || address % u64::from(BLOCK) != 0 {
        return Err(format!(
            "the bootloader is told to fetch {start:#x}..{end:#x} from {address:#x}, not blocks"
        ));
    }
    if end as usize > size || address >> BUS_BITS != 0 {
        return Err(format!(
            "the bootloader is told to fetch {start:#x}..{end:#x} from {address:#x}"
        ));
    }
    for at in (start..end).step_by(BLOCK_SIZE) {
        let memory = match part.memory {
            Memory::Imem { secure, .. } => Memory::Imem {
                tag: at / BLOCK,
                secure,
            },
            Memory::Dmem => Memory::Dmem,
        };
        let address = address + u64::from(at - start);
        let bytes = read_target(wires, target, address, BLOCK_SIZE);
        let transfer = Transfer {
            target,
            address,
            memory,
            offset: at as usize,
            len: BLOCK_SIZE,
        };
        falcon.load(&transfer, &bytes);
    }
    Ok(())
}

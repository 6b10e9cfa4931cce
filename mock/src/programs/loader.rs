// SPDX-License-Identifier: GPL-2.0

//! The generic bootloader, an unsigned program that loads another program by DMA and starts it; on
//! falcons without a boot ROM it loads FWSEC.
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

/// A transfer of the bootloader: its source address, and its destination in the falcon's memory.
struct Load {
    memory: Memory,
    address: u64,
    range: Range<u32>,
}

fn address([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The transfers that a descriptor asks for.
fn loads(descriptor: &LoaderDescriptor) -> [Load; 3] {
    let LoaderDescriptor {
        non_secure_code_off,
        non_secure_code_size,
        secure_code_off,
        secure_code_size,
        data_size,
        ..
    } = *descriptor;
    let code_base = address(descriptor.code_dma_base);
    let code = |secure, at: u32, size: u32| Load {
        memory: Memory::Imem { tag: 0, secure },
        address: code_base.wrapping_add(at.into()),
        range: at..at.saturating_add(size),
    };
    [
        code(false, non_secure_code_off, non_secure_code_size),
        code(true, secure_code_off, secure_code_size),
        Load {
            memory: Memory::Dmem,
            address: address(descriptor.data_dma_base),
            range: 0..data_size,
        },
    ]
}

/// Offset of the descriptor in data memory, if a bootloader of `firmware` is loaded in `falcon` at
/// byte `at` of the code memory.
pub(crate) fn find(falcon: &Falcon, firmware: &Firmwares, at: usize) -> Option<usize> {
    let loaded = falcon.imem.get(at..)?;
    firmware.all().iter().find_map(|firmware| {
        let loader = firmware.loader.as_ref()?;
        let is_it = falcon.bootvec == loader.address && loaded.starts_with(&loader.code);
        is_it.then_some(loader.descriptor_at)
    })
}

/// Runs the bootloader in `falcon`, with its descriptor at byte `at` of the data memory.
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
        .ok_or("the bootloader's descriptor is beyond the end of the data memory")?;
    let target = u8::try_from(descriptor.ctx_dma)
        .map_err(|_| "the bootloader's descriptor has a DMA configuration that does not exist")
        .and_then(|ctx_dma| falcon.dma_target(ctx_dma))?;
    if descriptor.code_entry_point != 0 {
        let entry = descriptor.code_entry_point;
        return Err(format!(
            "the bootloader's descriptor has entry point {entry:#x}"
        ));
    }
    for load in loads(&descriptor) {
        load_blocks(falcon, wires, target, &load)?;
    }
    falcon.dma_stuck = wires.faults.has(Fault::DmaNeverIdle(engine));
    Ok(())
}

fn load_blocks(
    falcon: &mut Falcon,
    wires: &mut Wires<'_>,
    target: FbifTarget,
    load: &Load,
) -> Result<(), String> {
    const BLOCK: u32 = BLOCK_SIZE as u32;
    let Range { start, end } = load.range;
    let size = match load.memory {
        Memory::Imem { .. } => falcon.imem.len(),
        Memory::Dmem => falcon.dmem.len(),
    };
    let Load { address, .. } = *load;
    if [start, end].iter().any(|at| at % BLOCK != 0) || address % u64::from(BLOCK) != 0 {
        return Err(format!(
            "the bootloader is to load {start:#x}..{end:#x} from {address:#x}, not whole blocks"
        ));
    }
    if end as usize > size || address >> BUS_BITS != 0 {
        return Err(format!(
            "the bootloader is to load {start:#x}..{end:#x} from {address:#x}"
        ));
    }
    for at in (start..end).step_by(BLOCK_SIZE) {
        let memory = match load.memory {
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

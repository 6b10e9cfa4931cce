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

use crate::block_id::FalconId;
use crate::blocks::falcon::{read_target, Falcon, Memory, Transfer};
use crate::blocks::wires::Wires;
use crate::bus::machine::BUS_BITS;
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
    engine: FalconId,
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

/// Loads a part of the program. Its size need not be a multiple of a block: 14 VBIOS images of
/// Turing cards have FWSECs with 0x3f0, 0x410 or 0x420 bytes of data, NVIDIA's and Linux' drivers
/// pass those sizes unchanged, and the cards boot.
///
/// Source: open-gpu-kernel-modules 570, `s_prepareHsFalconWithLoader` in
/// kernel_gsp_falcon_tu102.c; Linux 7.3, drivers/gpu/nova-core/firmware/fwsec/bootloader.rs.
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
    // The DMA's base registers hold addresses without their lowest eight bits, and code memory is
    // tagged by blocks.
    if start % BLOCK != 0 || address % u64::from(BLOCK) != 0 {
        return Err(format!(
            "the bootloader is to load from {address:#x} to {start:#x}, not at a block"
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
        // Code is loaded in whole blocks, data in transfers down to a word.
        let len = match load.memory {
            Memory::Imem { .. } => BLOCK_SIZE,
            Memory::Dmem => BLOCK_SIZE.min((end - at) as usize),
        };
        let bytes = read_target(wires, target, address, len);
        let transfer = Transfer {
            is_store: false,
            target,
            address,
            memory,
            offset: at as usize,
            len,
        };
        falcon.load(&transfer, &bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;
    use crate::chips::Generation;

    /// Loads `range` of data at `address` of the frame buffer.
    fn load(falcon: &mut Falcon, address: u64, range: Range<u32>) -> Result<(), String> {
        let mut card = TestCard::new("tu104");
        card.vram.write(0x1_0000, &[7; 0x500]);
        let load = Load {
            memory: Memory::Dmem,
            address,
            range,
        };
        load_blocks(falcon, &mut card.wires(), FbifTarget::LocalFb, &load)
    }

    /// The data sizes of Turing cards' VBIOS images.
    #[test]
    fn data_need_not_be_whole_blocks() {
        for size in [0x3f0, 0x400, 0x410, 0x420] {
            let mut falcon = Falcon::new(Generation::Tu102);
            load(&mut falcon, 0x1_0000, 0..size).unwrap();
            let size = size as usize;
            assert_eq!(falcon.dmem[..size], vec![7; size]);
            assert_eq!(falcon.dmem[size], 0, "{size:#x}");
        }
    }

    #[test]
    fn a_load_has_to_be_at_a_block_and_within_the_memory() {
        let mut falcon = Falcon::new(Generation::Tu102);
        assert!(load(&mut falcon, 0x1_0010, 0..0x100).is_err());
        assert!(load(&mut falcon, 0x1_0000, 0x10..0x100).is_err());
        assert!(load(&mut falcon, 0x1_0000, 0..0x1_0001).is_err());
        assert!(load(&mut falcon, 1 << 47, 0..0x100).is_err());
    }
}

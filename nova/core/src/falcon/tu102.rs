// SPDX-License-Identifier: GPL-2.0

//! What is particular to the falcons of Turing and GA100: the CPU writes code and data into their
//! memories word by word, and secure code is checked when the non-secure code before it calls it.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/falcon/arch/turing/kernel_falcon_tu102.c and
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_falcon_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/falcon.rs (order of the writes).

use nova_firmware::falcon::{Layout, Part};
use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::regs::falcon::{
    FalconBootvec, FalconDmemc, FalconDmemd, FalconImemc, FalconImemd, FalconImemt,
};

use super::{Falcon, Ucode, BLOCK};
use crate::error::Error;
use crate::platform::DmaMemory;

/// Bytes of a word, which is what a port takes.
const WORD: u32 = size_of::<u32>() as u32;

/// Bytes that ports reach of each memory.
const REACH: u32 = 1 << 16;

impl Falcon<'_> {
    /// Writes `ucode` into the falcon's memories.
    pub(super) fn load_by_ports<M: DmaMemory>(&self, ucode: &Ucode<M>) -> Result<(), Error> {
        self.allow_physical();
        let Layout {
            imem_ns,
            imem_sec,
            dmem,
            boot_addr,
        } = ucode.layout;
        if let Some(part) = imem_ns {
            // The falcon starts in the non-secure code, wherever in memory that lies.
            self.write_code(ucode, part, boot_addr, FalconImemc::new())?;
        }
        let secure = FalconImemc::new().with_secure(true);
        self.write_code(ucode, imem_sec, imem_sec.target, secure)?;
        self.write_data(ucode, dmem)?;
        self.io
            .write_at(self.base(), FalconBootvec::from(boot_addr));
        Ok(())
    }

    /// Writes a part of the code; its blocks are tagged with their addresses from `address` on.
    fn write_code<M: DmaMemory>(
        &self,
        ucode: &Ucode<M>,
        part: Part,
        address: u32,
        port: FalconImemc,
    ) -> Result<(), Error> {
        if part.len == 0 {
            return Ok(());
        }
        check(ucode, part, BLOCK)?;
        check(
            ucode,
            Part {
                target: address,
                ..part
            },
            BLOCK,
        )?;
        let first = port.with_aincw(true).with_blk((part.target / BLOCK) as u16);
        self.io.write_at(self.base(), first);
        let mut tag = address / BLOCK;
        for_each_block(ucode, part, |words| {
            let tagged = FalconImemt::new().with_tag(tag as u16);
            self.io.write_at(self.base(), tagged);
            tag = tag.wrapping_add(1);
            for &word in words {
                let word = FalconImemd::from(u32::from_le_bytes(word));
                self.io.write_at(self.base(), word);
            }
        })
    }

    /// Writes the data.
    fn write_data<M: DmaMemory>(&self, ucode: &Ucode<M>, part: Part) -> Result<(), Error> {
        if part.len == 0 {
            return Ok(());
        }
        check(ucode, part, WORD)?;
        let first = FalconDmemc::new()
            .with_aincw(true)
            .with_blk((part.target / BLOCK) as u16)
            .with_offs((part.target % BLOCK / WORD) as u8);
        self.io.write_at(self.base(), first);
        for_each_block(ucode, part, |words| {
            for &word in words {
                let word = FalconDmemd::from(u32::from_le_bytes(word));
                self.io.write_at(self.base(), word);
            }
        })
    }
}

/// Makes sure that the ports reach all of `part`, which starts at a multiple of `align` bytes.
fn check<M>(ucode: &Ucode<M>, part: Part, align: u32) -> Result<(), Error> {
    let error = |field, expected, found| Error::Ucode {
        name: ucode.name,
        field,
        expected,
        found,
    };
    if part.target % align != 0 {
        let expected = "the start of a block or word";
        return Err(error("target of a part", expected, part.target));
    }
    if part.len % WORD != 0 {
        return Err(error("size of a part", "a multiple of 4", part.len));
    }
    match part.target.checked_add(part.len) {
        Some(end) if end <= REACH => Ok(()),
        _ => Err(error("end of a part", "at most 64 KiB", part.target)),
    }
}

/// Hands out `part` block by block; the last one may be shorter.
fn for_each_block<M: DmaMemory>(
    ucode: &Ucode<M>,
    part: Part,
    mut write: impl FnMut(&[[u8; 4]]),
) -> Result<(), Error> {
    let mut block = [[0; 4]; BLOCK_SIZE / size_of::<u32>()];
    for at in (0..part.len).step_by(BLOCK_SIZE) {
        let words = part.len.saturating_sub(at).min(BLOCK) / WORD;
        let words = block.get_mut(..words as usize).unwrap_or_default();
        let source = part.source.saturating_add(at) as usize;
        ucode.memory.read(source, words.as_flattened_mut())?;
        write(words);
    }
    Ok(())
}

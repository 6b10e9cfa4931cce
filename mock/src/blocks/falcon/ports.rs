// SPDX-License-Identifier: GPL-2.0

//! Ports through which the CPU writes into a falcon's memories, and reads its data memory. Drivers
//! use them up to GA100 only; NVIDIA's gpu-admin-tools also does on an A10, which is a GA102.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/turing/tu102/dev_falcon_v4.h,
//! ampere/ga102/dev_falcon_v4.h and
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_falcon_tu102.c (`s_imemCopyTo_TU102`);
//! gpu-admin-tools, nvidia_gpu_tools.py (`GpuMemPort`).

use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::regs::falcon::{FalconDmemc, FalconDmemd, FalconImemc, FalconImemd, FalconImemt};

use super::memory::{CodeBlock, Memories};

/// Range of the ports' registers.
pub(super) const FIRST: u32 = FalconImemc::OFFSET;
pub(super) const END: u32 = FalconDmemc::OFFSET + FalconDmemc::COUNT * FalconDmemc::STRIDE;

/// Bytes of a word.
const WORD: usize = size_of::<u32>();

/// The ports' positions.
#[derive(Debug, Default)]
pub(super) struct Ports {
    code: [CodePort; FalconImemc::COUNT as usize],
    data: [FalconDmemc; FalconDmemc::COUNT as usize],
}

#[derive(Debug, Default)]
struct CodePort {
    at: FalconImemc,
    /// Tag for the next block that is begun.
    tag: u16,
}

/// Position of the next word, for a port with auto-increment.
fn next(blk: u16, offs: u8) -> (u16, u8) {
    const LAST: u8 = (BLOCK_SIZE / WORD - 1) as u8;
    match offs {
        LAST => (blk.wrapping_add(1), 0),
        _ => (blk, offs + 1),
    }
}

/// Index into an array of registers, if `offset` is that of an element.
fn element(offset: u32, first: u32, stride: u32) -> Option<usize> {
    let from = offset.checked_sub(first)?;
    (from % stride == 0).then_some((from / stride) as usize)
}

/// Result of a write; an error says why the hardware refuses it.
type Written = Result<(), &'static str>;

impl Ports {
    /// Writes the register at `offset` of a port, if there is one.
    pub(super) fn write(
        &mut self,
        memories: Memories<'_>,
        offset: u32,
        value: u32,
    ) -> Option<Written> {
        let port = |first, stride| element(offset, first, stride);
        let code = &mut self.code;
        if let Some(at) = port(FalconImemc::OFFSET, FalconImemc::STRIDE)
            .and_then(|port| code.get_mut(port))
            .map(|port| &mut port.at)
        {
            *at = value.into();
        } else if let Some(port) =
            port(FalconImemt::OFFSET, FalconImemt::STRIDE).and_then(|port| code.get_mut(port))
        {
            port.tag = FalconImemt::from(value).tag();
        } else if let Some(port) =
            port(FalconImemd::OFFSET, FalconImemd::STRIDE).and_then(|port| code.get_mut(port))
        {
            return Some(port.write(memories, value));
        } else if let Some(port) = port(FalconDmemd::OFFSET, FalconDmemd::STRIDE) {
            return Some(write_data(self.data.get_mut(port)?, memories, value));
        } else {
            let port = port(FalconDmemc::OFFSET, FalconDmemc::STRIDE)?;
            *self.data.get_mut(port)? = value.into();
        }
        Some(Ok(()))
    }
}

impl Ports {
    /// Reads the register at `offset` of a port to the data memory, if there is one. Code cannot be
    /// read through the model's ports, which no driver does.
    pub(super) fn read(&mut self, data: &[u8], offset: u32) -> Option<u32> {
        if let Some(port) = element(offset, FalconDmemc::OFFSET, FalconDmemc::STRIDE) {
            return Some((*self.data.get(port)?).into());
        }
        let port = element(offset, FalconDmemd::OFFSET, FalconDmemd::STRIDE)?;
        let port = self.data.get_mut(port)?;
        let (blk, offs) = (port.blk(), port.offs());
        let at = usize::from(blk) * BLOCK_SIZE + usize::from(offs) * WORD;
        let word = data.get(at..)?.first_chunk().copied()?;
        if port.aincr() {
            let (blk, offs) = next(blk, offs);
            *port = port.with_blk(blk).with_offs(offs);
        }
        Some(u32::from_le_bytes(word))
    }
}

impl CodePort {
    /// Writes a word of code. A block is secure as a whole (`s_imemCopyTo_TU102` sets the bit for all
    /// of a program's part, which starts at a block).
    fn write(&mut self, memories: Memories<'_>, value: u32) -> Written {
        let (blk, offs) = (self.at.blk(), self.at.offs());
        let Some(block) = memories.blocks.get_mut(usize::from(blk)) else {
            return Err("write behind the end of the code memory");
        };
        if offs == 0 {
            *block = CodeBlock {
                tag: self.tag.into(),
                secure: self.at.secure(),
                valid: true,
            };
        } else if block.secure != self.at.secure() {
            return Err("block of code that is secure only in part");
        }
        if self.at.aincw() {
            let (blk, offs) = next(blk, offs);
            self.at = self.at.with_blk(blk).with_offs(offs);
        }
        let at = usize::from(blk) * BLOCK_SIZE + usize::from(offs) * WORD;
        memories.code[at..at + WORD].copy_from_slice(&value.to_le_bytes());
        Ok(())
    }
}

/// Writes a word of data.
fn write_data(port: &mut FalconDmemc, memories: Memories<'_>, value: u32) -> Written {
    let (blk, offs) = (port.blk(), port.offs());
    let at = usize::from(blk) * BLOCK_SIZE + usize::from(offs) * WORD;
    let Some(word) = memories.data.get_mut(at..at + WORD) else {
        return Err("write behind the end of the data memory");
    };
    word.copy_from_slice(&value.to_le_bytes());
    if port.aincw() {
        let (blk, offs) = next(blk, offs);
        *port = port.with_blk(blk).with_offs(offs);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Falcon};
    use super::*;
    use crate::chips::Generation;

    const IMEMC: u32 = FalconImemc::OFFSET;
    const IMEMD: u32 = FalconImemd::OFFSET;
    const IMEMT: u32 = FalconImemt::OFFSET;

    fn falcon() -> Falcon {
        Falcon::new(Generation::Tu102)
    }

    #[test]
    fn code_is_written_word_by_word_and_tagged_block_by_block() {
        let mut falcon = falcon();
        let port = FalconImemc::new().with_aincw(true).with_secure(true);
        falcon.write(IMEMC, port.with_blk(2).into()).unwrap();
        for tag in [7, 8] {
            falcon.write(IMEMT, tag).unwrap();
            for word in 0..64 {
                falcon.write(IMEMD, tag << 16 | word).unwrap();
            }
        }
        assert_eq!(falcon.block_at(0x700), Some(2));
        assert_eq!(falcon.block_at(0x8ff), Some(3));
        assert!(falcon.code[2].secure && falcon.code[3].secure);
        assert_eq!(falcon.imem[0x204..0x208], [1, 0, 7, 0]);
        assert_eq!(falcon.imem[0x3fc..0x400], [63, 0, 8, 0]);
    }

    #[test]
    fn a_port_without_auto_increment_keeps_its_position() {
        let mut falcon = falcon();
        falcon.write(FalconDmemc::OFFSET, 0x10).unwrap();
        falcon.write(FalconDmemd::OFFSET, 1).unwrap();
        falcon.write(FalconDmemd::OFFSET, 2).unwrap();
        assert_eq!(falcon.dmem[0x10..0x18], [2, 0, 0, 0, 0, 0, 0, 0]);
        let moves = FalconDmemc::new()
            .with_aincw(true)
            .with_blk(0xff)
            .with_offs(62);
        falcon.write(FalconDmemc::OFFSET + 8, moves.into()).unwrap();
        falcon.write(FalconDmemd::OFFSET + 8, 3).unwrap();
        falcon.write(FalconDmemd::OFFSET + 8, 4).unwrap();
        assert_eq!(falcon.dmem[0xfff8..], [3, 0, 0, 0, 4, 0, 0, 0]);
        let outside = falcon.write(FalconDmemd::OFFSET + 8, 5);
        assert!(matches!(outside, Some(Action::Refused(_))));
    }

    #[test]
    fn invalid_writes_are_refused() {
        let mut falcon = falcon();
        falcon.write(IMEMC, FalconImemc::new().with_blk(0x100).into());
        assert!(matches!(falcon.write(IMEMD, 0), Some(Action::Refused(_))));
        falcon.write(IMEMC, FalconImemc::new().with_aincw(true).into());
        falcon.write(IMEMD, 0).unwrap();
        falcon.write(
            IMEMC,
            FalconImemc::new().with_offs(1).with_secure(true).into(),
        );
        assert!(matches!(falcon.write(IMEMD, 0), Some(Action::Refused(_))));
        assert_eq!(falcon.write(IMEMC + 0xc, 0), None);
        falcon.scrubbing = true;
        assert!(matches!(falcon.write(IMEMC, 0), Some(Action::Refused(_))));
    }

    /// As gpu-admin-tools reads an A10's data memory.
    #[test]
    fn data_is_read_word_by_word() {
        let mut falcon = Falcon::new(Generation::Ga102);
        falcon.dmem[..8].copy_from_slice(&[1, 0, 0, 0, 2, 0, 0, 0]);
        let port = FalconDmemc::new().with_aincr(true);
        falcon.write(FalconDmemc::OFFSET, port.into()).unwrap();
        assert_eq!(falcon.read(FalconDmemd::OFFSET), Some(1));
        assert_eq!(falcon.read(FalconDmemd::OFFSET), Some(2));
        assert_eq!(
            falcon.read(FalconDmemc::OFFSET),
            Some(port.with_offs(2).into())
        );
        falcon.write(FalconDmemc::OFFSET, 0x100 << 8).unwrap();
        assert_eq!(falcon.read(FalconDmemd::OFFSET), None, "behind the end");
        assert_eq!(falcon.read(IMEMC), None);
    }
}

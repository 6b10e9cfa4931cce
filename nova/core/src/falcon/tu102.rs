// SPDX-License-Identifier: GPL-2.0

//! The falcons of Turing and GA100: the CPU writes code and data into their memories word by word,
//! and secure code is checked when the non-secure code before it calls it.
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

use super::error::FalconError;
use super::ucode::{Ucode, BLOCK};
use super::Falcon;
use crate::bug::OrBug;
use crate::platform::DmaMemory;

/// Bytes of a word, the unit of a port.
const WORD: u32 = size_of::<u32>() as u32;

/// Bytes of each memory that ports can reach.
const REACH: u32 = 1 << 16;

impl Falcon<'_> {
    /// Writes `ucode` into the falcon's memories.
    pub(super) fn load_by_ports<M: DmaMemory>(&self, ucode: &Ucode<M>) -> Result<(), FalconError> {
        self.allow_physical();
        let Layout {
            imem_ns,
            imem_sec,
            dmem,
            boot_addr,
        } = ucode.layout;
        if let Some(part) = imem_ns {
            // Execution starts in the non-secure code, independent of its place in memory.
            self.write_code(ucode, part, boot_addr, FalconImemc::new())?;
        }
        let secure = FalconImemc::new().with_secure(true);
        self.write_code(ucode, imem_sec, imem_sec.target, secure)?;
        self.write_data(ucode, dmem)?;
        self.io
            .write_at(self.base(), FalconBootvec::from(boot_addr));
        Ok(())
    }

    /// Writes a part of the code; its blocks are tagged with their virtual addresses, which start
    /// at `address`.
    fn write_code<M: DmaMemory>(
        &self,
        ucode: &Ucode<M>,
        part: Part,
        address: u32,
        port: FalconImemc,
    ) -> Result<(), FalconError> {
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
    fn write_data<M: DmaMemory>(&self, ucode: &Ucode<M>, part: Part) -> Result<(), FalconError> {
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

/// Checks that ports can write all of `part`, and that its start is a multiple of `align` bytes.
fn check<M>(ucode: &Ucode<M>, part: Part, align: u32) -> Result<(), FalconError> {
    let error = |field, expected, found| FalconError::Ucode {
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

/// Calls `write` for each block of `part`; the last block may be shorter.
fn for_each_block<M: DmaMemory>(
    ucode: &Ucode<M>,
    part: Part,
    mut write: impl FnMut(&[[u8; 4]]),
) -> Result<(), FalconError> {
    let mut block = [[0; 4]; BLOCK_SIZE / size_of::<u32>()];
    for at in (0..part.len).step_by(BLOCK_SIZE) {
        let words = part.len.saturating_sub(at).min(BLOCK) / WORD;
        let words = block.get_mut(..words as usize).or_bug();
        let source = part.source.saturating_add(at) as usize;
        ucode.memory.read(source, words.as_flattened_mut())?;
        write(words);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::FalconKind;
    use crate::falcon::{Engine, RESET_TIME};
    use crate::mmio::Io;
    use crate::platform::Clock;
    use crate::testing::{Allocator, Card};
    use std::vec::Vec;

    /// Nine words of non-secure code, 66 of secure code, and two of data.
    fn layout() -> Layout {
        let part = |source, target, len| Part {
            source,
            target,
            len,
        };
        Layout {
            imem_ns: Some(part(0, 0, 0x24)),
            imem_sec: part(0x100, 0x100, 0x108),
            dmem: part(0x300, 0x104, 8),
            boot_addr: 0,
        }
    }

    /// A ucode whose words have the values 0, 1, 2 and so on.
    fn ucode(layout: Layout) -> Ucode<crate::testing::Memory> {
        let bytes: Vec<u8> = (0..0xc2_u32).flat_map(u32::to_le_bytes).collect();
        Ucode::new(&Allocator::default(), "test", &bytes, layout, None).unwrap()
    }

    fn load(card: &Card, layout: Layout) -> Result<(), FalconError> {
        let io = &Io::new(card);
        let sec2 = Falcon::new(io, FalconKind::Tu102, Engine::Sec2, 0x1620_00a1);
        sec2.load(&ucode(layout))
    }

    /// The writes and their order are those of Linux's nova-core.
    #[test]
    fn code_and_data_are_written_word_by_word() {
        let card = Card::default();
        load(&card, layout()).unwrap();
        let mut expected = std::vec![
            (0x8403c0, 1),
            (0x8403c0, 0),
            (0x840084, 0x1620_00a1),
            (0x840624, 0x80),
            (0x84010c, 0),
            (0x840180, 1 << 24),
            (0x840188, 0),
        ];
        expected.extend((0..9).map(|word| (0x840184, word)));
        expected.extend([(0x840180, 1 << 28 | 1 << 24 | 0x100), (0x840188, 1)]);
        expected.extend((0x40..0x80).map(|word| (0x840184, word)));
        expected.push((0x840188, 2));
        expected.extend((0x80..0x82).map(|word| (0x840184, word)));
        expected.push((0x8401c0, 1 << 24 | 0x104));
        expected.extend((0xc0..0xc2).map(|word| (0x8401c4, word)));
        expected.push((0x840104, 0));
        assert_eq!(*card.writes.borrow(), expected);
    }

    #[test]
    fn code_is_tagged_with_its_virtual_address() {
        let card = Card::default();
        let boot_addr = 0xfd00;
        load(
            &card,
            Layout {
                boot_addr,
                ..layout()
            },
        )
        .unwrap();
        let writes = card.writes.borrow();
        assert!(writes.contains(&(0x840188, 0xfd)));
        assert_eq!(writes.last(), Some(&(0x840104, boot_addr)));
    }

    #[test]
    fn ports_reach_64_kib() {
        let dmem = Part {
            target: 0xfff8,
            ..layout().dmem
        };
        load(&Card::default(), Layout { dmem, ..layout() }).unwrap();
    }

    #[test]
    fn parts_beyond_the_ports_reach_are_refused() {
        let code = layout().imem_sec;
        for (target, len) in [(0x80, 0x108), (0x100, 0x10a), (0xff00, 0x108)] {
            let imem_sec = Part {
                target,
                len,
                ..code
            };
            let layout = Layout {
                imem_sec,
                ..layout()
            };
            let error = load(&Card::default(), layout);
            assert!(matches!(error, Err(FalconError::Ucode { .. })), "{error:?}");
        }
        let dmem = Part {
            target: 2,
            ..layout().dmem
        };
        let layout = Layout { dmem, ..layout() };
        assert!(load(&Card::default(), layout).is_err());
    }

    #[test]
    fn a_memory_that_is_never_cleared_causes_a_timeout() {
        for bit in [1, 2] {
            let card = Card::default();
            card.set(0x84010c, 1 << bit);
            let error = load(&card, layout());
            let Err(FalconError::Timeout(timeout)) = error else {
                panic!("{error:?}");
            };
            assert_eq!(timeout.awaited, "SEC2 memory scrubbing");
        }
    }

    #[test]
    fn reset_into_riscv_is_a_plain_reset() {
        let card = Card::default();
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Tu102, Engine::Gsp, 7);
        gsp.reset_into_riscv().unwrap();
        let expected = [(0x1103c0, 1), (0x1103c0, 0), (0x110084, 7)];
        assert_eq!(*card.writes.borrow(), expected);
        // These falcons wait for nothing else.
        assert_eq!(card.now(), RESET_TIME, "the time of the reset line");
        assert!(gsp.wait_riscv(core::time::Duration::ZERO).is_err());
        card.set(0x111240, 1);
        gsp.wait_riscv(core::time::Duration::ZERO).unwrap();
    }
}

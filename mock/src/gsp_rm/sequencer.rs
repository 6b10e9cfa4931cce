// SPDX-License-Identifier: GPL-2.0

//! The CPU sequencer's list: the operations that GSP-RM has the driver carry out during its start.
//! With the GSP's RISC-V core stopped, a signed program on the GSP's falcon prepares SEC2, and SEC2
//! then starts that core again (`CORE_RESUME`).
//!
//! Source: open-gpu-kernel-modules 570, `kgspExecuteSequencerBuffer_IMPL` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c and kernel_gsp_ga102.c; Linux 7.3,
//! drivers/gpu/nova-core/gsp/sequencer.rs (the meaning of the operations). The firmware's own list
//! is not public: this list uses every operation.

use std::ops::Range;

use nova_hw::abi::{RunCpuSequencer, SequencerOpcode as Op};
use nova_hw::falcon::{EngineId, BLOCK_SIZE};
use nova_hw::regs::brom::{BromCurrUcodeId, BromEngidmask, BromModSel, BromParaaddr, ModSelAlgo};
use nova_hw::regs::falcon as reg;
use nova_hw::regs::falcon::{GSP_BASE, GSP_BASE2};
use nova_hw::regs::fbif::{FbifCtl, FbifMemType, FbifTarget, FbifTranscfg};
use zerocopy::IntoBytes;

use crate::chips::Generation;
use crate::faults::{Fault, Faults};
use crate::images::ucode::{Trust, Ucode, Versions};

/// Size of the driver's buffer for the list, in words.
const BUFFER_WORDS: u32 = 0x400;

/// Offset of the signature in the data of the signed program.
const SIGNATURE_AT: usize = 0x10;

/// Initial value of the mailbox, which the signed program replaces by its result.
const MAILBOX_SENTINEL: u32 = 0xff;

/// The signed program that runs on the GSP's falcon.
pub(crate) fn ucode(falcons: Generation) -> Ucode {
    Ucode {
        code: vec![0xac; 2 * BLOCK_SIZE],
        code_address: 0,
        trust: match falcons.has_boot_rom() {
            true => Trust::BootRom,
            false => Trust::Stub(BLOCK_SIZE as u32),
        },
        data: vec![0xda; 2 * BLOCK_SIZE],
        parameters: Vec::new(),
        signature_at: SIGNATURE_AT as u32,
        signatures: vec![vec![0x51; 384]],
        versions: Versions::Descending(1),
        engine_id_mask: EngineId::Gsp.bit(),
        ucode_id: 5,
    }
}

/// The signed program as GSP-RM puts it into the frame buffer: code, then data with the signature.
pub(crate) fn image(ucode: &Ucode) -> Vec<u8> {
    let mut data = ucode.data.clone();
    let signature = &ucode.signatures[0];
    data[SIGNATURE_AT..SIGNATURE_AT + signature.len()].copy_from_slice(signature);
    [&ucode.code[..], &data[..]].concat()
}

/// A list under construction.
#[derive(Default)]
struct List(Vec<u32>);

impl List {
    fn op(&mut self, opcode: Op, arguments: &[u32]) {
        self.0.push(opcode as u32);
        self.0.extend_from_slice(arguments);
    }

    fn write(&mut self, register: u32, value: impl Into<u32>) {
        self.op(Op::RegWrite, &[register, value.into()]);
    }

    fn poll(&mut self, register: u32, mask: impl Into<u32>, value: impl Into<u32>) {
        const LIMIT_US: u32 = 100_000;
        const ERROR: u32 = 1;
        let (mask, value) = (mask.into(), value.into());
        self.op(Op::RegPoll, &[register, mask, value, LIMIT_US, ERROR]);
    }

    /// Has the falcon's DMA load blocks.
    fn load(&mut self, blocks: Range<usize>, bus_offset: usize, command: reg::FalconDmatrfcmd) {
        let command = command.with_size(reg::FalconDmatrfcmd::SIZE_256B);
        for at in blocks.map(|block| block * BLOCK_SIZE) {
            self.write(GSP_BASE + reg::FalconDmatrfmoffs::OFFSET, at as u32);
            self.write(
                GSP_BASE + reg::FalconDmatrffboffs::OFFSET,
                (bus_offset + at) as u32,
            );
            self.write(GSP_BASE + reg::FalconDmatrfcmd::OFFSET, command);
            let idle = reg::FalconDmatrfcmd::new().with_idle(true);
            self.poll(GSP_BASE + reg::FalconDmatrfcmd::OFFSET, idle, idle);
        }
    }

    /// The message's payload.
    fn payload(&self) -> Vec<u8> {
        let header = RunCpuSequencer {
            buffer_size_dword: BUFFER_WORDS,
            cmd_index: self.0.len() as u32,
            ..RunCpuSequencer::default()
        };
        [header.as_bytes(), self.0.as_bytes()].concat()
    }
}

/// The message's payload: the list that loads and runs `ucode`, which is at `address` of the
/// frame buffer.
pub(crate) fn payload(ucode: &Ucode, address: u64, faults: &Faults) -> Vec<u8> {
    let mut list = List::default();
    list.op(Op::RegStore, &[GSP_BASE + reg::FalconOs::OFFSET, 0]);
    list.op(Op::CoreReset, &[]);

    let allow = FbifCtl::new().with_allow_phys_no_ctx(true);
    list.op(
        Op::RegModify,
        &[GSP_BASE + FbifCtl::OFFSET, allow.into(), allow.into()],
    );
    let transcfg = FbifTranscfg::new()
        .with_target(FbifTarget::LocalFb)
        .with_mem_type(FbifMemType::Physical);
    list.write(GSP_BASE + FbifTranscfg::OFFSET, transcfg);
    list.write(
        GSP_BASE + reg::FalconDmatrfbase::OFFSET,
        (address >> 8) as u32,
    );
    list.write(
        GSP_BASE + reg::FalconDmatrfbase1::OFFSET,
        (address >> 40) as u32,
    );
    let blocks = |bytes: &[u8]| bytes.len() / BLOCK_SIZE;
    let imem = reg::FalconDmatrfcmd::new().with_imem(true);
    let stub = match ucode.trust {
        Trust::BootRom => 0,
        Trust::Stub(bytes) => bytes as usize / BLOCK_SIZE,
    };
    list.load(0..stub, 0, imem);
    list.load(stub..blocks(&ucode.code), 0, imem.with_sec(1));
    let dmem = reg::FalconDmatrfcmd::new();
    list.load(0..blocks(&ucode.data), ucode.code.len(), dmem);

    if ucode.trust == Trust::BootRom {
        list.write(GSP_BASE2 + BromParaaddr::OFFSET, ucode.signature_at);
        list.write(GSP_BASE2 + BromEngidmask::OFFSET, ucode.engine_id_mask);
        list.write(GSP_BASE2 + BromCurrUcodeId::OFFSET, ucode.ucode_id);
        let algo = BromModSel::new().with_algo(ModSelAlgo::Rsa3k);
        list.write(GSP_BASE2 + BromModSel::OFFSET, algo);
    }
    list.write(GSP_BASE + reg::FalconBootvec::OFFSET, ucode.code_address);
    list.write(GSP_BASE + reg::FalconMailbox0::OFFSET, MAILBOX_SENTINEL);
    list.op(Op::CoreStart, &[]);
    list.op(Op::CoreWaitForHalt, &[]);
    let result = match faults.has(Fault::SequencerPollNeverMet) {
        true => !0,
        false => 0_u32,
    };
    list.poll(GSP_BASE + reg::FalconMailbox0::OFFSET, u32::MAX, result);
    list.op(Op::DelayUs, &[10]);
    if faults.has(Fault::BadSequencerOpcode) {
        list.0.push(0x77);
    }
    list.op(Op::CoreResume, &[]);
    list.payload()
}

/// The payload with a list that only waits for a moment.
pub(crate) fn pause() -> Vec<u8> {
    let mut list = List::default();
    list.op(Op::DelayUs, &[10]);
    list.payload()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromBytes;

    /// Opcodes of a list, parsed as drivers do it.
    fn opcodes(payload: &[u8]) -> Vec<Op> {
        let (header, list) = RunCpuSequencer::read_from_prefix(payload).unwrap();
        let words: Vec<u32> = list
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        assert_eq!(header.cmd_index as usize, words.len());
        assert!(header.cmd_index <= header.buffer_size_dword);
        let mut at = 0;
        let mut found = Vec::new();
        while at < words.len() {
            let op = Op::from_raw(words[at]).unwrap();
            found.push(op);
            at += 1 + op.arguments();
        }
        assert_eq!(at, words.len());
        found
    }

    #[test]
    fn the_list_has_all_operations_and_ends_with_core_resume() {
        for falcons in [Generation::Tu102, Generation::Ga102] {
            let found = opcodes(&payload(&ucode(falcons), 0x1234_5600, &Faults::default()));
            for op in Op::ALL {
                assert!(found.contains(&op), "{op:?}");
            }
            assert_eq!(found.last(), Some(&Op::CoreResume));
        }
    }
}

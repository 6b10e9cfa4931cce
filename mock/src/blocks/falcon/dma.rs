// SPDX-License-Identifier: GPL-2.0

//! Transfers between a falcon's memories and those of the machine and the card.

use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::regs::falcon as reg;
use nova_hw::regs::fbif::{FbifMemType, FbifTarget};

use super::memory::CodeBlock;
use super::{Action, Falcon, Memory, Transfer};

impl Falcon {
    /// Checks a transfer. One that the hardware refuses never ends, and blocks the queue until the
    /// next reset.
    pub(super) fn transfer(&mut self, command: reg::FalconDmatrfcmd) -> Action {
        match self.check_transfer(command) {
            Ok(transfer) => Action::Dma(transfer),
            Err(reason) => {
                self.dma_stuck = true;
                Action::Refused(reason)
            }
        }
    }

    /// Aperture that DMA with configuration `ctxdma` of the FBIF reads, if the hardware allows
    /// that.
    ///
    /// Source: open-gpu-kernel-modules 570, `kflcnDisableCtxReq_TU102` in kernel_falcon_tu102.c and
    /// `s_setupLoaderAperture` in kernel_gsp_falcon_tu102.c: all drivers disable the context and set
    /// physical addresses, which also tinygrad and gpu-admin-tools do.
    pub(crate) fn dma_target(&self, ctxdma: u8) -> Result<FbifTarget, &'static str> {
        let Some(config) = self.transcfg.get(usize::from(ctxdma)) else {
            return Err("DMA with a configuration that does not exist");
        };
        if self.require_ctx {
            return Err("DMA without a context, which DMACTL requires");
        }
        match config.mem_type() {
            FbifMemType::Virtual => {
                return Err("DMA to virtual addresses without an address space")
            }
            FbifMemType::Physical if !self.fbif_ctl.allow_phys_no_ctx() => {
                return Err("DMA to physical addresses without a context, which FBIF_CTL forbids");
            }
            FbifMemType::Physical => {}
        }
        match config.target() {
            FbifTarget::Reserved => Err("DMA to an aperture that does not exist"),
            target => Ok(target),
        }
    }

    /// Checks a transfer against the sizes of the memories. The source's comments in
    /// dev_falcon_v4.h and `s_dmaTransfer_GA102` in kernel_gsp_falcon_ga102.c have the units: offsets
    /// are multiples of the size of a transfer, and code is loaded by blocks.
    fn check_transfer(&self, command: reg::FalconDmatrfcmd) -> Result<Transfer, &'static str> {
        if self.dma_stuck {
            return Err("DMA after a transfer that never ends");
        }
        if self.scrubbing {
            return Err("DMA before the scrubbing is done");
        }
        // A falcon has instructions that load code, load data and store data, and none that stores
        // code: envytools, docs/hw/falcon/xfer.rst.
        if command.is_write() && command.imem() {
            return Err("DMA that stores code");
        }
        let target = self.dma_target(command.ctxdma())?;
        let len = 4 << command.size();
        let offset = self.dma_offset as usize;
        let (memory, size) = match command.imem() {
            true => (
                Memory::Imem {
                    tag: self.dma_bus_offset / BLOCK_SIZE as u32,
                    secure: command.sec() != 0,
                },
                self.imem.len(),
            ),
            false => (Memory::Dmem, self.dmem.len()),
        };
        if command.imem() && command.size() != reg::FalconDmatrfcmd::SIZE_256B {
            return Err("DMA of less than a block to the code memory");
        }
        if offset % len != 0 || self.dma_bus_offset as usize % len != 0 {
            return Err("DMA that is not aligned to its size");
        }
        if offset + len > size {
            return Err("DMA beyond the end of the falcon's memory");
        }
        Ok(Transfer {
            is_store: command.is_write(),
            target,
            address: self.dma_base + u64::from(self.dma_bus_offset),
            memory,
            offset,
            len,
        })
    }

    /// Writes the bytes of a transfer to the falcon's memory.
    pub(crate) fn load(&mut self, transfer: &Transfer, bytes: &[u8]) {
        let range = transfer.offset..transfer.offset + transfer.len;
        match transfer.memory {
            Memory::Dmem => self.dmem[range].copy_from_slice(bytes),
            Memory::Imem { tag, secure } => {
                self.imem[range].copy_from_slice(bytes);
                self.code[transfer.offset / BLOCK_SIZE] = CodeBlock {
                    tag,
                    secure,
                    valid: true,
                };
            }
        }
    }
}

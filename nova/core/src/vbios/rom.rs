// SPDX-License-Identifier: GPL-2.0

//! The VBIOS, read through PROM, a window of BAR0 that shows the ROM word by word.
//!
//! Each word costs a slow register read, so only the parts that the parser requests are read.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_vbios_tu102.c.

use nova_firmware::vbios::{self, Fwsec, Scan, Step, ROM_LEN};
use nova_hw::regs::prom::PromData;

use super::error::VbiosError;
use crate::bug::OrBug;
use crate::mmio::Io;
use crate::platform::{memory, Scratch};
use crate::text::Text;

/// A copy of the VBIOS, in which only the required parts are filled.
pub(crate) struct Vbios<B> {
    rom: B,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Vbios<B> {
    /// Reads the required parts.
    pub(crate) fn read<S: Scratch<Bytes = B>>(
        scratch: &S,
        io: &Io<'_>,
    ) -> Result<Self, VbiosError> {
        let mut rom = memory::alloc_bytes(scratch, "the VBIOS", ROM_LEN)?;
        let mut scan = Scan::new();
        while let Step::Read(range) = scan.step(rom.as_ref())? {
            let words = range.clone().step_by(size_of::<u32>());
            let bytes = rom.as_mut().get_mut(range).or_bug();
            for (at, word) in words.zip(bytes.chunks_exact_mut(size_of::<u32>())) {
                // The window ends far below 4 GiB.
                let offset = PromData::OFFSET.wrapping_add(at as u32);
                word.copy_from_slice(&io.read32(offset).to_le_bytes());
            }
        }
        Ok(Self { rom })
    }

    fn parse(&self) -> Result<vbios::Vbios<'_>, VbiosError> {
        Ok(vbios::Vbios::parse(self.rom.as_ref())?)
    }

    /// The version in its usual format (`94.02.71.40.9e`).
    pub(crate) fn version(&self) -> Result<Text<32>, VbiosError> {
        let version = self.parse()?.version()?;
        Ok(Text::format(format_args!("{version}")))
    }

    /// FWSEC in the VBIOS.
    pub(crate) fn fwsec(&self) -> Result<Fwsec<'_>, VbiosError> {
        Ok(self.parse()?.fwsec()?)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! FWSEC, the signed program in the VBIOS that runs on the GSP's falcon. Its command `FRTS` sets up
//! WPR2 with verified VBIOS data; `SB` restores the GSP's state after reset.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_frts_tu102.c.

mod loader;

use core::ops::Range;

use nova_firmware::falcon::Brom;
use nova_firmware::gen_bootloader::GenBootloader;
use nova_firmware::vbios::{Fwsec, COMMAND_LEN};
use nova_hw::falcon::LoaderDescriptor;
use nova_hw::fwsec::{FrtsCommand, FrtsRegion, ReadVbios, CMD_FRTS, CMD_SB};
use nova_hw::regs::pbus::{FrtsErr, SbErr};
use zerocopy::IntoBytes;

use super::error::VbiosError;
use super::FWSEC;
use crate::chip::FalconKind;
use crate::falcon::error::FalconError;
use crate::falcon::{Falcon, Ucode};
use crate::mmio::Io;
use crate::platform::{memory, DmaAllocator, DmaMemory, Scratch};

/// FWSEC from the VBIOS, with what this chip's falcon needs to run it.
pub(crate) struct Signed<'a> {
    fwsec: Fwsec<'a>,
    start: StartedBy<'a>,
}

/// The way to start FWSEC, which depends on the falcon.
enum StartedBy<'a> {
    /// The generic bootloader fetches and starts it.
    Loader(GenBootloader<'a>),
    /// The boot ROM starts it: parameters, and offset and bytes of the signature, which FWSEC for
    /// development boards lacks.
    BootRom(Brom, Option<(u32, &'a [u8])>),
}

/// FWSEC with a command, ready to run.
pub(crate) struct Program<M> {
    ucode: Ucode<M>,
    /// The generic bootloader, which fetches FWSEC if the falcon cannot.
    loader: Option<Ucode<M>>,
}

/// A boxed program.
pub(crate) type Boxed<A> = <A as Scratch>::Boxed<Program<<A as DmaAllocator>::Memory>>;

impl<'a> Signed<'a> {
    /// FWSEC for a falcon with a boot ROM, with the signature for this chip.
    pub(crate) fn for_boot_rom(
        io: &Io<'_>,
        falcon: FalconKind,
        fwsec: Fwsec<'a>,
    ) -> Result<Self, VbiosError> {
        let brom = fwsec.brom().ok_or_else(|| version("3", &fwsec))?;
        let signature = match fwsec.signature_offset() {
            Some(offset) => {
                let fused = falcon.fuse_version(io, FWSEC, &brom)?;
                Some((offset, fwsec.signature_for(fused)?))
            }
            None => None,
        };
        let start = StartedBy::BootRom(brom, signature);
        Ok(Self { fwsec, start })
    }

    /// FWSEC for a falcon without a boot ROM; `loader` fetches it, so that the CPU need not write
    /// it through ports.
    pub(crate) fn for_loader(
        fwsec: Fwsec<'a>,
        loader: GenBootloader<'a>,
    ) -> Result<Self, VbiosError> {
        if fwsec.brom().is_some() {
            return Err(version("2", &fwsec).into());
        }
        let start = StartedBy::Loader(loader);
        Ok(Self { fwsec, start })
    }

    /// FWSEC with the command that sets up WPR2, with FRTS at `frts`.
    pub(crate) fn frts<A: DmaAllocator + Scratch>(
        &self,
        allocator: &A,
        frts: &Range<u64>,
    ) -> Result<Boxed<A>, VbiosError> {
        let arguments = FrtsCommand {
            read_vbios: ReadVbios::ROM,
            frts_region: FrtsRegion::in_fb(
                pages(frts.start)?,
                pages(frts.end.saturating_sub(frts.start))?,
            ),
        };
        self.with_command(allocator, CMD_FRTS, arguments.as_bytes())
    }

    /// FWSEC with the command that undoes a boot.
    pub(crate) fn sb<A: DmaAllocator + Scratch>(
        &self,
        allocator: &A,
    ) -> Result<Boxed<A>, VbiosError> {
        self.with_command(allocator, CMD_SB, ReadVbios::ROM.as_bytes())
    }

    #[inline(never)]
    fn with_command<A: DmaAllocator + Scratch>(
        &self,
        allocator: &A,
        command: u32,
        arguments: &[u8],
    ) -> Result<Boxed<A>, VbiosError> {
        const { assert!(size_of::<FrtsCommand>() <= COMMAND_LEN) };
        let (bytes, layout) = (self.fwsec.bytes(), self.fwsec.layout());
        let mapper = self.fwsec.dmem_mapper();
        let with_command = |brom| {
            Ucode::new(allocator, FWSEC, bytes, layout, brom)?
                .patch(mapper.init_cmd, &command.to_le_bytes())?
                .patch(mapper.cmd_in_buffer, arguments)
        };
        let program = match &self.start {
            StartedBy::Loader(loader) => {
                let ucode = with_command(None)?;
                let loader = loader::prepare(allocator, loader, &layout, ucode.dma_addr())?;
                Program {
                    ucode,
                    loader: Some(loader),
                }
            }
            StartedBy::BootRom(brom, signature) => {
                let ucode = with_command(Some(*brom))?;
                let ucode = match *signature {
                    Some((offset, signature)) => ucode.patch(offset as usize, signature)?,
                    None => ucode,
                };
                Program {
                    ucode,
                    loader: None,
                }
            }
        };
        Ok(memory::boxed(allocator, FWSEC, program)?)
    }
}

impl<M> Program<M> {
    /// Bytes of firmware that were copied.
    pub(crate) fn size(&self) -> usize {
        let loader = self.loader.as_ref().map_or(0, |loader| loader.size);
        self.ucode.size.saturating_add(loader)
    }
}

/// Error for a descriptor version that does not fit the chip.
fn version(expected: &'static str, fwsec: &Fwsec<'_>) -> FalconError {
    FalconError::Ucode {
        name: FWSEC,
        field: "descriptor version",
        expected,
        found: fwsec.ucode().descriptor_version().into(),
    }
}

/// Converts bytes to pages of 4 KiB, FWSEC's unit.
fn pages(bytes: u64) -> Result<u32, FalconError> {
    u32::try_from(bytes >> 12).map_err(|_| FalconError::Ucode {
        name: FWSEC,
        field: "FRTS region",
        expected: "below 16 TiB",
        found: u32::MAX,
    })
}

/// Has FWSEC set up WPR2 with FRTS in it.
pub(crate) fn frts<M: DmaMemory>(
    io: &Io<'_>,
    gsp: &Falcon<'_>,
    fwsec: &Program<M>,
) -> Result<(), FalconError> {
    run(gsp, fwsec)?;
    let found = io.read::<FrtsErr>().frts_err_code();
    if found != 0 {
        return Err(FalconError::Failed {
            ucode: "FWSEC-FRTS",
            register: "error code in scratch register 0xe",
            found: found.into(),
        });
    }
    Ok(())
}

/// Has FWSEC restore the GSP's state after reset.
pub(crate) fn undo<M: DmaMemory>(
    io: &Io<'_>,
    gsp: &Falcon<'_>,
    fwsec: &Program<M>,
) -> Result<(), FalconError> {
    run(gsp, fwsec)?;
    match io.read::<SbErr>().sb_err_code() {
        0 => Ok(()),
        found => Err(FalconError::Failed {
            ucode: "FWSEC-SB",
            register: "error code in scratch register 0x15",
            found: found.into(),
        }),
    }
}

/// Runs FWSEC with the command that it was prepared with.
fn run<M: DmaMemory>(gsp: &Falcon<'_>, fwsec: &Program<M>) -> Result<(), FalconError> {
    match &fwsec.loader {
        Some(loader) => {
            gsp.load(loader)?;
            gsp.reach_sysmem(LoaderDescriptor::CTX_DMA_SYSMEM);
        }
        None => gsp.load(&fwsec.ucode)?,
    }
    match gsp.run([0; 2])? {
        [0, _] => Ok(()),
        [found, _] => Err(FalconError::Failed {
            ucode: FWSEC,
            register: "GSP mailbox 0",
            found,
        }),
    }
}

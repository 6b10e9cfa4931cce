// SPDX-License-Identifier: GPL-2.0

//! FWSEC, the signed program out of the VBIOS that runs on the GSP's falcon. `FRTS` makes WPR2 and
//! puts verified VBIOS data there; `SB` puts the GSP back as it was after reset.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_frts_tu102.c.

use core::ops::Range;

use nova_firmware::falcon::Brom;
use nova_firmware::vbios::{Fwsec, COMMAND_LEN};
use nova_hw::fwsec::{FrtsCommand, FrtsRegion, ReadVbios, CMD_FRTS, CMD_SB};
use nova_hw::regs::pbus::{FrtsErr, SbErr};
use zerocopy::IntoBytes;

use crate::error::Error;
use crate::falcon::{fuse_version, Falcon, Ucode};
use crate::io::Io;
use crate::platform::{DmaAllocator, DmaMemory};
use crate::wpr::wpr2;

const NAME: &str = "FWSEC";

/// FWSEC as it is in the VBIOS, with the signature that this chip accepts.
pub(crate) struct Signed<'a> {
    fwsec: Fwsec<'a>,
    brom: Brom,
    /// Where the signature goes, and the signature; ucode for development boards has none.
    signature: Option<(u32, &'a [u8])>,
}

impl<'a> Signed<'a> {
    /// Chooses the signature.
    pub(crate) fn new(io: &Io<'_>, fwsec: Fwsec<'a>) -> Result<Self, Error> {
        let brom = fwsec.brom().ok_or(Error::Ucode {
            name: NAME,
            field: "descriptor version",
            expected: "3",
            found: fwsec.ucode().descriptor_version().into(),
        })?;
        let signature = match fwsec.signature_offset() {
            Some(offset) => {
                let fused = fuse_version(io, NAME, &brom)?;
                Some((offset, fwsec.signature_for(fused)?))
            }
            None => None,
        };
        Ok(Self {
            fwsec,
            brom,
            signature,
        })
    }

    /// FWSEC that makes WPR2, with FRTS at `frts`.
    pub(crate) fn frts<A: DmaAllocator>(
        &self,
        allocator: &A,
        frts: &Range<u64>,
    ) -> Result<Ucode<A::Memory>, Error> {
        let arguments = FrtsCommand {
            read_vbios: ReadVbios::ROM,
            frts_region: FrtsRegion::in_fb(
                pages(frts.start)?,
                pages(frts.end.saturating_sub(frts.start))?,
            ),
        };
        self.with_command(allocator, CMD_FRTS, arguments.as_bytes())
    }

    /// FWSEC that undoes a boot.
    pub(crate) fn sb<A: DmaAllocator>(&self, allocator: &A) -> Result<Ucode<A::Memory>, Error> {
        self.with_command(allocator, CMD_SB, ReadVbios::ROM.as_bytes())
    }

    fn with_command<A: DmaAllocator>(
        &self,
        allocator: &A,
        command: u32,
        arguments: &[u8],
    ) -> Result<Ucode<A::Memory>, Error> {
        const { assert!(size_of::<FrtsCommand>() <= COMMAND_LEN) };
        let mapper = self.fwsec.dmem_mapper();
        let ucode = Ucode::new(
            allocator,
            NAME,
            self.fwsec.bytes(),
            self.fwsec.layout(),
            self.brom,
        )?
        .patch(mapper.init_cmd, &command.to_le_bytes())?
        .patch(mapper.cmd_in_buffer, arguments)?;
        match self.signature {
            Some((offset, signature)) => ucode.patch(offset as usize, signature),
            None => Ok(ucode),
        }
    }
}

/// Bytes as pages of 4 KiB, which is what FWSEC counts in.
fn pages(bytes: u64) -> Result<u32, Error> {
    u32::try_from(bytes >> 12).map_err(|_| Error::Ucode {
        name: NAME,
        field: "FRTS region",
        expected: "below 16 TiB",
        found: u32::MAX,
    })
}

/// Makes WPR2, and makes sure that FRTS is where it was asked for.
pub(crate) fn make_wpr2<M: DmaMemory>(
    io: &Io<'_>,
    gsp: &Falcon<'_>,
    fwsec: &Ucode<M>,
    frts: &Range<u64>,
) -> Result<(), Error> {
    run(gsp, fwsec)?;
    let found = io.read::<FrtsErr>().frts_err_code();
    if found != 0 {
        return Err(Error::UcodeFailed {
            ucode: "FWSEC-FRTS",
            register: "error code in scratch register 0xe",
            found: found.into(),
        });
    }
    let found = wpr2(io).map(|range| range.start);
    if found != Some(frts.start) {
        return Err(Error::Wpr2 {
            after: "FWSEC-FRTS",
            expected: Some(frts.start),
            found,
        });
    }
    Ok(())
}

/// Puts the GSP back as it was after reset.
pub(crate) fn undo<M: DmaMemory>(
    io: &Io<'_>,
    gsp: &Falcon<'_>,
    fwsec: &Ucode<M>,
) -> Result<(), Error> {
    run(gsp, fwsec)?;
    match io.read::<SbErr>().sb_err_code() {
        0 => Ok(()),
        found => Err(Error::UcodeFailed {
            ucode: "FWSEC-SB",
            register: "error code in scratch register 0x15",
            found: found.into(),
        }),
    }
}

/// Runs FWSEC with whatever command it was prepared for.
fn run<M: DmaMemory>(gsp: &Falcon<'_>, fwsec: &Ucode<M>) -> Result<(), Error> {
    match gsp.execute(fwsec, [0; 2])? {
        [0, _] => Ok(()),
        [found, _] => Err(Error::UcodeFailed {
            ucode: NAME,
            register: "GSP mailbox 0",
            found,
        }),
    }
}

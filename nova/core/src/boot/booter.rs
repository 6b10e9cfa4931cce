// SPDX-License-Identifier: GPL-2.0

//! Booter, signed programs on SEC2: booter-load copies the GSP's firmware into WPR2, and
//! booter-unload takes WPR2 away.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp_booter.c and
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_booter_tu102.c.

use nova_firmware::booter::Booter;
use nova_hw::gsp::BOOTER_UNLOAD_MAILBOX;

use super::error::Error;
use super::wpr::wpr2;
use crate::chip::FalconKind;
use crate::falcon::error::FalconError;
use crate::falcon::{Falcon, Ucode};
use crate::firmware::names::FileSet;
use crate::mmio::{halves, Io};
use crate::platform::{DmaAllocator, DmaMemory, FirmwareFiles};

/// Loads the file `name`, one of the two programs or another in their format, and prepares it for
/// this chip with a signature.
pub(crate) fn prepare<P>(
    platform: &P,
    io: &Io<'_>,
    falcon: FalconKind,
    set: FileSet,
    name: &'static str,
) -> Result<Ucode<P::Memory>, Error>
where
    P: FirmwareFiles + DmaAllocator,
{
    let file = set.file(name);
    let bytes = file.load(platform)?;
    let malformed = |error| file.malformed(error);
    let booter = file.parse(bytes.as_ref(), Booter::parse, Booter::from_tlv)?;
    let brom = booter.brom();
    let fused = falcon.fuse_version(io, name, &brom)?;
    let signature = booter.signature_for(fused).map_err(malformed)?;
    let layout = match falcon {
        FalconKind::Tu102 => booter.layout_tu102(),
        FalconKind::Ga102 => booter.layout_ga102(),
    };
    let ucode = Ucode::new(platform, name, booter.ucode(), layout, Some(brom))?;
    Ok(ucode.patch(booter.signature_offset() as usize, signature)?)
}

/// Has booter-load fill WPR2; `metadata` is the bus address of the WPR metadata.
pub(crate) fn load<M: DmaMemory>(
    sec2: &Falcon<'_>,
    booter: &Ucode<M>,
    metadata: u64,
) -> Result<(), Error> {
    Ok(execute(sec2, booter, halves(metadata))?)
}

/// Has booter-unload take WPR2 away, if it is set up.
pub(crate) fn unload<M: DmaMemory>(
    io: &Io<'_>,
    sec2: &Falcon<'_>,
    booter: &Ucode<M>,
) -> Result<(), Error> {
    if wpr2(io).is_none() {
        return Ok(());
    }
    execute(sec2, booter, [BOOTER_UNLOAD_MAILBOX; 2])?;
    match wpr2(io) {
        None => Ok(()),
        Some(range) => Err(Error::Wpr2 {
            after: "booter unload",
            expected: None,
            found: Some(range.start),
        }),
    }
}

/// Runs booter with `arguments` in its mailboxes; booter writes its result to the first one.
fn execute<M: DmaMemory>(
    sec2: &Falcon<'_>,
    booter: &Ucode<M>,
    arguments: [u32; 2],
) -> Result<(), FalconError> {
    let ucode = booter.name;
    match sec2.execute(booter, arguments)? {
        [0, _] => Ok(()),
        mailboxes if mailboxes == arguments => Err(FalconError::Refused { ucode }),
        [found, _] => Err(FalconError::Failed {
            ucode,
            register: "SEC2 mailbox 0",
            found,
        }),
    }
}

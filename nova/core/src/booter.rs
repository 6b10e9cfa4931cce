// SPDX-License-Identifier: GPL-2.0

//! Booter, the signed program on SEC2 that moves the GSP's firmware into WPR2 and, when it is told to
//! unload, takes WPR2 away again.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp_booter.c and
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_booter_tu102.c.

use nova_firmware::booter::Booter;
use nova_hw::chipset::Chipset;
use nova_hw::gsp::BOOTER_UNLOAD_MAILBOX;

use crate::error::Error;
use crate::falcon::{fuse_version, Falcon, Ucode};
use crate::firmware::File;
use crate::io::{halves, Io};
use crate::platform::{DmaAllocator, DmaMemory, FirmwareFiles};
use crate::wpr::wpr2;

/// Loads one of the two programs, signs it for this chip and puts it where the falcon can get it.
pub(crate) fn prepare<P>(
    platform: &P,
    io: &Io<'_>,
    chipset: Chipset,
    kind: &'static str,
) -> Result<Ucode<P::Memory>, Error>
where
    P: FirmwareFiles + DmaAllocator,
{
    let file = File { chipset, kind };
    let bytes = file.load(platform)?;
    let malformed = |error| file.malformed(error);
    let booter = Booter::parse(bytes.as_ref()).map_err(malformed)?;
    let brom = booter.brom();
    let fused = fuse_version(io, kind, &brom)?;
    let signature = booter.signature_for(fused).map_err(malformed)?;
    Ucode::new(platform, kind, booter.ucode(), booter.layout_ga102(), brom)?
        .patch(booter.signature_offset() as usize, signature)
}

/// Lets booter fill WPR2 as the metadata at bus address `metadata` says.
pub(crate) fn load<M: DmaMemory>(
    sec2: &Falcon<'_>,
    booter: &Ucode<M>,
    metadata: u64,
) -> Result<(), Error> {
    let [lo, hi] = halves(metadata);
    succeeded(booter, sec2.execute(booter, lo, hi)?)
}

/// Lets booter take WPR2 away, if there is one.
pub(crate) fn unload<M: DmaMemory>(
    io: &Io<'_>,
    sec2: &Falcon<'_>,
    booter: &Ucode<M>,
) -> Result<(), Error> {
    if wpr2(io).is_none() {
        return Ok(());
    }
    succeeded(
        booter,
        sec2.execute(booter, BOOTER_UNLOAD_MAILBOX, BOOTER_UNLOAD_MAILBOX)?,
    )?;
    match wpr2(io) {
        None => Ok(()),
        Some(range) => Err(Error::Wpr2 {
            after: "booter unload",
            expected: None,
            found: Some(range.start),
        }),
    }
}

/// Booter says in the first mailbox what went wrong.
fn succeeded<M>(booter: &Ucode<M>, (mailbox0, _): (u32, u32)) -> Result<(), Error> {
    match mailbox0 {
        0 => Ok(()),
        found => Err(Error::UcodeFailed {
            ucode: booter.name,
            register: "SEC2 mailbox 0",
            found,
        }),
    }
}

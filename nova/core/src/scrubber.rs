// SPDX-License-Identifier: GPL-2.0

//! The scrubber, a signed program on SEC2 that clears what GFW has left uncleared of the frame
//! buffer, where what is reserved for the GSP reaches that far.
//!
//! Source: open-gpu-kernel-modules 570, `_kgspPrepareScrubberImageIfNeeded` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c and
//! src/nvidia/src/kernel/gpu/gsp/arch/ada/kernel_gsp_ad102.c.

use nova_hw::regs::pgc6::BsiVprSecureScratch15;

use crate::booter;
use crate::error::Error;
use crate::falcon::{Falcon, Kind, Ucode};
use crate::fb::Layout;
use crate::firmware::{FileSet, SCRUBBER};
use crate::io::Io;
use crate::platform::{DmaAllocator, DmaMemory, FirmwareFiles};

/// GFW clears this much at the end of the frame buffer.
const SCRUBBED_BY_GFW: u64 = 256 << 20;

/// Whether a boot with this layout uses more than GFW clears.
pub(crate) fn reaches_beyond_gfw(layout: &Layout) -> bool {
    layout.reserved() > SCRUBBED_BY_GFW
}

/// Loads the program, unless it has run since the GPU was reset.
pub(crate) fn prepare<P>(
    platform: &P,
    io: &Io<'_>,
    falcon: Kind,
    set: FileSet,
) -> Result<Option<Ucode<P::Memory>>, Error>
where
    P: FirmwareFiles + DmaAllocator,
{
    if handoff(io) >= BsiVprSecureScratch15::SCRUBBER_DONE {
        return Ok(None);
    }
    booter::prepare(platform, io, falcon, set, SCRUBBER).map(Some)
}

/// Clears the frame buffer.
pub(crate) fn run<M: DmaMemory>(
    io: &Io<'_>,
    sec2: &Falcon<'_>,
    scrubber: &Ucode<M>,
) -> Result<(), Error> {
    sec2.load(scrubber)?;
    sec2.start_and_wait()?;
    match handoff(io) {
        BsiVprSecureScratch15::SCRUBBER_DONE.. => Ok(()),
        found => Err(Error::Unscrubbed {
            found: found.into(),
        }),
    }
}

/// How far the program has come since the GPU was reset.
fn handoff(io: &Io<'_>) -> u8 {
    io.read::<BsiVprSecureScratch15>().scrubber_handoff()
}

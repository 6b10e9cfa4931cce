// SPDX-License-Identifier: GPL-2.0

//! The scrubber, a signed program on SEC2 that scrubs the part of the frame buffer that GFW does
//! not scrub, if the memory reserved for the GSP includes it.
//!
//! Source: open-gpu-kernel-modules 570, `_kgspPrepareScrubberImageIfNeeded` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c and
//! src/nvidia/src/kernel/gpu/gsp/arch/ada/kernel_gsp_ad102.c.

use nova_hw::regs::pgc6::BsiVprSecureScratch15;
use nova_hw::size::MIB;

use super::booter;
use super::error::Error;
use super::layout::FbLayout;
use crate::chip::FalconKind;
use crate::falcon::{Falcon, Ucode};
use crate::firmware::names::{FileSet, SCRUBBER};
use crate::mmio::Io;
use crate::platform::{DmaAllocator, DmaMemory, FirmwareFiles};

/// Bytes at the end of the frame buffer that GFW scrubs.
const SCRUBBED_BY_GFW: u64 = 256 * MIB;

/// Whether the reserved memory of this layout includes memory that GFW does not scrub.
pub(crate) fn reaches_beyond_gfw(layout: &FbLayout) -> bool {
    layout.reserved() > SCRUBBED_BY_GFW
}

/// Loads the scrubber, unless it has run since the last reset of the GPU.
pub(crate) fn prepare<P>(
    platform: &P,
    io: &Io<'_>,
    falcon: FalconKind,
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

/// Scrubs the frame buffer.
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

/// Progress of the scrubber since the last reset of the GPU.
fn handoff(io: &Io<'_>) -> u8 {
    io.read::<BsiVprSecureScratch15>().scrubber_handoff()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::layout::FbNeeds;
    use crate::falcon::Engine;
    use crate::testing::{Allocator, Card};
    use nova_firmware::falcon::{Layout, Part};

    const SCRATCH: u32 = 0x1180fc;

    fn run_with(handoff: u32) -> Result<(), Error> {
        let card = Card::default();
        card.set(SCRATCH, handoff << 29);
        // Ready for reset, the DMA engine idle, halted.
        card.set(0x8400f4, 1 << 31);
        card.set(0x840118, 1 << 1);
        card.set(0x840100, 1 << 4);
        let part = Part {
            source: 0,
            target: 0,
            len: 0x100,
        };
        let parts = Layout {
            imem_ns: None,
            imem_sec: part,
            dmem: part,
            boot_addr: 0,
        };
        let ucode = Ucode::new(&Allocator::default(), SCRUBBER, &[0; 0x100], parts, None)?;
        let io = &Io::new(&card);
        let ran = run(
            io,
            &Falcon::new(io, FalconKind::Ga102, Engine::Sec2, 0),
            &ucode,
        );
        assert!(card.writes.borrow().contains(&(0x840100, 2)));
        ran
    }

    #[test]
    fn memory_that_gfw_scrubs_needs_no_scrubber() {
        let reaches = |non_wpr_heap: u64| {
            let sizes = FbNeeds {
                fb: 1 << 30,
                vga_workspace: None,
                frts: 0,
                bootloader: 0,
                firmware: 0,
                // The workspace and the metadata take two MiB.
                heap: 0,
                non_wpr_heap,
            };
            reaches_beyond_gfw(&FbLayout::new(&sizes).unwrap())
        };
        assert!(!reaches(254 << 20));
        assert!(reaches((254 << 20) + 1));
    }

    #[test]
    fn the_scratch_register_has_the_scrubbers_result() {
        assert_eq!(run_with(3), Ok(()));
        assert_eq!(run_with(7), Ok(()));
        assert_eq!(run_with(2), Err(Error::Unscrubbed { found: 2 }));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! PGC6: progress of the GFW after reset, size of the frame buffer, and the bit by which SEC2 says
//! that it has handed over to GSP-RM.

use std::ops::Range;
use std::time::Duration;

use nova_hw::regs::pgc6::{
    BsiSecureScratch14, BsiVprSecureScratch15, GfwBoot, GfwBootPrivLevelMask, UsableFbSize,
};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::faults::Fault;
use crate::schedule::Timer;

/// How long the GFW takes; the model's own value.
pub(crate) const GFW: Duration = Duration::from_millis(20);

/// What is set beside the progress when the GFW has completed; what it means is not public.
///
/// Source: NVIDIA's gpu-admin-tools, nvidia_gpu_tools.py (`is_boot_done`), which waits for 0x3ff on
/// Turing, Ampere and Ada; drivers look at the progress only.
const GFW_COMPLETED: u32 = 0x300;

/// The timer of the GFW.
const GFW_DONE: Timer = 0;

/// State of the always-on island.
#[derive(Debug, Default)]
pub(crate) struct Pgc6 {
    /// The GFW does not run.
    pub(crate) is_hung: bool,
    /// SEC2 has handed over to GSP-RM.
    pub(crate) handoff: bool,
    /// The scrubber has cleared all of the frame buffer.
    pub(crate) scrubbed: bool,
}

impl Block for Pgc6 {
    const RANGES: &'static [Range<u32>] = &[0x11_8000..0x11_9000];

    fn new(_: &Parts) -> Self {
        Self::default()
    }

    /// Starts the GFW.
    fn power_on(&mut self, wires: &mut Wires<'_>) {
        wires.set_timer(GFW, GFW_DONE);
    }

    /// The GFW has completed.
    fn elapsed(&mut self, wires: &mut Wires<'_>, _: Timer) {
        if !wires.faults.has(Fault::GfwNeverDone) && !self.is_hung {
            wires.signals.gfw_done = true;
            wires.ended("GFW", GFW);
        }
    }

    /// Until the GFW lowers the mask, reading its progress is a privilege violation.
    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        match offset {
            BsiSecureScratch14::OFFSET => Some(
                BsiSecureScratch14::new()
                    .with_boot_stage_3_handoff(self.handoff)
                    .into(),
            ),
            GfwBootPrivLevelMask::OFFSET => Some(
                GfwBootPrivLevelMask::new()
                    .with_read_protection_level0(wires.signals.gfw_done)
                    .into(),
            ),
            GfwBoot::OFFSET if wires.signals.gfw_done => Some(match wires.faults.gfw_stuck() {
                Some(progress) => GfwBoot::new().with_progress(progress).into(),
                None => GfwBoot::from(GFW_COMPLETED)
                    .with_progress(GfwBoot::COMPLETED)
                    .into(),
            }),
            BsiVprSecureScratch15::OFFSET if wires.chip.has_scrubber() => Some(
                BsiVprSecureScratch15::new()
                    .with_scrubber_handoff(match self.scrubbed {
                        true => BsiVprSecureScratch15::SCRUBBER_DONE,
                        false => 0,
                    })
                    .into(),
            ),
            UsableFbSize::OFFSET if wires.chip.falcons.has_boot_rom() => Some(
                UsableFbSize::new()
                    .with_value((wires.vram.size() >> 20) as u32)
                    .into(),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn progress_cannot_be_read_before_the_mask_allows_it() {
        let (mut card, mut pgc6) = (TestCard::new("ga102"), Pgc6::default());
        pgc6.power_on(&mut card.wires());
        let read = |card: &mut TestCard, offset| card.read(&mut Pgc6::default(), offset);
        assert_eq!(read(&mut card, GfwBootPrivLevelMask::OFFSET), Some(0));
        assert_eq!(read(&mut card, GfwBoot::OFFSET), None);
        card.pass(&mut pgc6);
        assert_eq!(read(&mut card, GfwBootPrivLevelMask::OFFSET), Some(1));
        // What gpu-admin-tools waits for.
        assert_eq!(read(&mut card, GfwBoot::OFFSET), Some(0x3ff));
    }

    #[test]
    fn the_gfw_may_get_stuck() {
        let (mut card, mut pgc6) = (TestCard::new("ga102"), Pgc6::default());
        card.faults.add(Fault::GfwStuck(3));
        pgc6.power_on(&mut card.wires());
        card.pass(&mut pgc6);
        let read = |card: &mut TestCard, offset| card.read(&mut Pgc6::default(), offset);
        assert_eq!(read(&mut card, GfwBootPrivLevelMask::OFFSET), Some(1));
        assert_eq!(read(&mut card, GfwBoot::OFFSET), Some(3));
    }

    #[test]
    fn size_is_in_mebibytes() {
        let mut card = TestCard::with_vram("ga102", 24 << 30);
        let size = card.read(&mut Pgc6::default(), UsableFbSize::OFFSET);
        assert_eq!(size, Some(24 << 10));
    }
}

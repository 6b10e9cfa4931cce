// SPDX-License-Identifier: GPL-2.0

//! A card whose GSP-RM serves a driver, without the boot.

use std::ops::Range;

use nova_hw::abi::GspFwWprMeta;
use nova_hw::gsp::PAGE_SIZE;
use nova_hw::release::Release;

use crate::chips::Chip;
use crate::firmware::Firmwares;
use crate::gpu::{Gpu, Setup};
use crate::gsp_rm::queue::driver::{Driver, PAGES};
use crate::gsp_rm::{GspRm, State};
use crate::machine::in_process::Arena;
use crate::synthetic;
use crate::vram::Vram;
use crate::{Fuses, Trace};

/// The frame buffer: the driver's part, GSP-RM's heap, and WPR2. It is small, so that random
/// addresses meet.
const VRAM: u64 = 16 << 20;
pub(super) const DRIVERS: u64 = 12 << 20;
const HEAP: u64 = 13 << 20;
const HEAP_SIZE: u64 = 0x4000;
pub(super) const WPR2: Range<u64> = 14 << 20..(14 << 20) + 0x1_0000;

/// What WPR2 is filled with.
static SECRET: [u8; (WPR2.end - WPR2.start) as usize] = [0xa5; (WPR2.end - WPR2.start) as usize];

/// A card with a GSP-RM of this release, which has just started.
pub(super) fn card(chip: &'static Chip, release: &'static Release) -> Gpu<Arena> {
    let mut arena = Arena::new();
    let pages = (0..PAGES).map(|_| arena.place(&[0; PAGE_SIZE])).collect();
    let mut driver = Driver::over(arena, pages);
    let mut rm = GspRm::new(release, driver.link().expect("the queues"), 0);
    rm.state = State::Ready;
    let setup = Setup {
        chip,
        vram: Vram::in_process(VRAM),
        bar1: None,
        firmware: Firmwares::load(chip, &synthetic::firmware(chip)).expect("the firmware"),
        // The card has booted, so that none is needed.
        vbios: Some(Vec::new()),
        fuses: Fuses::default(),
        trace: Trace::default(),
    };
    let mut card = Gpu::with_any_vbios(setup, driver.memory);
    card.config_mut().set_bus_master(true);
    card.config_mut().set_msi(true);
    card.vram_mut().write(WPR2.start, &SECRET);
    card.blocks.pfb.wpr2 = Some(WPR2);
    card.blocks.gsp.falcon.riscv.active = true;
    card.programs.meta = Some(GspFwWprMeta {
        fb_size: VRAM,
        gsp_fw_rsvd_start: DRIVERS,
        non_wpr_heap_offset: HEAP,
        non_wpr_heap_size: HEAP_SIZE,
        gsp_fw_wpr_start: WPR2.start,
        gsp_fw_wpr_end: WPR2.end,
        ..GspFwWprMeta::default()
    });
    card.programs.rm = Some(rm);
    card
}

/// Nothing that the driver has the card do changes WPR2.
pub(super) fn check_wpr2(card: &Gpu<Arena>) {
    let mut bytes = vec![0; SECRET.len()];
    card.vram().read(WPR2.start, &mut bytes);
    assert!(bytes == SECRET, "WPR2 has changed");
}

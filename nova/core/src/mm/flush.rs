// SPDX-License-Identifier: GPL-2.0

//! Completion of what the CPU has written through a window.
//!
//! Writes are posted: they may be under way when the CPU goes on. A read has to follow them through
//! the same window, and VRAM has what was written when it is answered. Both windows share the way.
//!
//! Source: open-gpu-kernel-modules 570, `kbusFlushSingle_GV100` in
//! src/nvidia/src/kernel/gpu/bus/arch/volta/kern_bus_gv100.c; Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/bar.c.

use crate::platform::{WindowBar, Windows};

/// Completes what was written, by a read of BAR2, whose start always shows VRAM.
pub(super) fn flush<W: Windows>(windows: &W) {
    windows.read_window(WindowBar::Bar2, 0);
}

// SPDX-License-Identifier: GPL-2.0

//! What the driver writes to have the host process new entries of a ring: GP_PUT in USERD, and the doorbell.

use nova_hw::class::host::userd;

use super::doorbell::Token;
use crate::mm::Piece;
use crate::platform::{Registers, WindowBar, Windows};

/// Where a channel's GP_PUT is, and what its doorbell takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Userd {
    bar: WindowBar,
    /// Offset of GP_PUT in the window.
    gp_put: u64,
    token: Token,
}

impl Userd {
    /// USERD that starts at byte `offset` of a piece of VRAM, which a window shows as long as the piece exists.
    pub fn new(piece: &Piece, offset: u64, token: Token) -> Self {
        debug_assert!(offset.saturating_add(userd::SIZE) <= piece.size());
        let start = piece.offset().saturating_add(offset);
        Self {
            bar: piece.bar(),
            gp_put: start.saturating_add(userd::GP_PUT),
            token,
        }
    }

    /// Tells the host that the entries before this index can be processed. They are written before.
    pub fn put<P: Windows + Registers>(self, platform: &P, gp_put: u32) {
        // Both writes are posted, and reach the GPU in their order.
        platform.write_window32(self.bar, self.gp_put, gp_put);
        self.token.ring(platform);
    }
}

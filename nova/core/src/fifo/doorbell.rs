// SPDX-License-Identifier: GPL-2.0

//! The doorbell, with which the driver tells the host that a channel's ring has new entries.
//!
//! A card may ask GSP-RM for the token of a channel; Linux's driver computes it, and so does this one.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/engine/fifo/tu102.c
//! (`tu102_chan_doorbell_handle`) and nvkm/subdev/gsp/rm/gb20x.c (`gb202_chan_doorbell_handle`).

use nova_hw::class::host::{ChannelClass, WorkSubmitToken};
use nova_hw::regs::usermode::Doorbell;

use crate::platform::Registers;

/// What to write to the doorbell for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(WorkSubmitToken);

impl Token {
    /// The token of the channel with this number on this runlist.
    pub const fn new(class: ChannelClass, runlist: u8, id: u16) -> Self {
        // Only GB20x has other doorbells beside those of runlists.
        let is_gb20x = matches!(class, ChannelClass::BlackwellB);
        let token = WorkSubmitToken::new().with_channel(id & 0xfff);
        Self(
            token
                .with_runlist(runlist & 0x7f)
                .with_runlist_doorbell(is_gb20x),
        )
    }

    /// Rings, after GP_PUT has been written.
    pub fn ring(self, registers: &dyn Registers) {
        let Self(token) = self;
        registers.write32(Doorbell::OFFSET, token.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;

    #[test]
    fn the_doorbell_gets_runlist_and_channel() {
        let card = Card::default();
        for class in [ChannelClass::AmpereA, ChannelClass::BlackwellB] {
            Token::new(class, 2, 0x123).ring(&card);
        }
        let expected = [(0xbb0090, 0x2_0123), (0xbb0090, 0x4002_0123)];
        assert_eq!(*card.writes.borrow(), expected);
    }
}

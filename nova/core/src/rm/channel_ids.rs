// SPDX-License-Identifier: GPL-2.0

//! The numbers of channels, which the driver chooses: GSP-RM takes the number in a channel's
//! parameters, and keeps the first ones for itself.
//!
//! From Ampere on, each runlist has numbers of its own; the driver uses a number once, so that it
//! names a channel by itself.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c
//! (`r535_fifo_runl_ctor`); open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/fifo/kernel_channel.c (`_kchannelSendChannelAllocRpc`).

use nova_hw::release::Release;

/// Numbers that there are.
///
/// Source: as above, `chids` in nouveau.
pub const CHANNELS: usize = 2048;

/// Numbers in a word of the set.
const WORD: usize = u64::BITS as usize;

/// The numbers that are in use.
#[derive(Clone, Debug, Default)]
pub struct ChannelIds {
    used: [u64; CHANNELS / WORD],
}

impl ChannelIds {
    /// Takes the lowest number that is free and that GSP-RM of this release leaves to the driver; `None` if there is none.
    pub fn take(&mut self, release: &Release) -> Option<u16> {
        let reserved = release.reserved_channels;
        let words = (0..).step_by(WORD).zip(&mut self.used);
        for (first, word) in words {
            // The word's numbers that are GSP-RM's.
            let theirs = match reserved.saturating_sub(first) {
                count @ 0..64 => (1_u64 << count).wrapping_sub(1),
                _ => u64::MAX,
            };
            let bit = (*word | theirs).trailing_ones();
            if bit < u64::BITS {
                *word |= 1 << bit;
                return first.checked_add(u16::try_from(bit).ok()?);
            }
        }
        None
    }

    /// Gives a number back.
    pub fn give_back(&mut self, id: u16) {
        let id = usize::from(id);
        let word = self.used.get_mut(id / WORD);
        debug_assert!(word.is_some(), "{id} is not the number of a channel");
        if let Some(word) = word {
            debug_assert!(*word >> (id % WORD) & 1 != 0, "{id} was not in use");
            *word &= !(1 << (id % WORD));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;

    #[test]
    fn the_lowest_free_number_is_taken() {
        for (release, first) in RELEASES.into_iter().zip([1, 0]) {
            let mut ids = ChannelIds::default();
            let all: std::vec::Vec<_> = core::iter::from_fn(|| ids.take(release)).collect();
            assert_eq!(all, (first..2048).collect::<std::vec::Vec<_>>());
            for id in [2047, 64, 63] {
                ids.give_back(id);
            }
            let mut take = || ids.take(release);
            assert_eq!(
                [take(), take(), take(), take()],
                [Some(63), Some(64), Some(2047), None]
            );
        }
    }
}

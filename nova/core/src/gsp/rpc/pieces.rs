// SPDX-License-Identifier: GPL-2.0

//! A payload in pieces: what no message holds whole is continued in *continuation records*, which
//! follow in order, each with the next sequence number.
//!
//! Source: open-gpu-kernel-modules 570, `_issueRpcLarge` in src/nvidia/src/kernel/vgpu/rpc.c.

use core::ops::Range;

use nova_hw::abi::function::CONTINUATION_RECORD;

use crate::gsp::queue::PAYLOAD_MAX;

/// How much of a payload has been sent, or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    len: usize,
    done: usize,
    count: u32,
    ended: bool,
}

impl Pieces {
    /// None of a payload of `len` bytes; even an empty one takes a message.
    pub(crate) fn of(len: usize) -> Self {
        Self {
            len,
            done: 0,
            count: 0,
            ended: false,
        }
    }

    /// Messages that a payload of `len` bytes takes.
    pub(crate) fn count_of(len: usize) -> u32 {
        u32::try_from(len.div_ceil(PAYLOAD_MAX))
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// The function that the next message carries, for the payload of `function`.
    pub(crate) fn function(&self, function: u32) -> u32 {
        match self.count {
            0 => function,
            _ => CONTINUATION_RECORD,
        }
    }

    /// Sequence number of the next message, where the first one has `first`.
    pub(crate) fn sequence(&self, first: u32) -> u32 {
        first.wrapping_add(self.count)
    }

    /// Bytes of the payload that the next message carries.
    pub(crate) fn next(&self) -> Range<usize> {
        self.done..self.len.min(self.done.saturating_add(PAYLOAD_MAX))
    }

    /// The next message has been sent.
    pub(crate) fn sent(&mut self) {
        self.take(PAYLOAD_MAX);
    }

    /// The next message has come with `len` bytes; returns where they go. What is longer than
    /// expected is cut off.
    pub(crate) fn received(&mut self, len: usize) -> Range<usize> {
        let mut place = self.next();
        place.end = place.end.min(place.start.saturating_add(len));
        self.take(len);
        place
    }

    /// Whether it was the last one. A message that could have held more is.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended
    }

    /// Bytes that are done.
    pub(crate) fn done(&self) -> usize {
        self.done
    }

    /// Messages that are done.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    fn take(&mut self, len: usize) {
        self.done = self.len.min(self.done.saturating_add(len));
        self.count = self.count.wrapping_add(1);
        self.ended = len < PAYLOAD_MAX || self.done == self.len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Lengths of the messages for a payload of `len` bytes.
    fn sent(len: usize) -> Vec<usize> {
        let mut pieces = Pieces::of(len);
        let mut lens = Vec::new();
        while !pieces.is_whole() {
            let piece = pieces.next();
            assert_eq!(pieces.sequence(7), 7 + lens.len() as u32);
            assert_eq!(pieces.function(76), if lens.is_empty() { 76 } else { 71 });
            lens.push(piece.len());
            pieces.sent();
        }
        assert_eq!(pieces.done(), len);
        assert_eq!(Pieces::count_of(len), lens.len() as u32);
        lens
    }

    #[test]
    fn every_message_but_the_last_is_full() {
        assert_eq!(sent(0), [0]);
        assert_eq!(sent(1), [1]);
        assert_eq!(sent(PAYLOAD_MAX), [PAYLOAD_MAX]);
        assert_eq!(sent(PAYLOAD_MAX + 1), [PAYLOAD_MAX, 1]);
        assert_eq!(sent(3 * PAYLOAD_MAX), [PAYLOAD_MAX; 3]);
    }

    #[test]
    fn a_message_with_room_left_is_the_last() {
        let mut pieces = Pieces::of(2 * PAYLOAD_MAX);
        assert_eq!(pieces.received(PAYLOAD_MAX), 0..PAYLOAD_MAX);
        assert!(!pieces.is_whole());
        assert_eq!(pieces.received(3), PAYLOAD_MAX..PAYLOAD_MAX + 3);
        assert!(pieces.is_whole());
    }

    #[test]
    fn what_nobody_asked_for_is_cut_off() {
        let mut pieces = Pieces::of(10);
        assert_eq!(pieces.received(PAYLOAD_MAX), 0..10);
        assert!(pieces.is_whole());
        assert_eq!(pieces.received(5), 10..10);
    }
}

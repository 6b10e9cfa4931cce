// SPDX-License-Identifier: GPL-2.0

//! Payloads that do not fit into one message: the rest follows in *continuation records*, in order,
//! each with the next sequence number.
//!
//! Source: open-gpu-kernel-modules 570, `_issueRpcLarge` in src/nvidia/src/kernel/vgpu/rpc.c.

use core::ops::Range;

use nova_hw::abi::function::CONTINUATION_RECORD;

use crate::gsp::queue::PAYLOAD_MAX;

/// State of sending or receiving the fragments of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragments {
    len: usize,
    done: usize,
    count: u32,
    ended: bool,
}

impl Fragments {
    /// The start of a payload of `len` bytes; even an empty one takes a message.
    pub(crate) fn of(len: usize) -> Self {
        Self {
            len,
            done: 0,
            count: 0,
            ended: false,
        }
    }

    /// Number of messages of a payload of `len` bytes.
    pub(crate) fn count_of(len: usize) -> u32 {
        u32::try_from(len.div_ceil(PAYLOAD_MAX))
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Function of the next message for a payload of `function`.
    pub(crate) fn function(&self, function: u32) -> u32 {
        match self.count {
            0 => function,
            _ => CONTINUATION_RECORD,
        }
    }

    /// Sequence number of the next message, if that of the first is `first`.
    pub(crate) fn sequence(&self, first: u32) -> u32 {
        first.wrapping_add(self.count)
    }

    /// Range of the payload in the next message.
    pub(crate) fn next(&self) -> Range<usize> {
        self.done..self.len.min(self.done.saturating_add(PAYLOAD_MAX))
    }

    /// Records that the next message has been sent.
    pub(crate) fn sent(&mut self) {
        self.take(PAYLOAD_MAX);
    }

    /// Records that the next message has arrived with `len` bytes; returns the range of the payload
    /// that it fills. Bytes beyond the expected payload are dropped.
    pub(crate) fn received(&mut self, len: usize) -> Range<usize> {
        let mut place = self.next();
        place.end = place.end.min(place.start.saturating_add(len));
        self.take(len);
        place
    }

    /// Whether the payload is complete. A message that is not full is the last one.
    pub(crate) fn is_complete(&self) -> bool {
        self.ended
    }

    /// Bytes that have been sent or received.
    pub(crate) fn done(&self) -> usize {
        self.done
    }

    /// Messages that have been sent or received.
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
        let mut fragments = Fragments::of(len);
        let mut lens = Vec::new();
        while !fragments.is_complete() {
            let fragment = fragments.next();
            assert_eq!(fragments.sequence(7), 7 + lens.len() as u32);
            assert_eq!(
                fragments.function(76),
                if lens.is_empty() { 76 } else { 71 }
            );
            lens.push(fragment.len());
            fragments.sent();
        }
        assert_eq!(fragments.done(), len);
        assert_eq!(Fragments::count_of(len), lens.len() as u32);
        lens
    }

    #[test]
    fn all_messages_except_the_last_are_full() {
        assert_eq!(sent(0), [0]);
        assert_eq!(sent(1), [1]);
        assert_eq!(sent(PAYLOAD_MAX), [PAYLOAD_MAX]);
        assert_eq!(sent(PAYLOAD_MAX + 1), [PAYLOAD_MAX, 1]);
        assert_eq!(sent(3 * PAYLOAD_MAX), [PAYLOAD_MAX; 3]);
    }

    #[test]
    fn a_message_that_is_not_full_is_the_last() {
        let mut fragments = Fragments::of(2 * PAYLOAD_MAX);
        assert_eq!(fragments.received(PAYLOAD_MAX), 0..PAYLOAD_MAX);
        assert!(!fragments.is_complete());
        assert_eq!(fragments.received(3), PAYLOAD_MAX..PAYLOAD_MAX + 3);
        assert!(fragments.is_complete());
    }

    #[test]
    fn bytes_beyond_the_expected_payload_are_dropped() {
        let mut fragments = Fragments::of(10);
        assert_eq!(fragments.received(PAYLOAD_MAX), 0..10);
        assert!(fragments.is_complete());
        assert_eq!(fragments.received(5), 10..10);
    }
}

// SPDX-License-Identifier: MIT

//! Memory that channels write and wait for.

use igt::nouveau::{Buffer, Client, Place, PAGE};

/// What tests fill memory with that a copy must not change.
pub(crate) const UNTOUCHED: u8 = 0xee;

/// A page of system memory with a semaphore.
pub(crate) fn semaphore_of(client: &Client) -> (Buffer<'_>, u64) {
    client.bound(Place::System, PAGE)
}

/// A word of a buffer in system memory.
pub(crate) fn word(buffer: &Buffer<'_>) -> u32 {
    buffer.memory().get(0)
}

// SPDX-License-Identifier: MIT

//! What both drivers offer to programs.

use std::fs::File;

use igt::memory::Mapped;
use igt::push::{Push, Segment};
use igt::syncobj::{Signal, Syncobj};

/// Bytes of the smallest page.
pub(crate) const PAGE: u64 = 4096;

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    /// In pages of 4 KiB.
    System,
    /// In blocks of 2 MiB, if it has as much.
    Vram,
}

/// A driver, which panics where it refuses something.
pub(crate) trait Driver {
    type Client: Client;

    /// A program: an open file with an address space.
    fn client(&self) -> Self::Client;
}

/// A program.
pub(crate) trait Client {
    type Queue<'a>: Queue
    where
        Self: 'a;
    type BareQueue<'a>
    where
        Self: 'a;
    type Object<'a>
    where
        Self: 'a;

    fn file(&self) -> &File;

    /// A queue of a copy engine, whose jobs may take some seconds.
    fn queue(&self) -> Self::Queue<'_>;

    /// A queue without a buffer for its words.
    fn bare_queue(&self) -> Self::BareQueue<'_>;

    /// An object, which is freed when it is dropped and no address has it.
    fn object(&self, region: Region, size: u64) -> Self::Object<'_>;

    /// Maps an object for the CPU.
    fn map(&self, object: &Self::Object<'_>) -> Mapped;

    /// Addresses that nothing uses, aligned to 2 MiB.
    fn reserve(&self, size: u64) -> u64;

    /// Gives an object an address, in place of what is there.
    fn bind(&self, object: &Self::Object<'_>, address: u64, size: u64);

    /// Takes addresses away.
    fn unbind(&self, address: u64, size: u64);

    /// Nanoseconds of the GPU's clock.
    fn clock(&self) -> u64;

    /// Bytes of VRAM that are in use, by whomever.
    fn vram_used(&self) -> u64;

    /// A sync object without a fence.
    fn syncobj(&self) -> Syncobj<'_> {
        Syncobj::new(self.file()).expect("both drivers have sync objects")
    }
}

/// A queue of a copy engine.
pub(crate) trait Queue {
    /// Words with which a push to the copy engine begins.
    fn push(&self) -> Push;

    /// Puts words where the queue can read them.
    fn place(&self, words: &[u32]) -> Segment;

    /// Gives the queue a job of one push.
    fn exec(&self, segment: Segment, after: &[Signal<'_, '_>], signals: &[Signal<'_, '_>]);
}

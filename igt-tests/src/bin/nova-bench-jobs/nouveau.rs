// SPDX-License-Identifier: MIT

//! Linux's nouveau.

use std::fs::File;

use igt::memory::Mapped;
use igt::nouveau::{Buffer, Channel, Client, Engine, Gpu, Param, Place};
use igt::push::{Push, Segment};
use igt::syncobj::Signal;

use crate::driver::{self, Driver, Region};

impl Driver for Gpu {
    type Client = Client;

    fn client(&self) -> Client {
        Client::new(self)
    }
}

impl driver::Client for Client {
    type Queue<'a> = Channel<'a>;
    type BareQueue<'a> = Channel<'a>;
    type Object<'a> = Buffer<'a>;

    fn file(&self) -> &File {
        self.file()
    }

    fn queue(&self) -> Channel<'_> {
        self.channel(Engine::Copy)
    }

    fn bare_queue(&self) -> Channel<'_> {
        Channel::bare(self, Engine::Copy)
    }

    fn object(&self, region: Region, size: u64) -> Buffer<'_> {
        let place = match region {
            Region::System => Place::System,
            Region::Vram => Place::Vram,
        };
        self.buffer(place, size)
    }

    fn map(&self, object: &Buffer<'_>) -> Mapped {
        object.map()
    }

    fn reserve(&self, size: u64) -> u64 {
        self.reserve(size)
    }

    fn bind(&self, object: &Buffer<'_>, address: u64, size: u64) {
        self.bind_part(object, 0, size, address);
    }

    fn unbind(&self, address: u64, size: u64) {
        self.unbind(address, size);
    }

    fn clock(&self) -> u64 {
        self.param(Param::PtimerTime)
    }

    fn vram_used(&self) -> u64 {
        self.param(Param::VramUsed)
    }
}

impl driver::Queue for Channel<'_> {
    /// The channel has its object already.
    fn push(&self) -> Push {
        Push::new()
    }

    fn place(&self, words: &[u32]) -> Segment {
        self.place(words)
    }

    fn exec(&self, segment: Segment, after: &[Signal<'_, '_>], signals: &[Signal<'_, '_>]) {
        assert_eq!(self.exec(&[segment], after, signals), Ok(()), "EXEC");
    }
}

// SPDX-License-Identifier: MIT

//! Nova.

use std::fs::File;

use igt::memory::Mapped;
use igt::nova::calls::call;
use igt::nova::client::Client;
use igt::nova::object::{self, Object};
use igt::nova::queue::{self, Queue};
use igt::nova::{query_regions, Gpu};
use igt::push::{Push, Segment};
use igt::syncobj::Signal;
use nix::libc;
use nova_uapi as uapi;
use nova_uapi::{GetTime, QueueCreate, VmBindOp};

use crate::driver::{self, Driver, Region};

impl Driver for Gpu {
    type Client = Client;

    fn client(&self) -> Client {
        Client::new(self)
    }
}

/// A queue without a buffer, destroyed when it is dropped.
pub(crate) struct BareQueue<'a>(&'a File, u32);

impl Drop for BareQueue<'_> {
    fn drop(&mut self) {
        assert_eq!(queue::destroy(self.0, self.1), Ok(()), "QUEUE_DESTROY");
    }
}

impl driver::Client for Client {
    type Queue<'a> = Queue<'a>;
    type BareQueue<'a> = BareQueue<'a>;
    type Object<'a> = Object<'a>;

    fn file(&self) -> &File {
        self.file()
    }

    fn queue(&self) -> Queue<'_> {
        self.queue_with(Queue::patient(self.file()))
    }

    fn bare_queue(&self) -> BareQueue<'_> {
        let mut create = QueueCreate {
            vm_id: self.vm_id(),
            ..Queue::COPY
        };
        assert_eq!(call(self.file(), &mut create), Ok(()), "QUEUE_CREATE");
        BareQueue(self.file(), create.queue_id)
    }

    fn object(&self, region: Region, size: u64) -> Object<'_> {
        let id = match region {
            Region::System => object::SYSTEM,
            Region::Vram => object::VRAM,
        };
        Object::new(self.file(), object::mappable_in(id, size))
    }

    fn map(&self, object: &Object<'_>) -> Mapped {
        object.map()
    }

    fn reserve(&self, size: u64) -> u64 {
        self.reserve(size)
    }

    fn bind(&self, object: &Object<'_>, address: u64, size: u64) {
        let bound = self.bind(VmBindOp {
            op: uapi::VM_BIND_OP_MAP,
            handle: object.handle(),
            address,
            size,
            ..VmBindOp::default()
        });
        assert_eq!(bound, Ok(()), "VM_BIND");
    }

    fn unbind(&self, address: u64, size: u64) {
        self.unmap(address, size);
    }

    fn clock(&self) -> u64 {
        let mut time = GetTime {
            clock_id: libc::CLOCK_MONOTONIC as u32,
            ..GetTime::default()
        };
        assert_eq!(call(self.file(), &mut time), Ok(()), "GET_TIME");
        time.gpu_ns
    }

    fn vram_used(&self) -> u64 {
        let regions = query_regions(self.file()).expect("the driver tells regions");
        regions[object::VRAM as usize].used
    }
}

impl driver::Queue for Queue<'_> {
    fn push(&self) -> Push {
        self.push()
    }

    fn place(&self, words: &[u32]) -> Segment {
        self.place(words)
    }

    fn exec(&self, segment: Segment, after: &[Signal<'_, '_>], signals: &[Signal<'_, '_>]) {
        assert_eq!(self.exec(&[segment], after, signals), Ok(()), "EXEC");
    }
}

// SPDX-License-Identifier: MIT

//! What `make bench` measures of the library: calls that NVK makes, on a nova that does nothing and answers at once.

use std::hint::black_box;
use std::os::fd::RawFd;

use nouveau_uapi as nouveau;
use nova_uapi::{
    Array, Engine, GemCreate, GemInfo, GetParam, GetTime, MemoryRegion, QueryLimits, QueryList,
    QueueCreate, Sync, VmCreate, DRIVER_MAJOR, DRIVER_MINOR, DRIVER_NAME, ENGINE_CLASS_GRAPHICS,
    MEMORY_REGION_SYSTEM, MEMORY_REGION_VRAM, QUERY_ENGINES, QUERY_LIMITS, QUERY_MEMORY_REGIONS,
};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

use crate::calls::{answer, is_translated};
use crate::device::{Bind, Device, Errno, Result};
use crate::driver::Driver;
use crate::table::{Known, Table};

/// The descriptor of the file.
const DESCRIPTOR: RawFd = 3;

/// Where the arrays of NVK's calls are in its memory.
const WAITS: u64 = 0;
const SIGNALS: u64 = WAITS + size_of::<nouveau::Sync>() as u64;
const OPERATIONS: u64 = SIGNALS + size_of::<nouveau::Sync>() as u64;

/// A file of nova that NVK has opened, with an address space and a channel that has a queue.
#[derive(Debug)]
pub struct Calls {
    table: Table,
    nova: Idle,
    channel: u32,
}

impl Calls {
    /// Makes the calls that come before those that are measured.
    ///
    /// # Errors
    ///
    /// If the library does not answer them.
    pub fn new() -> Result<Self> {
        let driver = Driver {
            name: DRIVER_NAME.into(),
            major: DRIVER_MAJOR,
            minor: DRIVER_MINOR,
        };
        let table = Table::new();
        table.adopt(DESCRIPTOR, &driver, |_| ());
        let sync = |handle| nouveau::Sync {
            flags: nouveau::SYNC_TIMELINE,
            handle,
            timeline_value: 1,
        };
        let map = nouveau::VmBindOp {
            op: nouveau::OP_MAP,
            handle: 1,
            addr: 1 << 20,
            range: 1 << 12,
            ..nouveau::VmBindOp::default()
        };
        let memory = [[sync(1), sync(2)].as_bytes(), map.as_bytes()].concat();
        let mut calls = Self {
            table,
            nova: Idle { memory },
            channel: 0,
        };
        calls.call(nouveau::VM_INIT, &mut nouveau::VmInit::default())?;
        let mut channel = nouveau::ChannelAlloc {
            fb_ctxdma_handle: u32::MAX,
            tt_ctxdma_handle: nouveau::ENGINE_GRAPHICS,
            ..nouveau::ChannelAlloc::default()
        };
        calls.call(nouveau::CHANNEL_ALLOC, &mut channel)?;
        calls.channel = channel.channel as u32;
        // The first job makes the queue.
        calls.exec()?;
        Ok(calls)
    }

    /// What the library does for an ioctl on the file.
    fn call<T: FromBytes + IntoBytes>(&self, number: u32, argument: &mut T) -> Result {
        let number = black_box(number);
        match is_translated(number).then(|| self.table.find(DESCRIPTOR)) {
            Some(Some(Known::Nova(id))) => {
                answer(&self.table, id, &self.nova, number, argument.as_mut_bytes())
            }
            _ => Err(Errno::NODEV),
        }
    }

    /// An EXEC of a push that waits for a point of a timeline and signals one.
    ///
    /// # Errors
    ///
    /// If the library does not answer it.
    pub fn exec(&self) -> Result {
        let mut argument = nouveau::Exec {
            channel: self.channel,
            push_count: 1,
            push_ptr: 1 << 20,
            wait_count: 1,
            wait_ptr: WAITS,
            sig_count: 1,
            sig_ptr: SIGNALS,
        };
        self.call(nouveau::EXEC, &mut argument)
    }

    /// A VM_BIND that maps an object.
    ///
    /// # Errors
    ///
    /// If the library does not answer it.
    pub fn bind(&self) -> Result {
        let mut argument = nouveau::VmBind {
            op_count: 1,
            op_ptr: OPERATIONS,
            ..nouveau::VmBind::default()
        };
        self.call(nouveau::VM_BIND, &mut argument)
    }
}

/// A nova that does nothing, and the memory of the program.
#[derive(Debug)]
struct Idle {
    memory: Vec<u8>,
}

/// A list of one or two elements, as QUERY writes it.
fn list<T: IntoBytes + Immutable>(elements: &[T]) -> Vec<u8> {
    let head = QueryList {
        count: elements.len() as u32,
        stride: size_of::<T>() as u32,
    };
    [head.as_bytes(), elements.as_bytes()].concat()
}

fn region(id: u32, region_class: u32) -> MemoryRegion {
    let mut region = MemoryRegion::new_zeroed();
    (region.id, region.region_class) = (id, region_class);
    region
}

impl Device for Idle {
    fn query(&self, query: u32, answer: &mut [u8]) -> Result<usize> {
        let bytes = match query {
            QUERY_LIMITS => {
                let mut limits = QueryLimits::new_zeroed();
                (limits.syncs_max, limits.bind_ops_max) = (256, 1024);
                limits.as_bytes().to_vec()
            }
            QUERY_MEMORY_REGIONS => list(&[
                region(0, MEMORY_REGION_SYSTEM),
                region(1, MEMORY_REGION_VRAM),
            ]),
            QUERY_ENGINES => {
                let mut engine = Engine::new_zeroed();
                engine.engine_class = ENGINE_CLASS_GRAPHICS;
                list(&[engine])
            }
            _ => return Err(Errno::INVAL),
        };
        if let Some(answer) = answer.get_mut(..bytes.len()) {
            answer.copy_from_slice(&bytes);
        }
        Ok(bytes.len())
    }

    fn get_param(&self, _: &mut GetParam) -> Result {
        Ok(())
    }

    fn get_time(&self, _: &mut GetTime) -> Result {
        Ok(())
    }

    fn gem_create(&self, _: &mut GemCreate) -> Result {
        Ok(())
    }

    fn gem_info(&self, _: &mut GemInfo) -> Result {
        Ok(())
    }

    fn vm_create(&self, argument: &mut VmCreate) -> Result {
        argument.vm_id = 1;
        Ok(())
    }

    fn vm_destroy(&self, _: u32) -> Result {
        Ok(())
    }

    fn vm_bind(&self, bind: Bind<'_>) -> Result {
        black_box(bind);
        Ok(())
    }

    fn queue_create(&self, argument: &mut QueueCreate) -> Result {
        argument.queue_id = 1;
        Ok(())
    }

    fn queue_destroy(&self, _: u32) -> Result {
        Ok(())
    }

    fn exec(&self, queue_id: u32, pushes: Array, syncs: &[Sync]) -> Result {
        black_box((queue_id, pushes, syncs));
        Ok(())
    }

    fn pci_device(&self) -> Result<u16> {
        Ok(0)
    }

    fn read(&self, pointer: u64, bytes: &mut [u8]) -> Result {
        let array = usize::try_from(pointer)
            .ok()
            .and_then(|at| self.memory.get(at..));
        let array = array.and_then(|array| array.get(..bytes.len()));
        bytes.copy_from_slice(array.ok_or(Errno::FAULT)?);
        Ok(())
    }

    fn write(&self, _: u64, _: &[u8]) -> Result {
        Ok(())
    }

    fn pass_on(&self, _: &mut [u8]) -> Result {
        Ok(())
    }
}

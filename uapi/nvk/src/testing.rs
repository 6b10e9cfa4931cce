// SPDX-License-Identifier: MIT

//! A nova in the test's own process. It notes what it is asked, and has limits as small as the test
//! wants them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use nova_uapi::{
    Array, Engine, GemCreate, GemInfo, GetParam, GetTime, MemoryRegion, QueryDevice, QueryGraphics,
    QueryLimits, QueryList, QueryZcull, QueueCreate, Sync, Text, VmBindOp, VmCreate,
    ENGINE_CLASS_COPY, ENGINE_CLASS_GRAPHICS, MEMORY_REGION_SYSTEM, MEMORY_REGION_VRAM,
    QUERY_DEVICE, QUERY_ENGINES, QUERY_GRAPHICS, QUERY_LIMITS, QUERY_MEMORY_REGIONS, QUERY_ZCULL,
};
use zerocopy::{FromZeros, Immutable, IntoBytes};

use crate::device::{Bind, Device, Errno, Result};

/// What nova was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    VmCreate(VmCreate),
    VmDestroy(u32),
    GemCreate(GemCreate),
    QueueCreate {
        vm_id: u32,
        engine_class: u32,
    },
    QueueDestroy(u32),
    Bind {
        vm_id: u32,
        queue_id: u32,
        ops: Vec<VmBindOp>,
        syncs: Vec<Sync>,
    },
    Exec {
        queue_id: u32,
        pushes: Array,
        syncs: Vec<Sync>,
    },
}

/// Addresses of the program's memory begin here.
const MEMORY: u64 = 0x1_0000;

/// A nova with a GA102.
pub(crate) struct Fake {
    pub(crate) asked: RefCell<Vec<Asked>>,
    /// The errors of the next calls that change something or are passed on; `None` for success.
    pub(crate) errors: RefCell<VecDeque<Option<Errno>>>,
    pub(crate) limits: Cell<QueryLimits>,
    pub(crate) engines: RefCell<Vec<Engine>>,
    /// Bytes that the kernel's elements of a list have behind those that are known.
    pub(crate) newer: Cell<usize>,
    /// What it says of depth culling, if it does.
    pub(crate) zcull: Cell<Option<QueryZcull>>,
    /// What GEM_INFO says.
    pub(crate) object: Cell<GemInfo>,
    memory: RefCell<BTreeMap<u64, Vec<u8>>>,
    next: Cell<u64>,
    next_id: Cell<u32>,
}

pub(crate) const SYSTEM: MemoryRegion = region(0, MEMORY_REGION_SYSTEM, 64 << 30, 0);
pub(crate) const VRAM: MemoryRegion = region(1, MEMORY_REGION_VRAM, 24 << 30, 5 << 20);

const fn region(id: u32, region_class: u32, size: u64, used: u64) -> MemoryRegion {
    MemoryRegion {
        id,
        region_class,
        page_sizes: 1 << 12,
        size,
        used,
        largest_free: 0,
        cpu_visible_size: size,
        cpu_visible_used: 0,
        client_used: 0,
        client_budget: size,
    }
}

pub(crate) const GRAPHICS_CLASSES: [u32; 5] = [0xc797, 0xc7c0, 0x902d, 0xa140, 0xc7b5];

pub(crate) fn engine(engine_class: u32, classes: &[u32]) -> Engine {
    let mut engine = Engine::new_zeroed();
    engine.engine_class = engine_class;
    engine.object_count = classes.len() as u32;
    engine.object_classes[..classes.len()].copy_from_slice(classes);
    engine
}

impl Fake {
    pub(crate) fn new() -> Self {
        let mut limits = QueryLimits::new_zeroed();
        limits.syncs_max = 256;
        limits.bind_ops_max = 1024;
        limits.ring_entries_default = 4096;
        Self {
            asked: RefCell::default(),
            errors: RefCell::default(),
            limits: Cell::new(limits),
            engines: RefCell::new(vec![
                engine(ENGINE_CLASS_COPY, &[0xc7b5]),
                engine(ENGINE_CLASS_GRAPHICS, &GRAPHICS_CLASSES),
            ]),
            newer: Cell::new(0),
            zcull: Cell::new(None),
            object: Cell::new(GemInfo::default()),
            memory: RefCell::default(),
            next: Cell::new(MEMORY),
            next_id: Cell::new(1),
        }
    }

    /// Puts an array into the program's memory; answers with the pointer to it.
    pub(crate) fn place<T: IntoBytes + Immutable>(&self, elements: &[T]) -> u64 {
        let bytes = elements.as_bytes().to_vec();
        let at = self.next.get();
        self.next.set(at + bytes.len() as u64 + 0x1000);
        self.memory.borrow_mut().insert(at, bytes);
        at
    }

    /// Takes what was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Asked> {
        self.asked.take()
    }

    pub(crate) fn fail_with(&self, errors: impl IntoIterator<Item = Option<Errno>>) {
        self.errors.borrow_mut().extend(errors);
    }

    fn note(&self, asked: Asked) -> Result {
        match self.errors.borrow_mut().pop_front().flatten() {
            Some(error) => Err(error),
            None => {
                self.asked.borrow_mut().push(asked);
                Ok(())
            }
        }
    }

    fn id(&self) -> u32 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    fn list<T: IntoBytes + Immutable>(&self, elements: &[T]) -> Vec<u8> {
        let head = QueryList {
            count: elements.len() as u32,
            stride: (size_of::<T>() + self.newer.get()) as u32,
        };
        let mut bytes = head.as_bytes().to_vec();
        for element in elements {
            bytes.extend(element.as_bytes());
            bytes.resize(bytes.len() + self.newer.get(), 0xff);
        }
        bytes
    }
}

/// What the fake says of the GPU.
pub(crate) fn device() -> QueryDevice {
    let mut device = QueryDevice::new_zeroed();
    device.chipset = 0x172;
    device.architecture = 0x17;
    device.revision_major = 0xa;
    device.revision_minor = 1;
    device.vram_size = 24 << 30;
    device.vram_usable = 23 << 30;
    device.name = Text::new(b"NVIDIA GeForce RTX 3090");
    device
}

impl Device for Fake {
    fn query(&self, query: u32, answer: &mut [u8]) -> Result<usize> {
        let bytes = match query {
            QUERY_DEVICE => device().as_bytes().to_vec(),
            QUERY_LIMITS => self.limits.get().as_bytes().to_vec(),
            QUERY_MEMORY_REGIONS => self.list(&[SYSTEM, VRAM]),
            QUERY_ENGINES => self.list(&self.engines.borrow()),
            QUERY_GRAPHICS => {
                let graphics = QueryGraphics {
                    gpc_count: 7,
                    tpc_count: 42,
                    ..QueryGraphics::default()
                };
                graphics.as_bytes().to_vec()
            }
            QUERY_ZCULL => {
                let zcull = self.zcull.get().ok_or(Errno::OPNOTSUPP)?;
                zcull.as_bytes().to_vec()
            }
            _ => return Err(Errno::INVAL),
        };
        if answer.is_empty() {
            return Ok(bytes.len());
        }
        crate::argument::copy(&bytes, answer);
        Ok(bytes.len().min(answer.len()))
    }

    fn get_param(&self, argument: &mut GetParam) -> Result {
        assert_eq!(argument.param, nova_uapi::GETPARAM_VRAM_BAR_SIZE);
        argument.value = 256 << 20;
        Ok(())
    }

    fn get_time(&self, argument: &mut GetTime) -> Result {
        assert_eq!(argument.check(), Ok(()));
        argument.gpu_ns = 123_456;
        Ok(())
    }

    fn gem_create(&self, argument: &mut GemCreate) -> Result {
        assert_eq!(argument.check(&[SYSTEM, VRAM]), Ok(()));
        self.note(Asked::GemCreate(*argument))?;
        argument.handle = self.id();
        argument.page_shift = 16;
        argument.mmap_offset = 0x1000_0000;
        argument.region = VRAM.id;
        Ok(())
    }

    fn gem_info(&self, argument: &mut GemInfo) -> Result {
        let object = self.object.get();
        if argument.handle != object.handle {
            return Err(Errno::NOENT);
        }
        *argument = object;
        Ok(())
    }

    fn vm_create(&self, argument: &mut VmCreate) -> Result {
        self.note(Asked::VmCreate(*argument))?;
        argument.vm_id = self.id();
        Ok(())
    }

    fn vm_destroy(&self, vm_id: u32) -> Result {
        self.note(Asked::VmDestroy(vm_id))
    }

    fn vm_bind(&self, bind: Bind<'_>) -> Result {
        for op in bind.ops {
            assert_eq!(nova_uapi::Element::check(op), Ok(()), "{op:?}");
        }
        let limits = self.limits.get();
        assert!(bind.ops.len() <= limits.bind_ops_max as usize);
        check(bind.syncs, &limits);
        self.note(Asked::Bind {
            vm_id: bind.vm_id,
            queue_id: bind.queue_id,
            ops: bind.ops.to_vec(),
            syncs: bind.syncs.to_vec(),
        })
    }

    fn queue_create(&self, argument: &mut QueueCreate) -> Result {
        assert_eq!(argument.check(), Ok(()));
        self.note(Asked::QueueCreate {
            vm_id: argument.vm_id,
            engine_class: argument.engine_class,
        })?;
        argument.queue_id = self.id();
        Ok(())
    }

    fn queue_destroy(&self, queue_id: u32) -> Result {
        self.note(Asked::QueueDestroy(queue_id))
    }

    fn exec(&self, queue_id: u32, pushes: Array, syncs: &[Sync]) -> Result {
        assert!(pushes.check::<nova_uapi::Push>(u32::MAX).is_ok());
        check(syncs, &self.limits.get());
        self.note(Asked::Exec {
            queue_id,
            pushes,
            syncs: syncs.to_vec(),
        })
    }

    fn pci_device(&self) -> Result<u16> {
        Ok(0x2204)
    }

    fn read(&self, pointer: u64, bytes: &mut [u8]) -> Result {
        let memory = self.memory.borrow();
        let (start, array) = memory.range(..=pointer).next_back().ok_or(Errno::FAULT)?;
        let array = array
            .get((pointer - start) as usize..)
            .ok_or(Errno::FAULT)?;
        bytes.copy_from_slice(array.get(..bytes.len()).ok_or(Errno::FAULT)?);
        Ok(())
    }

    fn write(&self, pointer: u64, bytes: &[u8]) -> Result {
        let mut memory = self.memory.borrow_mut();
        let array = memory.get_mut(&pointer).ok_or(Errno::FAULT)?;
        array
            .get_mut(..bytes.len())
            .ok_or(Errno::FAULT)?
            .copy_from_slice(bytes);
        Ok(())
    }

    fn pass_on(&self, _: &mut [u8]) -> Result {
        match self.errors.borrow_mut().pop_front().flatten() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

fn check(syncs: &[Sync], limits: &QueryLimits) {
    assert!(syncs.len() <= limits.syncs_max as usize);
    for sync in syncs {
        assert_eq!(nova_uapi::Element::check(sync), Ok(()), "{sync:?}");
    }
}

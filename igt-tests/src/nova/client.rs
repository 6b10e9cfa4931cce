// SPDX-License-Identifier: MIT

//! A program of the GPU: an address space, objects that are mapped there, and queues.

use std::cell::Cell;
use std::fs::File;
use std::ops::Range;
use std::rc::Rc;

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Engine, VmBind, VmBindOp, VmCreate, VmDestroy};

use super::calls::{array, call};
use super::object::{self, Object};
use super::{query_engines, Gpu};
use crate::memory::Mapped;
use crate::syncobj::Syncobj;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// The first address that a client gives out.
const FIRST_ADDRESS: u64 = 4 << 30;

/// Bytes to which addresses are aligned, and that are free between two ranges.
const APART: u64 = 2 << 20;

/// An operation that maps an object from its start on.
pub fn map(handle: u32, address: u64, size: u64) -> VmBindOp {
    VmBindOp {
        op: uapi::VM_BIND_OP_MAP,
        handle,
        address,
        size,
        ..VmBindOp::default()
    }
}

/// An open file with an address space.
#[derive(Debug)]
pub struct Client {
    file: Rc<File>,
    vm_id: u32,
    kernel: Range<u64>,
    engines: Vec<Engine>,
    next_address: Cell<u64>,
}

impl Client {
    /// A client with a file of its own.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(gpu: &Gpu) -> Self {
        let made = Self::of(Rc::new(gpu.open_render()));
        made.unwrap_or_else(|error| panic!("an address space: {error}"))
    }

    /// A client with another address space of the same file.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn beside(&self) -> Self {
        let made = Self::of(Rc::clone(&self.file));
        made.unwrap_or_else(|error| panic!("another address space: {error}"))
    }

    /// A client with this file.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn with(file: File) -> Result<Self, Errno> {
        Self::of(Rc::new(file))
    }

    fn of(file: Rc<File>) -> Result<Self, Errno> {
        let mut create = VmCreate::default();
        call(&file, &mut create)?;
        Ok(Self {
            vm_id: create.vm_id,
            kernel: create.kernel_start..create.kernel_start + create.kernel_size,
            engines: query_engines(&file)?,
            next_address: Cell::new(FIRST_ADDRESS),
            file,
        })
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The id of the address space.
    pub fn vm_id(&self) -> u32 {
        self.vm_id
    }

    /// The kernel's range in the address space.
    pub fn kernel(&self) -> Range<u64> {
        self.kernel.clone()
    }

    /// The copy engines.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn copy_engines(&self) -> Vec<Engine> {
        let copies = |engine: &&Engine| engine.engine_class == uapi::ENGINE_CLASS_COPY;
        let engines: Vec<_> = self.engines.iter().filter(copies).copied().collect();
        assert!(!engines.is_empty(), "no copy engine: {:?}", self.engines);
        engines
    }

    /// A sync object without a fence.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn syncobj(&self) -> Syncobj<'_> {
        Syncobj::new(&self.file).expect("the driver has sync objects")
    }

    /// Addresses that nothing uses.
    ///
    /// # Panics
    ///
    /// If there are none left below the kernel's range.
    pub fn reserve(&self, size: u64) -> u64 {
        let step = size.next_multiple_of(APART) + APART;
        let address = self.next_address.get();
        assert!(address + step <= self.kernel.start, "no more addresses");
        self.next_address.replace(address + step)
    }

    /// Changes mappings.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn bind(&self, op: VmBindOp) -> Result<(), Errno> {
        let ops = [op];
        let mut bind = VmBind {
            vm_id: self.vm_id,
            ops: array(&ops),
            ..VmBind::default()
        };
        call(&self.file, &mut bind)
    }

    /// Maps so many bytes of the object that the file knows as `handle`; returns the address.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn bind_object(&self, handle: u32, size: u64) -> u64 {
        let address = self.reserve(size);
        let bound = self.bind(map(handle, address, size));
        assert_eq!(bound, Ok(()), "{size:#x} bytes of object {handle}");
        address
    }

    /// Unmaps a range.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn unmap(&self, address: u64, size: u64) {
        let unmapped = self.bind(VmBindOp {
            op: uapi::VM_BIND_OP_UNMAP,
            address,
            size,
            ..VmBindOp::default()
        });
        assert_eq!(unmapped, Ok(()), "{size:#x} bytes at {address:#x}");
    }

    /// An object in system memory that is mapped at an address.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn bound(&self, size: u64) -> Buffer<'_> {
        match self.try_bound(size, 0) {
            Ok(buffer) => buffer,
            Err(error) => panic!("an object of {size:#x} bytes: {error}"),
        }
    }

    /// An object in system memory that is mapped at an address, with these flags of a mapping.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn try_bound(&self, size: u64, flags: u32) -> Result<Buffer<'_>, Errno> {
        let size = size.next_multiple_of(PAGE);
        let object = Object::try_new(&self.file, object::mappable(size))?;
        let memory = object.try_map(0, size as usize)?;
        let address = self.reserve(size);
        self.bind(VmBindOp {
            flags,
            ..map(object.handle(), address, size)
        })?;
        Ok(Buffer {
            object,
            memory,
            address,
        })
    }

    /// Destroys the address space.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn destroy_vm(&self) -> Result<(), Errno> {
        let mut destroy = VmDestroy {
            vm_id: self.vm_id,
            pad: 0,
        };
        call(&self.file, &mut destroy)
    }
}

/// An object in system memory that is mapped at an address, and for the CPU.
#[derive(Debug)]
pub struct Buffer<'a> {
    object: Object<'a>,
    /// Its memory, as the CPU sees it.
    pub memory: Mapped,
    /// Its address.
    pub address: u64,
}

impl Buffer<'_> {
    /// The object's handle.
    pub fn handle(&self) -> u32 {
        self.object.handle()
    }

    /// See [`Object::set_label`].
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn set_label(&self, label: &[u8]) -> Result<(), Errno> {
        self.object.set_label(label)
    }

    /// Its first word, as a semaphore.
    pub fn word(&self) -> u32 {
        self.memory.get(0)
    }

    /// Sets its first word.
    pub fn set_word(&self, word: u32) {
        self.memory.set(0, word);
    }
}

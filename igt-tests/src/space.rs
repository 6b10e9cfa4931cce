// SPDX-License-Identifier: MIT

//! Address spaces of a file, objects that are mapped there, and what the mocked GPU finds at their
//! addresses.

use std::fs::File;
use std::ops::Range;

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{VmBind, VmBindOp, VmCreate, VmDestroy};

use crate::memory::Mapped;
use crate::mock::Mock;
use crate::nova::calls::{array, call, call_with};
use crate::nova::object::{self, Object};

/// Bytes of the smallest page.
pub const PAGE: u64 = 4096;

/// What a word at an address is: the word, or the kind of the fault.
pub type Found = Result<u64, String>;

/// An object, each page of which starts with a word of its own.
#[derive(Debug)]
pub struct Filled<'a> {
    /// `None` once its handle is closed.
    object: Option<Object<'a>>,
    /// Its handle.
    pub handle: u32,
    /// Its memory, as the CPU sees it.
    pub memory: Mapped,
    seed: u64,
}

impl<'a> Filled<'a> {
    /// Creates an object of so many pages in system memory, whose words begin with `seed`.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(file: &'a File, pages: u64, seed: u32) -> Self {
        Self::within(file, object::SYSTEM, pages, seed)
    }

    /// As [`Self::new`], in that region.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn within(file: &'a File, region: u32, pages: u64, seed: u32) -> Self {
        let object = Object::new(file, object::mappable_in(region, pages * PAGE));
        let filled = Self {
            handle: object.handle(),
            memory: object.map(),
            object: Some(object),
            seed: u64::from(seed) << 32,
        };
        for page in 0..pages {
            filled.memory.set((page * PAGE) as usize, filled.word(page));
        }
        filled
    }

    /// The word at the start of a page.
    pub fn word(&self, page: u64) -> u64 {
        self.seed | page
    }

    /// Closes its handle.
    pub fn close(&mut self) {
        self.object = None;
    }
}

/// An operation that maps pages of an object, from number `first` on.
pub fn map(object: &Filled<'_>, first: u64, address: u64, pages: u64) -> VmBindOp {
    VmBindOp {
        op: uapi::VM_BIND_OP_MAP,
        handle: object.handle,
        offset: first * PAGE,
        address,
        size: pages * PAGE,
        ..VmBindOp::default()
    }
}

/// An operation that makes pages sparse.
pub fn sparse(address: u64, pages: u64) -> VmBindOp {
    VmBindOp {
        op: uapi::VM_BIND_OP_MAP_SPARSE,
        address,
        size: pages * PAGE,
        ..VmBindOp::default()
    }
}

/// An operation that unmaps pages.
pub fn unmap(address: u64, pages: u64) -> VmBindOp {
    VmBindOp {
        op: uapi::VM_BIND_OP_UNMAP,
        ..sparse(address, pages)
    }
}

/// An operation that unmaps an object.
pub fn unmap_object(object: &Filled<'_>) -> VmBindOp {
    VmBindOp {
        op: uapi::VM_BIND_OP_UNMAP_OBJECT,
        handle: object.handle,
        ..VmBindOp::default()
    }
}

/// The address spaces that GSP-RM has, of all drivers: `client=… space=…`.
///
/// # Panics
///
/// If the mock does not answer.
pub fn spaces(mock: &Mock) -> Vec<String> {
    let objects = mock.objects().expect("the mock lists objects");
    let spaces = objects
        .iter()
        .filter(|line| line.ends_with(" name=FERMI_VASPACE_A"));
    let named = |line: &String| {
        let mut fields = line.split(' ');
        let client = fields.find(|field| field.starts_with("client="))?;
        let handle = fields.find_map(|field| field.strip_prefix("handle="))?;
        Some(format!("{client} space={handle}"))
    };
    spaces.filter_map(named).collect()
}

/// An address space of a file.
#[derive(Debug)]
pub struct Space<'a> {
    file: &'a File,
    mock: &'a Mock,
    /// Its id.
    pub id: u32,
    /// The kernel's own range.
    pub kernel: Range<u64>,
    /// How the mock calls it.
    name: String,
}

impl<'a> Space<'a> {
    /// Creates an address space, with the kernel's range where the kernel likes it.
    ///
    /// # Panics
    ///
    /// If the driver refuses that, or GSP-RM has no new address space then.
    pub fn new(file: &'a File, mock: &'a Mock) -> Self {
        let before = spaces(mock);
        let mut create = VmCreate::default();
        assert_eq!(call(file, &mut create), Ok(()));
        let mut space = Self {
            file,
            mock,
            id: create.vm_id,
            kernel: create.kernel_start..create.kernel_start + create.kernel_size,
            name: String::new(),
        };
        space.find(&before);
        space
    }

    /// Finds out how the mock calls it now: the address space that was not there before.
    ///
    /// # Panics
    ///
    /// If there is not exactly one.
    pub fn find(&mut self, before: &[String]) {
        let mut new = spaces(self.mock);
        new.retain(|space| !before.contains(space));
        assert_eq!(new.len(), 1, "new address spaces of GSP-RM: {new:?}");
        self.name = new.remove(0);
    }

    /// Makes changes.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    ///
    /// # Panics
    ///
    /// If the argument was changed.
    pub fn try_bind(&self, ops: &[VmBindOp]) -> Result<(), Errno> {
        let asked = VmBind {
            vm_id: self.id,
            ops: array(ops),
            ..VmBind::default()
        };
        call_with(self.file, asked)
    }

    /// Makes changes.
    ///
    /// # Panics
    ///
    /// If that fails.
    #[track_caller]
    pub fn bind(&self, ops: &[VmBindOp]) {
        let (count, first) = (ops.len(), &ops[..ops.len().min(8)]);
        assert_eq!(self.try_bind(ops), Ok(()), "{count}: {first:x?}");
    }

    /// Destroys it.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn destroy(&self) -> Result<(), Errno> {
        let mut destroy = VmDestroy {
            vm_id: self.id,
            pad: 0,
        };
        call(self.file, &mut destroy)
    }

    /// What the GPU reads at an address.
    ///
    /// # Panics
    ///
    /// If the mock does not answer.
    pub fn peek(&self, address: u64) -> Found {
        let answer = self.ask(&format!("peek {} address={address:#x}", self.name));
        match answer
            .strip_prefix("0x")
            .map(|word| u64::from_str_radix(word, 16))
        {
            Some(Ok(word)) => Ok(word),
            _ => Err(fault(&answer)),
        }
    }

    /// The kind of the page at an address.
    ///
    /// # Errors
    ///
    /// The kind of the fault.
    ///
    /// # Panics
    ///
    /// If the mock does not answer, or the page is sparse.
    pub fn kind(&self, address: u64) -> Result<u8, String> {
        let answer = self.ask(&format!("page {} address={address:#x}", self.name));
        match answer.split_once(" kind=0x") {
            Some((_, kind)) => Ok(u8::from_str_radix(kind, 16).expect("a number")),
            None => Err(fault(&answer)),
        }
    }

    /// Has the GPU write at an address.
    ///
    /// # Errors
    ///
    /// The kind of the fault.
    ///
    /// # Panics
    ///
    /// If the mock does not answer.
    pub fn poke(&self, address: u64, value: u64) -> Result<(), String> {
        let command = format!("poke {} address={address:#x} value={value:#x}", self.name);
        match self.ask(&command) {
            answer if answer == "ok" => Ok(()),
            answer => Err(fault(&answer)),
        }
    }

    fn ask(&self, command: &str) -> String {
        match self.mock.ask(command) {
            Ok(answer) => answer,
            Err(error) => panic!("{command}: {error}"),
        }
    }

    /// Asserts that pages of an object are at an address, from number `first` on.
    ///
    /// # Panics
    ///
    /// If one is not.
    #[track_caller]
    pub fn has(&self, address: u64, object: &Filled<'_>, first: u64, pages: u64) {
        for page in 0..pages {
            let at = address + page * PAGE;
            assert_eq!(self.peek(at), Ok(object.word(first + page)), "at {at:#x}");
        }
    }

    /// Asserts that pages are of a kind.
    ///
    /// # Panics
    ///
    /// If one is not.
    #[track_caller]
    pub fn has_kind(&self, address: u64, kind: u8, pages: u64) {
        for page in 0..pages {
            let at = address + page * PAGE;
            assert_eq!(self.kind(at), Ok(kind), "at {at:#x}");
        }
    }

    /// Asserts that nothing is mapped at pages.
    ///
    /// # Panics
    ///
    /// If something is.
    #[track_caller]
    pub fn has_nothing(&self, address: u64, pages: u64) {
        for page in 0..pages {
            let at = address + page * PAGE;
            let found = self.peek(at);
            let is_invalid = matches!(&found, Err(kind) if kind == "Pte" || kind == "Pde");
            assert!(is_invalid, "{found:x?} at {at:#x}");
        }
    }
}

/// The kind of the fault that the mock answers.
fn fault(answer: &str) -> String {
    match answer.strip_prefix("fault: ") {
        Some(kind) => kind.to_owned(),
        None => panic!("the mock answers {answer:?}"),
    }
}

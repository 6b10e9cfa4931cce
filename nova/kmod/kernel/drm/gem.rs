// SPDX-License-Identifier: GPL-2.0

//! GEM objects: what files know by handles, and what a driver keeps with each.
//!
//! `kernel::drm::gem` is missing where DRM is a module. What an object is made of is in `pages.rs`, what the CPU maps
//! of it in `mmap.rs`, and in `fault.rs` if it is not system memory, what other drivers get in `prime.rs`, what they
//! give in `import.rs`, what devices read and write in `dma.rs`, and the objects of a file in `list.rs`.

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::bindings;
use kernel::error::to_result;
use kernel::page::{Page, PAGE_SHIFT};
use kernel::prelude::*;
use kernel::sync::SetOnce;
use kernel::types::Opaque;

use super::device::{Device, Driver};
use super::ioctl::File;
use super::shim;

pub mod dma;
pub mod fault;
pub mod import;
pub mod list;
mod mmap;
mod pages;
mod prime;
pub mod reservation;

use import::Import;
use pages::Pages;
use reservation::Reservation;

pub(super) use import::{import, import_table};
pub(super) use mmap::mmap;

/// Memory of a GEM object.
#[pin_data]
#[repr(C)]
struct Memory<D: Driver> {
    #[pin]
    object: Opaque<bindings::drm_gem_object>,
    /// The pages of an object in system memory.
    #[pin]
    pages: Pages,
    /// Where the device sees the memory of an imported object.
    import: Option<Import>,
    /// What the CPU sees of another object while its memory cannot be seen.
    dummy: SetOnce<Page>,
    #[pin]
    data: D::Object,
}

/// A reference to a GEM object.
///
/// # Invariants
///
/// The object is initialized, it is the first field of a `Memory<D>` of a `Device<D>`, and the reference is held.
#[repr(transparent)]
pub struct Object<D: Driver> {
    object: NonNull<bindings::drm_gem_object>,
    _driver: PhantomData<D>,
}

// SAFETY: Any thread may use and release GEM objects, and what drivers keep with them is `Send` and `Sync`.
unsafe impl<D: Driver> Send for Object<D> {}

// SAFETY: As above.
unsafe impl<D: Driver> Sync for Object<D> {}

/// What an object is made of.
pub enum Backing {
    /// What the driver knows, and shows to the CPU by [`Driver::fault`].
    Driver,
    /// Pages of system memory.
    System,
    /// Memory of another driver, which lends its reservation lock, too.
    Import(Import),
}

impl<D: Driver> Object<D> {
    const FUNCTIONS: bindings::drm_gem_object_funcs = bindings::drm_gem_object_funcs {
        free: Some(free::<D>),
        export: Some(prime::export::<D>),
        pin: Some(prime::pin::<D>),
        get_sg_table: Some(prime::sg_table::<D>),
        mmap: Some(mmap::mmap_object::<D>),
        vm_ops: &Self::VM_OPERATIONS,
        ..pin_init::zeroed()
    };

    /// Takes over a reference, if there is an object.
    ///
    /// # Safety
    ///
    /// The reference is the caller's, to an initialized object of a `Device<D>`.
    unsafe fn from_raw(object: *mut bindings::drm_gem_object) -> Option<Self> {
        // INVARIANT: The caller promises so. All objects of a `Device<D>` are made by `new`.
        Some(Self {
            object: NonNull::new(object)?,
            _driver: PhantomData,
        })
    }

    /// The object of a reference that somebody else holds.
    ///
    /// # Safety
    ///
    /// The place must have a reference to an initialized object of a device of `D`, and keep it for `'a`.
    pub(super) unsafe fn from_pointer<'a>(place: *const *mut bindings::drm_gem_object) -> &'a Self {
        // SAFETY: The caller promises so; an `Object` is nothing but such a pointer.
        unsafe { &*place.cast() }
    }

    /// Makes an object of `size` bytes, which are whole pages.
    ///
    /// The CPU may map it or not. It has a reservation lock of its own, or shares one, to which `data` must have a
    /// reference.
    ///
    /// The caller's memory cgroup is charged for the structure, and whoever makes the pages be allocated for those.
    pub fn new(
        device: &Device<D>,
        size: usize,
        backing: Backing,
        cpu_access: bool,
        reservation: Option<&Reservation<D>>,
        data: impl PinInit<D::Object, Error>,
    ) -> Result<Self> {
        let (has_pages, import) = match backing {
            Backing::Driver => (false, None),
            Backing::System => (true, None),
            Backing::Import(import) => (false, Some(import)),
        };
        let memory = KBox::try_pin_init(
            try_pin_init!(Memory::<D> {
                object: Opaque::zeroed(),
                pages <- Pages::new(),
                import,
                dummy: SetOnce::new(),
                data <- data,
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        // SAFETY: It is not moved out of: `free` puts it back into a box, to be dropped in place.
        let memory = KBox::into_raw(unsafe { Pin::into_inner_unchecked(memory) });
        let object = memory.cast::<bindings::drm_gem_object>();
        // SAFETY: It is zeroed, and nobody else's.
        unsafe {
            (*object).funcs = &Self::FUNCTIONS;
            if let Some(reservation) = reservation {
                (*object).resv = (*reservation.as_raw()).resv;
            }
        }
        if has_pages {
            // SAFETY: As above. The device lives as long as its objects: files and dma-bufs, which have them, hold it.
            let made =
                to_result(unsafe { bindings::drm_gem_object_init(device.as_raw(), object, size) });
            if let Err(error) = made {
                // SAFETY: Where it fails, it has made a private object, which nobody has seen.
                unsafe { bindings::drm_gem_private_object_fini(object) };
                // SAFETY: The memory came from a box.
                drop(unsafe { KBox::from_raw(memory) });
                return Err(error);
            }
            // SAFETY: The object has a file of shmem.
            unsafe { shim::gem_pin_gfp(object) };
        } else {
            // SAFETY: As above.
            unsafe { bindings::drm_gem_private_object_init(device.as_raw(), object, size) };
        }
        // SAFETY: An initialized object has one reference, which is this one.
        let made = unsafe { Self::from_raw(object) }.ok_or(ENOMEM)?;
        if cpu_access {
            // SAFETY: The object is initialized.
            to_result(unsafe { bindings::drm_gem_create_mmap_offset(object) })?;
        }
        Ok(made)
    }

    /// The object that `file` knows as `handle`.
    ///
    /// # Errors
    ///
    /// `ENOENT` where it knows none.
    pub fn lookup(file: &File<'_, D>, handle: u32) -> Result<Self> {
        // SAFETY: The file is open.
        let object = unsafe { bindings::drm_gem_object_lookup(file.as_raw(), handle) };
        // SAFETY: The look-up took a reference, if there is an object, and the file is one of a `D`.
        unsafe { Self::from_raw(object) }.ok_or(ENOENT)
    }

    /// Has `file` know the object by a new handle.
    pub fn create_handle(&self, file: &File<'_, D>) -> Result<u32> {
        let mut handle = 0;
        // SAFETY: The file is open, and the object initialized.
        to_result(unsafe {
            bindings::drm_gem_handle_create(file.as_raw(), self.as_raw(), &mut handle)
        })?;
        Ok(handle)
    }

    /// The C side of it.
    pub fn as_raw(&self) -> *mut bindings::drm_gem_object {
        self.object.as_ptr()
    }

    fn memory(&self) -> &Memory<D> {
        // SAFETY: By the invariant; it lives as long as the reference is held.
        unsafe { memory(self.as_raw()) }
    }

    /// What the driver keeps with it.
    pub fn data(&self) -> &D::Object {
        &self.memory().data
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        // SAFETY: The object is initialized; its size never changes.
        unsafe { (*self.as_raw()).size }
    }

    /// The offset in the device's file at which the CPU maps it, if it may.
    pub fn mmap_offset(&self) -> Option<u64> {
        // SAFETY: The object is initialized. Its place is set before anybody else sees it, and stays.
        let first = unsafe { (*self.as_raw()).vma_node.vm_node.start };
        // 0 is no place: DRM_FILE_PAGE_OFFSET_START is above it.
        (first != 0).then_some(first << PAGE_SHIFT)
    }

    /// Whether it is another driver's memory.
    pub fn is_imported(&self) -> bool {
        self.memory().import.is_some()
    }

    /// Whether its pages have been allocated, or are another driver's, which keeps them.
    pub fn is_resident(&self) -> bool {
        self.is_imported() || self.memory().pages.get().is_some()
    }

    /// Whether it has been exported as a dma-buf. That stays so while it has a handle. An imported object is not.
    pub fn is_exported(&self) -> bool {
        // SAFETY: The object is initialized.
        !self.is_imported() && unsafe { shim::gem_is_exported(self.as_raw()) }
    }

    /// Whether more than one file may have it.
    pub fn is_shared(&self) -> bool {
        // SAFETY: The object is initialized.
        unsafe { shim::gem_is_shared(self.as_raw()) }
    }

    /// Whether a job that uses it has not ended.
    pub fn is_active(&self) -> bool {
        // SAFETY: The object is initialized, and so is its reservation object.
        unsafe {
            !bindings::dma_resv_test_signaled(
                (*self.as_raw()).resv,
                bindings::dma_resv_usage_DMA_RESV_USAGE_BOOKKEEP,
            )
        }
    }
}

/// The memory of an object.
///
/// # Safety
///
/// The object is one of a `Device<D>`, initialized, and lives for `'a`.
unsafe fn memory<'a, D: Driver>(object: *mut bindings::drm_gem_object) -> &'a Memory<D> {
    // SAFETY: As the caller promises; the object is the first field of a `repr(C)` structure that `Object::new` made.
    unsafe { &*object.cast() }
}

impl<D: Driver> Clone for Object<D> {
    fn clone(&self) -> Self {
        // SAFETY: A reference is held.
        unsafe { get(self.as_raw()) };
        // INVARIANT: The reference has just been taken.
        Self {
            object: self.object,
            _driver: PhantomData,
        }
    }
}

impl<D: Driver> Drop for Object<D> {
    fn drop(&mut self) {
        // SAFETY: The reference is held, and not used again.
        unsafe { put::<D>(self.object.as_ptr()) };
    }
}

/// Takes a reference to an object. This is `drm_gem_object_get()`, an inline function without a binding.
///
/// # Safety
///
/// There must be a reference already.
pub(super) unsafe fn get(object: *mut bindings::drm_gem_object) {
    // SAFETY: The caller promises so.
    unsafe { bindings::refcount_inc(&raw mut (*object).refcount.refcount) };
}

/// Gives up a reference to an object. This is `drm_gem_object_put()`, an inline function without a binding. It is
/// generic so that it is instantiated in nova-drm.ko, like all that calls DRM.
///
/// # Safety
///
/// The reference must be the caller's, to an initialized object, and not be used again.
pub(super) unsafe fn put<D: Driver>(object: *mut bindings::drm_gem_object) {
    // SAFETY: The caller promises so.
    let count = unsafe { &raw mut (*object).refcount };
    // SAFETY: As above.
    if unsafe { bindings::refcount_dec_and_test(&raw mut (*count).refcount) } {
        // SAFETY: That was the last one.
        unsafe { bindings::drm_gem_object_free(count) };
    }
}

/// # Safety
///
/// For DRM to call when the last reference to an object of [`Object::new`] is gone, made on a device of
/// the driver `D`.
unsafe extern "C" fn free<D: Driver>(object: *mut bindings::drm_gem_object) {
    {
        // SAFETY: The object is of a `Device<D>`, which lives as long as its objects.
        let (memory, device) =
            unsafe { (memory::<D>(object), Device::<D>::from_raw((*object).dev)) };
        // Devices must not reach the pages any more when these are freed.
        device.dma_mappings().remove(object);
        // SAFETY: That was the last reference to the object.
        unsafe { device.imports().remove(object) };
        // SAFETY: Nobody uses them any more: mappings of the CPU and dma-bufs would hold the object.
        unsafe { memory.put_pages() };
    }
    // SAFETY: Nobody else uses the object any more.
    unsafe { bindings::drm_gem_object_release(object) };
    // SAFETY: The memory came from a box of this type.
    drop(unsafe { KBox::from_raw(object.cast::<Memory<D>>()) });
}

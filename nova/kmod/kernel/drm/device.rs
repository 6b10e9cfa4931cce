// SPDX-License-Identifier: GPL-2.0

//! DRM devices whose parent is a device of any bus.
//!
//! `kernel::drm` is missing where DRM is a module (as in distributions).

use core::cell::UnsafeCell;
use core::ops::Deref;
use core::ptr::{self, NonNull};

use kernel::bindings;
use kernel::device::{self, Bound};
use kernel::error::{from_err_ptr, to_result};
use kernel::module::{this_module, ModuleMetadata};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::str::as_char_ptr_in_const_context;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::types::{ForeignOwnable, Opaque};

use super::debugfs;
use super::fdinfo::{self, EngineStats, MemoryStats};
use super::gem::{self, dma::Mappings, fault::Fault, import::Imports};
use super::ioctl::{self, Entry, File};

/// A render driver.
pub trait Driver: Sized + 'static {
    /// What lives as long as the device: until the last of its files is closed.
    type Data: Send + Sync + 'static;

    /// What lives as long as the device is plugged in, and may borrow from its parent: it is lent to whoever
    /// has [entered](Device::enter) the device.
    type RegistrationData<'a>: Send + Sync + 'a;

    /// What belongs to each open file; dropped when it is closed.
    type FileData: Send + Sync + 'static;

    /// What belongs to each GEM object; dropped with it.
    type Object: Send + Sync + 'static;

    /// What belongs to each mapping in an address space, and to each part of it if it is split.
    type Mapping: Copy + Default + Send + Sync + 'static;

    /// The module that must stay as long as files are open.
    type Module: ModuleMetadata;

    /// What programs know the driver by.
    const NAME: &'static CStr;

    /// What people know the driver by.
    const DESCRIPTION: &'static CStr;

    /// Which changes of the interface programs have to expect.
    const MAJOR: u32;

    /// Which additions to it there are.
    const MINOR: u32;

    /// The ioctls, a [`table`](super::ioctl::table).
    const IOCTLS: &'static [Entry];

    /// What belongs to an object of another driver's memory, of `size` bytes.
    fn import(size: usize) -> impl PinInit<Self::Object, Error>;

    /// Whether an object must not leave the file that made it.
    fn is_private(object: &Self::Object) -> bool;

    /// Frees what is not used any more, or moves it elsewhere. A call has failed for want of room, and is made again unless this
    /// fails.
    fn make_room(data: &Self::RegistrationData<'_>, device: &Device<Self>) -> Result;

    /// Calls `show` with the name of each class of engines, and how much the file uses them, for fdinfo.
    fn show_engines(file: &File<'_, Self>, show: &mut dyn FnMut(&CStr, &EngineStats));

    /// Calls `show` with the name of each region of memory, and what the file's objects take of it, for fdinfo.
    fn show_memory(file: &File<'_, Self>, show: &mut dyn FnMut(&CStr, &MemoryStats));

    /// Prints the device's objects, for debugfs.
    fn show_objects(device: &Device<Self>, to: &SeqFile);

    /// Has the CPU see a page of an object that is not in system memory: inserts pages of a BAR, or the object's dummy
    /// page.
    fn fault(data: &Self::RegistrationData<'_>, device: &Device<Self>, fault: &mut Fault<'_, Self>);

    /// The object whose pages of system memory an object has that was created elsewhere, if it has been moved there: until it is
    /// freed.
    fn moved_to(object: &Self::Object) -> Option<&gem::Object<Self>>;

    /// The data of a file that is opened.
    fn open(device: &Device<Self>) -> impl PinInit<Self::FileData, Error>;

    /// A file is about to be closed, and nobody calls an ioctl of it any more. Its handles go next, and then its data.
    fn close(file: &File<'_, Self>);
}

/// A DRM device.
///
/// # Invariants
///
/// The `struct drm_device` is initialized.
#[repr(C)]
pub struct Device<D: Driver> {
    drm: Opaque<bindings::drm_device>,
    /// Nothing can be asked of the hardware.
    is_wedged: Atomic<bool>,
    /// There while the device is plugged in.
    registration_data: UnsafeCell<*const c_void>,
    /// The objects that are mapped for the parent; none but while the device is plugged in.
    dma_mappings: Mappings,
    /// The same, of other drivers' objects.
    imports: Imports<D>,
    data: D::Data,
}

/// Keeps a device from being unplugged: [`Registration`]'s drop waits until there is none of these.
///
/// # Invariants
///
/// The index comes from `drm_dev_enter()` for the device.
pub struct Entered<'a, D: Driver> {
    device: &'a Device<D>,
    index: c_int,
}

impl<D: Driver> Entered<'_, D> {
    /// Lends what lives as long as the device is plugged in.
    pub fn with<R>(&self, f: impl for<'a> FnOnce(&'a D::RegistrationData<'a>) -> R) -> R {
        // SAFETY: The device is plugged in, so `Registration` has put it there, and keeps it until this value is
        // gone. Whoever borrows it cannot tell for how long, so no lifetime in it is taken for a longer one.
        f(unsafe { &*(*self.device.registration_data.get()).cast() })
    }
}

impl<D: Driver> Drop for Entered<'_, D> {
    fn drop(&mut self) {
        // SAFETY: By the invariant.
        unsafe { bindings::drm_dev_exit(self.index) };
    }
}

impl<D: Driver> Device<D> {
    const FILE_OPERATIONS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<D::Module>().as_ptr(),
        open: Some(bindings::drm_open),
        release: Some(Self::release_file),
        unlocked_ioctl: Some(ioctl::ioctl::<D>),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: Some(ioctl::compat_ioctl::<D>),
        poll: Some(bindings::drm_poll),
        read: Some(bindings::drm_read),
        llseek: Some(bindings::noop_llseek),
        mmap: Some(gem::mmap::<D>),
        show_fdinfo: Some(bindings::drm_show_fdinfo),
        fop_flags: bindings::FOP_UNSIGNED_OFFSET,
        ..pin_init::zeroed()
    };

    /// The driver, as far as a device without data has one.
    const NEW_DRIVER: bindings::drm_driver = bindings::drm_driver {
        driver_features: bindings::drm_driver_feature_DRIVER_GEM
            | bindings::drm_driver_feature_DRIVER_RENDER
            | bindings::drm_driver_feature_DRIVER_SYNCOBJ
            | bindings::drm_driver_feature_DRIVER_SYNCOBJ_TIMELINE,
        major: D::MAJOR as i32,
        minor: D::MINOR as i32,
        name: as_char_ptr_in_const_context(D::NAME).cast_mut(),
        desc: as_char_ptr_in_const_context(D::DESCRIPTION).cast_mut(),
        ioctls: D::IOCTLS.as_ptr().cast(),
        num_ioctls: D::IOCTLS.len() as i32,
        gem_prime_import: Some(gem::import::<D>),
        gem_prime_import_sg_table: Some(gem::import_table::<D>),
        show_fdinfo: Some(fdinfo::show::<D>),
        open: Some(Self::open),
        postclose: Some(Self::drop_file_data),
        fops: &Self::FILE_OPERATIONS,
        ..pin_init::zeroed()
    };

    const DRIVER: bindings::drm_driver = bindings::drm_driver {
        release: Some(Self::release),
        ..Self::NEW_DRIVER
    };

    /// Makes the data of a file.
    ///
    /// # Safety
    ///
    /// For DRM to call when a file of a device of `D` is opened.
    unsafe extern "C" fn open(
        drm: *mut bindings::drm_device,
        file: *mut bindings::drm_file,
    ) -> c_int {
        // SAFETY: The device lives as long as files of it are open.
        let device = unsafe { Self::from_raw(drm) };
        match KBox::pin_init(D::open(device), GFP_KERNEL_ACCOUNT) {
            Ok(data) => {
                // SAFETY: Nobody else uses the file yet.
                unsafe { (*file).driver_priv = data.into_foreign() };
                0
            }
            Err(error) => error.to_errno(),
        }
    }

    /// Closes a file. DRM has no callback before the one that comes after the handles have gone.
    ///
    /// # Safety
    ///
    /// For the kernel to call when the last reference to a file is gone that `drm_open()` has opened.
    unsafe extern "C" fn release_file(
        inode: *mut bindings::inode,
        file: *mut bindings::file,
    ) -> c_int {
        // SAFETY: `drm_open()` has put a file of a device of `D` there, which stays until `drm_release()`.
        D::close(&unsafe { File::from_raw((*file).private_data.cast()) });
        // SAFETY: As the caller promises.
        unsafe { bindings::drm_release(inode, file) }
    }

    /// Drops the data of a file.
    ///
    /// # Safety
    ///
    /// For DRM to call when a file that [`Self::open`] has opened is closed.
    unsafe extern "C" fn drop_file_data(
        _: *mut bindings::drm_device,
        file: *mut bindings::drm_file,
    ) {
        // SAFETY: `open` has put it there, and nobody uses the file any more.
        drop(unsafe { <Pin<KBox<D::FileData>>>::from_foreign((*file).driver_priv) });
    }

    /// Drops the data.
    ///
    /// # Safety
    ///
    /// For DRM to call when the last reference to a device is gone whose data has been made.
    unsafe extern "C" fn release(drm: *mut bindings::drm_device) {
        let device = drm.cast::<Self>();
        // SAFETY: As the caller promises; nobody uses them any more, and DRM frees the memory.
        unsafe {
            ptr::drop_in_place(&raw mut (*device).data);
            ptr::drop_in_place(&raw mut (*device).dma_mappings);
            ptr::drop_in_place(&raw mut (*device).imports);
        }
    }

    /// Keeps the device from being unplugged until the value is dropped; `None` where it has been.
    pub fn enter(&self) -> Option<Entered<'_, D>> {
        let mut index = 0;
        // SAFETY: The device is initialized.
        let is_plugged = unsafe { bindings::drm_dev_enter(self.as_raw(), &mut index) };
        // INVARIANT: Made only where it was entered, since dropping it exits.
        is_plugged.then(|| Entered {
            device: self,
            index,
        })
    }

    /// Whether this device lends `data`. Then, as long as that is borrowed, the objects stay mapped for the parent.
    pub(super) fn has_lent(&self, data: &D::RegistrationData<'_>) -> bool {
        // Else the data of all devices might be in one place.
        const { assert!(size_of::<D::RegistrationData<'static>>() != 0) };
        // SAFETY: It was set before the device was registered, and so before it had objects, and does not change.
        let lent = unsafe { *self.registration_data.get() };
        ptr::eq(lent, ptr::from_ref(data).cast())
    }

    /// Whether nothing can be asked of the hardware.
    pub fn is_wedged(&self) -> bool {
        self.is_wedged.load(Relaxed)
    }

    /// Has ioctls fail with `EIO`, or not any more; returns whether they did.
    pub fn set_wedged(&self, is_wedged: bool) -> bool {
        self.is_wedged.xchg(is_wedged, Relaxed)
    }

    /// Tells user space that the device was or is wedged, and what to do about that.
    pub fn announce(&self, remedy: Remedy) {
        // DRM_WEDGE_RECOVERY_* of include/drm/drm_device.h.
        let method = match remedy {
            Remedy::None => 1 << 0,
            Remedy::BusReset => 1 << 2,
        };
        // SAFETY: The device is initialized; no task is to blame.
        unsafe { bindings::drm_dev_wedged_event(self.as_raw(), method, ptr::null_mut()) };
    }

    /// The objects that are mapped for the parent.
    pub(super) fn dma_mappings(&self) -> &Mappings {
        &self.dma_mappings
    }

    /// The imported objects that are mapped for the parent.
    pub(super) fn imports(&self) -> &Imports<D> {
        &self.imports
    }

    /// A reference to it.
    pub fn reference(&self) -> Reference<D> {
        // SAFETY: Whoever lends it holds a reference.
        unsafe { bindings::drm_dev_get(self.as_raw()) };
        // INVARIANT: The reference has just been taken.
        Reference(NonNull::from(self))
    }

    /// What lives as long as the device.
    pub fn data(&self) -> &D::Data {
        &self.data
    }

    /// The C side of it.
    pub fn as_raw(&self) -> *mut bindings::drm_device {
        self.drm.get()
    }

    /// The device that DRM calls back about.
    ///
    /// # Safety
    ///
    /// `drm` must be part of a `Device<D>` that lives for `'a`.
    pub unsafe fn from_raw<'a>(drm: *mut bindings::drm_device) -> &'a Self {
        // SAFETY: The caller promises so; `drm` is the first field of a `repr(C)` structure.
        unsafe { &*drm.cast() }
    }
}

/// A device that user space sees; unplugged when dropped.
///
/// Files that are open then stay valid, but all that can be done with them is to close them.
pub struct Registration<'a, D: Driver> {
    // In the order in which they are dropped.
    plugged: Plugged<D>,
    _data: Pin<KBox<D::RegistrationData<'a>>>,
    _mapped: Mapped<D>,
}

impl<'a, D: Driver> Registration<'a, D> {
    /// Makes a device and its nodes.
    pub fn new(
        parent: &'a device::Device<Bound>,
        is_wedged: bool,
        data: impl PinInit<D::Data, Error>,
        registration_data: impl PinInit<D::RegistrationData<'a>, Error>,
    ) -> Result<Self> {
        let device = Reference::new(parent, data)?;
        device.set_wedged(is_wedged);
        let mapped = Mapped(device.clone());
        let registration_data = KBox::pin_init(registration_data, GFP_KERNEL)?;
        // SAFETY: Nobody can enter the device before it is registered.
        unsafe { *device.registration_data.get() = ptr::from_ref(&*registration_data).cast() };
        debugfs::add(&device);
        // Where this fails, DRM lets nobody enter any more, and has waited for whoever has, before it returns
        // (drm_drv.c): the data may go.
        // SAFETY: The device is initialized, and not registered yet.
        to_result(unsafe { bindings::drm_dev_register(device.as_raw(), 0) })?;
        Ok(Self {
            // INVARIANT: It has just been registered.
            plugged: Plugged(device),
            _data: registration_data,
            _mapped: mapped,
        })
    }
}

/// A device that is registered; the drop unplugs it, and waits for whoever has entered it.
///
/// # Invariants
///
/// The device is registered.
struct Plugged<D: Driver>(Reference<D>);

impl<D: Driver> Drop for Plugged<D> {
    fn drop(&mut self) {
        // SAFETY: The device is registered.
        unsafe { bindings::drm_dev_unplug(self.0.as_raw()) };
    }
}

/// Unmaps all objects from the parent when dropped, while that is still bound. Nobody can enter the device then to map
/// another one, and what lent the objects to the hardware is gone.
struct Mapped<D: Driver>(Reference<D>);

impl<D: Driver> Drop for Mapped<D> {
    fn drop(&mut self) {
        self.0.dma_mappings.clear();
        self.0.imports.clear();
    }
}

/// A reference to a device.
///
/// # Invariants
///
/// A reference to the device is held.
pub struct Reference<D: Driver>(NonNull<Device<D>>);

// SAFETY: Any thread may use and release DRM devices, and their data is `Send` and `Sync`.
unsafe impl<D: Driver> Send for Reference<D> {}

// SAFETY: As above.
unsafe impl<D: Driver> Sync for Reference<D> {}

impl<D: Driver> Reference<D> {
    /// A new device.
    fn new(parent: &device::Device<Bound>, data: impl PinInit<D::Data, Error>) -> Result<Self> {
        // SAFETY: `Device<D>` starts with a `struct drm_device`, and the driver is a constant of the
        // module that open files hold.
        let device = from_err_ptr(unsafe {
            bindings::__drm_dev_alloc(
                ptr::from_ref(parent).cast_mut().cast(),
                const { &Device::<D>::NEW_DRIVER },
                size_of::<Device<D>>(),
                0,
            )
        })?;
        // INVARIANT: A new device has one reference.
        let device = Self(NonNull::new(device.cast::<Device<D>>()).ok_or(ENOMEM)?);
        let place = device.0.as_ptr();
        // SAFETY: The memory has been allocated for a `Device<D>` that nobody else knows yet, and is not
        // moved. Only what has data is of the driver that drops it.
        unsafe {
            (&raw mut (*place).is_wedged).write(Atomic::new(false));
            (&raw mut (*place).registration_data).write(UnsafeCell::new(ptr::null()));
            pin_init::raw_try_init(&raw mut (*place).dma_mappings, Mappings::new())?;
            pin_init::raw_try_init(&raw mut (*place).imports, Imports::new())?;
            pin_init::raw_try_init(&raw mut (*place).data, data)?;
            (*place.cast::<bindings::drm_device>()).driver = const { &Device::<D>::DRIVER };
        }
        Ok(device)
    }
}

impl<D: Driver> Clone for Reference<D> {
    fn clone(&self) -> Self {
        self.reference()
    }
}

impl<D: Driver> Deref for Reference<D> {
    type Target = Device<D>;

    fn deref(&self) -> &Device<D> {
        // SAFETY: The device lives as long as the reference is held.
        unsafe { self.0.as_ref() }
    }
}

impl<D: Driver> Drop for Reference<D> {
    fn drop(&mut self) {
        // SAFETY: The reference is held, and not used again.
        unsafe { bindings::drm_dev_put(self.0.as_ptr().cast()) };
    }
}

impl<D: Driver> Registration<'_, D> {
    /// The device.
    pub fn device(&self) -> &Reference<D> {
        &self.plugged.0
    }
}

/// What user space may do about a wedged device; see Documentation/gpu/drm-uapi.rst.
#[derive(Clone, Copy)]
pub enum Remedy {
    /// Nothing: it works again.
    None,
    /// Unbind the driver, reset the device, and bind it again.
    BusReset,
}

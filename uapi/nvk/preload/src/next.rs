// SPDX-License-Identifier: MIT

//! The functions of the next library.

use std::ffi::{c_int, c_ulong, c_void, CStr};
use std::sync::atomic::{AtomicPtr, Ordering};

use nova_nvk::Errno;

/// A function of the next library, looked up once.
pub(crate) struct Next {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Next {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            address: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    pub(crate) fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: The name is a C string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.address.store(found, Ordering::Relaxed);
        found
    }
}

/// Calls a function of the next library: its name, its type, and the arguments.
macro_rules! next {
    ($name:literal as $type:ty, $($argument:expr),+) => {{
        static NEXT: $crate::next::Next = $crate::next::Next::new($name);
        let address = NEXT.address();
        if address.is_null() {
            return $crate::next::failed(nova_nvk::Errno::NOSYS);
        }
        // SAFETY: The C library documents the function of this name with this type.
        let function = unsafe { std::mem::transmute::<*mut c_void, $type>(address) };
        // SAFETY: The caller has called the function of this name, with these arguments, or this
        // library has made them as that function wants them.
        unsafe { function($($argument),+) }
    }};
}

pub(crate) use next;

/// Fails with an error number.
pub(crate) fn failed(error: Errno) -> c_int {
    // SAFETY: The C library's errno of this thread is always there.
    unsafe { *libc::__errno_location() = error.raw_os_error() };
    -1
}

/// `ioctl` of the next library.
///
/// # Safety
///
/// As of the C library's: `argument` is what the ioctl `number` takes.
pub(crate) unsafe fn next_ioctl(
    descriptor: c_int,
    number: c_ulong,
    argument: *mut c_void,
) -> c_int {
    type Function = unsafe extern "C-unwind" fn(c_int, c_ulong, ...) -> c_int;
    next!(c"ioctl" as Function, descriptor, number, argument)
}

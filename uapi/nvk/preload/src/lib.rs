// SPDX-License-Identifier: MIT

//! The functions of the C library that nova-nvk stands before, when LD_PRELOAD names this library:
//! `ioctl`, and what opens, copies and closes descriptors. What they do on files of nova is decided
//! by the crate `nova-nvk`; all else goes to the next library, which is usually the C library.
//!
//! `open`, `ioctl` and `fcntl` take a variable number of arguments, which Rust cannot define. They
//! are defined here with the most arguments that they have. The x86-64 and AArch64 calling
//! conventions of Linux pass these integers and pointers alike in both cases, and one that the
//! caller has not given is some value that the next function does not read either.
//!
//! A thread may be cancelled in `open`, `close` and `fcntl`, which unwinds it through this library.

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("the arguments of variadic functions are known for 64-bit Linux alone");

mod file;
mod next;

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::io::Write;
use std::mem::ManuallyDrop;
use std::panic::{catch_unwind, AssertUnwindSafe};

use nova_nvk::{answer, is_translated, Errno, FileId, Frozen, Known, Table};

use crate::file::{driver, is_drm, Open};
use crate::next::{failed, next, next_ioctl};

static TABLE: Table = Table::new();

/// # Safety
///
/// As of the C library's: `argument` is what the ioctl `number` takes.
#[no_mangle]
pub unsafe extern "C-unwind" fn ioctl(
    descriptor: c_int,
    number: c_ulong,
    argument: *mut c_void,
) -> c_int {
    // Linux takes 32 bits of the number.
    let number32 = number as u32;
    let known = match is_translated(number32) {
        true => known(descriptor),
        false => None,
    };
    match known {
        Some(Known::Nova(id)) => translated(descriptor, id, number32, argument),
        // SAFETY: The caller guarantees this function's safety requirement.
        _ => unsafe { next_ioctl(descriptor, number, argument) },
    }
}

fn translated(descriptor: c_int, id: FileId, number: u32, argument: *mut c_void) -> c_int {
    if argument.is_null() {
        return failed(Errno::FAULT);
    }
    let size = (number >> 16 & 0x3fff) as usize;
    // SAFETY: The caller of `ioctl` has promised that the argument is what the number says, which is
    // so many bytes that DRM reads or writes, and that nobody else uses them during the call.
    let bytes = unsafe { std::slice::from_raw_parts_mut(argument.cast::<u8>(), size) };
    let device = Open { descriptor, number };
    // A panic is a bug of this library; the program must not unwind through C for it.
    let result = catch_unwind(AssertUnwindSafe(|| {
        answer(&TABLE, id, &device, number, bytes)
    }));
    match result {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => failed(error),
        Err(_) => failed(Errno::NOTRECOVERABLE),
    }
}

/// What the descriptor is; `None` if it is no DRM device. One that has come through exec, or from
/// another process, is seen here for the first time.
fn known(descriptor: c_int) -> Option<Known> {
    if let Some(known) = TABLE.find(descriptor) {
        return Some(known);
    }
    if !is_drm(descriptor) {
        return None;
    }
    let driver = driver(descriptor).ok()?;
    TABLE.adopt(descriptor, &driver, |why| {
        // A program need not have a stderr.
        let _ = writeln!(std::io::stderr(), "{why}");
    })
}

/// The loader calls this function when it has loaded the library: once for each program that a
/// process becomes, and not in a child of vfork.
#[used]
#[link_section = ".init_array"]
static LOADED: extern "C" fn() = {
    extern "C" fn loaded() {
        TABLE.claim();
        watch_forks();
    }
    loaded
};

thread_local! {
    /// It is not dropped with the thread, so that a destructor of the thread can fork.
    static FROZEN: Cell<Option<ManuallyDrop<Frozen<'static>>>> = const { Cell::new(None) };
}

/// A fork copies the table while no other thread changes it.
fn watch_forks() {
    extern "C" fn before() {
        let frozen = TABLE.freeze();
        FROZEN.set(Some(ManuallyDrop::new(frozen)));
    }
    extern "C" fn in_parent() {
        drop(FROZEN.take().map(ManuallyDrop::into_inner));
    }
    extern "C" fn in_child() {
        if let Some(frozen) = FROZEN.take() {
            ManuallyDrop::into_inner(frozen).thaw_in_child();
        }
    }
    // SAFETY: The functions take nothing, do not unwind, and stay as long as this library, which is
    // never unloaded, as it is preloaded.
    unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
}

/// A descriptor that has just been opened is not what it was before.
fn opened(descriptor: c_int) -> c_int {
    if descriptor >= 0 {
        TABLE.forget(descriptor);
    }
    descriptor
}

fn duplicated(original: c_int, copy: c_int) -> c_int {
    if copy >= 0 {
        known(original);
        TABLE.duplicate(original, copy);
    }
    copy
}

/// Functions that open a file by its path.
macro_rules! open {
    ($($name:ident, $symbol:literal;)+) => {$(
        /// # Safety
        ///
        /// As of the C library's.
        #[no_mangle]
        pub unsafe extern "C-unwind" fn $name(
            path: *const c_char,
            flags: c_int,
            mode: libc::mode_t,
        ) -> c_int {
            type Function = unsafe extern "C-unwind" fn(*const c_char, c_int, ...) -> c_int;
            opened(next!($symbol as Function, path, flags, mode))
        }
    )+};
}

open! {
    open, c"open";
    open64, c"open64";
    __open_2, c"__open_2";
    __open64_2, c"__open64_2";
}

/// Functions that open a file by its path from a folder.
macro_rules! openat {
    ($($name:ident, $symbol:literal;)+) => {$(
        /// # Safety
        ///
        /// As of the C library's.
        #[no_mangle]
        pub unsafe extern "C-unwind" fn $name(
            folder: c_int,
            path: *const c_char,
            flags: c_int,
            mode: libc::mode_t,
        ) -> c_int {
            type Function = unsafe extern "C-unwind" fn(c_int, *const c_char, c_int, ...) -> c_int;
            opened(next!($symbol as Function, folder, path, flags, mode))
        }
    )+};
}

openat! {
    openat, c"openat";
    openat64, c"openat64";
    __openat_2, c"__openat_2";
    __openat64_2, c"__openat64_2";
}

/// The number is free for others when the next function has it, so it is forgotten before.
#[no_mangle]
pub extern "C-unwind" fn close(descriptor: c_int) -> c_int {
    type Function = unsafe extern "C-unwind" fn(c_int) -> c_int;
    TABLE.forget(descriptor);
    next!(c"close" as Function, descriptor)
}

/// As [`close`], of all descriptors in a range.
#[no_mangle]
pub extern "C-unwind" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    type Function = unsafe extern "C-unwind" fn(c_uint, c_uint, c_int) -> c_int;
    // With the flag CLOSE_RANGE_CLOEXEC, and with others that Linux does not know, none is closed.
    if flags as c_uint & !libc::CLOSE_RANGE_UNSHARE == 0 {
        TABLE.forget_range(first..=last);
    }
    next!(c"close_range" as Function, first, last, flags)
}

/// As [`close`], of all descriptors from this one on.
#[no_mangle]
pub extern "C-unwind" fn closefrom(first: c_int) {
    fn next(first: c_int) -> c_int {
        type Function = unsafe extern "C-unwind" fn(c_int);
        next!(c"closefrom" as Function, first);
        0
    }
    TABLE.forget_range(first.max(0).unsigned_abs()..=c_uint::MAX);
    next(first);
}

/// Another descriptor of the same file.
#[no_mangle]
pub extern "C-unwind" fn dup(original: c_int) -> c_int {
    type Function = unsafe extern "C-unwind" fn(c_int) -> c_int;
    duplicated(original, next!(c"dup" as Function, original))
}

/// Another descriptor of the same file, with this number.
#[no_mangle]
pub extern "C-unwind" fn dup2(original: c_int, copy: c_int) -> c_int {
    type Function = unsafe extern "C-unwind" fn(c_int, c_int) -> c_int;
    duplicated(original, next!(c"dup2" as Function, original, copy))
}

/// Another descriptor of the same file, with this number.
#[no_mangle]
pub extern "C-unwind" fn dup3(original: c_int, copy: c_int, flags: c_int) -> c_int {
    type Function = unsafe extern "C-unwind" fn(c_int, c_int, c_int) -> c_int;
    duplicated(original, next!(c"dup3" as Function, original, copy, flags))
}

/// Functions that may copy a descriptor.
macro_rules! fcntl {
    ($($name:ident, $symbol:literal;)+) => {$(
        /// # Safety
        ///
        /// As of the C library's: `argument` is what the command takes.
        #[no_mangle]
        pub unsafe extern "C-unwind" fn $name(
            descriptor: c_int,
            command: c_int,
            argument: *mut c_void,
        ) -> c_int {
            type Function = unsafe extern "C-unwind" fn(c_int, c_int, ...) -> c_int;
            let result = next!($symbol as Function, descriptor, command, argument);
            match command {
                libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => duplicated(descriptor, result),
                _ => result,
            }
        }
    )+};
}

fcntl! {
    fcntl, c"fcntl";
    fcntl64, c"fcntl64";
}

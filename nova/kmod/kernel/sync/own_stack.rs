// SPDX-License-Identifier: GPL-2.0

//! Calls on a stack of their own.
//!
//! A kernel stack has 16 KiB. A boot takes a good part of it, and so does what lies above a probe
//! (loading a module, binding a driver) and below a boot (reading a file from a disk, allocating
//! memory): together they may take more than there is.

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::static_lock_class;
use kernel::types::Opaque;

/// A call that another thread makes.
#[repr(C)]
struct Call<F, R> {
    work: Opaque<bindings::work_struct>,
    body: Option<F>,
    result: Option<R>,
}

/// Has another thread call `body`, and waits for it.
///
/// # Errors
///
/// No memory; then `body` has not been called.
pub fn call<F: FnOnce() -> R + Send, R: Send>(body: F) -> Result<R> {
    let call = KBox::new(
        Opaque::new(Call::<F, R> {
            work: Opaque::uninit(),
            body: Some(body),
            result: None,
        }),
        GFP_KERNEL,
    )?;
    let work = call.get().cast::<bindings::work_struct>();
    // SAFETY: The work is memory for a `struct work_struct`, first in the structure and in a box, so it
    // stays where it is; the rest is static.
    unsafe {
        bindings::init_work_with_key(
            work,
            Some(run::<F, R>),
            false,
            c"nova-core".as_char_ptr(),
            static_lock_class!().as_ptr(),
        )
    };
    // SAFETY: The queue is the kernel's and always there, and the work initialized. `flush_work` returns
    // when the call is over, so it ends before the box does.
    unsafe {
        bindings::queue_work_on(
            bindings::wq_misc_consts_WORK_CPU_UNBOUND as _,
            bindings::system_dfl_wq,
            work,
        );
        bindings::flush_work(work);
    }
    // SAFETY: Nobody else uses it any more.
    let result = unsafe { (*call.get()).result.take() };
    result.ok_or(EIO)
}

extern "C" fn run<F: FnOnce() -> R, R>(work: *mut bindings::work_struct) {
    // SAFETY: The work is the first field of a `Call`, which whoever waits in `call` does not touch.
    let call = unsafe { &mut *work.cast::<Call<F, R>>() };
    if let Some(body) = call.body.take() {
        call.result = Some(body());
    }
}

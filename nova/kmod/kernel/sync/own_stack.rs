// SPDX-License-Identifier: GPL-2.0

//! Calls a function on the stack of another thread.
//!
//! A kernel stack has 16 KiB. A boot needs much of it, and so do the callers of probe (loading a
//! module, binding a driver) and the functions that a boot calls (reading a file from a disk,
//! allocating memory). Together they may overflow one stack.

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::LockClassKey;
use kernel::types::Opaque;

/// A call by another thread.
#[repr(C)]
struct Call<F, R> {
    work: Opaque<bindings::work_struct>,
    body: Option<F>,
    result: Option<R>,
}

/// Calls `body` on another thread, and waits until it returns.
///
/// The name and the key are for lockdep, as in [`Work::new`](super::work::Work::new).
///
/// # Errors
///
/// `ENOMEM`; `body` has not been called then.
pub fn call<F: FnOnce() -> R + Send, R: Send>(
    name: &'static CStr,
    key: Pin<&'static LockClassKey>,
    body: F,
) -> Result<R> {
    let call = KBox::new(
        Opaque::new(Call::<F, R> {
            work: Opaque::uninit(),
            body: Some(body),
            result: None,
        }),
        GFP_KERNEL,
    )?;
    let work = call.get().cast::<bindings::work_struct>();
    // SAFETY: `work` points to memory for a `struct work_struct`, the first field of a `repr(C)`
    // structure in a box, which does not move. The name and the key are static.
    unsafe {
        bindings::init_work_with_key(
            work,
            Some(run::<F, R>),
            false,
            name.as_char_ptr(),
            key.as_ptr(),
        )
    };
    // SAFETY: The kernel never destroys `system_dfl_wq`, and the work is initialized. `flush_work`
    // returns after the call has ended, so the box outlives the call.
    unsafe {
        bindings::queue_work_on(
            bindings::wq_misc_consts_WORK_CPU_UNBOUND as _,
            bindings::system_dfl_wq,
            work,
        );
        bindings::flush_work(work);
    }
    // SAFETY: The call has ended, so nothing else accesses the structure.
    let result = unsafe { (*call.get()).result.take() };
    result.ok_or(EIO)
}

extern "C" fn run<F: FnOnce() -> R, R>(work: *mut bindings::work_struct) {
    // SAFETY: `work` is the first field of a `Call<F, R>`, which the thread that waits in
    // `flush_work` does not access.
    let call = unsafe { &mut *work.cast::<Call<F, R>>() };
    if let Some(body) = call.body.take() {
        call.result = Some(body());
    }
}

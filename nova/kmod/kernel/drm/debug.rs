// SPDX-License-Identifier: GPL-2.0

//! Messages that dynamic debug switches on.
//!
//! `dev_dbg!()` of the `kernel` crate does not know dynamic debug: a message is compiled only with debug assertions
//! (rust/kernel/print.rs).

use kernel::fmt;
use kernel::prelude::*;

use super::device::{Device, Driver};
use super::shim;

/// What a message is about. Each of these is switched on by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A change of mappings.
    Bind,
    /// A job.
    Exec,
    /// An error of a queue.
    Fault,
}

/// Logs a message about a device, if it is switched on. May be called with spin locks held.
// Inlined into nova-drm.ko, which has the shim.
#[inline]
pub fn debug<D: Driver>(device: &Device<D>, about: About, message: fmt::Arguments<'_>) {
    let device = device.as_raw();
    let message = (&raw const message).cast::<c_void>();
    // SAFETY: The device is valid, and so are the arguments, which the format `%pA` takes.
    unsafe {
        match about {
            About::Bind => shim::debug_bind(device, message),
            About::Exec => shim::debug_exec(device, message),
            About::Fault => shim::debug_fault(device, message),
        }
    }
}

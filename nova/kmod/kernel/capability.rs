// SPDX-License-Identifier: GPL-2.0

//! What the current task may do.
//!
//! `kernel::cred` has no capabilities.

use kernel::bindings;
use kernel::prelude::*;

/// A right of a task; capabilities(7).
#[derive(Clone, Copy)]
pub enum Capability {
    /// `CAP_SYS_NICE`.
    SysNice,
    /// `CAP_SYS_RESOURCE`.
    SysResource,
}

/// Whether the current task has a right.
pub fn is_capable(capability: Capability) -> bool {
    let number = match capability {
        Capability::SysNice => bindings::CAP_SYS_NICE,
        Capability::SysResource => bindings::CAP_SYS_RESOURCE,
    };
    // SAFETY: It is about the current task, and the number is that of a capability.
    unsafe { bindings::capable(number as c_int) }
}

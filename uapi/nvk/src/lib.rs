// SPDX-License-Identifier: MIT

//! Lets Mesa's NVK, which knows nouveau alone, run on the DRM driver `nova`: answers nouveau's
//! ioctls by nova's.
//!
//! [`Table`] knows which open files are nova's, and the little that must be kept for each.
//! [`answer`] translates a call. What reaches the kernel goes through [`Device`]; the tests have a
//! nova of their own behind it. Not here: the functions of the C library, which are in `preload/`,
//! the only unsafe code.

#![forbid(unsafe_code)]

mod argument;
mod calls;
mod device;
mod driver;
mod file;
#[cfg(feature = "measure")]
pub mod measure;
mod sparse;
mod syncs;
mod table;
#[cfg(test)]
mod testing;

pub use calls::{answer, is_translated};
pub use device::{Bind, Device, Errno, Result};
pub use driver::{Driver, Verdict};
pub use table::{FileId, Frozen, Known, Table};

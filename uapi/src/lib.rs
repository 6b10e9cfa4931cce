// SPDX-License-Identifier: MIT

//! The Rust definitions of `nova_drm.h`: the same structures, constants and ioctl numbers, and the
//! checks of arguments.
//!
//! The header is authoritative and documents each member; `tests/header` compares this crate
//! with the compiled header. The kernel modules and the programs in user space both use this crate.
//! Not here: system calls, and knowledge of the hardware.
//!
//! A call checks its argument in the order of the section "Order of checks" in the header. So there
//! are two kinds of methods: `check` is for what comes before look-ups, and `check_…` for what
//! comes after them. What they need to know about the GPU is what [queries](Query) answer.

#![no_std]
#![forbid(unsafe_code)]

mod answers;
mod array;
mod exec;
mod fault;
mod gem;
mod getparam;
mod ioctl;
mod query;
mod queue;
mod range;
mod refused;
mod sync;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod vm;
mod vm_bind;

pub use answers::*;
pub use array::{Array, Element, Elements, ReadError, Reader, Writer, STRIDE_MAX};
pub use exec::*;
pub use fault::*;
pub use gem::*;
pub use getparam::*;
pub use ioctl::*;
pub use query::*;
pub use queue::*;
pub use refused::{Errno, Refused};
pub use sync::*;
pub use text::Text;
pub use time::*;
pub use vm::*;
pub use vm_bind::*;

/// Name under which the DRM driver is registered.
pub const DRIVER_NAME: &str = "nova";

/// Major version of the DRM driver.
pub const DRIVER_MAJOR: u32 = 1;

/// Minor version of the DRM driver: the header says what came with which.
pub const DRIVER_MINOR: u32 = 2;

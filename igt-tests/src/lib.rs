// SPDX-License-Identifier: MIT

//! An IGT library, for tests of DRM drivers that `igt_runner` runs.
//!
//! A test binary calls [`run`] from `main` and reads as a story: prepare in a fixture, state
//! requirements, act, assert. Assertions are Rust's own `assert!` macros; a panic fails the subtest
//! and does not affect the others.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     igt::run("Even numbers.", |tests| {
//!         let two = tests.fixture(|| 2);
//!         tests.subtest("two", "Two is even.", || assert_eq!(*two % 2, 0));
//!     })
//! }
//! ```
//!
//! The library is independent of the driver, except for [`nova`], which the Nova tests in `src/bin`
//! share. The script `run-in-guest` has `igt_runner` run them, and the program `igt-summary` judges
//! the results.

pub mod cgroup;
pub mod children;
pub mod data;
pub mod device;
pub mod dma_buf;
pub mod drm;
pub mod exit_handler;
pub mod fault_injection;
pub mod fdinfo;
pub mod fuzz;
pub mod gputop;
pub mod kernel_report;
pub mod kmsg;
pub mod memory;
pub mod mock;
pub mod module;
pub mod nouveau;
pub mod nova;
pub mod push;
pub mod rm_control;
pub mod sleep;
pub mod space;
pub mod stop;
pub mod sw_sync;
pub mod syncobj;
pub mod sysfs;
pub mod timeout;
pub mod uevent;
pub mod vgem;
pub mod vulkan;
pub mod wildmat;

mod args;
mod hook;
mod logging;
mod outcome;
mod report;
mod signals;
mod test;

pub use children::Children;
pub use exit_handler::ExitHandler;
pub use outcome::{Exit, Outcome};
pub use report::test_name;
pub use test::{run, Dynamic, Fixture, Tests};
pub use timeout::{wait_for, Timeout, HANG};

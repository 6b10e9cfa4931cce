// SPDX-License-Identifier: MIT

//! The device, and calls of it that fail.

use std::fmt::Debug;
use std::fs::File;

use igt::nova::calls::{call_with, Argument};
use igt::nova::{self, Gpu};
use nix::errno::Errno;
use nova_uapi::QueryLimits;

/// Both nodes of the device.
pub(crate) struct Nodes {
    render: File,
    primary: File,
}

impl Nodes {
    pub(crate) fn require() -> Self {
        let gpu = Gpu::require();
        gpu.start();
        Self {
            render: gpu.open_render(),
            primary: gpu.open_primary(),
        }
    }

    pub(crate) fn each(&self) -> [&File; 2] {
        [&self.render, &self.primary]
    }

    /// The limits of calls.
    pub(crate) fn limits(&self) -> QueryLimits {
        nova::query_limits(&self.render).expect("the driver has limits")
    }

    /// The call fails on both nodes, and does not change its argument.
    #[track_caller]
    pub(crate) fn fails<T: Argument + Copy + Debug + PartialEq>(&self, asked: T, error: Errno) {
        for node in self.each() {
            assert_eq!(call_with(node, asked), Err(error), "{asked:x?}");
        }
    }
}

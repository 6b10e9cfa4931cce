// SPDX-License-Identifier: GPL-2.0

//! Starts mocked GPUs and a VM that has them, runs a script in it, and ends all of them, come what may.
//!
//! Nothing here knows how a GPU works. What the VM is made from, the scripts in `cache/` know; what runs in it lies in `guest/`.

pub mod chips;
pub mod guest;
pub mod host;
mod interrupt;
mod mock;
pub mod process;
mod qemu;
#[cfg(test)]
mod testing;

pub use guest::{Ended, Guest, Kernel, Script};
pub use host::Host;
pub use interrupt::{Interrupt, Interrupted};

use std::path::Path;

/// Tells the user something that is no result.
pub fn say(what: impl std::fmt::Display) {
    eprintln!("nova: {what}");
}

/// The name of a file that there is for each GPU: `trace.json` of the first one, `trace.1.json` of the second one.
pub fn file_of(gpu: usize, name: &str, extension: &str) -> String {
    match gpu {
        0 => format!("{name}{extension}"),
        gpu => format!("{name}.{gpu}{extension}"),
    }
}

/// The last lines of a file, and nothing where there is none.
fn tail(file: &Path, count: usize) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

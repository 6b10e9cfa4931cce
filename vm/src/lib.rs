// SPDX-License-Identifier: GPL-2.0

//! Starts mocked GPUs and a VM that has them, runs a script in it, and ends all of them, also on
//! errors.
//!
//! Not here: any knowledge of GPUs, except of NVIDIA's firmware ([`nvidia`]); the making of the VM's parts, which is in the scripts of
//! `cache/`; and the scripts that run in the VM, which are in `guest/`.

pub mod chips;
pub mod guest;
pub mod host;
mod interrupt;
pub mod mock;
pub mod nvidia;
pub mod process;
mod qemu;
#[cfg(test)]
mod testing;
mod vm;
mod wake;

pub use guest::{Guest, Kernel, Output, Script};
pub use host::Host;
pub use interrupt::{Interrupt, Interrupted};
pub use vm::Ended;

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Prints a message that is not a result.
pub fn say(what: impl std::fmt::Display) {
    eprintln!("nova: {what}");
}

/// The name of a file that exists for each GPU: `trace.json` of the first one, `trace.1.json` of
/// the second one.
pub fn file_of(gpu: usize, name: &str, extension: &str) -> String {
    match gpu {
        0 => format!("{name}{extension}"),
        gpu => format!("{name}.{gpu}{extension}"),
    }
}

/// Creates the folder, without the files of an earlier run.
pub fn fresh(folder: PathBuf) -> io::Result<PathBuf> {
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(folder),
    }
}

/// The last lines of a file; empty if it cannot be read.
pub fn tail(file: &Path, count: usize) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

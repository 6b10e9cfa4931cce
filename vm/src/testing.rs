// SPDX-License-Identifier: GPL-2.0

//! Shared by the tests of this crate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Host, Interrupt};

/// A machine with all paths in one folder.
pub(crate) fn host(folder: &Path) -> Host {
    Host {
        repo: folder.join("repo"),
        programs: folder.join("programs"),
        mock: folder.join("programs/nova-mock"),
        sysroot: folder.join("sysroot"),
        guest: folder.join("guest"),
        debug_kernel: folder.join("debug-kernel"),
        firmware: folder.join("firmware"),
        tinygrad: folder.join("tinygrad"),
        nvidia: folder.join("nvidia"),
        interrupt: Interrupt::default(),
    }
}

/// Writes a shell script, in another process: otherwise a child that another test starts meanwhile
/// would inherit the open file, and a file that is open for writing cannot be executed.
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2\" && chmod 755 \"$2\"";
    let status = Command::new("sh")
        .args(["-c", write, "sh", text])
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    path
}

/// Whether a process exists and is not a zombie, which its parent may not have waited for yet.
pub(crate) fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.as_bytes()[0]);
    state.is_some_and(|state| state != b'Z')
}

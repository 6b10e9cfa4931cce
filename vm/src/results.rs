// SPDX-License-Identifier: GPL-2.0

//! The folder of the results, build/results.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nova_vm::{say, Host};
use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;

/// Returns the folder, and a file that is locked until it is dropped: two concurrent runs would
/// overwrite each other's results.
pub(crate) fn lock(host: &Host) -> Result<(PathBuf, File)> {
    let folder = host.repo.join("build/results");
    fs::create_dir_all(&folder)?;
    let path = folder.join("lock");
    let file = File::create(&path)?;
    let mut told = false;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok((folder, file)),
            Err(Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error).context(path.display().to_string()),
        }
        if !told {
            say("waiting for another run of the tests");
            told = true;
        }
        host.interrupt.check()?;
        thread::sleep(Duration::from_millis(500));
    }
}

// SPDX-License-Identifier: MIT

//! The kernel's fault injection: failing allocations, and failing copies from and to user space.
//! Source: Documentation/fault-injection/fault-injection.rst of Linux.

use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::module::Module;
use crate::sysfs::{self, DEBUGFS};

/// Kinds of faults, as named in debugfs.
const KINDS: [&str; 3] = ["failslab", "fail_page_alloc", "fail_usercopy"];

/// The longest distance, in calls, from a module's code to an allocation that counts as the
/// module's. Deeper allocations belong to ACPI and the interrupt core, which do not survive their
/// failure: KASAN finds a use after free in ACPICA.
const NEAR: u32 = 8;

/// The kernel's fault injection.
#[derive(Debug)]
pub struct FaultInjection(());

impl FaultInjection {
    /// Sets fault injection up: without messages in the kernel log, and for allocations that may
    /// sleep, too. Skips if the kernel has no fault injection.
    ///
    /// # Panics
    ///
    /// If it cannot be set up.
    pub fn require() -> Self {
        for kind in KINDS {
            let folder = Path::new(DEBUGFS).join(kind);
            crate::require!(folder.is_dir(), "The kernel has no {kind}.");
            set(kind, "verbose", "0");
            set(kind, "stacktrace-depth", &NEAR.to_string());
        }
        set("failslab", "ignore-gfp-wait", "N");
        set("fail_page_alloc", "ignore-gfp-wait", "N");
        set("fail_page_alloc", "min-order", "0");
        Self(())
    }

    /// Makes the `nth` allocation or copy of this thread in `call` fail; also returns whether there
    /// were that many.
    pub fn in_thread<T>(&self, nth: u32, call: impl FnOnce() -> T) -> (T, bool) {
        limit_to(0..u64::MAX);
        fail(vec![this_thread()], nth, call)
    }

    /// Makes the `nth` allocation of `module` in `call` fail, in this thread or in one of the
    /// kernel's workers; also returns whether there were that many.
    ///
    /// # Panics
    ///
    /// If the module is not loaded.
    pub fn in_module<T>(&self, module: &Module, nth: u32, call: impl FnOnce() -> T) -> (T, bool) {
        match module.addresses() {
            Some(addresses) => limit_to(addresses),
            None => panic!("{module} is not loaded"),
        }
        let mut threads = workers();
        threads.push(this_thread());
        fail(threads, nth, call)
    }
}

/// Writes an attribute of one kind of fault.
fn set(kind: &str, attribute: &str, value: &str) {
    let path = Path::new(DEBUGFS).join(kind).join(attribute);
    if let Err(error) = fs::write(&path, value) {
        panic!("{}: {error}", path.display());
    }
}

/// Limits faults, and their count, to allocations with a caller in `addresses`.
fn limit_to(addresses: Range<u64>) {
    for kind in KINDS {
        set(kind, "require-start", &format!("{:#x}", addresses.start));
        set(kind, "require-end", &format!("{:#x}", addresses.end));
    }
}

/// A thread's `fail-nth`: the number of allocations and copies until one fails; 0 if none does.
type FailNth = File;

fn open(thread: &Path) -> Option<FailNth> {
    let path = thread.join("fail-nth");
    OpenOptions::new().read(true).write(true).open(path).ok()
}

fn this_thread() -> FailNth {
    open(Path::new("/proc/thread-self")).expect("this thread exists")
}

/// The kernel's current worker threads.
fn workers() -> Vec<FailNth> {
    let processes = sysfs::names("/proc").into_iter();
    let processes = processes.map(|name| Path::new("/proc").join(name));
    let is_worker = |process: &std::path::PathBuf| {
        sysfs::read(process.join("comm")).is_ok_and(|name| name.starts_with("kworker/"))
    };
    processes
        .filter(is_worker)
        .filter_map(|process| open(&process))
        .collect()
}

fn fail<T>(threads: Vec<FailNth>, nth: u32, call: impl FnOnce() -> T) -> (T, bool) {
    assert_ne!(nth, 0, "the first one has number 1");
    let armed = Armed(threads);
    for thread in &armed.0 {
        // A worker that has ended makes no allocations.
        let _ = thread.write_at(nth.to_string().as_bytes(), 0);
    }
    let result = call();
    let failed = armed.has_failed();
    (result, failed)
}

/// Threads with an armed fault, which is disarmed when this is dropped; this thread is the last
/// one.
struct Armed(Vec<FailNth>);

impl Armed {
    fn has_failed(&self) -> bool {
        self.0.iter().rev().any(|thread| {
            let mut number = [0; 1];
            // If the copy of this answer fails, no fault has occurred before.
            thread.read_at(&mut number, 0).is_ok() && number == *b"0"
        })
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        for thread in self.0.iter().rev() {
            // If the copy of this number fails, the fault has occurred and none follows.
            let _ = thread.write_at(b"0", 0);
        }
    }
}

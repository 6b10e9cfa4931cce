// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/debug/nova-core/<PCI name>/`: what is known of one boot of the
//! GSP. What lasts longer is in `status.rs` and `rm_control.rs`.

use kernel::debugfs::{Dir, File, Writer};
use kernel::fmt;
use kernel::prelude::*;
use kernel::str::CString;
use nova_core::Running;

use crate::dma::Memory;
use crate::machine::Machine;

kernel::sync::global_lock! {
    // SAFETY: Initialized by `Root::new` before any device is bound.
    unsafe(uninit) static ROOT: Mutex<Option<Dir>> = None;
}

/// The module's folder, while it lives.
///
/// Drivers are given no data of their module's, hence the static variable.
pub(crate) struct Root(());

impl Root {
    /// Makes the folder.
    ///
    /// # Safety
    ///
    /// May be called only once, and before anything else of this file is used.
    pub(crate) unsafe fn new() -> Self {
        // SAFETY: The caller sees to it that this happens once, and first.
        unsafe { ROOT.init() };
        *ROOT.lock() = Some(Dir::new(crate::MODULE_NAME));
        Self(())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        *ROOT.lock() = None;
    }
}

/// The folder of one GPU; it goes away with the last clone.
pub(crate) fn folder(device: &CStr) -> Result<Dir> {
    let root = ROOT.lock().clone().ok_or(ENODEV)?;
    Ok(root.subdir(device))
}

/// What is known of one boot; the files go away when dropped.
pub(crate) struct Files {
    _logs: [Pin<KBox<File<Memory>>>; 3],
    _queues: Pin<KBox<File<Memory>>>,
    _report: Pin<KBox<File<Report>>>,
}

impl Files {
    /// Makes them in `dir`.
    pub(crate) fn new(dir: &Dir, running: &Running<Machine<'_>>) -> Result<Self> {
        let [init, intr, rm] = running.logs();
        let log = |(name, memory): (&str, &Memory)| -> Result<_> {
            let name = CString::try_from_fmt(fmt!("{name}"))?;
            KBox::pin_init(dir.read_binary_file(&name, memory.clone()), GFP_KERNEL)
        };
        let report = Report(CString::try_from_fmt(fmt!(
            "{}",
            format_args!("{}", running.report())
        ))?);
        Ok(Self {
            _logs: [log(init)?, log(intr)?, log(rm)?],
            _queues: KBox::pin_init(
                dir.read_binary_file(c"queues", running.queues().clone()),
                GFP_KERNEL,
            )?,
            _report: KBox::pin_init(dir.read_only_file(c"boot_report", report), GFP_KERNEL)?,
        })
    }
}

/// The boot report as text, which is shorter than the report.
struct Report(CString);

impl Writer for Report {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().map_err(|_| fmt::Error)?)
    }
}

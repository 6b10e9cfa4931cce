// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/debug/nova-core/<PCI name>/`: the files about one boot of the GSP. The files that
//! exist while the GPU is bound are in `status.rs` and `rm_control.rs`.

use kernel::debugfs::{Dir, File, Writer};
use kernel::fmt;
use kernel::prelude::*;
use kernel::str::CString;
use nova_core::Running;

use crate::dma::Memory;
use crate::machine::Machine;

kernel::sync::global_lock! {
    // SAFETY: `Root::new` initializes it when the module is loaded, before any device is bound.
    unsafe(uninit) static ROOT: Mutex<Option<Dir>> = None;
}

/// The module's folder; the drop removes it.
///
/// The folder is in a static variable, since a PCI driver has no access to its module's data.
pub(crate) struct Root(());

impl Root {
    /// Creates the folder.
    ///
    /// # Safety
    ///
    /// Must be called only once, and before any other function of this file.
    pub(crate) unsafe fn new() -> Self {
        // SAFETY: The caller guarantees that this is called once, and before any use of `ROOT`.
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

/// Creates the folder of one GPU; it is removed with the last clone of the result.
pub(crate) fn folder(device: &CStr) -> Result<Dir> {
    let root = ROOT.lock().clone().ok_or(ENODEV)?;
    Ok(root.subdir(device))
}

/// The files about one boot; the drop removes them.
pub(crate) struct Files {
    _logs: [Pin<KBox<File<Memory>>>; 3],
    _queues: Pin<KBox<File<Memory>>>,
    _report: Pin<KBox<File<Report>>>,
}

impl Files {
    /// Creates the files in `dir`.
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

/// The boot report as text, which takes less memory than a [`nova_core::BootReport`].
struct Report(CString);

impl Writer for Report {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().map_err(|_| fmt::Error)?)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The card's interrupt pin towards a client of vfio-user: a level on the card's side, and on the
//! client's an eventfd. It is signalled while the pin is asserted, which also masks it; the client
//! unmasks it after the guest has looked, and is told again if the pin is still asserted.
//!
//! Source: Linux, linux/vfio.h (`VFIO_IRQ_INFO_AUTOMASKED`) and drivers/vfio/pci/vfio_pci_intrs.c;
//! QEMU, hw/vfio/pci.c (`vfio_intx_interrupt`, `vfio_pci_intx_eoi`, `vfio_intx_enable_kvm`).

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use rustix::event::{poll, PollFd, PollFlags};
use rustix::io::Errno;

/// Signals an eventfd.
pub(crate) fn signal(mut file: &File) -> io::Result<()> {
    file.write_all(&1_u64.to_ne_bytes())
}

/// Waits until an eventfd is signalled, and takes that from it, unless somebody else has.
pub(crate) fn wait(mut file: &File) -> io::Result<()> {
    let mut files = [PollFd::new(file, PollFlags::IN)];
    while let Err(error) = poll(&mut files, None) {
        if error != Errno::INTR {
            return Err(error.into());
        }
    }
    match file.read_exact(&mut [0; 8]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        result => result,
    }
}

/// The pin.
#[derive(Debug, Default)]
pub(crate) struct Intx {
    /// What the client is told by.
    trigger: Option<File>,
    /// What the client, or KVM for it, unmasks the pin by, if not by a message.
    unmask: Option<Arc<File>>,
    is_asserted: bool,
    is_masked: bool,
}

impl Intx {
    /// Tells the client that the pin is asserted, unless it knows.
    fn tell(&mut self) {
        if !self.is_asserted || self.is_masked {
            return;
        }
        if let Some(trigger) = &self.trigger {
            self.is_masked = true;
            if let Err(error) = signal(trigger) {
                tracing::error!("INTx: {error}");
            }
        }
    }

    /// The card drives the pin.
    pub(crate) fn set_pin(&mut self, is_asserted: bool) {
        self.is_asserted = is_asserted;
        self.tell();
    }

    /// The client passes what it is told by, or takes that back.
    pub(crate) fn set_trigger(&mut self, trigger: Option<File>) {
        tracing::debug!("INTx enabled: {}", trigger.is_some());
        if trigger.is_none() {
            self.set_unmask(None);
        }
        self.trigger = trigger;
        self.is_masked = false;
        self.tell();
    }

    /// The client wants not to be told.
    pub(crate) fn mask(&mut self) {
        self.is_masked = true;
    }

    /// The client wants to be told if the pin is asserted.
    pub(crate) fn unmask(&mut self) {
        self.is_masked = false;
        self.tell();
    }

    /// The client passes what it unmasks the pin by, or takes that back.
    pub(crate) fn set_unmask(&mut self, unmask: Option<Arc<File>>) {
        if let Some(before) = std::mem::replace(&mut self.unmask, unmask) {
            // Whoever waits for it sees that it is not current any more.
            if let Err(error) = signal(&before) {
                tracing::error!("INTx: {error}");
            }
        }
    }

    /// `file` was signalled: unmasks the pin, and returns `true`, unless the client has taken the
    /// file back.
    pub(crate) fn unmask_by(&mut self, file: &Arc<File>) -> bool {
        let is_current = self.unmask.as_ref().is_some_and(|it| Arc::ptr_eq(it, file));
        if is_current {
            self.unmask();
        }
        is_current
    }
}

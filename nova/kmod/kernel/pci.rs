// SPDX-License-Identifier: GPL-2.0

//! PCI devices: what `kernel::pci` does not do with them.

pub mod enabled;
pub mod power;
pub mod reset;

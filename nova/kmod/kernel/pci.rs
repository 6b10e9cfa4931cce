// SPDX-License-Identifier: GPL-2.0

//! Operations on PCI devices that `kernel::pci` lacks.

pub mod bar_pages;
pub mod bar_start;
pub mod enabled;
pub mod power;
pub mod reset;

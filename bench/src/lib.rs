// SPDX-License-Identifier: GPL-2.0

//! Shared by the programs here: a driver's boots in a VM, and their results.

pub mod boot;
pub mod guest;
pub mod verdict;

// SPDX-License-Identifier: GPL-2.0

//! What the programs here share: a driver's boots of them in a VM, and what came of each.

pub mod boot;
pub mod guest;
pub mod verdict;

// SPDX-License-Identifier: GPL-2.0

//! Units of sizes in bytes.

/// A KiB.
pub const KIB: u64 = 1 << 10;

/// A MiB.
pub const MIB: u64 = 1 << 20;

/// A GiB.
pub const GIB: u64 = 1 << 30;

// SPDX-License-Identifier: GPL-2.0

//! Constants of the interface between a driver and the GSP that belong to no structure.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c and
//! arch/turing/kernel_gsp_tu102.c, kernel_gsp_booter_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/gsp.rs.

/// Bytes of a GSP page, independent of the CPU's page size.
pub const PAGE_SIZE: usize = 4096;

/// Bytes of each of libos' three log buffers.
pub const LOG_BUFFER_SIZE: usize = 16 * PAGE_SIZE;

/// Names of the memory regions for libos: the three log buffers and GSP-RM's arguments.
pub const LIBOS_REGIONS: [&str; 4] = ["LOGINIT", "LOGINTR", "LOGRM", "RMARGS"];

/// Bit of the GSP's mailbox 0 that is set once libos has stopped after UNLOADING_GUEST_DRIVER.
pub const MAILBOX0_LIBOS_SUSPENDED: u32 = 1 << 31;

/// Value that a driver writes to SEC2's mailboxes before booter-unload runs; booter-unload replaces
/// it with its result, 0 for success.
pub const BOOTER_UNLOAD_MAILBOX: u32 = 0xff;

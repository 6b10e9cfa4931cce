// SPDX-License-Identifier: GPL-2.0

//! Conventions between a driver and the GSP that no structure holds.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c and
//! arch/turing/kernel_gsp_tu102.c, kernel_gsp_booter_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/gsp.rs.

/// Bytes of a page as the GSP counts them, whatever the CPU's pages are.
pub const PAGE_SIZE: usize = 4096;

/// Bytes of each of libos' three log buffers.
pub const LOG_BUFFER_SIZE: usize = 16 * PAGE_SIZE;

/// Names of the regions that libos is told of: the three log buffers and GSP-RM's arguments.
pub const LIBOS_REGIONS: [&str; 4] = ["LOGINIT", "LOGINTR", "LOGRM", "RMARGS"];

/// The GSP's mailbox 0 has this bit once libos has stopped after UNLOADING_GUEST_DRIVER.
pub const MAILBOX0_LIBOS_SUSPENDED: u32 = 1 << 31;

/// What a driver leaves in SEC2's mailboxes before booter-unload runs; booter replaces it by its
/// result, 0 for success.
pub const BOOTER_UNLOAD_MAILBOX: u32 = 0xff;

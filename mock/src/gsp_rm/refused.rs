// SPDX-License-Identifier: GPL-2.0

//! How GSP-RM refuses a call.

/// The status with which it answers (`NV_ERR_*`), and why, for the trace.
pub(crate) type Refused = (u32, String);

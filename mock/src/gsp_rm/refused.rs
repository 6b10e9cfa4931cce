// SPDX-License-Identifier: GPL-2.0

//! GSP-RM's refusal of a call.

/// The status of the answer (`NV_ERR_*`), and the reason for the trace.
pub(crate) type Refused = (u32, String);

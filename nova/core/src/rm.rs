// SPDX-License-Identifier: GPL-2.0

//! The driver's objects of GSP-RM. The commands that allocate and free them are in
//! [`gsp::commands`](crate::gsp::commands).

pub(crate) mod address_space;
pub(crate) mod caller;
pub(crate) mod channel;
pub(crate) mod channel_ids;
pub(crate) mod client;

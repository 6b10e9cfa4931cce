// SPDX-License-Identifier: GPL-2.0

//! The objects of GSP-RM that the driver has. The commands by which one is made and freed are in
//! [`gsp::commands`](crate::gsp::commands).

pub(crate) mod client;

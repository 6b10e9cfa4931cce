// SPDX-License-Identifier: GPL-2.0

//! What the driver and GSP-RM say to each other: the queues that messages go through, the calls, the
//! events, and what is in them. The GSP as a processor is in `falcon`, and its start in `boot`.

pub(crate) mod commands;
pub(crate) mod events;
pub(crate) mod handles;
pub(crate) mod libos;
pub(crate) mod payload;
pub(crate) mod queue;
pub(crate) mod rpc;
pub(crate) mod sequencer;

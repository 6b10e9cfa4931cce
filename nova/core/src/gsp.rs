// SPDX-License-Identifier: GPL-2.0

//! What is exchanged with GSP-RM: the queues that messages go through, the calls, the events, and
//! what is in them. The GSP as a processor is a falcon; how it is started is in `boot`.

pub(crate) mod commands;
pub(crate) mod events;
pub(crate) mod libos;
pub(crate) mod payload;
pub(crate) mod queue;
pub(crate) mod rpc;
pub(crate) mod sequencer;

// SPDX-License-Identifier: GPL-2.0

//! The interface to GSP-RM: message queues, calls, events and their payloads. The GSP as a
//! processor is in `falcon`, and its start in `boot`.

pub(crate) mod commands;
pub(crate) mod events;
pub(crate) mod handles;
pub(crate) mod libos;
pub(crate) mod payload;
pub(crate) mod queue;
pub(crate) mod rpc;
pub(crate) mod sequencer;

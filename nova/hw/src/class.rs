// SPDX-License-Identifier: GPL-2.0

//! What a driver writes into the push buffers of channels: the methods of the classes, a file for
//! each family of classes.
//!
//! A method is a byte offset to which a channel sends 32 bits of data. The host executes the first
//! ones itself and forwards the others to an engine, which interprets them as the class of the
//! object on the subchannel says.

pub mod copy;
pub mod graphics;
pub mod host;

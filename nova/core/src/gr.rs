// SPDX-License-Identifier: GPL-2.0

//! The graphics engine: what it consists of, and the memory that its contexts need.
//!
//! A context is what the engine keeps of a channel while it works for others. GSP-RM makes it, in
//! memory of the driver's.

pub(crate) mod context;
pub(crate) mod info;

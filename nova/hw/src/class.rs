// SPDX-License-Identifier: GPL-2.0

//! Methods of the classes that execute work, a file for each family of classes.
//!
//! A method is a byte offset that the host forwards to an engine with 32 bits of data, and that the
//! engine interprets as the class of the object on the subchannel says.

pub mod copy;

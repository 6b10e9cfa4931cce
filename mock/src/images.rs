// SPDX-License-Identifier: GPL-2.0

//! What is stored: the VBIOS in the ROM, and the firmware as its authors built it, real or synthetic.
//!
//! Not here: what the programs in it do when they run ([`programs`](crate::programs)).

pub mod firmware;
pub mod synthetic;
pub(crate) mod ucode;
pub mod vbios;

// SPDX-License-Identifier: GPL-2.0

//! The VBIOS in the ROM, and the signed firmware as released, each real or synthetic.
//!
//! Not here: what the programs in them do when they run ([`programs`](crate::programs)).

pub mod firmware;
pub mod synthetic;
pub(crate) mod ucode;
pub mod vbios;

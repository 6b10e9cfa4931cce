// SPDX-License-Identifier: GPL-2.0

//! The signed programs that run on the card before GSP-RM: what they check, and the codes with
//! which they refuse.
//!
//! Not here: GSP-RM and libos ([`gsp_rm`](crate::gsp_rm)), and what the programs change on the card
//! when their checks have passed ([`gpu`](crate::gpu)).

pub(crate) mod booter;
pub(crate) mod brom;
pub(crate) mod chain_of_trust;
pub(crate) mod fmc;
pub(crate) mod fwsec;
pub(crate) mod loader;
pub(crate) mod suspend;

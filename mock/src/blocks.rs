// SPDX-License-Identifier: GPL-2.0

//! The hardware blocks: a file each, with the registers and the state that they have.
//!
//! Not here: what the programs do that run on the falcons ([`programs`](crate::programs),
//! [`gsp_rm`](crate::gsp_rm)), and how blocks and programs make up a card ([`gpu`](crate::gpu)).

pub(crate) mod falcon;
pub(crate) mod fsp;
pub(crate) mod fuse;
pub(crate) mod intr;
pub(crate) mod pbus;
pub(crate) mod pdisp;
pub(crate) mod pfb;
pub(crate) mod pgc6;
pub(crate) mod pmc;
pub(crate) mod prom;
pub(crate) mod ptimer;
pub(crate) mod therm;

// SPDX-License-Identifier: GPL-2.0

//! The driver on a mocked card, through what the crate makes public. One program, since each would
//! have to be linked anew for every mutant (docs/mutants.md).

mod adapter;
mod boot;
mod calls;
mod common;
mod faults;
mod firmware;
mod identify;
mod release;
mod tlv;
mod vbios;

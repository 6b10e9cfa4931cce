// SPDX-License-Identifier: GPL-2.0

//! The VBIOS, read from the card, and FWSEC, the signed program in it. `nova_firmware` parses the
//! VBIOS, and `boot` runs FWSEC.

pub(crate) mod error;
pub(crate) mod fwsec;
pub(crate) mod rom;

/// FWSEC's name, for errors.
const FWSEC: &str = "FWSEC";

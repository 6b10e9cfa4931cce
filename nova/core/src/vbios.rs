// SPDX-License-Identifier: GPL-2.0

//! The VBIOS as it is read from the card, and FWSEC, the signed program in it. `nova_firmware` parses
//! what was read; when FWSEC runs is decided in `boot`.

pub(crate) mod error;
pub(crate) mod fwsec;
pub(crate) mod rom;

/// FWSEC's name, for errors.
const FWSEC: &str = "FWSEC";

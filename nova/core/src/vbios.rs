// SPDX-License-Identifier: GPL-2.0

//! The VBIOS as the driver takes it from the card, and FWSEC, the signed program in it. The parser of
//! what was read is `nova_firmware`; when FWSEC is run is the boot's to say.

pub(crate) mod error;
pub(crate) mod fwsec;
pub(crate) mod rom;

/// Its name, for errors.
const FWSEC: &str = "FWSEC";

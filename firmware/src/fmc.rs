// SPDX-License-Identifier: GPL-2.0

//! `fmc-*.bin`: the firmware that the FSP starts on Hopper and later, with its hash, key and
//! signature.
//!
//! Source: the files in linux-firmware; limits from Linux 7.3,
//! drivers/gpu/nova-core/firmware/fsp.rs.

use object::elf;

use crate::elf::Elf;
use crate::error::{Expected, Format, Result};
use crate::tlv::Tlv;
use crate::view::wide;

/// Bytes of a SHA-384 hash.
const HASH_LEN: u64 = 48;

/// Bytes of an RSA-3072 key or signature, the longest in use.
const RSA_LEN: u64 = 384;

/// An FMC and its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fmc<'a> {
    image: &'a [u8],
    hash: &'a [u8],
    public_key: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Fmc<'a> {
    /// Checks and parses `file`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let elf = Elf::parse(Format::Fmc, file)?;
        elf.check_target(elf::ET_NONE, elf::EM_NONE)?;
        let sized = |name, expected| -> Result<&'a [u8]> {
            let section = elf.section(name)?;
            let len = wide(section.data().len());
            section.view.check(0, name, Expected::AtLeast(1), len)?;
            section.view.check(0, name, expected, len)?;
            Ok(section.data())
        };
        Ok(Self {
            image: sized("image", Expected::AtLeast(1))?,
            hash: sized("hash", Expected::Exactly(HASH_LEN))?,
            public_key: sized("publickey", Expected::AtMost(RSA_LEN))?,
            signature: sized("signature", Expected::AtMost(RSA_LEN))?,
        })
    }

    /// Reads the FMC from a TLV file.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self> {
        Ok(Self {
            image: tlv.sized("BLOB", Expected::AtLeast(1))?,
            hash: tlv.sized("HASH", Expected::Exactly(HASH_LEN))?,
            public_key: tlv.sized("PKEY", Expected::AtMost(RSA_LEN))?,
            signature: tlv.sized("SIGN", Expected::AtMost(RSA_LEN))?,
        })
    }

    /// The program.
    pub const fn image(&self) -> &'a [u8] {
        self.image
    }

    /// Its SHA-384 hash.
    pub const fn hash(&self) -> &'a [u8] {
        self.hash
    }

    /// The key that the signature was made with.
    pub const fn public_key(&self) -> &'a [u8] {
        self.public_key
    }

    /// The signature.
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }
}

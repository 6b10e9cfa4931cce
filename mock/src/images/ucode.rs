// SPDX-License-Identifier: GPL-2.0

//! A signed program for a falcon, as released.
//!
//! The checks before it runs are in [`programs::brom`](crate::programs::brom).
//!
//! Source: nouveau, nvkm/falcon/ga100.c (which signature belongs to which version).

use std::ops::Range;

/// How signatures are assigned to versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// The first signature is for this version, each later one for the version below; the last one
    /// is for unfused chips.
    Descending(u32),
    /// There is one signature per set bit, from the lowest; bit n is for version n.
    Bits(u16),
}

/// What checks a program's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The boot ROM, before the program starts.
    BootRom,
    /// The hardware, when the program's non-secure first part, of this many bytes, calls the rest.
    Stub(u32),
}

/// A signed program for a falcon.
#[derive(Debug)]
pub(crate) struct Ucode {
    /// Contents of code memory, from its start.
    pub(crate) code: Vec<u8>,
    /// Virtual address of the first byte of code.
    pub(crate) code_address: u32,
    /// What checks its signature.
    pub(crate) trust: Trust,
    /// Contents of data memory, from its start, without a signature.
    pub(crate) data: Vec<u8>,
    /// Parts of the data that hold parameters.
    pub(crate) parameters: Vec<Range<usize>>,
    /// Offset of the signature in the data.
    pub(crate) signature_at: u32,
    /// The signatures.
    pub(crate) signatures: Vec<Vec<u8>>,
    /// The versions that the signatures are for.
    pub(crate) versions: Versions,
    /// Engines that it may run on.
    pub(crate) engine_id_mask: u32,
    /// Number of the program's version fuse.
    pub(crate) ucode_id: u32,
}

impl Ucode {
    /// The signature for the fused version `fused`.
    pub(crate) fn signature(&self, fused: u32) -> Option<&[u8]> {
        let index = match self.versions {
            Versions::Descending(_) if fused == 0 => self.signatures.len().checked_sub(1)?,
            Versions::Descending(first) => first.checked_sub(fused)? as usize,
            Versions::Bits(bits) => {
                let bit = 1_u16.checked_shl(fused).filter(|bit| bits & bit != 0)?;
                (bits & (bit - 1)).count_ones() as usize
            }
        };
        self.signatures.get(index).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_descend_or_follow_bits() {
        let mut ucode = Ucode {
            code: Vec::new(),
            code_address: 0,
            trust: Trust::BootRom,
            data: Vec::new(),
            parameters: Vec::new(),
            signature_at: 0,
            signatures: vec![vec![1; 384], vec![2; 384]],
            versions: Versions::Descending(1),
            engine_id_mask: 1,
            ucode_id: 3,
        };
        assert_eq!(ucode.signature(0), Some(&[2; 384][..]));
        assert_eq!(ucode.signature(1), Some(&[1; 384][..]));
        assert_eq!(ucode.signature(2), None);
        ucode.versions = Versions::Bits(0b1010);
        assert_eq!(ucode.signature(1), Some(&[1; 384][..]));
        assert_eq!(ucode.signature(3), Some(&[2; 384][..]));
        assert_eq!(ucode.signature(0), None);
        assert_eq!(ucode.signature(40), None);
    }
}

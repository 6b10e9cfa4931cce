// SPDX-License-Identifier: MIT

//! Firmware files in the packing that Linux 7.3's nova-core requests, and ways to make them wrong.
//!
//! Source: Linux 7.3, Documentation/gpu/nova/core/tlv.rst.

use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSection};

use crate::files::word;

/// Name of the file that holds GSP-RM itself.
pub(crate) const IMAGE: &str = "gsp.bin";

/// A tag and its value.
type Block = (&'static str, Vec<u8>);

/// The blocks of a file.
#[derive(Clone, Debug)]
pub(crate) struct Tlv(Vec<Block>);

impl Tlv {
    /// The contents of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut file = b"NVFW".to_vec();
        for (tag, value) in &self.0 {
            file.extend_from_slice(tag.as_bytes());
            file.extend_from_slice(&(value.len() as u32).to_le_bytes());
            file.extend_from_slice(value);
            file.resize(file.len().next_multiple_of(4), 0);
        }
        file
    }

    /// Contents that the driver must refuse, each with its name.
    pub(crate) fn wrong(&self) -> Vec<(String, Vec<u8>)> {
        let mut wrong = Vec::new();
        for (index, (tag, _)) in self.0.iter().enumerate() {
            let mut missing = self.clone();
            missing.0.remove(index);
            wrong.push((format!("missing-{tag}"), missing.bytes()));
            let mut twice = self.clone();
            twice.0.push(twice.0[index].clone());
            wrong.push((format!("duplicate-{tag}"), twice.bytes()));
        }
        let mut oversized = self.bytes();
        // The length of the first value, behind magic and tag.
        oversized[8..12].fill(0xff);
        wrong.push(("oversized".to_owned(), oversized));
        let mut misaligned = self.bytes();
        // A byte between the first two blocks.
        misaligned.insert(20, 0);
        wrong.push(("misaligned".to_owned(), misaligned));
        let mut other = self.clone();
        other.0[0].1 = b"1.0".to_vec();
        wrong.push(("other-release".to_owned(), other.bytes()));
        wrong
    }
}

/// Collects blocks.
struct Packer(Vec<Block>);

impl Packer {
    fn new(release: &str) -> Self {
        Self(vec![("VERS", release.into())])
    }

    fn bytes(mut self, tag: &'static str, value: &[u8]) -> Self {
        self.0.push((tag, value.to_vec()));
        self
    }

    fn numbers<const N: usize>(mut self, tags: [&'static str; N], values: [u64; N]) -> Self {
        for (tag, value) in tags.into_iter().zip(values) {
            self.0.push((tag, (value as u32).to_le_bytes().to_vec()));
        }
        self
    }

    fn done(self) -> Tlv {
        Tlv(self.0)
    }
}

/// `size` bytes of `content`.
fn part(content: &[u8], at: u64, size: u64) -> &[u8] {
    &content[at as usize..][..size as usize]
}

/// The program in a booter or bootloader file.
fn program(content: &[u8]) -> &[u8] {
    part(content, word(content, 16), word(content, 20))
}

/// A booter's file, packed.
pub(crate) fn booter(content: &[u8], release: &str) -> Tlv {
    let header = |index: u64| word(content, word(content, 12) + 4 * index);
    let load = |index: u64| word(content, header(7) + 4 * index);
    let meta = |index: u64| word(content, header(4) + 4 * index);
    let signatures = part(content, header(0) + word(content, header(3)), header(1));
    Packer::new(release)
        .numbers(["CDOF", "CDSZ", "DAOF", "DASZ"], [0, 1, 2, 3].map(load))
        .numbers(["A0CO", "A0CS"], [5, 6].map(load))
        .numbers(["FUSE", "ENID", "UCID"], [0, 1, 2].map(meta))
        .numbers(["PLOC", "NSIG"], [2, 6].map(|at| word(content, header(at))))
        .bytes("SIGN", signatures)
        .bytes("BLOB", program(content))
        .done()
}

/// The bootloader's file, packed.
pub(crate) fn bootloader(content: &[u8], release: &str) -> Tlv {
    let header = |index: u64| word(content, word(content, 12) + 4 * index);
    Packer::new(release)
        .numbers(["APPV", "MFOF", "DAOF", "CDOF"], [7, 8, 10, 12].map(header))
        .bytes("BLOB", program(content))
        .done()
}

/// GSP-RM's file, packed, and the image that it names.
pub(crate) fn gsp<'a>(content: &'a [u8], signature: &str, release: &str) -> (Tlv, &'a [u8]) {
    let elf = ElfFile64::<LittleEndian>::parse(content).unwrap();
    let section = |name| {
        let section = elf.section_by_name(name);
        section.and_then(|section| section.data().ok()).unwrap()
    };
    let image = section(".fwimage");
    let tlv = Packer::new(release)
        .bytes("FILE", IMAGE.as_bytes())
        .numbers(["SIZE"], [image.len() as u64])
        .bytes("SIGN", section(signature))
        .done();
    (tlv, image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_start_on_words() {
        let tlv = Packer::new("570.144").numbers(["SIZE"], [7]).done();
        let expected = b"NVFWVERS\x07\0\0\x00570.144\0SIZE\x04\0\0\0\x07\0\0\0";
        assert_eq!(tlv.bytes(), expected);
    }

    #[test]
    fn wrong_contents_differ_from_the_right_ones() {
        let tlv = Packer::new("570.144").numbers(["SIZE"], [7]).done();
        let wrong = tlv.wrong();
        assert_eq!(wrong.len(), 2 * 2 + 3);
        assert!(wrong.iter().all(|(_, bytes)| *bytes != tlv.bytes()));
    }
}

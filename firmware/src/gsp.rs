// SPDX-License-Identifier: GPL-2.0

//! `gsp-*.bin`: GSP-RM itself, with a signature for each family of GPUs that it runs on.
//!
//! Source: the files in linux-firmware; the use of their sections in Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gsp.c.

use core::str;

use object::elf;

use crate::elf::{Elf, Section};
use crate::error::{Expected, Format, Result};
use crate::tlv::Tlv;
use crate::view::{offset, wide, View};

/// Prefix of the names of signature sections; the family's name follows.
const SIGNATURE_PREFIX: &str = ".fwsignature_";

/// GSP-RM, its version and its signatures.
#[derive(Clone, Copy, Debug)]
pub struct Gsp<'a> {
    elf: Elf<'a>,
    image: Section<'a>,
    version: &'a str,
    build_id: Option<&'a [u8]>,
}

impl<'a> Gsp<'a> {
    /// Checks and parses `file`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let elf = Elf::parse(Format::Gsp, file)?;
        elf.check_target(elf::ET_REL, elf::EM_RISCV)?;
        let image = elf.section(".fwimage")?;
        let len = wide(image.data().len());
        image.view.check(0, ".fwimage", Expected::AtLeast(1), len)?;
        let version = version(&elf.section(".fwversion")?.view)?;
        let note = elf.find(".note.gnu.build-id")?;
        let build_id = note.map(|note| build_id(&note.view)).transpose()?;
        Ok(Self {
            elf,
            image,
            version,
            build_id,
        })
    }

    /// The program, as it is loaded on the GSP.
    pub const fn image(&self) -> &'a [u8] {
        self.image.data()
    }

    /// Offset of [`Self::image`] in the file.
    pub const fn image_offset(&self) -> usize {
        self.image.offset()
    }

    /// Release, such as `570.144`.
    pub const fn version(&self) -> &'a str {
        self.version
    }

    /// The linker's build id; releases before 570 have none.
    pub const fn build_id(&self) -> Option<&'a [u8]> {
        self.build_id
    }

    /// The signature in `section`; every family of GPUs has its own section (`nova_hw`'s
    /// `Chipset::fwsignature_section`).
    pub fn signature(&self, section: &'static str) -> Result<&'a [u8]> {
        let section = self.elf.section(section)?;
        let len = wide(section.data().len());
        section
            .view
            .check(0, ".fwsignature", Expected::AtLeast(1), len)?;
        Ok(section.data())
    }

    /// All signatures, each with the name of its family of GPUs.
    pub fn signatures(&self) -> impl Iterator<Item = Result<(&'a str, &'a [u8])>> {
        self.elf.sections().filter_map(|section| match section {
            Ok(section) => {
                let family = section.name().strip_prefix(SIGNATURE_PREFIX)?;
                Some(Ok((family, section.data())))
            }
            Err(error) => Some(Err(error)),
        })
    }

    /// The ELF container.
    pub const fn elf(&self) -> Elf<'a> {
        self.elf
    }
}

/// The contents of `gsp.tlv`, which describes GSP-RM in a separate file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedGsp<'a> {
    /// Name of the file with GSP-RM, in the same folder.
    pub file_name: &'a str,
    /// Size of that file in bytes; all of it is the program.
    pub size: u32,
    /// The signature for the GPUs of this folder.
    pub signature: &'a [u8],
    /// The linker's build id in hexadecimal, if the file has it.
    pub build_id: Option<&'a str>,
}

impl<'a> PackedGsp<'a> {
    /// Length of the longest name of that file.
    pub const NAME_MAX: usize = 32;

    /// Reads the description from a TLV file.
    pub fn from_tlv(tlv: &Tlv<'a>) -> Result<Self> {
        let file_name = tlv.text("FILE")?;
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let plain = file_name.chars().all(letters) && !file_name.starts_with('.');
        if file_name.is_empty() || file_name.len() > Self::NAME_MAX || !plain {
            let expected = Expected::Words("the name of a file in the same folder");
            let first = file_name.bytes().next().unwrap_or_default();
            return Err(tlv.value("FILE")?.unexpected(0, "FILE", expected, first));
        }
        Ok(Self {
            file_name,
            size: tlv.number("SIZE", Expected::AtLeast(1))?,
            signature: tlv.sized("SIGN", Expected::AtLeast(1))?,
            build_id: tlv.text("BLID").ok(),
        })
    }
}

/// The text in `.fwversion`, up to a NUL.
fn version<'a>(section: &View<'a>) -> Result<&'a str> {
    let text = section
        .all()
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    let printable = !text.is_empty() && text.iter().all(u8::is_ascii_graphic);
    str::from_utf8(text)
        .ok()
        .filter(|_| printable)
        .ok_or_else(|| {
            let first = text.first().copied().unwrap_or_default();
            let expected = Expected::Words("a release such as 570.144");
            section.unexpected(0, ".fwversion", expected, first)
        })
}

/// The descriptor of the GNU build-id note that fills a section.
fn build_id<'a>(note: &View<'a>) -> Result<&'a [u8]> {
    const NAME: u32 = u32::from_le_bytes(*b"GNU\0");
    let len = note.u32(4, "n_descsz")?;
    let kind = u64::from(elf::NT_GNU_BUILD_ID.0);
    note.check(
        0,
        "n_namesz",
        Expected::Exactly(4),
        note.u32(0, "n_namesz")?,
    )?;
    note.check(4, "n_descsz", Expected::AtLeast(1), len)?;
    note.check(8, "n_type", Expected::Exactly(kind), note.u32(8, "n_type")?)?;
    note.check(
        12,
        "n_name",
        Expected::Exactly(NAME.into()),
        note.u32(12, "n_name")?,
    )?;
    note.bytes(16, offset(len), "n_desc")
}

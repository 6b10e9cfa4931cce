// SPDX-License-Identifier: GPL-2.0

//! ELF as a container of named sections, little-endian, of either class.
//!
//! The structures and constants are those of [`object::elf`]; its reader needs an allocator, which
//! is not available in a kernel module, so this module has its own. A test compares the two.

use core::str;

use object::elf::{
    self, FileHeader32, FileHeader64, SectionHeader32, SectionHeader64, SectionType,
};
use object::pod::{self, Pod};
use object::LittleEndian as LE;

use crate::error::{ErrorKind, Expected, Format, Result};
use crate::view::{offset, View};

/// More sections than this are refused: NVIDIA's files have 14 at most.
const MAX_SECTIONS: u16 = 64;

/// Longer names than this are refused: NVIDIA's longest is `.fwsignature_cc_gh100`.
const MAX_NAME: usize = 64;

/// Larger files than this are refused by [`len_from_head`]: NVIDIA's largest is 61 MiB.
const MAX_LEN: u64 = 256 << 20;

/// An ELF file whose headers have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Elf<'a> {
    view: View<'a>,
    header: Header,
    names: View<'a>,
}

/// A section and its contents.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    name: &'a str,
    kind: SectionType,
    pub(crate) view: View<'a>,
}

/// The fields of a file header that are used, for either class.
#[derive(Clone, Copy, Debug)]
struct Header {
    wide: bool,
    e_type: u16,
    e_machine: u16,
    e_shoff: u64,
    e_shnum: u16,
    e_shstrndx: u16,
}

/// The fields of a section header that are used, for either class, and its offset.
struct SectionHeader {
    at: usize,
    sh_name: u32,
    sh_type: SectionType,
    sh_offset: u64,
    sh_size: u64,
}

/// The length of a 64-bit ELF file that ends with its section headers, computed from its first 64
/// bytes.
///
/// `None` if the bytes are not such a header or the length exceeds 256 MiB.
pub fn len_from_head(head: &[u8; 64]) -> Option<usize> {
    let view = View::new(Format::Gsp, head);
    let header = Header::read(&view).ok().filter(|header| header.wide)?;
    let table = u64::from(header.e_shnum).checked_mul(size_of::<SectionHeader64<LE>>() as u64)?;
    let len = header.e_shoff.checked_add(table)?;
    (len <= MAX_LEN).then(|| offset(len))
}

impl<'a> Elf<'a> {
    /// Checks the headers of `file`; errors name `format`.
    pub fn parse(format: Format, file: &'a [u8]) -> Result<Self> {
        let view = View::new(format, file);
        let header = Header::read(&view)?;
        let mut elf = Self {
            view,
            header,
            names: view.head(0),
        };
        let names = elf.header_of(header.e_shstrndx)?;
        elf.names = elf.contents(&names)?;
        Ok(elf)
    }

    /// Whether the file is of the 64-bit class.
    pub const fn is_64_bit(&self) -> bool {
        self.header.wide
    }

    /// Checks the file's type and machine.
    pub(crate) fn check_target(&self, kind: elf::FileType, machine: elf::Machine) -> Result<()> {
        let (kind, machine) = (u64::from(kind.0), u64::from(machine.0));
        let Header {
            e_type, e_machine, ..
        } = self.header;
        self.view
            .check(16, "e_type", Expected::Exactly(kind), e_type)?;
        self.view
            .check(18, "e_machine", Expected::Exactly(machine), e_machine)
    }

    /// The sections, in the order of the file, without the empty one that every file starts with.
    pub fn sections(self) -> impl Iterator<Item = Result<Section<'a>>> {
        (1..self.header.e_shnum).map(move |index| self.section_at(index))
    }

    /// The section called `name`.
    pub fn section(&self, name: &'static str) -> Result<Section<'a>> {
        match self.find(name)? {
            Some(section) => Ok(section),
            None => Err(self.view.error(self.table(), name, ErrorKind::Missing)),
        }
    }

    /// The section called `name`, if there is one.
    pub fn find(&self, name: &str) -> Result<Option<Section<'a>>> {
        for section in self.sections() {
            let section = section?;
            if section.name == name {
                return Ok(Some(section));
            }
        }
        Ok(None)
    }

    fn section_at(&self, index: u16) -> Result<Section<'a>> {
        let header = self.header_of(index)?;
        Ok(Section {
            name: self.name(&header)?,
            kind: header.sh_type,
            view: self.contents(&header)?,
        })
    }

    fn table(&self) -> usize {
        offset(self.header.e_shoff)
    }

    fn header_of(&self, index: u16) -> Result<SectionHeader> {
        let size = Header::section_header_size(self.header.wide);
        let at = self
            .table()
            .saturating_add(usize::from(index).saturating_mul(size));
        SectionHeader::read(&self.view, at, self.header.wide)
    }

    fn contents(&self, header: &SectionHeader) -> Result<View<'a>> {
        let size = match header.sh_type {
            elf::SHT_NOBITS => 0,
            _ => offset(header.sh_size),
        };
        let field = if self.header.wide { 24 } else { 16 };
        self.view
            .view(offset(header.sh_offset), size, "section")
            .map_err(|error| crate::Error {
                offset: crate::view::wide(header.at.saturating_add(field)),
                field: "sh_offset + sh_size",
                ..error
            })
    }

    fn name(&self, header: &SectionHeader) -> Result<&'a str> {
        let name = self
            .names
            .tail(offset(header.sh_name), "sh_name")?
            .head(MAX_NAME);
        let bytes = name.bytes(0, name.len(), "sh_name")?;
        let text = bytes
            .split(|byte| *byte == 0)
            .next()
            .filter(|text| text.len() < bytes.len());
        text.and_then(|text| str::from_utf8(text).ok())
            .ok_or_else(|| {
                let expected = Expected::Words("a name of at most 63 characters");
                name.unexpected(0, "sh_name", expected, header.sh_name)
            })
    }
}

impl<'a> Section<'a> {
    /// Its name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Its type.
    pub const fn kind(&self) -> SectionType {
        self.kind
    }

    /// Offset of its first byte in the file.
    pub const fn offset(&self) -> usize {
        self.view.position(0)
    }

    /// Its bytes; empty for types that occupy no space in the file.
    pub const fn data(&self) -> &'a [u8] {
        self.view.all()
    }
}

impl Header {
    const fn section_header_size(wide: bool) -> usize {
        match wide {
            true => size_of::<SectionHeader64<LE>>(),
            false => size_of::<SectionHeader32<LE>>(),
        }
    }

    fn read(view: &View<'_>) -> Result<Self> {
        let magic = view.bytes(0, elf::ELFMAG.len(), "e_ident.magic")?;
        if magic != elf::ELFMAG {
            let found = view.u32(0, "e_ident.magic")?;
            return Err(view.unexpected(0, "e_ident.magic", Expected::Magic("\\x7fELF"), found));
        }
        let class = view.u8(4, "e_ident.class")?;
        let classes = &[elf::ELFCLASS32.0 as u64, elf::ELFCLASS64.0 as u64];
        view.check(4, "e_ident.class", Expected::OneOf(classes), class)?;
        let data = u64::from(elf::ELFDATA2LSB.0);
        view.check(
            5,
            "e_ident.data",
            Expected::Exactly(data),
            view.u8(5, "e_ident.data")?,
        )?;
        let version = view.u8(6, "e_ident.version")?;
        view.check(6, "e_ident.version", Expected::Exactly(1), version)?;
        if class == elf::ELFCLASS64.0 {
            Self::read_64(view)
        } else {
            Self::read_32(view)
        }
    }

    fn read_64(view: &View<'_>) -> Result<Self> {
        let raw: &FileHeader64<LE> = plain(view, 0, "file header")?;
        view.check(20, "e_version", Expected::Exactly(1), raw.e_version.get(LE))?;
        view.check(52, "e_ehsize", Expected::Exactly(64), raw.e_ehsize.get(LE))?;
        view.check(
            58,
            "e_shentsize",
            Expected::Exactly(64),
            raw.e_shentsize.get(LE),
        )?;
        let header = Self {
            wide: true,
            e_type: raw.e_type.get(LE).0,
            e_machine: raw.e_machine.get(LE).0,
            e_shoff: raw.e_shoff.get(LE),
            e_shnum: raw.e_shnum.get(LE),
            e_shstrndx: raw.e_shstrndx.get(LE).0,
        };
        header.check_counts(view, 60)
    }

    fn read_32(view: &View<'_>) -> Result<Self> {
        let raw: &FileHeader32<LE> = plain(view, 0, "file header")?;
        view.check(20, "e_version", Expected::Exactly(1), raw.e_version.get(LE))?;
        view.check(40, "e_ehsize", Expected::Exactly(52), raw.e_ehsize.get(LE))?;
        view.check(
            46,
            "e_shentsize",
            Expected::Exactly(40),
            raw.e_shentsize.get(LE),
        )?;
        let header = Self {
            wide: false,
            e_type: raw.e_type.get(LE).0,
            e_machine: raw.e_machine.get(LE).0,
            e_shoff: u64::from(raw.e_shoff.get(LE)),
            e_shnum: raw.e_shnum.get(LE),
            e_shstrndx: raw.e_shstrndx.get(LE).0,
        };
        header.check_counts(view, 48)
    }

    /// Checks `e_shnum`, which lies at byte `at`, and `e_shstrndx`, which follows it.
    fn check_counts(self, view: &View<'_>, at: usize) -> Result<Self> {
        view.check(at, "e_shnum", Expected::AtLeast(2), self.e_shnum)?;
        let most = Expected::AtMost(MAX_SECTIONS.into());
        view.check(at, "e_shnum", most, self.e_shnum)?;
        let last = Expected::AtMost(self.e_shnum.saturating_sub(1).into());
        view.check(
            at.saturating_add(2),
            "e_shstrndx",
            Expected::AtLeast(1),
            self.e_shstrndx,
        )?;
        view.check(at.saturating_add(2), "e_shstrndx", last, self.e_shstrndx)?;
        Ok(self)
    }
}

impl SectionHeader {
    fn read(view: &View<'_>, at: usize, wide: bool) -> Result<Self> {
        if wide {
            let raw: &SectionHeader64<LE> = plain(view, at, "section header")?;
            Ok(Self {
                at,
                sh_name: raw.sh_name.get(LE),
                sh_type: raw.sh_type.get(LE),
                sh_offset: raw.sh_offset.get(LE),
                sh_size: raw.sh_size.get(LE),
            })
        } else {
            let raw: &SectionHeader32<LE> = plain(view, at, "section header")?;
            Ok(Self {
                at,
                sh_name: raw.sh_name.get(LE),
                sh_type: raw.sh_type.get(LE),
                sh_offset: raw.sh_offset.get(LE).into(),
                sh_size: raw.sh_size.get(LE).into(),
            })
        }
    }
}

/// Borrows one of `object`'s structures at byte `at`.
fn plain<'a, T: Pod>(view: &View<'a>, at: usize, field: &'static str) -> Result<&'a T> {
    let bytes = view.bytes(at, size_of::<T>(), field)?;
    let missing = |()| view.error(at, field, ErrorKind::Missing);
    pod::from_bytes(bytes)
        .map(|(value, _)| value)
        .map_err(missing)
}

// SPDX-License-Identifier: GPL-2.0

//! The signed firmware as released, which the boot ROM and booter accept.
//!
//! Hardware checks signatures; the model has no keys and compares bytes.
//!
//! Source: nouveau, include/nvfw/{fw,hs}.h and nvkm/subdev/gsp/ga102.c for the booter files;
//! open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/rmRiscvUcode.h for the
//! bootloader's descriptor.

use std::fmt;
use std::io;
use std::ops::{Deref, Range};

use object::read::elf::{ElfFile32, ElfFile64};
use object::read::{Object, ObjectSection, ReadCache, ReadCacheOps};

use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::release::{Release, NVIDIAS_OWN, RELEASES};

use crate::chips::Chip;
use crate::images::ucode::{Trust, Ucode, Versions};

mod store;

pub use store::{FirmwareFile, Folder, InMemory, Store};

/// A firmware file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct FirmwareError {
    name: String,
    why: Why,
}

impl FirmwareError {
    /// Whether the file does not exist.
    fn is_missing(&self) -> bool {
        matches!(&self.why, Why::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

#[derive(Debug)]
enum Why {
    Io(io::Error),
    Elf(object::read::Error),
    Section(&'static str),
    Release(String),
    Field { what: &'static str, at: usize },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Elf(error) => write!(f, "{error}"),
            Self::Section(name) => write!(f, "has no section {name}"),
            Self::Release(name) => write!(f, "is of release {name:?}, which is not known"),
            Self::Field { what, at } => write!(f, "{what} at byte {at:#x} is not in the file"),
        }
    }
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<object::read::Error> for Why {
    fn from(error: object::read::Error) -> Self {
        Self::Elf(error)
    }
}

/// The releases that the mock knows.
fn releases() -> impl Iterator<Item = &'static Release> {
    RELEASES.into_iter().chain(NVIDIAS_OWN)
}

/// Name under which a file of the newest release is installed.
pub fn file_name(chip: &Chip, what: &str) -> String {
    file_name_of(chip, what, RELEASES[0])
}

/// Name under which a file of `release` is installed.
pub fn file_name_of(chip: &Chip, what: &str, release: &Release) -> String {
    let chip = chip.chipset.name();
    match what {
        "gen_bootloader" => format!("nvidia/{chip}/{}", release.gen_bootloader),
        _ => format!("nvidia/{chip}/gsp/{what}-{}.bin", release.name),
    }
}

/// The signed firmware of one or more releases for a chip. The driver chooses the release; booter
/// accepts only the files of its own release.
#[derive(Debug)]
pub struct Firmwares {
    all: Vec<Firmware>,
    /// Index of the release whose booter was started last.
    current: usize,
}

impl Firmwares {
    /// Reads all firmware of `chip` in `store`. Releases with missing files are left out, but one
    /// must be complete.
    pub fn load(chip: &Chip, store: &dyn Store) -> Result<Self, FirmwareError> {
        let mut all = Vec::new();
        let mut first_missing = None;
        for release in releases() {
            match Firmware::load(chip, release, store) {
                Ok(firmware) => all.push(firmware),
                Err(error) if error.is_missing() => {
                    first_missing.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match first_missing {
            Some(error) if all.is_empty() => Err(error),
            _ => Ok(Self { all, current: 0 }),
        }
    }

    /// The firmware of all releases.
    pub(crate) fn all(&self) -> &[Firmware] {
        &self.all
    }

    /// Selects the first release for which `is_meant` holds, if there is one.
    pub(crate) fn select(&mut self, is_meant: impl Fn(&Firmware) -> bool) {
        if let Some(index) = self.all.iter().position(is_meant) {
            self.current = index;
        }
    }

    /// Selects the release `index`, whose booter was started.
    pub(crate) fn set_current(&mut self, index: usize) {
        self.current = index;
    }
}

impl Deref for Firmwares {
    type Target = Firmware;

    fn deref(&self) -> &Firmware {
        &self.all[self.current]
    }
}

/// The firmware of a release for a chip.
#[derive(Debug)]
pub struct Firmware {
    /// Booter and booter unload, on chips that do not boot through the FSP.
    pub(crate) booter_load: Option<Ucode>,
    pub(crate) booter_unload: Option<Ucode>,
    /// The FMC, on chips that boot through the FSP.
    pub(crate) fmc: Option<Fmc>,
    /// The generic bootloader, which loads FWSEC on falcons without a boot ROM.
    pub(crate) loader: Option<Loader>,
    /// The scrubber of the frame buffer, if the chip and the release have one.
    pub(crate) scrubber: Option<Ucode>,
    pub(crate) bootloader: Bootloader,
    pub(crate) gsp: GspImage,
}

impl Firmware {
    /// Reads the firmware of `release` for `chip` from `store`.
    pub(crate) fn load(
        chip: &Chip,
        release: &Release,
        store: &dyn Store,
    ) -> Result<Self, FirmwareError> {
        let file = |what| FileOf {
            name: file_name_of(chip, what, release),
            store,
        };
        let boot_rom = chip.falcons.has_boot_rom();
        let booter = |image: FirmwareFile| booter(&image.read_all()?, boot_rom);
        let loader = match boot_rom {
            true => None,
            false => Some(file("gen_bootloader").parse(|image| Loader::parse(&image.read_all()?))?),
        };
        let scrubber = match chip.has_scrubber() {
            true => optional(file("scrubber").parse(booter))?,
            false => None,
        };
        let booter_file = |what| match chip.boots_through_fsp() {
            true => Ok(None),
            false => file(what).parse(booter).map(Some),
        };
        Ok(Self {
            loader,
            scrubber,
            booter_load: booter_file("booter_load")?,
            booter_unload: booter_file("booter_unload")?,
            fmc: match chip.boots_through_fsp() {
                true => Some(file("fmc").parse(|image| Fmc::parse(&image.read_all()?))?),
                false => None,
            },
            bootloader: file("bootloader").parse(|image| Bootloader::parse(&image.read_all()?))?,
            gsp: file("gsp")
                .parse(|image| GspImage::parse(image, chip.chipset.fwsignature_section()))?,
        })
    }
}

/// Returns `None` if the file does not exist.
fn optional<T>(result: Result<T, FirmwareError>) -> Result<Option<T>, FirmwareError> {
    match result {
        Err(error) if error.is_missing() => Ok(None),
        result => result.map(Some),
    }
}

/// A file by its name.
struct FileOf<'a> {
    name: String,
    store: &'a dyn Store,
}

impl FileOf<'_> {
    fn parse<T>(
        self,
        parse: impl FnOnce(FirmwareFile) -> Result<T, Why>,
    ) -> Result<T, FirmwareError> {
        let Self { name, store } = self;
        store
            .open(&name)
            .map_err(Why::Io)
            .and_then(parse)
            .map_err(|why| FirmwareError { name, why })
    }
}

fn u32_at(bytes: &[u8], at: usize, what: &'static str) -> Result<u32, Why> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map(|word| u32::from_le_bytes(*word))
        .ok_or(Why::Field { what, at })
}

fn slice<'a>(bytes: &'a [u8], at: u32, len: u32, what: &'static str) -> Result<&'a [u8], Why> {
    let at = at as usize;
    bytes
        .get(at..)
        .and_then(|rest| rest.get(..len as usize))
        .ok_or(Why::Field { what, at })
}

/// Offsets in the header that starts a booter or bootloader file.
const BIN_HEADER_OFFSET: usize = 12;
const BIN_DATA_OFFSET: usize = 16;
const BIN_DATA_SIZE: usize = 20;

/// Reads a booter file: a signed program for SEC2. Without a boot ROM, the program starts with the
/// non-secure code before the application.
fn booter(file: &[u8], boot_rom: bool) -> Result<Ucode, Why> {
    let header = u32_at(file, BIN_HEADER_OFFSET, "header offset")? as usize;
    let hs = |index: usize, what| u32_at(file, header.saturating_add(4 * index), what);
    let indirect = |index, what| u32_at(file, hs(index, what)? as usize, what);

    let count = indirect(6, "number of signatures")?;
    let all = slice(
        file,
        hs(0, "signatures")?.saturating_add(indirect(3, "first signature")?),
        hs(1, "size of signatures")?,
        "signatures",
    )?;
    let size = all.len() / (count.max(1) as usize);

    let meta = hs(4, "meta data")? as usize;
    let load = hs(7, "load header")? as usize;
    let load = |index: usize, what| u32_at(file, load.saturating_add(4 * index), what);
    let data = slice(
        file,
        u32_at(file, BIN_DATA_OFFSET, "data offset")?,
        u32_at(file, BIN_DATA_SIZE, "data size")?,
        "data",
    )?;
    let data_at = load(2, "data offset")?;
    let (secure_at, secure_len) = (load(5, "application offset")?, load(6, "application size")?);
    let (code_at, code_len, trust) = match boot_rom {
        true => (secure_at, secure_len, Trust::BootRom),
        false => {
            let trust = Trust::Stub(load(1, "size of the code")?);
            (
                load(0, "code offset")?,
                secure_at.saturating_add(secure_len),
                trust,
            )
        }
    };
    Ok(Ucode {
        code: slice(data, code_at, code_len, "code")?.to_vec(),
        code_address: code_at,
        trust,
        data: slice(data, data_at, load(3, "data size")?, "data")?.to_vec(),
        parameters: Vec::new(),
        signature_at: indirect(2, "patch location")?.saturating_sub(data_at),
        signatures: all.chunks_exact(size.max(1)).map(<[u8]>::to_vec).collect(),
        versions: Versions::Descending(u32_at(file, meta, "fuse version")?),
        engine_id_mask: u32_at(file, meta.saturating_add(4), "engine id")?,
        ucode_id: u32_at(file, meta.saturating_add(8), "ucode id")?,
    })
}

/// The generic bootloader, an unsigned program that loads FWSEC by DMA and starts it.
///
/// Source: nouveau, include/nvfw/acr.h (`nvfw_bl_desc`).
#[derive(Debug)]
pub(crate) struct Loader {
    pub(crate) code: Vec<u8>,
    /// Virtual address of the first byte of code.
    pub(crate) address: u32,
    /// Offset of its descriptor in data memory.
    pub(crate) descriptor_at: usize,
}

impl Loader {
    fn parse(file: &[u8]) -> Result<Self, Why> {
        let header = u32_at(file, BIN_HEADER_OFFSET, "header offset")? as usize;
        let desc = |index: usize, what| u32_at(file, header.saturating_add(4 * index), what);
        let data = slice(
            file,
            u32_at(file, BIN_DATA_OFFSET, "data offset")?,
            u32_at(file, BIN_DATA_SIZE, "data size")?,
            "data",
        )?;
        let (at, len) = (desc(2, "code offset")?, desc(3, "code size")?);
        Ok(Self {
            code: slice(data, at, len, "code")?.to_vec(),
            address: desc(0, "start tag")?.saturating_mul(BLOCK_SIZE as u32),
            descriptor_at: desc(1, "descriptor offset")? as usize,
        })
    }
}

/// The program that the GSP's RISC-V core starts with.
#[derive(Debug)]
pub(crate) struct Bootloader {
    pub(crate) ucode: Vec<u8>,
    pub(crate) app_version: u32,
    pub(crate) manifest_offset: u32,
    pub(crate) data_offset: u32,
    pub(crate) code_offset: u32,
}

impl Bootloader {
    fn parse(file: &[u8]) -> Result<Self, Why> {
        let header = u32_at(file, BIN_HEADER_OFFSET, "header offset")? as usize;
        let desc = |index: usize, what| u32_at(file, header.saturating_add(4 * index), what);
        Ok(Self {
            ucode: slice(
                file,
                u32_at(file, BIN_DATA_OFFSET, "data offset")?,
                u32_at(file, BIN_DATA_SIZE, "data size")?,
                "data",
            )?
            .to_vec(),
            app_version: desc(7, "application version")?,
            manifest_offset: desc(8, "manifest offset")?,
            data_offset: desc(10, "monitor data offset")?,
            code_offset: desc(12, "monitor code offset")?,
        })
    }
}

/// What the FSP compares an FMC with.
#[derive(Debug)]
pub(crate) struct Fmc {
    /// Bytes of the program.
    pub(crate) size: usize,
    pub(crate) hash: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Fmc {
    fn parse(file: &[u8]) -> Result<Self, Why> {
        let elf: ElfFile32<'_, object::Endianness> = ElfFile32::parse(file)?;
        let section = |name| -> Result<&[u8], Why> {
            let section = elf.section_by_name(name).ok_or(Why::Section(name))?;
            Ok(section.data()?)
        };
        Ok(Self {
            size: section("image")?.len(),
            hash: section("hash")?.to_vec(),
            public_key: section("publickey")?.to_vec(),
            signature: section("signature")?.to_vec(),
        })
    }
}

/// GSP-RM.
#[derive(Debug)]
pub(crate) struct GspImage {
    file: FirmwareFile,
    section: Range<u64>,
    /// The signature of the chip's family.
    pub(crate) signature: Vec<u8>,
    /// Release, as the firmware itself states it.
    pub(crate) release: &'static Release,
}

/// Adapts [`FirmwareFile`] to the ELF reader.
struct Reader<'a> {
    image: &'a FirmwareFile,
    position: u64,
}

impl ReadCacheOps for Reader<'_> {
    fn len(&mut self) -> Result<u64, ()> {
        self.image.len().map_err(|_| ())
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        self.position = position;
        Ok(position)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, ()> {
        let left = self.len()?.saturating_sub(self.position);
        let len = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.read_exact(&mut into[..len])?;
        Ok(len)
    }

    fn read_exact(&mut self, into: &mut [u8]) -> Result<(), ()> {
        self.image.read_at(self.position, into).map_err(|_| ())?;
        self.position += into.len() as u64;
        Ok(())
    }
}

impl GspImage {
    fn parse(file: FirmwareFile, signature_section: &'static str) -> Result<Self, Why> {
        let cache = ReadCache::new(Reader {
            image: &file,
            position: 0,
        });
        let elf: ElfFile64<'_, object::Endianness, _> = ElfFile64::parse(&cache)?;
        let section = |name| elf.section_by_name(name).ok_or(Why::Section(name));
        let (start, size) = section(".fwimage")?
            .file_range()
            .ok_or(Why::Section(".fwimage"))?;
        let version = section(".fwversion")?.data()?;
        let version = version.split(|&byte| byte == 0).next().unwrap_or_default();
        let version = String::from_utf8_lossy(version);
        let release = releases()
            .find(|release| release.name == version)
            .ok_or_else(|| Why::Release(version.into()))?;
        let signature = section(signature_section)?.data()?.to_vec();
        Ok(Self {
            section: start..start.saturating_add(size),
            release,
            signature,
            file,
        })
    }

    /// Bytes of the image that is loaded on the GSP.
    pub(crate) fn size(&self) -> u64 {
        self.section.end - self.section.start
    }

    /// Reads the image from byte `offset`.
    pub(crate) fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file
            .read_at(self.section.start.saturating_add(offset), into)
    }
}

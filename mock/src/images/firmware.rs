// SPDX-License-Identifier: GPL-2.0

//! The signed firmware as its authors built it: what the boot ROM and booter verify against.
//!
//! Hardware knows it by signatures; the model has no keys and knows it by its bytes.
//!
//! Source: nouveau, include/nvfw/{fw,hs}.h and nvkm/subdev/gsp/ga102.c for the booter files;
//! open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/rmRiscvUcode.h for the
//! bootloader's descriptor.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use object::read::elf::{ElfFile32, ElfFile64};
use object::read::{Object, ObjectSection, ReadCache, ReadCacheOps};

use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::release::{Release, RELEASES};

use crate::chips::Chip;
use crate::images::ucode::{Trust, Ucode, Versions};

/// A firmware file.
#[derive(Clone, Debug)]
pub enum Image {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// On disk; read as needed, since the largest has tens of megabytes.
    File(Arc<File>),
}

impl Image {
    /// Size in bytes.
    pub fn len(&self) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads from byte `offset`.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let from = usize::try_from(offset)
                    .ok()
                    .and_then(|at| bytes.get(at..)?.get(..into.len()))
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
                into.copy_from_slice(from);
                Ok(())
            }
            Self::File(file) => file.read_exact_at(into, offset),
        }
    }

    /// The whole file.
    pub fn read_all(&self) -> io::Result<Arc<[u8]>> {
        if let Self::Bytes(bytes) = self {
            return Ok(Arc::clone(bytes));
        }
        let len = usize::try_from(self.len()?).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = vec![0; len];
        self.read_at(0, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// A place that holds firmware files under the names that Linux asks for.
pub trait Store {
    /// Opens `name`, for example `nvidia/ga102/gsp/gsp-570.144.bin`.
    fn open(&self, name: &str) -> io::Result<Image>;
}

/// A folder like `/lib/firmware`.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Store for Folder {
    fn open(&self, name: &str) -> io::Result<Image> {
        File::open(self.0.join(name)).map(|file| Image::File(Arc::new(file)))
    }
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct InMemory(pub BTreeMap<String, Arc<[u8]>>);

impl Store for InMemory {
    fn open(&self, name: &str) -> io::Result<Image> {
        let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Image::Bytes(bytes.clone()))
    }
}

/// A firmware file is not usable.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct FirmwareError {
    name: String,
    why: Why,
}

impl FirmwareError {
    /// The file is not there.
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

/// All that is signed for a chip: the firmware of one release or more. Which one runs is up to whom
/// loads it; booter takes nothing but what it was released with.
#[derive(Debug)]
pub struct Firmwares {
    all: Vec<Firmware>,
    /// The one whose booter was started last.
    current: usize,
}

impl Firmwares {
    /// Reads all firmware of `chip` in `store`; releases that are not there as a whole are left
    /// out, but one has to be.
    pub fn load(chip: &Chip, store: &dyn Store) -> Result<Self, FirmwareError> {
        let mut all = Vec::new();
        let mut first_missing = None;
        for release in RELEASES {
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

    /// All of it.
    pub(crate) fn all(&self) -> &[Firmware] {
        &self.all
    }

    /// Notes that the first one for which `is_meant` was started, where there is one.
    pub(crate) fn select(&mut self, is_meant: impl Fn(&Firmware) -> bool) {
        if let Some(index) = self.all.iter().position(is_meant) {
            self.current = index;
        }
    }

    /// Notes that the booter of number `index` was started.
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
    /// What puts GSP-RM into WPR2 and takes WPR2 away, where the FSP does not.
    pub(crate) booter_load: Option<Ucode>,
    pub(crate) booter_unload: Option<Ucode>,
    /// What the FSP starts, where it does.
    pub(crate) fmc: Option<Fmc>,
    /// What fetches FWSEC, where the falcons have no boot ROM.
    pub(crate) loader: Option<Loader>,
    /// What clears the rest of the frame buffer, where that is a program of its own and there is one.
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
        let booter = |image: Image| booter(&image.read_all()?, boot_rom);
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

/// Makes nothing of a file that is not there.
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
    fn parse<T>(self, parse: impl FnOnce(Image) -> Result<T, Why>) -> Result<T, FirmwareError> {
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

/// Reads a booter file: a signed program for SEC2. Without a boot ROM, the code before the
/// application is its start.
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

/// The program that fetches FWSEC by DMA and starts it; it is not signed.
///
/// Source: nouveau, include/nvfw/acr.h (`nvfw_bl_desc`).
#[derive(Debug)]
pub(crate) struct Loader {
    pub(crate) code: Vec<u8>,
    /// Virtual address of the first byte of code.
    pub(crate) address: u32,
    /// Where in data memory it looks for its descriptor.
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

/// The FMC: what the FSP knows it by.
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
    file: Image,
    section: Range<u64>,
    /// The signature of the chip's family.
    pub(crate) signature: Vec<u8>,
    /// Release, as the firmware itself tells it.
    pub(crate) release: &'static Release,
}

/// [`Image`] as the ELF reader wants it.
struct Reader<'a> {
    image: &'a Image,
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
    fn parse(file: Image, signature_section: &'static str) -> Result<Self, Why> {
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
        let release = Release::named(&version).ok_or_else(|| Why::Release(version.into()))?;
        let signature = section(signature_section)?.data()?.to_vec();
        Ok(Self {
            section: start..start.saturating_add(size),
            release,
            signature,
            file,
        })
    }

    /// Bytes of the image that is given to the GSP.
    pub(crate) fn size(&self) -> u64 {
        self.section.end - self.section.start
    }

    /// Reads the image from byte `offset`.
    pub(crate) fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file
            .read_at(self.section.start.saturating_add(offset), into)
    }
}

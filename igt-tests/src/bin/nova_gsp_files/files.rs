// SPDX-License-Identifier: MIT

//! The firmware files of a chip, and ways to make them wrong.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use igt::ExitHandler;
use nix::mount::{mount, umount2, MntFlags, MsFlags};
use object::{Object, ObjectSection};

use crate::tlv::{self, Tlv};

/// GSP-RM itself.
pub(crate) const GSP: &str = "gsp";
/// The bootloader, which starts GSP-RM on the GSP's RISC-V core.
pub(crate) const BOOTLOADER: &str = "bootloader";
/// Booter, which sets WPR2 up.
pub(crate) const BOOTER_LOAD: &str = "booter_load";
/// Booter unload, which removes WPR2.
pub(crate) const BOOTER_UNLOAD: &str = "booter_unload";
/// The generic bootloader, which loads FWSEC on falcons without a boot ROM.
pub(crate) const GEN_BOOTLOADER: &str = "gen_bootloader";
/// The FMC, which the FSP starts.
pub(crate) const FMC: &str = "fmc";
/// All kinds of files.
pub(crate) const FILES: [&str; 6] = [
    GSP,
    BOOTLOADER,
    BOOTER_LOAD,
    BOOTER_UNLOAD,
    GEN_BOOTLOADER,
    FMC,
];

/// Files of chips with the generic bootloader.
const WITH_LOADER: &[&str] = &[GSP, BOOTLOADER, BOOTER_LOAD, BOOTER_UNLOAD, GEN_BOOTLOADER];
/// Files of chips with a boot ROM in their falcons.
const WITH_BOOT_ROM: &[&str] = &[GSP, BOOTLOADER, BOOTER_LOAD, BOOTER_UNLOAD];
/// Files of chips with an FSP.
const WITH_FSP: &[&str] = &[GSP, BOOTLOADER, FMC];

/// Chips with the same kinds of files.
struct Group {
    /// Numbers of the chipsets.
    chipsets: RangeInclusive<u32>,
    /// Kinds of the files.
    files: &'static [&'static str],
    /// Section of GSP-RM's file with the signature for these chips.
    signature: &'static str,
    /// Another chip, and its files whose signatures these chips do not accept.
    others: (&'static str, &'static [&'static str]),
}

const fn group(
    chipsets: RangeInclusive<u32>,
    files: &'static [&'static str],
    signature: &'static str,
    others: (&'static str, &'static [&'static str]),
) -> Group {
    Group {
        chipsets,
        files,
        signature,
        others,
    }
}

#[rustfmt::skip]
const GROUPS: [Group; 8] = [
    group(0x162..=0x166, WITH_LOADER, ".fwsignature_tu10x", ("ga102", &[GSP])),
    group(0x167..=0x168, WITH_LOADER, ".fwsignature_tu11x", ("ga102", &[GSP])),
    group(0x170..=0x170, WITH_LOADER, ".fwsignature_ga100", ("ga102", &[GSP])),
    group(0x172..=0x177, WITH_BOOT_ROM, ".fwsignature_ga10x", ("tu102", &[GSP, BOOTER_LOAD])),
    group(0x180..=0x180, WITH_FSP, ".fwsignature_gh100", ("tu102", &[GSP])),
    group(0x192..=0x197, WITH_BOOT_ROM, ".fwsignature_ad10x", ("tu102", &[GSP, BOOTER_LOAD])),
    group(0x1a0..=0x1a2, WITH_FSP, ".fwsignature_gb10x", ("tu102", &[GSP])),
    group(0x1b2..=0x1b7, WITH_FSP, ".fwsignature_gb20x", ("tu102", &[GSP])),
];

/// A chip and its files.
pub(crate) struct Chip {
    /// Name of the chip and of its firmware folder.
    pub(crate) name: String,
    group: &'static Group,
}

impl Chip {
    /// The chip with this name and chipset; `None` if its files are unknown.
    pub(crate) fn new(name: String, chipset: u32) -> Option<Self> {
        let group = GROUPS
            .iter()
            .find(|group| group.chipsets.contains(&chipset))?;
        Some(Self { name, group })
    }

    /// The kinds of its files.
    pub(crate) fn files(&self) -> &'static [&'static str] {
        self.group.files
    }
}

/// Folder for the files of other releases.
const OTHERS: &str = "others";

/// A field: its name, its first byte and its length in bytes.
type Field = (String, u64, usize);

/// Places of the fields of an ELF file in which a wrong value is an error.
struct ElfFields {
    /// Fields of the file header.
    header: [(&'static str, u64, usize); 12],
    /// Offset and length of `e_shoff`.
    shoff: (usize, usize),
    /// Bytes of a section header.
    section_header: u64,
    /// Fields of a section header.
    section: [(&'static str, u64, usize); 3],
}

/// Source: `struct elf64_hdr` and `elf64_shdr`, `include/uapi/linux/elf.h`.
const ELF64: ElfFields = ElfFields {
    header: [
        ("magic", 0, 4),
        ("class", 4, 1),
        ("data", 5, 1),
        ("version", 6, 1),
        ("e_type", 16, 2),
        ("e_machine", 18, 2),
        ("e_version", 20, 4),
        ("e_shoff", 40, 8),
        ("e_ehsize", 52, 2),
        ("e_shentsize", 58, 2),
        ("e_shnum", 60, 2),
        ("e_shstrndx", 62, 2),
    ],
    shoff: (40, 8),
    section_header: 64,
    section: [("sh_name", 0, 4), ("sh_offset", 24, 8), ("sh_size", 32, 8)],
};

/// Source: `struct elf32_hdr` and `elf32_shdr`, likewise.
const ELF32: ElfFields = ElfFields {
    header: [
        ("magic", 0, 4),
        ("class", 4, 1),
        ("data", 5, 1),
        ("version", 6, 1),
        ("e_type", 16, 2),
        ("e_machine", 18, 2),
        ("e_version", 20, 4),
        ("e_shoff", 32, 4),
        ("e_ehsize", 40, 2),
        ("e_shentsize", 46, 2),
        ("e_shnum", 48, 2),
        ("e_shstrndx", 50, 2),
    ],
    shoff: (32, 4),
    section_header: 40,
    section: [("sh_name", 0, 4), ("sh_offset", 16, 4), ("sh_size", 20, 4)],
};

/// Words of the header at the start of booter and bootloader files.
/// Source: `nvfw_bin_hdr`, drivers/gpu/drm/nouveau/include/nvfw/fw.h.
const BIN_HEADER: [&str; 6] = [
    "bin_magic",
    "bin_ver",
    "bin_size",
    "header_offset",
    "data_offset",
    "data_size",
];

/// Words of a booter's own header, behind `header_offset`.
/// Source: `nvfw_hs_header_v2`, drivers/gpu/drm/nouveau/include/nvfw/hs.h.
const HS_HEADER: [&str; 9] = [
    "sig_prod_offset",
    "sig_prod_size",
    "patch_loc",
    "patch_sig",
    "meta_data_offset",
    "meta_data_size",
    "num_sig",
    "hs_header_offset",
    "hs_header_size",
];

/// Words of a booter's load header, behind `hs_header_offset`, up to its first application's code.
/// Source: `nvfw_hs_load_header_v2`, drivers/gpu/drm/nouveau/include/nvfw/hs.h.
const LOAD_HEADER: [&str; 7] = [
    "os_code_offset",
    "os_code_size",
    "os_data_offset",
    "os_data_size",
    "num_apps",
    "app_offset",
    "app_size",
];

/// Words of the bootloader's own header that the boot uses, by their index.
/// Source: `RM_RISCV_UCODE_DESC`, open-gpu-kernel-modules 570,
/// src/nvidia/arch/nvalloc/common/inc/rmRiscvUcode.h.
const RISCV_HEADER: [(&str, u64); 7] = [
    ("version", 0),
    ("manifest_offset", 8),
    ("manifest_size", 9),
    ("monitor_data_offset", 10),
    ("monitor_data_size", 11),
    ("monitor_code_offset", 12),
    ("monitor_code_size", 13),
];

/// Words of the generic bootloader's own header in which a wrong value is an error, by their index.
/// Source: `nvfw_bl_desc`, drivers/gpu/drm/nouveau/include/nvfw/fw.h.
const BL_HEADER: [(&str, u64); 5] = [
    ("bl_start_tag", 0),
    ("bl_code_off", 2),
    ("bl_code_size", 3),
    ("bl_data_off", 4),
    ("bl_data_size", 5),
];

/// Sections of the FMC's file.
const FMC_SECTIONS: [&str; 4] = ["image", "hash", "publickey", "signature"];

/// A change that makes a file wrong.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    file: &'static str,
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The file is missing.
    Missing,
    /// The file is truncated to this length.
    Cut(u64),
    /// The file has the contents of another file.
    Instead(PathBuf),
    /// The bytes at an offset are replaced.
    Patch(u64, Vec<u8>),
}

impl Change {
    /// `file` is missing.
    pub(crate) fn missing(file: &'static str) -> Self {
        Self {
            file,
            name: file.to_owned(),
            kind: Kind::Missing,
        }
    }

    /// `file` is truncated to `length` bytes.
    pub(crate) fn cut(file: &'static str, length: u64) -> Self {
        Self {
            file,
            name: if length == 0 {
                file.to_owned()
            } else {
                format!("at-{length:#x}")
            },
            kind: Kind::Cut(length),
        }
    }

    /// `file` is replaced by that of another chip.
    fn of_chip(file: &'static str, chip: &str, release: &str) -> Self {
        Self {
            file,
            name: file.to_owned(),
            kind: Kind::Instead(folder(chip).join(format!("{file}-{release}.bin"))),
        }
    }

    /// A field of `file` has all its bits set.
    fn ones(file: &'static str, (name, at, length): Field) -> Self {
        Self {
            file,
            name,
            kind: Kind::Patch(at, vec![0xff; length]),
        }
    }

    /// Name of the dynamic subtest for this change.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The file that is changed.
    pub(crate) fn file(&self) -> &'static str {
        self.file
    }
}

/// Undoes a change when it is dropped.
#[must_use = "the change is undone as soon as this is dropped"]
pub(crate) struct Undo(Option<Box<dyn FnOnce()>>);

impl Undo {
    fn new(action: impl FnOnce() + 'static) -> Self {
        Self(Some(Box::new(action)))
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

/// A copy in memory of the firmware of a chip, mounted over its folder.
pub(crate) struct Firmware {
    folder: PathBuf,
    chip: Chip,
    release: String,
    _mounted: ExitHandler,
}

impl Firmware {
    /// Mounts a copy of the files of `release` over the folder of `chip`.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub(crate) fn hide(chip: Chip, release: &str) -> Self {
        let folder = folder(&chip.name);
        let others = others(&folder, release);
        // The files are opened before the mount hides them.
        let open = |file: &&str| {
            let name = format!("{file}-{release}.bin");
            let opened = File::open(folder.join(&name));
            (
                opened.unwrap_or_else(|error| panic!("{name}: {error}")),
                name,
            )
        };
        let files: Vec<_> = chip.files().iter().map(open).collect();
        let none: Option<&str> = None;
        mount(
            Some("tmpfs"),
            &folder,
            Some("tmpfs"),
            MsFlags::empty(),
            none,
        )
        .unwrap();
        let mounted = folder.clone();
        let handler = ExitHandler::new(move || {
            if let Err(error) = umount2(&mounted, MntFlags::MNT_DETACH) {
                log::error!("umount {}: {error}", mounted.display());
            }
        });
        for (file, name) in files {
            write(&folder.join(name), file);
        }
        fs::create_dir(folder.join(OTHERS)).unwrap();
        for (file, name) in others {
            write(&folder.join(OTHERS).join(name), file);
        }
        Self {
            folder,
            chip,
            release: release.to_owned(),
            _mounted: handler,
        }
    }

    /// The chip.
    pub(crate) fn chip(&self) -> &Chip {
        &self.chip
    }

    /// The name under which the driver requests `file`.
    pub(crate) fn name(&self, file: &str) -> String {
        format!("nvidia/{}/gsp/{file}-{}.bin", self.chip.name, self.release)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(format!("{file}-{}.bin", self.release))
    }

    /// Applies a change until the returned value is dropped.
    ///
    /// # Panics
    ///
    /// If a file cannot be written.
    pub(crate) fn apply(&self, change: &Change) -> Undo {
        let path = self.path(change.file);
        match &change.kind {
            Kind::Missing => put_aside(&path),
            Kind::Cut(length) => {
                let undo = put_aside(&path);
                let whole = File::open(aside(&path)).unwrap();
                write(&path, whole.take(*length));
                undo
            }
            Kind::Instead(other) => {
                let undo = put_aside(&path);
                write(&path, File::open(other).unwrap());
                undo
            }
            Kind::Patch(at, bytes) => patch(&path, *at, bytes),
        }
    }

    /// Changes that truncate `file` at each boundary of its parts, and one byte before its end.
    pub(crate) fn cuts(&self, file: &'static str) -> Vec<Change> {
        let content = fs::read(self.path(file)).unwrap();
        let mut cuts = match file {
            GSP | FMC => elf_boundaries(&content),
            _ => bin_boundaries(&content, file),
        };
        let length = content.len() as u64;
        cuts.extend([1, length - 1]);
        cuts.retain(|at| (1..length).contains(at));
        cuts.sort_unstable();
        cuts.dedup();
        cuts.into_iter().map(|at| Change::cut(file, at)).collect()
    }

    /// Changes that set each field of the headers of `file` to a wrong value.
    pub(crate) fn wrong_fields(&self, file: &'static str) -> Vec<Change> {
        let content = fs::read(self.path(file)).unwrap();
        let fields = match file {
            GSP => elf_fields(
                &content,
                &[".fwimage", ".fwversion", self.chip.group.signature],
            ),
            FMC => elf_fields(&content, &FMC_SECTIONS),
            BOOTLOADER => bin_fields(&content, &RISCV_HEADER),
            GEN_BOOTLOADER => bin_fields(&content, &BL_HEADER),
            _ => booter_fields(&content),
        };
        fields
            .into_iter()
            .map(|field| Change::ones(file, field))
            .collect()
    }

    /// Changes to files of a chip whose signatures this chip does not accept.
    pub(crate) fn other_chip(&self) -> Vec<Change> {
        let (chip, files) = self.chip.group.others;
        let of_chip = |file: &&'static str| Change::of_chip(file, chip, &self.release);
        files.iter().map(of_chip).collect()
    }

    /// A change of the release in the GSP file.
    pub(crate) fn other_release(&self) -> Vec<Change> {
        let release = self.release.as_bytes();
        let content = fs::read(self.path(GSP)).unwrap();
        // The image precedes the version and may contain the same bytes.
        let at = content
            .windows(release.len())
            .rposition(|bytes| bytes == release);
        let mut other = release.to_vec();
        other[0] ^= 1;
        vec![Change {
            file: GSP,
            name: GSP.to_owned(),
            kind: Kind::Patch(at.expect("the file tells its release") as u64, other),
        }]
    }

    /// Installs the files of other releases, too, until the returned value is dropped; returns
    /// their number.
    pub(crate) fn install_others(&self) -> (usize, Undo) {
        let moves = self.others().map(|other| {
            let installed = self.folder.join(other.file_name().unwrap());
            fs::rename(&other, &installed).unwrap();
            (installed, other)
        });
        let moves: Vec<_> = moves.collect();
        let count = moves.len();
        let put_back = move || {
            for (installed, other) in moves {
                fs::rename(installed, other).unwrap();
            }
        };
        (count, Undo::new(put_back))
    }

    /// Files of other releases.
    fn others(&self) -> impl Iterator<Item = PathBuf> {
        let listed = fs::read_dir(self.folder.join(OTHERS)).unwrap();
        listed.map(|entry| entry.unwrap().path())
    }

    /// Changes that replace the GSP file by that of another release.
    pub(crate) fn mixed(&self) -> Vec<Change> {
        let is_gsp = |path: &PathBuf| path.to_string_lossy().contains("/gsp-");
        self.others()
            .filter(is_gsp)
            .map(|path| Change {
                file: GSP,
                name: GSP.to_owned(),
                kind: Kind::Instead(path),
            })
            .collect()
    }

    /// Replaces all files by those in the packing of Linux 7.3's nova-core, until the returned
    /// value is dropped.
    pub(crate) fn pack(&self) -> (Packed<'_>, Undo) {
        let read = |file| fs::read(self.path(file)).unwrap();
        let gsp = read(GSP);
        let (description, image) = tlv::gsp(&gsp, self.chip.group.signature, &self.release);
        let files = [
            ("gsp", description),
            (
                "gsp_bootloader",
                tlv::bootloader(&read(BOOTLOADER), &self.release),
            ),
            (BOOTER_LOAD, tlv::booter(&read(BOOTER_LOAD), &self.release)),
            (
                BOOTER_UNLOAD,
                tlv::booter(&read(BOOTER_UNLOAD), &self.release),
            ),
        ];
        let packed = Packed {
            firmware: self,
            files,
        };
        write(&self.folder.join(tlv::IMAGE), image);
        let mut written = vec![self.folder.join(tlv::IMAGE)];
        for (name, tlv) in &packed.files {
            write(&packed.path(name), &tlv.bytes()[..]);
            written.push(packed.path(name));
        }
        let unpacked = self.put_all_aside();
        let undo = Undo::new(move || {
            for path in written {
                fs::remove_file(path).unwrap();
            }
            drop(unpacked);
        });
        (packed, undo)
    }

    fn put_all_aside(&self) -> Vec<Undo> {
        let files = self.chip.files().iter();
        files.map(|file| put_aside(&self.path(file))).collect()
    }

    /// Replaces all files by xz-compressed ones, until the returned value is dropped.
    pub(crate) fn compress_xz(&self) -> Undo {
        self.compress("xz", |mut from, to| lzma_rs::xz_compress(&mut from, to))
    }

    /// Replaces all files by zstd-compressed ones, until the returned value is dropped.
    pub(crate) fn compress_zstd(&self) -> Undo {
        self.compress("zst", zstd_stored)
    }

    fn compress(
        &self,
        suffix: &str,
        format: impl Fn(BufReader<File>, &mut BufWriter<File>) -> io::Result<()>,
    ) -> Undo {
        let compress = |file: &&str| {
            let path = self.path(file);
            let compressed = path.with_extension(format!("bin.{suffix}"));
            let mut to = BufWriter::new(File::create(&compressed).unwrap());
            format(BufReader::new(File::open(&path).unwrap()), &mut to).unwrap();
            to.flush().unwrap();
            let put_back = put_aside(&path);
            Undo::new(move || {
                fs::remove_file(compressed).unwrap();
                drop(put_back);
            })
        };
        let undo: Vec<_> = self.chip.files().iter().map(compress).collect();
        Undo::new(move || drop(undo))
    }
}

/// The files in the packing of Linux 7.3's nova-core.
pub(crate) struct Packed<'a> {
    firmware: &'a Firmware,
    files: [(&'static str, Tlv); 4],
}

impl Packed<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.firmware.folder.join(format!("{name}.tlv"))
    }

    /// Wrong contents of each file: the file's name, a name for the error, and the contents.
    pub(crate) fn wrong(&self) -> Vec<(String, String, Vec<u8>)> {
        // Both booters have the same format.
        let files = self.files.iter().filter(|(name, _)| *name != BOOTER_UNLOAD);
        let wrong = files.flat_map(|(name, tlv)| {
            let named = move |(what, bytes)| ((*name).to_owned(), format!("{name}-{what}"), bytes);
            tlv.wrong().into_iter().map(named)
        });
        wrong.collect()
    }

    /// The name under which the driver requests a file.
    pub(crate) fn name(&self, file: &str) -> String {
        format!("nvidia/{}/gsp/{file}.tlv", self.firmware.chip.name)
    }

    /// Replaces the contents of a file until the returned value is dropped.
    pub(crate) fn replace(&self, file: &str, bytes: &[u8]) -> Undo {
        let path = self.path(file);
        let undo = put_aside(&path);
        write(&path, bytes);
        undo
    }
}

/// The files in `folder` that are not of `release`, opened.
fn others(folder: &Path, release: &str) -> Vec<(File, String)> {
    let names = fs::read_dir(folder).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().ok()?;
        let (kind, other) = name.strip_suffix(".bin")?.split_once('-')?;
        (FILES.contains(&kind) && other != release).then_some(name)
    });
    names
        .map(|name| (File::open(folder.join(&name)).unwrap(), name))
        .collect()
}

/// Folder with the firmware of a chip.
fn folder(chip: &str) -> PathBuf {
    Path::new("/lib/firmware/nvidia").join(chip).join("gsp")
}

fn write(path: &Path, mut content: impl Read) {
    let mut file = File::create(path).unwrap();
    io::copy(&mut content, &mut file).unwrap();
}

fn aside(path: &Path) -> PathBuf {
    path.with_extension("aside")
}

/// Moves a file aside, until the returned value is dropped.
fn put_aside(path: &Path) -> Undo {
    let path = path.to_owned();
    fs::rename(&path, aside(&path)).unwrap();
    Undo::new(move || fs::rename(aside(&path), &path).unwrap())
}

/// Writes into a file; dropping the returned value restores the old bytes.
///
/// The file is closed in between: the kernel does not read firmware that is open for writing.
fn patch(path: &Path, at: u64, bytes: &[u8]) -> Undo {
    let path = path.to_owned();
    let old = exchange(&path, at, bytes);
    assert_ne!(old, bytes, "the file has these bytes already");
    Undo::new(move || {
        exchange(&path, at, &old);
    })
}

/// Writes `bytes` at an offset and returns the old bytes.
fn exchange(path: &Path, at: u64, bytes: &[u8]) -> Vec<u8> {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut old = vec![0; bytes.len()];
    file.read_exact_at(&mut old, at).unwrap();
    file.write_all_at(bytes, at).unwrap();
    old
}

/// An ELF file, the places of its fields, and the offset of its section headers.
fn elf(content: &[u8]) -> (object::File<'_>, ElfFields, u64) {
    let elf = object::File::parse(content).unwrap();
    let fields = match elf.is_64() {
        true => ELF64,
        false => ELF32,
    };
    let (at, length) = fields.shoff;
    let mut table = [0; 8];
    table[..length].copy_from_slice(&content[at..at + length]);
    (elf, fields, u64::from_le_bytes(table))
}

/// Boundaries of the sections of an ELF file and of their headers.
fn elf_boundaries(content: &[u8]) -> Vec<u64> {
    let (elf, _, table) = elf(content);
    let ranges = elf.sections().filter_map(|section| section.file_range());
    ranges
        .flat_map(|(start, size)| [start, start + size])
        .chain([64, table])
        .collect()
}

fn elf_fields(content: &[u8], sections: &[&str]) -> Vec<Field> {
    let (elf, fields, table) = elf(content);
    let in_header = fields
        .header
        .map(|(name, at, length)| (name.to_owned(), at, length));
    let in_sections = sections.iter().flat_map(|name| {
        let section = elf.section_by_name(name).unwrap();
        let header = table + section.index().0 as u64 * fields.section_header;
        let name = name.trim_start_matches('.');
        fields
            .section
            .map(|(field, at, length)| (format!("{name}-{field}"), header + at, length))
    });
    in_header.into_iter().chain(in_sections).collect()
}

/// The little-endian word at an offset.
pub(crate) fn word(content: &[u8], at: u64) -> u64 {
    let at = at as usize;
    u32::from_le_bytes(content[at..at + 4].try_into().unwrap()).into()
}

/// The words called `names` that start at byte `at`.
fn words<'a>(names: &'a [&'a str], at: u64) -> impl Iterator<Item = Field> + 'a {
    let places = (at..).step_by(4);
    names
        .iter()
        .zip(places)
        .map(|(name, at)| ((*name).to_owned(), at, 4))
}

/// Boundaries of the parts of a file that is not an ELF file.
fn bin_boundaries(content: &[u8], file: &str) -> Vec<u64> {
    let [header, data, size] = [12, 16, 20].map(|at| word(content, at));
    let mut boundaries = vec![4 * BIN_HEADER.len() as u64, header, data, data + size];
    if matches!(file, BOOTER_LOAD | BOOTER_UNLOAD) {
        // The header has the offsets of the signatures, the meta data and the load header.
        boundaries.extend([0, 8, 12, 16, 24, 28].map(|at| word(content, header + at)));
    }
    boundaries
}

/// Fields of the bin header, and words of the header at `header_offset` by their index.
fn bin_fields(content: &[u8], own: &[(&str, u64)]) -> Vec<Field> {
    let header = word(content, 12);
    let own = own
        .iter()
        .map(|(name, index)| ((*name).to_owned(), header + 4 * index, 4));
    words(&BIN_HEADER, 0).chain(own).collect()
}

fn booter_fields(content: &[u8]) -> Vec<Field> {
    let header = word(content, 12);
    let load = word(content, header + 28);
    let own = words(&HS_HEADER, header).chain(words(&LOAD_HEADER, load));
    words(&BIN_HEADER, 0).chain(own).collect()
}

/// Writes a zstd frame with uncompressed blocks.
/// Source: RFC 8878, sections 3.1.1.1 and 3.1.1.2.
fn zstd_stored(mut from: impl Read, to: &mut impl Write) -> io::Result<()> {
    const MAGIC: u32 = 0xfd2f_b528;
    /// Content size in 8 bytes, one segment.
    const DESCRIPTOR: u8 = 3 << 6 | 1 << 5;
    const MAX_BLOCK: usize = 128 << 10;
    let mut content = Vec::new();
    from.read_to_end(&mut content)?;
    to.write_all(&MAGIC.to_le_bytes())?;
    to.write_all(&[DESCRIPTOR])?;
    to.write_all(&(content.len() as u64).to_le_bytes())?;
    let blocks = content.chunks(MAX_BLOCK);
    let last = blocks.len() - 1;
    for (number, block) in blocks.enumerate() {
        let header = (block.len() as u32) << 3 | u32::from(number == last);
        to.write_all(&header.to_le_bytes()[..3])?;
        to.write_all(block)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_zstd_frames() {
        let mut frame = Vec::new();
        zstd_stored(&b"ab"[..], &mut frame).unwrap();
        let head = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(frame, [&head[..], &[2 << 3 | 1, 0, 0], b"ab"].concat());
    }

    #[test]
    fn long_content_takes_several_blocks() {
        let mut frame = Vec::new();
        zstd_stored(&vec![0; 300_000][..], &mut frame).unwrap();
        assert_eq!(frame.len(), 13 + 3 * 3 + 300_000);
        assert_eq!(frame[13] & 1, 0, "the first block is not the last one");
    }

    #[test]
    fn changes_are_undone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gsp-1.bin");
        fs::write(&path, b"content").unwrap();
        let firmware = Firmware {
            folder: folder.path().to_owned(),
            chip: Chip::new("ga102".to_owned(), 0x172).unwrap(),
            release: "1".to_owned(),
            _mounted: ExitHandler::new(|| {}),
        };
        let changed = |change| {
            let _changed = firmware.apply(&change);
            fs::read(&path).ok()
        };
        assert_eq!(changed(Change::missing(GSP)), None);
        assert_eq!(changed(Change::cut(GSP, 3)), Some(b"con".to_vec()));
        let field = ("field".to_owned(), 1, 2);
        assert_eq!(
            changed(Change::ones(GSP, field)),
            Some(b"c\xff\xfftent".to_vec())
        );
        assert_eq!(fs::read(&path).unwrap(), b"content");
    }

    #[test]
    fn boundaries_of_a_booter() {
        let mut content = vec![0; 0x100];
        for (at, value) in [
            (12, 24),
            (16, 0x80),
            (20, 0x40),
            (24, 0x40),
            (24 + 28, 0x60),
        ] {
            content[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
        }
        let boundaries = bin_boundaries(&content, BOOTER_LOAD);
        for boundary in [24, 0x40, 0x60, 0x80, 0xc0] {
            assert!(boundaries.contains(&boundary), "{boundary:#x}");
        }
        let fields = booter_fields(&content);
        assert!(fields.contains(&("num_apps".to_owned(), 0x70, 4)));
    }
}

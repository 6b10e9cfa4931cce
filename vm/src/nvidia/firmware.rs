// SPDX-License-Identifier: GPL-2.0

//! The booters and bootloaders in nvidia.ko, as the files that the mock reads.
//!
//! nvidia.ko has them as archives of arrays, most of which are compressed. The files have the form
//! of linux-firmware's.
//!
//! Source: open-gpu-kernel-modules 535.261.03, src/nvidia/src/kernel/core/bin_data_pvt.h
//! (`BINDATA_STORAGE_PVT`), and nouveau/extract-firmware-nouveau.py for the form of the files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, ensure, Context, Result};
use miniz_oxide::inflate;
use nova_hw::chipset::Chipset;
use nova_hw::release::{r535_261_03, Release};
use object::read::elf::ElfFile64;
use object::read::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex};

use crate::Host;

/// Names in nvidia.ko and sizes of what a chip boots with.
struct Names {
    /// The chip in the names of the booters.
    booter: &'static str,
    /// Bytes of a signature of a booter.
    signature: u32,
    /// The bootloader's archive, and the end of the names of its arrays.
    bootloader: [&'static str; 2],
    /// The GSP's image.
    gsp: &'static str,
}

/// Source: `g_kernel_gsp_nvoc.c` (`kgspGetBinArchive*`), kernel_gsp_booter.c (signatures of 16 bytes
/// on falcons without a boot ROM).
fn names(chip: Chipset) -> Option<Names> {
    let tu102 = Names {
        booter: "TU102",
        signature: 16,
        bootloader: ["kgspBinArchiveGspRmBoot_TU102", ""],
        gsp: "gsp_tu10x.bin",
    };
    let ga102 = Names {
        booter: "GA102",
        signature: 384,
        bootloader: ["kgspBinArchiveGspRmBoot_GA102", "_prod"],
        gsp: "gsp_ga10x.bin",
    };
    Some(match chip.name() {
        "tu102" | "tu104" | "tu106" => tu102,
        "tu116" | "tu117" => Names {
            booter: "TU116",
            ..tu102
        },
        "ga100" => Names {
            booter: "GA100",
            signature: 384,
            bootloader: ["kgspBinArchiveGspRmBoot_GA100", ""],
            ..tu102
        },
        "ga102" | "ga103" | "ga104" | "ga106" | "ga107" => ga102,
        "ad102" | "ad103" | "ad104" | "ad106" | "ad107" => Names {
            booter: "AD102",
            bootloader: ["kgspBinArchiveGspRmBoot_AD102", "_prod"],
            ..ga102
        },
        _ => return None,
    })
}

/// Makes a folder of firmware for a chip, with the programs of nvidia.ko: its booters and
/// bootloaders under the names of a release, and the GSP's image of that release.
pub fn make(host: &Host, chip: Chipset, release: &Release, folder: &Path) -> Result<()> {
    let names = names(chip).with_context(|| format!("nvidia.ko has no firmware for {chip}"))?;
    let module = host.nvidia.join("modules/nvidia.ko");
    let bytes = fs::read(&module).with_context(|| module.display().to_string())?;
    let arrays = Arrays::parse(&bytes)?;

    let write = |name: &str, content: &[u8]| -> Result<()> {
        let path = path(folder, chip, name);
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        Ok(fs::write(path, content)?)
    };
    for (kind, action) in [("booter_load", "Load"), ("booter_unload", "Unload")] {
        let archive = format!("kgspBinArchiveBooter{action}Ucode_{}", names.booter);
        let booter = booter(&arrays, &archive, names.signature)?;
        write(&name(kind, release), &booter)?;
    }
    let [archive, end] = names.bootloader;
    let bootloader = loader(&arrays, archive, end)?;
    write(&name("bootloader", release), &bootloader)?;
    let generic = loader(&arrays, "ksec2BinArchiveBlUcode_TU102", "")?;
    write(release.gen_bootloader, &generic)?;

    let gsp = name("gsp", release);
    let image = match *release == r535_261_03::RELEASE {
        true => {
            let folder = host.nvidia.join("firmware/nvidia").join(release.name);
            let known = release.name;
            ensure!(
                folder.exists(),
                "Debian's driver is not {known}, which the mock knows"
            );
            folder.join(names.gsp)
        }
        false => path(&host.firmware, chip, &gsp),
    };
    // A copy, as the VM of a driver that reads it would not find what a link names.
    fs::copy(&image, path(folder, chip, &gsp)).with_context(|| image.display().to_string())?;
    Ok(())
}

/// The name of a file of a release, in the folder of a chip.
fn name(kind: &str, release: &Release) -> String {
    format!("gsp/{kind}-{}.bin", release.name)
}

/// The path of a file of a chip.
fn path(folder: &Path, chip: Chipset, name: &str) -> PathBuf {
    folder.join("nvidia").join(chip.name()).join(name)
}

/// A file with a bootloader and its descriptor.
fn loader(arrays: &Arrays<'_>, archive: &str, end: &str) -> Result<Vec<u8>> {
    let descriptor = arrays.get(archive, &format!("ucode_desc{end}"))?;
    let image = arrays.get(archive, &format!("ucode_image{end}"))?;
    Ok(file(&descriptor, &image))
}

/// A file with a booter: a header of offsets in the file, the signatures, what the offsets lead to,
/// and the load header.
fn booter(arrays: &Arrays<'_>, archive: &str, signature: u32) -> Result<Vec<u8>> {
    /// Offset and size of the header (`nvfw_hs_header_v2`).
    const HEADER: [u32; 2] = [24, 36];
    let get = |part| arrays.get(archive, part);
    let signatures = get("sig_prod")?;
    let load_header = get("header_prod")?;
    let len = signatures.len() as u32;
    ensure!(len % signature == 0, "{archive}: signatures of {len} bytes");

    let signatures_at = HEADER[0] + HEADER[1];
    let patch_location_at = signatures_at + len;
    let [patch_signature_at, meta_at, count_at, load_header_at] =
        [4, 8, 20, 24].map(|after| patch_location_at + after);
    let header = [
        signatures_at,
        len,
        patch_location_at,
        patch_signature_at,
        meta_at,
        12,
        count_at,
        load_header_at,
        load_header.len() as u32,
    ];
    let mut descriptor = bytes(&header);
    descriptor.extend(signatures);
    descriptor.extend(get("patch_loc")?);
    // The first signature is at the start.
    descriptor.extend(bytes(&[0]));
    descriptor.extend(get("patch_meta")?);
    descriptor.extend(bytes(&[len / signature]));
    descriptor.extend(load_header);
    Ok(file(&descriptor, &get("image_prod")?))
}

/// A file of linux-firmware: a header (`nvfw_bin_hdr`), a descriptor and an image.
fn file(descriptor: &[u8], image: &[u8]) -> Vec<u8> {
    /// Bytes of the header.
    const HEADER: u32 = 24;
    let image_at = HEADER + descriptor.len() as u32;
    let len = image.len() as u32;
    let total = (image_at + len).next_multiple_of(256);
    let mut file = bytes(&[0x10de, 1, total, HEADER, image_at, len]);
    file.extend(descriptor);
    file.extend(image);
    file
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The arrays in nvidia.ko, by the names of their symbols.
struct Arrays<'a>(HashMap<&'a str, Array<'a>>);

struct Array<'a> {
    stored: &'a [u8],
    /// Bytes of the content.
    size: usize,
    is_compressed: bool,
}

impl<'a> Arrays<'a> {
    fn parse(module: &'a [u8]) -> Result<Self> {
        let elf: ElfFile64<'a> = ElfFile64::parse(module)?;
        let entries = Entry::all(&elf)?;
        let mut arrays = HashMap::new();
        for symbol in elf.symbols() {
            let place = symbol.section_index().zip(Some(symbol.address()));
            let Some(entry) = place.and_then(|place| entries.get(&place)) else {
                continue;
            };
            let section = elf.section_by_index(entry.place.0)?.data()?;
            let stored = section.get(entry.place.1 as usize..).unwrap_or_default();
            let array = Array {
                stored: stored.get(..symbol.size() as usize).unwrap_or_default(),
                size: entry.size,
                is_compressed: entry.is_compressed,
            };
            arrays.insert(symbol.name()?, array);
        }
        Ok(Self(arrays))
    }

    /// The content of an archive's array.
    fn get(&self, archive: &str, part: &str) -> Result<Vec<u8>> {
        let name = format!("{archive}_{part}_data");
        let array = self.0.get(name.as_str());
        let array = array.with_context(|| format!("nvidia.ko has no {name}"))?;
        let content = match array.is_compressed {
            true => inflate::decompress_to_vec(array.stored),
            false => Ok(array.stored.to_vec()),
        };
        let content = content.map_err(|error| anyhow!("{name}: {error}"))?;
        let (found, expected) = (content.len(), array.size);
        ensure!(
            found == expected,
            "{name} has {found} bytes, not {expected}"
        );
        Ok(content)
    }
}

/// The table of all arrays.
const TABLE: &str = "g_bindata_pvt";

/// Section and offset, as relocations and symbols have them.
type Place = (SectionIndex, u64);

/// An entry of the table (`BINDATA_STORAGE_PVT`).
struct Entry {
    /// Of the array.
    place: Place,
    /// Bytes of the content.
    size: usize,
    is_compressed: bool,
}

impl Entry {
    /// Offset of the address of the array in an entry, which the linker fills in.
    const ADDRESS: u64 = 8;

    /// All entries, by the places of their arrays.
    fn all(elf: &ElfFile64<'_>) -> Result<HashMap<Place, Self>> {
        let table = elf
            .symbol_by_name(TABLE)
            .with_context(|| format!("nvidia.ko has no {TABLE}"))?;
        let section = table
            .section_index()
            .context("the table is in no section")?;
        let section = elf.section_by_index(section)?;
        let bytes = section.data()?;
        let range = table.address()..table.address() + table.size();
        let mut entries = HashMap::new();
        for (offset, relocation) in section.relocations() {
            if !range.contains(&offset) {
                continue;
            }
            let RelocationTarget::Symbol(symbol) = relocation.target() else {
                continue;
            };
            let symbol = elf.symbol_by_index(symbol)?;
            let section = symbol
                .section_index()
                .context("an array is in no section")?;
            let address = symbol.address().wrapping_add_signed(relocation.addend());
            let entry = bytes.get((offset - Self::ADDRESS) as usize..);
            let entry = entry.and_then(|entry| entry.first_chunk::<17>());
            let entry = entry.context("an entry is cut off")?;
            let [a, b, c, d, .., flags] = *entry;
            let place = (section, address);
            let entry = Self {
                place,
                size: u32::from_le_bytes([a, b, c, d]) as usize,
                is_compressed: flags & 1 != 0,
            };
            entries.insert(place, entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::r535_113_01;
    use nova_mock::chips::by_name;
    use nova_mock::firmware::file_name_of;

    fn array(stored: &[u8], size: usize, is_compressed: bool) -> Array<'_> {
        Array {
            stored,
            size,
            is_compressed,
        }
    }

    #[test]
    fn arrays_are_inflated() {
        // A block of deflate that is stored as it is.
        let block = [1, 2, 0, 0xfd, 0xff, 7, 8];
        let arrays = Arrays(HashMap::from([
            ("a_plain_data", array(&[7, 8], 2, false)),
            ("a_deflated_data", array(&block, 2, true)),
            ("a_short_data", array(&block, 3, true)),
            ("a_broken_data", array(&block[..5], 2, true)),
        ]));
        for part in ["plain", "deflated"] {
            assert_eq!(arrays.get("a", part).unwrap(), [7, 8]);
        }
        for part in ["short", "broken", "missing"] {
            assert!(arrays.get("a", part).is_err());
        }
    }

    #[test]
    fn every_chip_from_turing_to_ada_has_names() {
        for &chip in Chipset::ALL {
            assert_eq!(
                names(chip).is_some(),
                !chip.arch().boots_through_fsp(),
                "{chip}"
            );
        }
    }

    #[test]
    fn files_have_the_names_that_the_mock_reads() {
        let chip = by_name("tu102").unwrap();
        for release in [&r535_113_01::RELEASE, &r535_261_03::RELEASE] {
            let read = |kind| PathBuf::from("/f").join(file_name_of(chip, kind, release));
            let made = |name: &str| path(Path::new("/f"), Chipset::TU102, name);
            for kind in ["booter_load", "booter_unload", "bootloader", "gsp"] {
                assert_eq!(made(&name(kind, release)), read(kind));
            }
            assert_eq!(made(release.gen_bootloader), read("gen_bootloader"));
        }
    }

    #[test]
    fn a_booter_has_the_form_of_linux_firmware() {
        let part = |name, bytes: &'static [u8]| (name, array(bytes, bytes.len(), false));
        let arrays = Arrays(HashMap::from([
            part("b_sig_prod_data", &[1; 32]),
            part("b_header_prod_data", &[2; 36]),
            part("b_patch_loc_data", &[3; 4]),
            part("b_patch_meta_data", &[4; 12]),
            part("b_image_prod_data", &[5; 256]),
        ]));
        let file = booter(&arrays, "b", 16).unwrap();
        let word = |at: usize| u32::from_le_bytes(*file[at..].first_chunk().unwrap());
        assert_eq!(file.len(), 24 + 36 + 32 + 24 + 36 + 256);
        assert_eq!([8, 12, 16, 20].map(word), [512, 24, 152, 256]);
        let header = [24, 28, 32, 36, 40, 44, 48, 52, 56].map(word);
        assert_eq!(header, [60, 32, 92, 96, 100, 12, 112, 116, 36]);
        // Two signatures.
        assert_eq!(word(112), 2);
        assert!(booter(&arrays, "b", 24).is_err());
    }
}

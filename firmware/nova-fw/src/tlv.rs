// SPDX-License-Identifier: GPL-2.0

//! `nova-fw tlv`: converts the files that distributions ship into the packing that Linux 7.3's
//! nova-core requests.
//!
//! Source: Linux 7.3, Documentation/gpu/nova/core/tlv.rst.

use std::fs;
use std::path::Path;

use nova_core::{firmware_kinds, File, FileSet, Packing};
use nova_firmware::tlv::{ALIGNMENT, MAGIC};
use nova_firmware::{Booter, Bootloader, Fmc, GenBootloader, Gsp};

use crate::failure::Failure;
use crate::file::{print, write, File as Source};
use crate::set::{Chip, Release};

/// The file next to `gsp.tlv` that holds GSP-RM.
const GSP_IMAGE: &str = "gsp.bin";

/// A TLV file under construction.
struct Blocks<'a> {
    source: &'a Source,
    bytes: Vec<u8>,
}

impl<'a> Blocks<'a> {
    fn new(source: &'a Source, release: &str) -> Result<Self, Failure> {
        let bytes = MAGIC.to_vec();
        Self { source, bytes }.add("VERS", release.as_bytes())
    }

    fn add(mut self, tag: &'static str, value: &[u8]) -> Result<Self, Failure> {
        let len = self.word(tag, value.len())?;
        self.bytes.extend_from_slice(tag.as_bytes());
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        Ok(self)
    }

    fn number(self, tag: &'static str, value: u32) -> Result<Self, Failure> {
        self.add(tag, &value.to_le_bytes())
    }

    fn length(self, tag: &'static str, len: usize) -> Result<Self, Failure> {
        let len = self.word(tag, len)?;
        self.number(tag, len)
    }

    fn word(&self, tag: &'static str, len: usize) -> Result<u32, Failure> {
        let path = self.source.path.clone();
        u32::try_from(len).map_err(|_| Failure::TooLarge { path, tag, len })
    }
}

/// Repacks the files of `chip` in `from` into `to`, and prints the paths that it writes.
pub(crate) fn repack(chip: Chip, from: &Path, to: &Path, release: Release) -> Result<(), Failure> {
    let bin = FileSet {
        chipset: chip.0,
        release: release.0,
        packing: Packing::Bin,
    };
    let packing = Packing::Tlv;
    let tlv = FileSet { packing, ..bin };
    for &kind in firmware_kinds(chip.0) {
        let path = |set| File { set, kind }.to_string();
        let target = to.join(path(tlv));
        let folder = target.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(|source| Failure::Write {
            path: folder.to_owned(),
            source,
        })?;
        let source = Source::open(&from.join(path(bin)))?;
        let blocks = Blocks::new(&source, release.0.name)?;
        let blocks = match kind {
            "gsp" => {
                let gsp = source.parse(Gsp::parse)?;
                save(&folder.join(GSP_IMAGE), gsp.image())?;
                let section = chip.0.fwsignature_section();
                let signature = source.parse(|_| gsp.signature(section))?;
                pack_gsp(blocks, &gsp, signature)?
            }
            "bootloader" => pack_bootloader(blocks, &source.parse(Bootloader::parse)?)?,
            "gen_bootloader" => pack_gen_bootloader(blocks, &source.parse(GenBootloader::parse)?)?,
            "fmc" => pack_fmc(blocks, &source.parse(Fmc::parse)?)?,
            _ => pack_booter(blocks, &source.parse(Booter::parse)?)?,
        };
        save(&target, &blocks.bytes)?;
    }
    Ok(())
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write(path, bytes)?;
    print(&format!("{}\n", path.display()))
}

fn pack_gsp<'a>(
    blocks: Blocks<'a>,
    gsp: &Gsp<'_>,
    signature: &[u8],
) -> Result<Blocks<'a>, Failure> {
    let build_id: String = gsp
        .build_id()
        .unwrap_or_default()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    blocks
        .add("FILE", GSP_IMAGE.as_bytes())?
        .length("SIZE", gsp.image().len())?
        .add("SIGN", signature)?
        .add("BLID", build_id.as_bytes())
}

fn pack_bootloader<'a>(blocks: Blocks<'a>, loader: &Bootloader<'_>) -> Result<Blocks<'a>, Failure> {
    blocks
        .number("CDOF", loader.code_offset())?
        .number("DAOF", loader.data_offset())?
        .number("MFOF", loader.manifest_offset())?
        .number("APPV", loader.app_version())?
        .add("BLOB", loader.ucode())
}

fn pack_booter<'a>(blocks: Blocks<'a>, booter: &Booter<'_>) -> Result<Blocks<'a>, Failure> {
    let (code, data, app) = (booter.os_code(), booter.os_data(), booter.app());
    let (brom, signatures) = (booter.brom(), booter.signatures());
    blocks
        .number("DAOF", data.offset)?
        .number("DASZ", data.size)?
        .number("CDOF", code.offset)?
        .number("CDSZ", code.size)?
        .number("PLOC", booter.signature_offset())?
        .number("FUSE", booter.fuse_version())?
        .number("ENID", brom.engine_id_mask.into())?
        .number("UCID", brom.ucode_id.into())?
        .number("A0CO", app.offset)?
        .number("A0CS", app.size)?
        .length("NSIG", signatures.count())?
        .add("SIGN", signatures.as_bytes())?
        .add("BLOB", booter.ucode())
}

fn pack_gen_bootloader<'a>(
    blocks: Blocks<'a>,
    loader: &GenBootloader<'_>,
) -> Result<Blocks<'a>, Failure> {
    blocks
        .length("CDSZ", loader.code().len())?
        .number("STRT", loader.start_tag())?
        .add("BLOB", loader.code())
}

fn pack_fmc<'a>(blocks: Blocks<'a>, fmc: &Fmc<'_>) -> Result<Blocks<'a>, Failure> {
    blocks
        .add("HASH", fmc.hash())?
        .add("PKEY", fmc.public_key())?
        .add("SIGN", fmc.signature())?
        .add("BLOB", fmc.image())
}

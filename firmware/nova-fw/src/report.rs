// SPDX-License-Identifier: GPL-2.0

//! Reports on the contents of a file, for printing as a table or as JSON.

mod vbios;

use nova_firmware::booter::Region;
use nova_firmware::elf::Section;
use nova_firmware::falcon::{Brom, Layout, Part, Signatures};
use nova_firmware::tlv::{Block, Tlv};
use nova_firmware::{Booter, Bootloader, Fmc, Format, GenBootloader, Gsp};
use serde::Serialize;

use crate::failure::Failure;
use crate::file::File;

/// Bytes of the longest value of a TLV block that is shown.
const SHOWN: usize = 48;

/// A report on a file.
#[derive(Serialize)]
pub(crate) struct Report {
    file: String,
    format: &'static str,
    size: usize,
    #[serde(flatten)]
    contents: Contents,
}

/// Contents of the file.
#[derive(Serialize)]
#[serde(untagged)]
enum Contents {
    Gsp(GspReport),
    Booter(BooterReport),
    Bootloader(BootloaderReport),
    GenBootloader(GenBootloaderReport),
    Fmc(FmcReport),
    Tlv(TlvReport),
    Vbios(Box<vbios::VbiosReport>),
}

#[derive(Serialize)]
struct GspReport {
    release: String,
    build_id: Option<String>,
    image: RegionReport,
    signatures: Vec<NamedSize>,
    sections: Vec<SectionReport>,
}

#[derive(Serialize)]
struct BooterReport {
    ucode_size: usize,
    os_code: RegionReport,
    os_data: RegionReport,
    app: RegionReport,
    signatures: SignaturesReport,
    fuse_version: u32,
    brom: BromReport,
}

#[derive(Serialize)]
struct BootloaderReport {
    descriptor_version: u32,
    ucode_size: usize,
    app_version: u32,
    code_offset: u32,
    data_offset: u32,
    manifest_offset: u32,
}

#[derive(Serialize)]
struct GenBootloaderReport {
    ucode_size: usize,
    code_size: usize,
    start_tag: u32,
    dmem_load_offset: u32,
}

#[derive(Serialize)]
struct FmcReport {
    image_size: usize,
    hash: String,
    public_key_size: usize,
    signature_size: usize,
}

#[derive(Serialize)]
struct TlvReport {
    version: String,
    blocks: Vec<BlockReport>,
}

#[derive(Serialize)]
struct BlockReport {
    tag: String,
    offset: usize,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

#[derive(Serialize)]
struct SectionReport {
    name: String,
    #[serde(rename = "type")]
    kind: u32,
    offset: usize,
    size: usize,
}

#[derive(Serialize)]
struct NamedSize {
    family: String,
    size: usize,
}

/// A region of a file or of ucode.
#[derive(Serialize)]
struct RegionReport {
    offset: usize,
    size: usize,
}

#[derive(Serialize)]
struct SignaturesReport {
    count: usize,
    size: usize,
    /// Offset of the chosen signature in the ucode.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_offset: Option<u32>,
}

#[derive(Serialize)]
struct BromReport {
    pkc_data_offset: u32,
    engine_id_mask: u16,
    ucode_id: u8,
}

#[derive(Serialize)]
struct LayoutReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    imem_ns: Option<PartReport>,
    imem_sec: PartReport,
    dmem: PartReport,
    boot_addr: u32,
}

#[derive(Serialize)]
struct PartReport {
    source: u32,
    target: u32,
    size: u32,
}

impl Report {
    /// Parses `file` as `format`, or as the format that is recognised.
    pub(crate) fn on(file: &File, format: Option<Format>) -> Result<Self, Failure> {
        let format = format.map_or_else(|| file.format(), Ok)?;
        let contents = match format {
            Format::Gsp => Contents::Gsp(file.parse(gsp)?),
            Format::Booter => Contents::Booter(file.parse(Booter::parse)?.into()),
            Format::Bootloader => Contents::Bootloader(file.parse(Bootloader::parse)?.into()),
            Format::GenBootloader => {
                Contents::GenBootloader(file.parse(GenBootloader::parse)?.into())
            }
            Format::Fmc => Contents::Fmc(file.parse(Fmc::parse)?.into()),
            Format::Tlv => Contents::Tlv(file.parse(tlv)?),
            Format::Vbios => Contents::Vbios(Box::new(file.parse(vbios::report)?)),
        };
        Ok(Self {
            file: file.path.display().to_string(),
            format: format.describe(),
            size: file.bytes().len(),
            contents,
        })
    }

    /// What a VBIOS lacks for a boot, and what that means.
    pub(crate) fn missing(&self) -> Option<&str> {
        match &self.contents {
            Contents::Vbios(vbios) => vbios.missing.as_deref(),
            _ => None,
        }
    }
}

fn gsp(file: &[u8]) -> nova_firmware::Result<GspReport> {
    let gsp = Gsp::parse(file)?;
    let signatures = gsp.signatures().map(|signature| {
        let (family, bytes) = signature?;
        Ok(NamedSize {
            family: family.to_owned(),
            size: bytes.len(),
        })
    });
    let sections = gsp.elf().sections().map(|section| Ok(section?.into()));
    Ok(GspReport {
        release: gsp.version().to_owned(),
        build_id: gsp.build_id().map(hex),
        image: RegionReport {
            offset: gsp.image_offset(),
            size: gsp.image().len(),
        },
        signatures: signatures.collect::<nova_firmware::Result<_>>()?,
        sections: sections.collect::<nova_firmware::Result<_>>()?,
    })
}

fn tlv(file: &[u8]) -> nova_firmware::Result<TlvReport> {
    let tlv = Tlv::parse(file)?;
    Ok(TlvReport {
        version: tlv.text("VERS")?.to_owned(),
        blocks: tlv.blocks().map(BlockReport::from).collect(),
    })
}

impl From<Section<'_>> for SectionReport {
    fn from(section: Section<'_>) -> Self {
        Self {
            name: section.name().to_owned(),
            kind: section.kind().0,
            offset: section.offset(),
            size: section.data().len(),
        }
    }
}

impl From<Booter<'_>> for BooterReport {
    fn from(booter: Booter<'_>) -> Self {
        Self {
            ucode_size: booter.ucode().len(),
            os_code: booter.os_code().into(),
            os_data: booter.os_data().into(),
            app: booter.app().into(),
            signatures: SignaturesReport::new(booter.signatures(), Some(booter.signature_offset())),
            fuse_version: booter.fuse_version(),
            brom: booter.brom().into(),
        }
    }
}

impl From<Bootloader<'_>> for BootloaderReport {
    fn from(loader: Bootloader<'_>) -> Self {
        Self {
            descriptor_version: loader.descriptor_version().unwrap_or_default(),
            ucode_size: loader.ucode().len(),
            app_version: loader.app_version(),
            code_offset: loader.code_offset(),
            data_offset: loader.data_offset(),
            manifest_offset: loader.manifest_offset(),
        }
    }
}

impl From<GenBootloader<'_>> for GenBootloaderReport {
    fn from(loader: GenBootloader<'_>) -> Self {
        Self {
            ucode_size: loader.ucode().len(),
            code_size: loader.code().len(),
            start_tag: loader.start_tag(),
            dmem_load_offset: loader.dmem_load_offset(),
        }
    }
}

impl From<Fmc<'_>> for FmcReport {
    fn from(fmc: Fmc<'_>) -> Self {
        Self {
            image_size: fmc.image().len(),
            hash: hex(fmc.hash()),
            public_key_size: fmc.public_key().len(),
            signature_size: fmc.signature().len(),
        }
    }
}

impl From<Block<'_>> for BlockReport {
    fn from(block: Block<'_>) -> Self {
        Self {
            tag: block.tag.to_owned(),
            offset: block.offset,
            size: block.value.len(),
            value: shown(block.value),
        }
    }
}

/// A value as text or as a number; TLV does not give the type of a value.
fn shown(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok();
    let text = text.filter(|text| text.chars().all(|letter| (' '..='~').contains(&letter)));
    if let Ok(word) = value.try_into() {
        let word = u32::from_le_bytes(word);
        return Some(format!("{word} ({word:#x})"));
    }
    text.filter(|text| text.len() <= SHOWN).map(str::to_owned)
}

impl From<Region> for RegionReport {
    fn from(region: Region) -> Self {
        Self {
            offset: region.offset as usize,
            size: region.size as usize,
        }
    }
}

impl SignaturesReport {
    fn new(signatures: Signatures<'_>, patch_offset: Option<u32>) -> Self {
        Self {
            count: signatures.count(),
            size: signatures.size(),
            patch_offset,
        }
    }
}

impl From<Brom> for BromReport {
    fn from(brom: Brom) -> Self {
        Self {
            pkc_data_offset: brom.pkc_data_offset,
            engine_id_mask: brom.engine_id_mask,
            ucode_id: brom.ucode_id,
        }
    }
}

impl From<Layout> for LayoutReport {
    fn from(layout: Layout) -> Self {
        Self {
            imem_ns: layout.imem_ns.map(PartReport::from),
            imem_sec: layout.imem_sec.into(),
            dmem: layout.dmem.into(),
            boot_addr: layout.boot_addr,
        }
    }
}

impl From<Part> for PartReport {
    fn from(part: Part) -> Self {
        Self {
            source: part.source,
            target: part.target,
            size: part.len,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

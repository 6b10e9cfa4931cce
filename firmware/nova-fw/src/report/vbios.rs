// SPDX-License-Identifier: GPL-2.0

//! Report on the contents of a VBIOS, as far as a file has them.

use nova_firmware::vbios::{
    app_id, code_type, Container, Dump, Entry, Fwsec, Image, Token, Ucode, Version,
};
use nova_firmware::{Error, ErrorKind, Result, Vbios};
use serde::Serialize;

use super::{BromReport, LayoutReport, SignaturesReport};
use crate::failure::said;

#[derive(Serialize)]
pub(super) struct VbiosReport {
    version: Option<String>,
    container: Option<String>,
    /// Offset of the first image in the file, which offsets of images and pointers count from.
    images_offset: Option<usize>,
    images: Vec<ImageReport>,
    bit_offset: Option<usize>,
    bit: Vec<TokenReport>,
    ucode: Vec<EntryReport>,
    fwsec: Option<FwsecReport>,
    /// What is missing for a boot, and what that means.
    #[serde(skip)]
    pub(super) missing: Option<String>,
}

#[derive(Serialize)]
struct ImageReport {
    holds: String,
    offset: usize,
    size: usize,
    vendor: String,
    device: String,
    npde: bool,
    last: bool,
}

#[derive(Serialize)]
struct TokenReport {
    token: String,
    version: u8,
    size: u16,
    pointer: u32,
}

#[derive(Serialize)]
struct EntryReport {
    application: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ucode: Option<UcodeReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct UcodeReport {
    /// Version of the descriptor.
    descriptor: u8,
    #[serde(flatten)]
    contents: Option<UcodeContents>,
}

/// What a descriptor of version 2 or 3 says.
#[derive(Serialize)]
struct UcodeContents {
    offset: usize,
    size: usize,
    signatures: usize,
}

#[derive(Serialize)]
struct FwsecReport {
    descriptor_version: u8,
    descriptor_offset: usize,
    stored_size: u32,
    ucode_size: usize,
    interface_offset: u32,
    layout: LayoutReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    brom: Option<BromReport>,
    signatures: SignaturesReport,
    signature_versions: u16,
    dmem_mapper: MapperReport,
}

#[derive(Serialize)]
struct MapperReport {
    version: u16,
    offset: usize,
    init_cmd: usize,
    cmd_in_buffer: usize,
    cmd_in_buffer_size: u32,
}

/// Reports on the ROM `file`.
pub(super) fn report(file: &[u8]) -> Result<VbiosReport> {
    let dump = Dump::parse(file)?;
    let vbios = dump.vbios();
    let known = vbios.ok();
    let version = known.and_then(|vbios| vbios.version().ok());
    let fwsec = vbios.and_then(|vbios| vbios.fwsec());
    let tokens = known.into_iter().flat_map(|vbios| vbios.bit().tokens());
    let entries = known.map(|vbios| {
        let entries = vbios.entries().into_iter().flatten().flatten();
        let entries = entries.map(|entry| EntryReport::new(file, &vbios, &entry));
        entries.collect()
    });
    Ok(VbiosReport {
        version: version.map(|version| version.to_string()),
        container: dump.container().map(|container| match container {
            Container::Nvgi { version } => format!("NVGI, version {version}"),
            Container::Nvfw { offset } => format!("NVFW at {offset:#x}"),
        }),
        images_offset: dump.image_offset().ok().filter(|offset| *offset != 0),
        images: dump.images().map(ImageReport::from).collect(),
        bit_offset: known.map(|vbios| vbios.bit().offset()),
        bit: tokens.flatten().map(TokenReport::from).collect(),
        ucode: entries.unwrap_or_default(),
        fwsec: fwsec.ok().map(FwsecReport::from),
        missing: missing(file, &dump, version, fwsec.err()),
    })
}

/// What it means for a Blackwell card that there is no FWSEC.
const BLACKWELL: &str = "Blackwell needs no FWSEC, since its FSP boots the GSP";

/// What is missing for a boot, and what that means. `no_fwsec` is why there is no FWSEC.
fn missing(
    file: &[u8],
    dump: &Dump<'_>,
    version: Option<Version>,
    no_fwsec: Option<Error>,
) -> Option<String> {
    let what = match dump.broken() {
        Some(error) => end(file, dump, &error),
        None => said(&no_fwsec?, file.len() as u64),
    };
    // The first number of the version tells the generation.
    let generation = version.map(|Version([major, ..])| major);
    let meaning = match generation {
        _ if no_fwsec.is_none() => "the driver takes a whole ROM only",
        _ if matches!(dump.container(), Some(Container::Nvfw { .. })) => BLACKWELL,
        Some(..=0x8f) => "a card before Turing has no GSP, and Nova does not drive it",
        Some(0x90 | 0x92 | 0x94 | 0x95) => "without FWSEC the card cannot be booted",
        Some(0x96) => "Hopper needs no FWSEC, since its FSP boots the GSP",
        Some(0x97 | 0x98) => BLACKWELL,
        _ => "cards from Turing to Ada cannot be booted without FWSEC; later ones need none",
    };
    Some(format!("{what}; {meaning}"))
}

/// Where the images end before the last one.
fn end(file: &[u8], dump: &Dump<'_>, error: &Error) -> String {
    let ErrorKind::Truncated { .. } = error.kind else {
        return said(error, file.len() as u64);
    };
    let len = file.len();
    let ends = format!("the file ends at {len:#x}");
    let Some((number, image)) = (1..).zip(dump.images()).last() else {
        return match dump.container() {
            Some(_) => format!("{ends} before the images"),
            None => said(error, file.len() as u64),
        };
    };
    let start = dump.image_offset().unwrap_or_default();
    if start.saturating_add(image.end()) <= len {
        let like = match image.code_type {
            code_type::EFI => ", as a dump of the ROM BAR does",
            _ => "",
        };
        return format!("{ends} behind image {number}, which is not the last{like}");
    }
    let like = match number {
        1 => ", as a copy that the BIOS left in memory does",
        _ => "",
    };
    format!("{ends} in image {number} of {:#x} bytes{like}", image.len)
}

impl From<Image> for ImageReport {
    fn from(image: Image) -> Self {
        let holds = match image.code_type {
            code_type::PCI_AT => "PCI-AT".to_owned(),
            code_type::EFI => "EFI".to_owned(),
            code_type::NBSI => "NBSI".to_owned(),
            code_type::FWSEC => "FWSEC".to_owned(),
            other => format!("{other:#04x}"),
        };
        Self {
            holds,
            offset: image.offset,
            size: image.len,
            vendor: format!("{:#06x}", image.vendor_id),
            device: format!("{:#06x}", image.device_id),
            npde: image.extended,
            last: image.last,
        }
    }
}

impl From<Token> for TokenReport {
    fn from(token: Token) -> Self {
        Self {
            token: char::from(token.id).escape_default().to_string(),
            version: token.version,
            size: token.size,
            pointer: token.pointer,
        }
    }
}

impl EntryReport {
    fn new(file: &[u8], vbios: &Vbios<'_>, entry: &Entry) -> Self {
        if entry.is_empty() {
            return Self::empty();
        }
        let version = vbios.descriptor_version(entry);
        let ucode = vbios.ucode(entry);
        // Descriptors of other versions are not read further.
        let problem = match version {
            Ok(2 | 3) => ucode.err(),
            version => version.err(),
        };
        let application = match entry.application_id {
            app_id::FWSEC_PROD => "0x85 FWSEC (production)".to_owned(),
            app_id::FWSEC_DEBUG => "0x45 FWSEC (debug)".to_owned(),
            other => format!("{other:#04x}"),
        };
        Self {
            application,
            target: Some(entry.target_id),
            pointer: Some(entry.descriptor),
            ucode: version.ok().map(|descriptor| UcodeReport {
                descriptor,
                contents: ucode.ok().map(UcodeContents::from),
            }),
            problem: problem.map(|error| said(&error, file.len() as u64)),
        }
    }

    fn empty() -> Self {
        Self {
            application: "-".to_owned(),
            target: None,
            pointer: None,
            ucode: None,
            problem: None,
        }
    }
}

impl From<Ucode<'_>> for UcodeContents {
    fn from(ucode: Ucode<'_>) -> Self {
        Self {
            offset: ucode.offset(),
            size: ucode.bytes().len(),
            signatures: ucode.signatures().count(),
        }
    }
}

impl From<Fwsec<'_>> for FwsecReport {
    fn from(fwsec: Fwsec<'_>) -> Self {
        let (ucode, mapper) = (fwsec.ucode(), fwsec.dmem_mapper());
        Self {
            descriptor_version: ucode.descriptor_version(),
            descriptor_offset: ucode.offset(),
            stored_size: ucode.stored_size(),
            ucode_size: ucode.bytes().len(),
            interface_offset: ucode.interface_offset(),
            layout: ucode.layout().into(),
            brom: ucode.brom().map(BromReport::from),
            signatures: SignaturesReport::new(ucode.signatures(), ucode.signature_offset()),
            signature_versions: ucode.signature_versions(),
            dmem_mapper: MapperReport {
                version: mapper.version,
                offset: mapper.offset,
                init_cmd: mapper.init_cmd,
                cmd_in_buffer: mapper.cmd_in_buffer,
                cmd_in_buffer_size: mapper.cmd_in_buffer_size,
            },
        }
    }
}

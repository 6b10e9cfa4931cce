// SPDX-License-Identifier: GPL-2.0

//! Report on the contents of a VBIOS.

use nova_firmware::vbios::{app_id, code_type, Entry, Fwsec, Image, Token, Ucode};
use nova_firmware::Vbios;
use serde::Serialize;

use super::{BromReport, LayoutReport, SignaturesReport};

#[derive(Serialize)]
pub(super) struct VbiosReport {
    version: String,
    ifr_version: Option<u8>,
    images: Vec<ImageReport>,
    bit_offset: usize,
    bit: Vec<TokenReport>,
    ucode: Vec<EntryReport>,
    fwsec: FwsecReport,
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
    target: u8,
    pointer: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ucode: Option<UcodeReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct UcodeReport {
    descriptor: u8,
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
pub(super) fn report(file: &[u8]) -> nova_firmware::Result<VbiosReport> {
    let vbios = Vbios::parse(file)?;
    let tokens = vbios.bit().tokens().map(|token| Ok(token?.into()));
    let entries = vbios
        .entries()?
        .map(|entry| Ok(EntryReport::new(&vbios, entry?)));
    Ok(VbiosReport {
        version: vbios.version()?.to_string(),
        ifr_version: vbios.ifr().map(|ifr| ifr.version),
        images: vbios.images().map(ImageReport::from).collect(),
        bit_offset: vbios.bit().offset(),
        bit: tokens.collect::<nova_firmware::Result<_>>()?,
        ucode: entries.collect::<nova_firmware::Result<_>>()?,
        fwsec: vbios.fwsec()?.into(),
    })
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
    fn new(vbios: &Vbios<'_>, entry: Entry) -> Self {
        let (ucode, problem) = match vbios.ucode(&entry) {
            Ok(ucode) => (Some(UcodeReport::from(ucode)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let application = match entry.application_id {
            app_id::FWSEC_PROD => "0x85 FWSEC (production)".to_owned(),
            app_id::FWSEC_DEBUG => "0x45 FWSEC (debug)".to_owned(),
            other => format!("{other:#04x}"),
        };
        Self {
            application,
            target: entry.target_id,
            pointer: entry.descriptor,
            ucode,
            problem,
        }
    }
}

impl From<Ucode<'_>> for UcodeReport {
    fn from(ucode: Ucode<'_>) -> Self {
        Self {
            descriptor: ucode.descriptor_version(),
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

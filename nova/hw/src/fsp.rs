// SPDX-License-Identifier: GPL-2.0

//! Messages to and from the FSP, the security processor that starts the GSP on Hopper and later.
//!
//! A message is one MCTP packet that carries an NVDM message: two words of headers, then the
//! payload. All numbers are little-endian.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/fsp/fsp_mctp_format.h,
//! fsp_nvdm_format.h and src/nvidia/inc/kernel/gpu/fsp/kern_fsp_cot_payload.h; Linux 7.3,
//! drivers/gpu/nova-core/mctp.rs and fsp.rs.

use bitfield_struct::bitfield;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a channel in the FSP's external memory.
pub const CHANNEL_SIZE: usize = 1024;

/// First word of a packet: MCTP's transport header.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct MctpHeader {
    /// Version, destination and tag; zero between driver and FSP.
    pub rest: u16,
    /// Source endpoint.
    pub seid: u8,
    /// Message tag; zero.
    #[bits(4)]
    pub tag: u8,
    /// Number of the packet in its message.
    #[bits(2)]
    pub seq: u8,
    /// Last packet of a message.
    pub eom: bool,
    /// First packet of a message.
    pub som: bool,
}

impl MctpHeader {
    /// The header of a message that is one packet.
    pub const SINGLE: Self = Self::new().with_som(true).with_eom(true);
}

/// Second word of a packet: NVDM's header.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct NvdmHeader {
    /// [`Self::VENDOR_PCI`].
    #[bits(7)]
    pub msg_type: u8,
    /// Integrity check; not used.
    pub ic: bool,
    /// [`Self::NVIDIA`].
    pub vendor_id: u16,
    /// [`NvdmType`].
    pub nvdm_type: u8,
}

impl NvdmHeader {
    /// MCTP's message type for messages that a PCI vendor defines.
    pub const VENDOR_PCI: u8 = 0x7e;

    /// NVIDIA's PCI vendor ID.
    pub const NVIDIA: u16 = 0x10de;

    /// The header of a message of this type.
    pub const fn of(nvdm_type: NvdmType) -> Self {
        Self::new()
            .with_msg_type(Self::VENDOR_PCI)
            .with_vendor_id(Self::NVIDIA)
            .with_nvdm_type(nvdm_type as u8)
    }
}

/// Type of an NVDM message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NvdmType {
    /// Product reconfiguration.
    Prc = 0x13,
    /// [`Cot`].
    Cot = 0x14,
    /// [`CommandResponse`].
    FspResponse = 0x15,
}

/// The MCTP and NVDM headers.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct Headers {
    /// [`MctpHeader`].
    pub mctp: U32,
    /// [`NvdmHeader`].
    pub nvdm: U32,
}

impl Headers {
    /// The headers of a message of this type that is one packet.
    pub fn of(nvdm_type: NvdmType) -> Self {
        Self {
            mctp: u32::from(MctpHeader::SINGLE).into(),
            nvdm: u32::from(NvdmHeader::of(nvdm_type)).into(),
        }
    }
}

/// Chain of trust: the FMC that the FSP checks and starts on the GSP; `NVDM_PAYLOAD_COT`.
///
/// Addresses of system memory are bus addresses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Cot {
    /// Version of this structure: 1 on Hopper, 2 on Blackwell.
    pub version: U16,
    /// Bytes of this structure.
    pub size: U16,
    /// Address of the FMC.
    pub gsp_fmc_sysmem_offset: U64,
    /// Address of FRTS in system memory.
    pub frts_sysmem_offset: U64,
    /// Bytes of FRTS in system memory.
    pub frts_sysmem_size: U32,
    /// Distance from the end of the frame buffer to the end of FRTS.
    pub frts_vidmem_offset: U64,
    /// Bytes of FRTS in the frame buffer.
    pub frts_vidmem_size: U32,
    /// SHA-384 of the FMC.
    pub hash384: [u8; 48],
    /// Key that the FMC was signed with; padded with zeros.
    pub public_key: [u8; 384],
    /// Signature of the FMC; padded with zeros.
    pub signature: [u8; 384],
    /// Address of the FMC's arguments.
    pub gsp_boot_args_sysmem_offset: U64,
}

const _: () = assert!(size_of::<Cot>() == 860);

/// A chain-of-trust message.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct CotMessage {
    /// Headers.
    pub headers: Headers,
    /// Payload.
    pub cot: Cot,
}

const _: () = assert!(size_of::<CotMessage>() <= CHANNEL_SIZE);

/// Result of a command; `NVDM_PAYLOAD_COMMAND_RESPONSE`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct CommandResponse {
    /// Task of the FSP that responds.
    pub task_id: U32,
    /// [`NvdmType`] of the command.
    pub command_nvdm_type: U32,
    /// 0 for success.
    pub error_code: U32,
}

/// The response to a command.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct ResponseMessage {
    /// Headers.
    pub headers: Headers,
    /// Payload.
    pub response: CommandResponse,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_the_values_that_the_fsp_expects() {
        let headers = Headers::of(NvdmType::Cot);
        assert_eq!(headers.mctp.get(), 0xc000_0000);
        assert_eq!(headers.nvdm.get(), 0x1410_de7e);
        assert_eq!(u32::from(MctpHeader::new().with_seid(0xff)), 0x00ff_0000);
        assert_eq!(u32::from(MctpHeader::new().with_seq(3)), 0x3000_0000);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The FSP's handling of messages: above all the check of the FMC, the first program on the GSP,
//! and of its arguments.
//!
//! Hardware verifies the FMC's signature; the model has no keys and compares the bytes of hash, key
//! and signature. The FSP's firmware is not public: the model uses error codes that drivers know,
//! each for the reasons that fit best.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/fsp/arch/hopper/kern_fsp_gh100.c
//! (`kfspPrepareBootCommands_GH100`), src/nvidia/inc/kernel/gpu/fsp/kern_fsp_cot_payload.h and
//! kern_fsp_retval.h; Linux 7.3, drivers/gpu/nova-core/fsp.rs.

use std::ops::Range;

use nova_hw::fsp::{CommandResponse, Cot, Headers, NvdmType};
use sha2::{Digest, Sha384};
use zerocopy::{FromBytes, IntoBytes};

use crate::blocks::fsp::packet;
use crate::bus::machine::GuestMemory;
use crate::chips::Chip;
use crate::images::firmware::Fmc;

/// `FSP_ERR_IFS_ERR_*`
pub(crate) const INVALID_STATE: u32 = 0x9e;
pub(crate) const NOT_SUPPORTED: u32 = 0xa0;
pub(crate) const INVALID_DATA: u32 = 0xa1;

/// Number of address bits of DMA on Hopper and later.
///
/// Source: Linux 7.3, drivers/gpu/nova-core/gpu/hal/gh100.rs.
pub(crate) const BUS_BITS: u32 = 52;

/// Alignment of what the GSP's boot ROM reads (`RISCV_BR_ADDR_ALIGNMENT`).
const BOOT_ROM_ALIGN: u64 = 256;

/// Alignment of FRTS; NVIDIA's driver assumes that it is required.
const FRTS_ALIGN: u64 = 2 << 20;

/// Task id of the FSP in its answers; the model's own value.
const TASK: u32 = 1;

/// The FSP's refusal: its error code, and the reason for the trace.
pub(crate) type Refused = (u32, String);

/// The result of an accepted chain-of-trust message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Where FRTS is in the frame buffer; none for a resume, which finds it in what was saved.
    pub(crate) frts: Option<Range<u64>>,
    /// Bus address of the FMC's arguments.
    pub(crate) arguments: u64,
}

/// Version of the message that the chip's FSP accepts.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_kern_fsp_nvoc.c.
fn version(chip: &Chip) -> u16 {
    match chip.is_hopper() {
        true => 1,
        false => 2,
    }
}

/// Reads a chain-of-trust message. What follows it in the packet is ignored: tinygrad pads the
/// message with four bytes and boots an RTX 5090 so (tinygrad issue 16454).
pub(crate) fn parse(payload: &[u8]) -> Result<&Cot, Refused> {
    Cot::ref_from_prefix(payload)
        .map(|(cot, _)| cot)
        .map_err(|_| {
            let reason = format!("a chain of trust of {:#x} bytes", payload.len());
            (INVALID_DATA, reason)
        })
}

/// Checks a chain-of-trust message against the signed FMC.
pub(crate) fn verify(
    memory: &dyn GuestMemory,
    chip: &Chip,
    vram: u64,
    fmc: &Fmc,
    cot: &Cot,
) -> Result<Accepted, Refused> {
    let refuse = |reason: String| Err((INVALID_DATA, reason));
    if (cot.version.get(), usize::from(cot.size.get())) != (version(chip), size_of::<Cot>()) {
        let (version, size) = (cot.version.get(), cot.size.get());
        return refuse(format!(
            "a chain of trust of version {version}, size {size:#x}"
        ));
    }
    let credentials = [
        ("hash", &cot.hash384[..], &fmc.hash),
        ("public key", &cot.public_key[..], &fmc.public_key),
        ("signature", &cot.signature[..], &fmc.signature),
    ];
    for (name, found, expected) in credentials {
        if !is_padded(found, expected) {
            return refuse(format!("the {name} is not that of a signed FMC"));
        }
    }
    check_image(memory, cot, fmc)?;
    check_sysmem_frts(memory, cot)?;
    let arguments = cot.gsp_boot_args_sysmem_offset.get();
    check_address("the FMC's arguments", arguments)?;
    Ok(Accepted {
        frts: frts(cot, vram)?,
        arguments,
    })
}

/// Whether `found` is `expected`, padded with zeroes.
fn is_padded(found: &[u8], expected: &[u8]) -> bool {
    found
        .strip_prefix(expected)
        .is_some_and(|rest| rest.iter().all(|&byte| byte == 0))
}

pub(crate) fn check_address(what: &str, address: u64) -> Result<(), Refused> {
    if address == 0 || address % BOOT_ROM_ALIGN != 0 || address >> BUS_BITS != 0 {
        return Err((INVALID_DATA, format!("{what} at {address:#x}")));
    }
    Ok(())
}

/// Compares the hash of the image in memory with the one in the message.
fn check_image(memory: &dyn GuestMemory, cot: &Cot, fmc: &Fmc) -> Result<(), Refused> {
    let address = cot.gsp_fmc_sysmem_offset.get();
    check_address("the FMC", address)?;
    let image = memory
        .read_vec(address, fmc.size)
        .map_err(|error| (INVALID_DATA, format!("the FMC: {error}")))?;
    match Sha384::digest(image)[..] == cot.hash384 {
        true => Ok(()),
        false => Err((INVALID_DATA, "the FMC's hash is another one".into())),
    }
}

/// Checks FRTS in system memory, which is for GPUs without a frame buffer.
fn check_sysmem_frts(memory: &dyn GuestMemory, cot: &Cot) -> Result<(), Refused> {
    let (address, size) = (cot.frts_sysmem_offset.get(), cot.frts_sysmem_size.get());
    if size == 0 {
        return Ok(());
    }
    check_address("FRTS in system memory", address)?;
    let last = address + u64::from(size) - WORD;
    memory
        .read_u32(last)
        .map_err(|error| (INVALID_DATA, format!("FRTS in system memory: {error}")))?;
    Ok(())
}

/// Bytes of the last word of a region.
const WORD: u64 = 4;

/// The range of FRTS, which a resume does not have (nouveau's `gh100_fsp_boot_gsp_fmc`); the message
/// gives the distance from its end to the end of the frame buffer.
fn frts(cot: &Cot, vram: u64) -> Result<Option<Range<u64>>, Refused> {
    let (from_end, size) = (cot.frts_vidmem_offset.get(), cot.frts_vidmem_size.get());
    if (from_end, size) == (0, 0) {
        return Ok(None);
    }
    let end = vram.checked_sub(from_end);
    let start = end.and_then(|end| end.checked_sub(u64::from(size)));
    match (start, end) {
        (Some(start), Some(end)) if size == FRTS_SIZE && from_end % FRTS_ALIGN == 0 => {
            Ok(Some(start..end))
        }
        _ => {
            let reason = format!("FRTS of {size:#x} bytes, {from_end:#x} before the end");
            Err((INVALID_DATA, reason))
        }
    }
}

/// Bytes of FRTS
/// (`NV_PGC6_AON_FRTS_INPUT_WPR_SIZE_SECURE_SCRATCH_GROUP_03_0_WPR_SIZE_1MB_IN_4K`).
const FRTS_SIZE: u32 = 1 << 20;

/// The answer to a command.
pub(crate) fn response(nvdm_type: u8, error: u32, data: &[u8]) -> Vec<u8> {
    let response = CommandResponse {
        task_id: TASK.into(),
        command_nvdm_type: u32::from(nvdm_type).into(),
        error_code: error.into(),
    };
    let payload = [response.as_bytes(), data].concat();
    packet(Headers::of(NvdmType::FspResponse), &payload)
}

/// Reads a knob of the product reconfiguration. Only vGPU mode is known, and it is off.
///
/// Source: Linux 7.3, drivers/gpu/nova-core/fsp.rs (`PrcMessageSubcmd`, `PrcObjectId`).
pub(crate) fn read_knob(payload: &[u8]) -> Result<Vec<u8>, Refused> {
    const READ: u8 = 0x0c;
    const VGPU_MODE: u8 = 0x29;
    match payload {
        [READ, _, VGPU_MODE, _] => Ok(vec![0; 4]),
        _ => Err((
            NOT_SUPPORTED,
            format!("product reconfiguration {payload:x?}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;
    use crate::images::firmware::Firmwares;
    use crate::images::synthetic;
    use crate::machine::in_process::Arena;
    use zerocopy::FromZeros;

    const VRAM: u64 = 80 << 30;

    /// A valid message, and the memory that it refers to.
    fn prepared(chip: &Chip) -> (Arena, Firmwares, Cot) {
        let files = synthetic::firmware(chip);
        let firmware = Firmwares::load(chip, &files).unwrap();
        let mut memory = Arena::new();
        let fmc = firmware.fmc.as_ref().unwrap();
        let mut cot = Cot::new_zeroed();
        cot.version = version(chip).into();
        cot.size = 860.into();
        cot.gsp_fmc_sysmem_offset = memory.place(&synthetic::fmc_image()).into();
        cot.frts_vidmem_offset = (2 << 20).into();
        cot.frts_vidmem_size = (1 << 20).into();
        cot.hash384.copy_from_slice(&fmc.hash);
        cot.public_key[..fmc.public_key.len()].copy_from_slice(&fmc.public_key);
        cot.signature[..fmc.signature.len()].copy_from_slice(&fmc.signature);
        cot.gsp_boot_args_sysmem_offset = memory.place(&[0; 80]).into();
        (memory, firmware, cot)
    }

    fn verified(chip: &str, change: impl FnOnce(&mut Arena, &mut Cot)) -> Result<Accepted, u32> {
        let chip = by_name(chip).unwrap();
        let (mut memory, firmware, mut cot) = prepared(chip);
        change(&mut memory, &mut cot);
        let fmc = firmware.fmc.as_ref().unwrap();
        verify(&memory, chip, VRAM, fmc, &cot).map_err(|(code, _)| code)
    }

    #[test]
    fn a_valid_message_is_accepted() {
        for chip in ["gh100", "gb100", "gb202"] {
            let accepted = verified(chip, |_, _| {}).unwrap();
            let end = VRAM - (2 << 20);
            assert_eq!(accepted.frts, Some(end - (1 << 20)..end), "{chip}");
        }
    }

    #[test]
    fn the_version_must_be_that_of_the_chip() {
        assert!(verified("gh100", |_, cot| cot.version = 2.into()).is_err());
        assert!(verified("gb100", |_, cot| cot.version = 1.into()).is_err());
        assert!(verified("gh100", |_, cot| cot.size = 859.into()).is_err());
        assert_eq!(parse(&[0; 859]).unwrap_err().0, INVALID_DATA);
    }

    #[test]
    fn the_fmc_must_be_the_signed_one() {
        assert!(verified("gb202", |_, cot| cot.hash384[7] ^= 1).is_err());
        assert!(verified("gb202", |_, cot| cot.public_key[0] ^= 1).is_err());
        assert!(
            verified("gb202", |_, cot| cot.public_key[383] = 1).is_err(),
            "padding"
        );
        assert!(verified("gb202", |_, cot| cot.signature[0] ^= 1).is_err());
        let overwritten = verified("gb202", |memory, cot| {
            let address = cot.gsp_fmc_sysmem_offset.get();
            memory.write(address + 5, &[0xee]).unwrap();
        });
        assert_eq!(overwritten, Err(INVALID_DATA));
        for address in [0, 0x80, 1 << 52, 0xdead_0000] {
            let result = verified("gb202", |_, cot| cot.gsp_fmc_sysmem_offset = address.into());
            assert!(result.is_err(), "{address:#x}");
        }
    }

    #[test]
    fn frts_must_have_a_valid_range() {
        let at = |offset: u64, size: u32| {
            verified("gh100", |_, cot| {
                cot.frts_vidmem_offset = offset.into();
                cot.frts_vidmem_size = size.into();
            })
        };
        assert!(at(0, 1 << 20).is_ok());
        assert!(at(1 << 20, 1 << 20).is_err());
        assert!(at(2 << 20, 2 << 20).is_err());
        assert!(at(VRAM, 1 << 20).is_err());
        assert!(at(u64::MAX << 21, 1 << 20).is_err());
        assert_eq!(at(0, 0).unwrap().frts, None);
        assert!(at(2 << 20, 0).is_err());
        let in_sysmem = |address: u64| {
            verified("gh100", |_, cot| {
                cot.frts_sysmem_offset = address.into();
                cot.frts_sysmem_size = 4.into();
            })
        };
        assert!(in_sysmem(0xdead_0000).is_err());
        assert!(in_sysmem(0).is_err());
    }

    #[test]
    fn arguments_must_have_a_valid_address() {
        let at = |address: u64| {
            verified("gh100", |_, cot| {
                cot.gsp_boot_args_sysmem_offset = address.into()
            })
        };
        assert!(at(0).is_err());
        assert!(at(0x1080).is_err());
    }

    #[test]
    fn one_knob_can_be_read() {
        assert_eq!(read_knob(&[0x0c, 2, 0x29, 0]), Ok(vec![0; 4]));
        assert!(read_knob(&[0x0d, 2, 0x29, 0]).is_err());
        assert!(read_knob(&[]).is_err());
    }

    /// tinygrad's message, which a real RTX 5090 takes.
    #[test]
    fn a_message_may_be_padded() {
        let payload = [0; size_of::<Cot>() + 4];
        assert!(parse(&payload).is_ok());
        assert!(parse(&payload[..size_of::<Cot>()]).is_ok());
        assert!(parse(&payload[..size_of::<Cot>() - 1]).is_err());
    }
}

// SPDX-License-Identifier: MIT

//! The faults of an address space, as the driver tells them.

use std::fs::File;

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Array, Fault, VmGetFaults};
use zerocopy::FromBytes;

use super::client::Client;
use crate::drm;

/// What the driver tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The faults.
    pub faults: Vec<Fault>,
    /// What to ask for next.
    pub next: u64,
    /// How many were asked for that are not kept any more.
    pub missed: u64,
}

impl Client {
    /// Reads the faults of the address space from this one on, as many as there is room for.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn faults(&self, next: u64, room: u32) -> Told {
        match get_faults(self.file(), self.vm_id(), next, room) {
            Ok(told) => told,
            Err(error) => panic!("{room} faults from {next} on: {error}"),
        }
    }
}

/// Reads the faults of a file's address space from this one on, as many as there is room for.
///
/// # Errors
///
/// The kernel's error.
///
/// # Panics
///
/// If the kernel's answer is not what the header says of it.
pub fn get_faults(file: &File, vm_id: u32, next: u64, room: u32) -> Result<Told, Errno> {
    get_faults_with_stride(file, vm_id, next, room, size_of::<Fault>())
}

/// As [`get_faults`], for a program whose faults are so large.
///
/// # Errors
///
/// The kernel's error.
///
/// # Panics
///
/// As [`get_faults`].
pub fn get_faults_with_stride(
    file: &File,
    vm_id: u32,
    next: u64,
    room: u32,
    stride: usize,
) -> Result<Told, Errno> {
    const UNTOUCHED: u8 = 0xa5;
    let mut bytes = vec![UNTOUCHED; room as usize * stride];
    let faults = match room {
        0 => Array::default(),
        count => Array {
            pointer: bytes.as_mut_ptr() as u64,
            count,
            stride: stride as u32,
        },
    };
    let asked = VmGetFaults {
        vm_id,
        next,
        missed: u64::MAX,
        written: u32::MAX,
        faults,
        ..VmGetFaults::default()
    };
    let mut told = asked;
    // SAFETY: The array says how much room there is at its address.
    unsafe { drm::ioctl(file, uapi::IOCTL_VM_GET_FAULTS, &mut told)? };
    let VmGetFaults {
        next,
        missed,
        written,
        ..
    } = told;
    let expected = VmGetFaults {
        next,
        missed,
        written,
        ..asked
    };
    assert_eq!(told, expected, "what was only to be read has changed");
    let (written, rest) = bytes.split_at(written as usize * stride);
    assert!(rest.iter().all(|byte| *byte == UNTOUCHED), "too much");
    let faults = written.chunks(stride).map(|bytes| {
        let (known, unknown) = bytes.split_at(size_of::<Fault>());
        assert!(unknown.iter().all(|byte| *byte == 0), "{unknown:x?}");
        Fault::read_from_bytes(known).expect("it has the size of a fault")
    });
    Ok(Told {
        faults: faults.collect(),
        next,
        missed,
    })
}

// SPDX-License-Identifier: MIT

//! Controls of GSP-RM through the driver's `rm_control` in debugfs.
//!
//! A write of `{object: u32, cmd: u32, parameters}` is a call, and a read then returns the answer,
//! `{status: u32, parameters}`. Each open file has its own answers.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use nix::errno::Errno;

use crate::nova::{field, Gpu};

/// The GPU itself; `NV2080_CTRL_*` are its controls.
pub const SUBDEVICE: u32 = 2;

/// `NV2080_CTRL_CMD_GPU_GET_INFO_V2`: a number of properties, then index and value of each.
pub const GPU_GET_INFO_V2: u32 = 0x2080_0102;

/// `NV2080_CTRL_CMD_GPU_GET_NAME_STRING`: 0 for ASCII, then room for the name.
pub const GPU_GET_NAME_STRING: u32 = 0x2080_0110;

/// Bytes of the parameters of [`GPU_GET_NAME_STRING`].
pub const NAME_STRING_LEN: usize = 132;

/// `NV2080_CTRL_CMD_VGPU_MGR_INTERNAL_PGPU_ADD_VGPU_TYPE`: a flag, a number of types at byte 4, and
/// room for them. No control has more parameters.
pub const PGPU_ADD_VGPU_TYPE: u32 = 0x2080_4003;

/// `NV_OK`.
pub const OK: u32 = 0;

/// Sizes of parameters that differ between firmware releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of the parameters of [`GPU_GET_INFO_V2`].
    pub gpu_infos: usize,
    /// Bytes of the parameters of [`PGPU_ADD_VGPU_TYPE`].
    pub vgpu_types: usize,
}

impl Sizes {
    /// The sizes for the firmware of `gpu`; skips if they are unknown.
    pub fn of(gpu: &Gpu) -> Self {
        let report = gpu.boot_report();
        let release = field(&report, "firmware").unwrap_or_default();
        let (gpu_infos, vgpu_types) = match release.split('.').next() {
            Some("570") => (524, 334_344),
            Some("535") => (516, 316_936),
            _ => crate::skip!("The parameters of firmware {release} are unknown."),
        };
        Self {
            gpu_infos,
            vgpu_types,
        }
    }
}

/// GSP-RM's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// NV_STATUS.
    pub status: u32,
    /// The parameters of the answer.
    pub params: Vec<u8>,
}

/// An open `rm_control` file.
#[derive(Debug)]
pub struct RmControl(File);

impl RmControl {
    /// Opens the file.
    ///
    /// # Panics
    ///
    /// If it cannot be opened.
    pub fn open(gpu: &Gpu) -> Self {
        match Self::try_open(gpu) {
            Ok(control) => control,
            Err(error) => panic!(
                "{}: {error}; it exists only with nova-core's parameter rm_control=1",
                path(gpu).display()
            ),
        }
    }

    /// Opens the file, if it exists.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the GPU is not bound, or the module was loaded without its parameter `rm_control`.
    pub fn try_open(gpu: &Gpu) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path(gpu))?;
        Ok(Self(file))
    }

    /// Calls a control and waits for the answer.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn call(&mut self, object: u32, cmd: u32, params: &[u8]) -> Result<Answer, Errno> {
        let request = [&object.to_le_bytes(), &cmd.to_le_bytes(), params].concat();
        self.ask(&request)?;
        let answer = self.answer()?;
        match answer.split_first_chunk() {
            Some((status, params)) => Ok(Answer {
                status: u32::from_le_bytes(*status),
                params: params.to_vec(),
            }),
            None => panic!("an answer of {} bytes", answer.len()),
        }
    }

    /// Writes a request in one write.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn ask(&mut self, request: &[u8]) -> Result<(), Errno> {
        match self.0.write(request) {
            Ok(len) if len == request.len() => Ok(()),
            Ok(len) => panic!("{len} of {} bytes were written", request.len()),
            Err(error) => Err(errno(&error)),
        }
    }

    /// Reads the last answer; empty if there is none.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn answer(&mut self) -> Result<Vec<u8>, Errno> {
        let mut answer = Vec::new();
        let read = self.0.seek(SeekFrom::Start(0));
        let read = read.and_then(|_| self.0.read_to_end(&mut answer));
        read.map(|_| answer).map_err(|error| errno(&error))
    }
}

fn path(gpu: &Gpu) -> PathBuf {
    gpu.debugfs().join("rm_control")
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

// SPDX-License-Identifier: GPL-2.0

//! Where the files of the firmware are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A firmware file.
#[derive(Clone, Debug)]
pub enum FirmwareFile {
    /// A file in memory.
    Bytes(Arc<[u8]>),
    /// A file on disk, read as needed since the largest has tens of megabytes.
    File(Arc<File>),
}

impl FirmwareFile {
    /// Size in bytes.
    pub fn len(&self) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads from byte `offset`.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let from = usize::try_from(offset)
                    .ok()
                    .and_then(|at| bytes.get(at..)?.get(..into.len()))
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
                into.copy_from_slice(from);
                Ok(())
            }
            Self::File(file) => file.read_exact_at(into, offset),
        }
    }

    /// The whole file.
    pub fn read_all(&self) -> io::Result<Arc<[u8]>> {
        if let Self::Bytes(bytes) = self {
            return Ok(Arc::clone(bytes));
        }
        let len = usize::try_from(self.len()?).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = vec![0; len];
        self.read_at(0, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// A store of firmware files under the names that Linux requests.
pub trait Store {
    /// Opens `name`, for example `nvidia/ga102/gsp/gsp-570.144.bin`.
    fn open(&self, name: &str) -> io::Result<FirmwareFile>;
}

/// A folder like `/lib/firmware`.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Store for Folder {
    fn open(&self, name: &str) -> io::Result<FirmwareFile> {
        File::open(self.0.join(name)).map(|file| FirmwareFile::File(Arc::new(file)))
    }
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct InMemory(pub BTreeMap<String, Arc<[u8]>>);

impl Store for InMemory {
    fn open(&self, name: &str) -> io::Result<FirmwareFile> {
        let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(FirmwareFile::Bytes(bytes.clone()))
    }
}

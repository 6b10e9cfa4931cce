// SPDX-License-Identifier: GPL-2.0

//! A folder of firmware files, as the driver sees it.

use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};

use nova_core::platform::{FileLen, FirmwareFiles, FirmwareImage, LoadError};

use crate::failure::Failure;
use crate::file::File;

/// Suffixes of compressed files, which the kernel's loader reads too.
const COMPRESSED: [&str; 2] = ["xz", "zst"];

/// A folder that holds `nvidia/`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder<'a>(pub(crate) &'a Path);

/// A file in it.
pub(crate) struct Mapped(File);

impl Folder<'_> {
    /// Whether the file called `name` is there in compressed form only, and so is not read here.
    pub(crate) fn is_compressed(&self, name: &str) -> bool {
        let exists = |suffix| self.0.join(format!("{name}.{suffix}")).exists();
        !self.0.join(name).exists() && COMPRESSED.into_iter().any(exists)
    }

    /// Bytes of the file called `name`.
    pub(crate) fn len(&self, name: &str) -> u64 {
        let metadata = self.0.join(name).metadata();
        metadata.map_or(0, |metadata| metadata.len())
    }

    /// A GSP-RM of NVIDIA's own packing, `nvidia/RELEASE/gsp_*.bin`; the folder may be `nvidia/` or
    /// the release's own.
    pub(crate) fn nvidias_own(&self) -> Option<PathBuf> {
        let entries = |folder: PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path())
        };
        let own = self.0.to_owned();
        let below = entries(own.clone()).chain(entries(own.join("nvidia")));
        let mut files = iter::once(own).chain(below).flat_map(entries);
        files.find(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("gsp_") && name.ends_with(".bin"))
        })
    }

    fn open(&self, name: &str) -> Result<Mapped, LoadError> {
        let opened = File::open(&self.0.join(name));
        opened.map(Mapped).map_err(|failure| match failure {
            Failure::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                LoadError::NotFound
            }
            Failure::Read { source, .. } => {
                LoadError::Os(source.raw_os_error().unwrap_or_default())
            }
            _ => LoadError::Os(0),
        })
    }
}

impl FirmwareFiles for Folder<'_> {
    type File = Mapped;
    type Image = Mapped;

    fn load(&self, name: &str) -> Result<Mapped, LoadError> {
        self.open(name)
    }

    fn load_image(&self, name: &str, _: usize, _: FileLen) -> Result<Mapped, LoadError> {
        self.open(name)
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl FirmwareImage for Mapped {
    fn page_addr(&self, _: usize) -> Option<u64> {
        None
    }
}

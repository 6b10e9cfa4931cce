// SPDX-License-Identifier: GPL-2.0

//! Reading, writing and printing for the commands.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use nova_firmware::recognise;
use nova_firmware::Format;

use crate::failure::{said, Failure};

/// Number of bytes that are shown of a file of unknown format.
const SHOWN: usize = 4;

/// A file mapped into memory, since only the headers of 60 MiB of firmware are read.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path.
    pub(crate) path: PathBuf,
    bytes: Mmap,
}

impl File {
    /// Maps the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let path = path.to_path_buf();
        let mapped = fs::File::open(&path).and_then(|file| {
            if file.metadata()?.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            // SAFETY: the mapping is read-only and lives as long as its borrowers. A process that
            // writes to the file meanwhile changes what the parsers find, and they trust nothing
            // that they find; one that truncates it ends this program with SIGBUS.
            unsafe { Mmap::map(&file) }
        });
        match mapped {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(source) => Err(Failure::Read { path, source }),
        }
    }

    /// Its contents.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its format, by its first bytes.
    pub(crate) fn format(&self) -> Result<Format, Failure> {
        recognise(self.bytes()).ok_or_else(|| {
            let shown = self.bytes().get(..SHOWN).unwrap_or(self.bytes());
            let hex: Vec<_> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            let found = if hex.is_empty() {
                "an empty file".to_owned()
            } else {
                hex.join(" ")
            };
            let path = self.path.clone();
            Failure::Unrecognised { path, found }
        })
    }

    /// Parses it.
    pub(crate) fn parse<'a, T>(
        &'a self,
        parser: impl FnOnce(&'a [u8]) -> nova_firmware::Result<T>,
    ) -> Result<T, Failure> {
        parser(self.bytes()).map_err(|error| Failure::Malformed {
            path: self.path.clone(),
            said: said(&error, self.bytes().len() as u64),
        })
    }
}

/// Writes `bytes` to `path` through a temporary file, so that `path` is never incomplete.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let part = path.with_extension("part");
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|source| Failure::Write {
        path: path.to_path_buf(),
        source,
    })
}

/// Prints `text`; a closed pipe (`nova-fw info … | head`) is not a failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Print(error)),
        _ => Ok(()),
    }
}

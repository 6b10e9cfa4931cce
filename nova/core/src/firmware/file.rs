// SPDX-License-Identifier: GPL-2.0

//! Loading and parsing of firmware files.

use nova_firmware::tlv::Tlv;

use super::error::FirmwareError;
use super::names::{File, Packing};
use crate::platform::{FirmwareFiles, LoadError};
use crate::text::Text;

impl File {
    pub(super) fn name(self) -> Text<64> {
        Text::whole(format_args!("{self}"))
    }

    pub(super) fn not_loaded(self, error: LoadError) -> FirmwareError {
        let file = self;
        FirmwareError::Load { file, error }
    }

    /// Error for malformed contents.
    pub(crate) fn malformed(self, error: nova_firmware::Error) -> FirmwareError {
        let file = self;
        FirmwareError::Malformed { file, error }
    }

    /// Loads a small file.
    pub(crate) fn load<F: FirmwareFiles>(self, files: &F) -> Result<F::File, FirmwareError> {
        files
            .load(self.name().as_str())
            .map_err(|error| self.not_loaded(error))
    }

    /// Parses the file's contents `bytes` with the parser for its packing.
    pub(crate) fn parse<'a, T>(
        self,
        bytes: &'a [u8],
        bin: impl FnOnce(&'a [u8]) -> nova_firmware::Result<T>,
        tlv: impl FnOnce(&Tlv<'a>) -> nova_firmware::Result<T>,
    ) -> Result<T, FirmwareError> {
        match self.set.packing {
            Packing::Bin => bin(bytes).map_err(|error| self.malformed(error)),
            Packing::Tlv => tlv(&self.tlv(bytes)?).map_err(|error| self.malformed(error)),
        }
    }

    /// The blocks of a TLV file, which must be of the set's release.
    pub(super) fn tlv(self, bytes: &[u8]) -> Result<Tlv<'_>, FirmwareError> {
        let tlv = Tlv::parse(bytes).map_err(|error| self.malformed(error))?;
        let version = tlv.version().map_err(|error| self.malformed(error))?;
        self.check_release(version)?;
        Ok(tlv)
    }

    /// Checks that the file is of the set's release.
    pub(crate) fn check_release(self, found: &str) -> Result<(), FirmwareError> {
        if found == self.set.release.name {
            return Ok(());
        }
        Err(self.of_release(found))
    }

    /// Error for a file of the release `found`.
    pub(crate) fn of_release(self, found: &str) -> FirmwareError {
        let (file, found) = (self, Text::from_bytes(found.as_bytes()));
        FirmwareError::Release { file, found }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Firmware files that the CPU reads, and the list of all firmware files for `modinfo`.

use kernel::firmware::{Firmware, ModInfoBuilder};
use kernel::prelude::*;
use kernel::str::CString;
use nova_core::platform::{FileLen, FirmwareFiles, LoadError};
use nova_core::{firmware_kinds, name_parts};
use nova_hw::chipset::Chipset;
use nova_hw::release::{Release, RELEASES};

use crate::image::Image;
use crate::machine::Machine;

/// A whole firmware file.
pub(crate) struct File(Firmware);

impl AsRef<[u8]> for File {
    fn as_ref(&self) -> &[u8] {
        self.0.data()
    }
}

impl FirmwareFiles for Machine<'_> {
    type File = File;
    type Image = Image;

    fn load(&self, name: &str) -> Result<File, LoadError> {
        let name = c_string(name)?;
        Firmware::request_nowarn(&name, self.device().as_ref())
            .map(File)
            .map_err(load_error)
    }

    fn load_image(
        &self,
        name: &str,
        page_aligned_at: usize,
        len: FileLen,
    ) -> Result<Image, LoadError> {
        let name = c_string(name)?;
        Image::load(self.device(), &name, page_aligned_at, len).map_err(load_error)
    }
}

fn c_string(name: &str) -> Result<CString, LoadError> {
    CString::try_from_fmt(fmt!("{name}")).map_err(load_error)
}

fn load_error(error: Error) -> LoadError {
    match error {
        ENOENT => LoadError::NotFound,
        ENOMEM => LoadError::OutOfMemory,
        other => LoadError::Os(-other.to_errno()),
    }
}

/// The firmware files of all supported chips, for `modinfo` and for tools that create an initramfs.
pub(crate) struct ModInfo<const N: usize>;

impl<const N: usize> ModInfo<N> {
    /// The list; `kernel::module_firmware!` calls this.
    pub(crate) const fn create(module_name: &'static CStr) -> ModInfoBuilder<N> {
        let mut list = ModInfoBuilder::new(module_name);
        let mut chip = 0;
        while chip < Chipset::ALL.len() {
            let mut release = 0;
            while release < RELEASES.len() {
                if RELEASES[release].is_for(Chipset::ALL[chip]) {
                    list = Self::push_set(list, Chipset::ALL[chip], RELEASES[release]);
                }
                release += 1;
            }
            chip += 1;
        }
        list
    }

    /// Adds the files of a release for a chip.
    const fn push_set(
        mut list: ModInfoBuilder<N>,
        chip: Chipset,
        release: &'static Release,
    ) -> ModInfoBuilder<N> {
        let kinds = firmware_kinds(chip);
        let mut kind = 0;
        while kind < kinds.len() {
            let [folder, name, dash, of, suffix] = name_parts(release, kinds[kind]);
            list = list
                .new_entry()
                .push("nvidia/")
                .push(chip.name())
                .push("/")
                .push(folder)
                .push(name)
                .push(dash)
                .push(of)
                .push(suffix);
            kind += 1;
        }
        list
    }
}

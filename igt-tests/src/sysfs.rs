// SPDX-License-Identifier: MIT

//! Devices in sysfs and debugfs.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Mount point of debugfs.
pub const DEBUGFS: &str = "/sys/kernel/debug";

/// The text of a sysfs attribute, without the white space around it.
///
/// # Errors
///
/// If it cannot be read.
pub fn read(path: impl AsRef<Path>) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

/// Writes `text` to a sysfs attribute.
///
/// # Errors
///
/// If the attribute does not exist, or the kernel refuses the text.
pub fn write(path: impl AsRef<Path>, text: impl AsRef<str>) -> io::Result<()> {
    // Without creating the file, so that the error is that of a missing attribute.
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(text.as_ref().as_bytes())
}

/// A number in a sysfs attribute: hexadecimal after `0x`, else decimal.
///
/// # Errors
///
/// If it cannot be read or is not a number.
pub fn read_number(path: impl AsRef<Path>) -> io::Result<u64> {
    let text = read(path)?;
    parse_number(&text).ok_or_else(|| io::Error::other(format!("{text:?} is not a number")))
}

fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Names of the entries of a folder, sorted; empty if it does not exist.
pub fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// `IORESOURCE_MEM_64`: a BAR that takes two BAR registers. Source: include/linux/ioport.h of
/// Linux.
const MEM_64: u64 = 0x0010_0000;

/// A PCI function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciDevice(PathBuf);

impl PciDevice {
    /// All PCI functions of the machine, by address.
    pub fn all() -> Vec<Self> {
        let folder = Path::new("/sys/bus/pci/devices");
        names(folder)
            .iter()
            .map(|name| Self(folder.join(name)))
            .collect()
    }

    /// The folder in sysfs.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its address, such as `0000:01:00.0`.
    pub fn name(&self) -> String {
        self.0
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Vendor id.
    ///
    /// # Errors
    ///
    /// If the function does not exist any more.
    pub fn vendor(&self) -> io::Result<u64> {
        read_number(self.0.join("vendor"))
    }

    /// Class code: base class, sub class, interface, a byte each.
    ///
    /// # Errors
    ///
    /// If the function does not exist any more.
    pub fn class(&self) -> io::Result<u64> {
        read_number(self.0.join("class"))
    }

    /// The driver that it is bound to.
    pub fn driver(&self) -> Option<String> {
        let driver = fs::read_link(self.0.join("driver")).ok()?;
        Some(driver.file_name()?.to_string_lossy().into_owned())
    }

    /// Its enable count.
    ///
    /// # Errors
    ///
    /// If the function does not exist any more.
    pub fn enabled(&self) -> io::Result<u64> {
        read_number(self.0.join("enable"))
    }

    /// Whether it is a bus master.
    ///
    /// # Errors
    ///
    /// If the function does not exist any more.
    pub fn is_bus_master(&self) -> io::Result<bool> {
        // PCI_COMMAND and PCI_COMMAND_MASTER of include/uapi/linux/pci_regs.h of Linux.
        const COMMAND: usize = 4;
        const MASTER: u8 = 1 << 2;
        let config = fs::read(self.0.join("config"))?;
        let command = config.get(COMMAND).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(command & MASTER != 0)
    }

    /// Binds it to `driver`.
    ///
    /// # Errors
    ///
    /// The error of the driver's probe.
    pub fn bind(&self, driver: &str) -> io::Result<()> {
        write(driver_folder(driver).join("bind"), self.name())
    }

    /// Unbinds it from its driver.
    ///
    /// # Errors
    ///
    /// If it is bound to no driver.
    pub fn unbind(&self) -> io::Result<()> {
        let driver = self.driver().ok_or(io::ErrorKind::NotFound)?;
        self.unbind_from(&driver)
    }

    /// Unbinds it from `driver`, also while another process does so.
    ///
    /// # Errors
    ///
    /// `ENODEV` if it is not bound to `driver`.
    pub fn unbind_from(&self, driver: &str) -> io::Result<()> {
        write(driver_folder(driver).join("unbind"), self.name())
    }

    /// Whether it has function-level reset.
    pub fn can_reset(&self) -> bool {
        let methods = read(self.0.join("reset_method")).unwrap_or_default();
        methods.split(' ').any(|method| method == "flr")
    }

    /// Resets the function (function-level reset).
    ///
    /// # Errors
    ///
    /// If it cannot be reset.
    pub fn reset(&self) -> io::Result<()> {
        write(self.0.join("reset_method"), "flr")?;
        write(self.0.join("reset"), "1")
    }

    /// Removes the function from the kernel, until the next rescan.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it is removed already.
    pub fn remove(&self) -> io::Result<()> {
        write(self.0.join("remove"), "1")
    }

    /// Size in bytes of the BAR at each of the six BAR registers; 0 if there is none.
    ///
    /// # Errors
    ///
    /// If the function does not exist any more.
    pub fn bar_sizes(&self) -> io::Result<[u64; 6]> {
        Ok(self.bar_resources()?.map(|bar| bar.size))
    }

    /// Size of each BAR in bytes, in order; a 64-bit BAR counts once.
    ///
    /// # Errors
    ///
    /// If the function does not exist any more.
    pub fn bars(&self) -> io::Result<Vec<u64>> {
        Ok(bars(&self.bar_resources()?))
    }

    fn bar_resources(&self) -> io::Result<[Resource; 6]> {
        let text = fs::read_to_string(self.0.join("resource"))?;
        let mut resources = [Resource::default(); 6];
        for (resource, line) in resources.iter_mut().zip(text.lines()) {
            *resource = Resource::parse(line)
                .ok_or_else(|| io::Error::other(format!("{line:?} is not a resource")))?;
        }
        Ok(resources)
    }
}

fn driver_folder(driver: &str) -> PathBuf {
    Path::new("/sys/bus/pci/drivers").join(driver)
}

/// A line of a device's `resource`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Resource {
    size: u64,
    flags: u64,
}

impl Resource {
    /// Reads `first-address last-address flags`.
    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(parse_number);
        let mut next = || numbers.next()?;
        let (first, last, flags) = (next()?, next()?, next()?);
        let size = match (first, last) {
            (0, 0) => 0,
            (first, last) => last.checked_sub(first)?.checked_add(1)?,
        };
        Some(Self { size, flags })
    }
}

/// Sizes of the BARs in these resources.
fn bars(places: &[Resource]) -> Vec<u64> {
    let mut places = places.iter();
    let mut sizes = Vec::new();
    while let Some(bar) = places.next() {
        sizes.push(bar.size);
        if bar.flags & MEM_64 != 0 {
            places.next();
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed() {
        assert_eq!(parse_number("0x10de"), Some(0x10de));
        assert_eq!(parse_number("12"), Some(12));
        assert_eq!(parse_number("x"), None);
    }

    #[test]
    fn resources_are_parsed() {
        let line = "0x00000000fa000000 0x00000000faffffff 0x0000000000040200";
        let (size, flags) = (16 << 20, 0x4_0200);
        assert_eq!(Resource::parse(line), Some(Resource { size, flags }));
        assert_eq!(Resource::parse("0x0 0x0 0x0"), Some(Resource::default()));
        assert_eq!(Resource::parse("0x2 0x0 0x0"), None);
        assert_eq!(Resource::parse("nothing"), None);
    }

    #[test]
    fn a_64_bit_bar_takes_two_registers() {
        let bar = |size, flags| Resource { size, flags };
        let none = Resource::default();
        let (registers, vram) = (bar(16, 0x200), bar(256, MEM_64 | 0x2200));
        assert_eq!(bars(&[registers, vram, none, vram])[..2], [16, 256]);
        let registers = bar(16, MEM_64);
        assert_eq!(bars(&[registers, none, vram, none])[..2], [16, 256]);
        let unassigned = bar(0, MEM_64);
        assert_eq!(bars(&[unassigned, none, vram, none])[..2], [0, 256]);
    }
}

// SPDX-License-Identifier: MIT

//! The mocked GPU's control port, through which a test injects faults. A real card has none, and
//! tests that need it are skipped.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::nova::Gpu;
use crate::{sysfs, wait_for, ExitHandler, HANG};

/// The mock of one GPU.
#[derive(Debug)]
pub struct Mock(PathBuf);

impl Mock {
    /// The mock of `gpu`.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the GPU is not mocked or its mock has no control port.
    pub fn of(gpu: &Gpu) -> io::Result<Self> {
        let gpus = Gpu::all();
        let is_it = |other: &Gpu| other.pci() == gpu.pci();
        let number = gpus.iter().position(is_it).ok_or(io::ErrorKind::NotFound)?;
        let path = PathBuf::from(format!("/dev/virtio-ports/nova.mock.{number}"));
        path.metadata()?;
        Ok(Self(path))
    }

    /// The mock of `gpu`; skips if there is none.
    pub fn require(gpu: &Gpu) -> Self {
        match Self::of(gpu) {
            Ok(mock) => mock,
            Err(error) => crate::skip!("The GPU is not mocked, or has no control port: {error}."),
        }
    }

    /// Sends a command to the mock; see `machine/control.rs` of nova-mock for the commands.
    ///
    /// # Panics
    ///
    /// If the mock does not answer `ok`.
    pub fn tell(&self, command: &str) {
        match self.ask(command) {
            Ok(answer) => assert_eq!(answer, "ok", "{command}"),
            Err(error) => panic!("{command}: {error}"),
        }
    }

    /// Sends a command to the mock, and returns the answer.
    ///
    /// # Errors
    ///
    /// If the control port fails.
    pub fn ask(&self, command: &str) -> io::Result<String> {
        // The port is opened each time, so that it can be put away in between.
        let mut port = open(&self.0)?;
        port.write_all(format!("{command}\n").as_bytes())?;
        read_line(&mut port)
    }

    /// The objects of GSP-RM, a line for each, parents before their children.
    ///
    /// # Errors
    ///
    /// If the control port fails, or GSP-RM does not run.
    pub fn objects(&self) -> io::Result<Vec<String>> {
        self.list("objects")
    }

    /// The channels, a line for each, with what it does.
    ///
    /// # Errors
    ///
    /// If the control port fails.
    pub fn channels(&self) -> io::Result<Vec<String>> {
        self.list("channels")
    }

    /// Sends a command to the mock that it answers by lines, and `ok`.
    fn list(&self, command: &str) -> io::Result<Vec<String>> {
        let mut port = open(&self.0)?;
        port.write_all(format!("{command}\n").as_bytes())?;
        let mut lines = Vec::new();
        loop {
            match read_line(&mut port)? {
                end if end == "ok" => return Ok(lines),
                error if error.starts_with("error: ") => return Err(io::Error::other(error)),
                line => lines.push(line),
            }
        }
    }

    /// How often the driver has accessed the card, by the names of the ways to do so.
    ///
    /// # Panics
    ///
    /// If the mock does not answer.
    pub fn accesses(&self) -> BTreeMap<String, u64> {
        let answer = self.ask("accesses").expect("the mock answers");
        let counts = answer.split(' ').map(|field| {
            let (name, count) = field.split_once('=')?;
            Some((name.to_owned(), count.parse().ok()?))
        });
        let counts: Option<_> = counts.collect();
        counts.unwrap_or_else(|| panic!("accesses: {answer:?}"))
    }

    /// Number of times that the driver has unloaded GSP-RM.
    ///
    /// # Panics
    ///
    /// If the mock does not answer.
    pub fn unloads(&self) -> u64 {
        let answer = self.ask("unloads");
        match answer.as_deref().map(str::parse) {
            Ok(Ok(unloads)) => unloads,
            _ => panic!("unloads: {answer:?}"),
        }
    }

    /// Unbinds the driver of the port, and of those of the other mocks, until the returned value is
    /// dropped: Linux's virtio_console does not work any more after the system has slept.
    ///
    /// # Errors
    ///
    /// If it cannot be unbound.
    pub fn put_away(&self) -> io::Result<ExitHandler> {
        const DRIVER: &str = "/sys/bus/virtio/drivers/virtio_console";
        let port = fs::canonicalize(&self.0)?;
        let class = Path::new("/sys/class/virtio-ports").join(port.file_name().unwrap_or_default());
        let device = fs::canonicalize(class.join("device"))?;
        let device = device
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        sysfs::write(format!("{DRIVER}/unbind"), &device)?;
        Ok(ExitHandler::new(move || {
            if let Err(error) = sysfs::write(format!("{DRIVER}/bind"), &device) {
                log::error!("{device}: {error}");
            }
            // The port's node exists before it can be opened.
            wait_for(HANG, "the mock's port", || open(&port).is_ok());
        }))
    }

    /// Breaks the GPU, such as `stage=booter,kind=timeout`, until the returned value is dropped.
    ///
    /// # Panics
    ///
    /// If the mock knows no such fault.
    pub fn broken(&self, fault: &str) -> Broken<'_> {
        self.tell(&format!("fault {fault}"));
        Broken(self)
    }

    /// As [`Self::broken`], but the fault begins when GSP-RM has been booted the next time.
    ///
    /// # Panics
    ///
    /// If the mock knows no such fault.
    pub fn broken_after_boot(&self, fault: &str) -> Broken<'_> {
        self.tell(&format!("fault-after-boot {fault}"));
        Broken(self)
    }
}

/// Reads a line, and no byte beyond it.
fn read_line(port: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        port.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => return Ok(String::from_utf8_lossy(&line).into_owned()),
            [byte] => line.push(byte),
        }
    }
}

fn open(port: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(port)
}

/// A GPU that is broken; dropping this repairs it.
#[derive(Debug)]
pub struct Broken<'a>(&'a Mock);

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        match self.0.ask("repair") {
            Ok(answer) if answer == "ok" => {}
            answer => log::error!("the mock is not repaired: {answer:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_line_by_line() {
        let mut port: &[u8] = b"one\ntwo\nthr";
        assert_eq!(read_line(&mut port).unwrap(), "one");
        assert_eq!(read_line(&mut port).unwrap(), "two");
        assert!(read_line(&mut port).is_err());
    }
}

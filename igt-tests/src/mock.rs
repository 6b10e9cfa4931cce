// SPDX-License-Identifier: MIT

//! The mocked GPU's control port, through which a test breaks it and repairs it. A real card has
//! none, and tests that need it skip.

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
    /// `ENOENT` where the GPU is not mocked or its mock takes no commands.
    pub fn of(gpu: &Gpu) -> io::Result<Self> {
        let gpus = Gpu::all();
        let is_it = |other: &Gpu| other.pci() == gpu.pci();
        let number = gpus.iter().position(is_it).ok_or(io::ErrorKind::NotFound)?;
        let path = PathBuf::from(format!("/dev/virtio-ports/nova.mock.{number}"));
        path.metadata()?;
        Ok(Self(path))
    }

    /// The mock of `gpu`; skips where there is none.
    pub fn require(gpu: &Gpu) -> Self {
        match Self::of(gpu) {
            Ok(mock) => mock,
            Err(error) => crate::skip!("The GPU is not mocked, or takes no commands: {error}."),
        }
    }

    /// Has the mock do what `command` says; nova-mock's manual has the commands.
    ///
    /// # Panics
    ///
    /// Where the mock does not.
    pub fn tell(&self, command: &str) {
        match self.ask(command) {
            Ok(answer) => assert_eq!(answer, "ok", "{command}"),
            Err(error) => panic!("{command}: {error}"),
        }
    }

    /// Has the mock do what `command` says, and returns what it answers.
    ///
    /// # Errors
    ///
    /// Where the control port fails.
    pub fn ask(&self, command: &str) -> io::Result<String> {
        // Each time anew, so that the port can be put away between.
        let mut port = open(&self.0)?;
        port.write_all(format!("{command}\n").as_bytes())?;
        read_line(&mut port)
    }

    /// The objects of GSP-RM, a line for each, parents before their children.
    ///
    /// # Errors
    ///
    /// Where the control port fails, or GSP-RM does not run.
    pub fn objects(&self) -> io::Result<Vec<String>> {
        let mut port = open(&self.0)?;
        port.write_all(b"objects\n")?;
        let mut objects = Vec::new();
        loop {
            match read_line(&mut port)? {
                end if end == "ok" => return Ok(objects),
                error if error.starts_with("error: ") => return Err(io::Error::other(error)),
                object => objects.push(object),
            }
        }
    }

    /// How often GSP-RM has ended because the driver unloaded it.
    ///
    /// # Panics
    ///
    /// Where the mock does not tell.
    pub fn unloads(&self) -> u64 {
        let answer = self.ask("unloads");
        match answer.as_deref().map(str::parse) {
            Ok(Ok(unloads)) => unloads,
            _ => panic!("unloads: {answer:?}"),
        }
    }

    /// Puts the port away, with those of the other mocks, until the returned value is dropped: Linux's
    /// virtio_console does not reach the host any more once the system has slept.
    ///
    /// # Errors
    ///
    /// Where it cannot be put away.
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
            // Its node is there before it can be opened.
            wait_for(HANG, "the mock's port", || open(&port).is_ok());
        }))
    }

    /// Breaks the GPU, such as `stage=booter,kind=timeout`, until the returned value is dropped.
    ///
    /// # Panics
    ///
    /// Where the mock knows no such fault.
    pub fn broken(&self, fault: &str) -> Broken<'_> {
        self.tell(&format!("fault {fault}"));
        Broken(self)
    }
}

/// Reads a line, and no byte more.
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

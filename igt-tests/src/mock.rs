// SPDX-License-Identifier: MIT

//! The mocked GPU's control port, through which a test breaks it and repairs it. A real card has
//! none, and tests that need it skip.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use crate::nova::Gpu;

/// The mock of one GPU.
#[derive(Debug)]
pub struct Mock(RefCell<File>);

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
        let port = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self(RefCell::new(port)))
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

    fn ask(&self, command: &str) -> io::Result<String> {
        let port = &mut *self.0.borrow_mut();
        port.write_all(format!("{command}\n").as_bytes())?;
        let mut answer = Vec::new();
        let mut byte = [0];
        loop {
            port.read_exact(&mut byte)?;
            match byte {
                [b'\n'] => return Ok(String::from_utf8_lossy(&answer).into_owned()),
                [byte] => answer.push(byte),
            }
        }
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

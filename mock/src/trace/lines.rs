// SPDX-License-Identifier: GPL-2.0

//! A file of lines, which is written as they come.

use std::fmt::Arguments;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The file, until an error in writing it ends it.
#[derive(Debug)]
pub(super) struct Lines {
    /// What is in it, for errors.
    what: &'static str,
    out: Option<BufWriter<File>>,
}

impl Lines {
    pub(super) fn to_file(path: &Path, what: &'static str) -> io::Result<Self> {
        let out = Some(BufWriter::new(File::create(path)?));
        Ok(Self { what, out })
    }

    pub(super) fn line(&mut self, line: Arguments<'_>) {
        let Some(out) = &mut self.out else {
            return;
        };
        if let Err(error) = writeln!(out, "{line}") {
            tracing::error!("the log of {} ends here: {error}", self.what);
            self.out = None;
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

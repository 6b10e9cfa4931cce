// SPDX-License-Identifier: MIT

//! The kernel log: marks for `igt_runner`, and the kernel's messages.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use nix::libc;
use regex::Regex;

use crate::{kernel_report, sysfs};

const PATH: &str = "/dev/kmsg";

/// Writes `text` into the kernel log at level info, marked as coming from a test.
///
/// Does nothing if the log cannot be written, since a test also runs without root.
pub fn info(text: &str) {
    if let Ok(mut file) = OpenOptions::new().write(true).open(PATH) {
        // One write is one record; a record that the kernel refuses does not fail the test.
        let _ = file.write_all(format!("<6>[IGT] {text}\n").as_bytes());
    }
}

/// Makes the runner ignore kernel messages that match one of `patterns`, until the next subtest or
/// dynamic subtest starts.
///
/// The runner knows one expression at a time, so a later call replaces an earlier one.
///
/// # Panics
///
/// If a pattern is not a regular expression or contains a backslash, which the kernel log would
/// escape. [`literal`] makes a pattern of text.
pub fn expect(patterns: &[&str]) {
    let all = patterns.join("|");
    assert!(!all.contains('\\'), "kmsg::expect: a backslash in {all}");
    if let Err(error) = Regex::new(&all) {
        panic!("kmsg::expect: {error}");
    }
    info(&format!("add ignored dmesg regex: {all}"));
}

/// A pattern for [`expect`] that matches `text`; characters that need a backslash match any
/// character.
pub fn literal(text: &str) -> String {
    let quoted = |c: char| match c {
        '.' | '*' | '+' | '?' | '(' | ')' | '{' | '}' | '|' | '$' => format!("[{c}]"),
        '[' | ']' | '^' | '\\' => ".".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(quoted).collect()
}

/// A message of the kernel log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Severity: 0 emergency, 3 error, 4 warning, 6 info.
    pub level: u8,
    /// The text, without the lines of key-value pairs under it.
    pub text: String,
}

impl Record {
    /// Reads the format of `/dev/kmsg`: `priority,sequence,time,flags;text`, then ` KEY=value`
    /// lines. Source: Documentation/ABI/testing/dev-kmsg of Linux.
    fn parse(raw: &str) -> Option<Self> {
        let (prefix, rest) = raw.split_once(';')?;
        let priority: u32 = prefix.split(',').next()?.parse().ok()?;
        Some(Self {
            level: (priority & 7) as u8,
            text: rest.lines().next().unwrap_or_default().to_owned(),
        })
    }

    /// Whether the record is a warning or worse, which the runner counts as a failure.
    pub fn is_warning(&self) -> bool {
        self.level <= 4
    }
}

/// Watches for reports of kernel bugs.
#[derive(Debug)]
pub struct Watch {
    log: Follow,
    taint: u64,
}

impl Watch {
    /// Watches from now on.
    ///
    /// # Errors
    ///
    /// If the kernel log or the taint cannot be read.
    pub fn from_now() -> io::Result<Self> {
        Ok(Self {
            log: Follow::from_now()?,
            taint: taint()?,
        })
    }

    /// The records since the last call.
    ///
    /// # Panics
    ///
    /// If the kernel has reported a bug or was tainted, or if that cannot be read.
    pub fn assert_quiet(&mut self) -> Vec<Record> {
        let records = self.log.records();
        let records = records.unwrap_or_else(|error| panic!("{PATH}: {error}"));
        let begins = |record: &Record| kernel_report::begins(&record.text);
        if let Some(first) = records.iter().position(begins) {
            let texts = records[first..].iter().map(|record| record.text.as_str());
            let texts: Vec<&str> = texts.take(REPORT_LINES).collect();
            panic!("the kernel reports:\n{}", texts.join("\n"));
        }
        // Loading a module may add the taints of an out-of-tree and of an unsigned module.
        let taint = taint().unwrap_or_else(|error| panic!("{TAINT}: {error}"));
        assert_eq!(taint & !FOREIGN, self.taint & !FOREIGN, "{TAINT}");
        records
    }
}

/// The most lines of a report that are shown.
const REPORT_LINES: usize = 60;

const TAINT: &str = "/proc/sys/kernel/tainted";

/// Taint bits of an out-of-tree module and of an unsigned module.
/// Source: Documentation/admin-guide/tainted-kernels.rst of Linux.
const FOREIGN: u64 = 1 << 12 | 1 << 13;

fn taint() -> io::Result<u64> {
    sysfs::read_number(TAINT)
}

/// The kernel log from one moment on.
#[derive(Debug)]
pub struct Follow(File);

impl Follow {
    /// Follows the log from now on.
    ///
    /// # Errors
    ///
    /// If `/dev/kmsg` cannot be read.
    pub fn from_now() -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(PATH)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self(file))
    }

    /// The records since the start or the last call.
    ///
    /// # Errors
    ///
    /// If `/dev/kmsg` cannot be read.
    pub fn records(&mut self) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return Ok(records),
                Ok(length) => {
                    let raw = String::from_utf8_lossy(&buffer[..length]);
                    records.extend(Record::parse(&raw));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(records),
                // Some records were overwritten before they were read.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_parsed() {
        let raw = "3,1234,5678,-;nova 0000:01:00.0: no firmware\n SUBSYSTEM=pci\n DEVICE=+pci\n";
        let record = Record::parse(raw).unwrap();
        assert_eq!(record.level, 3);
        assert_eq!(record.text, "nova 0000:01:00.0: no firmware");
        assert!(record.is_warning());
    }

    #[test]
    fn the_facility_is_not_the_level() {
        let record = Record::parse("30,1,2,-;systemd says\n").unwrap();
        assert_eq!(record.level, 6);
        assert!(!record.is_warning());
    }

    #[test]
    fn literals_match_only_themselves() {
        let text = "gsp-570.144.bin: (a+b) [c] {1} $x|y?*";
        let pattern = Regex::new(&literal(text)).unwrap();
        assert!(pattern.is_match(text));
        assert!(!pattern.is_match(&text.replace('.', "-")));
        assert!(!literal(text).contains('\\'));
    }

    #[test]
    fn invalid_records_are_refused() {
        assert_eq!(Record::parse("no semicolon"), None);
        assert_eq!(Record::parse("x,1;text"), None);
    }
}

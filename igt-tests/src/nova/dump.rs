// SPDX-License-Identifier: MIT

//! The device coredump of a lost queue, as docs/debugging.md describes it.

use std::fs;
use std::path::PathBuf;
use std::str;

use super::Gpu;
use crate::{sysfs, wait_for, HANG};

/// A dump of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDump {
    /// All of it.
    pub bytes: Vec<u8>,
    /// The text before the parts.
    pub text: String,
    /// The parts, each with its name.
    parts: Vec<(String, Vec<u8>)>,
}

impl QueueDump {
    /// Takes a dump apart; `None` if it is not as it has to be.
    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let start = find(&bytes, b"\n\n== ").map_or(bytes.len(), |at| at + 2);
        let text = str::from_utf8(&bytes[..start]).ok()?.to_owned();
        let (mut parts, mut rest) = (Vec::new(), &bytes[start..]);
        while !rest.is_empty() {
            let end = find(rest, b"\n")?;
            let head = str::from_utf8(&rest[..end]).ok()?;
            let (name, size) = head.strip_prefix("== ")?.split_once(' ')?;
            let (data, others) = rest[end + 1..].split_at_checked(size.parse().ok()?)?;
            parts.push((name.to_owned(), data.to_vec()));
            rest = others.strip_prefix(b"\n")?;
        }
        let is_known = text.starts_with("nova queue dump 1\n");
        is_known.then_some(Self { bytes, text, parts })
    }

    /// The data of a part.
    pub fn part(&self, name: &str) -> Option<&[u8]> {
        let part = self.parts.iter().find(|(its, _)| its == name);
        part.map(|(_, data)| data.as_slice())
    }

    /// The names of the parts.
    pub fn names(&self) -> Vec<&str> {
        self.parts.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the bytes are anywhere in it.
    pub fn contains(&self, bytes: &[u8]) -> bool {
        find(&self.bytes, bytes).is_some()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

impl Gpu {
    /// Where the kernel has a dump of a queue, while there is one: a dump is one of nova-core's auxiliary device.
    fn queue_dump_link(&self) -> PathBuf {
        let pci = self.pci().path();
        let mut names = sysfs::names(pci).into_iter();
        let device = names.find(|name| name.starts_with("nova-core.drm."));
        pci.join(device.expect("nova-core has an auxiliary device"))
            .join("devcoredump")
    }

    /// The dump of a queue, if there is one.
    ///
    /// # Panics
    ///
    /// If it is not as it has to be.
    pub fn queue_dump(&self) -> Option<QueueDump> {
        let bytes = fs::read(self.queue_dump_link().join("data")).ok()?;
        let parsed = QueueDump::parse(bytes);
        Some(parsed.expect("a dump has text, and parts of the sizes that it says"))
    }

    /// Waits for the dump of a queue.
    ///
    /// # Panics
    ///
    /// If there is none, or it is not as it has to be.
    pub fn await_queue_dump(&self) -> QueueDump {
        let mut dump = None;
        wait_for(HANG, "the dump of a queue", || {
            dump = self.queue_dump();
            dump.is_some()
        });
        dump.expect("there is a dump")
    }

    /// As [`Self::dismiss_coredump`], for the dump of a queue.
    ///
    /// # Panics
    ///
    /// If it stays.
    pub fn dismiss_queue_dump(&self) {
        super::dismiss(&self.queue_dump_link());
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A log of all register accesses in order, for comparing two drivers on the same card.
//!
//! A line is an access, `r` or `w` with the offset and the value in hexadecimal, or `#` with an
//! action of a block:
//!
//! ```text
//! r 00000000 172000a1
//! w 001103c0 00000001
//! # GSP reset
//! ```

use std::io;
use std::path::Path;

use super::lines::Lines;
use crate::block_id::BlockId;

/// The file.
#[derive(Debug)]
pub(crate) struct RegisterLog(Lines);

impl RegisterLog {
    pub(crate) fn to_file(path: &Path) -> io::Result<Self> {
        Ok(Self(Lines::to_file(path, "registers")?))
    }

    pub(crate) fn read(&mut self, offset: u32, value: u32) {
        self.0.line(format_args!("r {offset:08x} {value:08x}"));
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.0.line(format_args!("w {offset:08x} {value:08x}"));
    }

    pub(crate) fn note(&mut self, block: BlockId, what: &str) {
        self.0.line(format_args!("# {} {what}", block.name()));
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without files")]
    fn accesses_and_notes_are_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registers.log");
        let mut log = RegisterLog::to_file(&path).unwrap();
        log.read(0, 0x1720_00a1);
        log.write(0x11_03c0, 1);
        log.note(BlockId::Gsp, "reset");
        log.flush().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "r 00000000 172000a1\nw 001103c0 00000001\n# GSP reset\n"
        );
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A register log, as `nova-mock --registers` writes it.

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};
use nova_hw::regs;
use nova_mock::BlockId;

/// The mock's note when GSP-RM has started.
const STARTED: &str = "GSP GSP_INIT_DONE";

/// The doorbell of GSP-RM, which says that there is a message.
const QUEUE_HEAD: &str = "NV_PGSP_QUEUE_HEAD";

/// What of a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    All,
    /// Up to the first message to GSP-RM after it has started.
    Boot,
}

/// A register write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Write<'a> {
    /// The block that it goes to.
    pub(crate) block: &'static str,
    /// Byte offset in BAR0.
    pub(crate) offset: u32,
    /// The value written.
    pub(crate) value: u32,
    /// The last action of the card before it.
    pub(crate) after: &'a str,
}

/// The register accesses of a driver.
#[derive(Debug, Default)]
pub(crate) struct Accesses<'a> {
    /// Writes, in their order.
    pub(crate) writes: Vec<Write<'a>>,
    /// Number of reads by block.
    pub(crate) reads: BTreeMap<&'static str, usize>,
}

impl<'a> Accesses<'a> {
    /// Reads a log, or a part of it.
    pub(crate) fn parse(log: &'a str, part: Part) -> Result<Self> {
        let mut accesses = Self::default();
        let mut after = "the start";
        let mut has_started = false;
        for (number, line) in log.lines().enumerate() {
            if let Some(note) = line.strip_prefix("# ") {
                has_started |= note == STARTED;
                after = note;
                continue;
            }
            accesses
                .access(line, after)
                .with_context(|| format!("line {}: {line:?}", number + 1))?;
            if part == Part::Boot && has_started && accesses.ends_with_a_message() {
                accesses.writes.pop();
                break;
            }
        }
        ensure!(part == Part::All || has_started, "GSP-RM did not start");
        Ok(accesses)
    }

    fn ends_with_a_message(&self) -> bool {
        let last = self.writes.last();
        last.is_some_and(|write| regs::name(write.offset) == Some(QUEUE_HEAD))
    }

    fn access(&mut self, line: &str, after: &'a str) -> Result<()> {
        let mut words = line.split(' ');
        let kind = words.next().context("no kind of access")?;
        let mut number =
            |what| u32::from_str_radix(words.next().unwrap_or_default(), 16).context(what);
        let offset = number("offset")?;
        let value = number("value")?;
        let block = BlockId::at(offset).name();
        match kind {
            "r" => *self.reads.entry(block).or_default() += 1,
            "w" => self.writes.push(Write {
                block,
                offset,
                value,
                after,
            }),
            _ => bail!("neither a read nor a write"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_kept_and_reads_counted() {
        let log = "r 00000000 172000a1\nw 001103c0 00000001\n# GSP reset\nw 001103c0 00000000\n";
        let accesses = Accesses::parse(log, Part::All).unwrap();
        assert_eq!(accesses.reads, BTreeMap::from([("PMC", 1)]));
        let [first, second] = accesses.writes[..] else {
            panic!("{accesses:?}");
        };
        assert_eq!(
            (first.block, first.offset, first.value),
            ("GSP", 0x11_03c0, 1)
        );
        assert_eq!([first.after, second.after], ["the start", "GSP reset"]);
    }

    #[test]
    fn the_boot_ends_before_the_first_message_to_the_started_gsp_rm() {
        let log = "w 00110c00 00000000\n# GSP GSP_INIT_DONE\nw 00110080 00000000\n\
            # INTR MSI\nr 00110008 00000040\nw 00110c00 00000000\nw 00110c04 00000000\n";
        let offsets = |part| {
            let accesses = Accesses::parse(log, part).unwrap();
            let offsets = accesses.writes.iter().map(|write| write.offset);
            offsets.collect::<Vec<_>>()
        };
        assert_eq!(offsets(Part::Boot), [0x11_0c00, 0x11_0080]);
        assert_eq!(offsets(Part::All).len(), 4);
        let error = Accesses::parse("w 00110c00 00000000\n", Part::Boot).unwrap_err();
        assert_eq!(error.to_string(), "GSP-RM did not start");
    }

    #[test]
    fn an_invalid_line_is_an_error() {
        for line in ["w 1103c0", "x 0 0", "what", "r 0 zero"] {
            let error = Accesses::parse(line, Part::All).unwrap_err().to_string();
            assert!(error.starts_with("line 1"), "{error}");
        }
    }
}

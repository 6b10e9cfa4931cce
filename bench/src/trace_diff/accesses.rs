// SPDX-License-Identifier: GPL-2.0

//! A register log, as `nova-mock --registers` writes it.

use std::collections::BTreeMap;

use anyhow::{bail, Context, Result};
use nova_mock::BlockId;

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
    /// Reads a log.
    pub(crate) fn parse(log: &'a str) -> Result<Self> {
        let mut accesses = Self::default();
        let mut after = "the start";
        for (number, line) in log.lines().enumerate() {
            match line.strip_prefix("# ") {
                Some(note) => after = note,
                None => accesses
                    .access(line, after)
                    .with_context(|| format!("line {}: {line:?}", number + 1))?,
            }
        }
        Ok(accesses)
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
        let accesses = Accesses::parse(log).unwrap();
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
    fn an_invalid_line_is_an_error() {
        for line in ["w 1103c0", "x 0 0", "what", "r 0 zero"] {
            let error = Accesses::parse(line).unwrap_err().to_string();
            assert!(error.starts_with("line 1"), "{error}");
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Sizes of kernel modules.

use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};

/// Bytes of a module's sections.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Code and constants.
    pub(crate) text: u64,
    /// Variables, including those that are initially zero.
    pub(crate) data: u64,
}

/// Runs `size` of binutils on a module.
pub(crate) fn size(module: &Path) -> Result<Size> {
    let output = Command::new("size").arg(module).output().context("size")?;
    ensure!(output.status.success(), "size {}", module.display());
    let text = String::from_utf8(output.stdout)?;
    parse(&text).with_context(|| format!("output of size: {text:?}"))
}

/// Parses a line of titles and a line of numbers: text, data, bss.
fn parse(text: &str) -> Option<Size> {
    let mut numbers = text.lines().nth(1)?.split_whitespace();
    let mut number = || numbers.next()?.parse::<u64>().ok();
    let (text, data, bss) = (number()?, number()?, number()?);
    let data = data.checked_add(bss)?;
    Some(Size { text, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_size_is_parsed() {
        let text = "   text\t   data\t    bss\t    dec\t    hex\tfilename\n 100\t 20\t 3\t 123\t 7b\tx.ko\n";
        assert_eq!(
            parse(text),
            Some(Size {
                text: 100,
                data: 23
            })
        );
        assert_eq!(parse("nothing"), None);
    }
}

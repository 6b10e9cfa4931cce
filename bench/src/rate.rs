// SPDX-License-Identifier: GPL-2.0

//! Measures how many calls GSP-RM answers per second.

use anyhow::{Context, Result};
use nova_bench::guest;
use nova_hw::chipset::Chipset;
use nova_vm::Host;

/// The rate for a number of callers.
#[derive(Debug, PartialEq)]
pub(crate) struct Rate {
    /// Number of calling processes.
    pub(crate) callers: u32,
    /// Calls per second of all processes.
    pub(crate) per_second: f64,
    /// Interrupts per call.
    pub(crate) interrupts: f64,
}

/// Measures in a VM with one GPU.
pub(crate) fn run(host: &Host) -> Result<Vec<Rate>> {
    let text = guest::measure(host, Chipset::GA102, "rate")?;
    text.lines()
        .map(|line| parse(line).with_context(|| format!("{line:?} is not a rate")))
        .collect()
}

/// Parses `8 callers: 120 calls per second, 0.50 interrupts per call`.
fn parse(line: &str) -> Option<Rate> {
    let (callers, rest) = line.split_once(" callers: ")?;
    let (rate, rest) = rest.split_once(" calls per second, ")?;
    let interrupts = rest.strip_suffix(" interrupts per call")?;
    Some(Rate {
        callers: callers.parse().ok()?,
        per_second: rate.parse().ok()?,
        interrupts: interrupts.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parsed() {
        let rate = Rate {
            callers: 8,
            per_second: 120.0,
            interrupts: 0.5,
        };
        let line = "8 callers: 120 calls per second, 0.50 interrupts per call";
        assert_eq!(parse(line), Some(rate));
        assert_eq!(parse("8 callers: many"), None);
    }
}

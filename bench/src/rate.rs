// SPDX-License-Identifier: GPL-2.0

//! How many calls GSP-RM answers in a second.

use anyhow::{Context, Result};
use nova_bench::guest;
use nova_vm::Host;

/// What a number of callers got.
#[derive(Debug, PartialEq)]
pub(crate) struct Rate {
    /// Processes that called.
    pub(crate) callers: u32,
    /// Calls of all of them in a second.
    pub(crate) per_second: f64,
    /// Interrupts for each call.
    pub(crate) interrupts: f64,
}

/// Measures in a VM with one GPU.
pub(crate) fn run(host: &Host) -> Result<Vec<Rate>> {
    let text = guest::measure(host, "rate")?;
    text.lines()
        .map(|line| parse(line).with_context(|| format!("{line:?} is no rate")))
        .collect()
}

/// Reads `8 callers: 120 calls per second, 0.50 interrupts per call`.
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
    fn lines_are_read() {
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

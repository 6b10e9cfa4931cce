// SPDX-License-Identifier: GPL-2.0

//! What a driver did, by the mock's timeline, and what it said.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// What a driver did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// How often GSP-RM has started.
    pub(super) boots: usize,
    /// The messages that GSP-RM has received since it last started, by name.
    pub(super) calls: Vec<String>,
    /// The reasons of all refusals, without repetitions.
    pub(super) refused: Vec<String>,
    /// The driver's last words.
    pub(super) said: String,
}

impl Seen {
    /// Reads trace.json of a folder.
    pub(super) fn read(folder: &Path, said: String) -> Result<Self> {
        let file = folder.join("trace.json");
        let context = || file.display().to_string();
        let text = fs::read_to_string(&file).with_context(context)?;
        let events: Vec<Value> = serde_json::from_str(&text).with_context(context)?;
        Ok(Self::of(&events, said))
    }

    fn of(events: &[Value], said: String) -> Self {
        let mut seen = Self {
            said,
            ..Self::default()
        };
        for event in events {
            let name = event["name"].as_str().unwrap_or_default();
            if let Some(reason) = name.strip_prefix("refused: ") {
                if !seen.refused.iter().any(|known| known == reason) {
                    seen.refused.push(reason.to_owned());
                }
            } else if name == "GSP_INIT_DONE" {
                seen.boots += 1;
                seen.calls.clear();
            } else if event["args"]["sequence"].is_u64() && seen.boots > 0 {
                seen.calls.push(name.to_owned());
            }
        }
        seen
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boots: {}; calls: {}", self.boots, self.calls.len())?;
        if let Some(last) = self.calls.last() {
            write!(f, ", the last one {last}")?;
        }
        for reason in &self.refused {
            write!(f, "; refused: {reason}")?;
        }
        write!(f, "; says: {}", self.said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_are_counted_from_the_last_boot_on() {
        let call = |name| json!({"name": name, "args": {"bytes": 8, "sequence": 0}});
        let other = |name| json!({"name": name, "args": {}});
        let events = [
            call("GSP_SET_SYSTEM_INFO"),
            other("GSP_INIT_DONE"),
            call("GSP_RM_ALLOC"),
            other("refused: class 0x90f1"),
            call("SET_REGISTRY"),
            other("GSP_INIT_DONE"),
            call("GSP_RM_ALLOC"),
            other("GSP-RM crashes"),
            call("FREE"),
            other("refused: class 0x90f1"),
        ];
        let seen = Seen::of(&events, "failed".into());
        assert_eq!(seen.boots, 2);
        assert_eq!(seen.calls, ["GSP_RM_ALLOC", "FREE"]);
        assert_eq!(
            seen.to_string(),
            "boots: 2; calls: 2, the last one FREE; refused: class 0x90f1; says: failed"
        );
    }
}

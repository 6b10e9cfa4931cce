// SPDX-License-Identifier: MIT

//! What the kernel tells of an open file in `/proc/self/fdinfo`.
//!
//! Source: `Documentation/gpu/drm-usage-stats.rst` of Linux.

use std::fs::{self, File};
use std::os::fd::AsRawFd;

/// The keys of a file and their values.
#[derive(Clone, Debug)]
pub struct FdInfo(String);

impl FdInfo {
    /// Reads them.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn of(file: &File) -> Self {
        let path = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
        Self(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// The value of a key, if the file has it.
    pub fn value(&self, key: &str) -> Option<&str> {
        let mut lines = self.0.lines();
        lines.find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()))
    }

    /// Nanoseconds of work of the engines of a class: `drm-engine-CLASS`.
    ///
    /// # Panics
    ///
    /// If the file has no such key, or its value is no time.
    pub fn engine(&self, class: &str) -> u64 {
        let value = self.value(&format!("drm-engine-{class}"));
        let nanoseconds = value.and_then(|value| value.strip_suffix(" ns")?.parse().ok());
        nanoseconds.unwrap_or_else(|| panic!("{class}: {value:?} in\n{}", self.0))
    }

    /// Bytes of memory: `drm-STAT-REGION`.
    ///
    /// # Panics
    ///
    /// If the file has no such key, or its value is no size.
    pub fn memory(&self, stat: &str, region: &str) -> u64 {
        let key = format!("drm-{stat}-{region}");
        let value = self.value(&key);
        let bytes = value.and_then(bytes);
        bytes.unwrap_or_else(|| panic!("{key}: {value:?} in\n{}", self.0))
    }
}

/// Bytes of a size: `12 KiB`.
fn bytes(size: &str) -> Option<u64> {
    let (number, unit) = size.split_once(' ').unwrap_or((size, ""));
    let shift = match unit {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_keys() {
        let info = FdInfo(
            "pos:\t0\ndrm-driver:\tnova\ndrm-total-system:\t12 KiB\ndrm-engine-copy:\t34 ns\n"
                .into(),
        );
        assert_eq!(info.value("drm-driver"), Some("nova"));
        assert_eq!(info.value("drm"), None);
        assert_eq!(info.memory("total", "system"), 12 << 10);
        assert_eq!(info.engine("copy"), 34);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("0"), Some(0));
        assert_eq!(bytes("4097"), Some(4097));
        assert_eq!(bytes("3 MiB"), Some(3 << 20));
        assert_eq!(bytes("3 GB"), None);
    }
}

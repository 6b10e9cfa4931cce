// SPDX-License-Identifier: GPL-2.0

//! The report of a boot.

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use nova_hw::chipset::{Chipset, Revision};

use super::progress::{Progress, StageReport};
use crate::firmware::names::File;
use crate::gsp::commands::static_info::StaticInfo;
use crate::text::Text;

/// The report of a boot; its display format is for users.
#[derive(Clone, Debug)]
pub struct BootReport {
    /// The chip.
    pub chipset: Chipset,
    /// The chip's revision.
    pub revision: Revision,
    /// Version of the VBIOS, if the boot uses it.
    pub vbios_version: Option<Text<32>>,
    /// Release of the GSP's firmware.
    pub firmware_release: Text<32>,
    /// The first missing file of a newer release, if a newer release was passed over.
    pub passed_over: Option<File>,
    /// Build ID of the GSP's firmware, if it has one.
    pub build_id: Option<[u8; 20]>,
    /// Bytes of firmware that the GPU reads from where they were loaded.
    pub firmware_mapped: usize,
    /// Bytes of firmware that had to be copied: FWSEC, booter, bootloader and signatures, but not
    /// the GSP's firmware image.
    pub firmware_copied: usize,
    /// Range of FRTS in the frame buffer, if the driver chose it.
    pub frts: Option<Range<u64>>,
    /// Range of WPR2 in the frame buffer.
    pub wpr2: Range<u64>,
    /// GSP-RM's description of the GPU.
    pub info: StaticInfo,
    pub(crate) progress: Progress,
}

impl BootReport {
    /// Time and register accesses of the boot's stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = StageReport> + '_ {
        self.progress.iter()
    }
}

impl fmt::Display for BootReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "GPU            {}", self.info.name)?;
        writeln!(f, "chipset        {} rev {}", self.chipset, self.revision)?;
        if let Some(version) = &self.vbios_version {
            writeln!(f, "VBIOS          {version}")?;
        }
        write!(f, "firmware       {}", self.firmware_release)?;
        if let Some(build_id) = self.build_id {
            f.write_str(", build ")?;
            build_id
                .iter()
                .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        writeln!(f)?;
        if let Some(file) = self.passed_over {
            let newer = file.set.release.name;
            writeln!(f, "               {newer} lacks {file}")?;
        }
        writeln!(
            f,
            "               {} bytes mapped, {} bytes copied",
            self.firmware_mapped, self.firmware_copied
        )?;
        if let Some(frts) = &self.frts {
            writeln!(f, "FRTS           {}", Span(frts))?;
        }
        writeln!(f, "WPR2           {}", Span(&self.wpr2))?;
        writeln!(
            f,
            "VRAM           {} MiB, {} MiB usable",
            self.info.fb_length >> 20,
            self.info.usable_vram() >> 20
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<14} {:>12} {:>8} {:>8}",
            "stage", "time", "reads", "writes"
        )?;
        for StageReport {
            stage,
            time,
            reads,
            writes,
        } in self.stages()
        {
            write_row(f, &stage, time, reads, writes)?;
        }
        let time = self.stages().map(|s| s.time).sum();
        let reads = self.stages().map(|s| s.reads).sum();
        let writes = self.stages().map(|s| s.writes).sum();
        write_row(f, &"total", time, reads, writes)
    }
}

/// Writes a line of the table of stages.
fn write_row(
    f: &mut fmt::Formatter<'_>,
    name: &dyn fmt::Display,
    time: Duration,
    reads: u32,
    writes: u32,
) -> fmt::Result {
    let (millis, micros) = (time.as_millis(), time.subsec_micros() % 1000);
    writeln!(
        f,
        "{name:<14} {millis:>5}.{micros:03} ms {reads:>8} {writes:>8}"
    )
}

/// A byte range with its size.
struct Span<'a>(&'a Range<u64>);

impl fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.0;
        let kib = end.saturating_sub(*start) >> 10;
        write!(f, "{start:#x}..{end:#x} ({kib} KiB)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::stage::Stage;
    use std::string::ToString;

    #[test]
    fn rows_are_columns_of_milliseconds_and_accesses() {
        struct Row(Duration);
        impl fmt::Display for Row {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_row(f, &Stage::Gfw, self.0, 12, 345)
            }
        }
        let row = Row(Duration::from_micros(1_002_003));
        let expected = "GFW             1002.003 ms       12      345\n";
        assert_eq!(row.to_string(), expected);
        let span = Span(&(0x1000..0x3400));
        assert_eq!(span.to_string(), "0x1000..0x3400 (9 KiB)");
    }
}

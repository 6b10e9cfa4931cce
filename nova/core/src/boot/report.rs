// SPDX-License-Identifier: GPL-2.0

//! What a boot did and found.

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use nova_hw::chipset::{Chipset, Revision};

use crate::boot::error::{Error, Failure};
use crate::chip::identify;
use crate::firmware::File;
use crate::gsp::commands::static_info::StaticInfo;
use crate::mmio::Io;
use crate::text::Text;

/// The steps of a boot and of the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Which GPU is it?
    Identify,
    /// The GPU's own firmware gets ready.
    Gfw,
    /// The FSP gets ready.
    FspBoot,
    /// The VBIOS is read through PROM.
    Vbios,
    /// The firmware files are loaded.
    Firmware,
    /// The frame buffer is divided up.
    Layout,
    /// FWSEC is written to memory, with a command for the way forth and one for the way back.
    Fwsec,
    /// What the GSP will read is written to memory.
    Memory,
    /// What an earlier boot left behind is taken away.
    Leftovers,
    /// FWSEC makes WPR2.
    FwsecFrts,
    /// What GFW has left unscrubbed of the frame buffer is scrubbed.
    Scrubber,
    /// Booter loads the firmware into WPR2.
    BooterLoad,
    /// The FSP checks the FMC and starts it.
    ChainOfTrust,
    /// The FMC loads the firmware into WPR2 and lets the CPU at the GSP.
    Lockdown,
    /// The GSP's RISC-V core starts.
    Riscv,
    /// GSP-RM initializes itself.
    InitDone,
    /// GSP-RM describes the GPU.
    StaticInfo,
    /// GSP-RM tells its interrupt vector.
    Interrupts,
    /// GSP-RM is told to stop.
    Shutdown,
    /// FWSEC undoes the boot.
    FwsecSb,
    /// Booter takes WPR2 away.
    BooterUnload,
    /// The FMC takes WPR2 away and halts.
    Halt,
}

impl Stage {
    /// Stages of a boot, at most.
    const BOOT: usize = 16;
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Identify => "identify",
            Self::Gfw => "GFW",
            Self::FspBoot => "FSP boot",
            Self::Vbios => "VBIOS",
            Self::Firmware => "firmware",
            Self::Layout => "layout",
            Self::Fwsec => "FWSEC",
            Self::Memory => "memory",
            Self::Leftovers => "leftovers",
            Self::FwsecFrts => "FWSEC-FRTS",
            Self::Scrubber => "scrubber",
            Self::BooterLoad => "booter load",
            Self::ChainOfTrust => "chain of trust",
            Self::Lockdown => "lockdown",
            Self::Riscv => "RISC-V",
            Self::InitDone => "INIT_DONE",
            Self::StaticInfo => "static info",
            Self::Interrupts => "interrupts",
            Self::Shutdown => "shutdown",
            Self::FwsecSb => "FWSEC-SB",
            Self::BooterUnload => "booter unload",
            Self::Halt => "halt",
        })
    }
}

/// What one stage took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The stage.
    pub stage: Stage,
    /// How long it took, in whole microseconds.
    pub time: Duration,
    /// Register reads.
    pub reads: u32,
    /// Register writes.
    pub writes: u32,
}

/// A [`StageReport`] in less space.
#[derive(Clone, Copy, Debug)]
struct Entry {
    stage: Stage,
    micros: u32,
    reads: u32,
    writes: u32,
}

/// Runs stages and notes what they took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    stages: [Option<Entry>; Stage::BOOT],
}

impl Progress {
    /// Runs a stage. Where it fails, the card being gone explains whatever else was seen.
    // Kernel stacks are small: each stage gives its part back at its end.
    #[inline(never)]
    pub(crate) fn run<T>(
        &mut self,
        io: &Io<'_>,
        stage: Stage,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let (time, reads, writes) = (io.now(), io.reads(), io.writes());
        let done = work().map_err(|error| Failure {
            stage,
            error: if identify::card_gone(io) {
                Error::CardGone
            } else {
                error
            },
        })?;
        let micros = io.now().saturating_sub(time).as_micros();
        let entry = Entry {
            stage,
            micros: u32::try_from(micros).unwrap_or(u32::MAX),
            reads: io.reads().saturating_sub(reads),
            writes: io.writes().saturating_sub(writes),
        };
        let free = self.stages.iter_mut().find(|slot| slot.is_none());
        debug_assert!(free.is_some(), "{stage} is one stage too many");
        if let Some(free) = free {
            *free = Some(entry);
        }
        Ok(done)
    }

    fn iter(&self) -> impl Iterator<Item = StageReport> + '_ {
        self.stages.iter().flatten().map(|entry| StageReport {
            stage: entry.stage,
            time: Duration::from_micros(entry.micros.into()),
            reads: entry.reads,
            writes: entry.writes,
        })
    }
}

/// What a boot did and found; displayed, the text that people are shown.
#[derive(Clone, Debug)]
pub struct BootReport {
    /// The chip.
    pub chipset: Chipset,
    /// Its revision.
    pub revision: Revision,
    /// Version of the VBIOS, where the boot takes it.
    pub vbios_version: Option<Text<32>>,
    /// Release of the GSP's firmware.
    pub firmware_release: Text<32>,
    /// The first file that a newer release lacked, if one was passed over.
    pub passed_over: Option<File>,
    /// Build id of the GSP's firmware, if it has one.
    pub build_id: Option<[u8; 20]>,
    /// Bytes of firmware that the GPU reads where they were loaded.
    pub firmware_mapped: usize,
    /// Bytes of firmware that had to be copied: FWSEC, booter, bootloader and signatures, but none
    /// of the GSP's firmware image.
    pub firmware_copied: usize,
    /// Where FRTS is in the frame buffer, where the driver chose that.
    pub frts: Option<Range<u64>>,
    /// Where WPR2 is in the frame buffer.
    pub wpr2: Range<u64>,
    /// What GSP-RM says about the GPU.
    pub info: StaticInfo,
    pub(crate) progress: Progress,
}

impl BootReport {
    /// What each stage of the boot took, in order.
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

/// A line of the table of stages.
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
    use crate::testing::Card;
    use nova_hw::regs::pmc::PmcBoot0;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn a_stage_is_noted_with_what_it_took() {
        let card = Card::default();
        let io = &Io::new(&card);
        let mut progress = Progress::default();
        let work = |time| {
            move || {
                io.read32(4);
                io.read32(4);
                io.write32(8, 1);
                io.sleep(Duration::from_micros(time));
                Ok(time)
            }
        };
        assert_eq!(progress.run(io, Stage::Gfw, work(5)), Ok(5));
        let longest = u64::from(u32::MAX) + 1;
        assert_eq!(progress.run(io, Stage::Vbios, work(longest)), Ok(longest));
        let entry = |stage, time| StageReport {
            stage,
            time: Duration::from_micros(time),
            reads: 2,
            writes: 1,
        };
        let expected = [entry(Stage::Gfw, 5), entry(Stage::Vbios, u32::MAX.into())];
        assert_eq!(progress.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_stage_fails_by_its_error_or_because_the_card_is_gone() {
        let card = Card::default();
        let io = &Io::new(&card);
        let fail = || {
            let failed = Progress::default().run(io, Stage::Gfw, || -> Result<(), _> {
                Err(Error::TooManyCalls)
            });
            failed.unwrap_err()
        };
        let failure = |error| Failure {
            stage: Stage::Gfw,
            error,
        };
        assert_eq!(fail(), failure(Error::TooManyCalls));
        card.set(PmcBoot0::OFFSET, u32::MAX);
        assert_eq!(fail(), failure(Error::CardGone));
    }

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

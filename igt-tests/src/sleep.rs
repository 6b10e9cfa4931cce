// SPDX-License-Identifier: MIT

//! Sleep of the whole system, and the kernel's tests of it.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::{sysfs, ExitHandler};

/// Seconds until the clock wakes the system, longer with each try: a slow machine takes a while to get to sleep. A VM
/// that sleeps for longer than all of these is woken (vm/src/wake.rs).
const SLEEPS: [u64; 6] = [2, 4, 8, 16, 32, 64];

const POWER: &str = "/sys/power";

const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";

/// The kernel's messages about other devices of QEMU when the system sleeps: about stopped clocks,
/// sometimes split in two, about a mouse whose probe is deferred, and about an alarm before the sleep,
/// which ends any of its phases.
pub const OF_OTHERS: [&str; 8] = [
    "hpet: Lost",
    "hpet_rtc_timer_reinit: ",
    "Could not disable RealTimeClock events",
    "ACPI Error: $",
    "serio serio[0-9]: deferred probe pending",
    "PM: Some devices failed to suspend, or early wake event detected",
    "Freezing (user space processes|remaining freezable tasks) aborted after ",
    "PM: late suspend of devices failed",
];

/// Sleep states of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Suspend to RAM.
    Mem,
    /// Suspend to idle: processors rest, and devices are suspended.
    Freeze,
    /// Hibernation.
    Disk,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Mem => "mem",
            Self::Freeze => "freeze",
            Self::Disk => "disk",
        }
    }

    /// Parameter with the duration of a test of this state.
    const fn delay(self) -> &'static str {
        match self {
            Self::Mem | Self::Freeze => "/sys/module/suspend/parameters/pm_test_delay",
            Self::Disk => "/sys/module/hibernate/parameters/pm_test_delay",
        }
    }

    /// Whether the kernel supports this state.
    pub fn is_known(self) -> bool {
        knows("state", self.name())
    }

    /// Makes the kernel only test this state, up to `level`, until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// `EBUSY` while the system sleeps.
    pub fn test_up_to(self, level: &str) -> io::Result<ExitHandler> {
        let before = sysfs::read(self.delay())?;
        // One second is enough instead of the default of five.
        sysfs::write(self.delay(), "1")?;
        let put_right = ExitHandler::new(move || {
            for (file, text) in [(power("pm_test"), "none"), (self.delay().into(), &*before)] {
                if let Err(error) = sysfs::write(&file, text) {
                    log::error!("{text} to {}: {error}", file.display());
                }
            }
        });
        sysfs::write(power("pm_test"), level)?;
        Ok(put_right)
    }

    /// Puts the system to sleep.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn enter(self) -> io::Result<()> {
        sysfs::write(power("state"), self.name())
    }
}

/// Whether the kernel can test sleep up to `level`.
pub fn can_test_up_to(level: &str) -> bool {
    knows("pm_test", level)
}

/// Puts the system to sleep until its clock wakes it.
///
/// # Errors
///
/// The kernel's error; `EBUSY` if the alarm came before the sleep each time, and `ENOENT` if no clock can
/// wake the system.
pub fn until_alarm() -> io::Result<()> {
    let mut result = Err(Errno::EBUSY.into());
    for seconds in SLEEPS {
        result = for_seconds(seconds);
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::ResourceBusy) {
            break;
        }
    }
    result
}

fn for_seconds(seconds: u64) -> io::Result<()> {
    // A wakeup event after this read aborts the sleep.
    let events = sysfs::read(power("wakeup_count"))?;
    let counted = sysfs::write(power("wakeup_count"), events);
    counted.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Errno::EBUSY.into(),
        _ => error,
    })?;
    sysfs::write(ALARM, "0")?;
    sysfs::write(ALARM, format!("+{seconds}"))?;
    State::Mem.enter()
}

/// Whether a clock can wake the system.
pub fn has_alarm() -> bool {
    Path::new(ALARM).exists()
}

fn power(file: &str) -> PathBuf {
    Path::new(POWER).join(file)
}

/// Whether the file contains `word`; the selected word is in brackets.
fn knows(file: &str, word: &str) -> bool {
    let words = sysfs::read(power(file)).unwrap_or_default();
    words
        .split(' ')
        .any(|known| known.trim_matches(['[', ']']) == word)
}

// SPDX-License-Identifier: MIT

//! Sleep of the whole system, and the kernel's tests of it.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::{sysfs, ExitHandler};

/// Seconds that the system sleeps, where a clock wakes it.
const SLEEP: u64 = 2;

const POWER: &str = "/sys/power";

const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";

/// What the kernel says of other devices of QEMU's when the system sleeps: of clocks that stand still,
/// now and then in two pieces, and of a mouse that is not probed meanwhile.
pub const OF_OTHERS: [&str; 5] = [
    "hpet: Lost",
    "hpet_rtc_timer_reinit: ",
    "Could not disable RealTimeClock events",
    "ACPI Error: $",
    "serio serio[0-9]: deferred probe pending",
];

/// How the system sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Memory keeps what it holds.
    Mem,
    /// It is written to a disk.
    Disk,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Mem => "mem",
            Self::Disk => "disk",
        }
    }

    /// How long a test of this kind of sleep takes.
    const fn delay(self) -> &'static str {
        match self {
            Self::Mem => "/sys/module/suspend/parameters/pm_test_delay",
            Self::Disk => "/sys/module/hibernate/parameters/pm_test_delay",
        }
    }

    /// Whether the kernel knows it.
    pub fn is_known(self) -> bool {
        knows("state", self.name())
    }

    /// Has the kernel only test this kind of sleep from now on, and go as far as `level`; dropping the
    /// returned value ends that.
    ///
    /// # Errors
    ///
    /// `EBUSY` while it sleeps.
    pub fn test_up_to(self, level: &str) -> io::Result<ExitHandler> {
        let before = sysfs::read(self.delay())?;
        // One second there is as good as the five that are usual.
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

    /// Has the system sleep.
    ///
    /// # Errors
    ///
    /// The kernel's where it does not.
    pub fn enter(self) -> io::Result<()> {
        sysfs::write(power("state"), self.name())
    }
}

/// Whether the kernel can test sleep up to `level`.
pub fn can_test_up_to(level: &str) -> bool {
    knows("pm_test", level)
}

/// Has the system sleep until its clock wakes it.
///
/// # Errors
///
/// The kernel's; `EBUSY` where the clock was faster than sleep, and `ENOENT` where no clock can wake.
pub fn until_alarm() -> io::Result<()> {
    // Whatever wakes the system from here on keeps it awake.
    let events = sysfs::read(power("wakeup_count"))?;
    let counted = sysfs::write(power("wakeup_count"), events);
    counted.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Errno::EBUSY.into(),
        _ => error,
    })?;
    sysfs::write(ALARM, "0")?;
    sysfs::write(ALARM, format!("+{SLEEP}"))?;
    State::Mem.enter()
}

/// Whether a clock can wake the system.
pub fn has_alarm() -> bool {
    Path::new(ALARM).exists()
}

fn power(file: &str) -> PathBuf {
    Path::new(POWER).join(file)
}

/// Whether `word` stands in the file; the word that is chosen has brackets around it.
fn knows(file: &str, word: &str) -> bool {
    let words = sysfs::read(power(file)).unwrap_or_default();
    words
        .split(' ')
        .any(|known| known.trim_matches(['[', ']']) == word)
}

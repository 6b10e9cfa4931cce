// SPDX-License-Identifier: GPL-2.0

//! The portable driver's clock.

use core::time::Duration;

use kernel::time::{delay::fsleep, Delta, Instant, Monotonic};
use nova_core::platform::Clock;

use crate::machine::Machine;

impl Clock for Machine<'_> {
    fn now(&self) -> Duration {
        let elapsed = Instant::<Monotonic>::now() - self.start();
        Duration::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(0))
    }

    fn sleep(&self, time: Duration) {
        let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        fsleep(Delta::from_nanos(nanos));
    }
}

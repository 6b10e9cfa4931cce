// SPDX-License-Identifier: GPL-2.0

//! Measures the library by which NVK runs on Nova, beside a system call. The kernel under it is one of this process, which does
//! nothing and answers at once.

use std::hint::black_box;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::Result;
use nova_nvk::measure::Calls;

use crate::allocations;

/// How often a call is made for a measurement.
const CALLS: u32 = 200_000;

/// What a call of NVK costs.
pub(crate) struct Cost {
    /// The time in the library.
    pub(crate) time: Duration,
    /// How often it allocates memory.
    pub(crate) allocations: f64,
}

/// What was measured.
pub(crate) struct Measured {
    /// An EXEC of a push that waits for a point of a timeline and signals one.
    pub(crate) exec: Cost,
    /// A VM_BIND that maps an object.
    pub(crate) bind: Cost,
    /// An ioctl that a socket answers.
    pub(crate) ioctl: Duration,
}

/// Measures both calls, and an ioctl of the kernel.
pub(crate) fn run() -> Result<Measured> {
    let calls = Calls::new()?;
    let (socket, _other) = UnixStream::pair()?;
    Ok(Measured {
        exec: cost(|| calls.exec())?,
        bind: cost(|| calls.bind())?,
        ioctl: time(|| {
            black_box(rustix::io::ioctl_fionread(&socket)?);
            Ok(())
        })?,
    })
}

fn cost(mut call: impl FnMut() -> nova_nvk::Result) -> Result<Cost> {
    const COUNTED: u32 = 1000;
    let mut result = Ok(());
    let allocations = allocations::during(|| {
        result = (0..COUNTED).try_for_each(|_| call());
    });
    result?;
    Ok(Cost {
        time: time(call)?,
        allocations: allocations as f64 / f64::from(COUNTED),
    })
}

fn time(mut call: impl FnMut() -> nova_nvk::Result) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(start.elapsed() / CALLS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exec_allocates_nothing() {
        let calls = Calls::new().unwrap();
        assert_eq!(allocations::during(|| calls.exec().unwrap()), 0);
        // The operations of the program, and those of nova.
        assert_eq!(allocations::during(|| calls.bind().unwrap()), 2);
    }
}

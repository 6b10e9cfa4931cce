// SPDX-License-Identifier: MIT

//! Signals that end a test: exit handlers run first, and a crash gets its result line.
//!
//! The signal handlers only store two values. A thread waits for the signals and does the work,
//! while the thread that crashed is stopped.

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use nix::libc::{
    c_int, SIGABRT, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGQUIT, SIGSEGV, SIGTERM,
};
use nix::sys::signal::{raise, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
use signal_hook::iterator::Signals;

use crate::{exit_handler, logging, report, timeout, Outcome, HANG};

/// Signals with which other processes end the test; `igt_runner` sends SIGQUIT at its timeouts.
const ENDING: [c_int; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Signals of a crash of the test itself.
const CRASHING: [c_int; 5] = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV];

/// The signal that crashed a thread, or 0.
static CRASHED_BY: AtomicI32 = AtomicI32::new(0);

/// Starts watching for signals.
///
/// # Errors
///
/// If the kernel allows no handler or thread.
pub(crate) fn watch() -> io::Result<()> {
    let mut signals = Signals::new(ENDING)?;
    for signal in CRASHING {
        let signal = Signal::try_from(signal)?;
        let flags = SaFlags::SA_ONSTACK | SaFlags::SA_NODEFER;
        let action = SigAction::new(SigHandler::Handler(crashed), flags, SigSet::empty());
        // SAFETY: `crashed` calls async-signal-safe functions only (atomics, kill, nanosleep,
        // sigaction), and no handler of another owner is lost: the runtime's own handler for
        // SIGSEGV would print that the stack overflowed and abort, which this reports as a crash.
        unsafe { sigaction(signal, &action)? };
    }
    timeout::spawn("signals", move || signals.forever().for_each(end_by))?;
    Ok(())
}

/// Runs in the thread that crashed: wakes the watching thread and stops.
extern "C" fn crashed(signal: c_int) {
    let first = CRASHED_BY.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    if first.is_ok() && nix::sys::signal::kill(nix::unistd::getpid(), Signal::SIGTERM).is_ok() {
        thread::sleep(HANG);
    }
    // The exit handlers have crashed or hang.
    die_of(signal);
}

/// Ends the process by `signal`, so that its parent sees the reason.
fn die_of(signal: c_int) {
    if let Ok(signal) = Signal::try_from(signal) {
        restore_default(signal);
        // The default action ends the process; if it does not, abort does.
        let _ = raise(signal);
    }
    std::process::abort();
}

fn restore_default(signal: Signal) {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: The default action runs no code of this process.
    let _ = unsafe { sigaction(signal, &default) };
}

/// Runs in the watching thread.
fn end_by(signal: c_int) {
    let crash = CRASHED_BY.load(Ordering::SeqCst);
    let cause = if crash == 0 { signal } else { crash };
    let name = Signal::try_from(cause).map_or("unknown", Signal::as_str);
    log::error!("Received signal {name}.");
    logging::show_ring();
    if crash != 0 {
        report::end_all(Outcome::Crash);
    }
    exit_handler::run_all();
    die_of(cause);
}

/// Restores the default actions of signals in a forked child.
pub(crate) fn restore_defaults() {
    for signal in ENDING.into_iter().chain(CRASHING) {
        if let Ok(signal) = Signal::try_from(signal) {
            restore_default(signal);
        }
    }
}

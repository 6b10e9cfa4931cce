// SPDX-License-Identifier: MIT

//! Time-outs of tests.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{exit_handler, logging, report, Exit, Outcome};

/// Time-out for anything that ends by itself: a longer wait is considered a hang.
///
/// It is no performance requirement. Operations of seconds on an idle machine take minutes in a VM
/// without KVM on a busy one.
pub const HANG: Duration = Duration::from_secs(900);

/// Ends the process with the result `TIMEOUT` if it is not dropped in time.
#[derive(Debug)]
#[must_use = "the time-out ends when this is dropped"]
pub struct Timeout {
    /// `Some` until this is dropped.
    watch: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Timeout {
    /// Allows `bound` for `what`, which may hang in the kernel.
    ///
    /// # Panics
    ///
    /// If the kernel allows no thread.
    pub fn new(bound: Duration, what: &str) -> Self {
        let (alive, dropped) = mpsc::channel();
        let what = what.to_owned();
        let thread = spawn("timeout", move || {
            if dropped.recv_timeout(bound) == Err(RecvTimeoutError::Timeout) {
                expired(bound, &what);
            }
        });
        let thread = thread.unwrap_or_else(|error| panic!("no thread for a timeout: {error}"));
        Self {
            watch: Some((alive, thread)),
        }
    }
}

impl Drop for Timeout {
    /// Waits for the end of the thread; see [`spawn`].
    fn drop(&mut self) {
        if let Some((alive, thread)) = self.watch.take() {
            drop(alive);
            // The thread does not panic.
            let _ = thread.join();
        }
    }
}

/// Starts a thread, and returns when it runs `body`.
///
/// A thread that starts or ends holds locks of the runtime, which a child forked at that moment
/// would never get. So whoever starts a thread waits for its start here, and joins it.
///
/// # Errors
///
/// If the kernel allows no thread.
pub(crate) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let begun = Arc::new(Barrier::new(2));
    let begins = Arc::clone(&begun);
    let thread = thread::Builder::new().name(name.into()).spawn(move || {
        begins.wait();
        drop(begins);
        body();
    })?;
    begun.wait();
    Ok(thread)
}

fn expired(bound: Duration, what: &str) {
    log::error!("{what} took longer than {bound:?}");
    logging::show_ring();
    report::end_all(Outcome::Timeout);
    exit_handler::run_all();
    report::exiting(Exit::Failure as u8);
    std::process::exit(i32::from(Exit::Failure as u8));
}

/// Waits until `condition` holds, polling every 10 ms.
///
/// # Panics
///
/// If it does not hold within `bound`; the message names `what`.
pub fn wait_for(bound: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    const POLL: Duration = Duration::from_millis(10);
    let end = Instant::now() + bound;
    while !condition() {
        assert!(Instant::now() < end, "waited {bound:?} in vain for {what}");
        thread::sleep(POLL);
    }
}

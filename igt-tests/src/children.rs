// SPDX-License-Identifier: MIT

//! Forked children, for tests where separate processes are the point.

use std::time::{Duration, Instant};

use nix::libc::{c_long, SYS_write};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{kill, Signal};
use nix::sys::wait::{waitid, waitpid, Id, WaitPidFlag, WaitStatus};
use nix::unistd::{fork, ForkResult, Pid};

use crate::{exit_handler, signals, stop, sysfs, wait_for, Exit, Outcome, HANG};

/// Interval of the polls for children that have ended.
const POLL: Duration = Duration::from_millis(5);

/// Running children, which are killed and waited for when this is dropped.
#[derive(Debug)]
#[must_use = "children are killed as soon as this is dropped"]
pub struct Children(Vec<Pid>);

impl Children {
    /// Forks `count` children that each run `body` with their number.
    ///
    /// A child succeeds when `body` returns, and fails when it panics; it cannot skip.
    ///
    /// # Panics
    ///
    /// If the kernel allows no more processes.
    pub fn fork(count: usize, body: impl Fn(usize)) -> Self {
        let mut children = Self(Vec::with_capacity(count));
        for number in 0..count {
            // The other threads of this library (signals, timeouts) sleep: `timeout::spawn` waits for
            // the start of each, and a timeout for the end of its own. What they share with a test is
            // locked for the moment of one access. The C library makes its allocator usable.
            //
            // SAFETY: The child has this thread alone, and no other one holds a lock that the child
            // needs. A test that forks while threads of its own hold locks is wrong.
            match unsafe { fork() } {
                Ok(ForkResult::Parent { child }) => children.0.push(child),
                Ok(ForkResult::Child) => {
                    std::mem::forget(children);
                    run_child(|| body(number));
                }
                Err(error) => panic!("fork: {error}"),
            }
        }
        children
    }

    /// Runs `body` in a child, and returns once the child waits in `write()` or has ended.
    ///
    /// # Panics
    ///
    /// If the kernel allows no more processes, or the child does neither.
    pub fn in_write(body: impl Fn()) -> Self {
        let child = Self::fork(1, |_| body());
        wait_for(HANG, "a write to wait", || child.all_in(SYS_write));
        child
    }

    /// Whether each child waits in this system call or has ended.
    pub fn all_in(&self, call: c_long) -> bool {
        let waits = |child: &Pid| {
            let text = sysfs::read(format!("/proc/{child}/syscall")).unwrap_or_default();
            text.split(' ').next() == Some(&*call.to_string())
        };
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let has_ended = |child: &Pid| waitid(Id::Pid(*child), peek) != Ok(WaitStatus::StillAlive);
        self.0.iter().all(|child| waits(child) || has_ended(child))
    }

    /// Sends a signal to each child.
    ///
    /// # Panics
    ///
    /// If a child has been waited for.
    pub fn signal(&self, signal: Signal) {
        for child in &self.0 {
            assert_eq!(kill(*child, signal), Ok(()), "{signal} to {child}");
        }
    }

    /// Waits until all children have ended.
    ///
    /// # Panics
    ///
    /// If a child failed, was killed, or runs for longer than `bound`.
    pub fn wait(mut self, bound: Duration) {
        let end = Instant::now() + bound;
        while let Some(child) = self.0.first().copied() {
            match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => {
                    assert!(
                        Instant::now() < end,
                        "child {child} runs after {bound:?}, in the kernel at\n{}",
                        sysfs::read(format!("/proc/{child}/stack")).unwrap_or_default()
                    );
                    std::thread::sleep(POLL);
                }
                Ok(status) => {
                    self.0.swap_remove(0);
                    assert_eq!(status, WaitStatus::Exited(child, 0), "a child failed");
                }
                Err(error) => panic!("waitpid({child}): {error}"),
            }
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &self.0 {
            // The child may have ended already.
            let _ = kill(*child, Signal::SIGKILL);
            let _ = waitpid(*child, None);
        }
    }
}

fn run_child(body: impl FnOnce()) -> ! {
    signals::restore_defaults();
    exit_handler::forget_all();
    // If this fails, a child may outlive a test that is killed, but still ends on its own.
    let _ = set_pdeathsig(Signal::SIGKILL);
    let exit = match stop::catch(body) {
        Ok(()) => Exit::Success,
        Err(outcome) => {
            if outcome == Outcome::Skip {
                log::error!("a child cannot skip");
            }
            Exit::Failure
        }
    };
    std::process::exit(i32::from(exit as u8))
}

// SPDX-License-Identifier: GPL-2.0

//! Wakes a VM that sleeps for too long.
//!
//! Tests have the VM's clock wake it. If its alarm comes after the kernel has looked for wakeup events
//! for the last time, and before the VM sleeps, QEMU drops it, and the VM would sleep for ever.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::say;

/// How long a VM may sleep: longer than the longest alarm of the tests (`SLEEPS` in
/// igt-tests/src/sleep.rs).
const LONGEST: Duration = Duration::from_secs(90);

/// Path of QEMU's monitor (QMP) in a run's folder.
pub(crate) fn socket(run: &Path) -> PathBuf {
    run.join("monitor")
}

/// Watches the sleep of a VM.
#[derive(Debug)]
pub(crate) struct Waker {
    socket: PathBuf,
    monitor: Option<Monitor>,
    asleep_since: Option<Instant>,
    longest: Duration,
}

/// A connection to QEMU's monitor.
#[derive(Debug)]
struct Monitor {
    stream: UnixStream,
    /// What was received of a line that has not ended.
    line: Vec<u8>,
}

impl Waker {
    pub(crate) fn new(run: &Path) -> Self {
        Self {
            socket: socket(run),
            monitor: None,
            asleep_since: None,
            longest: LONGEST,
        }
    }

    /// Looks whether the VM sleeps, and wakes it if it has done so for too long. Without a monitor, as
    /// before and after the VM runs, nothing happens.
    pub(crate) fn look(&mut self) {
        if self.monitor.is_none() {
            self.monitor = Monitor::connect(&self.socket).ok();
        }
        if self.try_look().is_err() {
            self.monitor = None;
        }
    }

    fn try_look(&mut self) -> io::Result<()> {
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        monitor.receive(&mut self.asleep_since)?;
        let longest = self.longest;
        if self.asleep_since.is_some_and(|it| it.elapsed() >= longest) {
            monitor.wake()?;
            self.asleep_since = None;
            say("a VM slept on after its alarm, and was woken");
        }
        Ok(())
    }
}

impl Monitor {
    fn connect(socket: &Path) -> io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_nonblocking(true)?;
        stream.write_all(b"{\"execute\": \"qmp_capabilities\"}\n")?;
        Ok(Self {
            stream,
            line: Vec::new(),
        })
    }

    fn wake(&mut self) -> io::Result<()> {
        let command = b"{\"execute\": \"system_wakeup\"}\n";
        self.stream.write_all(command)
    }

    /// Receives what there is, and notes since when the VM sleeps.
    fn receive(&mut self, asleep_since: &mut Option<Instant>) -> io::Result<()> {
        let mut bytes = [0; 4096];
        loop {
            let received = match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => &bytes[..count],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for &byte in received {
                match byte {
                    b'\n' => self.end_line(asleep_since),
                    byte => self.line.push(byte),
                }
            }
        }
    }

    fn end_line(&mut self, asleep_since: &mut Option<Instant>) {
        let message: Value = serde_json::from_slice(&self.line).unwrap_or_default();
        self.line.clear();
        match message["event"].as_str() {
            Some("SUSPEND") => *asleep_since = Some(Instant::now()),
            Some("WAKEUP") => *asleep_since = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;

    const SUSPEND: &str = "{\"timestamp\": {}, \"event\": \"SUSPEND\"}\r\n";
    const WAKEUP: &str = "{\"timestamp\": {}, \"event\": \"WAKEUP\"}\r\n";

    /// What the monitor is told when it sends these events.
    fn told(events: &[&str], longest: Duration) -> Vec<String> {
        let run = tempfile::tempdir().unwrap();
        let mut waker = Waker::new(run.path());
        waker.longest = longest;
        waker.look();
        assert!(waker.monitor.is_none(), "before QEMU has made it");
        let listener = UnixListener::bind(socket(run.path())).unwrap();
        waker.look();
        let (mut qemu, _) = listener.accept().unwrap();
        for event in events {
            qemu.write_all(event.as_bytes()).unwrap();
            waker.look();
        }
        drop(waker);
        let lines = BufReader::new(qemu).lines();
        lines.map(Result::unwrap).skip(1).collect()
    }

    #[test]
    fn a_vm_is_woken_if_it_sleeps_for_too_long() {
        let wakeup = [r#"{"execute": "system_wakeup"}"#];
        assert_eq!(told(&["{}\n", SUSPEND], Duration::ZERO), wakeup);
        assert!(told(&["{}\n", SUSPEND], LONGEST).is_empty());
        let [begin, end] = [&SUSPEND[..9], &SUSPEND[9..]];
        assert_eq!(told(&[begin, end], Duration::ZERO), wakeup);
    }

    #[test]
    fn a_vm_that_is_awake_is_left_alone() {
        let both = format!("{SUSPEND}{WAKEUP}");
        assert!(told(&[&both, "{}\n"], Duration::ZERO).is_empty());
    }
}

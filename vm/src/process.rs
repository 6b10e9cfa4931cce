// SPDX-License-Identifier: GPL-2.0

//! Child processes that do not outlive this program.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{self, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{kill_process, kill_process_group, Pid, Signal};

use crate::Interrupt;

/// Interval of polls.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// Time between SIGTERM and SIGKILL for a child.
const SIGTERM_TIMEOUT: Duration = Duration::from_secs(5);

/// The process group of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// This program's group: only the child is ended. It may use the terminal, as QEMU's console
    /// does, and sudo for a password.
    Ours,
    /// A group of its own: all that the child has started is ended. It gets no Ctrl-C from the
    /// terminal.
    Own,
}

/// A child process, which is ended when this is dropped.
#[derive(Debug)]
pub struct Child {
    child: process::Child,
    group: Group,
}

impl Child {
    /// Starts a child.
    pub fn start(command: &mut Command, group: Group) -> Result<Self> {
        if group == Group::Own {
            command.process_group(0);
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().context(program)?;
        Ok(Self { child, group })
    }

    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends, or until the user interrupts this program.
    pub fn wait(&mut self, interrupt: &Interrupt) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                interrupt.check()?;
                return Ok(status);
            }
            interrupt.check()?;
            thread::sleep(POLL);
        }
    }

    /// Waits up to `time` until it ends; returns whether it has.
    pub fn wait_for(&mut self, time: Duration) -> Result<bool> {
        let start = Instant::now();
        while self.ended()?.is_none() {
            if start.elapsed() >= time {
                return Ok(false);
            }
            thread::sleep(POLL);
        }
        Ok(true)
    }

    /// Ends it with SIGTERM, and after a while with SIGKILL.
    pub fn end(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.signal(Signal::TERM);
            if !self.wait_for(SIGTERM_TIMEOUT)? {
                self.kill()?;
            }
        }
        Ok(())
    }

    /// Ends it at once.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL);
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal. Its process ID is not reused, since a child that has ended meanwhile has not
    /// been waited for.
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        let _ = match self.group {
            Group::Ours => kill_process(pid, signal),
            Group::Own => kill_process_group(pid, signal),
        };
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // An error cannot be reported here.
        let _ = self.end();
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command, group: Group, interrupt: &Interrupt) -> Result<ExitStatus> {
    Child::start(command, group)?.wait(interrupt)
}

/// Copies a child's output, until all writers have closed the pipe.
#[derive(Debug)]
pub struct Lines(JoinHandle<io::Result<()>>);

impl Lines {
    fn copy(
        from: impl Read + Send + 'static,
        mut to: impl Write + Send + 'static,
        name: &str,
    ) -> Self {
        let name = name.to_owned();
        Self(thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line)? != 0 {
                // One write per line, so that lines of several children are not mixed.
                to.write_all(&[name.as_bytes(), b": ", &line].concat())?;
                line.clear();
            }
            Ok(())
        }))
    }

    /// Waits until the output is copied.
    pub fn wait(self) -> Result<()> {
        Ok(self.0.join().expect("the copier does not panic")?)
    }
}

/// Starts a child whose lines are printed after `name`.
pub fn start_with_lines(command: &mut Command, group: Group, name: &str) -> Result<(Child, Lines)> {
    let mut child = Child::start(command.stdout(Stdio::piped()), group)?;
    let from = child.child.stdout.take().expect("it was asked for");
    Ok((child, Lines::copy(from, io::stdout(), name)))
}

/// Runs a command to its end, and copies its output to that of this program and to `log`.
pub fn run_logged(
    command: &mut Command,
    mut log: impl Write + Send,
    interrupt: &Interrupt,
) -> Result<ExitStatus> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    command.stdout(writer.try_clone()?).stderr(writer);
    thread::scope(|scope| {
        let mut child = Child::start(command, Group::Own)?;
        // Close this process's copies of the pipe's write end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut reader = std::fs::File::from(reader);
        let copier = scope.spawn(move || -> Result<()> {
            let mut buffer = [0; 4096];
            loop {
                match reader.read(&mut buffer)? {
                    0 => return Ok(()),
                    count => {
                        io::stdout().write_all(&buffer[..count])?;
                        log.write_all(&buffer[..count])?;
                    }
                }
            }
        });
        let status = child.wait(interrupt);
        drop(child);
        copier.join().expect("the copier does not panic")?;
        status
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::is_running;
    use std::sync::mpsc;

    /// A shell that has printed a process ID.
    fn shell(script: &str, group: Group) -> (Child, u32) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        let mut child = Child::start(&mut command, group).unwrap();
        let mut line = String::new();
        BufReader::new(child.child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        (child, line.trim().parse().unwrap())
    }

    #[test]
    fn a_child_ends_when_dropped() {
        let (child, pid) = shell("echo $$; exec sleep 1000", Group::Ours);
        assert!(is_running(pid));
        drop(child);
        assert!(!is_running(pid));
    }

    #[test]
    fn a_childs_group_ends_with_it() {
        let (child, grandchild) = shell("sleep 1000 & echo $!; wait", Group::Own);
        assert!(is_running(grandchild));
        drop(child);
        let start = Instant::now();
        while is_running(grandchild) {
            assert!(start.elapsed() < Duration::from_secs(60));
            thread::sleep(POLL);
        }
    }

    #[test]
    fn a_child_that_ignores_sigterm_is_killed() {
        let (child, pid) = shell(
            "trap '' TERM; echo $$; while :; do sleep 0.1; done",
            Group::Ours,
        );
        drop(child);
        assert!(!is_running(pid));
    }

    #[test]
    fn a_wait_ends_with_an_interrupt() {
        let (mut child, pid) = shell("echo $$; exec sleep 1000", Group::Own);
        let interrupt = Interrupt::default();
        interrupt.set();
        let error = child.wait(&interrupt).unwrap_err();
        assert!(error.is::<crate::Interrupted>());
        drop(child);
        assert!(!is_running(pid));
    }

    #[test]
    fn lines_begin_with_their_name() {
        struct Sender(mpsc::Sender<Vec<u8>>);
        impl Write for Sender {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.send(bytes.to_owned()).map_err(io::Error::other)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (sender, receiver) = mpsc::channel();
        let lines = Lines::copy(&b"one\ntwo \xff\n\nend"[..], Sender(sender), "vm");
        lines.wait().unwrap();
        let expected = [&b"vm: one\n"[..], b"vm: two \xff\n", b"vm: \n", b"vm: end"];
        assert_eq!(receiver.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn output_is_logged() {
        let mut log = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let status = run_logged(&mut command, &mut log, &Interrupt::default()).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(String::from_utf8(log).unwrap(), "out\nerr\n");
    }
}

// SPDX-License-Identifier: MIT

//! gputop of IGT, which shows what fdinfo tells of the DRM clients of all processes: their memory, and how busy engines are
//! with their work.
//!
//! Source of its output: `tools/gputop.c` of IGT.

use std::io::ErrorKind;
use std::process::Command;

use nix::pty::{openpty, Winsize};

use crate::{Timeout, HANG};

/// What gputop clears the terminal with before each screen.
const CLEAR: &str = "\x1b[H\x1b[J";

/// What gputop begins and ends inverse text with.
const INVERSE: [&str; 2] = ["\x1b[7m", "\x1b[0m"];

/// The terminal. gputop asks its input for the size, and shows no client without one.
const SIZE: Winsize = Winsize {
    ws_row: 100,
    ws_col: 200,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// A client as gputop shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// The minor number of its device.
    pub minor: u32,
    /// Its process.
    pub pid: u32,
    /// All of its memory, as a number with a unit: `32M`.
    pub memory: String,
    /// Its memory that is resident.
    pub resident: String,
    /// The engines, and the percentage of the last second that they worked for it.
    pub engines: Vec<(String, f64)>,
    /// The name of its process.
    pub name: String,
}

/// Has gputop watch all clients for a second. It leaves out those that no engine works for meanwhile. Skips if the machine
/// has no gputop.
///
/// # Panics
///
/// If gputop fails, or shows something else than clients.
pub fn clients() -> Vec<Client> {
    let terminal = openpty(&SIZE, None).expect("a terminal");
    let _bound = Timeout::new(HANG, "gputop");
    // The first screen has no time behind it.
    let output = Command::new("gputop")
        .args(["--iterations", "2", "--delay", "1"])
        .stdin(terminal.slave)
        .output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => crate::skip!("There is no gputop."),
        output => output.unwrap_or_else(|error| panic!("gputop: {error}")),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "gputop: {output:?}");
    let last = text.rsplit(CLEAR).next().unwrap_or_default();
    parse(last).unwrap_or_else(|| panic!("gputop shows {last:?}"))
}

/// The clients of a screen. In front of those of a device, two lines have its number and the names of the columns.
fn parse(screen: &str) -> Option<Vec<Client>> {
    let [begin, end] = INVERSE;
    let screen = screen.replace(begin, "").replace(end, "");
    let lines = screen.lines().filter(|line| !line.trim().is_empty());
    let (mut minor, mut engines) = (None, Vec::new());
    let mut clients = Vec::new();
    for line in lines {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["DRM", "minor", number, ..] => minor = Some(number.parse().ok()?),
            ["PID", "MEM", "RSS", ref names @ .., "NAME"] => engines = names.to_vec(),
            _ => clients.push(client(line, minor?, &engines)?),
        }
    }
    Some(clients)
}

/// The client of a line: numbers, a bar between two `|` for each engine, and the name.
fn client(line: &str, minor: u32, engines: &[&str]) -> Option<Client> {
    let (numbers, rest) = line.split_once('|')?;
    let (bars, name) = rest.rsplit_once('|')?;
    let numbers: Vec<_> = numbers.split_whitespace().collect();
    let [pid, memory, resident] = numbers[..] else {
        return None;
    };
    let busy = bars.split("||").map(|bar| {
        let (percentage, _) = bar.split_once('%')?;
        percentage.trim().parse().ok()
    });
    let busy: Vec<f64> = busy.collect::<Option<_>>()?;
    if busy.len() != engines.len() {
        return None;
    }
    let names = engines.iter().map(|&name| name.to_owned());
    Some(Client {
        minor,
        pid: pid.parse().ok()?,
        memory: memory.to_owned(),
        resident: resident.to_owned(),
        engines: names.zip(busy).collect(),
        name: name.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_found_below_their_device() {
        let screen = "\x1b[7mDRM minor 128        \n  PID      MEM      RSS      copy       NAME        \x1b[0m\n\
                      1234      32M     512K | 12.5% █▏    | nova_fdinfo    \n  99       4K       0B |  0.0%       | sh\n\n";
        let copy = |busy| vec![("copy".to_owned(), busy)];
        let expected = [
            Client {
                minor: 128,
                pid: 1234,
                memory: "32M".into(),
                resident: "512K".into(),
                engines: copy(12.5),
                name: "nova_fdinfo".into(),
            },
            Client {
                minor: 128,
                pid: 99,
                memory: "4K".into(),
                resident: "0B".into(),
                engines: copy(0.0),
                name: "sh".into(),
            },
        ];
        assert_eq!(parse(screen).unwrap(), expected);
    }

    #[test]
    fn engines_have_a_bar_each() {
        let screen = "DRM minor 0\n PID MEM RSS render copy NAME\n 1 0B 0B | 50.0% ████ ||100.0% ████████| a b\n";
        let engines = parse(screen).unwrap().remove(0).engines;
        assert_eq!(engines, [("render".into(), 50.0), ("copy".into(), 100.0)]);
    }

    #[test]
    fn other_text_is_refused() {
        assert_eq!(parse(""), Some(Vec::new()));
        assert_eq!(parse("(No GPU clients yet.)"), None);
        assert_eq!(
            parse("DRM minor 0\n PID MEM RSS copy NAME\n 1 0B 0B | a"),
            None
        );
        assert_eq!(
            parse("DRM minor 0\n PID MEM RSS NAME\n 1 0B 0B | 1.0% | a"),
            None
        );
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The control socket, through which a test breaks and repairs the card while a driver uses it. A
//! client sends a command per line; the answer to each is `ok`, a value, or `error: ` and the
//! reason.
//!
//! - `fault stage=booter,kind=timeout`: as `--fault`.
//! - `fault-after-boot stage=channel,kind=error`: the same, but from the end of GSP-RM's next boot on.
//! - `repair`: removes all faults.
//! - `event os-error xid=31 text=…`: GSP-RM reports an error to the driver.
//! - `event rc-triggered xid=31 engine=1 channel=2 address=0x1000`: GSP-RM reports an error that
//!   has stopped a channel; a fault of the MMU is one of an invalid page.
//! - `event mmu-fault`: GSP-RM reports that the MMU fault buffer has entries.
//! - `event other function=0x1fff`: GSP-RM sends any event, without a payload.
//! - `unloads`: answers the number of times that the driver has unloaded GSP-RM.
//! - `accesses`: answers how often the driver has accessed the card, rung a doorbell and invalidated TLBs, such as
//!   `register_reads=1 register_writes=2 bar1_reads=0 bar1_writes=0 bar2_reads=1 bar2_writes=9 doorbells=1
//!   invalidations=1`, in one line.
//! - `objects`: answers a line for each object of GSP-RM, parents before their children, such as
//!   `client=0xc1d00000 parent=0xc1d00000 handle=0xde1d0000 class=0x80 name=NV01_DEVICE_0`, and `ok`.
//! - `channels`: answers a line for each channel, with what it does, and `ok`.
//! - `peek client=0xc1d00000 space=0x90f10000 address=0x200000`: reads 64 bits at an address of an address
//!   space, as a channel's work does, and answers them, or `fault: ` and what is wrong with the address.
//! - `poke client=0xc1d00000 space=0x90f10000 address=0x200000 value=1`: writes 64 bits; answers `ok` or a
//!   fault.
//! - `page client=0xc1d00000 space=0x90f10000 address=0x200000`: answers the size and the kind of the page at an
//!   address, such as `size=0x1000 kind=0x6`; `sparse`; or a fault.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::str::FromStr;

use nova_hw::gmmu::fault;

use crate::block_id::BlockId;
use crate::bus::machine::Machine;
use crate::faults::{number, Fault};
use crate::gpu::Gpu;
use crate::gsp_rm::notice::Notice;
use crate::gsp_rm::resource::SpaceId;

/// Bytes of the longest command line; the model's own limit.
const LINE: u64 = 1024;

/// Error of commands that need GSP-RM.
const NO_GSP_RM: &str = "GSP-RM does not run";

/// A command of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    Fault(Fault),
    FaultAfterBoot(Fault),
    Repair,
    Event(Notice),
    Unloads,
    Accesses,
    Objects,
    Channels,
    Peek(SpaceId, u64),
    Poke(SpaceId, u64, u64),
    Page(SpaceId, u64),
}

impl FromStr for Command {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "fault" => Ok(Self::Fault(rest.parse().map_err(string)?)),
            "fault-after-boot" => Ok(Self::FaultAfterBoot(rest.parse().map_err(string)?)),
            "repair" if rest.is_empty() => Ok(Self::Repair),
            "event" => parse_event(rest),
            "unloads" if rest.is_empty() => Ok(Self::Unloads),
            "accesses" if rest.is_empty() => Ok(Self::Accesses),
            "objects" if rest.is_empty() => Ok(Self::Objects),
            "channels" if rest.is_empty() => Ok(Self::Channels),
            "peek" => {
                let (space, address) = parse_address(&mut rest.split(' '))?;
                Ok(Self::Peek(space, address))
            }
            "poke" => {
                let mut fields = rest.split(' ');
                let (space, address) = parse_address(&mut fields)?;
                let value = field(fields.next().unwrap_or_default(), "value")?;
                Ok(Self::Poke(space, address, value))
            }
            "page" => {
                let (space, address) = parse_address(&mut rest.split(' '))?;
                Ok(Self::Page(space, address))
            }
            _ => Err(format!("{line:?} is not a command")),
        }
    }
}

fn string(error: impl ToString) -> String {
    error.to_string()
}

fn parse_event(text: &str) -> Result<Command, String> {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let notice = match name {
        "os-error" => {
            let (xid, text) = rest.split_once(' ').ok_or("xid= and text= are missing")?;
            let text = text.strip_prefix("text=").ok_or("text= is missing")?;
            Notice::OsError {
                xid: field(xid, "xid")?,
                text: text.into(),
            }
        }
        "rc-triggered" => {
            let mut fields = rest.split(' ');
            let mut next = || fields.next().unwrap_or_default();
            Notice::RcTriggered {
                xid: field(next(), "xid")?,
                engine: field(next(), "engine")?,
                channel: field(next(), "channel")?,
                fault_address: field(next(), "address")?,
                fault_type: fault::PTE,
            }
        }
        "mmu-fault" => Notice::MmuFaultQueued,
        "other" => Notice::Other {
            function: field(rest, "function")?,
            payload: Vec::new(),
        },
        _ => return Err(format!("{name:?} is not an event")),
    };
    Ok(Command::Event(notice))
}

/// An address in an address space.
fn parse_address<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Result<(SpaceId, u64), String> {
    let mut next = || fields.next().unwrap_or_default();
    let space = SpaceId {
        client: field(next(), "client")?,
        handle: field(next(), "space")?,
    };
    Ok((space, field(next(), "address")?))
}

/// The number in `name=number`.
fn field<T: TryFrom<i64>>(text: &str, name: &str) -> Result<T, String> {
    let value = text
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='))
        .ok_or_else(|| format!("{name}= is missing"))?;
    let value = number(value).map_err(string)?;
    T::try_from(value).map_err(|_| format!("{name}={value} is too large"))
}

/// Carries out the command in `line`, and returns the answer.
pub(crate) fn obey<M: Machine>(card: &mut Gpu<M>, line: &str) -> String {
    let done = line.parse().and_then(|command| match command {
        Command::Fault(fault) => {
            card.inject(fault);
            Ok("ok".into())
        }
        Command::FaultAfterBoot(fault) => {
            card.inject_after_boot(fault);
            Ok("ok".into())
        }
        Command::Repair => {
            card.repair();
            Ok("ok".into())
        }
        Command::Event(notice) => match card.report(&notice) {
            true => Ok("ok".into()),
            false => Err(NO_GSP_RM.into()),
        },
        Command::Unloads => Ok(card.unloads().to_string()),
        Command::Accesses => Ok(accesses(card)),
        Command::Objects => match card.objects() {
            Some(objects) => Ok(format!("{objects}ok")),
            None => Err(NO_GSP_RM.into()),
        },
        Command::Channels => Ok(format!("{}ok", card.channels())),
        Command::Peek(space, address) => match card.peek(space, address)? {
            Ok(value) => Ok(format!("{value:#x}")),
            Err(fault) => Ok(format!("fault: {fault:?}")),
        },
        Command::Poke(space, address, value) => match card.poke(space, address, value)? {
            Ok(()) => Ok("ok".into()),
            Err(fault) => Ok(format!("fault: {fault:?}")),
        },
        Command::Page(space, address) => match card.page(space, address)? {
            Ok(page) if page.is_sparse() => Ok("sparse".into()),
            Ok(page) => Ok(format!(
                "size={:#x} kind={:#x}",
                page.size(),
                page.attributes.kind
            )),
            Err(fault) => Ok(format!("fault: {fault:?}")),
        },
    });
    done.unwrap_or_else(|error: String| format!("error: {error}"))
}

/// What the driver has done, in one line.
fn accesses<M: Machine>(card: &Gpu<M>) -> String {
    let seen = card.trace().accesses();
    let is_register = |block: &BlockId| !matches!(block, BlockId::Bar1 | BlockId::Bar2);
    let registers = BlockId::ALL.into_iter().filter(is_register);
    let counts = [
        (
            "register_reads",
            registers.clone().map(|block| seen.reads(block)).sum(),
        ),
        (
            "register_writes",
            registers.map(|block| seen.writes(block)).sum(),
        ),
        ("bar1_reads", seen.reads(BlockId::Bar1)),
        ("bar1_writes", seen.writes(BlockId::Bar1)),
        ("bar2_reads", seen.reads(BlockId::Bar2)),
        ("bar2_writes", seen.writes(BlockId::Bar2)),
        ("doorbells", seen.writes(BlockId::Usermode)),
        ("invalidations", card.invalidations()),
    ];
    let named: Vec<String> = counts
        .iter()
        .map(|(name, count): &(_, u64)| format!("{name}={count}"))
        .collect();
    named.join(" ")
}

/// Serves one client after the other, answering each line with the result of `obey`.
pub(crate) fn serve(listener: &UnixListener, mut obey: impl FnMut(&str) -> String) {
    for client in listener.incoming() {
        if let Err(error) = client.and_then(|client| converse(&client, &mut obey)) {
            tracing::warn!("control socket: {error}");
        }
    }
}

fn converse(mut client: &UnixStream, obey: &mut impl FnMut(&str) -> String) -> io::Result<()> {
    let mut lines = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        if io::Read::take(&mut lines, LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        let answer = obey(line.trim_end());
        tracing::info!(line = line.trim_end(), answer, "control");
        writeln!(client, "{answer}")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;
    use crate::gsp_rm::queue::driver::Driver;
    use crate::gsp_rm::{GspRm, State};
    use crate::images::synthetic;
    use crate::machine::in_process::InProcess;
    use nova_hw::release::RELEASES;

    fn answer(lines: &[&str]) -> Vec<String> {
        let chip = by_name("ga102").unwrap();
        let machine = InProcess::with_firmware(chip, &synthetic::firmware(chip)).unwrap();
        let mut card = machine.card();
        lines.iter().map(|line| obey(&mut card, line)).collect()
    }

    #[test]
    fn faults_come_and_go() {
        let chip = by_name("ga102").unwrap();
        let machine = InProcess::with_firmware(chip, &synthetic::firmware(chip)).unwrap();
        let mut card = machine.card();
        assert_eq!(obey(&mut card, "fault stage=card,kind=gone"), "ok");
        assert_eq!(card.read32(0), u32::MAX);
        assert_eq!(obey(&mut card, "repair"), "ok");
        assert_ne!(card.read32(0), u32::MAX);

        assert_eq!(
            obey(&mut card, "fault-after-boot stage=card,kind=gone"),
            "ok"
        );
        assert_ne!(card.read32(0), u32::MAX);
        card.fail_after_boot();
        assert_eq!(card.read32(0), u32::MAX);
        assert_eq!(obey(&mut card, "repair"), "ok");
        card.fail_after_boot();
        assert_ne!(card.read32(0), u32::MAX);
    }

    #[test]
    fn invalid_commands_are_errors() {
        let answers = answer(&["", "repair it", "fault stage=x,kind=y", "event os-error"]);
        assert!(answers.iter().all(|answer| answer.starts_with("error: ")));
        let answers = answer(&["event os-error xid=31 text=boo", "event other function=1"]);
        let expected = "error: GSP-RM does not run";
        assert_eq!(answers, [expected; 2]);
        assert_eq!(answer(&["objects"]), [expected]);
        assert_eq!(answer(&["channels"]), ["ok"]);
    }

    #[test]
    fn objects_are_listed_while_gsp_rm_runs() {
        let chip = by_name("ga102").unwrap();
        let machine = InProcess::with_firmware(chip, &synthetic::firmware(chip)).unwrap();
        let mut card = machine.card();
        let mut rm = GspRm::new(RELEASES[0], Driver::new().link().unwrap(), 0);
        rm.state = State::Ready;
        card.programs.rm = Some(rm);
        card.blocks.gsp.falcon.riscv.active = true;
        let answer = obey(&mut card, "objects");
        let lines: Vec<_> = answer.lines().collect();
        let (&end, objects) = lines.split_last().unwrap();
        assert_eq!(end, "ok");
        assert_eq!(objects.len(), 3, "GSP-RM's own");
        assert!(objects[2].ends_with("class=0x2080 name=NV20_SUBDEVICE_0"));
        card.blocks.gsp.falcon.riscv.active = false;
        assert_eq!(obey(&mut card, "objects"), "error: GSP-RM does not run");
    }

    #[test]
    fn memory_is_named_by_an_address_space_and_an_address() {
        let command = |text: &str| text.parse::<Command>();
        let space = SpaceId {
            client: 0xc1d0_0000,
            handle: 0x90f1_0000,
        };
        let at = "client=0xc1d00000 space=0x90f10000 address=0x200000";
        let peek = Command::Peek(space, 0x20_0000);
        assert_eq!(command(&format!("peek {at}")), Ok(peek));
        let poke = Command::Poke(space, 0x20_0000, 7);
        assert_eq!(command(&format!("poke {at} value=7")), Ok(poke));
        assert!(command(&format!("poke {at}")).is_err());
        let page = Command::Page(space, 0x20_0000);
        assert_eq!(command(&format!("page {at}")), Ok(page));
        let answer = answer(&[&format!("peek {at}")]);
        assert_eq!(answer, ["error: there is no GSP-RM"]);
    }

    #[test]
    fn accesses_are_counted() {
        let chip = by_name("ga102").unwrap();
        let machine = InProcess::with_firmware(chip, &synthetic::firmware(chip)).unwrap();
        let mut card = machine.card();
        let counts = |card: &mut _| {
            let answer = obey(card, "accesses");
            let counts = answer.split(' ').map(|field| {
                let (_, count) = field.split_once('=').unwrap();
                count.parse::<u64>().unwrap()
            });
            counts.collect::<Vec<_>>()
        };
        let before = counts(&mut card);
        assert_eq!(before.len(), 8);
        // A register, one word of each BAR, a doorbell, and an invalidation of all TLBs.
        card.read32(0);
        card.read_bar1(0, &mut [0; 4]);
        card.write_bar1(0, &[0; 4]);
        card.write_bar2(0, &[0; 8]);
        card.write32(0xbb_0090, 0);
        card.write32(0xb8_30b0, 0x8000_0003);
        let after = counts(&mut card);
        let added: Vec<_> = after
            .iter()
            .zip(&before)
            .map(|(now, then)| now - then)
            .collect();
        assert_eq!(added, [1, 2, 1, 1, 0, 1, 1, 1]);
    }

    #[test]
    fn unloads_are_counted() {
        for name in ["ga102", "gh100"] {
            let chip = by_name(name).unwrap();
            let machine = InProcess::with_firmware(chip, &synthetic::firmware(chip)).unwrap();
            let mut card = machine.card();
            assert_eq!(obey(&mut card, "unloads"), "0");
            card.end_gsp_rm();
            assert_eq!(obey(&mut card, "unloads"), "1", "{name}");
            card.reset();
            assert_eq!(obey(&mut card, "unloads"), "1", "{name}");
        }
    }

    #[test]
    fn events_have_fields() {
        let event = |text: &str| text.parse::<Command>();
        let expected = Notice::RcTriggered {
            xid: 31,
            engine: 1,
            channel: 2,
            fault_address: 0x1000,
            fault_type: 2,
        };
        let text = "event rc-triggered xid=31 engine=1 channel=2 address=0x1000";
        assert_eq!(event(text), Ok(Command::Event(expected)));
        let expected = Notice::OsError {
            xid: 13,
            text: "a b".into(),
        };
        let text = "event os-error xid=13 text=a b";
        assert_eq!(event(text), Ok(Command::Event(expected)));
        assert!(event("event os-error xid=-1 text=a").is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no sockets")]
    fn lines_are_answered_over_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || serve(&listener, |line| format!("{line}!")));
        for _ in 0..2 {
            let mut client = UnixStream::connect(&path).unwrap();
            client.write_all(b"one\ntwo\n").unwrap();
            let answers = BufReader::new(client).lines().take(2);
            let answers: Vec<String> = answers.map(Result::unwrap).collect();
            assert_eq!(answers, ["one!", "two!"]);
        }
    }
}

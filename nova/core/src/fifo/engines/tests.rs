// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::chip::IntrWiring;
use crate::gsp::commands::alloc::Alloc;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::command::Command;
use nova_hw::abi::{control, DeviceEntry, DeviceInfoTable};
use nova_hw::release::RELEASES;
use std::string::ToString;
use std::vec;
use std::vec::Vec;
use zerocopy::IntoBytes;

/// Engines of release 570.
const GR0: u32 = 1;
const COPY0: u32 = 9;
const NVDEC0: u32 = 0x1d;

/// GSP-RM with a table of engines: the number of each in the release, and its runlist.
struct Rm {
    engines: Vec<(u32, u32)>,
    method_buffer: u32,
    /// Every part says that another one follows.
    is_endless: bool,
    parts: u32,
}

impl Rm {
    fn new(engines: &[(u32, u32)]) -> Self {
        Self {
            engines: engines.into(),
            method_buffer: 0x5000,
            is_endless: false,
            parts: 0,
        }
    }

    fn table(&mut self) -> Vec<u8> {
        let first = self.parts as usize * 32;
        self.parts += 1;
        let rest = self.engines.get(first..).unwrap_or_default();
        let mut table = DeviceInfoTable {
            num_entries: rest.len().min(32) as u32,
            b_more: u8::from(rest.len() > 32 || self.is_endless),
            ..DeviceInfoTable::default()
        };
        for (entry, &(number, runlist)) in table.entries.iter_mut().zip(rest) {
            entry.engine_data[DeviceEntry::RM_ENGINE_TYPE] = number;
            entry.engine_data[DeviceEntry::RUNLIST] = runlist;
        }
        table.as_bytes().to_vec()
    }
}

impl Caller for Rm {
    type Error = RpcError;

    fn alloc(&mut self, _: &Alloc<'_>) -> Result<(), RpcError> {
        unreachable!()
    }

    fn call<C: Command>(&mut self, command: &C) -> Result<C::Reply, RpcError> {
        let bytes = match command.cmd() {
            control::FIFO_GET_DEVICE_INFO_TABLE => self.table(),
            _ => self.method_buffer.to_le_bytes().to_vec(),
        };
        let (message, bytes) = ("test", &bytes[..]);
        command.read(RELEASES[0], Payload { message, bytes })
    }

    fn free(&mut self, _: Handles) -> Result<(), RpcError> {
        Ok(())
    }
}

fn reader() -> EngineReader {
    let mut interrupts = InterruptTable {
        gsp: Some(0x9b),
        graphics: Some(0),
        ..InterruptTable::default()
    };
    (interrupts.copies[0], interrupts.copies[2]) = (Some(1), Some(3));
    EngineReader {
        subdevice: Handles::default(),
        release: RELEASES[0],
        irq: Irq::new(IntrWiring::Ga102, Some(0x9b)).unwrap(),
        interrupts,
        grces: 0,
    }
}

fn read(engines: &[(u32, u32)]) -> Result<Engines, RpcError> {
    reader().read(&mut Rm::new(engines))
}

fn vectors(set: &[u32]) -> Vectors {
    let mut vectors = Vectors::default();
    set.iter().for_each(|&vector| vectors.insert(vector));
    vectors
}

/// Graphics comes last, which must not matter.
#[test]
fn copy_engines_have_their_runlists_and_interrupts() {
    let table = [
        (COPY0, 0),
        (COPY0 + 2, 1),
        (COPY0 + 19, 4),
        (NVDEC0, 5),
        (GR0, 0),
    ];
    let engines = read(&table).unwrap();
    let found: Vec<_> = engines
        .copies()
        .map(|it| {
            (
                it.name().as_str().to_string(),
                it.number(),
                it.runlist,
                it.shares_graphics,
            )
        })
        .collect();
    let engine = |name: &str, number, runlist, shares| (name.to_string(), number, runlist, shares);
    let expected = [
        engine("copy0", 0x9, 0, true),
        engine("copy2", 0xb, 1, false),
        engine("copy19", 0x3d, 4, false),
    ];
    assert_eq!(found, expected);
    assert_eq!(engines.interrupts(0), vectors(&[0, 1]));
    assert_eq!(engines.interrupts(1), vectors(&[3]));
    assert!(engines.interrupts(4).is_empty());
    assert_eq!(engines.all_interrupts(), vectors(&[0, 1, 3]));
    assert_eq!(engines.method_buffer(), 0x5000);
}

/// It has a copy engine beside it, or is not used.
#[test]
fn graphics_has_the_first_copy_engine_of_its_runlist() {
    let engines = read(&[(COPY0 + 2, 1), (COPY0 + 4, 3), (COPY0 + 3, 3), (GR0, 3)]).unwrap();
    let graphics = engines.graphics().unwrap();
    assert_eq!((graphics.number(), graphics.runlist), (1, 3));
    assert_eq!(graphics.name().as_str(), "graphics0");
    assert_eq!(engines.copy_beside_graphics().unwrap().instance, 3);
    assert_eq!(engines.all().count(), 4);
    assert_eq!(read(&[(COPY0 + 2, 1), (GR0, 0)]).unwrap().graphics(), None);
    assert_eq!(read(&[(COPY0, 0)]).unwrap().graphics(), None);
}

#[test]
fn all_parts_of_the_table_are_read_but_not_for_ever() {
    let mut table = vec![(NVDEC0, 7); 40];
    table.push((COPY0, 1));
    let mut rm = Rm::new(&table);
    assert_eq!(reader().read(&mut rm).unwrap().copies().count(), 1);
    assert_eq!(rm.parts, 2);
    let mut rm = Rm {
        is_endless: true,
        ..Rm::new(&[])
    };
    assert_eq!(reader().read(&mut rm).unwrap().copies().count(), 0);
    assert_eq!(rm.parts, 8);
}

#[test]
fn a_copy_engine_for_graphics_alone_is_dropped() {
    let table = [(GR0, 0), (COPY0, 0), (COPY0 + 1, 1), (COPY0 + 2, 2)];
    let reader = EngineReader {
        grces: 0b11,
        ..reader()
    };
    let engines = reader.read(&mut Rm::new(&table)).unwrap();
    let left: Vec<_> = engines.copies().map(|engine| engine.instance).collect();
    assert_eq!(left, [0, 2]);
}

#[test]
fn tables_that_cannot_be_are_refused() {
    let say = |error: RpcError| error.to_string();
    assert_eq!(
        say(read(&[(COPY0, 0x80)]).unwrap_err()),
        "runlist of an engine: expected at most 0x7f, found 0x80"
    );
    assert_eq!(
        say(read(&[(COPY0, 1), (COPY0, 2)]).unwrap_err()),
        "entries of an engine in the table of engines: expected at most 0x1, found 0x2"
    );
    let mut reader = reader();
    reader.interrupts.copies[0] = Some(256);
    assert_eq!(
        say(reader.read(&mut Rm::new(&[(COPY0, 1)])).unwrap_err()),
        "vector of an engine: expected at most 0xff, found 0x100"
    );
    reader.interrupts.copies[0] = reader.interrupts.gsp;
    assert_eq!(
        say(reader.read(&mut Rm::new(&[(COPY0, 1)])).unwrap_err()),
        "engines with the vector of the GSP: expected at most 0x0, found 0x1"
    );
    reader.interrupts.copies[0] = None;
    let mut rm = Rm {
        method_buffer: u32::MAX,
        ..Rm::new(&[])
    };
    let error = say(reader.read(&mut rm).unwrap_err());
    assert_eq!(
        error,
        "bytes of a channel's method buffer: expected at most 0x100000, found 0xffffffff"
    );
}

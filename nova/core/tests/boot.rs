// SPDX-License-Identifier: GPL-2.0

//! The whole boot and the way back against the mocked card.

mod common;

use std::time::Instant;

use common::{ga102, real_firmware, Machine};
use nova_core::{probe, Stage};
use nova_mock::firmware::Folder;

#[test]
fn a_ga102_boots_and_unloads() {
    let machine = Machine::synthetic();
    let start = Instant::now();
    let running = machine.boot().unwrap_or_else(|failure| {
        panic!("{failure}; the card refused {:#?}", machine.refusals());
    });
    println!("{}", running.report());
    machine.unload(running).unwrap_or_else(|failure| {
        panic!("{failure}; the card refused {:#?}", machine.refusals());
    });
    println!("boot and unload took {:?}", start.elapsed());
    assert_eq!(machine.refusals(), [""; 0]);
    machine.assert_as_before();
}

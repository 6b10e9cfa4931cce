// SPDX-License-Identifier: GPL-2.0

//! Tests of the machine in the same process.

use super::*;
use crate::chips::CHIPS;
use crate::images::synthetic;

fn machine() -> InProcess {
    InProcess::with_firmware(&CHIPS[0], &synthetic::firmware(&CHIPS[0])).unwrap()
}

#[test]
fn dropped_memory_is_freed() {
    let machine = machine();
    let memory = machine.allocate(5000).unwrap();
    assert_eq!(memory.size(), 8192);
    memory.write(8188, &[1, 2, 3, 4]).unwrap();
    let mut word = [0; 4];
    memory.read(8188, &mut word).unwrap();
    assert_eq!(word, [1, 2, 3, 4]);
    assert!(memory.read(8189, &mut word).is_err());
    assert!(memory.write(8189, &word).is_err());
    assert!(memory.read(usize::MAX, &mut word).is_err());
    let card = machine.card();
    let read = |offset| card.machine().read_u32(memory.address() + offset);
    assert_eq!(read(8188), Ok(0x0403_0201));
    assert!(read(8190).is_err());
    assert_eq!(card.machine().allocations(), 1);
    drop(card);
    drop(memory);
    assert_eq!(machine.card().machine().allocations(), 0);
}

#[test]
fn accesses_do_not_cross_into_the_next_allocation() {
    let machine = machine();
    let [first, second] = [1, 1].map(|size| machine.allocate(size).unwrap());
    let apart = (second.address() - first.address()) as usize;
    assert!(first.read(apart, &mut [0]).is_err());
    assert!(first.write(apart, &[0]).is_err());
}

#[test]
fn allocations_can_be_made_to_fail() {
    let machine = machine();
    machine.card().machine_mut().limit_allocations(Some(1));
    assert!(machine.card().machine_mut().take_allocation());
    assert!(machine.allocate(1).is_none());
    assert!(machine.map_file([0].into(), 0).is_none());
    machine.card().machine_mut().limit_allocations(None);
    assert!(machine.allocate(usize::MAX).is_none());
    assert!(machine.allocate(1).is_some());
}

#[test]
fn the_pages_of_a_mapped_file_are_not_contiguous() {
    let machine = machine();
    let bytes: Vec<u8> = (0..10_000_u32).map(|at| (at ^ at >> 8) as u8).collect();
    let file = machine.map_file(bytes.into(), 64).unwrap();
    assert_eq!(file.page_address(0), None, "no page starts there");
    let (first, second) = (
        file.page_address(64).unwrap(),
        file.page_address(64 + 4096).unwrap(),
    );
    assert_ne!(second, first + 4096);
    let mut page = [0; 4096];
    machine.card().machine().read(second, &mut page).unwrap();
    assert_eq!(page, file.as_ref()[64 + 4096..64 + 8192]);
    let read = |address, len| machine.card().machine().read_vec(address, len);
    assert!(read(first + 4096, 1).is_err());
    assert!(read(first, 4097).is_err());
    let last = file.page_address(64 + 2 * 4096).unwrap();
    let mut expected = file.as_ref()[64 + 2 * 4096..].to_vec();
    expected.resize(4096, 0);
    assert_eq!(read(last, 4096).unwrap(), expected, "padded");
    assert_eq!(read(last + 4095, 1), Ok(vec![0]));
    assert!(read(last + 2 * 4096, 1).is_err());
    assert_eq!(file.page_address(64 + 3 * 4096), None, "beyond its end");
    assert!(machine.card().machine_mut().write(first, &[0]).is_err());
    drop(file);
    assert_eq!(machine.card().machine().allocations(), 0);
}

#[test]
fn time_passes_by_sleeping_and_by_accesses() {
    let machine = machine();
    let before = machine.now();
    machine.read32(0);
    assert_eq!(machine.now(), before + ACCESS);
    machine.sleep(Duration::from_secs(1));
    assert_eq!(machine.now(), before + ACCESS + Duration::from_secs(1));
    assert!(!machine.wait_for_interrupt(Duration::from_secs(1)));
    assert_eq!(machine.now(), before + ACCESS + Duration::from_secs(2));
}

#[test]
fn the_bars_do_not_overlap() {
    let chip = &CHIPS[0];
    for bar1 in [None, Some(1 << 20), Some(32 << 30), Some(1 << 40)] {
        let machine = InProcess::new(Setup {
            chip,
            vram: Vram::in_process(chip.vram),
            bar1,
            firmware: Firmwares::load(chip, &synthetic::firmware(chip)).unwrap(),
            vbios: None,
            fuses: Fuses::default(),
            trace: Trace::default(),
        });
        let machine = machine.unwrap();
        machine.reset();
        let card = machine.card();
        let config = card.config();
        let [_, frame_buffer, _] = config.bars();
        assert_eq!(frame_buffer.size, bar1.unwrap_or(256 << 20));
        let [second, third] = [1, 2].map(|bar| config.bar_address(bar));
        assert!(
            second >= 1 << 32 && third >= second + frame_buffer.size,
            "{bar1:?}"
        );
    }
}

#[test]
fn accesses_outside_of_the_registers_do_nothing() {
    let machine = machine();
    assert_eq!(machine.read32(16 << 20), u32::MAX);
    assert_eq!(machine.read32(2), u32::MAX);
    machine.write32(u32::MAX, 0);
    assert_eq!(machine.card().trace().accesses().total(), 0);
}

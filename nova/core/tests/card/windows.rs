// SPDX-License-Identifier: GPL-2.0

//! The windows onto VRAM, and the memory that the driver uses through them, on a mocked card whose
//! TLBs keep what they may.

use std::ops::Range;
use std::time::Duration;

use crate::adapter::Vram;
use crate::calls::execute;
use crate::common::Machine;
use nova_core::platform::{Clock, WindowBar, Windows};
use nova_core::{
    program_slots, ErrorKind, InstanceMemory, NewChunk, Piece, Running, WindowError, WindowTables,
    SLOT_SIZE,
};
use nova_mock::chips::by_name;
use nova_mock::synthetic;

/// A chip of each generation.
const CHIPS: [&str; 7] = [
    "tu102", "ga100", "ga102", "ad102", "gh100", "gb100", "gb202",
];

/// VRAM for the driver.
const VRAM: Range<u64> = 64 << 20..256 << 20;

/// Bytes of a chunk, and of the largest piece that is cut from it.
const CHUNK: u64 = 2 << 20;
const PIECE: u64 = 256 << 10;

/// The register that invalidates the TLBs.
const INVALIDATE: u32 = 0xb8_30b0;

type Memory = Box<InstanceMemory<Machine>>;

/// A machine with a chip, whose TLBs are strict.
fn machine(chip: &str) -> Machine {
    let chip = by_name(chip).unwrap();
    let machine = Machine::new(chip, synthetic::firmware(chip));
    machine.card().set_tlb(true);
    *machine.vram.borrow_mut() = Vram::new(VRAM);
    machine
}

/// Takes the windows into use.
fn open(machine: &Machine, running: &mut Running<Machine>) -> Result<Memory, WindowError> {
    let tables = WindowTables::new(machine, &running.memory_info())?;
    tables.write(machine);
    execute(machine, running, &tables.bind()).unwrap();
    tables.open(machine).map_err(|(_, error)| error)
}

/// Allocates a piece, with another chunk if that is needed.
fn alloc(machine: &Machine, memory: &mut Memory, size: u64) -> Result<Piece, WindowError> {
    let mut chunk = None;
    loop {
        if let Some(piece) = memory.alloc(machine, size, &mut chunk)? {
            assert!(chunk.is_none(), "it is used");
            return Ok(piece);
        }
        chunk = Some(NewChunk::new(machine, memory.info())?);
    }
}

fn close(machine: &Machine, mut running: Running<Machine>, memory: Memory) {
    let closed = running.close_windows(machine, &memory, &mut |_| {});
    closed.unwrap();
    drop(memory);
    assert_eq!(machine.vram.borrow().blocks(), 0);
    machine.unload(running).unwrap();
    machine.assert_as_before();
}

/// The word at an address in VRAM.
fn in_vram(machine: &Machine, address: u64) -> u64 {
    let mut word = [0; 8];
    machine.card().vram().read(address, &mut word);
    u64::from_le_bytes(word)
}

/// Allocates pieces until one is in this window.
fn fill_up_to(machine: &Machine, memory: &mut Memory, bar: WindowBar) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while pieces.last().is_none_or(|piece: &Piece| piece.bar() != bar) {
        pieces.push(alloc(machine, memory, PIECE).unwrap());
    }
    pieces
}

/// Allocates pieces until they take another chunk.
fn fill_chunk(machine: &Machine, memory: &mut Memory) -> Piece {
    let blocks = machine.vram.borrow().blocks();
    loop {
        let piece = alloc(machine, memory, PIECE).unwrap();
        if machine.vram.borrow().blocks() > blocks {
            return piece;
        }
    }
}

#[test]
fn what_is_written_through_a_window_is_in_vram() {
    for chip in CHIPS {
        let machine = machine(chip);
        let mut running = machine.boot().unwrap();
        let mut memory = open(&machine, &mut running).unwrap();
        let pieces = fill_up_to(&machine, &mut memory, WindowBar::Bar1);
        for (number, piece) in (1..).zip(&pieces) {
            memory.write(&machine, piece, 0, &[number, number << 32]);
            memory.write(&machine, piece, PIECE as usize / 8 - 1, &[!number]);
        }
        for (number, piece) in (1..).zip(&pieces) {
            let at = |offset| in_vram(&machine, piece.address() + offset);
            let found = [at(0), at(8), at(PIECE - 8)];
            assert_eq!(found, [number, number << 32, !number], "{chip}");
            assert_eq!(memory.read(&machine, piece, 1), number << 32);
            assert!(VRAM.contains(&piece.address()));
        }
        assert_eq!(machine.refusals(), [""; 0], "{chip}");
        close(&machine, running, memory);
    }
}

#[test]
fn usable_vram_is_none_that_the_boot_keeps() {
    for chip in CHIPS {
        let machine = machine(chip);
        let running = machine.boot().unwrap();
        let report = running.report();
        let mut end = 0;
        for region in report.info.usable_regions() {
            assert!(end <= region.start && region.start < region.end);
            end = region.end;
        }
        // All that is kept lies above: GSP-RM's heap of a MiB at least, then WPR2, and the rest.
        assert!(0 < end && end + (1 << 20) <= report.wpr2.start, "{chip}");
        assert!(VRAM.end < end);
        machine.unload(running).unwrap();
    }
}

#[test]
fn a_slot_shows_its_next_chunk() {
    for chip in ["ga102", "gh100"] {
        let machine = machine(chip);
        let mut running = machine.boot().unwrap();
        let mut memory = open(&machine, &mut running).unwrap();
        let mut piece = fill_chunk(&machine, &mut memory);
        let mut addresses = Vec::new();
        // More often than BAR2 has slots.
        for number in 1..20 {
            assert_eq!(piece.bar(), WindowBar::Bar2);
            memory.write(&machine, &piece, 5, &[number]);
            assert_eq!(in_vram(&machine, piece.address() + 40), number, "{chip}");
            assert!(!addresses.contains(&piece.address()));
            addresses.push(piece.address());
            memory.free(&machine, piece);
            assert_eq!(machine.vram.borrow().blocks(), 1, "the chunk is freed");
            piece = alloc(&machine, &mut memory, PIECE).unwrap();
        }
        assert_eq!(machine.refusals(), [""; 0]);
        close(&machine, running, memory);
    }
}

/// The word at the start of a slot of BAR1, as a program would read it.
fn in_slot(machine: &Machine, slot: usize) -> u64 {
    machine.read_window(WindowBar::Bar1, slot as u64 * SLOT_SIZE)
}

#[test]
fn slots_of_programs_show_any_vram() {
    for chip in CHIPS {
        let machine = machine(chip);
        let mut running = machine.boot().unwrap();
        let mut memory = open(&machine, &mut running).unwrap();
        let slots = program_slots(machine.window_size(WindowBar::Bar1));
        // One in each directory that the BAR is large enough for, and the last one.
        let probes = slots.clone().step_by(256).chain(slots.clone().last());
        for (chunk, slot) in (3..).zip(probes) {
            let address = chunk * SLOT_SIZE;
            machine
                .card()
                .vram_mut()
                .write(address, &chunk.to_le_bytes());
            assert_eq!(
                in_slot(&machine, slot),
                u64::MAX,
                "{chip}: {slot} shows VRAM"
            );
            memory.show(&machine, slot, Some(chunk)).unwrap();
            assert_eq!(in_slot(&machine, slot), chunk, "{chip}: {slot}");
            let other = (chunk + 100) * SLOT_SIZE;
            memory.show(&machine, slot, Some(chunk + 100)).unwrap();
            machine.write_window(WindowBar::Bar1, slot as u64 * SLOT_SIZE, !chunk);
            assert_eq!(in_slot(&machine, slot), !chunk);
            assert_eq!(in_vram(&machine, other), !chunk, "{chip}: {slot}");
            assert_eq!(in_vram(&machine, address), chunk);
            memory.show(&machine, slot, None).unwrap();
            assert_eq!(in_slot(&machine, slot), u64::MAX);
        }
        // The mock has refused the reads of slots that show nothing, and nothing else.
        let refusals = machine.refusals();
        assert!(
            refusals.iter().all(|reason| reason.contains("Read of P")),
            "{refusals:?}"
        );
        // The driver's own chunks go elsewhere.
        let slot = slots.start;
        memory.show(&machine, slot, Some(3)).unwrap();
        let pieces = fill_up_to(&machine, &mut memory, WindowBar::Bar1);
        for piece in &pieces {
            memory.write(&machine, piece, 0, &[7]);
        }
        assert_eq!(in_slot(&machine, slot), 3);
        assert_eq!(machine.refusals(), refusals, "{chip}");
        close(&machine, running, memory);
    }
}

#[test]
fn a_slot_shows_no_vram_that_page_tables_do_not_reach() {
    let machine = machine("ga102");
    let mut running = machine.boot().unwrap();
    let mut memory = open(&machine, &mut running).unwrap();
    let slot = program_slots(machine.window_size(WindowBar::Bar1)).start;
    for chunk in [1 << (37 - 21), u64::MAX] {
        let error = memory.show(&machine, slot, Some(chunk)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{chunk:#x}");
    }
    machine.silent.set(Some(INVALIDATE));
    let error = memory.show(&machine, slot, Some(3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    machine.silent.set(None);
    assert_eq!(memory.show(&machine, slot, Some(3)), Err(error));
    close(&machine, running, memory);
}

#[test]
fn after_the_unload_bar2_shows_nothing() {
    let machine = machine("ga102");
    let mut running = machine.boot().unwrap();
    let memory = open(&machine, &mut running).unwrap();
    let mut word = [0; 8];
    machine.card().read_bar2(0, &mut word);
    assert_ne!(word, [0xff; 8]);
    let closed = running.close_windows(&machine, &memory, &mut |_| {});
    closed.unwrap();
    assert_eq!(machine.refusals(), [""; 0]);
    machine.card().read_bar2(0, &mut word);
    assert_eq!(word, [0xff; 8]);
    machine.unload(running).unwrap();
}

#[test]
fn windows_and_vram_end() {
    let mut machine = machine("ga102");
    let mut running = machine.boot().unwrap();
    machine.pci.bar_sizes[1] = 2 * CHUNK;
    machine.pci.bar_sizes[2] = 2 * CHUNK;
    let mut memory = open(&machine, &mut running).unwrap();
    let error = loop {
        if let Err(error) = alloc(&machine, &mut memory, PIECE) {
            break error;
        }
    };
    assert_eq!(
        (error, error.kind()),
        (WindowError::Full, ErrorKind::NoSpace)
    );
    assert_eq!(machine.vram.borrow().blocks(), 4, "one in each slot");
    assert!(
        alloc(&machine, &mut memory, 4096).is_ok(),
        "a small piece is left"
    );
    close(&machine, running, memory);

    let mut running = machine.boot().unwrap();
    *machine.vram.borrow_mut() = Vram::new(VRAM.start..VRAM.start + CHUNK);
    let mut memory = open(&machine, &mut running).unwrap();
    let error = loop {
        if let Err(error) = alloc(&machine, &mut memory, PIECE) {
            break error;
        }
    };
    assert!(matches!(error, WindowError::Vram(_)), "{error}");
    let error = alloc(&machine, &mut memory, PIECE + 1).unwrap_err();
    assert_eq!(error, WindowError::TooLarge { size: PIECE + 1 });
    close(&machine, running, memory);
}

#[test]
fn vram_must_be_where_page_tables_and_pramin_reach() {
    for (chip, bits) in [("ga102", 37), ("gh100", 38)] {
        let machine = machine(chip);
        let running = machine.boot().unwrap();
        let address = 1 << bits;
        *machine.vram.borrow_mut() = Vram::new(address..address + CHUNK);
        let tables = WindowTables::new(&machine, &running.memory_info());
        let error = tables.err().unwrap();
        assert_eq!(error, WindowError::Unreachable { address, bits });
        assert_eq!(machine.vram.borrow().blocks(), 0);
        machine.unload(running).unwrap();
    }
}

#[test]
fn windows_that_gsp_rm_was_not_told_of_are_refused() {
    let machine = machine("gh100");
    let running = machine.boot().unwrap();
    let tables = WindowTables::new(&machine, &running.memory_info()).unwrap();
    tables.write(&machine);
    let (tables, error) = tables.open(&machine).err().unwrap();
    drop(tables);
    assert!(
        matches!(
            error,
            WindowError::NotShown {
                found: u64::MAX,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(machine.vram.borrow().blocks(), 0);
    machine.unload(running).unwrap();
}

#[test]
fn without_memory_of_the_machine_nothing_is_left() {
    let machine = machine("ga102");
    let mut running = machine.boot().unwrap();
    let info = running.memory_info();
    machine.card().machine_mut().limit_allocations(Some(0));
    let error = WindowTables::new(&machine, &info).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NoMemory);
    assert_eq!(machine.vram.borrow().blocks(), 0);
    machine.card().machine_mut().limit_allocations(None);
    let mut memory = open(&machine, &mut running).unwrap();
    let mut pieces = vec![fill_chunk(&machine, &mut memory)];
    machine.card().machine_mut().limit_allocations(Some(0));
    // More often than there are slots.
    for _ in 0..200 {
        let error = loop {
            match alloc(&machine, &mut memory, PIECE) {
                Ok(piece) => pieces.push(piece),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::NoMemory);
    }
    assert_eq!(machine.vram.borrow().blocks(), 2);
    machine.card().machine_mut().limit_allocations(None);
    let piece = alloc(&machine, &mut memory, PIECE).unwrap();
    memory.write(&machine, &piece, 0, &[7]);
    assert_eq!(memory.read(&machine, &piece, 0), 7);
    assert_eq!(in_vram(&machine, piece.address()), 7);
    close(&machine, running, memory);
}

#[test]
fn a_chunk_that_a_window_may_show_is_kept() {
    let machine = machine("ga102");
    let mut running = machine.boot().unwrap();
    let mut memory = open(&machine, &mut running).unwrap();
    let piece = alloc(&machine, &mut memory, PIECE).unwrap();
    machine.silent.set(Some(INVALIDATE));
    let error = loop {
        if let Err(error) = alloc(&machine, &mut memory, PIECE) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    machine.silent.set(None);
    assert_eq!(machine.vram.borrow().blocks(), 2);
    assert_eq!(
        alloc(&machine, &mut memory, PIECE),
        Err(error),
        "it is not used"
    );
    // The TLBs may lead to this piece.
    memory.free(&machine, piece);
    assert_eq!(
        alloc(&machine, &mut memory, PIECE),
        Err(error),
        "nor is this"
    );
    close(&machine, running, memory);
}

#[test]
fn a_gpu_that_does_not_invalidate_is_waited_for_once() {
    let machine = machine("ga102");
    let mut running = machine.boot().unwrap();
    let mut memory = open(&machine, &mut running).unwrap();
    let piece = fill_chunk(&machine, &mut memory);
    let blocks = machine.vram.borrow().blocks();
    machine.silent.set(Some(INVALIDATE));
    let start = machine.now();
    memory.free(&machine, piece);
    assert_eq!(machine.vram.borrow().blocks(), blocks, "it may be in use");
    let waited = machine.now() - start;
    machine.silent.set(None);
    let error = loop {
        if let Err(error) = alloc(&machine, &mut memory, PIECE) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(memory.invalidate(&machine, VRAM.start), Err(error));
    let second = Duration::from_secs(1);
    assert!(waited > 2 * second && machine.now() - start < waited + second);
    close(&machine, running, memory);
}

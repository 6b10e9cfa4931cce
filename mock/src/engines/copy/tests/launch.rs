// SPDX-License-Identifier: GPL-2.0

//! What a launch may ask for, by class.

use super::super::super::memory::Aperture;
use super::*;

#[test]
fn bits_that_the_class_does_not_define_are_refused() {
    for class in Class::ALL {
        for bit in 0..32 {
            let is_defined = match bit {
                11 => class < Class::BlackwellA,
                20 | 21 => class == Class::TuringA || class >= Class::HopperA,
                27 => class >= Class::AmpereB,
                24 | 28.. => false,
                _ => true,
            };
            let mut bench = Bench::new(class);
            let result = bench.launch(1 << bit);
            let what = format!(
                "INVALID_UNUSED_FIELD: {} has no bits {:#x}",
                class.name(),
                1_u32 << bit
            );
            let undefined = Err(Exception::Method { reason: what });
            assert_eq!(result == undefined, !is_defined, "{bit}: {result:?}");
        }
    }
}

#[test]
fn transfers_are_pipelined_or_not() {
    for class in Class::ALL {
        for transfer in [1, 2] {
            let mut bench = Bench::new(class);
            bench.addresses(SRC, DST);
            bench.set(&[(0x418, 1)]);
            bench.memory.set(SRC, &[5]);
            bench.completes(PITCH & !3 | transfer);
            assert_eq!(bench.memory.get(DST, 1), [5]);
        }
        let mut bench = Bench::new(class);
        bench.set(&[(0x418, 1)]);
        bench.completes(0);
        match class {
            Class::BlackwellB => bench.not_modelled(PITCH | 3),
            _ => bench.refused(PITCH | 3, "INVALID_VALUE"),
        }
        assert!(bench.memory.log.is_empty());
    }
}

#[test]
fn flushes_and_caches_do_nothing() {
    let mut bits = vec![1 << 2, 1 << 2 | 1 << 25, 1 << 26, 1 << 11];
    for class in [Class::TuringA, Class::AmpereA] {
        for &bits in &bits {
            let mut bench = Bench::new(class);
            bench.memory.set(SRC, &[5]);
            bench.addresses(SRC, DST);
            bench.set(&[(0x418, 1)]);
            bench.completes(PITCH | bits);
            assert_eq!(bench.memory.get(DST, 1), [5]);
            assert_eq!(bench.memory.log.len(), 2);
        }
        bits = vec![1 << 2, 1 << 11];
    }
    // Turing bypasses the L2 cache with the bits that protect copies later.
    let mut bench = Bench::new(Class::TuringA);
    bench.set(&[(0x418, 1)]);
    for bits in 0..4 {
        bench.completes(PITCH | bits << 20);
    }
}

#[test]
fn copies_of_protected_memory_are_not_modelled() {
    for class in Class::ALL {
        let mut bench = Bench::new(class);
        bench.set(&[(0x418, 1)]);
        bench.not_modelled(PITCH | 1 << 22);
        if class < Class::HopperA {
            bench.refused(PITCH | 1 << 23, "INVALID_VALUE");
            continue;
        }
        bench.not_modelled(PITCH | 1 << 20);
        bench.not_modelled(PITCH | 2 << 20);
        bench.refused(PITCH | 3 << 20, "INVALID_VALUE");
        // Where nothing is copied, the bits do not count.
        bench.completes(7 << 20);
    }
}

/// Source: open-gpu-kernel-modules 570.144, kernel-open/nvidia-uvm/uvm_hopper_ce.c, and
/// src/nvidia/src/kernel/gpu/mem_mgr/channel_utils.c of 595.45.04.
#[test]
fn the_scrubber_writes_both_constants_to_physical_pages() {
    const SCRUB: u32 = PITCH | 1 << 13 | 1 << 23;
    let page = Address::Physical(Aperture::Vram, 0x12_3000);
    let bench = |length, at: Address| {
        let mut bench = Bench::new(Class::HopperA);
        bench.is_privileged = true;
        bench.address(0x408, at);
        bench.set(&[(0x700, 0x4433_2211), (0x704, 0x8877_6655), (0x418, length)]);
        bench
    };
    let mut done = bench(0x2000, page);
    done.completes(SCRUB | 1 << 12);
    let expected = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88].repeat(0x400);
    assert_eq!(done.memory.get(page, 0x2000), expected);
    assert_eq!(done.memory.get(page.plus(0x2000), 8), [0; 8]);
    assert_eq!(done.memory.transferred(Access::Read), 0);
    bench(0, page).completes(SCRUB);

    bench(0x2008, page).not_modelled(SCRUB);
    bench(0x2000, page.plus(8)).not_modelled(SCRUB);
    bench(0x2000, page).not_modelled(SCRUB & !(1 << 13));
    bench(0x2000, page).not_modelled(SCRUB | REMAP);
    bench(0x2000, page).not_modelled(SCRUB | MULTI_LINE);
    bench(0x2000, page).not_modelled(SCRUB & !(1 << 8));
    let mut discardable = bench(0x2000, page);
    discardable.set(&[(0x6fc, 1)]);
    discardable.not_modelled(SCRUB);
    let mut system = bench(0x2000, page);
    system.set(&[(0x264, 1)]);
    system.not_modelled(SCRUB);
    let mut user = bench(0x2000, page);
    user.is_privileged = false;
    user.refused(SCRUB, "INVALID_OPERATION");
}

#[test]
fn privileged_channels_copy_physical_memory() {
    const SRC_PHYSICAL: u32 = 1 << 12;
    const DST_PHYSICAL: u32 = 1 << 13;
    let vram = |at| Address::Physical(Aperture::Vram, at);
    let system = |at| Address::Physical(Aperture::System, at);
    let (from, to) = (0x1234, 0x5678);
    for (source, source_mode) in [(vram(from), 0), (system(from), 1), (system(from), 2)] {
        for (destination, destination_mode) in [(vram(to), 0), (system(to), 1), (system(to), 2)] {
            let mut bench = Bench::with_line(4);
            bench.is_privileged = true;
            bench.memory.set(source, &[1, 2, 3, 4]);
            bench.addresses(source, destination);
            bench.set(&[(0x260, source_mode), (0x264, destination_mode)]);
            bench.completes(PITCH | SRC_PHYSICAL | DST_PHYSICAL);
            assert_eq!(bench.memory.get(destination, 5), [1, 2, 3, 4, 0]);
        }
    }
    for side in [SRC_PHYSICAL, DST_PHYSICAL, SRC_PHYSICAL | DST_PHYSICAL] {
        let mut bench = Bench::with_line(4);
        bench.refused(PITCH | side, "INVALID_OPERATION");
        bench.is_privileged = true;
        bench.completes(PITCH | side);
    }
    // One side of two, and the other one's mode does not count.
    let mut bench = Bench::with_line(4);
    bench.is_privileged = true;
    bench.memory.set(SRC, &[1, 2, 3, 4]);
    bench.addresses(SRC, vram(0x5678));
    bench.set(&[(0x260, 3), (0x264, 0)]);
    bench.completes(PITCH | DST_PHYSICAL);
    assert_eq!(bench.memory.get(vram(0x5678), 4), [1, 2, 3, 4]);
}

#[test]
fn peers_memory_is_not_modelled() {
    for class in Class::ALL {
        for (side, mode) in [(1 << 12, 0x260), (1 << 13, 0x264)] {
            let mut bench = Bench::new(class);
            bench.is_privileged = true;
            bench.set(&[(0x418, 1), (mode, 3)]);
            match class {
                Class::TuringA => bench.refused(PITCH | side, "INVALID_VALUE"),
                _ => bench.not_modelled(PITCH | side),
            }
            bench.set(&[(mode, 1 << 9)]);
            match class {
                Class::TuringA => bench.completes(PITCH | side),
                _ => bench.not_modelled(PITCH | side),
            }
            // The kind and the peer of memory that is no peer's.
            bench.set(&[(mode, 7 << 6 | 0xf << 2)]);
            bench.completes(PITCH | side);
        }
    }
}

#[test]
fn a_condition_forbids_the_copy_alone() {
    let condition = Address::Virtual(0xff_0000_0100);
    let copies = |mode: u32, first: u64, second: u64| {
        let mut bench = Bench::with_line(1);
        bench.memory.set(SRC, &[5]);
        bench.memory.set(condition, &first.to_le_bytes());
        bench.memory.set(condition.plus(8), &[0x99; 8]);
        bench.memory.set(condition.plus(16), &second.to_le_bytes());
        bench.address(0x254, condition);
        bench.semaphore(1);
        bench.set(&[(0x25c, mode)]);
        bench.completes(PITCH | ONE_WORD);
        assert_eq!(bench.memory.get_u32(SEMAPHORE), 1);
        bench.memory.get(DST, 1) == [5]
    };
    let high = 1 << 63;
    for (mode, expected) in [
        (0, [false; 3]),
        (1, [true; 3]),
        (3, [true, false, false]),
        (4, [false, true, true]),
    ] {
        let found =
            [(high, high), (high, 0), (0, 1)].map(|(first, second)| copies(mode, first, second));
        assert_eq!(found, expected, "{mode}");
    }
    let mut bench = Bench::with_line(1);
    for mode in 5..8 {
        bench.set(&[(0x25c, mode)]);
        bench.refused(PITCH, "INVALID_VALUE");
    }
    bench.set(&[(0x25c, 2)]);
    bench.not_modelled(PITCH);
    // Nothing is to be copied.
    bench.completes(0);
}

#[test]
fn a_condition_may_fault() {
    for (class, upper) in [(Class::AmpereB, 0xff_u32), (Class::HopperA, 0x1ff_ffff)] {
        let mut bench = Bench::new(class);
        let condition = Address::Virtual(u64::from(upper) << 32 | 0x100_u64);
        bench.memory.refuse(condition.plus(16), 8, FaultType::Pte);
        bench.set(&[(0x418, 1), (0x254, u32::MAX), (0x258, 0x100), (0x25c, 3)]);
        bench.semaphore(1);
        match bench.launch(PITCH | ONE_WORD) {
            Err(Exception::Fault(fault)) => assert_eq!(fault.address, condition.plus(16)),
            other => panic!("{other:?}"),
        }
        bench.had_no_effect();
    }
}

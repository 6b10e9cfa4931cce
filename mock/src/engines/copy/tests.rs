// SPDX-License-Identifier: GPL-2.0

//! Offsets, bits and addresses are numbers here, as clc5b5.h to clcab5.h of open-gpu-doc have them,
//! so that a wrong declaration would be noticed.

mod block_linear;
mod launch;
mod lines;
mod properties;
mod remap;
mod semaphore;

use super::super::engine::Work;
use super::super::memory::{Access, Address, FaultType};
use super::super::testing::{context, TestMemory, TIME};
use super::*;

const SRC: Address = Address::Virtual(0x1_2345_0000);
const DST: Address = Address::Virtual(0x1_6789_0000);
const SEMAPHORE: Address = Address::Virtual(0xab_cdef_0120);

/// Copies lines that are a pitch apart, or bytes.
const PITCH: u32 = 0x182;
const MULTI_LINE: u32 = 1 << 9;
const REMAP: u32 = 1 << 10;
const ONE_WORD: u32 = 1 << 3;
const FOUR_WORDS: u32 = 2 << 3;

/// An engine and its memory.
struct Bench {
    engine: CopyEngine,
    memory: TestMemory,
    is_privileged: bool,
    interrupt: bool,
    work: Vec<Work>,
}

impl Bench {
    fn new(class: Class) -> Self {
        Self {
            engine: CopyEngine::new(class),
            memory: TestMemory::new(),
            is_privileged: false,
            interrupt: false,
            work: Vec::new(),
        }
    }

    /// With the addresses of source and destination, and a line of this many bytes.
    fn with_line(length: u32) -> Self {
        let mut bench = Self::new(Class::HopperA);
        bench.addresses(SRC, DST);
        bench.set(&[(0x418, length)]);
        bench
    }

    /// Executes a method without a limit.
    fn method(&mut self, at: u16, data: u32) -> Result<Progress, Exception> {
        self.limited(u64::MAX, |engine, context| engine.method(context, at, data))
            .0
    }

    /// Does something with a budget, and returns what is left of it.
    fn limited(
        &mut self,
        budget: u64,
        action: impl FnOnce(&mut CopyEngine, &mut Context<'_>) -> Result<Progress, Exception>,
    ) -> (Result<Progress, Exception>, u64) {
        let mut context = Context {
            is_privileged: self.is_privileged,
            budget,
            ..context(&mut self.memory)
        };
        let result = action(&mut self.engine, &mut context);
        self.interrupt |= context.interrupt;
        let left = context.budget;
        self.work.extend(context.work);
        (result, left)
    }

    /// Executes methods that only set something.
    fn set(&mut self, methods: &[(u16, u32)]) {
        for &(at, data) in methods {
            assert_eq!(self.method(at, data), Ok(Progress::Done), "{at:#x}");
        }
    }

    fn addresses(&mut self, source: Address, destination: Address) {
        for (upper, address) in [(0x400, source), (0x408, destination)] {
            self.address(upper, address);
        }
    }

    fn address(&mut self, upper: u16, address: Address) {
        let (Address::Virtual(address) | Address::Physical(_, address)) = address;
        let words = [(address >> 32) as u32, address as u32];
        self.set(&[(upper, words[0]), (upper + 4, words[1])]);
    }

    fn semaphore(&mut self, payload: u32) {
        self.address(0x240, SEMAPHORE);
        self.set(&[(0x248, payload)]);
    }

    fn launch(&mut self, data: u32) -> Result<Progress, Exception> {
        self.method(0x300, data)
    }

    /// Launches, and expects that it completes.
    fn completes(&mut self, data: u32) {
        assert_eq!(self.launch(data), Ok(Progress::Done), "{data:#x}");
    }

    /// Launches, and expects that it is refused with a report and has no effect.
    fn refused(&mut self, data: u32, report: &str) {
        match self.launch(data) {
            Err(Exception::Method { reason }) => {
                let found = reason.split(": ").next();
                assert_eq!(found, Some(report), "{data:#x}: {reason}");
            }
            other => panic!("{data:#x}: {other:?} instead of {report}"),
        }
        self.had_no_effect();
    }

    /// Launches, and expects that it is not modelled and has no effect.
    fn not_modelled(&mut self, data: u32) {
        let result = self.launch(data);
        let is_expected = matches!(result, Err(Exception::NotModelled { .. }));
        assert!(is_expected, "{data:#x}: {result:?}");
        self.had_no_effect();
    }

    fn had_no_effect(&mut self) {
        assert_eq!(self.memory.transferred(Access::Write), 0);
        assert_eq!(self.memory.transferred(Access::Atomic), 0);
        assert!(!self.interrupt);
        let (result, budget) = self.limited(1, |engine, context| engine.proceed(context));
        assert_eq!((result, budget), (Ok(Progress::Done), 1));
    }
}

#[test]
fn a_class_has_the_methods_of_its_header_and_no_others() {
    for class in Class::ALL {
        let mut bench = Bench::new(class);
        for at in (0x100..0x2000).filter(|&at| at != 0x300) {
            let result = bench.method(at, u32::MAX);
            match method(class, at) {
                Some(_) => assert_eq!(result, Ok(Progress::Done), "{at:#x}"),
                None => {
                    let reason = format!("{} has no method {at:#x}", class.name());
                    assert_eq!(result, Err(Exception::Method { reason }));
                }
            }
        }
        assert!(bench.memory.log.is_empty());
    }
    let mut bench = Bench::new(Class::AmpereA);
    assert!(bench.method(0x24c, 0).is_err());
    let mut bench = Bench::new(Class::AmpereB);
    assert!(bench.method(0x24c, 0).is_ok());
}

/// The copy of docs/real-cards.md, "Channels and host".
#[test]
fn copies_as_a_real_card_does() {
    for class in Class::ALL {
        let mut bench = Bench::new(class);
        let bytes = bench.memory.fill(SRC, 0x1000, 1);
        bench.memory.set(SEMAPHORE, &[0xff; 16]);
        bench.addresses(SRC, DST);
        bench.set(&[(0x418, 0x1000)]);
        bench.semaphore(0xc0ff_ee01);
        bench.completes(0x196);
        assert_eq!(bench.memory.get(DST, 0x1000), bytes);
        assert_eq!(bench.memory.get(DST.plus(0x1000), 8), [0; 8]);
        assert_eq!(bench.memory.get_u64(SEMAPHORE), 0xc0ff_ee01);
        assert_eq!(bench.memory.get_u64(SEMAPHORE.plus(8)), TIME);
        assert!(!bench.interrupt);
    }
}

/// Source: Linux 7.3, drivers/gpu/drm/nouveau/nouveau_boa0b5.c.
#[test]
fn copies_as_nouveau_does() {
    let mut bench = Bench::new(Class::AmpereB);
    let bytes = bench.memory.fill(SRC, 3 * 0x1000, 2);
    bench.addresses(SRC, DST);
    bench.set(&[
        (0x410, 0x1000),
        (0x414, 0x1000),
        (0x418, 0x1000),
        (0x41c, 3),
    ]);
    bench.completes(0x386);
    assert_eq!(bench.memory.get(DST, bytes.len()), bytes);
    assert_eq!(bench.memory.get(DST.plus(0x3000), 8), [0; 8]);
}

/// Source: open-gpu-kernel-modules 570.144, kernel-open/nvidia-uvm/uvm_hopper_ce.c,
/// `uvm_hal_hopper_ce_memset_1`, `_4` and `_8`. The driver sets no source.
#[test]
fn sets_memory_as_nvidias_driver_does() {
    let mut bench = Bench::new(Class::HopperA);
    bench
        .memory
        .refuse(Address::Virtual(0), 0x1000, FaultType::Pte);
    bench.address(0x408, DST);
    bench.set(&[(0x704, 0x5a), (0x708, 5), (0x418, 5)]);
    bench.completes(PITCH | REMAP);
    bench.address(0x408, DST.plus(0x10));
    bench.set(&[(0x704, 0x1234_5678), (0x708, 0x3_0005), (0x418, 2)]);
    bench.completes(PITCH | REMAP);
    bench.address(0x408, DST.plus(0x20));
    bench.set(&[
        (0x700, 0x1111_2222),
        (0x704, 0x3333_4444),
        (0x708, 0x103_0054),
        (0x418, 2),
    ]);
    bench.completes(PITCH | REMAP);
    assert_eq!(bench.memory.get(DST, 6), [0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0]);
    assert_eq!(bench.memory.get_u64(DST.plus(0x10)), 0x1234_5678_1234_5678);
    assert_eq!(bench.memory.get_u64(DST.plus(0x18)), 0);
    assert_eq!(bench.memory.get_u64(DST.plus(0x20)), 0x3333_4444_1111_2222);
    assert_eq!(bench.memory.get_u64(DST.plus(0x28)), 0x3333_4444_1111_2222);
    assert_eq!(bench.memory.get_u64(DST.plus(0x30)), 0);
    assert_eq!(bench.memory.transferred(Access::Read), 0);
}

#[test]
fn state_keeps_its_value_between_launches() {
    let mut bench = Bench::with_line(4);
    bench.memory.set(SRC, &[1, 2, 3, 4]);
    bench.completes(PITCH);
    bench.address(0x408, DST.plus(0x100));
    bench.completes(PITCH);
    for at in [DST, DST.plus(0x100)] {
        assert_eq!(bench.memory.get(at, 5), [1, 2, 3, 4, 0]);
    }
}

#[test]
fn addresses_have_as_many_bits_as_the_class_has() {
    for (class, mask) in [(Class::AmpereB, 0x1_ffff), (Class::HopperA, 0x1ff_ffff)] {
        let mut bench = Bench::new(class);
        let from = |upper: u32| Address::Virtual(u64::from(upper & mask) << 32 | 0x10);
        bench.memory.set(from(0x8765_4321), &[7]);
        bench.set(&[
            (0x400, 0x8765_4321),
            (0x404, 0x10),
            (0x408, 0xfedc_ba98),
            (0x40c, 0x10),
        ]);
        bench.set(&[(0x240, 0xffff_ffff), (0x244, 0x20), (0x248, 9), (0x418, 1)]);
        bench.completes(PITCH | ONE_WORD);
        assert_eq!(bench.memory.get(from(0xfedc_ba98), 2), [7, 0]);
        let semaphore = Address::Virtual(u64::from(mask) << 32 | 0x20);
        assert_eq!(bench.memory.get_u32(semaphore), 9);
    }
}

#[test]
fn the_trace_gets_copies_and_semaphores() {
    let mut bench = Bench::with_line(4);
    bench.set(&[(0x410, 0x10), (0x414, 0x10), (0x41c, 3)]);
    bench.semaphore(7);
    let launch = PITCH | MULTI_LINE | ONE_WORD;
    let (mut result, _) = bench.limited(1, |engine, context| engine.method(context, 0x300, launch));
    let copy = |bytes, source| Work::Copy {
        bytes,
        source,
        destination: DST,
    };
    let release = Work::Release {
        at: SEMAPHORE,
        payload: 7,
    };
    assert_eq!(bench.work, [copy(12, Some(SRC))]);
    while result == Ok(Progress::Unfinished) {
        (result, _) = bench.limited(1, |engine, context| engine.proceed(context));
    }
    assert_eq!(bench.work, [copy(12, Some(SRC)), release]);
    bench.work.clear();
    // Four elements of the second constant: there is no source.
    bench.set(&[(0x708, 0x3_0005)]);
    bench.completes(PITCH | REMAP);
    // A semaphore alone, then a sum.
    bench.completes(FOUR_WORDS);
    bench.completes(ONE_WORD | 5 << 14 | 1 << 19);
    let reduce = Work::Reduce {
        at: SEMAPHORE,
        payload: 7,
    };
    assert_eq!(bench.work, [copy(16, None), release, reduce]);
    bench.work.clear();
    // Neither what is not copied, nor what a fault prevents.
    bench.set(&[(0x25c, 0)]);
    bench.completes(PITCH);
    bench.memory.refuse(SEMAPHORE, 4, FaultType::Pte);
    assert!(bench.launch(ONE_WORD).is_err());
    assert_eq!(bench.work, []);
}

#[test]
fn the_trace_gets_sizes_that_no_memory_has() {
    let mut bench = Bench::with_line(u32::MAX);
    bench.set(&[
        (0x41c, u32::MAX),
        (0x708, 0x303_5555),
        (0x70c, 0x1000),
        (0x710, u32::MAX),
        (0x714, u32::MAX),
        (0x718, 1),
    ]);
    // To blocks, as no pitch is long enough.
    let launch = 2 | MULTI_LINE | REMAP;
    let (result, _) = bench.limited(1, |engine, context| engine.method(context, 0x300, launch));
    assert_eq!(result, Ok(Progress::Unfinished));
    let copy = Work::Copy {
        bytes: u64::MAX,
        source: None,
        destination: DST,
    };
    assert_eq!(bench.work, [copy]);
}

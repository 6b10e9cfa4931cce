// SPDX-License-Identifier: GPL-2.0

//! Offsets, bits and addresses are numbers here, as the headers of open-gpu-doc have them, so that
//! a wrong declaration would be noticed.

mod inline;
mod macros;
mod properties;
mod report;

use super::super::engine::Work;
use super::super::memory::{Access, Address, FaultType, MmuFault};
use super::super::testing::{context, Logged, TestMemory, TIME};
use super::*;

const SEMAPHORE: Address = Address::Virtual(0xab_cdef_0120);

/// An engine and its memory.
struct Bench {
    engine: Box<dyn Engine + Send>,
    memory: TestMemory,
    interrupt: bool,
    work: Vec<Work>,
}

impl Bench {
    fn new(class: Class) -> Self {
        Self::with(class, &Macros::default())
    }

    /// An object of a channel that has these macros.
    fn with(class: Class, macros: &Macros) -> Self {
        Self {
            engine: engine(class, macros.clone()),
            memory: TestMemory::new(),
            interrupt: false,
            work: Vec::new(),
        }
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
        action: impl FnOnce(&mut dyn Engine, &mut Context<'_>) -> Result<Progress, Exception>,
    ) -> (Result<Progress, Exception>, u64) {
        let mut context = Context {
            budget,
            ..context(&mut self.memory)
        };
        let result = action(self.engine.as_mut(), &mut context);
        self.interrupt |= context.interrupt;
        let left = context.budget;
        self.work.extend(context.work);
        (result, left)
    }

    /// Executes methods that complete.
    fn set(&mut self, methods: &[(u16, u32)]) {
        for &(at, data) in methods {
            assert_eq!(self.method(at, data), Ok(Progress::Done), "{at:#x}");
        }
    }

    fn address(&mut self, upper: u16, address: Address) {
        let (Address::Virtual(address) | Address::Physical(_, address)) = address;
        self.set(&[(upper, (address >> 32) as u32), (upper + 4, address as u32)]);
    }

    /// Executes a method, and expects that it is refused with an error and has no effect.
    fn refused(&mut self, at: u16, data: u32, error: &str) {
        match self.method(at, data) {
            Err(Exception::Method { reason }) => {
                let found = reason.split(": ").next();
                assert_eq!(found, Some(error), "{data:#x}: {reason}");
            }
            other => panic!("{data:#x}: {other:?} instead of {error}"),
        }
        self.had_no_effect();
    }

    /// Executes a method, and expects that it is not modelled and has no effect.
    fn not_modelled(&mut self, at: u16, data: u32) -> String {
        let result = self.method(at, data);
        let Err(Exception::NotModelled { what }) = result else {
            panic!("{at:#x}: {data:#x}: {result:?}");
        };
        self.had_no_effect();
        what
    }

    fn had_no_effect(&mut self) {
        assert_eq!(self.memory.transferred(Access::Write), 0);
        assert_eq!(self.memory.transferred(Access::Atomic), 0);
        assert!(!self.interrupt);
        let (result, budget) = self.limited(1, |engine, context| engine.proceed(context));
        assert_eq!((result, budget), (Ok(Progress::Done), 1));
    }
}

fn classes(kind: Kind) -> impl Iterator<Item = Class> {
    let classes = Class::ALL.iter().copied();
    classes.filter(move |class| class.kind() == kind)
}

#[test]
fn methods_that_set_something_complete_and_others_are_refused() {
    for &class in Class::ALL {
        let mut bench = Bench::new(class);
        for at in 0x100..0x4000 {
            // What writes to memory or is about macros has its own tests.
            if matches!(
                at,
                0x168 | 0x1b0 | 0x1b4 | 0x1b0c | 0x2390 | 0x55c..=0x564 | 0x2310 | 0x3800..
            ) {
                continue;
            }
            let result = bench.method(at, 1);
            if !has_method(class, at) {
                let name = class.name();
                let reason = format!("ILLEGAL_METHOD: {name} has no method {at:#x}");
                assert_eq!(result, Err(Exception::Method { reason }));
            } else if let Some(effect) = effect(class, at) {
                let what = format!("{} ({at:#x}) of {}", effect.name, class.name());
                assert_eq!(result, Err(Exception::NotModelled { what }));
            } else {
                assert_eq!(result, Ok(Progress::Done), "{at:#x}");
            }
        }
        assert!(bench.memory.log.is_empty());
        assert!(!bench.interrupt);
    }
}

#[test]
fn what_draws_or_dispatches_is_named() {
    for (class, at, name) in [
        // DRAW_VERTEX_ARRAY, CLEAR_SURFACE
        (
            Class::TuringA,
            0xd78,
            "DRAW_VERTEX_ARRAY (0xd78) of TURING_A",
        ),
        (
            Class::BlackwellB,
            0x19d0,
            "CLEAR_SURFACE (0x19d0) of BLACKWELL_B",
        ),
        (
            Class::AmpereComputeB,
            0x2b8,
            "SEND_PCAS_B (0x2b8) of AMPERE_COMPUTE_B",
        ),
        (
            Class::FermiTwodA,
            0x8dc,
            "PIXELS_FROM_MEMORY_SRC_Y0_INT (0x8dc) of FERMI_TWOD_A",
        ),
        (
            Class::BlackwellInlineToMemoryA,
            0x10c,
            "NOTIFY (0x10c) of BLACKWELL_INLINE_TO_MEMORY_A",
        ),
    ] {
        assert_eq!(Bench::new(class).not_modelled(at, 0), name);
    }
}

#[test]
fn methods_are_not_replayed() {
    let classes = Class::ALL.iter().copied();
    for class in classes.filter(|&class| has_method(class, 0x124)) {
        let mut bench = Bench::new(class);
        bench.set(&[(0x124, 0), (0x124, 1), (0x124, 2)]);
        bench.not_modelled(0x124, 3);
    }
}

#[test]
fn constants_go_to_their_buffer() {
    for class in classes(Kind::ThreeD) {
        let mut bench = Bench::new(class);
        let buffer = Address::Virtual(0xff_2345_6700);
        bench.set(&[
            (0x2380, 0x1_0000),
            (0x2384, u32::MAX),
            (0x2388, 0x2345_6700),
        ]);
        bench.set(&[
            (0x238c, 0xffff_0018),
            (0x2390, 0x1111_1111),
            (0x2390, 0x2222_2222),
        ]);
        bench.set(&[(0x238c, 0xfffc), (0x2390, 0x3333_3333)]);
        assert_eq!(
            bench.memory.get_u64(buffer.plus(0x18)),
            0x2222_2222_1111_1111
        );
        assert_eq!(bench.memory.get_u32(buffer.plus(0xfffc)), 0x3333_3333);
        assert_eq!(bench.memory.transferred(Access::Write), 12);
    }
    let mut bench = Bench::new(Class::AdaA);
    bench.set(&[(0x2380, 0x100), (0x238c, 0xfd)]);
    bench.refused(0x2390, 1, "ILLEGAL_CONSTANT_OFFSET");
    bench.set(&[(0x238c, 0xfc)]);
    bench.not_modelled(0x2394, 1);
    bench
        .memory
        .refuse(Address::Virtual(0), 0x1000, FaultType::Pte);
    assert!(matches!(bench.method(0x2390, 1), Err(Exception::Fault(_))));
    bench.memory.refuse_nothing();
    bench.set(&[(0x2390, 1)]);
    assert_eq!(bench.memory.get_u32(Address::Virtual(0xfc)), 1);
}

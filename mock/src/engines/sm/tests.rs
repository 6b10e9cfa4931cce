// SPDX-License-Identifier: GPL-2.0

//! Programs that Mesa 26.1.6 (NVK) has compiled, and single instructions.
//!
//! `programs/` has what NAK made of the sources in igt-tests/src/bin/nova_vulkan/programs:
//! `glslangValidator -V --target-env vulkan1.2` compiles a source to SPIR-V, and with
//! `NAK_DEBUG=print` NVK prints the words when it makes a compute pipeline of that. The descriptor
//! set has four storage buffers, and 128 bytes are push constants. NVK has the descriptors of the
//! buffers in constant buffer 1, 16 bytes each, and the push constants in constant buffer 0 from
//! 0x700 on.

mod accesses;
mod halves;
mod programs;
mod refused;
mod rounding;
mod single;

use nova_hw::class::graphics::Class;

use super::super::engine::{Context, Engine, Exception, Progress};
use super::super::graphics;
use super::super::memory::Address;
use super::super::testing::{context, TestMemory};

/// A class, the name of its multiprocessors in `programs/`, and its version of QMDs.
const CLASSES: [(Class, &str, u32); 7] = [
    (Class::TuringComputeA, "sm75", 2),
    (Class::AmpereComputeA, "sm80", 3),
    (Class::AmpereComputeB, "sm86", 3),
    (Class::AdaComputeA, "sm89", 3),
    (Class::HopperComputeA, "sm90", 4),
    (Class::BlackwellComputeA, "sm100", 5),
    (Class::BlackwellComputeB, "sm120", 5),
];

const QMD: u64 = 0x12_3456_7800;
const PROGRAM: u64 = 0x11_0000_0100;
const ROOT: u64 = 0x13_0000_0040;
const DESCRIPTORS: u64 = 0x13_0000_1000;

/// The buffer of a binding.
fn buffer(binding: u64) -> Address {
    Address::Virtual(0x14_0000_0000 + binding * 0x1_0000_0000)
}

/// A channel with an object of a class, and its memory.
struct Bench {
    version: u32,
    engine: Box<dyn Engine + Send>,
    memory: TestMemory,
}

/// What is launched.
#[derive(Clone, Copy)]
struct Grid {
    blocks: [u32; 3],
    threads: [u32; 3],
    shared_memory: u32,
    local_memory: u32,
}

impl Grid {
    const ONE: Self = Self {
        blocks: [1; 3],
        threads: [32, 1, 1],
        shared_memory: 0x400,
        local_memory: 0,
    };
}

impl Bench {
    fn new((class, _, version): (Class, &str, u32)) -> Self {
        let mut memory = TestMemory::new();
        for binding in 0..4 {
            let Address::Virtual(at) = buffer(binding) else {
                unreachable!()
            };
            let descriptor = Address::Virtual(DESCRIPTORS).plus(binding * 16);
            memory.set(descriptor, &at.to_le_bytes());
        }
        Self {
            version,
            engine: graphics::engine(class, graphics::Macros::default()),
            memory,
        }
    }

    fn set_words(&mut self, at: Address, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.memory.set(at, &bytes);
    }

    fn words(&self, at: Address, count: usize) -> Vec<u32> {
        let bytes = self.memory.get(at, count * 4);
        let words = bytes.chunks_exact(4);
        words
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect()
    }

    fn set_push_constants(&mut self, words: &[u32]) {
        self.set_words(Address::Virtual(ROOT).plus(0x700), words);
    }

    /// Puts a program and a QMD into memory.
    fn load(&mut self, program: &[u32], grid: Grid) {
        self.set_words(Address::Virtual(PROGRAM), program);
        let qmd = qmd(self.version, grid);
        self.set_words(Address::Virtual(QMD), &qmd);
    }

    /// Does something with a budget.
    fn limited(
        &mut self,
        budget: u64,
        action: impl FnOnce(&mut dyn Engine, &mut Context<'_>) -> Result<Progress, Exception>,
    ) -> Result<Progress, Exception> {
        let mut context = Context {
            budget,
            ..context(&mut self.memory)
        };
        action(self.engine.as_mut(), &mut context)
    }

    /// Launches, for a first turn.
    fn launch(&mut self, budget: u64) -> Result<Progress, Exception> {
        let name = (QMD >> 8) as u32;
        let named = self.limited(0, |engine, context| engine.method(context, 0x2b4, name));
        assert_eq!(named, Ok(Progress::Done));
        let launch = if self.version == 2 { 0x2bc } else { 0x2c0 };
        self.limited(budget, |engine, context| engine.method(context, launch, 3))
    }

    /// Executes in turns with as much budget each.
    fn run(&mut self, budget: u64) -> Result<(), Exception> {
        let mut progress = self.launch(budget)?;
        while progress == Progress::Unfinished {
            progress = self.limited(budget, |engine, context| engine.proceed(context))?;
        }
        Ok(())
    }

    /// The reason why a program stops.
    fn trap(&mut self) -> String {
        match self.run(u64::MAX) {
            Err(Exception::Program { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// Sets bits, which are numbered over all words.
fn set(qmd: &mut [u32], first: usize, width: usize, value: u64) {
    for bit in 0..width {
        let at = first + bit;
        qmd[at / 32] |= ((value >> bit & 1) as u32) << (at % 32);
    }
}

/// A QMD with constant buffers 0 and 1; numbers of bits are those of NVIDIA's headers.
fn qmd(version: u32, grid: Grid) -> Vec<u32> {
    let mut qmd = vec![0; 96];
    let [x, y, z] = grid.blocks.map(u64::from);
    let [width, height, depth] = grid.threads.map(u64::from);
    let shared = u64::from(grid.shared_memory);
    let local = u64::from(grid.local_memory);
    let fields: &[(usize, usize, u64)] = match version {
        2 | 3 => &[
            (576, 8, if version == 2 { 0x22 } else { 0x30 }),
            (384, 32, x),
            (416, 16, y),
            (448, 16, z),
            (592, 16, width),
            (608, 16, height),
            (624, 16, depth),
            (544, 18, shared),
            (if version == 2 { 928 } else { 736 }, 24, local),
            (1536, 49, PROGRAM),
            (640, 2, 3),
            (1024, 49, ROOT),
            (1075, 13, 0x80),
            (1088, 49, DESCRIPTORS),
            (1139, 13, 0x10),
        ],
        4 => &[
            (576, 8, 0x40),
            (23, 3, 2),
            (1024, 32, x),
            (1056, 16, y),
            (1088, 16, z),
            (1152, 16, width),
            (1168, 16, height),
            (1184, 16, depth),
            (584, 18, shared),
            (512, 24, local),
            (1216, 57, PROGRAM),
            (416, 1, 1),
            (420, 1, 1),
            (1536, 51, ROOT >> 6),
            (1587, 13, 0x80),
            (1600, 51, DESCRIPTORS >> 6),
            (1651, 13, 0x10),
        ],
        _ => &[
            (464, 8, 0x50),
            (151, 3, 2),
            (1248, 32, x),
            (1280, 16, y),
            (1312, 16, z),
            (1088, 16, width),
            (1104, 16, height),
            (1120, 8, depth),
            (1152, 11, shared >> 7),
            (1184, 16, local >> 4),
            (1024, 53, PROGRAM >> 4),
            (1856, 1, 1),
            (1860, 1, 1),
            (1344, 51, ROOT >> 6),
            (1395, 13, 0x80),
            (1408, 51, DESCRIPTORS >> 6),
            (1459, 13, 0x10),
        ],
    };
    for &(first, width, value) in fields {
        set(&mut qmd, first, width, value);
    }
    qmd
}

// SPDX-License-Identifier: MIT

//! Compute programs, which read and write buffers.
//!
//! `programs/` has their sources, and SPIR-V beside them, which glslang 12.0.0 of Debian 12 has made:
//! `glslangValidator -V --target-env vulkan1.2 -o NAME.spv NAME.comp`. What NVK makes of the same sources is tested with the
//! mock's own model of the multiprocessors, too (mock/src/engines/sm/tests); `subgroup` is for that alone, because lavapipe's
//! subgroups have another size. `endless` and `texels` lose their device (lost.rs).
//!
//! Vulkan leaves some results open. Here they are not: a sum or a fused operation has one right result, products are of
//! numbers so small that all are exact, and conversions are of numbers that the type has.

use igt::data::pattern;
use igt::vulkan::{Bound, Device, Groups, Program, Vulkan};
use igt::{Fixture, Tests};

use crate::devices::Devices;

/// The SPIR-V of a program.
macro_rules! spirv {
    ($name:literal) => {
        include_bytes!(concat!("programs/", $name, ".spv"))
    };
}

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    tests.subtest_with_dynamic(
        "compute",
        "Programs compute what they do with lavapipe.",
        |parts| {
            let (first, family) = (devices.first(), devices.for_programs());
            for case in cases() {
                parts.dynamic(case.name, || {
                    let pair = devices.pair(vulkan, first, family);
                    pair.assert_same(case.name, |device| case.run(device));
                });
            }
        },
    );
}

/// A program, and what it works on.
pub(crate) struct Case {
    name: &'static str,
    spirv: &'static [u8],
    groups: [u32; 3],
    /// Whether the device reads the number of groups from a buffer.
    is_indirect: bool,
    constants: &'static [u32],
    /// The contents of the buffers before.
    buffers: Vec<Vec<u32>>,
    /// From where on the words of buffer 0 may have any order afterwards.
    unordered: usize,
}

impl Case {
    fn new(name: &'static str, spirv: &'static [u8], groups: u32, buffers: Vec<Vec<u32>>) -> Self {
        Self {
            name,
            spirv,
            groups: [groups, 1, 1],
            is_indirect: false,
            constants: &[],
            unordered: buffers[0].len(),
            buffers,
        }
    }

    /// What all buffers have after the program.
    pub(crate) fn run(&self, device: &Device<'_>) -> Vec<u8> {
        let fill = |words: &Vec<u32>| device.buffer_for_programs(&bytes(words));
        let buffers: Vec<_> = self.buffers.iter().map(fill).collect();
        let groups = device.buffer_for_programs(&bytes(&self.groups));
        let bound: Vec<_> = buffers.iter().map(Bound::Buffer).collect();
        let program = Program::new(device, self.spirv, &bound);
        let groups = match self.is_indirect {
            true => Groups::In(&groups),
            false => Groups::Count(self.groups),
        };
        device.run(|commands| {
            commands.launch(&program, self.constants, groups);
            commands.barrier();
        });
        let mut after: Vec<_> = buffers.iter().map(|it| words(&device.read(it))).collect();
        after[0][self.unordered..].sort_unstable();
        after.iter().flat_map(|words| bytes(words)).collect()
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let word = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().expect("4 bytes"));
    bytes.chunks(4).map(word).collect()
}

/// Words that look random.
fn random(number: u64, count: usize) -> Vec<u32> {
    words(&pattern(number, 4 * count))
}

/// Numbers made of words that look random.
fn floats(number: u64, count: usize, of: fn(u32) -> f32) -> Vec<u32> {
    let words = random(number, count).into_iter();
    words.map(|word| of(word).to_bits()).collect()
}

/// The addition of two vectors.
pub(crate) fn vector_add() -> Case {
    const COUNT: usize = 2048;
    let number = |word: u32| word as i32 as f32 / 0x20_0000 as f32;
    let [a, b] = [1, 2].map(|seed| floats(seed, COUNT, number));
    let buffers = vec![a, b, vec![7; COUNT]];
    Case::new(
        "vector-add",
        spirv!("vector_add"),
        COUNT as u32 / 64,
        buffers,
    )
}

fn cases() -> Vec<Case> {
    let simple = |name, spirv, groups, count, size| {
        let mut buffers = vec![random(3, count)];
        if size > 0 {
            buffers.push(vec![7; size]);
        }
        Case::new(name, spirv, groups, buffers)
    };
    vec![
        vector_add(),
        Case {
            name: "indirect",
            is_indirect: true,
            ..vector_add()
        },
        simple("reduce", spirv!("reduce"), 16, 16 * 128, 16),
        simple("prefix-sum", spirv!("prefix_sum"), 16, 16 * 128, 0),
        matrix_multiply(),
        atomics(),
        conversions(),
        simple("histogram", spirv!("histogram"), 16, 16 * 64, 16),
        divergence(),
        integers(),
        simple("local-memory", spirv!("local_memory"), 4, 4 * 64, 0),
    ]
}

fn matrix_multiply() -> Case {
    const SIZE: usize = 24;
    // All sums of products have at most 24 bits.
    let number = |word: u32| (word % 1000) as f32 - 500.0;
    let [a, b] = [1, 2].map(|seed| floats(seed, SIZE * SIZE, number));
    let buffers = vec![a, b, vec![7; SIZE * SIZE]];
    Case {
        groups: [SIZE as u32 / 8, SIZE as u32 / 8, 1],
        constants: &[SIZE as u32],
        ..Case::new("matrix-multiply", spirv!("matrix_multiply"), 1, buffers)
    }
}

fn atomics() -> Case {
    const GROUPS: u32 = 8;
    let mut words = random(1, 11);
    words.resize(11 + GROUPS as usize * 64, 0);
    Case {
        // What threads have seen depends on who was first.
        unordered: 11,
        ..Case::new("atomics", spirv!("atomics"), GROUPS, vec![words])
    }
}

fn conversions() -> Case {
    const COUNT: usize = 256;
    // They have 11 significant bits, as numbers of 16 bits have, and are in the range of all types: 2^-10 to 65504.
    let number = |word: u32| (word % 2048) as f32 * 2_f32.powi((word >> 16) as i32 % 16 - 10);
    let buffers = vec![floats(1, COUNT, number), vec![7; 16 * COUNT]];
    Case::new(
        "conversions",
        spirv!("conversions"),
        COUNT as u32 / 64,
        buffers,
    )
}

fn divergence() -> Case {
    let starts = random(1, 1024).iter().map(|word| word % 900).collect();
    Case::new("divergence", spirv!("divergence"), 16, vec![starts])
}

fn integers() -> Case {
    const COUNT: usize = 256;
    let mut numbers = random(1, COUNT + 1);
    numbers[..6].copy_from_slice(&[0, 1, u32::MAX, 0x7fff_ffff, 31, 32]);
    let buffers = vec![numbers, vec![7; 16 * COUNT], vec![7; 8 * COUNT]];
    Case::new("integers", spirv!("integers"), COUNT as u32 / 64, buffers)
}

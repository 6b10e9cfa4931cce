// SPDX-License-Identifier: GPL-2.0

//! What the programs compute, as their sources say it.

use std::iter;

use super::super::COST;
use super::{buffer, Bench, Grid, CLASSES};

/// What a program is given and what it leaves.
struct Case {
    sass: &'static str,
    grid: Grid,
    push_constants: Vec<u32>,
    /// The contents of buffers before and after.
    before: Vec<Vec<u32>>,
    after: Vec<Vec<u32>>,
}

/// Numbers that look random.
fn numbers(seed: u32) -> impl Iterator<Item = u32> {
    iter::successors(Some(seed | 1), |&last| {
        Some(last.wrapping_mul(0x915f_77f5).wrapping_add(1))
    })
    .map(|word| word ^ word >> 15)
}

fn words(seed: u32, count: usize) -> Vec<u32> {
    numbers(seed).take(count).collect()
}

/// Numbers of 32 bits from -1024 to 1024, in steps of 2^-21.
fn floats(seed: u32, count: usize) -> Vec<f32> {
    let numbers = numbers(seed).take(count);
    numbers
        .map(|word| word as i32 as f32 / 0x20_0000 as f32)
        .collect()
}

fn bits(floats: &[f32]) -> Vec<u32> {
    floats.iter().map(|float| float.to_bits()).collect()
}

fn grid(blocks: u32, threads: u32) -> Grid {
    Grid {
        blocks: [blocks, 1, 1],
        threads: [threads, 1, 1],
        ..Grid::ONE
    }
}

fn vector_add() -> Case {
    let (a, b) = (floats(1, 192), floats(2, 192));
    let sums: Vec<_> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    Case {
        sass: include_str!("programs/vector_add.sass"),
        grid: grid(3, 64),
        push_constants: Vec::new(),
        before: vec![bits(&a), bits(&b)],
        after: vec![bits(&a), bits(&b), bits(&sums)],
    }
}

fn reduce() -> Case {
    let a = words(3, 512);
    let sum = |block: &[u32]| block.iter().fold(0u32, |sum, &word| sum.wrapping_add(word));
    Case {
        sass: include_str!("programs/reduce.sass"),
        grid: grid(4, 128),
        push_constants: Vec::new(),
        after: vec![a.clone(), a.chunks(128).map(sum).collect()],
        before: vec![a],
    }
}

fn prefix_sum() -> Case {
    let a = words(4, 256);
    let sums = |block: &[u32]| {
        let sums = block.iter().scan(0u32, |sum, &word| {
            *sum = sum.wrapping_add(word);
            Some(*sum)
        });
        sums.collect::<Vec<_>>()
    };
    Case {
        sass: include_str!("programs/prefix_sum.sass"),
        grid: grid(2, 128),
        push_constants: Vec::new(),
        after: vec![a.chunks(128).flat_map(sums).collect()],
        before: vec![a],
    }
}

fn matrix_multiply() -> Case {
    const N: usize = 16;
    let (a, b) = (floats(5, N * N), floats(6, N * N));
    let product = (0..N * N).map(|at| {
        let (y, x) = (at / N, at % N);
        let sum = |sum, k: usize| a[y * N + k].mul_add(b[k * N + x], sum);
        (0..N).fold(0f32, sum).to_bits()
    });
    Case {
        sass: include_str!("programs/matrix_multiply.sass"),
        grid: Grid {
            blocks: [2, 2, 1],
            threads: [8, 8, 1],
            ..Grid::ONE
        },
        push_constants: vec![N as u32],
        after: vec![bits(&a), bits(&b), product.collect()],
        before: vec![bits(&a), bits(&b)],
    }
}

fn atomics() -> Case {
    const N: u32 = 128;
    let before: Vec<u32> = vec![
        5,
        6,
        7,
        8,
        0xf0f0_f0f0,
        0x0f00,
        10,
        11,
        1000,
        0x8000_0000,
        3,
    ];
    let mut after = before.clone();
    let mut old = Vec::new();
    for i in 0..N {
        old.push(after[0]);
        after[0] += 1;
        after[1] = after[1].wrapping_add(i);
        after[2] = after[2].min(i);
        after[3] = after[3].max(i);
        after[4] &= !(1 << (i & 31));
        after[5] |= 1 << (i & 31);
        after[6] ^= i;
        after[8] = (after[8] as i32).min(i as i32 - 100) as u32;
        after[9] = (after[9] as i32).max(100 - i as i32) as u32;
        after[10] = after[10].wrapping_mul(2).wrapping_add(1);
    }
    after[7] = 77;
    after.extend(old);
    Case {
        sass: include_str!("programs/atomics.sass"),
        grid: grid(2, 64),
        push_constants: Vec::new(),
        before: vec![before],
        after: vec![after],
    }
}

fn conversions() -> Case {
    let special = [
        0,
        0x8000_0000,
        1,
        0x807f_ffff,
        0x3f80_0000,
        0xbf80_0000,
        0x3f00_0000,
        0x3fc0_0000,
        0xbf00_0000,
        0xbfc0_0000,
        0x4f00_0000,
        0xcf00_0000,
        0x4f80_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        0x477f_e000,
        0x477f_f000,
        0x3880_0000,
        0x3300_0000,
        0x3c00_7c01,
        0x4b7f_ffff,
    ];
    let a: Vec<_> = special.into_iter().chain(words(7, 42)).collect();
    Case {
        sass: include_str!("programs/conversions.sass"),
        grid: grid(1, 64),
        push_constants: Vec::new(),
        after: vec![
            a.clone(),
            a.iter().flat_map(|&word| converted(word)).collect(),
        ],
        before: vec![a],
    }
}

/// What NVK's shaders do with denormal numbers: they are zero.
fn flushed(value: f32) -> f32 {
    if value.is_subnormal() {
        0f32.copysign(value)
    } else {
        value
    }
}

fn converted(word: u32) -> [u32; 16] {
    let raw = f32::from_bits(word);
    let f = flushed(raw);
    let nan = |value: f32| {
        if value.is_nan() {
            0x7fff_ffff
        } else {
            value.to_bits()
        }
    };
    let class = if f.is_nan() {
        1
    } else {
        f.is_infinite().into()
    };
    let class = if f.is_infinite() { 2 } else { class };
    let half = half_towards_zero(raw);
    let greatest = |value: f32, other: f32| {
        if value.is_nan() {
            other
        } else {
            value.max(other)
        }
    };
    let least = |value: f32, other: f32| {
        if value.is_nan() {
            other
        } else {
            value.min(other)
        }
    };
    [
        f as i32 as u32,
        f as u32,
        (word as f32).to_bits(),
        (word as i32 as f32).to_bits(),
        nan(f.floor()),
        nan(f.ceil()),
        nan(f.trunc()),
        nan(f.round_ties_even()),
        half << 16 | half,
        half_value(word as u16),
        half_value((word >> 16) as u16),
        class,
        least(f, 1.0).to_bits(),
        greatest(f, 1.0).to_bits(),
        if f > 0.0 { f.min(1.0).to_bits() } else { 0 },
        nan(f.abs()),
    ]
}

/// A number of 16 bits, from the bits of one of 32 bits.
fn half_towards_zero(value: f32) -> u32 {
    let bits = value.to_bits();
    let (sign, exponent) = (bits >> 16 & 0x8000, (bits >> 23 & 0xff) as i32 - 127);
    let fraction = bits & 0x7f_ffff | 0x80_0000;
    match exponent {
        _ if value.is_nan() => 0x7fff,
        128 => sign | 0x7c00,
        16.. => sign | 0x7bff,
        -14.. => sign | ((exponent + 15) as u32) << 10 | fraction >> 13 & 0x3ff,
        -24.. => sign | fraction >> (-1 - exponent),
        _ => sign,
    }
}

/// The bits of the number of 32 bits that one of 16 bits is.
fn half_value(half: u16) -> u32 {
    let (sign, exponent) = (u32::from(half & 0x8000) << 16, half >> 10 & 0x1f);
    let fraction = u32::from(half & 0x3ff);
    match exponent {
        0 => sign | (fraction as f32 / 0x100_0000 as f32).to_bits(),
        31 if fraction != 0 => 0x7fff_ffff,
        31 => sign | 0x7f80_0000,
        _ => sign | (u32::from(exponent) + 112) << 23 | fraction << 13,
    }
}

fn histogram() -> Case {
    let a = words(8, 192);
    let before = vec![100; 16];
    let mut bins = before.clone();
    for word in &a {
        for shift in (0..32).step_by(4) {
            bins[(word >> shift & 15) as usize] += 1;
        }
    }
    Case {
        sass: include_str!("programs/histogram.sass"),
        grid: grid(3, 64),
        push_constants: Vec::new(),
        before: vec![a.clone(), before],
        after: vec![a, bins],
    }
}

fn collatz(mut n: u32) -> u32 {
    let mut steps = 0;
    while n != 1 {
        if n & 1 == 0 {
            n /= 2;
        } else {
            n = 3 * n + 1;
            if n > 5000 {
                return 1000 + steps;
            }
        }
        steps += 1;
        if steps == 40 {
            break;
        }
    }
    steps
}

fn divergence() -> Case {
    let a: Vec<_> = numbers(9).take(128).map(|word| word % 900).collect();
    let diverged = a.iter().zip(0..).map(|(&a, i)| {
        let n = a + 1;
        match i % 5 {
            _ if i % 7 == 3 => a,
            0 => collatz(n),
            1 => n.wrapping_mul(n),
            2 => (!n).wrapping_add(7),
            _ => a + 7,
        }
    });
    Case {
        sass: include_str!("programs/divergence.sass"),
        grid: grid(2, 64),
        push_constants: Vec::new(),
        after: vec![diverged.collect()],
        before: vec![a],
    }
}

fn subgroup() -> Case {
    let a = words(10, 128);
    let exchanged = a.chunks(32).enumerate().flat_map(|(number, warp)| {
        (0..32).map(move |lane| exchanged(number as u32 % 2, warp, lane))
    });
    Case {
        sass: include_str!("programs/subgroup.sass"),
        grid: grid(2, 64),
        push_constants: Vec::new(),
        after: vec![a.clone(), exchanged.flatten().collect()],
        before: vec![a],
    }
}

fn exchanged(number: u32, warp: &[u32], lane: usize) -> [u32; 16] {
    let odd = warp
        .iter()
        .rev()
        .fold(0u32, |odd, word| odd << 1 | word & 1);
    let is_small = |&&word: &&u32| word < 0xf000_0000;
    let small = warp.iter().filter(is_small).count();
    let sum = |words: &[u32]| words.iter().fold(0u32, |sum, &word| sum.wrapping_add(word));
    [
        warp[lane ^ 5],
        warp[lane ^ 3],
        odd,
        odd.count_ones(),
        if lane < 1 { 0 } else { warp[lane - 1] },
        if lane > 29 { 0 } else { warp[lane + 2] },
        warp[0],
        number,
        sum(warp),
        warp.iter().copied().min().unwrap_or(0),
        sum(&warp[..=lane]),
        warp.iter().fold(0, |xor, word| xor ^ word),
        (small == 32).into(),
        (small > 0).into(),
        warp.iter().all(|&word| word == warp[0]).into(),
        (lane == 0).into(),
    ]
}

fn integers() -> Case {
    let mut a: Vec<_> = [0, 1, u32::MAX, 0x8000_0000, 0x7fff_ffff, 31, 32].into();
    a.extend(words(11, 58));
    let pairs = || a.windows(2).map(|pair| (pair[0], pair[1]));
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    Case {
        sass: include_str!("programs/integers.sass"),
        grid: grid(1, 64),
        push_constants: Vec::new(),
        after: vec![
            a.clone(),
            pairs().flat_map(|(v, u)| narrow(v, u)).collect(),
            pairs()
                .flat_map(|(v, u)| wide(v, u))
                .flat_map(halves)
                .collect(),
        ],
        before: vec![a],
    }
}

fn narrow(v: u32, u: u32) -> [u32; 16] {
    let highest = |value: u32| value.checked_ilog2().unwrap_or(u32::MAX);
    let lowest = if v == 0 { u32::MAX } else { v.trailing_zeros() };
    let ones = |count: u32| (1u64 << count) as u32 - 1;
    let field = v >> 2 & ones(u & 15);
    let is_negative = u & 15 != 0 && field >> ((u & 15) - 1) == 1;
    [
        v.count_ones(),
        highest(v),
        highest(if (u as i32) < 0 { !u } else { u }),
        lowest,
        v.reverse_bits(),
        v >> 3 & ones(u & 15),
        if is_negative {
            field | !ones(u & 15)
        } else {
            field
        },
        v & !(ones(9) << 4) | (u & ones(9)) << 4,
        ((u64::from(v) * u64::from(u)) >> 32) as u32,
        v / (u | 1),
        modulo(v as i32, u as i32 | 3),
        (v as i32).unsigned_abs(),
        u.min(v),
        (u as i32).max(v as i32) as u32,
        v << (u & 31),
        (v as i32 >> (u & 31)) as u32,
    ]
}

/// What GLSL makes of `%`: the result has the sign of the divisor (`OpSMod` of SPIR-V).
fn modulo(a: i32, b: i32) -> u32 {
    match i64::from(a) % i64::from(b) {
        rest if rest != 0 && (rest < 0) != (b < 0) => (rest + i64::from(b)) as u32,
        rest => rest as u32,
    }
}

fn wide(v: u32, u: u32) -> [u64; 4] {
    let x = u64::from(v) << 32 | u64::from(u);
    let y = u64::from(u) << 32 | u64::from(v);
    [
        x.wrapping_mul(y).wrapping_add(x >> (u & 63)),
        if x < y {
            x.wrapping_sub(y)
        } else {
            y << (v & 63)
        },
        y.wrapping_sub(x >> 3),
        x.min(y) ^ (x as i64 >> 7) as u64,
    ]
}

fn local_memory() -> Case {
    let a = words(12, 64);
    let scrambled = a.iter().map(|&first| {
        let mut table: Vec<_> = (1..33).map(|k| first.wrapping_mul(k)).collect();
        (0..100).fold(first, |j, k| {
            let j = table[j as usize & 31].wrapping_add(k);
            table[k as usize & 31] ^= j;
            j
        })
    });
    Case {
        sass: include_str!("programs/local_memory.sass"),
        grid: Grid {
            local_memory: 128,
            ..grid(1, 64)
        },
        push_constants: Vec::new(),
        after: vec![scrambled.collect()],
        before: vec![a],
    }
}

/// The words of a program for some multiprocessors.
fn program(sass: &str, sm: &str) -> Vec<u32> {
    let lines = sass.lines();
    let mut lines = lines.skip_while(|line| !line.split(' ').any(|name| name == sm));
    assert!(lines.next().is_some(), "no program for {sm}");
    let lines = lines.take_while(|line| !line.starts_with("sm"));
    let words = lines.flat_map(|line| line.split(' '));
    words
        .map(|word| u32::from_str_radix(word, 16).unwrap())
        .collect()
}

impl Case {
    fn check(&self, budget: u64) {
        for class in CLASSES {
            let mut bench = Bench::new(class);
            bench.load(&program(self.sass, class.1), self.grid);
            bench.set_push_constants(&self.push_constants);
            for (binding, words) in (0..).zip(&self.before) {
                bench.set_words(buffer(binding), words);
            }
            assert_eq!(bench.run(budget), Ok(()), "{}", class.1);
            for (binding, words) in (0..).zip(&self.after) {
                let found = bench.words(buffer(binding), words.len());
                assert_eq!(&found, words, "buffer {binding} of {}", class.1);
            }
        }
    }
}

#[test]
fn a_vector_is_added() {
    vector_add().check(u64::MAX);
}

#[test]
fn blocks_reduce_in_shared_memory() {
    reduce().check(u64::MAX);
}

#[test]
fn prefix_sums_wait_at_barriers() {
    prefix_sum().check(u64::MAX);
}

#[test]
fn matrices_are_multiplied() {
    matrix_multiply().check(u64::MAX);
}

#[test]
fn atomic_accesses_lose_nothing() {
    atomics().check(u64::MAX);
}

#[test]
fn numbers_are_converted() {
    conversions().check(u64::MAX);
}

#[test]
fn a_histogram_counts() {
    histogram().check(u64::MAX);
}

#[test]
fn lanes_diverge_and_meet() {
    divergence().check(u64::MAX);
}

#[test]
fn lanes_exchange_values() {
    subgroup().check(u64::MAX);
}

#[test]
fn integers_have_32_and_64_bits() {
    integers().check(u64::MAX);
}

#[test]
fn local_memory_is_a_thread_s_own() {
    local_memory().check(u64::MAX);
}

#[test]
fn turns_change_nothing() {
    for budget in [COST, 3 * COST + 1, 100 * COST] {
        reduce().check(budget);
        divergence().check(budget);
    }
}

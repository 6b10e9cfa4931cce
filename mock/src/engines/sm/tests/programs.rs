// SPDX-License-Identifier: GPL-2.0

//! What the programs compute, as their sources say it.

mod conversions;
mod integers;

use std::iter;

use super::super::lanes::UNDEFINED;
use super::super::COST;
use super::{buffer, Bench, Grid, CLASSES};
use conversions::conversions;
use integers::integers;

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
        // Only lanes on this side of a condition exchange these, and some of them read one of the others.
        match lane {
            0 => 0,
            1 => UNDEFINED,
            _ => warp[lane - 1],
        },
        match lane {
            30.. => 0,
            28.. => UNDEFINED,
            _ => warp[lane + 2],
        },
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

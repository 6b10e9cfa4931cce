// SPDX-License-Identifier: GPL-2.0

//! Bits are numbers here, as the headers have them.

use super::{ConstantBuffer, Qmd, Refused, SIZE};
use crate::class::graphics::{Class, Generation, Kind};

/// Sets a field, whose bits are named as in `MW(last:first)`.
fn set(bytes: &mut [u8; SIZE], last: usize, first: usize, value: u64) {
    assert!(value >> (last - first + 1) == 0);
    for bit in first..=last {
        let is_set = value >> (bit - first) & 1 == 1;
        let mask = 1 << (bit % 8);
        match is_set {
            true => bytes[bit / 8] |= mask,
            false => bytes[bit / 8] &= !mask,
        }
    }
}

/// Fields, each with its last and its first bit.
fn qmd(fields: &[(usize, usize, u64)]) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    for &(last, first, value) in fields {
        set(&mut bytes, last, first, value);
    }
    bytes
}

fn expected(buffer: usize) -> Qmd {
    let mut constant_buffers = [None; 8];
    constant_buffers[buffer] = Some(ConstantBuffer {
        address: 0x1_2345_6780_0040,
        size: 0x800,
    });
    Qmd {
        program: 0x1_0000_0003_4500,
        grid: [0x1_0001, 0x102, 0x203],
        block: [64, 3, 2],
        shared_memory: 0x1080,
        local_memory: 0x60,
        constant_buffers,
    }
}

#[test]
fn fields_are_where_the_headers_have_them() {
    // PROGRAM_ADDRESS, CTA_RASTER or GRID, CTA_THREAD_DIMENSION, SHARED_MEMORY_SIZE,
    // SHADER_LOCAL_MEMORY_LOW_SIZE and _HIGH_SIZE, constant buffer 2
    let old = [
        (1567, 1536, 0x3_4500),
        (1584, 1568, 0x1_0000),
        (415, 384, 0x1_0001),
        (431, 416, 0x102),
        (463, 448, 0x203),
        (607, 592, 64),
        (623, 608, 3),
        (639, 624, 2),
        (561, 544, 0x1080),
        (642, 642, 1),
        (1183, 1152, 0x6780_0040),
        (1200, 1184, 0x1_2345),
        (1215, 1203, 0x80),
    ];
    let turing = [(583, 576, 0x22), (951, 928, 0x40), (983, 960, 0x20)];
    let ampere = [(583, 576, 0x30), (759, 736, 0x40), (1623, 1600, 0x20)];
    let hopper = [
        (583, 576, 0x40),
        (25, 23, 2),
        (1247, 1216, 0x3_4500),
        (1272, 1248, 0x1_0000),
        (1055, 1024, 0x1_0001),
        (1071, 1056, 0x102),
        (1103, 1088, 0x203),
        (1167, 1152, 64),
        (1183, 1168, 3),
        (1199, 1184, 2),
        (601, 584, 0x1080),
        (535, 512, 0x40),
        (567, 544, 0x20),
        (424, 424, 1),
        (1695, 1664, 0x159e_0001),
        (1714, 1696, 0x48d),
        (1727, 1715, 0x80),
    ];
    let blackwell = [
        (471, 464, 0x50),
        (153, 151, 2),
        (1055, 1024, 0x3450),
        (1076, 1056, 0x1000),
        (1279, 1248, 0x1_0001),
        (1295, 1280, 0x102),
        (1327, 1312, 0x203),
        (1103, 1088, 64),
        (1119, 1104, 3),
        (1127, 1120, 2),
        (1162, 1152, 0x21),
        (1199, 1184, 4),
        (1215, 1200, 2),
        (1864, 1864, 1),
        (1503, 1472, 0x159e_0001),
        (1522, 1504, 0x48d),
        (1535, 1523, 0x80),
    ];
    for (class, bytes) in [
        (Class::TuringComputeA, qmd(&[&old[..], &turing].concat())),
        (Class::AmpereComputeA, qmd(&[&old[..], &ampere].concat())),
        (Class::AmpereComputeB, qmd(&[&old[..], &ampere].concat())),
        (Class::AdaComputeA, qmd(&[&old[..], &ampere].concat())),
        (Class::HopperComputeA, qmd(&hopper)),
        (Class::BlackwellComputeA, qmd(&blackwell)),
        (Class::BlackwellComputeB, qmd(&blackwell)),
    ] {
        assert_eq!(Qmd::decode(class, &bytes), Ok(expected(2)), "{class:?}");
    }
}

#[test]
fn a_class_takes_its_own_version() {
    for (major, generation) in [(2, 0..=0), (3, 1..=3), (4, 4..=4), (5, 5..=6)] {
        // QMD_TYPE, where there is one.
        let grid = match major {
            4 => (25, 23, 2),
            _ => (153, 151, if major == 5 { 2 } else { 0 }),
        };
        let bytes = qmd(&[(583, 580, major), (471, 468, major), grid]);
        let classes = Class::ALL.iter().copied();
        for class in classes.filter(|class| class.kind() == Kind::Compute) {
            let takes = generation.contains(&(class.generation() as usize));
            let refused = Refused::Version {
                major: major as u32,
                minor: 0,
            };
            let result = Qmd::decode(class, &bytes).map(|_| ());
            assert_eq!(
                result,
                if takes { Ok(()) } else { Err(refused) },
                "{class:?}"
            );
        }
    }
}

/// NVK, which Mesa does not offer on Hopper by itself, has 0 there.
#[test]
fn only_grids_of_blocks_are_taken() {
    for (class, version, (last, first), taken) in [
        (
            Class::HopperComputeA,
            (583, 576, 0x40),
            (25, 23),
            &[0, 2][..],
        ),
        (Class::BlackwellComputeA, (471, 464, 0x50), (153, 151), &[2]),
        (Class::BlackwellComputeB, (471, 464, 0x50), (153, 151), &[2]),
    ] {
        for number in 0..8 {
            let bytes = qmd(&[version, (last, first, number)]);
            let expected = match taken.contains(&number) {
                true => Ok(()),
                false => Err(Refused::Field("QMD_TYPE")),
            };
            assert_eq!(Qmd::decode(class, &bytes).map(|_| ()), expected, "{number}");
        }
    }
}

#[test]
fn what_is_not_defined_is_named() {
    for (class, version, bit, name) in [
        (
            Class::TuringComputeA,
            (583, 576, 0x22),
            138,
            "SEMAPHORE_RELEASE_ENABLE0",
        ),
        (
            Class::TuringComputeA,
            (583, 576, 0x22),
            223,
            "CTA_RASTER_WIDTH_RESUME",
        ),
        (
            Class::AmpereComputeB,
            (583, 576, 0x30),
            157,
            "DEPENDENCE_COUNTER",
        ),
        (
            Class::AmpereComputeA,
            (583, 576, 0x30),
            371,
            "CWD_REFERENCE_COUNT_DECR_ENABLE",
        ),
        (
            Class::HopperComputeA,
            (583, 576, 0x40),
            29,
            "WAIT_ON_LATCH_VALID",
        ),
        (
            Class::HopperComputeA,
            (583, 576, 0x40),
            1471,
            "GRID_DEPTH_RESUME",
        ),
        (
            Class::BlackwellComputeB,
            (471, 464, 0x50),
            143,
            "DEPENDENCE_COUNTER",
        ),
        (
            Class::BlackwellComputeB,
            (471, 464, 0x50),
            1181,
            "SHARED_MEM_BARRIER_INIT_ENABLE",
        ),
        (
            Class::AdaComputeA,
            (583, 576, 0x30),
            517,
            "DEPENDENT_QMD1_ENABLE",
        ),
        (
            Class::HopperComputeA,
            (583, 576, 0x40),
            336,
            "RELEASE_ENABLE(1)",
        ),
        (
            Class::BlackwellComputeA,
            (471, 464, 0x50),
            344,
            "DEPENDENT_QMD1_ENABLE",
        ),
    ] {
        let mut bytes = qmd(&[version, (bit, bit, 1)]);
        if class.generation() > Generation::Hopper {
            set(&mut bytes, 153, 151, 2);
        }
        assert_eq!(Qmd::decode(class, &bytes), Err(Refused::Field(name)));
    }
}

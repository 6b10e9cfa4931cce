// SPDX-License-Identifier: MIT

extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::refused::Errno;
use crate::sync::Sync;

/// Memory that ends where it ends.
struct Memory<'a>(&'a [u8]);

/// The memory has ended.
#[derive(Debug, PartialEq, Eq)]
struct End;

impl Reader for Memory<'_> {
    type Error = End;

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), End> {
        let (now, later) = self.0.split_at_checked(bytes.len()).ok_or(End)?;
        bytes.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

/// Memory that is written as far as there is room.
struct Room<'a>(&'a mut [u8]);

impl Writer for Room<'_> {
    type Error = End;

    fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let room = core::mem::take(&mut self.0);
        let (now, later) = room.split_at_mut_checked(bytes.len()).ok_or(End)?;
        now.copy_from_slice(bytes);
        self.0 = later;
        Ok(())
    }
}

/// Version 2 of a structure with one member in version 1.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
struct Grown {
    old: u64,
    new: u64,
}

impl Element for Grown {
    const FIRST_SIZE: u32 = 8;

    fn check(&self) -> Result<(), Refused> {
        require_zero("new", self.new & 0x80)
    }
}

fn array(pointer: u64, count: u32, stride: u32) -> Array {
    Array {
        pointer,
        count,
        stride,
    }
}

fn elements(count: u32, stride: u32) -> Elements<Grown> {
    array(4096, count, stride).check(u32::MAX).unwrap()
}

#[test]
fn an_array_has_a_limit_and_a_stride() {
    for (right, count) in [
        (array(0, 0, 0), 0),
        (array(8, 1, 16), 1),
        (array(0, 2, 16), 2),
        (array(u64::MAX, 3, 256), 3),
    ] {
        let elements = right.check::<Sync>(3).unwrap();
        assert_eq!(elements.count(), count);
        assert_eq!(elements.pointer(), right.pointer);
        assert_eq!(elements.bytes(), u64::from(count) * u64::from(right.stride));
    }
    for (wrong, member, errno) in [
        (array(8, 4, 16), "count", Errno::Invalid),
        (array(8, u32::MAX, u32::MAX), "count", Errno::Invalid),
        (array(8, 1, 0), "stride", Errno::Invalid),
        (array(8, 1, 15), "stride", Errno::Invalid),
        (array(8, 1, 257), "stride", Errno::TooBig),
        (array(8, 1, u32::MAX), "stride", Errno::TooBig),
        (array(8, 0, 0), "pointer", Errno::Invalid),
        (array(0, 0, 16), "stride", Errno::Invalid),
    ] {
        let refused = wrong.check::<Sync>(3).unwrap_err();
        let found = (&refused.member["drm_nova_array.".len()..], refused.errno);
        assert_eq!(found, (member, errno), "{wrong:?}");
    }
}

#[test]
fn the_largest_array_has_a_size() {
    let all = array(8, u32::MAX, 256).check::<Sync>(u32::MAX).unwrap();
    assert_eq!(all.bytes(), u64::from(u32::MAX) << 8);
}

#[test]
fn members_that_an_older_program_lacks_are_zero() {
    let bytes = [1_u64, 2].map(u64::to_ne_bytes).concat();
    let mut memory = Memory(&bytes);
    let elements = elements(2, 8);
    for old in [1, 2] {
        assert_eq!(elements.read(&mut memory), Ok(Grown { old, new: 0 }));
    }
    assert_eq!(
        elements.read(&mut memory),
        Err(ReadError::Reader(End)),
        "all was read"
    );
}

#[test]
fn an_older_program_gets_the_members_that_it_knows() {
    let mut memory = [0xff; 24];
    let mut room = Room(&mut memory);
    for old in [1, 2] {
        assert_eq!(
            elements(2, 8).write(&Grown { old, new: 7 }, &mut room),
            Ok(())
        );
    }
    let words = [1_u64, 2, u64::MAX].map(u64::to_ne_bytes);
    assert_eq!(memory.as_slice(), words.concat());
}

#[test]
fn a_newer_program_gets_zeros_for_what_is_unknown() {
    let grown = Grown { old: 1, new: 7 };
    for stride in [16, 17, 80, 256] {
        let mut memory = [0xff; 600];
        let elements = elements(2, stride);
        let mut room = Room(&mut memory);
        assert_eq!(elements.write(&grown, &mut room), Ok(()));
        assert_eq!(elements.write(&grown, &mut room), Ok(()));
        let (written, rest) = memory.split_at(2 * stride as usize);
        for element in written.chunks(stride as usize) {
            assert_eq!(element[..16], *grown.as_bytes());
            assert!(element[16..].iter().all(|byte| *byte == 0), "{stride}");
        }
        assert!(rest.iter().all(|byte| *byte == 0xff), "{stride}");
        for short in [0, 15, stride as usize - 1] {
            assert_eq!(
                elements.write(&grown, &mut Room(&mut [0; 256][..short])),
                Err(End)
            );
        }
    }
}

#[test]
fn members_of_a_newer_program_must_be_zero() {
    for stride in [17, 24, 80, 144, 145, 256] {
        let mut bytes = [0; 256];
        bytes[..16].copy_from_slice(&[7; 16]);
        let elements = elements(1, stride);
        let grown = Grown {
            old: 0x0707_0707_0707_0707,
            new: 0x0707_0707_0707_0707,
        };
        assert_eq!(elements.read(&mut Memory(&bytes)), Ok(grown));
        for unknown in [16, stride as usize - 1] {
            bytes[unknown] = 3;
            let Err(ReadError::Refused(refused)) = elements.read(&mut Memory(&bytes)) else {
                panic!("byte {unknown} of {stride} is allowed");
            };
            assert_eq!((refused.errno, refused.found), (Errno::TooBig, 3));
            bytes[unknown] = 0;
        }
    }
}

#[test]
fn elements_are_checked() {
    let bytes = [0x80_u64, 0x80].map(u64::to_ne_bytes).concat();
    let read = elements(1, 16).read(&mut Memory(&bytes));
    let Err(ReadError::Refused(refused)) = read else {
        panic!("{read:?}");
    };
    assert_eq!((refused.member, refused.found), ("new", 0x80));
}

#[test]
fn an_element_that_ends_early_cannot_be_read() {
    for (stride, length) in [(8, 7), (16, 15), (24, 23), (200, 199), (200, 16)] {
        let bytes = std::vec![0; length];
        let read = elements(1, stride).read(&mut Memory(&bytes));
        assert_eq!(read, Err(ReadError::Reader(End)), "{length} of {stride}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 16 } else { 512 }))]

    /// Whatever the stride, the elements are read that were written, and nothing behind them.
    #[test]
    fn elements_are_found_at_any_stride(
        written in prop::collection::vec(any::<u64>(), 1..8), stride in 8..=256_u32,
    ) {
        let mut bytes = Vec::new();
        for old in &written {
            bytes.extend_from_slice(&old.to_ne_bytes());
            bytes.resize(bytes.len() + stride as usize - 8, 0);
        }
        let elements = elements(written.len() as u32, stride);
        prop_assert_eq!(elements.bytes(), bytes.len() as u64);
        let mut memory = Memory(&bytes);
        for old in written {
            prop_assert_eq!(elements.read(&mut memory), Ok(Grown { old, new: 0 }));
        }
        prop_assert!(memory.0.is_empty());
    }
}

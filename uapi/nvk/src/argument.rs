// SPDX-License-Identifier: MIT

//! The argument of an ioctl, whose size its number says.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Reads a structure. What a smaller argument lacks is zero, as DRM has it.
pub(crate) fn read<T: FromBytes + IntoBytes>(argument: &[u8]) -> T {
    let mut value = T::new_zeroed();
    copy(argument, value.as_mut_bytes());
    value
}

/// Writes a structure, as much of it as there is room for.
pub(crate) fn write<T: IntoBytes + Immutable>(value: &T, argument: &mut [u8]) {
    copy(value.as_bytes(), argument);
}

/// Copies as many bytes as both have.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_argument_reads_as_zeros_and_is_not_written_beyond() {
        let mut argument = [1, 2, 3, 4, 5];
        assert_eq!(read::<u64>(&argument), 0x05_0403_0201);
        write(&0x1122_3344_5566_7788_u64, &mut argument);
        assert_eq!(argument, [0x88, 0x77, 0x66, 0x55, 0x44]);
        assert_eq!(read::<u16>(&argument), 0x7788);
    }
}

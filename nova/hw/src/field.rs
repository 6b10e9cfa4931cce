// SPDX-License-Identifier: GPL-2.0

//! Fields of structures that differ between firmware releases: the offset, computed at compile
//! time, and the type.
//!
//! Structures are read and written field by field, since they are large, kernel stacks are small,
//! and received messages may be unaligned.

use core::fmt;
use core::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Offset of a field of type `T` in a structure.
pub struct Field<T> {
    offset: usize,
    kind: PhantomData<fn() -> T>,
}

/// The [`Field`] of a structure.
macro_rules! field {
    ($structure:ty, $($path:ident).+) => {
        $crate::field::Field::of(
            core::mem::offset_of!($structure, $($path).+),
            |structure: &$structure| &structure.$($path).+,
        )
    };
}
pub(crate) use field;

impl<T> Field<T> {
    /// For `field!`: `_type` has the compiler check the type of the field.
    pub(crate) const fn of<S>(offset: usize, _type: fn(&S) -> &T) -> Self {
        let kind = PhantomData;
        Self { offset, kind }
    }

    /// Offset of the field's first byte.
    pub const fn offset(self) -> usize {
        self.offset
    }

    /// Offset of the byte after the field.
    pub const fn end(self) -> usize {
        self.offset + size_of::<T>()
    }
}

impl<T: FromBytes> Field<T> {
    /// The field's value in the bytes of the structure; `None` if the bytes end within the field.
    pub fn read(self, structure: &[u8]) -> Option<T> {
        let bytes = structure.get(self.offset..)?;
        T::read_from_prefix(bytes).ok().map(|(value, _)| value)
    }
}

impl<T: IntoBytes + Immutable> Field<T> {
    /// Writes the field into the bytes of the structure, which must include the field.
    pub fn write(self, structure: &mut [u8], value: &T) {
        let bytes = structure.get_mut(self.offset..self.end());
        debug_assert!(bytes.is_some(), "{self:?} is not in the structure");
        if let Some(bytes) = bytes {
            bytes.copy_from_slice(value.as_bytes());
        }
    }
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

impl<T> fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field at {:#x}", self.offset)
    }
}

/// A structure in memory that is written field by field.
///
/// Fields that a release does not have are `None`, and setting them does nothing, since its
/// firmware does not need the value.
#[derive(Debug)]
pub struct Fields<'b>(pub &'b mut [u8]);

impl Fields<'_> {
    /// Sets a field, if the release has it.
    pub fn set<T: IntoBytes + Immutable>(
        &mut self,
        field: impl Into<Option<Field<T>>>,
        value: T,
    ) -> &mut Self {
        if let Some(field) = field.into() {
            field.write(self.0, &value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    struct Inner {
        byte: u8,
        word: u32,
    }

    #[repr(C)]
    struct Outer {
        first: u64,
        inner: Inner,
    }

    #[test]
    fn a_set_field_is_read_back() {
        let word = field!(Outer, inner.word);
        let byte: Field<u8> = field!(Outer, inner.byte);
        assert_eq!((word.offset(), word.end()), (12, 16));
        let none: Option<Field<u64>> = None;
        let mut bytes = [0; 16];
        Fields(&mut bytes).set(word, 7).set(none, 1).set(byte, 2);
        assert_eq!(word.read(&bytes), Some(7));
        assert_eq!(byte.read(&bytes), Some(2));
        assert_eq!(field!(Outer, first).read(&bytes), Some(0));
    }

    #[test]
    fn a_truncated_field_is_not_read() {
        let word = field!(Outer, inner.word);
        assert_eq!(word.read(&[0; 15]), None);
    }

    #[test]
    #[should_panic(expected = "field at 0xc is not in the structure")]
    fn writing_beyond_the_end_panics() {
        Fields(&mut [0; 15]).set(field!(Outer, inner.word), 1);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Fields of structures that differ between firmware releases: where a release has a field, known
//! when this is compiled, and of what type it is.
//!
//! Structures are large, kernel stacks are small, and nothing says that a received message is
//! aligned: they are read and written field by field.

use core::fmt;
use core::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Where a structure has a field of type `T`.
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
    /// For the macro: `_type` makes the compiler compare the types.
    pub(crate) const fn of<S>(offset: usize, _type: fn(&S) -> &T) -> Self {
        let kind = PhantomData;
        Self { offset, kind }
    }

    /// Offset of the field's first byte.
    pub const fn offset(self) -> usize {
        self.offset
    }

    /// Offset behind the field's last byte.
    pub const fn end(self) -> usize {
        self.offset + size_of::<T>()
    }
}

impl<T: FromBytes> Field<T> {
    /// Its value in the bytes of the structure; `None` where they end before it does.
    pub fn read(self, structure: &[u8]) -> Option<T> {
        let bytes = structure.get(self.offset..)?;
        T::read_from_prefix(bytes).ok().map(|(value, _)| value)
    }
}

impl<T: IntoBytes + Immutable> Field<T> {
    /// Puts `value` into the bytes of the structure, which must not end before the field does.
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
/// Fields that a release does not have are `None`, and setting them does nothing: the firmware does
/// not ask for what they say.
#[derive(Debug)]
pub struct Fields<'b>(pub &'b mut [u8]);

impl Fields<'_> {
    /// Sets a field, if there is one.
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
    fn a_field_is_read_where_it_was_set() {
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
    fn what_is_cut_off_is_not_read() {
        let word = field!(Outer, inner.word);
        assert_eq!(word.read(&[0; 15]), None);
    }

    #[test]
    #[should_panic(expected = "field at 0xc is not in the structure")]
    fn nothing_is_written_behind_the_end() {
        Fields(&mut [0; 15]).set(field!(Outer, inner.word), 1);
    }
}

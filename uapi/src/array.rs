// SPDX-License-Identifier: MIT

//! Arrays in user space, whose elements may be smaller or larger than this kernel's.

use core::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::refused::{require, require_zero, Errno, Refused};

/// The largest stride in bytes. It bounds the bytes that a call reads or writes.
pub const STRIDE_MAX: u32 = 256;

/// What is written where a larger element has members that are unknown here.
const ZEROS: [u8; STRIDE_MAX as usize] = [0; STRIDE_MAX as usize];

/// `struct drm_nova_array`: an array in user space.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct Array {
    /// User pointer to the first element.
    pub pointer: u64,
    /// Number of elements.
    pub count: u32,
    /// Distance from one element to the next, in bytes.
    pub stride: u32,
}

/// A structure of the header that arrays consist of.
pub trait Element: FromBytes + IntoBytes {
    /// Size of its first version, in bytes.
    const FIRST_SIZE: u32;

    /// Checks that need neither the GPU nor a kernel object.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    fn check(&self) -> Result<(), Refused>;
}

impl Array {
    /// Checks the array itself; what it consists of is not read yet.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there are more than `limit` elements, if the stride is below the size of the
    /// first version or above [`STRIDE_MAX`], or if an array without elements has a pointer or a
    /// stride.
    pub fn check<T: Element>(&self, limit: u32) -> Result<Elements<T>, Refused> {
        let Self {
            pointer,
            count,
            stride,
        } = *self;
        require(
            count <= limit,
            "drm_nova_array.count",
            "at most the limit of the call",
            count,
        )?;
        if count == 0 {
            require_zero("drm_nova_array.pointer", pointer)?;
            require_zero("drm_nova_array.stride", stride)?;
        } else {
            require(
                stride >= T::FIRST_SIZE,
                "drm_nova_array.stride",
                "at least the size of the element's first version",
                stride,
            )?;
            if stride > STRIDE_MAX {
                return Err(too_big(
                    "drm_nova_array.stride",
                    "at most 256",
                    stride.into(),
                ));
            }
        }
        Ok(Elements {
            pointer,
            count,
            stride,
            element: PhantomData,
        })
    }
}

fn too_big(member: &'static str, expected: &'static str, found: u64) -> Refused {
    Refused {
        errno: Errno::TooBig,
        member,
        expected,
        found,
    }
}

/// An array that [`Array::check`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elements<T> {
    pointer: u64,
    count: u32,
    stride: u32,
    element: PhantomData<T>,
}

/// Memory of user space that is read once, from its start on.
pub trait Reader {
    /// Why it cannot be read.
    type Error;

    /// Reads the next bytes.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error>;
}

/// Memory of user space that is written once, from its start on.
pub trait Writer {
    /// Why it cannot be written.
    type Error;

    /// Writes the next bytes.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Why an element was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError<E> {
    /// It cannot be read.
    Reader(E),
    /// It is refused.
    Refused(Refused),
}

impl<E> From<Refused> for ReadError<E> {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl<T: Element> Elements<T> {
    /// User pointer to the first element.
    pub fn pointer(&self) -> u64 {
        self.pointer
    }

    /// Number of elements.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of all elements.
    pub fn bytes(&self) -> u64 {
        u64::from(self.count) * u64::from(self.stride)
    }

    /// Reads the next element and checks it. Members that it lacks are zero.
    ///
    /// # Errors
    ///
    /// [`ReadError::Reader`] if the memory cannot be read, [`Errno::TooBig`] if the element has
    /// members that are unknown here and not zero, and what [`Element::check`] refuses.
    pub fn read<R: Reader>(&self, reader: &mut R) -> Result<T, ReadError<R::Error>> {
        let mut element = T::new_zeroed();
        let stride = usize::try_from(self.stride).unwrap_or(usize::MAX);
        let known = element.as_mut_bytes();
        let mut unknown = stride.saturating_sub(known.len());
        let length = stride.min(known.len());
        let known = known.get_mut(..length).unwrap_or_default();
        reader.read(known).map_err(ReadError::Reader)?;
        let mut piece = [0; 64];
        while unknown > 0 {
            let length = unknown.min(piece.len());
            let piece = piece.get_mut(..length).unwrap_or_default();
            reader.read(piece).map_err(ReadError::Reader)?;
            if let Some(byte) = piece.iter().find(|byte| **byte != 0) {
                let member = "the part of an element behind the members of this kernel";
                return Err(too_big(member, "zero", (*byte).into()).into());
            }
            unknown -= length;
        }
        element.check()?;
        Ok(element)
    }

    /// Writes the next element: without the members that a smaller one lacks, and with zeros where a
    /// larger one has members that are unknown here.
    ///
    /// # Errors
    ///
    /// If the memory cannot be written.
    pub fn write<W: Writer>(&self, element: &T, writer: &mut W) -> Result<(), W::Error>
    where
        T: Immutable,
    {
        let stride = usize::try_from(self.stride).unwrap_or(usize::MAX);
        let known = element.as_bytes();
        let unknown = stride.saturating_sub(known.len());
        let length = stride.min(known.len());
        writer.write(known.get(..length).unwrap_or_default())?;
        match ZEROS.get(..unknown) {
            Some([]) | None => Ok(()),
            Some(zeros) => writer.write(zeros),
        }
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: GPL-2.0

//! The macro that declares registers.

/// Declares the registers of a block: a bitfield type for each, and the table that [`super::name`]
/// searches.
///
/// `[count; stride]` after an offset declares an array of equal registers.
macro_rules! registers {
    ($(
        $(#[$attr:meta])*
        $hw:ident as $name:ident @ $offset:literal $([$count:literal; $stride:literal])? {
            $($field:tt)*
        }
    )*) => {
        $(
            #[doc = concat!("`", stringify!($hw), "`")]
            #[doc = ""]
            $(#[$attr])*
            #[bitfield_struct::bitfield(u32)]
            #[derive(PartialEq, Eq)]
            pub struct $name {
                $($field)*
            }

            impl $name {
                /// Byte offset; for an array that of the first element.
                pub const OFFSET: u32 = $offset;

                $(
                    /// Number of elements of the array.
                    pub const COUNT: u32 = $count;

                    /// Bytes from one element to the next.
                    pub const STRIDE: u32 = $stride;

                    /// Byte offset of an element.
                    pub const fn at(index: u32) -> Option<u32> {
                        if index < Self::COUNT {
                            Some($offset + index * $stride)
                        } else {
                            None
                        }
                    }
                )?
            }

            impl $crate::regs::Register for $name {
                const NAME: &'static str = stringify!($hw);
                const OFFSET: u32 = $offset;
            }
        )*

        /// The registers of this block, by offset.
        pub(super) const REGISTERS: &[$crate::regs::Entry] = &[$(
            registers!(@entry $hw, $offset $(, $count, $stride)?),
        )*];
    };

    (@entry $hw:ident, $offset:literal) => {
        registers!(@entry $hw, $offset, 1, 4)
    };

    (@entry $hw:ident, $offset:literal, $count:literal, $stride:literal) => {
        $crate::regs::Entry {
            name: stringify!($hw),
            offset: $offset,
            count: $count,
            stride: $stride,
        }
    };
}

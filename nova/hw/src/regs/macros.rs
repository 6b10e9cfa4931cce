// SPDX-License-Identifier: GPL-2.0

//! How registers are declared.

/// Declares the registers of a block: a bitfield type for each, and the table that [`super::name`]
/// looks them up in.
///
/// `[count; stride]` behind an offset makes an array of equal registers.
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
                /// Byte offset; that of the first element where there are several.
                pub const OFFSET: u32 = $offset;

                $(
                    /// Elements of the array.
                    pub const COUNT: u32 = $count;

                    /// Bytes from an element to the next.
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

// SPDX-License-Identifier: GPL-2.0

//! How structures and numbers of the firmware are declared.

/// Checks the size of a structure and offsets in it.
macro_rules! layout {
    ($name:ident: $size:literal $(, $field:ident @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
        };
    };
}

/// Declares numbers and looks up their names.
macro_rules! numbers {
    ($($name:ident = $number:literal,)*) => {
        $(
            #[doc = concat!("Number of `", stringify!($name), "`.")]
            pub const $name: u32 = $number;
        )*

        /// The name that belongs to a number.
        pub const fn name(number: u32) -> Option<&'static str> {
            match number {
                $($name => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

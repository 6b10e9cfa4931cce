// SPDX-License-Identifier: GPL-2.0

//! Macros that declare structures and numbers of the firmware.

/// Checks the size of a structure and the offsets of fields.
macro_rules! layout {
    ($name:ident: $size:literal $(, $field:ident @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
        };
    };
}

/// Declares numbers, and a function that returns their names.
macro_rules! numbers {
    ($($name:ident = $number:literal,)*) => {
        $(
            #[doc = concat!("Number of `", stringify!($name), "`.")]
            pub const $name: u32 = $number;
        )*

        const NAMES: &[$crate::layout::Name] = &[$(($name, stringify!($name)),)*];
        const _: () = $crate::layout::check_unique(NAMES);

        /// The name of a number.
        pub const fn name(number: u32) -> Option<&'static str> {
            $crate::layout::find(NAMES, number)
        }
    };
}

/// A number and its name. A table of these is smaller than the code of a `match`.
pub(crate) type Name = (u32, &'static str);

/// The name of a number.
pub(crate) const fn find(names: &[Name], number: u32) -> Option<&'static str> {
    let mut rest = names;
    while let [(candidate, name), others @ ..] = rest {
        if *candidate == number {
            return Some(name);
        }
        rest = others;
    }
    None
}

/// Fails to compile if a number occurs twice.
#[allow(dead_code)] // Called at compile time only.
pub(crate) const fn check_unique(names: &[Name]) {
    let mut rest = names;
    while let [(number, _), others @ ..] = rest {
        assert!(find(others, *number).is_none());
        rest = others;
    }
}

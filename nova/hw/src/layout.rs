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

        const NAMES: &[$crate::layout::Name] = &[$(($name, stringify!($name)),)*];
        const _: () = $crate::layout::check_unique(NAMES);

        /// The name that belongs to a number.
        pub const fn name(number: u32) -> Option<&'static str> {
            $crate::layout::find(NAMES, number)
        }
    };
}

/// A number and its name. A table of them is a fraction of the code of a `match`.
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

/// Does not compile for a number that is there twice.
#[allow(dead_code)] // It runs in the compiler.
pub(crate) const fn check_unique(names: &[Name]) {
    let mut rest = names;
    while let [(number, _), others @ ..] = rest {
        assert!(find(others, *number).is_none());
        rest = others;
    }
}

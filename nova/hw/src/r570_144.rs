// SPDX-License-Identifier: GPL-2.0

//! What firmware release 570.144 and a driver exchange: structures in memory, messages, numbers.
//!
//! Fields keep the names of the C structures, in Rust's case; `_padding` is what a C compiler
//! leaves between fields and is zero. Each structure names the header that it was read from, and
//! its size and the offsets that matter are checked when this is compiled. Paths are those of
//! open-gpu-kernel-modules 570.144.

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

mod control;
pub mod heap;
mod init;
mod libos;
mod numbers;
mod queue;
mod registry;
mod rpc;
mod sequencer;
mod static_info;
pub mod status;
mod system_info;
mod wpr;

pub use control::*;
pub use init::*;
pub use libos::*;
pub use numbers::{event, function, message_name};
pub use queue::*;
pub use registry::*;
pub use rpc::*;
pub use sequencer::*;
pub use static_info::*;
pub use system_info::*;
pub use wpr::*;

/// The release, as it stands in the names of firmware files and in their `.fwversion` section.
pub const RELEASE: &str = "570.144";

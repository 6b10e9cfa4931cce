// SPDX-License-Identifier: GPL-2.0

//! Finds modules that use each other in a circle, for `make lint`.
//!
//! Usage: `module-circles CRATE...`, with the folder of each crate.
//!
//! A module uses another one where a path in its code leads to an item that the other one defines,
//! through however many `use`. A parent that exports what its children define does not use them, and
//! tests may use what they like. To those beside it, a module and all that lies in it are one: so the
//! folders of a crate are layers, too. Methods are not looked at, as it takes a compiler to know whose
//! they are.

mod circles;
mod parse;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

fn main() -> anyhow::Result<ExitCode> {
    let mut found = 0;
    for folder in std::env::args_os().skip(1) {
        let root = Path::new(&folder).join("src/lib.rs");
        let tree = parse::parse(&root).with_context(|| root.display().to_string())?;
        let circles = circles::find(&tree);
        circles.iter().for_each(|circle| eprint!("{circle}"));
        found += circles.len();
    }
    Ok(match found {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

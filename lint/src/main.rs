// SPDX-License-Identifier: GPL-2.0

//! Finds circular dependencies between modules, for `make lint`.
//!
//! Usage: `module-circles CRATE...`, with the folder of each crate.
//!
//! A module uses another one if a path in its code resolves to an item that the other one defines,
//! also through `use`. Reexports of a child's items by its parent, and code of tests, do not count.
//! For its siblings, a module includes its descendants, so the folders of a crate are layers, too.
//! Calls of methods are ignored, since finding their definition takes a compiler.

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

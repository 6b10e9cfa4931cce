// SPDX-License-Identifier: GPL-2.0

//! The modules of a crate, and what a path in one of them leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A module by its place in [`Tree::modules`]; the crate's root is the first.
pub(crate) type Id = usize;

/// The modules of a crate.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
}

/// A module, without what is built for tests alone.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Its full path, `crate::gsp::queue`.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) parent: Option<Id>,
    pub(crate) children: BTreeMap<String, Id>,
    /// The names of the items that it defines.
    pub(crate) items: BTreeSet<String>,
    /// The names that it imports, with the paths that they stand for.
    pub(crate) imports: BTreeMap<String, Vec<String>>,
    /// The paths of its `use ...::*`.
    pub(crate) globs: Vec<Vec<String>>,
    /// All paths in it.
    pub(crate) paths: Vec<Path>,
}

/// A path in the code of a module.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// It stands in a `pub use`.
    pub(crate) is_exported: bool,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Module(Id),
    /// An item that this module defines.
    Item(Id),
}

/// Imports that are followed until an item is found: more than any sound crate has.
const IMPORTS_MAX: u32 = 32;

impl Tree {
    /// What `path`, in module `from`, leads to; `None` for what is not of this crate.
    pub(crate) fn resolve(&self, from: Id, path: &[String]) -> Option<Target> {
        self.follow(from, path, IMPORTS_MAX)
    }

    fn follow(&self, from: Id, path: &[String], left: u32) -> Option<Target> {
        let left = left.checked_sub(1)?;
        let (first, mut rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.modules[from].parent?),
            name => self.find(from, name, left)?,
        };
        while let (Target::Module(module), Some((name, behind))) = (target, rest.split_first()) {
            target = match name.as_str() {
                "super" => Target::Module(self.modules[module].parent?),
                // What is nowhere else to be found is made by a macro.
                name => self
                    .find(module, name, left)
                    .unwrap_or(Target::Item(module)),
            };
            rest = behind;
        }
        Some(target)
    }

    /// What `name` stands for in a module.
    fn find(&self, module: Id, name: &str, left: u32) -> Option<Target> {
        let left = left.checked_sub(1)?;
        let this = &self.modules[module];
        if let Some(child) = this.children.get(name) {
            return Some(Target::Module(*child));
        }
        if this.items.contains(name) {
            return Some(Target::Item(module));
        }
        if let Some(path) = this.imports.get(name) {
            return self.follow(module, path, left);
        }
        this.globs.iter().find_map(|path| {
            let Some(Target::Module(exporter)) = self.follow(module, path, left) else {
                return None;
            };
            self.find(exporter, name, left)
        })
    }

    /// The module and those that it lies in, from the inside out.
    pub(crate) fn ancestors(&self, module: Id) -> impl Iterator<Item = Id> + '_ {
        std::iter::successors(Some(module), |&module| self.modules[module].parent)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The modules of a crate, and resolution of paths in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Index of a module in [`Tree::modules`]; the crate's root is 0.
pub(crate) type Id = usize;

/// The modules of a crate.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
}

/// A module, without code that is built only for tests.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Its full path, `crate::gsp::queue`.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) parent: Option<Id>,
    pub(crate) children: BTreeMap<String, Id>,
    /// The names of the items that it defines.
    pub(crate) items: BTreeSet<String>,
    /// The names that it imports, with their paths.
    pub(crate) imports: BTreeMap<String, Vec<String>>,
    /// The paths of its `use ...::*`.
    pub(crate) globs: Vec<Vec<String>>,
    /// All paths in it.
    pub(crate) paths: Vec<UsedPath>,
}

/// A path in the code of a module.
#[derive(Debug)]
pub(crate) struct UsedPath {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Whether it is in a `pub use`.
    pub(crate) is_exported: bool,
}

/// The target of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Module(Id),
    /// An item that this module defines.
    Item(Id),
}

/// The most imports that are followed to find an item, which ends the search in circular imports.
const IMPORTS_MAX: u32 = 32;

impl Tree {
    /// Resolves `path` in module `from`; `None` for items outside of this crate.
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
                // An item that is not found anywhere is assumed to be defined by a macro.
                name => self
                    .find(module, name, left)
                    .unwrap_or(Target::Item(module)),
            };
            rest = behind;
        }
        Some(target)
    }

    /// Resolves `name` in a module.
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

    /// The module and its ancestors, from the inside out.
    pub(crate) fn ancestors(&self, module: Id) -> impl Iterator<Item = Id> + '_ {
        std::iter::successors(Some(module), |&module| self.modules[module].parent)
    }
}

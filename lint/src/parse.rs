// SPDX-License-Identifier: GPL-2.0

//! Parses a crate's modules.

use std::fs;
use std::path::Path;

use anyhow::Context;
use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Meta, Token, UseTree, Visibility};

use crate::tree::{Id, Module, Tree, UsedPath};

/// The modules of the crate whose root is the file `root`.
pub(crate) fn parse(root: &Path) -> anyhow::Result<Tree> {
    let mut tree = Tree::default();
    let folder = root.parent().unwrap_or(Path::new("."));
    let module = Module {
        name: "crate".into(),
        file: root.into(),
        ..Module::default()
    };
    add(&mut tree, module, &read(root)?, folder)?;
    Ok(tree)
}

fn read(file: &Path) -> anyhow::Result<Vec<Item>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
    Ok(parsed.items)
}

/// Adds a module and its descendants, whose files are in `folder`.
fn add(tree: &mut Tree, module: Module, items: &[Item], folder: &Path) -> anyhow::Result<Id> {
    let id = tree.modules.len();
    tree.modules.push(module);
    let mut reader = Reader {
        module: &mut tree.modules[id],
    };
    items.iter().for_each(|item| reader.visit_item(item));
    for item in items {
        match item {
            Item::Mod(child) if is_built(&child.attrs) => add_child(tree, id, child, folder)?,
            _ => {}
        }
    }
    Ok(id)
}

fn add_child(tree: &mut Tree, parent: Id, child: &ItemMod, folder: &Path) -> anyhow::Result<()> {
    let name = child.ident.to_string();
    let folder = folder.join(&name);
    let (file, read_items);
    let items = match &child.content {
        Some((_, items)) => {
            file = tree.modules[parent].file.clone();
            items
        }
        None => {
            let beside = folder.with_extension("rs");
            file = match beside.exists() {
                true => beside,
                false => folder.join("mod.rs"),
            };
            read_items = read(&file)?;
            &read_items
        }
    };
    let module = Module {
        name: format!("{}::{name}", tree.modules[parent].name),
        file,
        parent: Some(parent),
        ..Module::default()
    };
    let id = add(tree, module, items, &folder)?;
    tree.modules[parent].children.insert(name, id);
    Ok(())
}

/// Whether an item with these attributes is built outside of tests and fuzzers.
fn is_built(attributes: &[Attribute]) -> bool {
    let mut conditions = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .filter_map(|attribute| attribute.parse_args::<Meta>().ok());
    conditions.all(|condition| may_hold(&condition, false))
}

/// Whether a condition, or its negation, may hold outside of tests and fuzzers.
fn may_hold(condition: &Meta, is_negated: bool) -> bool {
    let parts = |list: &syn::MetaList| {
        Punctuated::<Meta, Token![,]>::parse_terminated
            .parse2(list.tokens.clone())
            .unwrap_or_default()
    };
    let name = condition.path();
    match condition {
        Meta::List(list) if name.is_ident("not") => {
            parts(list).iter().all(|part| may_hold(part, !is_negated))
        }
        Meta::List(list) if name.is_ident("any") != is_negated => {
            parts(list).iter().any(|part| may_hold(part, is_negated))
        }
        Meta::List(list) => parts(list).iter().all(|part| may_hold(part, is_negated)),
        _ => is_negated || !(name.is_ident("test") || name.is_ident("fuzzing")),
    }
}

/// Records the definitions, imports and paths of a module.
struct Reader<'a> {
    module: &'a mut Module,
}

impl Reader<'_> {
    fn define(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return,
        };
        self.module.items.insert(name.to_string());
    }

    fn mention(&mut self, segments: Vec<String>, line: usize, is_exported: bool) {
        self.module.paths.push(UsedPath {
            segments,
            line,
            is_exported,
        });
    }

    /// Records the paths in a `use`, each of which begins with `path`.
    fn import(&mut self, tree: &UseTree, path: &[String], is_exported: bool) {
        let line = tree.span().start().line;
        let joined = |name: String| [path, &[name]].concat();
        match tree {
            UseTree::Path(part) => {
                self.import(&part.tree, &joined(part.ident.to_string()), is_exported);
            }
            UseTree::Group(group) => {
                let mut parts = group.items.iter();
                parts
                    .by_ref()
                    .for_each(|part| self.import(part, path, is_exported));
            }
            UseTree::Glob(_) => {
                self.module.globs.push(path.to_vec());
                self.mention(path.to_vec(), line, is_exported);
            }
            UseTree::Name(name) if name.ident == "self" => {
                let last = path.last().cloned().unwrap_or_default();
                self.import_as(path.to_vec(), last, line, is_exported);
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.import_as(joined(name.clone()), name, line, is_exported);
            }
            UseTree::Rename(rename) => {
                let path = joined(rename.ident.to_string());
                self.import_as(path, rename.rename.to_string(), line, is_exported);
            }
        }
    }

    fn import_as(&mut self, path: Vec<String>, name: String, line: usize, is_exported: bool) {
        self.module.imports.insert(name, path.clone());
        self.mention(path, line, is_exported);
    }

    /// Records token sequences that look like paths in the arguments of a macro.
    fn scan(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(name) => {
                    line = name.span().start().line;
                    path.push(name.to_string());
                    if is_colon(tokens.peek()) {
                        tokens.next();
                        if is_colon(tokens.peek()) {
                            tokens.next();
                            continue;
                        }
                    }
                    self.mention(std::mem::take(&mut path), line, false);
                }
                TokenTree::Group(group) => self.scan(group.stream()),
                // A field or a method follows.
                TokenTree::Punct(punct) if punct.as_char() == '.' => {
                    tokens.next_if(|token| matches!(token, TokenTree::Ident(_)));
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            if !path.is_empty() {
                self.mention(std::mem::take(&mut path), line, false);
            }
        }
    }
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &Vec::new(),
        };
        // Child modules are read separately.
        if is_built(attributes) && !matches!(item, Item::Mod(_)) {
            self.define(item);
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if is_built(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_exported = !matches!(item.vis, Visibility::Inherited);
        self.import(&item.tree, &[], is_exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|part| part.ident.to_string());
        self.mention(names.collect(), path.span().start().line, false);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        visit::visit_macro(self, mac);
        self.scan(mac.tokens.clone());
    }

    // `pub(in path)` and `pub(crate)` are not uses.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

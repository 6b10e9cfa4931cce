// SPDX-License-Identifier: GPL-2.0

//! Finds circular dependencies between the modules of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::tree::{Id, Target, Tree};

/// A circular dependency.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    /// The modules, each including its descendants, except for their common parent's own code.
    pub(crate) modules: Vec<String>,
    /// The uses among them: `FILE:LINE: USER uses USED`.
    pub(crate) uses: Vec<String>,
}

/// A node of the graph below a parent module: the parent, and either the parent itself for its own
/// code or one of its children with all its descendants.
type Node = (Id, Id);

/// A use of one module by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    user: Id,
    used: Id,
}

/// Finds all circles.
pub(crate) fn find(tree: &Tree) -> Vec<Circle> {
    let edges = edges(tree);
    let mut graph = DiGraphMap::<Node, ()>::new();
    for &edge in edges.keys() {
        let (user, used) = nodes(tree, edge);
        graph.add_edge(user, used, ());
    }
    let mut circles = tarjan_scc(&graph);
    circles.retain(|circle| circle.len() > 1);
    circles.iter_mut().for_each(|circle| circle.sort_unstable());
    circles.sort_unstable();
    circles
        .iter()
        .map(|nodes| circle(tree, &edges, nodes))
        .collect()
}

/// All uses, each with its first line.
fn edges(tree: &Tree) -> BTreeMap<Edge, usize> {
    let mut edges = BTreeMap::new();
    for (user, module) in tree.modules.iter().enumerate() {
        for path in &module.paths {
            // Naming a module does not use its items.
            let Some(Target::Item(used)) = tree.resolve(user, &path.segments) else {
                continue;
            };
            let is_child = tree.ancestors(used).any(|outer| outer == user);
            if user != used && !(path.is_exported && is_child) {
                edges.entry(Edge { user, used }).or_insert(path.line);
            }
        }
    }
    edges
}

/// The nodes of an edge, below the innermost module that contains both ends.
fn nodes(tree: &Tree, edge: Edge) -> (Node, Node) {
    let around_used: BTreeSet<Id> = tree.ancestors(edge.used).collect();
    let common = tree
        .ancestors(edge.user)
        .find(|outer| around_used.contains(outer));
    let common = common.expect("all modules are in the crate's root");
    let node = |module| {
        let below = tree.ancestors(module).take_while(|&outer| outer != common);
        (common, below.last().unwrap_or(common))
    };
    (node(edge.user), node(edge.used))
}

fn circle(tree: &Tree, edges: &BTreeMap<Edge, usize>, members: &[Node]) -> Circle {
    let name = |module: Id| tree.modules[module].name.clone();
    let of_circle = edges.iter().filter(|&(&edge, _)| {
        let (user, used) = nodes(tree, edge);
        user != used && members.contains(&user) && members.contains(&used)
    });
    Circle {
        modules: members.iter().map(|&(_, module)| name(module)).collect(),
        uses: of_circle
            .map(|(edge, line)| {
                let file = tree.modules[edge.user].file.display();
                format!(
                    "{file}:{line}: {} uses {}",
                    name(edge.user),
                    name(edge.used)
                )
            })
            .collect(),
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "circle of modules: {}", self.modules.join(", "))?;
        self.uses
            .iter()
            .try_for_each(|line| writeln!(f, "  {line}"))
    }
}

#[cfg(test)]
mod tests;

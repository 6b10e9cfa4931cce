// SPDX-License-Identifier: GPL-2.0

//! The CPU's interrupt tree, in which each interrupt is a *vector*: 32 vectors make a leaf, two leaves a subtree, which is
//! a bit of the top. A vector that is raised and enabled raises an MSI while its subtree is enabled.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/vfn/tu102.c and core/intr.c; open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/intr/arch/turing/intr_tu102.c.

use nova_hw::regs::intr::{
    CpuIntrLeaf, CpuIntrLeafEnClear, CpuIntrLeafEnSet, CpuIntrTop, CpuIntrTopEnClear,
    CpuIntrTopEnSet, MsiRearm,
};
use nova_hw::regs::Register;

use crate::chip::IntrWiring;
use crate::platform::Registers;

/// Vectors of a leaf.
const LEAF: u32 = 32;

/// Leaves of the largest tree: words of a set of vectors.
pub const LEAVES: usize = 16;

/// A set of vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vectors([u32; LEAVES]);

impl Vectors {
    /// This vector alone.
    pub(crate) fn of(vector: u32) -> Self {
        let mut vectors = Self::default();
        vectors.insert(vector);
        vectors
    }

    /// Adds a vector of the tree.
    pub(crate) fn insert(&mut self, vector: u32) {
        let leaf = self.0.get_mut((vector / LEAF) as usize);
        debug_assert!(leaf.is_some(), "vector {vector:#x} is outside of the tree");
        if let Some(leaf) = leaf {
            *leaf |= 1 << (vector % LEAF);
        }
    }

    /// The set as words, a bit for each vector, for an adapter that keeps it in atomic words.
    pub fn words(&self) -> [u32; LEAVES] {
        self.0
    }

    /// The set with the vectors of these words.
    pub fn from_words(words: [u32; LEAVES]) -> Self {
        Self(words)
    }

    /// Whether the set has no vector.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the sets have a vector in common.
    pub fn intersects(&self, other: &Self) -> bool {
        let common = self.0.iter().zip(&other.0).map(|(a, b)| a & b);
        common.into_iter().any(|bits| bits != 0)
    }

    /// The vectors of both sets.
    pub fn union(mut self, other: &Self) -> Self {
        for (leaf, bits) in self.0.iter_mut().zip(other.0) {
            *leaf |= bits;
        }
        self
    }

    /// The leaves with at least one of the vectors: the number of each, and the vectors as its bits.
    fn leaves(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..).zip(self.0).filter(|&(_, bits)| bits != 0)
    }

    /// The subtrees with at least one of the vectors, as bits of the top.
    fn subtrees(&self) -> u32 {
        self.leaves().fold(0, |top, (leaf, _)| top | subtree(leaf))
    }
}

/// The bit of the top that a leaf belongs to.
fn subtree(leaf: u32) -> u32 {
    1 << (leaf / 2)
}

/// The tree of a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tree(pub(crate) IntrWiring);

impl Tree {
    /// Number of vectors.
    pub(crate) const fn vectors(self) -> u32 {
        match self.0 {
            IntrWiring::Tu102 | IntrWiring::Ga100 | IntrWiring::Ga102 => 8 * LEAF,
            IntrWiring::Gh100 => 16 * LEAF,
        }
    }

    /// Enables vectors. Those that are pending are forgotten, so that only what is raised from now on is announced.
    pub(crate) fn enable(self, registers: &dyn Registers, vectors: &Vectors) {
        for (leaf, bits) in vectors.leaves() {
            write_leaf(registers, leaf, CpuIntrLeaf::from(bits));
            write_leaf(registers, leaf, CpuIntrLeafEnSet::from(bits));
        }
        // An MSI of before may not have been handled, by this driver when it was unbound or by another one. Without this
        // there would be no further MSI. Nouveau does the same (nvkm/subdev/pci/base.c).
        self.rearm_msi(registers);
        write(registers, CpuIntrTopEnSet::from(vectors.subtrees()));
    }

    /// Disables vectors, and their subtrees but for those that others need.
    pub(crate) fn disable(self, registers: &dyn Registers, vectors: &Vectors, others: &Vectors) {
        let subtrees = vectors.subtrees() & !others.subtrees();
        write(registers, CpuIntrTopEnClear::from(subtrees));
        for (leaf, bits) in vectors.leaves() {
            write_leaf(registers, leaf, CpuIntrLeafEnClear::from(bits));
        }
    }

    /// Handles an MSI: calls `serve` for each of these vectors that was raised, once it is no longer pending, and makes
    /// the next MSI possible.
    ///
    /// Reads and writes registers only, so it may be called where nothing may sleep or lock.
    pub(crate) fn handle(
        self,
        registers: &dyn Registers,
        vectors: &Vectors,
        serve: &mut dyn FnMut(u32),
    ) {
        // The subtrees are disabled meanwhile, so that what is raised in between raises a new MSI at the end.
        write(registers, CpuIntrTopEnClear::from(vectors.subtrees()));
        self.rearm_msi(registers);
        self.dispatch(registers, vectors, serve);
        write(registers, CpuIntrTopEnSet::from(vectors.subtrees()));
    }

    /// Lets the next MSI through.
    fn rearm_msi(self, registers: &dyn Registers) {
        match self.0 {
            IntrWiring::Tu102 | IntrWiring::Ga100 | IntrWiring::Ga102 => {
                write(registers, MsiRearm::new());
            }
            IntrWiring::Gh100 => (),
        }
    }

    fn dispatch(self, registers: &dyn Registers, vectors: &Vectors, serve: &mut dyn FnMut(u32)) {
        let top = u32::from(CpuIntrTop::from(registers.read32(CpuIntrTop::OFFSET)));
        // All ones are what is read where there is no card any more.
        if top == u32::MAX {
            return;
        }
        for (leaf, bits) in vectors.leaves() {
            if top & subtree(leaf) == 0 {
                continue;
            }
            let raised = registers.read32(offset::<CpuIntrLeaf>(leaf)) & bits;
            if raised == 0 {
                continue;
            }
            // Before it is served, or what is raised in between is lost.
            write_leaf(registers, leaf, CpuIntrLeaf::from(raised));
            for bit in (0..LEAF).filter(|bit| raised & 1 << bit != 0) {
                serve(leaf.wrapping_mul(LEAF).wrapping_add(bit));
            }
        }
    }
}

fn offset<R: Register>(leaf: u32) -> u32 {
    R::OFFSET.wrapping_add(leaf.wrapping_mul(4))
}

fn write<R: Register>(registers: &dyn Registers, value: R) {
    registers.write32(R::OFFSET, value.into());
}

fn write_leaf<R: Register>(registers: &dyn Registers, leaf: u32, value: R) {
    registers.write32(offset::<R>(leaf), value.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;
    use std::vec;
    use std::vec::Vec;

    const TREE: Tree = Tree(IntrWiring::Gh100);
    const TOP: u32 = 0xb81600;
    const LEAF_0: u32 = 0xb81000;

    fn set(vectors: &[u32]) -> Vectors {
        let mut set = Vectors::default();
        vectors.iter().for_each(|&vector| set.insert(vector));
        set
    }

    fn served(card: &Card, vectors: &Vectors) -> Vec<u32> {
        let mut served = vec![];
        TREE.handle(card, vectors, &mut |vector| served.push(vector));
        served
    }

    #[test]
    fn every_vector_that_was_raised_is_served() {
        let card = Card::default();
        // Leaves 0, 1 and 15, which are subtrees 0 and 7.
        card.set(TOP, 1 << 0 | 1 << 7);
        card.set(LEAF_0, 1 << 3 | 1 << 31);
        card.set(LEAF_0 + 4, 1 << 0 | 1 << 1);
        card.set(LEAF_0 + 15 * 4, 1 << 31);
        let vectors = set(&[3, 4, 31, 33, 511]);
        assert_eq!(served(&card, &vectors), [3, 31, 33, 511]);
        let writes = card.writes.borrow();
        let leaves = writes
            .iter()
            .filter(|(at, _)| (LEAF_0..LEAF_0 + 64).contains(at));
        // Vector 32 is somebody else's.
        let expected = [
            (LEAF_0, 1 << 3 | 1 << 31),
            (LEAF_0 + 4, 2),
            (LEAF_0 + 60, 1 << 31),
        ];
        assert_eq!(leaves.copied().collect::<Vec<_>>(), expected);
        assert_eq!(writes.first(), Some(&(0xb81610, 1 | 1 << 7)));
        assert_eq!(writes.last(), Some(&(0xb81608, 1 | 1 << 7)));
    }

    #[test]
    fn leaves_of_subtrees_that_are_quiet_are_not_read() {
        let card = Card::default();
        card.set(TOP, 1 << 1);
        card.set(LEAF_0, 1 << 3);
        card.set(LEAF_0 + 2 * 4, 1 << 4);
        assert_eq!(served(&card, &set(&[3, 68])), [68]);
    }

    #[test]
    fn nothing_is_served_where_the_card_is_gone() {
        let card = Card::default();
        card.set(TOP, u32::MAX);
        card.set(LEAF_0, u32::MAX);
        assert_eq!(served(&card, &set(&[3])), [0; 0]);
    }

    #[test]
    fn sets_are_enabled_and_disabled_leaf_by_leaf() {
        let card = Card::default();
        let vectors = set(&[3, 4, 95]);
        TREE.enable(&card, &vectors);
        TREE.disable(&card, &vectors, &Vectors::default());
        let expected = [
            (LEAF_0, 0x18),
            (0xb81200, 0x18),
            (LEAF_0 + 8, 1 << 31),
            (0xb81208, 1 << 31),
            (0xb81608, 0b11),
            (0xb81610, 0b11),
            (0xb81400, 0x18),
            (0xb81408, 1 << 31),
        ];
        assert_eq!(*card.writes.borrow(), expected);
    }

    #[test]
    fn a_subtree_that_others_need_stays_enabled() {
        let card = Card::default();
        TREE.disable(&card, &set(&[3, 95]), &set(&[40]));
        let expected = [(0xb81610, 0b10), (0xb81400, 8), (0xb81408, 1 << 31)];
        assert_eq!(*card.writes.borrow(), expected);
    }

    #[test]
    fn sets_are_joined_and_compared() {
        let (a, b) = (set(&[3, 95]), set(&[95, 511]));
        assert!(a.intersects(&b) && !a.intersects(&set(&[4, 63])));
        assert_eq!(a.union(&b), set(&[3, 95, 511]));
        assert!(!a.is_empty() && set(&[]).is_empty());
        assert_eq!(Vectors::from_words(a.words()), a);
    }
}

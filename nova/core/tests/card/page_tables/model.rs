// SPDX-License-Identifier: GPL-2.0

//! What should be mapped: at each address, what the last change that was about it has said.

use std::collections::BTreeSet;
use std::ops::Range;

use nova_core::{kinds_for_programs, Aperture, Attributes, Block, Change};
use nova_hw::chipset::Architecture;
use nova_hw::gmmu::Format;
use nova_mock::{FaultNumber, MmuAlone, Place, Translated};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, Index};

const PAGE: u64 = 0x1000;

/// A change.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) range: Range<u64>,
    /// What is mapped.
    pub(super) blocks: Option<(Vec<Block>, Attributes)>,
    /// What is promised of the blocks.
    pub(super) page_shift: u32,
    /// Where there are no blocks: the range is made sparse.
    pub(super) is_sparse: bool,
}

impl Operation {
    /// What it is prepared as.
    pub(super) fn change(&self) -> Change {
        match self.blocks.iter().flat_map(|(blocks, _)| blocks).next() {
            Some(&Block { aperture, .. }) => Change::Map {
                aperture,
                page_shift: self.page_shift,
            },
            None => Change::Unmap,
        }
    }

    /// What it has at an address in its range.
    fn at(&self, va: u64) -> Expected {
        let Some((blocks, attributes)) = &self.blocks else {
            return match self.is_sparse {
                true => Expected::Sparse,
                false => Expected::Nothing,
            };
        };
        let mut left = va - self.range.start;
        for block in blocks {
            if left < block.size {
                let address = block.address + left;
                let place = match block.aperture {
                    Aperture::Vram => Place::Vram(address),
                    Aperture::System => Place::System(address),
                };
                return Expected::Page(place, *attributes);
            }
            left -= block.size;
        }
        panic!("blocks end early");
    }

    /// Addresses at which something may go wrong.
    fn probes(&self) -> Vec<u64> {
        let Range { start, end } = self.range;
        let mut probes = vec![start, end - PAGE, (start + (end - start) / 2) & !(PAGE - 1)];
        for shift in [12, 16, 21, 29] {
            let last = (1 << shift) - 1;
            // The first and the last page of what is cut, and those beside.
            probes.extend([start & !last, end.wrapping_sub(1) | last]);
            probes.extend([start.wrapping_sub(1) & !last, end | last]);
        }
        let mut at = start;
        for block in self.blocks.iter().flat_map(|(blocks, _)| blocks) {
            probes.extend([at, at + block.size - PAGE]);
            at += block.size;
        }
        probes
    }
}

/// How an access fails where nothing is mapped.
const UNMAPPED: [FaultNumber; 3] = [FaultNumber::PDE, FaultNumber::PTE, FaultNumber::VA_LIMIT];

/// What the MMU should find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Nothing,
    Sparse,
    Page(Place, Attributes),
}

impl Expected {
    pub(super) fn is(&self, found: Result<Translated, FaultNumber>) -> bool {
        match (*self, found) {
            (Self::Nothing, Err(fault)) => UNMAPPED.contains(&fault),
            (Self::Sparse, Ok(found)) => found.place == Place::Sparse,
            (Self::Page(place, attributes), Ok(found)) => {
                let expected = Translated {
                    place,
                    left: found.left,
                    read_only: attributes.read_only,
                    privileged: false,
                    atomic_disabled: false,
                    is_volatile: matches!(place, Place::System(_)),
                    kind: attributes.kind,
                };
                found == expected
            }
            _ => false,
        }
    }
}

/// All changes so far.
#[derive(Debug, Default)]
pub(super) struct Model {
    operations: Vec<Operation>,
    /// Number of changes before the last invalidation.
    invalidated: usize,
    probes: BTreeSet<u64>,
}

impl Model {
    pub(super) fn apply(&mut self, operation: Operation) {
        self.probes.extend(operation.probes());
        self.operations.push(operation);
    }

    pub(super) fn invalidated(&mut self) {
        self.invalidated = self.operations.len();
    }

    fn at(&self, va: u64) -> Expected {
        self.at_after(self.operations.len(), va)
    }

    /// What was at an address after the first `count` changes.
    fn at_after(&self, count: usize, va: u64) -> Expected {
        let mut operations = self.operations.iter().take(count).rev();
        let last = operations.find(|operation| operation.range.contains(&va));
        last.map_or(Expected::Nothing, |operation| operation.at(va))
    }

    /// Addresses with what is to be there.
    pub(super) fn probes(&self) -> impl Iterator<Item = (u64, Expected)> + '_ {
        self.probes
            .iter()
            .filter(|&&va| va >> 57 == 0)
            .map(|&va| (va, self.at(va)))
    }

    pub(super) fn ranges(&self) -> Vec<Range<u64>> {
        let ranges = self.operations.iter();
        ranges.map(|operation| operation.range.clone()).collect()
    }

    /// What is to be checked during a change.
    pub(super) fn watch(&self, operation: &Operation, root: u64) -> Watch {
        let mut addresses: BTreeSet<u64> = operation.probes().into_iter().collect();
        // Some that are close.
        let Range { start, end } = operation.range;
        addresses.extend(self.probes.range(..start).rev().take(4));
        addresses.extend(self.probes.range(start..end).take(4));
        addresses.extend(self.probes.range(end..).take(4));
        let addresses = addresses.into_iter().filter(|&va| va >> 57 == 0);
        let probes = addresses.map(|va| {
            let after = operation.range.contains(&va).then(|| operation.at(va));
            let counts = self.invalidated..=self.operations.len();
            let mut known: Vec<_> = counts.map(|count| self.at_after(count, va)).collect();
            known.extend(after);
            let in_call = &self.operations[self.invalidated..];
            let is_named = |operation: &Operation| operation.range.contains(&va);
            if after.is_some() || in_call.iter().any(is_named) {
                known.push(Expected::Nothing);
            }
            Probe {
                va,
                before: self.at(va),
                after,
                known,
            }
        });
        Watch {
            root,
            probes: probes.collect(),
            wrong: None,
        }
    }
}

/// What is checked while tables are written.
pub(super) struct Watch {
    root: u64,
    probes: Vec<Probe>,
    /// What was wrong first.
    pub(super) wrong: Option<String>,
}

struct Probe {
    va: u64,
    before: Expected,
    /// The change is about the address.
    after: Option<Expected>,
    /// What the TLBs may know: what it has had since they were invalidated. If changes were about it,
    /// that it has nothing, too.
    known: Vec<Expected>,
}

impl Watch {
    /// Looks at all addresses as the MMU does, with its TLBs and without.
    pub(super) fn look(&mut self, mmu: &mut MmuAlone) {
        if self.wrong.is_some() {
            return;
        }
        for probe in &self.probes {
            let Probe { va, before, .. } = *probe;
            let in_memory = mmu.walk(self.root, va);
            let is_right = match probe.after {
                // It may fail meanwhile, but finds no other memory.
                Some(after) => [before, after, Expected::Nothing]
                    .iter()
                    .any(|expected| expected.is(in_memory)),
                None => before.is(in_memory),
            };
            if !is_right {
                let after = probe.after;
                self.wrong = Some(format!(
                    "{va:#x}, from {before:x?} to {after:x?}: in memory {in_memory:x?}"
                ));
                return;
            }
            let by_tlbs = mmu.translate(self.root, va);
            if !probe.known.iter().any(|expected| expected.is(by_tlbs)) {
                let known = &probe.known;
                self.wrong = Some(format!("{va:#x}, {known:x?}: by the TLBs {by_tlbs:x?}"));
                return;
            }
        }
    }
}

/// Random numbers of which a change is made.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    /// Around which address.
    around: usize,
    /// Distance of the start from there, in pages of a size.
    start: (u32, i64),
    /// Size, in pages of a size.
    size: (u32, u64),
    what: What,
    /// Where blocks end, in 1/256 of the size.
    cuts: Vec<u64>,
    /// Memory is aligned as the addresses are, to `1 << shift`.
    page_shift: u32,
    memory: u64,
    read_only: bool,
    /// One of the kinds of the chip.
    kind: Index,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Vram,
    System,
    Sparse,
    Unmap,
}

/// Changes, each with whether the TLBs are invalidated after it.
pub(super) fn operations() -> impl Strategy<Value = Vec<(Seed, bool)>> {
    let shifts = || select(vec![12, 12, 12, 16, 16, 21]);
    let size = prop_oneof![
        8 => (shifts(), 1_u64..40),
        4 => (select(vec![16, 21]), 1_u64..3),
        1 => (Just(29), 1_u64..3),
    ];
    let what = select(vec![
        What::Vram,
        What::Vram,
        What::Vram,
        What::System,
        What::Sparse,
        What::Unmap,
        What::Unmap,
    ]);
    let where_to = (0..4_usize, (shifts(), -20_i64..20), size);
    let memory = (
        vec(0..256_u64, 0..3),
        select(vec![12, 16, 21, 29]),
        any::<u64>(),
    );
    let attributes = (any::<bool>(), any::<Index>());
    let seed = (where_to, what, memory, attributes).prop_map(
        |((around, start, size), what, (cuts, page_shift, memory), (read_only, kind))| Seed {
            around,
            start,
            size,
            what,
            cuts,
            page_shift,
            memory,
            read_only,
            kind,
        },
    );
    vec((seed, prop::bool::weighted(0.7)), 1..12)
}

impl Seed {
    /// The change, in an address space of this architecture.
    pub(super) fn operation(&self, arch: Architecture) -> Operation {
        let end = 1 << Format::of(arch).va_bits;
        let around = [0, 5 << 29, 1 << 38, end][self.around];
        let offset = self.start.1.unsigned_abs() << self.start.0;
        let start = match self.start.1 < 0 || around == end {
            true => u64::saturating_sub(around, offset),
            false => around + offset,
        };
        let start = start.min(end - PAGE);
        let range = start..(start + (self.size.1 << self.size.0)).min(end);
        let aperture = match self.what {
            What::Vram => Some(Aperture::Vram),
            What::System => Some(Aperture::System),
            What::Sparse | What::Unmap => None,
        };
        let kinds = kinds_for_programs(arch);
        let kinds: Vec<u8> = (0..16).filter(|kind| kinds >> kind & 1 != 0).collect();
        let attributes = Attributes {
            kind: *self.kind.get(&kinds),
            read_only: self.read_only,
            privileged: false,
        };
        Operation {
            blocks: aperture.map(|aperture| (self.blocks(aperture, &range), attributes)),
            page_shift: self.page_shift,
            is_sparse: matches!(self.what, What::Sparse),
            range,
        }
    }

    fn blocks(&self, aperture: Aperture, range: &Range<u64>) -> Vec<Block> {
        let size = range.end - range.start;
        let aligned = (1 << self.page_shift) - 1;
        let cuts = self.cuts.iter();
        let mut ends: Vec<_> = cuts
            .map(|cut| (range.start + size / 256 * cut) & !aligned)
            .filter(|end| range.contains(end) && *end != range.start)
            .chain([range.end])
            .collect();
        ends.sort();
        ends.dedup();
        let mut start = range.start;
        let mut blocks = Vec::new();
        for (number, end) in (1..).zip(ends) {
            // Below the tables, and within the 37 bits of version 2.
            let memory = self.memory.wrapping_mul(number) >> 29 & !aligned & 0xf_ffff_f000;
            blocks.push(Block {
                aperture,
                address: memory | start & aligned,
                size: end - start,
            });
            start = end;
        }
        blocks
    }
}

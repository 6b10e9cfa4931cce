// SPDX-License-Identifier: GPL-2.0

//! What lines consist of: bytes, or elements whose components are remapped.

use nova_hw::class::copy::{offset, Component};

use super::super::engine::Exception;
use super::report::{self, refused};
use super::state::State;

/// How the elements of the destination are made from those of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    /// They are the same bytes.
    Bytes,
    Remapped(Remap),
}

/// Elements of up to four components of up to four bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remap {
    component_size: usize,
    source_components: usize,
    /// The components of the destination.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// This component of the source.
    Source(usize),
    Constant(u32),
    /// What the destination has.
    Keep,
}

impl Remap {
    /// What the channel has set. Components that the destination does not have are not examined.
    pub(super) fn new(state: &State) -> Result<Self, Exception> {
        let set = state.components();
        let source_components = usize::from(set.num_src_components()) + 1;
        let part = |component| match component {
            ..=Component::SRC_W if usize::from(component) < source_components => {
                Ok(Part::Source(component.into()))
            }
            ..=Component::SRC_W => {
                let what = format!("component {component} of {source_components} in the source");
                Err(refused(report::BAD_SRC_PIXEL_COMP_REF, what))
            }
            Component::CONST_A => Ok(Part::Constant(state.get(offset::SET_REMAP_CONST_A))),
            Component::CONST_B => Ok(Part::Constant(state.get(offset::SET_REMAP_CONST_B))),
            Component::NO_WRITE => Ok(Part::Keep),
            _ => Err(refused(
                report::INVALID_VALUE,
                format!("component {component}"),
            )),
        };
        let components = [set.dst_x(), set.dst_y(), set.dst_z(), set.dst_w()];
        let count = usize::from(set.num_dst_components()) + 1;
        let parts = components.into_iter().take(count).map(part);
        Ok(Self {
            component_size: usize::from(set.component_size()) + 1,
            source_components,
            parts: parts.collect::<Result<_, _>>()?,
        })
    }

    /// The two constants, one after the other.
    pub(super) fn constants(state: &State) -> Self {
        let constants = [offset::SET_REMAP_CONST_A, offset::SET_REMAP_CONST_B];
        Self {
            component_size: 4,
            source_components: 1,
            parts: constants.map(|at| Part::Constant(state.get(at))).into(),
        }
    }
}

impl Elements {
    /// Bytes of an element in the source.
    pub(super) fn source_size(&self) -> u64 {
        match self {
            Self::Bytes => 1,
            Self::Remapped(remap) => (remap.component_size * remap.source_components) as u64,
        }
    }

    /// Bytes of an element in the destination.
    pub(super) fn destination_size(&self) -> u64 {
        match self {
            Self::Bytes => 1,
            Self::Remapped(remap) => (remap.component_size * remap.parts.len()) as u64,
        }
    }

    /// Something comes from the source.
    pub(super) fn use_source(&self) -> bool {
        match self {
            Self::Bytes => true,
            Self::Remapped(remap) => remap
                .parts
                .iter()
                .any(|part| matches!(part, Part::Source(_))),
        }
    }

    /// The bytes of `count` elements in the destination. `source` has those in the source, if they
    /// are used. Bytes that are not written are 0.
    pub(super) fn make(&self, count: usize, source: Vec<u8>) -> Vec<u8> {
        let Self::Remapped(remap) = self else {
            return source;
        };
        let size = remap.component_size;
        let mut made = Vec::with_capacity(count * size * remap.parts.len());
        for element in 0..count {
            let first = element * remap.source_components;
            for part in &remap.parts {
                match part {
                    Part::Source(component) => {
                        let start = (first + component) * size;
                        made.extend_from_slice(&source[start..start + size]);
                    }
                    Part::Constant(value) => made.extend_from_slice(&value.to_le_bytes()[..size]),
                    Part::Keep => made.extend_from_slice(&[0; 4][..size]),
                }
            }
        }
        made
    }

    /// From byte `first` of `bytes` that begin with an element: how many there are alike, and
    /// whether they are written.
    pub(super) fn run(&self, first: usize, bytes: usize) -> (usize, bool) {
        let Self::Remapped(remap) = self else {
            return (bytes - first, true);
        };
        let is_written = |byte: usize| {
            let part = byte / remap.component_size % remap.parts.len();
            remap.parts[part] != Part::Keep
        };
        if remap.parts.iter().all(|&part| part != Part::Keep) {
            return (bytes - first, true);
        }
        let written = is_written(first);
        let run = (first..bytes).take_while(|&byte| is_written(byte) == written);
        (run.count(), written)
    }
}

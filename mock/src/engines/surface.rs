// SPDX-License-Identifier: GPL-2.0

//! Where the bytes of a source or a destination are.

use nova_hw::class::copy::KindBpp;

use super::memory::{Address, Memory, MmuFault};

/// Bytes of a line of a GOB, which is the width of a block.
const GOB_WIDTH: u64 = 64;

/// Lines of a GOB.
const GOB_HEIGHT: u64 = 8;

/// Bytes of a GOB.
pub(super) const GOB_SIZE: u64 = GOB_WIDTH * GOB_HEIGHT;

/// A source or a destination: lines of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Surface {
    pub(super) base: Address,
    pub(super) layout: Layout,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// This many bytes from a line to the next.
    Pitch(i32),
    BlockLinear(BlockLinear),
}

/// A part of a surface in blocks of GOBs.
///
/// Source: Mesa, src/nouveau/nil/tiling.rs, `Tiling`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockLinear {
    /// Bytes of the surface's lines.
    pub(super) width: u64,
    /// Lines of the surface.
    pub(super) height: u64,
    /// Binary logarithm of a block's height in GOBs.
    pub(super) block_height: u8,
    /// Binary logarithm of a block's depth in GOBs.
    pub(super) block_depth: u8,
    /// First byte of the part's lines.
    pub(super) x: u64,
    /// First line of the part.
    pub(super) y: u64,
    /// The layer that the part is in.
    pub(super) layer: u64,
    pub(super) gob: Gob,
}

/// The order of bytes in a GOB.
///
/// Source: Mesa, src/nouveau/nil/copy.rs, `CopyGOBTuring2D`, `CopyGOBBlackwell2D1BPP` and
/// `CopyGOBBlackwell2D2BPP`. For the last one, the table in tiling.rs differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gob {
    /// On GPUs before GB20x, and there for elements of 32 bits and more.
    Turing,
    /// On GB20x, for elements of 8 bits.
    Bits8,
    /// On GB20x, for elements of 16 bits.
    Bits16,
}

impl Gob {
    /// The order for a [`KindBpp`]. That of [`KindBpp::BL_24`] is not known.
    pub(super) const fn new(kind: u8) -> Option<Self> {
        match kind {
            KindBpp::BL_32 => Some(Self::Turing),
            KindBpp::BL_8 => Some(Self::Bits8),
            KindBpp::BL_16 => Some(Self::Bits16),
            _ => None,
        }
    }

    /// Bytes of a line that are together.
    const fn run(self) -> u64 {
        match self {
            Self::Turing | Self::Bits16 => 16,
            Self::Bits8 => 8,
        }
    }

    /// Offset of byte `x` of line `y`.
    const fn offset(self, x: u64, y: u64) -> u64 {
        let run = self.run();
        let (column, lines) = (x / run, y % 4 * run);
        let rest = match self {
            Self::Turing => column / 2 * 256 + y / 4 * 128 + column % 2 * 64,
            Self::Bits16 => column / 2 * 256 + column % 2 * 128 + y / 4 * 64,
            Self::Bits8 => column * 64 + y / 4 * 32,
        };
        rest + lines + x % run
    }
}

impl BlockLinear {
    /// Offset of byte `x` of line `y` of the part.
    fn offset(&self, x: u64, y: u64) -> u64 {
        let (x, y) = (self.x + x, self.y + y);
        let (height, depth) = (1 << self.block_height, 1 << self.block_depth);
        let columns = self.width.div_ceil(GOB_WIDTH);
        let rows = self.height.div_ceil(GOB_HEIGHT * height);
        let row = y / (GOB_HEIGHT * height);
        let rows_before = (self.layer / depth).wrapping_mul(rows).wrapping_add(row);
        let block = rows_before
            .wrapping_mul(columns)
            .wrapping_add(x / GOB_WIDTH);
        let gob = self.layer % depth * height + y / GOB_HEIGHT % height;
        let gobs = block.wrapping_mul(height * depth).wrapping_add(gob);
        let in_gob = self.gob.offset(x % GOB_WIDTH, y % GOB_HEIGHT);
        gobs.wrapping_mul(GOB_SIZE).wrapping_add(in_gob)
    }
}

impl Surface {
    /// The address of byte `x` of a line, and how many bytes of the line are there together.
    fn locate(&self, x: u64, line: u64) -> (Address, u64) {
        match &self.layout {
            Layout::Pitch(pitch) => {
                let start = line.wrapping_mul(i64::from(*pitch) as u64);
                (self.base.plus(start).plus(x), u64::MAX)
            }
            Layout::BlockLinear(part) => {
                let run = part.gob.run();
                (
                    self.base.plus(part.offset(x, line)),
                    run - (part.x + x) % run,
                )
            }
        }
    }

    /// Reads from byte `x` of a line on.
    pub(super) fn read(
        &self,
        memory: &mut dyn Memory,
        mut x: u64,
        line: u64,
        mut into: &mut [u8],
    ) -> Result<(), MmuFault> {
        while !into.is_empty() {
            let (at, together) = self.locate(x, line);
            let size = together.min(into.len() as u64);
            let (run, rest) = into.split_at_mut(size as usize);
            memory.read(at, run)?;
            (into, x) = (rest, x + size);
        }
        Ok(())
    }

    /// Writes from byte `x` of a line on.
    pub(super) fn write(
        &self,
        memory: &mut dyn Memory,
        mut x: u64,
        line: u64,
        mut from: &[u8],
    ) -> Result<(), MmuFault> {
        while !from.is_empty() {
            let (at, together) = self.locate(x, line);
            let size = together.min(from.len() as u64);
            let (run, rest) = from.split_at(size as usize);
            memory.write(at, run)?;
            (from, x) = (rest, x + size);
        }
        Ok(())
    }
}

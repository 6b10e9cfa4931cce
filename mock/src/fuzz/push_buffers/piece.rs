// SPDX-License-Identifier: GPL-2.0

//! Words of push buffers that do something.

use arbitrary::Arbitrary;
use nova_hw::class::copy::offset;
use nova_hw::class::graphics::mme::{Instruction, NOTHING};
use nova_hw::class::graphics::offset as graphics;
use nova_hw::class::host::{method, Header};

use super::{DATA, GONE, LARGE, PAGE, PROTECTED, READ_ONLY, SPARSE, SYSTEM, VA};

/// A virtual address.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) enum Spot {
    Data(u32),
    Work(u32),
    System(u16),
    ReadOnly(u16),
    Sparse(u16),
    Gone(u16),
    Protected(u16),
    Any(u64),
}

impl Spot {
    fn address(self) -> u64 {
        let within = |first, offset, size| first + u64::from(offset) % size;
        match self {
            Self::Data(offset) => within(VA + DATA, offset, LARGE),
            Self::Work(offset) => within(VA + LARGE, offset, LARGE),
            Self::System(offset) => within(SYSTEM, offset.into(), PAGE),
            Self::ReadOnly(offset) => within(READ_ONLY, offset.into(), PAGE),
            Self::Sparse(offset) => within(SPARSE, offset.into(), PAGE),
            Self::Gone(offset) => within(GONE, offset.into(), PAGE),
            Self::Protected(offset) => within(PROTECTED, offset.into(), PAGE),
            Self::Any(address) => address,
        }
    }

    fn halves(self) -> [u32; 2] {
        let address = self.address();
        [(address >> 32) as u32, address as u32]
    }
}

/// Words of a push buffer.
#[derive(Debug, Arbitrary)]
pub(super) enum Piece {
    Word(u32),
    Methods {
        operation: u8,
        subchannel: u8,
        method: u16,
        data: Vec<u32>,
    },
    Semaphore {
        at: Spot,
        payload: u32,
        execute: u32,
    },
    /// A copy. Small pitches and few lines are more than the fuzzer would find.
    Copy {
        from: Spot,
        to: Spot,
        pitches: [i16; 2],
        length: u32,
        lines: u16,
        launch: u32,
    },
    /// The blocks of one side of a copy.
    Blocks {
        is_source: bool,
        blocks: u16,
        size: [u16; 3],
        layer: u16,
        origin: u32,
    },
    Remap {
        constants: [u32; 2],
        components: u32,
    },
    /// A macro, and a call of it. Where bits are 0, its instructions do nothing.
    Macro {
        subchannel: u8,
        instructions: Vec<u128>,
        words: Vec<u32>,
    },
}

impl Piece {
    pub(super) fn words(&self) -> Vec<u32> {
        let copy = |first: u16, data: &[u32]| methods(Header::INC, 4, first, data);
        match self {
            &Self::Word(word) => vec![word],
            Self::Methods {
                operation,
                subchannel,
                method,
                data,
            } => methods(*operation, *subchannel, method % 0x1000 * 4, data),
            &Self::Semaphore {
                at,
                payload,
                execute,
            } => {
                let [high, low] = at.halves();
                let data = [low & !3, high, payload, 0, execute];
                methods(Header::INC, 0, method::SEM_ADDR_LO as u16, &data)
            }
            &Self::Copy {
                from,
                to,
                pitches,
                length,
                lines,
                launch,
            } => {
                let pitches = pitches.map(|pitch| i32::from(pitch) as u32);
                let area = [length, lines.into()];
                let all = [from.halves(), to.halves(), pitches, area].concat();
                let launch = copy(offset::LAUNCH_DMA, &[launch]);
                [copy(offset::OFFSET_IN_UPPER, &all), launch].concat()
            }
            &Self::Blocks {
                is_source,
                blocks,
                size: [width, height, depth],
                layer,
                origin,
            } => {
                let first = match is_source {
                    true => offset::SET_SRC_BLOCK_SIZE,
                    false => offset::SET_DST_BLOCK_SIZE,
                };
                let [blocks, width, height, depth, layer] =
                    [blocks, width, height, depth, layer].map(u32::from);
                copy(first, &[blocks, width, height, depth, layer, origin])
            }
            Self::Remap {
                constants: [a, b],
                components,
            } => copy(offset::SET_REMAP_CONST_A, &[*a, *b, *components]),
            Self::Macro {
                subchannel,
                instructions,
                words,
            } => {
                let at =
                    |operation, method, data: &[u32]| methods(operation, *subchannel, method, data);
                let instructions = instructions
                    .iter()
                    .take(64)
                    .flat_map(|bits| Instruction::from(bits ^ u128::from(NOTHING)).words());
                let end = [NOTHING.with_ends_next(true), NOTHING].map(Instruction::words);
                let instructions: Vec<_> = instructions.chain(end.concat()).collect();
                [
                    at(
                        Header::INC,
                        graphics::LOAD_MME_START_ADDRESS_RAM_POINTER,
                        &[0, 0],
                    ),
                    at(
                        Header::INC,
                        graphics::LOAD_MME_INSTRUCTION_RAM_POINTER,
                        &[0],
                    ),
                    at(
                        Header::NON_INC,
                        graphics::LOAD_MME_INSTRUCTION_RAM,
                        &instructions,
                    ),
                    at(Header::ONE_INC, CALL_MME_MACRO, words),
                ]
                .concat()
            }
        }
    }
}

/// CALL_MME_MACRO(0)
const CALL_MME_MACRO: u16 = 0x3800;

fn methods(operation: u8, subchannel: u8, method: u16, data: &[u32]) -> Vec<u32> {
    let data = &data[..data.len().min(0x100)];
    let count = data.len() as u16;
    let header = Header::of(operation % 8, subchannel % 8, method.into(), count);
    [&[header.into()], data].concat()
}

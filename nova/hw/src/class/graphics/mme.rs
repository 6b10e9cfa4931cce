// SPDX-License-Identifier: GPL-2.0

//! Macros of the graphics classes, which the macro method expander (MME) executes: their
//! instructions, as they are since Turing (*MME64*), and what calls them.
//!
//! Source: open-gpu-doc, MME-MacroMethodExpander/tu104, which has the encoding and the names. What
//! immediates of operations mean is from Mesa, src/nouveau/mme/mme_tu104.c and mme_tu104_sim.c,
//! which have been compared with cards.

mod operands;

pub use operands::{Operand, Operation, Output, Predicate, LOAD_FROM_FIFO, REGISTERS};

/// Words of an instruction, the upper bits first.
pub const INSTRUCTION_WORDS: u16 = 3;

/// Macros that a channel can have.
pub const MACROS: u16 = 256;

/// Words of the data RAM that `DREAD` and `DWRITE` reach. Source: Mesa,
/// src/nouveau/mme/mme_tu104.h.
pub const DATA_RAM_WORDS: u32 = 0xc00;

/// An instruction.
///
/// It has two ALUs and two outputs, which are executed in this order unless the predicate turns
/// some of them off.
#[bitfield_struct::bitfield(u128)]
#[derive(PartialEq, Eq)]
pub struct Instruction {
    /// The next instruction is the macro's last one.
    pub ends_next: bool,
    /// A [`Predicate`].
    #[bits(4)]
    pub predicate: Predicate,
    /// What the predicate is about: true unless it is 0.
    #[bits(5)]
    pub predicate_source: Operand,
    /// What ALU 0 does.
    #[bits(5)]
    pub operation_0: Operation,
    /// Where ALU 0 puts its result.
    #[bits(5)]
    pub destination_0: Operand,
    /// The first source of ALU 0.
    #[bits(5)]
    pub x_0: Operand,
    /// The second source of ALU 0.
    #[bits(5)]
    pub y_0: Operand,
    /// The immediate of ALU 0.
    pub immediate_0: u16,
    /// What ALU 1 does.
    #[bits(5)]
    pub operation_1: Operation,
    /// Where ALU 1 puts its result.
    #[bits(5)]
    pub destination_1: Operand,
    /// The first source of ALU 1.
    #[bits(5)]
    pub x_1: Operand,
    /// The second source of ALU 1.
    #[bits(5)]
    pub y_1: Operand,
    /// The immediate of ALU 1.
    pub immediate_1: u16,
    /// The [`Method`] that output 0 goes to.
    #[bits(3)]
    pub method_0: Output,
    /// The data that output 0 sends there.
    #[bits(4)]
    pub emit_0: Output,
    /// The [`Method`] that output 1 goes to.
    #[bits(3)]
    pub method_1: Output,
    /// The data that output 1 sends there.
    #[bits(4)]
    pub emit_1: Output,
    __: u32,
}

/// A part of an [`Instruction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alu {
    /// What it does.
    pub operation: Operation,
    /// Where the result goes.
    pub destination: Operand,
    /// The sources.
    pub sources: [Operand; 2],
    /// What [`Operand::Immediate`] stands for, and what some operations have besides.
    pub immediate: u16,
}

impl Instruction {
    /// The instruction that is loaded as these words.
    pub const fn from_words([upper, middle, lower]: [u32; 3]) -> Self {
        Self::from_bits((upper as u128) << 64 | (middle as u128) << 32 | lower as u128)
    }

    /// The words that load the instruction.
    pub const fn words(self) -> [u32; 3] {
        let bits = self.into_bits();
        [(bits >> 64) as u32, (bits >> 32) as u32, bits as u32]
    }

    /// Both ALUs.
    pub const fn alus(self) -> [Alu; 2] {
        [
            Alu {
                operation: self.operation_0(),
                destination: self.destination_0(),
                sources: [self.x_0(), self.y_0()],
                immediate: self.immediate_0(),
            },
            Alu {
                operation: self.operation_1(),
                destination: self.destination_1(),
                sources: [self.x_1(), self.y_1()],
                immediate: self.immediate_1(),
            },
        ]
    }

    /// Method and data of both outputs.
    pub const fn outputs(self) -> [[Output; 2]; 2] {
        [
            [self.method_0(), self.emit_0()],
            [self.method_1(), self.emit_1()],
        ]
    }

    /// Both immediates, as [`Operand::Immediate32`] and [`Output::Immediate32`] have them.
    pub const fn immediate_32(self) -> u32 {
        (self.immediate_0() as u32) << 16 | self.immediate_1() as u32
    }
}

/// An instruction that does nothing: its ALUs add 0 and 0.
pub const NOTHING: Instruction = Instruction::new()
    .with_predicate_source(Operand::Zero)
    .with_destination_0(Operand::Zero)
    .with_x_0(Operand::Zero)
    .with_y_0(Operand::Zero)
    .with_destination_1(Operand::Zero)
    .with_x_1(Operand::Zero)
    .with_y_1(Operand::Zero);

/// The method that outputs go to.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Method {
    /// A quarter of its offset.
    #[bits(12)]
    pub number: u16,
    /// What is added to the number when the method has been sent.
    #[bits(4)]
    pub increment: u16,
    #[bits(16)]
    __: u32,
}

/// The immediate of [`Operation::Merge`]: x gets bits of y.
#[bitfield_struct::bitfield(u16)]
#[derive(PartialEq, Eq)]
pub struct Merge {
    /// The first bit in y.
    #[bits(5)]
    pub first: u8,
    /// How many bits.
    #[bits(5)]
    pub bits: u8,
    /// The bit in x that the first one goes to.
    #[bits(5)]
    pub place: u8,
    /// What this is for is not known.
    pub unknown: bool,
}

/// The immediate of [`Operation::Jal`].
#[bitfield_struct::bitfield(u16)]
#[derive(PartialEq, Eq)]
pub struct Jump {
    /// How many instructions further.
    #[bits(15)]
    pub distance: u16,
    /// What this is for is not known; Mesa found it set in all macros of NVIDIA's.
    pub is_set: bool,
}

/// The immediate of the operations that branch.
#[bitfield_struct::bitfield(u16)]
#[derive(PartialEq, Eq)]
pub struct Branch {
    /// How many instructions further, with a sign; [`Branch::EXIT`] ends the macro.
    #[bits(13)]
    pub distance: i16,
    /// What these are for is not known.
    #[bits(2)]
    pub unknown: u8,
    /// Branches if what the operation compares is so; else if it is not so.
    pub if_true: bool,
}

impl Branch {
    /// The distance that ends the macro at once.
    pub const EXIT: i16 = -0x1000;
}

/// What a method does with macros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The number of the macro.
    pub number: u8,
    /// This is one more word for the macro; else it begins with this word.
    pub is_data: bool,
}

impl Call {
    /// The offset of `CALL_MME_MACRO(0)`.
    const FIRST: u16 = 0x3800;

    /// The call that a method is, in the classes that have it: `CALL_MME_MACRO` or
    /// `CALL_MME_DATA`.
    pub const fn of_method(offset: u16) -> Option<Self> {
        if offset < Self::FIRST || offset >= Self::FIRST + 8 * MACROS {
            return None;
        }
        Some(Self {
            number: ((offset - Self::FIRST) / 8) as u8,
            is_data: offset % 8 != 0,
        })
    }

    /// NVIDIA's name of the method.
    pub const fn name(self) -> &'static str {
        match self.is_data {
            false => "CALL_MME_MACRO",
            true => "CALL_MME_DATA",
        }
    }
}

/// The number of the scratch that a method of all classes with macros sets: an element of
/// `SET_MME_SHADOW_SCRATCH`.
pub const fn scratch_of_method(offset: u16) -> Option<u8> {
    const FIRST: u16 = 0x3400;
    if offset < FIRST || offset >= Call::FIRST {
        return None;
    }
    Some(((offset - FIRST) / 4) as u8)
}

/// `SET_MME_DATA_FIFO_CONFIG`: how much the FIFO of `MME_DMA_READ_FIFOED` has room for.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct DataFifoConfig {
    /// In units of 4 KiB, up to [`DataFifoConfig::MAX`].
    #[bits(3)]
    pub size: u8,
    #[bits(29)]
    __: u32,
}

impl DataFifoConfig {
    /// 16 KiB.
    pub const MAX: u8 = 4;
}

/// Registers that `SET_FALCON04` of 3D classes changes: the falcon that switches contexts (FECS)
/// takes the bits that scratch 2 has set from scratch 1, writes them to the register that the data
/// names, and sets scratch 0 to 1.
///
/// Source: Mesa, `nvk_mme_set_priv_reg` in src/nouveau/vulkan/nvk_cmd_draw.c.
pub mod falcon {
    /// Scratch that is 1 when the register has been written.
    pub const DONE: u8 = 0;
    /// Scratch with the bits.
    pub const VALUE: u8 = 1;
    /// Scratch that says which bits change.
    pub const MASK: u8 = 2;
}

#[cfg(test)]
mod tests;

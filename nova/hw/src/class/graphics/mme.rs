// SPDX-License-Identifier: GPL-2.0

//! Macros of the graphics classes, which the macro method expander (MME) executes: their
//! instructions, as they are since Turing (*MME64*), and what calls them.
//!
//! Source: open-gpu-doc, MME-MacroMethodExpander/tu104, which has the encoding and the names. What
//! immediates of operations mean is from Mesa, src/nouveau/mme/mme_tu104.c and mme_tu104_sim.c,
//! which have been compared with cards.

/// Words of an instruction, the upper bits first.
pub const INSTRUCTION_WORDS: u16 = 3;

/// Macros that a channel can have.
pub const MACROS: u16 = 256;

/// Words of the data RAM that `DREAD` and `DWRITE` reach. Source: Mesa,
/// src/nouveau/mme/mme_tu104.h.
pub const DATA_RAM_WORDS: u32 = 0xc00;

/// General registers.
pub const REGISTERS: u8 = 24;

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

/// Declares names of numbers that have all values of their field.
macro_rules! all_values {
    (
        $(#[$attr:meta])*
        $name:ident: $bits:literal {
            $($(#[$doc:meta])* $value:ident,)*
        }
    ) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$doc])* $value,)*
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: [Self; 1 << $bits] = [$(Self::$value),*];

            const fn from_bits(bits: u8) -> Self {
                Self::ALL[bits as usize % Self::ALL.len()]
            }

            const fn into_bits(self) -> u8 {
                self as u8
            }
        }
    };
}

all_values! {
    /// Which parts are executed: ALU 0, ALU 1, output 0, output 1. `U` is unconditional, `T` needs
    /// a source that is true, and `F` one that is false.
    Predicate: 4 {
        /// All parts.
        Uuuu,
        /// All or none.
        Tttt,
        /// All or none.
        Ffff,
        /// The ALUs depend on the source.
        Ttuu,
        /// The ALUs depend on the source.
        Ffuu,
        /// One ALU or the other.
        Tfuu,
        /// ALU 0 depends on the source.
        Tuuu,
        /// ALU 0 depends on the source.
        Fuuu,
        /// The outputs depend on the source.
        Uutt,
        /// One output or the other.
        Uutf,
        /// Output 0 depends on the source.
        Uutu,
        /// One output or the other.
        Uuft,
        /// The outputs depend on the source.
        Uuff,
        /// Output 0 depends on the source.
        Uufu,
        /// Output 1 depends on the source.
        Uuut,
        /// Output 1 depends on the source.
        Uuuf,
    }
}

impl Predicate {
    /// For each part, what the source must be; `None` where that does not matter.
    pub const fn conditions(self) -> [Option<bool>; 4] {
        const T: Option<bool> = Some(true);
        const F: Option<bool> = Some(false);
        const U: Option<bool> = None;
        match self {
            Self::Uuuu => [U, U, U, U],
            Self::Tttt => [T, T, T, T],
            Self::Ffff => [F, F, F, F],
            Self::Ttuu => [T, T, U, U],
            Self::Ffuu => [F, F, U, U],
            Self::Tfuu => [T, F, U, U],
            Self::Tuuu => [T, U, U, U],
            Self::Fuuu => [F, U, U, U],
            Self::Uutt => [U, U, T, T],
            Self::Uutf => [U, U, T, F],
            Self::Uutu => [U, U, T, U],
            Self::Uuft => [U, U, F, T],
            Self::Uuff => [U, U, F, F],
            Self::Uufu => [U, U, F, U],
            Self::Uuut => [U, U, U, T],
            Self::Uuuf => [U, U, U, F],
        }
    }
}

all_values! {
    /// What an ALU does with its sources, x and y.
    Operation: 5 {
        /// x + y
        Add,
        /// x + y and the carry of ALU 0, which adds.
        Addc,
        /// x - y
        Sub,
        /// x - y and the borrow of ALU 0, which subtracts.
        Subb,
        /// The lower half of x · y, which have signs.
        Mul,
        /// The upper half of the product in ALU 0.
        Mulh,
        /// The lower half of x · y, without signs.
        Mulu,
        /// Something else: [`LOAD_FROM_FIFO`] is known.
        Extended,
        /// How many upper bits of x are 0.
        Clz,
        /// x shifted left by the lower five bits of y.
        Sll,
        /// x shifted right.
        Srl,
        /// x shifted right, with its sign.
        Sra,
        /// Both.
        And,
        /// Not both.
        Nand,
        /// Any.
        Or,
        /// Either.
        Xor,
        /// x with bits of y: [`Merge`].
        Merge,
        /// All ones if x is less, with signs; else 0.
        Slt,
        /// All ones if x is less, without signs; else 0.
        Sltu,
        /// All ones if x is not greater, with signs; else 0.
        Sle,
        /// All ones if x is not greater, without signs; else 0.
        Sleu,
        /// All ones if they are equal; else 0.
        Seq,
        /// What the shadow RAM has for the method whose number, a quarter of its offset, is x + y.
        State,
        /// Executes what follows x times, at least once: the instructions before the one that is as
        /// far on as the immediate says.
        Loop,
        /// Jumps: [`Jump`].
        Jal,
        /// Branches if x is less, with signs: [`Branch`].
        Blt,
        /// Branches if x is less, without signs.
        Bltu,
        /// Branches if x is not greater, with signs.
        Ble,
        /// Branches if x is not greater, without signs.
        Bleu,
        /// Branches if they are equal.
        Beq,
        /// Word x of the data RAM.
        Dread,
        /// Makes y word x of the data RAM.
        Dwrite,
    }
}

/// The sources of [`Operation::Extended`] after which macros load what `MME_DMA_READ_FIFOED` has
/// read instead of what the caller sends. Source: Mesa, src/nouveau/mme/mme_tu104_sim.c.
pub const LOAD_FROM_FIFO: [u32; 2] = [0x1000, 1];

/// A source or a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A general register, below [`REGISTERS`].
    Register(u8),
    /// 0; as a destination, nowhere.
    Zero,
    /// The immediate of the same ALU, with its sign.
    Immediate,
    /// The immediate of the other ALU, with its sign.
    ImmediatePair,
    /// Both immediates.
    Immediate32,
    /// The next word for the macro.
    Load0,
    /// The one behind it.
    Load1,
    /// None, with these bits.
    Reserved(u8),
}

impl Operand {
    const fn from_bits(bits: u8) -> Self {
        match bits {
            ..REGISTERS => Self::Register(bits),
            24 => Self::Zero,
            25 => Self::Immediate,
            26 => Self::ImmediatePair,
            27 => Self::Immediate32,
            28 => Self::Load0,
            29 => Self::Load1,
            _ => Self::Reserved(bits),
        }
    }

    const fn into_bits(self) -> u8 {
        match self {
            Self::Register(bits) | Self::Reserved(bits) => bits,
            Self::Zero => 24,
            Self::Immediate => 25,
            Self::ImmediatePair => 26,
            Self::Immediate32 => 27,
            Self::Load0 => 28,
            Self::Load1 => 29,
        }
    }
}

all_values! {
    /// What an output sends, or the method that it goes to: a [`Method`]. That has only the first
    /// eight.
    Output: 4 {
        /// Nothing; or the method does not change.
        None,
        /// The result of ALU 0.
        Alu0,
        /// The result of ALU 1.
        Alu1,
        /// What [`Operand::Load0`] is.
        Load0,
        /// What [`Operand::Load1`] is.
        Load1,
        /// The immediate of ALU 0, without a sign.
        Immediate0,
        /// The immediate of ALU 1, without a sign.
        Immediate1,
        /// No such output.
        Reserved7,
        /// The upper four bits of the immediate of ALU 0.
        ImmediateHigh0,
        /// The upper four bits of the immediate of ALU 1.
        ImmediateHigh1,
        /// Both immediates.
        Immediate32,
        /// No such output.
        Reserved11,
        /// No such output.
        Reserved12,
        /// No such output.
        Reserved13,
        /// No such output.
        Reserved14,
        /// No such output.
        Reserved15,
    }
}

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

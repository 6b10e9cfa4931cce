// SPDX-License-Identifier: GPL-2.0

//! What the fields of an instruction stand for.

/// General registers.
pub const REGISTERS: u8 = 24;

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

            pub(super) const fn from_bits(bits: u8) -> Self {
                Self::ALL[bits as usize % Self::ALL.len()]
            }

            pub(super) const fn into_bits(self) -> u8 {
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
        /// x with bits of y: [`Merge`](super::Merge).
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
        /// Jumps: [`Jump`](super::Jump).
        Jal,
        /// Branches if x is less, with signs: [`Branch`](super::Branch).
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
    pub(super) const fn from_bits(bits: u8) -> Self {
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

    pub(super) const fn into_bits(self) -> u8 {
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
    /// What an output sends, or the method that it goes to: a [`Method`](super::Method). That has only the first
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

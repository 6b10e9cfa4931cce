// SPDX-License-Identifier: GPL-2.0

//! The forms that instructions of the arithmetic units have.
//!
//! There are three operands: the first one is a register in bits 31:24. Of the second and the third
//! one, the form (bits 11:9) says which is in bits 63:32 and what it is there; the other one is a
//! register in bits 71:64 (NAK, `encode_alu_base` and `encode_ualu`).

use super::{Fields, Operand, Source, Unknown, ZERO_REGISTER};

/// Which modifiers an operand of an operation may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// None.
    Plain,
    /// It may be negated.
    Negate,
    /// It may be negated, and its sign may be dropped.
    Any,
}

/// Which operand bits 63:32 have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wide {
    Second,
    Third,
}

impl Fields {
    /// The opcode without the form.
    pub(super) const fn alu_opcode(&self) -> u16 {
        self.opcode() & 0x1ff
    }

    pub(super) const fn form(&self) -> u16 {
        self.opcode() >> 9
    }

    pub(super) fn unknown_form(&self) -> Unknown {
        self.unknown_field(9, 3)
    }

    /// Three operands.
    pub(super) fn three(&mut self, signs: [Sign; 3]) -> Result<[Source; 3], Unknown> {
        let [a, b, c] = signs;
        let first = self.first(a);
        Ok(match self.wide_operand()? {
            Wide::Second => [first, self.wide(b)?, self.narrow(c)],
            Wide::Third => {
                let second = self.narrow(b);
                [first, second, self.wide(c)?]
            }
        })
    }

    /// The first two operands.
    pub(super) fn two(&mut self, signs: [Sign; 2]) -> Result<[Source; 2], Unknown> {
        let [a, b] = signs;
        Ok([self.first(a), self.second(b)?])
    }

    /// The second operand, where no third one can be instead.
    pub(super) fn second(&mut self, sign: Sign) -> Result<Source, Unknown> {
        match self.wide_operand()? {
            Wide::Second => self.wide(sign),
            Wide::Third => Err(self.unknown_form()),
        }
    }

    /// Two operands, the later one of which is the third one unless it is a register
    /// (`OpFAdd` in NAK).
    pub(super) fn second_or_third(&mut self, signs: [Sign; 2]) -> Result<[Source; 2], Unknown> {
        let [a, b] = signs;
        let first = self.first(a);
        if self.wide_operand()? == Wide::Third {
            self.unused(64)?;
        }
        Ok([first, self.wide(b)?])
    }

    /// Two operands, the later one of which is the third one (`OpDAdd` in NAK).
    pub(super) fn first_and_third(&mut self, signs: [Sign; 2]) -> Result<[Source; 2], Unknown> {
        let [a, c] = signs;
        let first = self.first(a);
        Ok(match self.wide_operand()? {
            Wide::Second if self.form() == 1 => {
                self.unused(32)?;
                [first, self.narrow(c)]
            }
            Wide::Second => return Err(self.unknown_form()),
            Wide::Third => {
                self.unused(64)?;
                [first, self.wide(c)?]
            }
        })
    }

    /// A register that does not count: none, or the one that is zero.
    pub(super) fn unused(&mut self, first: u32) -> Result<(), Unknown> {
        match self.register(first) {
            0 | ZERO_REGISTER => Ok(()),
            _ => Err(self.unknown_field(first, 8)),
        }
    }

    fn first(&mut self, sign: Sign) -> Source {
        let register = self.register(24);
        let mut source = Source::plain(self.own(register));
        if sign != Sign::Plain {
            source.is_negated = self.bit(72);
        }
        if sign == Sign::Any {
            source.is_absolute = self.bit(73);
        }
        source
    }

    /// The operand in bits 71:64.
    fn narrow(&mut self, sign: Sign) -> Source {
        let register = self.register(64);
        let mut source = Source::plain(self.own(register));
        if sign == Sign::Any {
            source.is_absolute = self.bit(74);
        }
        if sign != Sign::Plain {
            source.is_negated = self.bit(75);
        }
        source
    }

    const fn own(&self, register: u8) -> Operand {
        match self.is_uniform() {
            true => Operand::Uniform(register),
            false => Operand::Register(register),
        }
    }

    pub(super) fn wide_operand(&self) -> Result<Wide, Unknown> {
        match self.form() {
            1 | 4 | 5 | 6 => Ok(Wide::Second),
            2 | 3 | 7 => Ok(Wide::Third),
            _ => Err(self.unknown_form()),
        }
    }

    /// The operand in bits 63:32.
    pub(super) fn wide(&mut self, sign: Sign) -> Result<Source, Unknown> {
        let operand = match self.form() {
            2 | 4 => return Ok(self.immediate()),
            1 => {
                let register = self.register(32);
                self.own(register)
            }
            // Uniform instructions have bit 91 in any form, and no other kinds of operands.
            _ if self.is_uniform() => return Err(self.unknown_form()),
            3 | 5 => Operand::Constant {
                bank: self.small(54, 5),
                offset: self.bits(38, 16) as u16,
            },
            _ => {
                self.expect(91, 1, 1)?;
                Operand::Uniform(self.uniform(32))
            }
        };
        let mut source = Source::plain(operand);
        if sign == Sign::Any {
            source.is_absolute = self.bit(62);
        }
        if sign != Sign::Plain {
            source.is_negated = self.bit(63);
        }
        Ok(source)
    }

    /// The value in bits 63:32.
    pub(super) fn immediate(&mut self) -> Source {
        Source::plain(Operand::Immediate(self.bits(32, 32) as u32))
    }
}

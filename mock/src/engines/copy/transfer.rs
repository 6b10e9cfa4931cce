// SPDX-License-Identifier: GPL-2.0

//! A copy in progress.

use super::super::engine::{Context, Exception, Progress, Work};
use super::super::memory::{Memory, MmuFault};
use super::super::surface::Surface;
use super::elements::Elements;

/// Bytes of the budget that an access uses up at least, so that lines of a byte do not hold the card
/// for long.
const ACCESS_COST: u64 = 256;

/// Bytes of a line that are read before they are written.
pub(super) const PIECE: u64 = 0x8000;

/// Copies lines from a source to a destination.
#[derive(Debug)]
pub(super) struct Transfer {
    /// `None` if nothing is read.
    source: Option<Surface>,
    destination: Surface,
    elements: Elements,
    /// Elements of a line, and lines; neither is 0.
    length: u64,
    lines: u64,
    /// Where the piece begins.
    element: u64,
    line: u64,
    /// The piece, as the destination has it; empty if it has not been read.
    piece: Vec<u8>,
    /// Bytes of it that have been written.
    written: usize,
}

impl Transfer {
    pub(super) fn new(
        source: Option<Surface>,
        destination: Surface,
        elements: Elements,
        (length, lines): (u64, u64),
    ) -> Self {
        Self {
            source,
            destination,
            elements,
            length,
            lines,
            element: 0,
            line: 0,
            piece: Vec::new(),
            written: 0,
        }
    }

    /// The copy as a whole.
    pub(super) fn work(&self) -> Work {
        let elements = self.length.saturating_mul(self.lines);
        Work::Copy {
            bytes: elements.saturating_mul(self.elements.destination_size()),
            source: self.source.as_ref().map(|source| source.base),
            destination: self.destination.base,
        }
    }

    /// Copies what the budget allows. Bytes that are not written count, too, and an access costs as
    /// much as [`ACCESS_COST`] bytes.
    pub(super) fn run(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        while self.line < self.lines {
            if context.budget == 0 {
                return Ok(Progress::Unfinished);
            }
            if self.piece.is_empty() {
                self.fetch(context.memory)?;
            }
            let left = (self.piece.len() - self.written) as u64;
            let end = self.written + left.min(context.budget) as usize;
            let (size, is_written) = self.elements.run(self.written, end);
            let cost = (size as u64).max(ACCESS_COST);
            context.budget = context.budget.saturating_sub(cost);
            if is_written {
                let run = &self.piece[self.written..self.written + size];
                let start = self.element * self.elements.destination_size();
                let x = start + self.written as u64;
                let destination = &self.destination;
                destination.write(context.memory, x, self.line, run)?;
            }
            self.written += size;
            if self.written == self.piece.len() {
                self.advance();
            }
        }
        Ok(Progress::Done)
    }

    /// Reads the piece.
    fn fetch(&mut self, memory: &mut dyn Memory) -> Result<(), MmuFault> {
        let source_size = self.elements.source_size();
        let largest = source_size.max(self.elements.destination_size());
        let count = (PIECE / largest).min(self.length - self.element);
        let mut bytes = Vec::new();
        if let Some(source) = &self.source {
            bytes.resize((count * source_size) as usize, 0);
            source.read(memory, self.element * source_size, self.line, &mut bytes)?;
        }
        self.piece = self.elements.make(count as usize, bytes);
        self.written = 0;
        Ok(())
    }

    /// Goes on behind the piece.
    fn advance(&mut self) {
        self.element += self.piece.len() as u64 / self.elements.destination_size();
        self.piece = Vec::new();
        if self.element == self.length {
            self.element = 0;
            self.line += 1;
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Constant buffers, and the cache through which a launch reads them.

use std::collections::HashMap;

use nova_hw::class::qmd::{ConstantBuffer, CONSTANT_BUFFERS};

use super::super::engine::{Context, Exception};
use super::super::memory::Address;
use super::not_modelled;

/// Bytes that are read together; constant buffers begin and end with such a line, or a part of it.
const LINE: u32 = 64;

/// The constant buffers of a launch.
#[derive(Debug)]
pub(super) struct Constants {
    buffers: [Option<ConstantBuffer>; CONSTANT_BUFFERS],
    lines: HashMap<(u8, u32), [u8; LINE as usize]>,
}

impl Constants {
    pub(super) fn new(buffers: [Option<ConstantBuffer>; CONSTANT_BUFFERS]) -> Self {
        Self {
            buffers,
            lines: HashMap::new(),
        }
    }

    /// The word at an aligned offset; behind the end there are zeros.
    pub(super) fn word(
        &mut self,
        context: &mut Context<'_>,
        bank: u8,
        offset: u32,
    ) -> Result<u32, Exception> {
        let buffer = self.buffers.get(usize::from(bank)).copied().flatten();
        let Some(buffer) = buffer else {
            return Err(not_modelled(format_args!(
                "constant buffer {bank}, which is not valid"
            )));
        };
        if offset % 4 != 0 {
            return Err(super::trap(format!(
                "misaligned offset {offset:#x} of a constant"
            )));
        }
        if offset >= buffer.size {
            return Ok(0);
        }
        let (number, start) = (offset / LINE, (offset % LINE) as usize);
        let line = match self.lines.get(&(bank, number)) {
            Some(line) => line,
            None => {
                let mut line = [0; LINE as usize];
                let first = number * LINE;
                let size = LINE.min(buffer.size - first) as usize;
                let at = Address::Virtual(buffer.address).plus(first.into());
                context.memory.read(at, &mut line[..size])?;
                self.lines.entry((bank, number)).or_insert(line)
            }
        };
        let bytes = [
            line[start],
            line[start + 1],
            line[start + 2],
            line[start + 3],
        ];
        Ok(u32::from_le_bytes(bytes))
    }
}

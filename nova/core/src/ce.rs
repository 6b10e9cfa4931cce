// SPDX-License-Identifier: GPL-2.0

//! Work for copy engines: copies, and fills with zeros, as words of a segment.
//!
//! An address is one of the channel's address space. The engine may have completed only a part when
//! the next method is executed; the segment that ends a job waits for the rest.
//!
//! Source: open-gpu-doc, classes/dma-copy/clc5b5.h to clcab5.h; open-gpu-kernel-modules 570,
//! kernel-open/nvidia-uvm/uvm_maxwell_ce.c (`uvm_hal_maxwell_ce_memcopy`, `memset_common`).

use nova_hw::class::copy::{offset, Class, Component, LaunchDma, RemapComponents, TransferType};
use nova_hw::class::host::{method, Header};

use crate::fifo::push::{Full, Words};
use crate::mmio::halves;

/// Bytes, or elements, that one launch transfers at most: half of what the length of a line can say,
/// so that the next launch begins at an aligned address if the first one does.
const LAUNCH_MAX: u64 = 1 << 31;

/// Bytes of an element in a fill where address and length allow that, and otherwise.
const ELEMENT: u64 = 4;

/// Copies bytes. Source and destination must not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyBytes {
    /// Class of the copy engine.
    pub class: Class,
    /// Where the bytes are.
    pub from: u64,
    /// Where they go.
    pub to: u64,
    /// How many there are.
    pub bytes: u64,
}

/// Fills memory with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearBytes {
    /// Class of the copy engine.
    pub class: Class,
    /// Where the memory is.
    pub at: u64,
    /// Bytes of it.
    pub bytes: u64,
}

impl CopyBytes {
    /// Words that a segment needs to have room for so that each call of [`Self::write`] gets further.
    pub const WORDS_MIN: usize = 11;

    /// Writes a part of the copy that fits, and takes it off; `true` if nothing is left.
    pub fn write(&mut self, words: &mut Words<'_>) -> bool {
        while self.bytes != 0 {
            let bytes = self.bytes.min(LAUNCH_MAX);
            if words.room() < Self::WORDS_MIN || self.launch(words, bytes).is_err() {
                return false;
            }
            self.from = self.from.wrapping_add(bytes);
            self.to = self.to.wrapping_add(bytes);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        true
    }

    fn launch(&self, words: &mut Words<'_>, bytes: u64) -> Result<(), Full> {
        let [from_lo, from_hi] = halves(self.from);
        let [to_lo, to_hi] = halves(self.to);
        let addresses = [from_hi, from_lo, to_hi, to_lo];
        set_object(words, self.class)?;
        methods(words, offset::OFFSET_IN_UPPER, &addresses)?;
        methods(words, offset::LINE_LENGTH_IN, &[length(bytes)])?;
        methods(words, offset::LAUNCH_DMA, &[LAUNCH.into()])
    }
}

impl ClearBytes {
    /// As [`CopyBytes::WORDS_MIN`].
    pub const WORDS_MIN: usize = 13;

    /// Writes a part of the fill that fits, and takes it off; `true` if nothing is left.
    pub fn write(&mut self, words: &mut Words<'_>) -> bool {
        while self.bytes != 0 {
            let element = match (self.at | self.bytes) % ELEMENT {
                0 => ELEMENT,
                _ => 1,
            };
            let bytes = self.bytes.min(LAUNCH_MAX);
            if words.room() < Self::WORDS_MIN || self.launch(words, bytes, element).is_err() {
                return false;
            }
            self.at = self.at.wrapping_add(bytes);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        true
    }

    /// Writes elements that consist of one component, the constant.
    fn launch(&self, words: &mut Words<'_>, bytes: u64, element: u64) -> Result<(), Full> {
        let [to_lo, to_hi] = halves(self.at);
        let components = RemapComponents::new()
            .with_dst_x(Component::CONST_A)
            .with_component_size(match element {
                ELEMENT => 3,
                _ => 0,
            });
        set_object(words, self.class)?;
        methods(words, offset::SET_REMAP_CONST_A, &[0])?;
        methods(words, offset::SET_REMAP_COMPONENTS, &[components.into()])?;
        methods(words, offset::OFFSET_OUT_UPPER, &[to_hi, to_lo])?;
        methods(
            words,
            offset::LINE_LENGTH_IN,
            &[length(bytes / element.max(1))],
        )?;
        let launch = LAUNCH.with_remap_enable(true);
        methods(words, offset::LAUNCH_DMA, &[launch.into()])
    }
}

/// Names the class whose methods follow.
fn set_object(words: &mut Words<'_>, class: Class) -> Result<(), Full> {
    words.methods(SUBCHANNEL, method::SET_OBJECT, &[class.number()])
}

/// The subchannel of copy engines.
const SUBCHANNEL: u8 = match Header::subchannel_of(Class::TuringA as u16) {
    Some(subchannel) => subchannel,
    None => panic!("copy engines have a subchannel"),
};

fn methods(words: &mut Words<'_>, first: u16, data: &[u32]) -> Result<(), Full> {
    words.methods(SUBCHANNEL, first.into(), data)
}

/// The length of a line, which is at most [`LAUNCH_MAX`].
fn length(of: u64) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// A launch for one line of virtual memory on both sides, after all earlier ones.
const LAUNCH: LaunchDma = LaunchDma::new()
    .with_data_transfer_type(TransferType::NON_PIPELINED)
    .with_src_is_pitch(true)
    .with_dst_is_pitch(true);

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: GPL-2.0

//! Inline data that goes to memory.

use nova_hw::class::graphics::{
    offset, BlockSize, CompletionType, Generation, LaunchDma, RenderEnable, SetRenderEnableC,
};

use super::super::engine::{Context, Exception, Progress, Work};
use super::super::memory::Address;
use super::super::surface::{BlockLinear, Gob, Layout, Surface, GOB_SIZE};
use super::error::{self, check_bits, not_modelled, refused};
use super::semaphore::{Release, Structure};
use super::state::State;

/// A launch whose data has not all been written.
#[derive(Debug)]
pub(super) struct Upload {
    destination: Surface,
    /// Bytes of a line, and lines.
    length: u64,
    lines: u64,
    /// The next byte.
    x: u64,
    line: u64,
    /// What has come and has not been written.
    word: Vec<u8>,
    release: Option<Release>,
    interrupt: bool,
    is_complete: bool,
}

impl Upload {
    /// Examines a launch.
    pub(super) fn new(state: &State, data: u32) -> Result<Self, Exception> {
        check_bits("LAUNCH_DMA", data, LaunchDma::DEFINED)?;
        let launch = LaunchDma::from(data);
        let interrupt = match launch.interrupt_type() {
            0 => false,
            1 => true,
            other => return Err(refused(error::INVALID_ENUM, format!("interrupt {other}"))),
        };
        let release = match launch.completion_type() {
            CompletionType::FLUSH_DISABLE | CompletionType::FLUSH_ONLY => None,
            CompletionType::RELEASE_SEMAPHORE => Some(release(state, launch)?),
            other => return Err(refused(error::INVALID_ENUM, format!("completion {other}"))),
        };
        check_condition(state, "inline data")?;
        let length = state.get_u64(offset::LINE_LENGTH_IN);
        let lines = state.get_u64(offset::LINE_COUNT);
        if lines > 1 && length % 4 != 0 {
            let what = format!("{lines} lines of {length} bytes of inline data");
            return Err(not_modelled(what));
        }
        let is_empty = length == 0 || lines == 0;
        let layout = match launch.dst_is_pitch() {
            _ if is_empty => Layout::Pitch(0),
            true => pitch(state, length, lines)?,
            false => block_linear(state, length, lines)?,
        };
        Ok(Self {
            destination: Surface {
                base: Address::Virtual(state.offset_out()),
                layout,
            },
            length,
            lines,
            x: 0,
            line: if is_empty { lines } else { 0 },
            word: Vec::new(),
            release,
            interrupt,
            is_complete: false,
        })
    }

    /// What is written as a whole; `None` if that is nothing.
    pub(super) fn work(&self) -> Option<Work> {
        let bytes = self.length * self.lines;
        (bytes > 0).then_some(Work::Copy {
            bytes,
            source: None,
            destination: self.destination.base,
        })
    }

    /// Takes a word, whose last bytes do not count if the line ends in it.
    pub(super) fn load(&mut self, data: u32) {
        debug_assert!(self.word.is_empty(), "a word has not been written");
        let size = (self.length - self.x).min(4);
        self.word = data.to_le_bytes()[..size as usize].into();
    }

    /// Writes what has come, and completes if that was all.
    pub(super) fn run(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        while !self.word.is_empty() {
            let size = context.budget.min(self.word.len() as u64);
            if size == 0 {
                return Ok(Progress::Unfinished);
            }
            context.budget -= size;
            let run: Vec<_> = self.word.drain(..size as usize).collect();
            let (x, line) = (self.x, self.line);
            self.destination.write(context.memory, x, line, &run)?;
            self.x += size;
        }
        if self.line < self.lines && self.x == self.length {
            (self.x, self.line) = (0, self.line + 1);
        }
        if self.line == self.lines {
            if let Some(release) = &self.release {
                release.run(context)?;
            }
            context.interrupt |= self.interrupt;
            self.is_complete = true;
        }
        Ok(Progress::Done)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// The semaphore that a launch releases.
fn release(state: &State, launch: LaunchDma) -> Result<Release, Exception> {
    let (upper, lower) = (offset::SET_I2M_SEMAPHORE_A, offset::SET_I2M_SEMAPHORE_B);
    let reduction = (launch.reduction_op(), launch.reduction_format());
    Release::new(
        state.semaphore(upper, lower),
        match launch.semaphore_is_one_word() {
            true => Structure::OneWord,
            false => Structure::FourWords,
        },
        state.get_u64(offset::SET_I2M_SEMAPHORE_C),
        launch.reduction_enable().then_some(reduction),
    )
}

/// Nothing keeps the object from drawing, so that `what` need not depend on it.
pub(super) fn check_condition(state: &State, what: &str) -> Result<(), Exception> {
    let is_true = |method| SetRenderEnableC::from(state.get(method)).mode() == RenderEnable::TRUE;
    let is_enabled = match state.get(offset::SET_RENDER_ENABLE_OVERRIDE) {
        0 => is_true(offset::SET_RENDER_ENABLE_C) && is_true(offset::SET_GLOBAL_RENDER_ENABLE_C),
        other => other == 1,
    };
    match is_enabled {
        true => Ok(()),
        false => Err(not_modelled(format!("{what} that depends on a condition"))),
    }
}

fn pitch(state: &State, length: u64, lines: u64) -> Result<Layout, Exception> {
    let pitch = state.get(offset::PITCH_OUT) as i32;
    if lines > 1 && length > pitch.unsigned_abs().into() {
        let what = format!("{length:#x} bytes, {pitch:#x} apart");
        return Err(refused(error::DST_LINE_EXCEEDS_PITCH, what));
    }
    Ok(Layout::Pitch(pitch))
}

fn block_linear(state: &State, length: u64, lines: u64) -> Result<Layout, Exception> {
    if state.class.generation() >= Generation::BlackwellA {
        return Err(not_modelled("inline data in blocks, which have no methods"));
    }
    let data = state.get(offset::SET_DST_BLOCK_SIZE);
    check_bits("SET_DST_BLOCK_SIZE", data, 0xfff)?;
    let block = BlockSize::from(data);
    if block.width() != 0 || block.height() > BlockSize::MAX || block.depth() > BlockSize::MAX {
        return Err(refused(error::INVALID_VALUE, format!("blocks {data:#x}")));
    }
    let address = state.offset_out();
    if address % GOB_SIZE != 0 {
        let what = format!("destination in blocks at {address:#x}");
        return Err(refused(error::INVALID_ALIGNMENT, what));
    }
    let depth = state.get_u64(offset::SET_DST_DEPTH);
    let layer = state.get_u64(offset::SET_DST_LAYER);
    if layer >= depth {
        let what = format!("layer {layer} of {depth}");
        return Err(refused(error::LAYER_EXCEEDS_DEPTH, what));
    }
    let width = state.get_u64(offset::SET_DST_WIDTH);
    let height = state.get_u64(offset::SET_DST_HEIGHT);
    let x = state.get_u64(offset::SET_DST_ORIGIN_BYTES_X);
    let y = state.get_u64(offset::SET_DST_ORIGIN_SAMPLES_Y);
    let (right, bottom) = (x + length, y + lines);
    if right > width || bottom > height {
        let what = format!("to {right}, {bottom} of {width}, {height}");
        return Err(refused(error::RECT_OUT_OF_BOUNDS, what));
    }
    Ok(Layout::BlockLinear(BlockLinear {
        width,
        height,
        block_height: block.height(),
        block_depth: block.depth(),
        x,
        y,
        layer,
        gob: Gob::Turing,
    }))
}

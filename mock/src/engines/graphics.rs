// SPDX-License-Identifier: GPL-2.0

//! The graphics engine: its classes for 3D, compute, 2D and inline data, from Turing to Blackwell,
//! as one channel uses them.
//!
//! Nothing draws here. What is there is what needs none of it: methods that set something are kept,
//! programs of compute classes are executed ([`sm`](super::sm)), semaphores are released and
//! reduced, reports are written, inline data and constants go to memory, and macros are executed. A
//! method that would draw or do anything else, whether it is pushed or a macro sends it, is
//! [`Exception::NotModelled`], which stops the channel, so that no semaphore is released for work
//! that has not been done. Names and numbers are those of [`nova_hw::class::graphics`]; what
//! hardware refuses has the names of `NV_PGRAPH_CLASS_ERROR` and `NV_PGRAPH_PRI_MEMFMT_HWW_ESR`
//! (open-gpu-doc, manuals/ampere/ga100/pri_eng.ref.txt and pri_memfmt.ref.txt). Layouts of reports
//! are from Mesa (src/gallium/drivers/nouveau/nvc0/nvc0_query_hw.c and
//! src/nouveau/vulkan/nvk_query_pool.c), which reads them from hardware.
//!
//! The rest is this model's choice:
//!
//! - Each method has completed when the next one comes, and there are no caches. So the methods
//!   that wait (`WAIT_FOR_IDLE`, `PIPE_NOP`, `*_SYNC`, barriers), that flush or invalidate, or that
//!   are about scheduling and performance counters, have nothing to do, and a semaphore need not
//!   wait.
//! - Data of methods that only set something is not examined, and neither are the versions that
//!   `CHECK_*_VERSION` compares.
//! - Counters of what has been drawn are 0, since a channel that draws is stopped, and they begin
//!   with 0. Reports of clocks, of culling and of what render targets contain are not modelled.
//! - An acquire completes if the semaphore has the value. If it would have to wait it is not
//!   modelled; only the host waits for semaphores.
//! - Objects do not share what their methods set, but for what is about macros.
//! - Bits that a launch or a semaphore does not define are refused as `INVALID_UNUSED_FIELD`,
//!   except that addresses lose the bits that they do not have. A semaphore is aligned to its size.
//! - Only `LOAD_INLINE_DATA` may follow a launch until all data is there; Mesa
//!   (src/gallium/drivers/nouveau/nvc0/nvc0_transfer.c) says that hardware traps otherwise. With
//!   several lines, their length is a multiple of four: whether others begin in a new word is not
//!   known.
//! - Inline data does not depend on a condition: if there is one, it is not modelled.
//! - A pitch has a sign, counts only where there are several lines, and is not less than their
//!   length.

mod constants;
mod falcon;
mod inline;
mod mme;
mod report;
mod semaphore;
mod state;

use nova_hw::class::graphics::mme::{scratch_of_method, Call};
use nova_hw::class::graphics::{
    effect, has_method, launch, offset, Class, Kind, MmeShadowRamControl, PcasAction,
    SignalingPcas2B, SignalingPcasB,
};

use super::engine::{Context, Engine, Exception, Progress, Work};
use super::sm::{Invalid, Launch};
use error::{check_bits, not_modelled, refused};
use inline::Upload;
pub(crate) use mme::Macros;
use mme::Step;
use report::Request;
use state::State;

/// What hardware reports about a method that it refuses.
mod error {
    use std::fmt::Display;

    use super::super::engine::Exception;

    pub(super) const INVALID_VALUE: &str = "INVALID_VALUE";
    pub(super) const INVALID_ENUM: &str = "INVALID_ENUM";
    pub(super) const ILLEGAL_METHOD: &str = "ILLEGAL_METHOD";
    pub(super) const INVALID_ALIGNMENT: &str = "INVALID_ALIGNMENT";
    pub(super) const INVALID_UNUSED_FIELD: &str = "INVALID_UNUSED_FIELD";
    pub(super) const ILLEGAL_CONSTANT_OFFSET: &str = "ILLEGAL_CONSTANT_OFFSET";
    pub(super) const LAYER_EXCEEDS_DEPTH: &str = "2D_LAYER_EXCEEDS_DEPTH";
    pub(super) const RECT_OUT_OF_BOUNDS: &str = "I2M_RECT_OUT_OF_BOUNDS";
    pub(super) const DST_LINE_EXCEEDS_PITCH: &str = "DST_LINE_EXCEEDS_PITCH";
    pub(super) const EXTRA_INLINE_DATA: &str = "EXTRA_INLINE_DATA";
    pub(super) const MISSING_INLINE_DATA: &str = "MISSING_INLINE_DATA";
    pub(super) const MISSING_MACRO_DATA: &str = "MISSING_MACRO_DATA";
    pub(super) const EXTRA_MACRO_DATA: &str = "EXTRA_MACRO_DATA";
    pub(super) const BRANCH_IN_DELAY_SLOT: &str = "BRANCH_IN_DELAY_SLOT";
    pub(super) const INSTR_RAM_ACCESS_OUT_OF_BOUNDS: &str = "INSTR_RAM_ACCESS_OUT_OF_BOUNDS";
    pub(super) const DATA_RAM_ACCESS_OUT_OF_BOUNDS: &str = "DATA_RAM_ACCESS_OUT_OF_BOUNDS";
    pub(super) const DMA_DRAM_ACCESS_OUT_OF_BOUNDS: &str = "DMA_DRAM_ACCESS_OUT_OF_BOUNDS";
    pub(super) const DMA_READ_FIFOED_FROM_PB: &str = "DMA_READ_FIFOED_FROM_PB";
    pub(super) const DMA_READ_FIFOED_OVERFLOW: &str = "DMA_READ_FIFOED_OVERFLOW";
    pub(super) const DMA_ILLEGAL_FIFO_CONFIG: &str = "DMA_ILLEGAL_FIFO_CONFIG";

    /// The exception of a method with this error.
    pub(super) fn refused(error: &str, what: impl Display) -> Exception {
        let reason = format!("{error}: {what}");
        Exception::Method { reason }
    }

    /// The exception of a method that hardware executes.
    pub(super) fn not_modelled(what: impl Into<String>) -> Exception {
        Exception::NotModelled { what: what.into() }
    }

    /// Refuses bits of a method's data that are not defined.
    pub(super) fn check_bits(name: &str, data: u32, defined: u32) -> Result<(), Exception> {
        match data & !defined {
            0 => Ok(()),
            undefined => {
                let what = format!("{name} has no bits {undefined:#x}");
                Err(refused(INVALID_UNUSED_FIELD, what))
            }
        }
    }
}

/// The engine of a channel that has just got an object of the class, and has these macros.
pub(crate) fn engine(class: Class, macros: Macros) -> Box<dyn Engine + Send> {
    Box::new(Object {
        state: State::new(class),
        upload: None,
        macros,
        launch: None,
    })
}

/// A method that does more than to set something.
type Execute = fn(&mut Object, &mut Context<'_>, u32) -> Result<Progress, Exception>;

/// What 3D objects execute.
static THREE_D: [(u16, Execute); 6] = [
    (offset::SET_REPORT_SEMAPHORE_D, |object, context, data| {
        Request::three_d(&object.state, data)?.run(context)
    }),
    (offset::REPORT_SEMAPHORE_EXECUTE, |object, context, data| {
        Request::three_d_execute(&object.state, data)?.run(context)
    }),
    (offset::LOAD_CONSTANT_BUFFER, |object, context, data| {
        constants::load(&mut object.state, context, data)
    }),
    (offset::SET_FALCON04, |object, _, data| {
        let generation = object.state.class.generation();
        falcon::set_register(&mut object.macros.lock(), generation, data)
    }),
    INLINE[0],
    INLINE[1],
];

/// What compute objects execute.
static COMPUTE: [(u16, Execute); 6] = [
    (launch::SEND_SIGNALING_PCAS_B, |object, context, data| {
        check_bits("SEND_SIGNALING_PCAS_B", data, SignalingPcasB::DEFINED)?;
        match SignalingPcasB::from(data).schedule() {
            true => object.dispatch(context),
            false => Ok(Progress::Done),
        }
    }),
    (launch::SEND_SIGNALING_PCAS2_B, Object::pcas_action),
    (offset::SET_REPORT_SEMAPHORE_D, |object, context, data| {
        Request::compute(&object.state, data)?.run(context)
    }),
    (offset::REPORT_SEMAPHORE_EXECUTE, |object, context, data| {
        Request::compute_execute(&object.state, data)?.run(context)
    }),
    INLINE[0],
    INLINE[1],
];

/// What objects for inline data alone execute; 2D objects have neither that nor semaphores.
const INLINE: [(u16, Execute); 2] = [
    (offset::LAUNCH_DMA, Object::launch),
    (offset::LOAD_INLINE_DATA, Object::load),
];

/// What objects with macros execute; the classes that have none do not have these methods.
static MACROS: [(u16, Execute); 7] = [
    (offset::LOAD_MME_INSTRUCTION_RAM, |object, _, data| {
        object
            .macros
            .lock()
            .load_instruction(&mut object.state, data)
    }),
    (offset::LOAD_MME_START_ADDRESS_RAM, |object, _, data| {
        object.macros.lock().load_start(&mut object.state, data)
    }),
    (offset::MME_DMA_READ, |object, context, data| {
        object.macros.lock().dma_read(&object.state, context, data)
    }),
    (offset::MME_DMA_READ_FIFOED, |object, context, data| {
        object
            .macros
            .lock()
            .dma_read_fifoed(&object.state, context, data)
    }),
    (offset::MME_DMA_WRITE, |object, context, data| {
        object.macros.lock().dma_write(&object.state, context, data)
    }),
    (offset::SET_MME_DATA_FIFO_CONFIG, |object, _, data| {
        object.macros.lock().set_fifo(data)
    }),
    (offset::MME_DMA_SYNC, |object, _, data| {
        object.macros.lock().dma_sync(&object.state, data)
    }),
];

/// What an object of a kind does at a method.
fn execution(kind: Kind, at: u16) -> Option<Execute> {
    let methods: &[_] = match kind {
        Kind::ThreeD => &THREE_D,
        Kind::Compute => &COMPUTE,
        Kind::TwoD => &[],
        Kind::InlineToMemory => &INLINE,
    };
    let mut methods = methods.iter().chain(&MACROS);
    let found = methods.find(|&&(method, _)| method == at);
    found.map(|&(_, execute)| execute)
}

/// An object of any of the classes.
#[derive(Debug)]
struct Object {
    state: State,
    /// Inline data is on its way.
    upload: Option<Upload>,
    macros: Macros,
    /// A program is being executed.
    launch: Option<Launch>,
}

impl Object {
    /// Keeps the data of a method, if the class has it and it can be executed.
    fn set(&mut self, at: u16, data: u32) -> Result<(), Exception> {
        let class = self.state.class;
        if !has_method(class, at) {
            let what = format!("{} has no method {at:#x}", class.name());
            return Err(refused(error::ILLEGAL_METHOD, what));
        }
        if at != offset::LOAD_INLINE_DATA && self.upload.take().is_some() {
            let what = format!("method {at:#x} before all inline data");
            return Err(refused(error::MISSING_INLINE_DATA, what));
        }
        if let Some(effect) = effect(class, at) {
            let what = format!("{} ({at:#x}) of {}", effect.name, class.name());
            return Err(not_modelled(what));
        }
        let replays = MmeShadowRamControl::from(data).mode() == MmeShadowRamControl::METHOD_REPLAY;
        if at == offset::SET_MME_SHADOW_RAM_CONTROL && replays {
            return Err(not_modelled("to replay methods"));
        }
        self.state.sent(at, data);
        Ok(())
    }

    /// Begins with inline data.
    fn launch(&mut self, context: &mut Context<'_>, data: u32) -> Result<Progress, Exception> {
        let upload = Upload::new(&self.state, data)?;
        context.work.extend(upload.work());
        self.upload = Some(upload);
        self.work(context)
    }

    /// Does something with a QMD.
    fn pcas_action(&mut self, context: &mut Context<'_>, data: u32) -> Result<Progress, Exception> {
        match SignalingPcas2B::from(data).action() {
            PcasAction::NOP | PcasAction::INVALIDATE | PcasAction::PREFETCH => Ok(Progress::Done),
            PcasAction::SCHEDULE
            | PcasAction::INVALIDATE_COPY_SCHEDULE
            | PcasAction::PREFETCH_SCHEDULE
            | PcasAction::INVALIDATE_PREFETCH_COPY_SCHEDULE => self.dispatch(context),
            action => Err(not_modelled(format!(
                "SEND_SIGNALING_PCAS2_B of {action:#x}"
            ))),
        }
    }

    /// Launches the QMD that has been named.
    fn dispatch(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        inline::check_condition(&self.state, "a launch")?;
        let at = self.state.get_u64(launch::SEND_PCAS_A) << 8;
        let launch =
            Launch::new(self.state.class, context, at).map_err(|invalid| match invalid {
                Invalid::Exception(exception) => exception,
                Invalid::Value(what) => refused(error::INVALID_VALUE, what),
                Invalid::NotModelled(what) => not_modelled(what),
            })?;
        context.work.push(Work::Launch {
            program: launch.program(),
            threads: launch.threads(),
        });
        self.launch = Some(launch);
        self.work(context)
    }

    /// A word of inline data comes.
    fn load(&mut self, context: &mut Context<'_>, data: u32) -> Result<Progress, Exception> {
        let Some(upload) = &mut self.upload else {
            let what = "LOAD_INLINE_DATA without a launch";
            return Err(refused(error::EXTRA_INLINE_DATA, what));
        };
        upload.load(data);
        self.work(context)
    }

    /// Executes the program, or writes the inline data that has come.
    fn work(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        if let Some(launch) = &mut self.launch {
            let progress = launch.run(context);
            if progress != Ok(Progress::Unfinished) {
                self.launch = None;
            }
            return progress;
        }
        let Some(upload) = &mut self.upload else {
            return Ok(Progress::Done);
        };
        let progress = upload.run(context);
        if progress.is_err() || upload.is_complete() {
            self.upload = None;
        }
        progress
    }

    /// Executes a method that is pushed or that a macro sends.
    fn execute(
        &mut self,
        context: &mut Context<'_>,
        at: u16,
        data: u32,
    ) -> Result<Progress, Exception> {
        self.set(at, data)?;
        match execution(self.state.class.kind(), at) {
            Some(execute) => execute(self, context, data),
            None => {
                if let Some(number) = scratch_of_method(at) {
                    self.macros.lock().set_scratch(number, data);
                }
                Ok(Progress::Done)
            }
        }
    }

    /// Executes the macro until it ends, waits for a word or has used up the budget.
    fn expand(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        while self.macros.lock().is_running() {
            if context.budget == 0 {
                return Ok(Progress::Unfinished);
            }
            let step = self.macros.lock().step(&self.state)?;
            match step {
                Step::Waits => break,
                Step::Ended => {}
                Step::Executed => context.budget = context.budget.saturating_sub(mme::COST),
                Step::Sends(at, data) => {
                    let progress = self.expanded(context, at, data);
                    if progress.is_err() {
                        self.macros.lock().abort();
                    }
                    if progress? == Progress::Unfinished {
                        return Ok(Progress::Unfinished);
                    }
                    context.budget = context.budget.saturating_sub(mme::COST);
                }
            }
        }
        Ok(Progress::Done)
    }

    /// Executes a method that a macro sends.
    fn expanded(
        &mut self,
        context: &mut Context<'_>,
        at: u16,
        data: u32,
    ) -> Result<Progress, Exception> {
        let loads = (offset::LOAD_MME_INSTRUCTION_RAM_POINTER..=offset::LOAD_MME_START_ADDRESS_RAM)
            .contains(&at);
        if loads || Call::of_method(at).is_some() {
            return Err(not_modelled("a macro that loads or calls macros"));
        }
        self.execute(context, at, data)
    }
}

impl Engine for Object {
    fn method(
        &mut self,
        context: &mut Context<'_>,
        at: u16,
        data: u32,
    ) -> Result<Progress, Exception> {
        match Call::of_method(at) {
            Some(call) => {
                self.set(at, data)?;
                self.macros.lock().call(call, data)?;
                self.expand(context)
            }
            None => {
                self.macros.lock().check_idle()?;
                self.execute(context, at, data)
            }
        }
    }

    fn proceed(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        match self.work(context) {
            Ok(Progress::Done) => self.expand(context),
            Ok(Progress::Unfinished) => Ok(Progress::Unfinished),
            Err(exception) => {
                self.macros.lock().abort();
                Err(exception)
            }
        }
    }
}

#[cfg(test)]
mod tests;

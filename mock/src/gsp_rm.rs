// SPDX-License-Identifier: GPL-2.0

//! GSP-RM: the order of messages that it requires, and its answers.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/vgpu/rpc.c and
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c; nouveau, nvkm/subdev/gsp/rm/r535/gsp.c.

mod alloc_free;
pub(crate) mod classes;
pub(crate) mod context;
pub(crate) mod controls;
pub(crate) mod effects;
pub(crate) mod libos;
mod memory;
pub(crate) mod notice;
pub(crate) mod objects;
mod platform;
pub(crate) mod queue;
mod records;
mod refused;
pub(crate) mod resource;
pub(crate) mod sequencer;
mod start;
pub(crate) mod static_info;
pub(crate) mod suspend;
#[cfg(test)]
pub(crate) mod testing;
mod unload;

use std::time::Duration;

use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED, NV_OK};
use nova_hw::abi::{
    control, event, function, GspFwWprMeta, RmControl, RpcSetPageDirectory, SetGuestSystemInfo,
    UpdateBarPde,
};
use nova_hw::release::Release;
use zerocopy::{FromBytes, IntoBytes};

use crate::bus::config::ConfigSpace;
use crate::chips::Chip;
use crate::faults::{Fault, Faults};
use crate::gsp_rm::queue::{Message, Outgoing, Queues};
use effects::{Bar, Effect};
use objects::Objects;
use platform::Platform;
use records::Partial;
use suspend::{Started, Suspend};

/// While its status queue is full, GSP-RM polls for room. Each poll without success doubles the
/// pause, up to the longest one, so that a driver that does not read does not keep the model busy.
/// The model's own values.
const SHORTEST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// State of GSP-RM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for GSP_SET_SYSTEM_INFO.
    SystemInfo,
    /// Waits for SET_REGISTRY.
    Registry,
    /// Starts, with both messages received.
    Starting,
    /// Has sent GSP_RUN_CPU_SEQUENCER, whose last operation starts its core again.
    Sequencer,
    /// SEC2 has started its core again, and it finishes its initialization.
    Finishing,
    /// Resumes from a suspend, with the frame buffer as it was.
    Resuming(Resuming),
    /// Serves the driver.
    Ready,
    /// The driver has sent UNLOADING_GUEST_DRIVER.
    Unloading,
    /// Has stopped after a message that it cannot handle.
    Dead,
}

/// How far a resume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resuming {
    pub(crate) since: Duration,
    /// The driver has got so far that it waits.
    pub(crate) driver_waits: bool,
}

/// What follows a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Wait,
    /// GSP-RM has all that it needs to start.
    Start,
    /// GSP-RM ends.
    End,
    /// The processor stops for good.
    Crash,
}

/// What GSP-RM can see of the card.
pub(crate) struct Card<'a> {
    pub(crate) chip: &'a Chip,
    pub(crate) config: &'a ConfigSpace,
    pub(crate) meta: &'a GspFwWprMeta,
    pub(crate) faults: &'a Faults,
}

/// GSP-RM.
#[derive(Debug)]
pub(crate) struct GspRm {
    pub(crate) state: State,
    /// Its release.
    pub(crate) release: &'static Release,
    pub(crate) queues: Queues,
    /// Bus address of the libos arguments with which it was started.
    pub(crate) libos_address: u64,
    /// How it was started.
    pub(crate) started: Started,
    /// The suspend that the driver has asked for, until it has resumed.
    pub(crate) suspend: Option<Suspend>,
    /// The objects that are allocated.
    pub(crate) objects: Objects,
    /// What messages have changed, until the card takes it.
    effects: Vec<Effect>,
    /// The message whose continuation records are awaited.
    partial: Option<Partial>,
    /// Number of calls that it has served since INIT_DONE.
    served: u64,
    /// Number of allocations that it was asked for.
    pub(crate) allocations: u64,
    /// The answer that a fault delays.
    late: Late,
    /// The last pause between polls for room in the status queue.
    pause: Duration,
}

/// The one answer that [`Fault::LateReply`](crate::faults::Fault::LateReply) delays.
#[derive(Debug, Default)]
struct Late {
    /// The fault has delayed an answer, and so delays no other one.
    is_over: bool,
    /// The delay, until the answer is scheduled.
    by: Option<Duration>,
    reply: Option<Outgoing>,
}

impl Late {
    /// Holds `reply` back if the fault delays it; otherwise returns it.
    fn hold_back(&mut self, by: Option<Duration>, reply: Outgoing) -> Option<Outgoing> {
        if by.is_none() || self.is_over {
            self.is_over &= by.is_some();
            return Some(reply);
        }
        *self = Self {
            is_over: true,
            by,
            reply: Some(reply),
        };
        None
    }
}

impl GspRm {
    pub(crate) fn new(release: &'static Release, queues: Queues, libos_address: u64) -> Self {
        Self {
            state: State::SystemInfo,
            release,
            queues,
            libos_address,
            started: Started::default(),
            suspend: None,
            objects: classes::objects(),
            effects: Vec::new(),
            partial: None,
            served: 0,
            allocations: 0,
            late: Late::default(),
            pause: SHORTEST_PAUSE,
        }
    }

    /// Pause until the next poll for room in the status queue, depending on whether the last one
    /// `found` any; `None` if no message is waiting.
    pub(crate) fn pause(&mut self, found: bool) -> Option<Duration> {
        self.pause = match found {
            true => SHORTEST_PAUSE,
            false => LONGEST_PAUSE.min(2 * self.pause),
        };
        self.queues.is_full().then_some(self.pause)
    }

    /// Sends an event.
    pub(crate) fn notify(&mut self, function: u32, result: u32, payload: Vec<u8>) {
        self.queues.send(Outgoing {
            function,
            sequence: 0,
            result,
            payload,
        });
    }

    /// Sends these events.
    pub(crate) fn notify_all(&mut self, events: Vec<notice::EventMessage>) {
        for (function, payload) in events {
            self.notify(function, 0, payload);
        }
    }

    /// What the checks of calls see of the card.
    fn platform<'a>(&self, card: &Card<'a>) -> Platform<'a> {
        Platform {
            chip: card.chip,
            release: self.release,
            vram: card.meta.gsp_fw_rsvd_start,
        }
    }

    /// Takes what the messages so far have changed.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Handles a message from the driver, once all its records have arrived. An error says why the
    /// message cannot be handled; while GSP-RM starts, an error stops it.
    pub(crate) fn handle(&mut self, card: &Card<'_>, record: Message) -> Result<Next, String> {
        let Some(message) = records::assemble(&mut self.partial, record)? else {
            return Ok(Next::Wait);
        };
        if self.state == State::Ready {
            let crash = card.faults.crash_after();
            if crash.is_some_and(|after| self.served >= after) {
                return Ok(Next::Crash);
            }
            self.served += 1;
        }
        self.serve(card, &message)
    }

    fn serve(&mut self, card: &Card<'_>, message: &Message) -> Result<Next, String> {
        let name = self
            .release
            .message_name(message.function)
            .unwrap_or("a function without a name");
        match (self.state, message.function) {
            (State::SystemInfo, function::GSP_SET_SYSTEM_INFO) => {
                let checked = start::check_system_info(
                    card.chip,
                    card.config,
                    &self.release.system_info,
                    &message.payload,
                );
                self.start_with(checked, State::Registry)?;
                Ok(Next::Wait)
            }
            (State::Registry, function::SET_REGISTRY) => {
                self.start_with(start::check_registry(&message.payload), State::Starting)?;
                Ok(Next::Start)
            }
            (State::Ready, function::SET_GUEST_SYSTEM_INFO) => {
                self.guest_system_info(card, message)?;
                Ok(Next::Wait)
            }
            (State::Ready, function::GET_GSP_STATIC_INFO) => {
                let at = &self.release.static_info;
                if message.payload.len() < at.size {
                    self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
                    return Err(format!("{name} of {:#x} bytes", message.payload.len()));
                }
                self.reply(
                    card,
                    message,
                    NV_OK,
                    static_info::static_info(card.chip, card.meta, at),
                );
                Ok(Next::Wait)
            }
            (State::Ready, function::GSP_RM_CONTROL) => self.control(card, message),
            (State::Ready, function::GSP_RM_ALLOC) => self.alloc(card, message),
            (State::Ready, function::ALLOC_MEMORY) => self.alloc_memory(card, message),
            (State::Ready, function::FREE) => self.free(card, message),
            (State::Ready, function::SET_PAGE_DIRECTORY) => self.set_page_directory(card, message),
            (State::Ready, function::UPDATE_BAR_PDE) => self.update_bar_pde(card, message),
            (State::Ready, function::UNLOADING_GUEST_DRIVER) => self.unload(card, message),
            (State::Ready, _) => {
                self.reply(card, message, NV_ERR_NOT_SUPPORTED, message.payload.clone());
                Err(format!("{name} is not supported"))
            }
            (state, _) => {
                if state != State::Unloading {
                    self.state = State::Dead;
                }
                Err(format!("{name} while GSP-RM is in state {state:?}"))
            }
        }
    }

    fn start_with(&mut self, checked: Result<(), String>, next: State) -> Result<(), String> {
        self.state = match checked {
            Ok(()) => next,
            Err(_) => State::Dead,
        };
        checked
    }

    fn reply(&mut self, card: &Card<'_>, message: &Message, result: u32, payload: Vec<u8>) {
        if card.faults.has(Fault::NoReply) {
            return;
        }
        let reply = Outgoing {
            function: message.function,
            sequence: message.sequence,
            result: card.faults.reply_error().unwrap_or(result),
            payload,
        };
        let late = card.faults.late_reply();
        if let Some(reply) = self.late.hold_back(late, reply) {
            self.queues.send(reply);
        }
    }

    /// Takes the delay of the answer that is held back, if one is still to be scheduled.
    pub(crate) fn lateness(&mut self) -> Option<Duration> {
        self.late.by.take()
    }

    /// Sends the answer that was held back.
    pub(crate) fn answer_late(&mut self) {
        if let Some(reply) = self.late.reply.take() {
            self.queues.send(reply);
        }
    }

    /// Agrees with the driver on the version of the RPCs: that of the release, which both have.
    ///
    /// Source: open-gpu-kernel-modules 570, `RmRpcSetGuestSystemInfo` in
    /// src/nvidia/src/kernel/vgpu/rpc.c, which takes the version of the answer. An answer to another
    /// version is a failure that has GSP-RM's own; which failure is the model's choice.
    fn guest_system_info(&mut self, card: &Card<'_>, message: &Message) -> Result<(), String> {
        let Ok((mut info, _)) = SetGuestSystemInfo::read_from_prefix(&message.payload) else {
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
            let len = message.payload.len();
            return Err(format!("SET_GUEST_SYSTEM_INFO of {len:#x} bytes"));
        };
        let (theirs, ours) = (info.vgx_version, self.release.vgx_version);
        let result = match theirs == ours {
            true => NV_OK,
            false => NV_ERR_NOT_SUPPORTED,
        };
        info.vgx_version = ours;
        self.reply(card, message, result, info.as_bytes().to_vec());
        match theirs == ours {
            true => Ok(()),
            false => Err(format!("RPCs of version {theirs:x?}, not {ours:x?}")),
        }
    }

    fn control(&mut self, card: &Card<'_>, message: &Message) -> Result<Next, String> {
        let Ok((mut header, params)) = RmControl::read_from_prefix(&message.payload) else {
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
            return Err(format!("control of {:#x} bytes", message.payload.len()));
        };
        let platform = self.platform(card);
        let result = controls::call(&platform, &mut self.objects, &header, params);
        let (status, params, error) = match result {
            Ok(answer) => {
                self.effects.extend(answer.effects);
                (NV_OK, answer.params, None)
            }
            Err((status, error)) => (status, params.to_vec(), Some(error)),
        };
        header.status = status;
        let payload = [header.as_bytes(), &params].concat();
        self.reply(card, message, NV_OK, payload);
        error.map_or(Ok(Next::Wait), Err)
    }

    /// The control `DMA_SET_PAGE_DIRECTORY` as a message of its own, which NVIDIA's driver and
    /// tinygrad send. The answer has the payload of the call.
    ///
    /// Source: open-gpu-kernel-modules 570, `rpcSetPageDirectory_v1E_05` in
    /// src/nvidia/src/kernel/vgpu/rpc.c.
    fn set_page_directory(&mut self, card: &Card<'_>, message: &Message) -> Result<Next, String> {
        let Ok((request, _)) = RpcSetPageDirectory::read_from_prefix(&message.payload) else {
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
            let len = message.payload.len();
            return Err(format!("SET_PAGE_DIRECTORY of {len:#x} bytes"));
        };
        let header = RmControl {
            h_client: request.h_client,
            h_object: request.h_device,
            cmd: control::DMA_SET_PAGE_DIRECTORY,
            params_size: size_of_val(&request.params) as u32,
            ..RmControl::default()
        };
        let platform = self.platform(card);
        let params = request.params.as_bytes();
        let result = controls::call(&platform, &mut self.objects, &header, params);
        let status = result.as_ref().map_or_else(|refused| refused.0, |_| NV_OK);
        self.reply(card, message, status, message.payload.clone());
        let answer = result.map_err(|refused| refused.1)?;
        self.effects.extend(answer.effects);
        Ok(Next::Wait)
    }

    /// The first entry of GSP-RM's page directory for a BAR becomes that of the driver's.
    ///
    /// Source: open-gpu-kernel-modules 570, `rpcUpdateBarPde_v15_00` in
    /// src/nvidia/src/kernel/vgpu/rpc.c; how GSP-RM checks the parameters is not public.
    fn update_bar_pde(&mut self, card: &Card<'_>, message: &Message) -> Result<Next, String> {
        let request = UpdateBarPde::read_from_prefix(&message.payload);
        let request = request.map(|(request, _)| request).unwrap_or(UpdateBarPde {
            bar_type: u32::MAX,
            ..UpdateBarPde::default()
        });
        let bar = match request.bar_type {
            UpdateBarPde::BAR1 => Some(Bar::Bar1),
            UpdateBarPde::BAR2 => Some(Bar::Bar2),
            _ => None,
        };
        let (shift, _) = self.platform(card).directory();
        let Some(bar) = bar.filter(|_| request.entry_level_shift == u64::from(shift)) else {
            let payload = message.payload.clone();
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, payload);
            let len = message.payload.len();
            return Err(format!("UPDATE_BAR_PDE of {len:#x} bytes: {request:x?}"));
        };
        let entry = request.entry_value;
        self.effects.push(Effect::BarPde { bar, entry });
        self.reply(card, message, NV_OK, message.payload.clone());
        Ok(Next::Wait)
    }

    /// Continues after a suspend.
    pub(crate) fn resume(&mut self, now: Duration) {
        self.state = State::Resuming(Resuming {
            since: now,
            driver_waits: false,
        });
        self.suspend = None;
    }

    /// Sends GSP_INIT_DONE.
    pub(crate) fn init_done(&mut self, faults: &Faults) {
        let status = faults.init_done_error().unwrap_or(NV_OK);
        self.state = State::Ready;
        self.notify(event::GSP_INIT_DONE, status, Vec::new());
    }
}

#[cfg(test)]
mod tests;

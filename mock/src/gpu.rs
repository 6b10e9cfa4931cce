// SPDX-License-Identifier: GPL-2.0

//! The card as a whole: its blocks, the programs that run on them, channels, what the BARs show, and
//! time.
//!
//! All times are the model's own: short, to keep tests short, and long enough to expose a driver
//! that does not wait.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use nova_hw::abi::GspFwWprMeta;
use serde_json::Value;

use crate::block_id::BlockId;
use crate::blocks::block::Parts;
use crate::blocks::wires::{Request, Signals, Wires};
use crate::blocks::{prom, Blocks};
use crate::bus::config::{ConfigSpace, Effect};
use crate::bus::machine::Machine;
use crate::chips::{engines, Chip};
use crate::engines::graphics::Macros;
use crate::engines::host::{channel, Host};
use crate::engines::mmu::{Invalidation, Mmu, Root, TlbMode};
use crate::faults::{Fault, Faults};
use crate::fuses::Fuses;
use crate::gsp_rm::{resource, sequencer, GspRm};
use crate::images::firmware::Firmwares;
use crate::images::ucode::Ucode;
use crate::images::vbios;
use crate::programs::chain_of_trust::Accepted;
use crate::programs::fwsec::Fwsec;
use crate::programs::suspend::Image;
use crate::schedule::{Event, Schedule};
use crate::trace::Trace;
use crate::vram::Vram;

mod boot;
mod boot_fsp;
mod channels;
mod falcons;
mod gsp_rm;
mod peek;
mod registers;
mod suspend;
mod turns;
mod view;
mod windows;

/// A program that a falcon runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Program {
    /// No valid program is loaded.
    #[default]
    Nothing,
    /// FWSEC.
    Fwsec,
    /// Booter.
    BooterLoad,
    /// Booter unload.
    BooterUnload,
    /// The scrubber of the frame buffer.
    Scrubber,
    /// The program that the CPU sequencer runs for GSP-RM; it prepares SEC2.
    Acr,
    /// SEC2's own firmware, prepared by [`Self::Acr`].
    Sec2Rtos,
}

/// What a card is made of.
pub struct Setup {
    /// The chip.
    pub chip: &'static Chip,
    /// The frame buffer.
    pub vram: Vram,
    /// Size of the BAR that shows the frame buffer, a power of two from
    /// [`BAR1_MIN`](crate::bus::config::BAR1_MIN) on; by default the chip's.
    pub bar1: Option<u64>,
    /// Its signed firmware.
    pub firmware: Firmwares,
    /// Contents of the ROM; a synthetic VBIOS if there is none.
    pub vbios: Option<Vec<u8>>,
    /// The chip's fuses; those of FWSEC follow from the VBIOS.
    pub fuses: Fuses,
    /// The trace that records what happens.
    pub trace: Trace,
}

/// A VBIOS cannot be used because it has no FWSEC for the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the VBIOS has no FWSEC ucode for this chip")]
pub struct NoFwsec;

/// The card.
pub struct Gpu<M> {
    parts: Parts,
    pub(crate) firmware: Firmwares,
    /// FWSEC, if the chip boots through it.
    pub(crate) fwsec: Option<Fwsec>,
    pub(crate) acr: Ucode,
    pub(crate) machine: M,
    pub(crate) vram: Vram,
    pub(crate) config: ConfigSpace,
    pub(crate) trace: Trace,
    pub(crate) faults: Faults,
    /// Faults that begin after the next boot of GSP-RM.
    after_boot: Vec<Fault>,
    pub(crate) schedule: Schedule,
    /// Number of times that the driver has unloaded GSP-RM.
    pub(crate) unloads: u64,
    /// Number of times that the driver has invalidated TLBs by registers.
    invalidations: u64,
    pub(crate) blocks: Blocks,
    pub(crate) signals: Signals,
    /// The card asserts its interrupt pin.
    pin: bool,
    /// Times from which on the card answers.
    answers: Answers,
    /// Requests of blocks that are still to be carried out.
    requests: Vec<Request>,
    /// Translates the addresses of channels.
    pub(crate) mmu: Mmu,
    channels: Channels,
    windows: Windows,
    /// The GSP-RM that was saved to system memory, for a resume.
    saved: Option<Saved>,
    /// The time up to which the card's time is advanced.
    until: Duration,
    pub(crate) programs: ProgramState,
}

/// Times from which on the card answers; both are in the past unless a fault has made it silent.
#[derive(Debug, Default)]
struct Answers {
    /// It answers to accesses of registers.
    registers: Duration,
    /// It answers at all.
    anything: Duration,
}

/// What the card knows about channels. A reset and GSP-RM's unload clear it.
#[derive(Default)]
struct Channels {
    host: Host,
    /// The channels by GSP-RM's number.
    made: BTreeMap<resource::ChannelNumber, resource::Channel>,
    /// The objects of each channel's subchannels. The first one is used: that is the model's choice.
    objects: BTreeMap<(resource::ChannelNumber, u8), Vec<(u32, engines::Engine)>>,
    /// The macros of each channel that has had an object.
    macros: BTreeMap<resource::ChannelNumber, Macros>,
    /// Page directories of the address spaces that have one.
    spaces: BTreeMap<resource::SpaceId, resource::PageDirectory>,
    /// The last pause of the polls for memory.
    poll: Duration,
    /// No channel has a turn, whichever may run.
    are_stopped: bool,
    /// Since when channels have been waiting for a semaphore.
    waits: BTreeMap<channel::ChannelId, Duration>,
    /// The channels whose engine is to be given to another one, but hangs.
    overdue: BTreeSet<channel::ChannelId>,
}

/// What the BARs show. A reset and GSP-RM's unload clear it.
#[derive(Clone, Copy, Debug, Default)]
struct Windows {
    /// The address space of BAR1; without one it shows the frame buffer.
    bar1: Option<Root>,
    /// The address space of BAR2; without one it shows nothing.
    bar2: Option<Root>,
}

/// A GSP-RM that was suspended.
struct Suspended {
    rm: GspRm,
    channels: Channels,
}

/// A GSP-RM that was saved to system memory.
struct Saved {
    image: Image,
    suspended: Suspended,
    meta: GspFwWprMeta,
    wpr2: Range<u64>,
}

/// State of the programs on the card; a reset clears it.
#[derive(Default)]
pub(crate) struct ProgramState {
    /// The program that runs on each engine, and its start time.
    pub(crate) running: [(Program, Duration); 2],
    /// SEC2 was prepared for `CORE_RESUME`.
    pub(crate) sec2_prepared: bool,
    /// The WPR metadata that booter has accepted.
    pub(crate) meta: Option<GspFwWprMeta>,
    pub(crate) rm: Option<GspRm>,
    /// The GSP-RM that was suspended and is still in WPR2, or is there again.
    suspended: Option<Suspended>,
    /// What the FSP has started the FMC with, until the FMC has completed.
    pub(crate) accepted: Option<Accepted>,
    /// Bus address of libos' arguments, if the FMC has passed it on.
    pub(crate) libos_arguments: Option<u64>,
}

impl<M: Machine> Gpu<M> {
    /// A card that was just powered on, in a machine that has not enumerated it yet.
    pub fn new(setup: Setup, machine: M) -> Result<Self, NoFwsec> {
        let gpu = Self::with_any_vbios(setup, machine);
        match gpu.fwsec.is_some() || gpu.chip().boots_through_fsp() {
            true => Ok(gpu),
            false => Err(NoFwsec),
        }
    }

    /// The same, also with a VBIOS from which the chip cannot boot.
    pub fn with_any_vbios(setup: Setup, machine: M) -> Self {
        let vbios = setup.vbios.unwrap_or_else(|| vbios::build(setup.chip));
        let rom: Arc<[u8]> = prom::images(&vbios).into();
        let fwsec = Fwsec::find(&rom).filter(|fwsec| fwsec.is_for(setup.chip));
        let parts = Parts {
            chip: setup.chip,
            bar1: setup.bar1,
            rom,
            fuses: match &fwsec {
                Some(fwsec) => setup.fuses.for_fwsec(&fwsec.ucode),
                None => setup.fuses,
            },
        };
        for firmware in setup.firmware.all() {
            tracing::info!(version = firmware.gsp.release.name, "GSP-RM");
        }
        let mut gpu = Self {
            blocks: Blocks::new(&parts),
            signals: Signals::default(),
            pin: false,
            answers: Answers::default(),
            requests: Vec::new(),
            mmu: Mmu::new(setup.chip.chipset.arch(), TlbMode::default()),
            channels: Channels::default(),
            windows: Windows::default(),
            saved: None,
            until: Duration::ZERO,
            programs: ProgramState::default(),
            parts,
            firmware: setup.firmware,
            fwsec,
            acr: sequencer::ucode(setup.chip.falcons),
            machine,
            vram: setup.vram,
            config: ConfigSpace::with_bar1(setup.chip, setup.bar1),
            trace: setup.trace,
            faults: Faults::default(),
            after_boot: Vec::new(),
            schedule: Schedule::default(),
            unloads: 0,
            invalidations: 0,
        };
        gpu.power_on();
        gpu
    }

    fn power_on(&mut self) {
        self.blocks = Blocks::new(&self.parts);
        self.signals = Signals::default();
        self.mmu.invalidate(Invalidation::ALL);
        self.channels = Channels::default();
        self.windows = Windows::default();
        self.programs = ProgramState::default();
        self.schedule.cancel(|_| true);
        let (blocks, mut wires) = self.wired(BlockId::Unknown);
        blocks.power_on(&mut wires);
    }

    /// The blocks, and the wires of one of them.
    fn wired(&mut self, id: BlockId) -> (&mut Blocks, Wires<'_>) {
        let wires = Wires {
            id,
            chip: self.parts.chip,
            faults: &self.faults,
            signals: &mut self.signals,
            vram: &mut self.vram,
            config: &mut self.config,
            memory: &mut self.machine,
            schedule: &mut self.schedule,
            trace: &mut self.trace,
            requests: &mut self.requests,
        };
        (&mut self.blocks, wires)
    }

    /// Resets the card, by fundamental or function-level reset, which also resets configuration
    /// space. While a GSP-RM is saved, this is taken for the loss of power in a sleep of the machine,
    /// and the frame buffer loses its contents: QEMU resets the card when its machine wakes from S3,
    /// after it has put the card into D0, so that the card cannot know one from the other.
    pub fn reset(&mut self) {
        if self.saved.is_some() {
            self.vram.lose();
        }
        self.note(BlockId::Xve, "reset", Value::Null);
        self.config = ConfigSpace::with_bar1(self.parts.chip, self.parts.bar1);
        self.power_on();
        self.fail_after_reset();
        self.announce_tree();
    }

    /// The effects of faults that a reset of the function has, or ends.
    fn fail_after_reset(&mut self) {
        for fault in [Fault::PromFlaky, Fault::FspFlaky, Fault::FmcFlaky] {
            self.faults.end(fault);
        }
        let now = self.schedule.now();
        for fault in self.faults.iter() {
            match fault {
                Fault::SlowReset(by) => self.answers.registers = now + by,
                Fault::ResetWithoutMemory => self.answers.registers = Duration::MAX,
                Fault::DeadlyReset => self.answers.anything = Duration::MAX,
                Fault::GfwHungByReset => self.blocks.pgc6.is_hung = true,
                _ => {}
            }
        }
    }

    /// Injects a fault.
    pub fn inject(&mut self, fault: Fault) {
        self.note(BlockId::Unknown, "fault", Value::from(format!("{fault:?}")));
        match fault {
            Fault::CardGone { after } => self.faults.add(Fault::CardGone {
                after: self.trace.accesses().total().saturating_add(after),
            }),
            Fault::LinkLost(by) => self.answers.anything = self.schedule.now() + by,
            Fault::GspStops => self.stop_gsp(),
            Fault::AllocRefused { after, status } => self.faults.add(Fault::AllocRefused {
                after: self.allocations().saturating_add(after),
                status,
            }),
            fault => self.faults.add(fault),
        }
        if fault == Fault::Wpr2Up {
            let (blocks, wires) = self.wired(BlockId::Pfb);
            blocks.pfb.leave_wpr2(&wires);
        }
    }

    /// Injects a fault when GSP-RM has been booted the next time.
    pub(crate) fn inject_after_boot(&mut self, fault: Fault) {
        self.after_boot.push(fault);
    }

    /// GSP-RM has been booted.
    pub(crate) fn fail_after_boot(&mut self) {
        for fault in std::mem::take(&mut self.after_boot) {
            self.inject(fault);
        }
    }

    /// Removes all faults.
    pub fn repair(&mut self) {
        self.answers = Answers::default();
        self.faults.clear();
        self.after_boot.clear();
    }

    pub(crate) fn is_broken(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }

    /// Chooses whether the TLBs keep what hardware might keep until it is invalidated, as they do at
    /// first, or nothing.
    pub fn set_tlb(&mut self, is_strict: bool) {
        self.mmu.set_mode(match is_strict {
            true => TlbMode::Strict,
            false => TlbMode::Lax,
        });
    }

    /// Reads PCI configuration space as the CPU does.
    pub fn read_config(&self, offset: usize, into: &mut [u8]) {
        match self.is_gone() {
            true => into.fill(0xff),
            false => self.config.read(offset, into),
        }
    }

    /// Writes to PCI configuration space as the CPU does; returns whether that has reset the card.
    pub fn write_config(&mut self, offset: usize, bytes: &[u8]) -> Effect {
        if self.is_gone() {
            return Effect::None;
        }
        let effect = self.config.write(offset, bytes);
        if effect == Effect::Reset {
            self.reset();
        }
        self.announce_tree();
        effect
    }

    /// Restores PCI configuration space after a reset, as the machine does.
    pub(crate) fn restore_config(&mut self, saved: ConfigSpace) {
        self.config = saved;
        self.announce_tree();
    }

    /// Time since the card was made.
    pub fn now(&self) -> Duration {
        self.schedule.now()
    }

    /// Time of the next event of the card.
    pub fn next_event(&self) -> Option<Duration> {
        self.schedule.next()
    }

    /// Lets time pass up to `until`.
    pub fn advance(&mut self, until: Duration) {
        self.until = until;
        while let Some(event) = self.schedule.advance(until) {
            self.happen(event);
        }
    }

    pub(crate) fn note(&mut self, block: BlockId, name: &str, args: Value) {
        self.wired(block).1.note(name, args);
    }

    /// Records that `block` has done something that took `time`.
    pub(crate) fn ended(&mut self, block: BlockId, name: &str, time: Duration) {
        self.wired(block).1.ended(name, time);
    }

    pub(crate) fn refuse(&mut self, block: BlockId, reason: impl Into<String>) {
        self.wired(block).1.refuse(reason);
    }

    /// Returns whether `block` can access the machine's memory; if the card is not a bus master,
    /// records a refusal.
    pub(crate) fn reaches_memory(&mut self, block: BlockId) -> bool {
        self.wired(block).1.reaches_memory()
    }

    /// Whether nothing of the card answers.
    fn is_gone(&self) -> bool {
        let total = self.trace.accesses().total();
        self.faults.gone_after().is_some_and(|after| total > after)
            || self.schedule.now() < self.answers.anything
    }

    /// Whether no register answers.
    fn has_no_registers(&self) -> bool {
        self.is_gone() || self.schedule.now() < self.answers.registers
    }

    /// Carries out an event.
    fn happen(&mut self, event: Event) {
        match event {
            Event::Timer(block, timer) => {
                let (blocks, mut wires) = self.wired(block);
                blocks.elapsed(&mut wires, timer);
                self.carry_out();
            }
            Event::Halt(engine) => self.halt(engine),
            Event::LibosStart => self.start_libos(),
            Event::Commands | Event::Room => self.serve_commands(),
            Event::LateReply => self.answer_late(),
            Event::RunSequencer => self.run_sequencer(),
            Event::InitDone => self.finish_init(),
            Event::GspRmEnd => self.end_gsp_rm(),
            Event::DelayedInterrupt => self.announce(),
            Event::Turn => self.turn(),
            Event::SwitchTimeout { runlist, channel } => self.time_out(runlist, channel),
            Event::FspPacket => self.serve_fsp(),
            Event::TargetMaskReleased => self.release_mask(),
            Event::FmcBooted => self.finish_fmc(),
            Event::LockdownReleased(put_off) => self.release_lockdown(put_off),
            Event::FmcUnloaded => self.finish_unload(),
        }
    }
}

#[cfg(test)]
mod tests;

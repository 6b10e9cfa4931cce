// SPDX-License-Identifier: GPL-2.0

//! What a write to a falcon's registers starts: DMA, the scrubbing after a reset, the switch of
//! cores, interrupts.

use std::time::Duration;

use nova_hw::regs::fbif::FbifTarget;
use nova_hw::regs::riscv::CoreSelect;
use serde_json::Value;

use super::{Action, Falcon, Transfer};
use crate::block_id::FalconId;
use crate::blocks::wires::{Request, Wires};
use crate::faults::Fault;
use crate::schedule::Timer;

/// How long these steps take; the model's own values.
const SCRUBBING: Duration = Duration::from_micros(50);
const CORE_SWITCH: Duration = Duration::from_micros(20);

/// Timers of a falcon.
const SCRUBBED: Timer = 0;
const FALCON_SELECTED: Timer = 1;
const RISCV_SELECTED: Timer = 2;

impl Falcon {
    /// Carries out what a write to a register has started.
    pub(crate) fn act(&mut self, wires: &mut Wires<'_>, engine: FalconId, action: Action) {
        match action {
            Action::None => {}
            Action::Refused(reason) => wires.refuse(reason),
            Action::Reset => self.leave_reset(wires, engine),
            Action::Start => wires.ask(Request::FalconStarted(engine)),
            Action::SelectCore(core) => {
                if !wires.faults.has(Fault::CoreNeverSelected(engine)) {
                    let timer = match core {
                        CoreSelect::Falcon => FALCON_SELECTED,
                        CoreSelect::Riscv => RISCV_SELECTED,
                    };
                    wires.set_timer(CORE_SWITCH, timer);
                }
            }
            Action::Dma(transfer) => self.transfer_bytes(wires, engine, &transfer),
            Action::Interrupt => wires.ask(Request::Interrupt(engine)),
        }
    }

    fn leave_reset(&mut self, wires: &mut Wires<'_>, engine: FalconId) {
        wires.note("reset", Value::Null);
        wires.cancel_timers();
        if !wires.faults.has(Fault::ScrubbingNeverDone(engine)) {
            wires.set_timer(SCRUBBING, SCRUBBED);
        }
        wires.ask(Request::FalconReset(engine));
    }

    fn transfer_bytes(&mut self, wires: &mut Wires<'_>, engine: FalconId, transfer: &Transfer) {
        let Transfer {
            is_store,
            target,
            address,
            offset,
            len,
            ..
        } = *transfer;
        if is_store {
            write_target(wires, target, address, &self.dmem[offset..offset + len]);
        } else {
            let bytes = read_target(wires, target, address, len);
            self.load(transfer, &bytes);
        }
        self.dma_stuck = wires.faults.has(Fault::DmaNeverIdle(engine));
    }

    /// A timer of the falcon has expired.
    pub(crate) fn elapsed(&mut self, wires: &mut Wires<'_>, timer: Timer) {
        if timer == SCRUBBED {
            self.scrubbing = false;
            wires.ended("scrubbing", SCRUBBING);
            return;
        }
        self.riscv.core_valid = true;
        self.riscv.core = match timer {
            RISCV_SELECTED => CoreSelect::Riscv,
            _ => CoreSelect::Falcon,
        };
    }
}

/// Reads what a falcon's DMA reads; addresses without memory give all ones.
pub(crate) fn read_target(
    wires: &mut Wires<'_>,
    target: FbifTarget,
    address: u64,
    len: usize,
) -> Vec<u8> {
    let mut bytes = vec![0; len];
    match target {
        FbifTarget::LocalFb => wires.vram.read(address, &mut bytes),
        _ if !wires.reaches_memory() => bytes.fill(0xff),
        _ => {
            if let Err(error) = wires.memory.read(address, &mut bytes) {
                bytes.fill(0xff);
                wires.refuse(format!("DMA: {error}"));
            }
        }
    }
    bytes
}

/// Writes what a falcon's DMA stores; what goes to addresses without memory is lost.
fn write_target(wires: &mut Wires<'_>, target: FbifTarget, address: u64, bytes: &[u8]) {
    match target {
        FbifTarget::LocalFb => wires.vram.write(address, bytes),
        _ if !wires.reaches_memory() => {}
        _ => {
            if let Err(error) = wires.memory.write(address, bytes) {
                wires.refuse(format!("DMA: {error}"));
            }
        }
    }
}

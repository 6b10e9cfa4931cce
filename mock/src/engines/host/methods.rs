// SPDX-License-Identifier: GPL-2.0

//! The methods that the host executes itself.
//!
//! Work is finished when its turn ends and there are no caches, so barriers and waits for idle
//! engines have nothing to do.
//!
//! Source: open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt and
//! manuals/turing/tu104/dev_pbdma.ref.txt, `NV_UDMA`.

use nova_hw::class::host::{method, yield_op, ChannelClass, MemOpA, MemOpC, MemOpD};

use super::channel::Place;
use super::error::{Cause, Stop};
use super::event::{HostEvent, Invalidate};
use super::pbdma::Pbdma;
use super::semaphore::{self, Operation};
use crate::engines::memory::Aperture;

impl Pbdma<'_> {
    /// Executes a method below 0x100.
    pub(super) fn host_method(&mut self, method: u32, data: u32) -> Result<(), Stop> {
        let class = self.channel.setup.class;
        let bad = |reason| {
            Err(Cause::Method {
                method,
                data,
                reason,
            }
            .into())
        };
        if !class.has_method(method) {
            return bad("the host has no such method");
        }
        let semaphore = &mut self.channel.semaphore;
        match method {
            method::NOP | method::WFI | method::FB_FLUSH => {}
            method::SEMAPHOREA | method::SEM_ADDR_HI => semaphore.address_hi = data,
            method::SEMAPHOREB | method::SEM_ADDR_LO => semaphore.address_lo = data,
            method::SEMAPHOREC | method::SEM_PAYLOAD_LO => semaphore.payload_lo = data,
            method::SEM_PAYLOAD_HI => semaphore.payload_hi = data,
            method::SEM_EXECUTE => {
                let operation = semaphore::execute(semaphore, class, data)?;
                return self.semaphore(operation);
            }
            method::SEMAPHORED => {
                let operation = semaphore::execute_old(semaphore, class, data)?;
                return self.semaphore(operation);
            }
            method::NON_STALL_INTERRUPT => self.report.events.push(HostEvent::NonStall),
            method::MEM_OP_A => self.channel.mem_op[0] = data,
            method::MEM_OP_B => self.channel.mem_op[1] = data,
            method::MEM_OP_C => self.channel.mem_op[2] = data,
            method::MEM_OP_D => return self.mem_op(data),
            method::SET_REFERENCE => self.channel.progress.reference = data,
            method::YIELD => match data & 3 {
                yield_op::NOP1 if class == ChannelClass::TuringA => {
                    return bad("no such operation")
                }
                yield_op::NOP | yield_op::NOP1 => {}
                _ => self.yields = true,
            },
            method::CRC_CHECK => {
                let what = "the CRC of methods".to_owned();
                return Err(Cause::NotModelled { what }.into());
            }
            // Up to Turing the method waits for a fault of the channel that it names, which never
            // comes, since a fault stops a channel here; it then times out.
            method::CLEAR_FAULTED => return bad("no channel has faulted"),
            _ => return bad("illegal"),
        }
        Ok(())
    }

    fn semaphore(&mut self, operation: Operation) -> Result<(), Stop> {
        match operation {
            Operation::Acquire(acquire) => {
                if acquire.is_acquired(self.memory)? {
                    self.did(acquire.acquired());
                } else {
                    self.did(acquire.waits());
                    self.channel.acquire = Some(acquire);
                }
            }
            Operation::Release(release) => {
                release.release(self.memory, self.time)?;
                self.did(release.work());
            }
        }
        Ok(())
    }

    fn mem_op(&mut self, data: u32) -> Result<(), Stop> {
        let setup = &self.channel.setup;
        let bad = |reason| {
            Err(Cause::Method {
                method: method::MEM_OP_D,
                data,
                reason,
            }
            .into())
        };
        let operation = MemOpD::from(data).operation();
        match operation {
            MemOpD::MMU_TLB_INVALIDATE
            | MemOpD::MMU_TLB_INVALIDATE_TARGETED
            | MemOpD::ACCESS_COUNTER_CLR
                if !setup.is_privileged =>
            {
                bad("needs a privileged channel")
            }
            MemOpD::MMU_TLB_INVALIDATE | MemOpD::MMU_TLB_INVALIDATE_TARGETED => {
                let is_targeted = operation == MemOpD::MMU_TLB_INVALIDATE_TARGETED;
                let Some(invalidate) = invalidate(self.channel.mem_op, data, is_targeted) else {
                    return bad("no such aperture");
                };
                self.report.events.push(HostEvent::Invalidate(invalidate));
                // The next method must see the effect.
                self.yields = true;
                Ok(())
            }
            MemOpD::MEMBAR
            | MemOpD::ACCESS_COUNTER_CLR
            | MemOpD::L2_PEERMEM_INVALIDATE
            | MemOpD::L2_SYSMEM_INVALIDATE
            | MemOpD::L2_CLEAN_COMPTAGS
            | MemOpD::L2_FLUSH_DIRTY
            | MemOpD::L2_WAIT_FOR_SYS_PENDING_READS => Ok(()),
            MemOpD::MMU_OPERATION if setup.class.has_wide_addresses() => {
                let what = "other requests to the MMU".to_owned();
                Err(Cause::NotModelled { what }.into())
            }
            _ => bad("no such operation"),
        }
    }
}

fn invalidate([a, b, c]: [u32; 3], d: u32, is_targeted: bool) -> Option<Invalidate> {
    let (a, c, d) = (MemOpA::from(a), MemOpC::from(c), MemOpD::from(d));
    let directory = match c.pdb_aperture() {
        _ if c.pdb_all() => None,
        0 => Some(Aperture::Vram),
        2 | 3 => Some(Aperture::System),
        _ => return None,
    };
    let at = u64::from(d.pdb_addr_hi()) << 32 | u64::from(c.pdb_addr_lo()) << 12;
    let page = u64::from(b) << 32 | u64::from(a.target_addr_lo()) << 12;
    Some(Invalidate {
        directory: directory.map(|aperture| Place { aperture, at }),
        page: is_targeted.then_some(page),
        levels: c.page_table_level().checked_sub(1),
    })
}

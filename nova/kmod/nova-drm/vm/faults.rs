// SPDX-License-Identifier: GPL-2.0

//! The last faults of an address space, and the ioctl that tells them.

use kernel::prelude::*;
use kernel::sync::{new_spinlock, SpinLock};
use kernel::time::{ClockSource, Monotonic};
use nova_core_module::{FaultKind, FaultLog};
use nova_kernel::drm::ioctl::{Gate, Ioctl};
use nova_uapi::{Fault, FAULT_ACCESS_UNKNOWN, FAULT_TYPE_UNKNOWN};

use crate::driver::{Device, File, NovaDrmDriver};
use crate::gpu::Gpu;
use crate::number::Number;
use crate::user::{error, writer};

/// How many are kept, as nova_drm.h says.
const KEPT: usize = 64;

/// GSP-RM tells which page it was: `NVC369_BUF_ENTRY_ADDR_LO` has the bits of an address from 12 on
/// (open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/class/clc369.h).
const PAGE_SHIFT: u32 = 12;

/// What [`Fault::precision_shift`] is if no address is known.
const NO_ADDRESS: u32 = 64;

/// A fault, without the members that depend on who asks.
#[derive(Clone, Copy)]
struct Kept {
    fault: Fault,
    queue: Number,
}

/// Room for the faults that are kept.
struct Slots(KVVec<Option<Kept>>);

impl AsRef<[Option<Kept>]> for Slots {
    fn as_ref(&self) -> &[Option<Kept>] {
        &self.0
    }
}

impl AsMut<[Option<Kept>]> for Slots {
    fn as_mut(&mut self) -> &mut [Option<Kept>] {
        &mut self.0
    }
}

/// What is known of the place and the type of a fault.
pub(crate) struct Place {
    /// The address.
    pub(crate) address: u64,
    /// Why the GPU could not use it.
    pub(crate) kind: FaultKind,
    /// The same as the GPU has it.
    pub(crate) hw_type: u32,
}

/// The last faults of an address space.
#[pin_data]
pub(crate) struct Faults {
    #[pin]
    log: SpinLock<FaultLog<Kept, Slots>>,
}

impl Faults {
    /// None.
    pub(super) fn new() -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            let mut slots = KVVec::with_capacity(KEPT, GFP_KERNEL_ACCOUNT)?;
            for _ in 0..KEPT {
                slots.push(None, GFP_KERNEL_ACCOUNT)?;
            }
            Ok(try_pin_init!(Self {
                log <- new_spinlock!(FaultLog::new(Slots(slots))),
            }))
        })
    }

    /// Records a fault of a queue, whose engine has this class and this number, and returns the fault's number. Allocates
    /// nothing, and does not sleep.
    pub(crate) fn record(&self, queue: Number, engine: (u32, u32), place: Option<Place>) -> u64 {
        let (engine_class, engine_instance) = engine;
        let fault = Fault {
            time_ns: u64::try_from(Monotonic::ktime_get()).unwrap_or(0),
            // GSP-RM does not tell it.
            access: FAULT_ACCESS_UNKNOWN,
            engine_class,
            engine_instance,
            ..at(place)
        };
        self.log.lock().record(Kept { fault, queue })
    }

    /// Number of the next fault.
    fn next(&self) -> u64 {
        self.log.lock().next()
    }

    /// See [`FaultLog::first_from`].
    fn first_from(&self, number: u64) -> Option<(u64, Kept)> {
        self.log.lock().first_from(number)
    }
}

/// A fault at a place.
fn at(place: Option<Place>) -> Fault {
    match place {
        Some(place) => Fault {
            address: place.address >> PAGE_SHIFT << PAGE_SHIFT,
            precision_shift: PAGE_SHIFT,
            fault_type: fault_type(place.kind),
            hw_type: place.hw_type,
            ..Fault::default()
        },
        None => Fault {
            precision_shift: NO_ADDRESS,
            fault_type: FAULT_TYPE_UNKNOWN,
            ..Fault::default()
        },
    }
}

/// One of the `FAULT_TYPE_` constants.
fn fault_type(kind: FaultKind) -> u32 {
    match kind {
        FaultKind::Unmapped => nova_uapi::FAULT_TYPE_UNMAPPED,
        FaultKind::ReadOnly => nova_uapi::FAULT_TYPE_READ_ONLY,
        FaultKind::Privilege => nova_uapi::FAULT_TYPE_PRIVILEGE,
        FaultKind::Limit => nova_uapi::FAULT_TYPE_LIMIT,
        FaultKind::Kind => nova_uapi::FAULT_TYPE_KIND,
        FaultKind::Aperture => nova_uapi::FAULT_TYPE_APERTURE,
        FaultKind::Atomic => nova_uapi::FAULT_TYPE_ATOMIC,
        FaultKind::Poison => nova_uapi::FAULT_TYPE_POISON,
        FaultKind::Compression => nova_uapi::FAULT_TYPE_COMPRESSION,
        FaultKind::Other => nova_uapi::FAULT_TYPE_OTHER,
    }
}

/// `DRM_IOCTL_NOVA_VM_GET_FAULTS`.
pub(crate) struct VmGetFaults;

impl Ioctl<NovaDrmDriver> for VmGetFaults {
    type Argument = nova_uapi::VmGetFaults;
    const NUMBER: u32 = nova_uapi::IOCTL_VM_GET_FAULTS;
    const GATE: Gate = Gate::Always;

    fn call(
        _device: &Device,
        _gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        let room = argument.check().map_err(error)?;
        let vm = file.data().vms.get(argument.vm_id)?;
        (argument.missed, argument.written) = (0, 0);
        if room.count() == 0 {
            argument.next = vm.faults.next();
            return Ok(());
        }
        let mut writer = writer(&room)?;
        // One after the other, since user space is not written with a spin lock held.
        while argument.written < room.count() {
            let Some((sequence, kept)) = vm.faults.first_from(argument.next) else {
                break;
            };
            let fault = Fault {
                sequence,
                queue_id: file.data().queues.find(|queue| queue.number == kept.queue),
                ..kept.fault
            };
            room.write(&fault, &mut writer)?;
            let missed = sequence.saturating_sub(argument.next);
            argument.missed = argument.missed.saturating_add(missed);
            argument.next = sequence.saturating_add(1);
            argument.written = argument.written.saturating_add(1);
        }
        Ok(())
    }
}

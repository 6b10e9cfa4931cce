// SPDX-License-Identifier: GPL-2.0

//! `nova-core.ko`: binds NVIDIA GPUs on the PCI bus, boots their GSP and offers them to second-level
//! drivers such as `nova-drm.ko`.
//!
//! It implements the platform traits of the portable driver (the `nova_core` crate) with the kernel:
//! registers, DMA memory, firmware files, time and interrupts. All it knows about GPUs is the order
//! of their BARs.

mod address_space;
mod bars;
mod calls;
mod channel;
mod channels;
mod clock;
mod context;
mod coredump;
mod debugfs;
mod dma;
mod driver;
mod errno;
mod fifo;
mod firmware;
mod gpu;
mod graphics;
mod gsp;
mod gsp_file;
mod health;
mod image;
mod instance;
mod kept;
mod lifecycle;
mod machine;
mod rm;
mod rm_control;
mod status;
mod table_limit;
mod vectors;
mod vram;

use kernel::driver::Registration;
use kernel::prelude::*;
use kernel::InPlaceModule;
use nova_kernel::pci::power;
use nova_kernel::sync::workqueue::{Created, Workqueue};

pub use address_space::{AddressSpace, Spare, Tables};
pub use calls::Epoch;
pub use channel::{Channel, ChannelEvents, End, NewChannel, NewGraphics, SubmitError};
pub use context::{Clear, Context, SharedContext};
pub use coredump::Coredump;
pub use gpu::Gpu;
pub use graphics::Graphics;
pub use health::{Health, Listener};
pub use instance::{Memory, Table};
pub use nova_core::platform::TableMemory;
pub use nova_core::{extents_of, kinds_for_programs, piece_at, pieces_in, ChunkPiece, Extent};
pub use nova_core::{
    About, AboutObject, Binding, BindingPlace, Dump, DumpedJob, LostQueue, Source, DUMP_ENTRIES_MAX,
};
pub use nova_core::{Aperture, Attributes, Block, Change};
pub use nova_core::{
    Blame, ChannelError, Classes, ClearBytes, CopyBytes, Ended, Engine, EngineKind, Engines,
    Entries, Entry, FaultKind, FaultLog, Jobs, MmuFault, Push, Ready, Reason, RingState,
    Scheduling, Slot, Text, Unfinished, Words,
};
pub use nova_core::{Place, ProgramSlot, ProgramSlots, Survival, CHANNELS, SLOT_SIZE};
pub use nova_core::{Taken, Victim, Victims};
pub use nova_hw::abi::{InterleaveLevel, TIMESLICE_US_DEFAULT};
pub use nova_hw::chipset::Architecture;
pub use nova_hw::gmmu::kind::{GENERIC_MEMORY, PITCH};
pub use rm::Client;
pub use table_limit::TableLimit;
pub use vram::{Blocks, Vram};

/// Name of the module and of its folder in debugfs, and first half of its auxiliary devices' names.
pub const MODULE_NAME: &CStr = <LocalModule as kernel::ModuleMetadata>::NAME;

/// Runs lists of register accesses, for which reclaiming memory may wait.
static WORKQUEUE: Workqueue = Workqueue::new(c"nova-core");

#[pin_data]
struct NovaCoreModule {
    // Dropped first, since the drop removes the GPUs' folders in the module's folder in debugfs, and GPUs that are bound use
    // the workqueue.
    #[pin]
    driver: Registration<power::Adapter<driver::NovaCoreDriver>>,
    debugfs: debugfs::Root,
    workqueue: Created,
}

impl InPlaceModule for NovaCoreModule {
    fn init(module: &'static kernel::ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: The kernel calls `init` once, and the driver is registered after this.
            debugfs: unsafe { debugfs::Root::new() },
            workqueue: WORKQUEUE.create()?,
            driver <- Registration::new(MODULE_NAME, module),
        })
    }
}

module! {
    type: NovaCoreModule,
    name: "nova-core",
    authors: ["Nova authors"],
    description: "Boots NVIDIA GPUs from Turing on",
    license: "GPL v2",
    firmware: [],
    params: {
        firmware_release: u32 {
            default: 0,
            description: "Branch of the GSP firmware to boot, such as 570; 0 for the newest installed",
        },
        rm_control: bool {
            default: false,
            description: "Let root call controls of GSP-RM through debugfs, for developers and tests",
        },
    },
}

kernel::module_firmware!(firmware::ModInfo);

// SPDX-License-Identifier: GPL-2.0

//! The portable GPU driver: boots GPUs and communicates with them.
//!
//! It accesses the machine, memory included, only through [`platform`]; it neither locks nor
//! panics. It waits, with a bound, only in a boot and in a teardown, when nobody else uses the GPU,
//! and in [`SequencerList::run`], if GSP-RM requests it.
//!
//! [`probe`] identifies a GPU, [`Found::prepare`] prepares its boot, [`Prepared::boot`] boots it
//! and [`Running::unload`] unloads it.
//!
//! The modules are layers, each built on those before it and with its own error: `platform` and
//! `mmio`; `chip`, the table of differences between chips; `firmware`, `falcon`, `fsp` and `intr`;
//! `vbios`; `gsp`, from the queues to the calls; `rm`, objects of GSP-RM; `mm`, memory of the GPU;
//! `gr`, the graphics engine;
//! `fifo`, channels; `ce`, what they push to copy engines; `dump`, what is left of what has
//! failed; and `boot` on top. `make lint` checks this.
#![no_std]
#![forbid(unsafe_code)]
// Errors have all details for a message of one line, and cannot be boxed without an allocator.
#![allow(clippy::result_large_err)]

#[cfg(any(test, fuzzing))]
extern crate std;

mod boot;
mod bug;
mod ce;
mod chip;
mod dump;
mod error_kind;
mod falcon;
mod fifo;
mod firmware;
mod fsp;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gr;
mod gsp;
mod intr;
mod mm;
mod mmio;
pub mod platform;
mod rm;
#[cfg(any(test, fuzzing))]
mod testing;
mod text;
mod vbios;

pub use boot::error::{Error, Failure};
pub use boot::event::Event;
pub use boot::found::{probe, Found};
pub use boot::layout::NoRoom;
pub use boot::prepare::Prepared;
pub use boot::progress::StageReport;
pub use boot::report::BootReport;
pub use boot::running::Running;
pub use boot::sequencer_list::{FinishedList, SequencerList};
pub use boot::stage::Stage;
pub use ce::{ClearBytes, CopyBytes};
pub use chip::identify::UnknownChip;
pub use chip::Classes;
pub use dump::queue::{
    About, AboutObject, Binding, Job as DumpedJob, LostQueue, Place as BindingPlace,
    ENTRIES_MAX as DUMP_ENTRIES_MAX,
};
pub use dump::{Dump, Sink, Source};
pub use error_kind::ErrorKind;
pub use falcon::error::{FalconError, Stopped};
pub use fifo::channel::{Channel, ChannelLayout, Submitted};
pub use fifo::doorbell::Token;
pub use fifo::engines::{Engine, EngineKind, EngineReader, Engines};
pub use fifo::fault::{Blame, FaultKind, Reason};
pub use fifo::fault_log::FaultLog;
pub use fifo::jobs::{Ended, Jobs, Ready, Slot};
pub use fifo::push::{Full, Words};
pub use fifo::ring::{pushes_max, Push, RingState, SubmitError};
pub use fifo::time::gpu_time;
pub use fifo::unfinished::{Entries, Entry, Meaning, Unfinished};
pub use fifo::userd::Userd;
pub use firmware::check::choose_firmware;
pub use firmware::error::{FirmwareError, ImageError};
pub use firmware::names::{firmware_kinds, name_parts, File, FileSet, ImageFile, Packing};
pub use fsp::FspError;
pub use gr::context::{
    ContextLayout, ContextOf, Mapping as ContextMapping, Part as ContextPart,
    Places as ContextPlaces, Promotion, OWN_SPAN as CONTEXT_OWN_SPAN,
    SHARED_ALIGN as CONTEXT_SHARED_ALIGN, SHARED_SPAN as CONTEXT_SHARED_SPAN,
};
pub use gr::info::{GraphicsInfo, GraphicsReader};
pub use gsp::commands::alloc::{Alloc, Class};
pub use gsp::commands::channel::{NewChannel, Scheduling};
pub use gsp::commands::control::Control;
pub use gsp::commands::copy_object::CopyObject;
pub use gsp::commands::free::Free;
pub use gsp::commands::reserved_directories::{DirectoryAt, SERVER_RANGE};
pub use gsp::commands::static_info::StaticInfo;
pub use gsp::commands::update_bar_pde::UpdateBar2Pde;
pub use gsp::events::{ChannelError, EventCounts, GspEvent, MmuFault};
pub use gsp::handles::{Handles, Internal};
pub use gsp::payload::{Payload, ShortPayload};
pub use gsp::queue::QueueError;
pub use gsp::rpc::call::{CallKind, Header, Ticket};
pub use gsp::rpc::command::Command;
pub use gsp::rpc::error::RpcError;
pub use gsp::rpc::history::Record;
pub use gsp::rpc::lost::Lost;
pub use gsp::rpc::outgoing::Outgoing;
pub use gsp::rpc::reply::Reply;
pub use gsp::sequencer::SequencerError;
pub use intr::{Handled, Irq, NoInterrupt, Vectors, LEAVES as VECTOR_WORDS};
pub use mm::instance::{
    InstanceMemory, MemoryInfo, MemoryPlatform, NewChunk, WindowTables, BAR1_OWN,
};
pub use mm::kinds_for_programs;
pub use mm::tables::blocks::{Aperture, Attributes, Block};
pub use mm::tables::prepare::Change;
pub use mm::tables::spare::Spare;
pub use mm::tables::PageTables;
pub use mm::Piece;
pub use mm::Survival;
pub use mm::WindowError;
pub use mm::{extents_of, piece_at, Extent};
pub use mm::{pieces_in, ChunkPiece};
pub use mm::{program_slots, Place, ProgramSlot, ProgramSlots, SLOT_SIZE};
pub use mm::{Taken, Victim, Victims};
pub use mmio::Timeout;
pub use platform::memory::MemoryError;
pub use rm::address_space::AddressSpace;
pub use rm::caller::Caller;
pub use rm::channel::{ChannelObjects, ChannelWork};
pub use rm::channel_ids::{ChannelIds, CHANNELS};
pub use rm::client::Client;
pub use text::Text;
pub use vbios::error::VbiosError;

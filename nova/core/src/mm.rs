// SPDX-License-Identifier: GPL-2.0

//! Memory of the GPU: the page tables of its MMU (`tables`); and what the driver itself uses, which
//! are the windows through which the CPU sees VRAM, the pages that are cut from it for page tables
//! and instance blocks, and the TLBs.
//!
//! Nothing here locks: the adapter has one lock for the [`InstanceMemory`](instance::InstanceMemory)
//! of a GPU, and holds it for each call.

mod chunks;
mod error;
mod extents;
mod flush;
pub(crate) mod instance;
mod kinds;
mod pool;
mod pramin;
mod program_slots;
mod slots;
mod survival;
pub(crate) mod tables;
mod tlb;
mod tree;
mod victims;

pub use chunks::{pieces_in, ChunkPiece};
pub use error::WindowError;
pub use extents::{extents_of, piece_at, Extent};
pub use kinds::kinds_for_programs;
pub use pool::Piece;
pub use program_slots::{program_slots, Place, ProgramSlot, ProgramSlots, SLOT_SIZE};
pub use survival::Survival;
pub use victims::{Taken, Victim, Victims};

// SPDX-License-Identifier: GPL-2.0

//! The engines of a GPU that channels can feed, as GSP-RM's tables have them: graphics, and copy
//! engines, of which some share its runlist.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c
//! (`r535_fifo_runl_ctor`); open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt
//! (`NV_UDMA_NON_STALL_INT`).

use nova_hw::abi::engine_type;
use nova_hw::release::Release;

use crate::gsp::commands::control::Call;
use crate::gsp::commands::device_info::{Device, GetDeviceInfo, PARTS};
use crate::gsp::commands::fault_method_buffer::GetFaultMethodBufferSize;
use crate::gsp::commands::interrupt_table::{InterruptTable, COPIES};
use crate::gsp::handles::Handles;
use crate::gsp::rpc::error::RpcError;
use crate::intr::{Irq, Vectors};
use crate::rm::caller::Caller;
use crate::text::Text;

/// The last runlist that a doorbell can name.
const RUNLIST_MAX: u8 = 0x7f;

/// Most bytes of memory for methods that a fault interrupts; the driver's own limit. An H200 has
/// 0xf000 (docs/real-cards.md).
const METHOD_BUFFER_MAX: u32 = 1 << 20;

/// What an engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Copies.
    Copy,
    /// Graphics and programs. It is the only one.
    Graphics,
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine {
    /// What it is for.
    pub kind: EngineKind,
    /// Its number among those of its kind.
    pub instance: u8,
    /// Its runlist.
    pub runlist: u8,
    /// The runlist is that of graphics, too, whose channels take turns with those of the engine.
    pub shares_graphics: bool,
}

impl Engine {
    /// Its number in parameters (`NV2080_ENGINE_TYPE_*`).
    pub const fn number(self) -> u32 {
        match self.kind {
            EngineKind::Copy => engine_type::copy(self.instance),
            EngineKind::Graphics => engine_type::GR0,
        }
    }

    /// Its name, such as `copy2`, for users.
    pub fn name(self) -> Text<16> {
        match self.kind {
            EngineKind::Copy => Text::whole(format_args!("copy{}", self.instance)),
            EngineKind::Graphics => Text::whole(format_args!("graphics{}", self.instance)),
        }
    }
}

/// Where an engine is, and the vector of its interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    runlist: u8,
    vector: Option<u32>,
}

/// The engines of a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Engines {
    graphics: Option<Place>,
    /// The copy engines, by their instance.
    copies: [Option<Place>; COPIES],
    /// Bytes of memory that each channel needs for the methods that a fault interrupts.
    method_buffer: u32,
}

impl Engines {
    /// The copy engines.
    pub fn copies(&self) -> impl Iterator<Item = Engine> + '_ {
        let graphics = self.graphics.map(|place| place.runlist);
        let places = (0..).zip(&self.copies);
        places.filter_map(move |(instance, place)| {
            let runlist = place.as_ref()?.runlist;
            Some(Engine {
                kind: EngineKind::Copy,
                instance,
                runlist,
                shares_graphics: Some(runlist) == graphics,
            })
        })
    }

    /// The graphics engine, if channels can use it: there must be a copy engine beside it, since each of them has an object
    /// of that, too.
    pub fn graphics(&self) -> Option<Engine> {
        let Place { runlist, .. } = self.graphics?;
        self.copy_beside_graphics().map(|_| Engine {
            kind: EngineKind::Graphics,
            instance: 0,
            runlist,
            shares_graphics: true,
        })
    }

    /// The copy engine that channels of graphics use for copies: the first one of its runlist.
    pub fn copy_beside_graphics(&self) -> Option<Engine> {
        self.copies().find(|engine| engine.shares_graphics)
    }

    /// All that channels can be made for.
    pub fn all(&self) -> impl Iterator<Item = Engine> + '_ {
        self.copies().chain(self.graphics())
    }

    /// The interrupts of a runlist: those of all its engines, since it is not known which of them a
    /// channel raises that runs on several. Without any, who waits for a channel has to poll.
    pub fn interrupts(&self, runlist: u8) -> Vectors {
        let mut vectors = Vectors::default();
        let places = self.places().filter(|place| place.runlist == runlist);
        places
            .filter_map(|place| place.vector)
            .for_each(|vector| vectors.insert(vector));
        vectors
    }

    /// The interrupts of all runlists.
    pub fn all_interrupts(&self) -> Vectors {
        let runlists = self.places().map(|place| place.runlist);
        let vectors = runlists.map(|runlist| self.interrupts(runlist));
        vectors.fold(Vectors::default(), |all, some| all.union(&some))
    }

    /// Bytes of system memory that each channel needs for the methods that a fault interrupts.
    pub fn method_buffer(&self) -> u32 {
        self.method_buffer
    }

    fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.graphics
            .iter()
            .chain(self.copies.iter().flatten())
            .copied()
    }
}

/// What is needed to read the tables of a running GSP-RM.
#[derive(Clone, Copy, Debug)]
pub struct EngineReader {
    /// GSP-RM's internal subdevice.
    pub(crate) subdevice: Handles,
    pub(crate) release: &'static Release,
    pub(crate) irq: Irq,
    pub(crate) interrupts: InterruptTable,
    /// The copy engines that work only beside graphics, one bit each.
    pub(crate) grces: u32,
}

impl EngineReader {
    /// Reads the tables.
    ///
    /// # Errors
    ///
    /// A call failed, or the tables cannot be right.
    pub fn read<C: Caller>(&self, caller: &mut C) -> Result<Engines, C::Error> {
        let on = self.subdevice;
        let mut engines = Engines::default();
        for part in 0..PARTS {
            let method = GetDeviceInfo(part);
            let devices = caller.call(&Call { on, method })?;
            for device in devices.iter() {
                self.add(&mut engines, device)?;
            }
            if !devices.has_more {
                break;
            }
        }
        self.drop_lone_grces(&mut engines);
        let method = GetFaultMethodBufferSize;
        engines.method_buffer = caller.call(&Call { on, method })?;
        check(
            "bytes of a channel's method buffer",
            engines.method_buffer,
            METHOD_BUFFER_MAX,
        )?;
        Ok(engines)
    }

    /// Adds an engine of the table, if it is of a kind that the driver uses.
    fn add(&self, engines: &mut Engines, device: Device) -> Result<(), RpcError> {
        let numbers = &self.release.engines;
        let copy = device.number.checked_sub(numbers.rm.copy.into());
        let (slot, vector) = match copy.and_then(|copy| usize::try_from(copy).ok()) {
            _ if device.number == numbers.rm.gr.into() => {
                (Some(&mut engines.graphics), self.interrupts.graphics)
            }
            Some(copy) if copy < usize::from(numbers.copies) => {
                let vector = self.interrupts.copies.get(copy).copied().flatten();
                (engines.copies.get_mut(copy), vector)
            }
            _ => return Ok(()),
        };
        let Some(slot) = slot else {
            return Ok(());
        };
        let place = Place {
            runlist: runlist(device.runlist)?,
            vector,
        };
        if let Some(vector) = vector {
            check("vector of an engine", vector, self.irq.last_vector())?;
            // What an engine raises would be taken for the GSP's, and disabling it would silence the GSP.
            let is_gsp = vector == self.irq.vector();
            check("engines with the vector of the GSP", is_gsp.into(), 0)?;
        }
        match slot.replace(place) {
            None => Ok(()),
            Some(_) => Err(RpcError::Reply {
                what: "entries of an engine in the table of engines",
                expected: 1,
                found: 2,
            }),
        }
    }

    /// Drops copy engines that are for use beside graphics, but are not on its runlist: nouveau has
    /// found that they do nothing.
    fn drop_lone_grces(&self, engines: &mut Engines) {
        let graphics = engines.graphics.map(|place| place.runlist);
        for (instance, place) in (0..COPIES).zip(&mut engines.copies) {
            let is_grce = self.grces >> instance & 1 != 0;
            *place = place.filter(|place| !is_grce || Some(place.runlist) == graphics);
        }
    }
}

fn runlist(found: u32) -> Result<u8, RpcError> {
    check("runlist of an engine", found, RUNLIST_MAX.into())?;
    Ok(u8::try_from(found).unwrap_or(RUNLIST_MAX))
}

fn check(what: &'static str, found: u32, expected: u32) -> Result<(), RpcError> {
    match found <= expected {
        true => Ok(()),
        false => Err(RpcError::Reply {
            what,
            expected,
            found,
        }),
    }
}

#[cfg(test)]
mod tests;

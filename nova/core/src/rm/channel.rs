// SPDX-License-Identifier: GPL-2.0

//! A channel, alone in its group, and the objects through which it sends methods to its engines: a copy engine, or
//! graphics with the copy engine beside it.
//!
//! The group, and not the channel, is what has a time slice. GSP-RM makes one of its own for a channel without,
//! which the driver cannot name.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c
//! (`r535_chan_ramfc_write`), ce.c and gr.c (`r535_gr_oneinit`); open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/fifo/kernel_channel.c (`kchannelConstruct_IMPL`).

use nova_hw::abi::PromoteEntry;
use nova_hw::class::graphics;

use super::caller::Caller;
use super::client::Client;
use crate::gsp::commands::alloc::{Alloc, Class};
use crate::gsp::commands::channel::{NewChannel, Scheduling};
use crate::gsp::commands::channel_group::NewGroup;
use crate::gsp::commands::control::Call;
use crate::gsp::commands::copy_object::CopyObject;
use crate::gsp::commands::free::Free;
use crate::gsp::commands::group_bind::Bind;
use crate::gsp::commands::group_interleave_level::SetInterleaveLevel;
use crate::gsp::commands::group_schedule::Schedule;
use crate::gsp::commands::group_timeslice::SetTimeslice;
use crate::gsp::commands::promote_context::PromoteContext;
use crate::gsp::handles::Handles;

/// Handles, chosen by the driver, of the first channel, its first object and its group; those of the others
/// follow, by the number of the channel.
const FIRST_CHANNEL: u32 = 0xd200_0000;
const FIRST_OBJECT: u32 = 0xd300_0000;
const FIRST_GROUP: u32 = 0xd400_0000;

/// From the handle of an object to that of the next one of the channel.
const NEXT_OBJECT: u32 = 1 << 16;

/// What a channel sends methods to.
#[derive(Clone, Copy)]
pub enum ChannelWork<'x> {
    /// A copy engine.
    Copy(CopyObject),
    /// Graphics, with the context that GSP-RM is told of, and the copy engine beside it.
    Graphics {
        /// The buffers of the context.
        context: &'x [PromoteEntry],
        /// Classes of the objects on the graphics engine.
        classes: &'x [graphics::Class],
        /// The object on the copy engine.
        copy: CopyObject,
    },
    /// Nothing: the channel never runs. By its only object, GSP-RM makes the golden context.
    Golden {
        /// The buffers of the context.
        context: &'x [PromoteEntry],
        /// The class for 3D.
        class: graphics::Class,
    },
}

/// The objects of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelObjects {
    client: Client,
    id: u16,
}

impl ChannelObjects {
    /// The objects of the client's channel with this number.
    pub fn new(client: Client, id: u16) -> Self {
        Self { client, id }
    }

    /// Handles of the object of the channel's number after `first`.
    fn object(self, first: u32) -> Handles {
        Handles {
            object: first | u32::from(self.id),
            ..self.client.device()
        }
    }

    /// Allocates the group, the channel in it, and the objects on that. The host runs the channel after that, unless
    /// it is for the golden context.
    ///
    /// # Errors
    ///
    /// A call failed, be it that GSP-RM does not let the channel run as it is to; there is no channel then.
    pub fn allocate<C: Caller>(
        self,
        caller: &mut C,
        channel: &NewChannel,
        work: ChannelWork<'_>,
    ) -> Result<(), C::Error> {
        debug_assert_eq!(channel.id, self.id);
        let group = self.object(FIRST_GROUP);
        caller.alloc(&Alloc {
            object: group,
            parent: self.client.device().object,
            class: &NewGroup {
                engine: channel.engine,
                space: channel.space,
            },
        })?;
        let made = self.fill(caller, channel, work);
        if made.is_err() {
            // The first error is returned, and GSP-RM never ran the channel.
            let _ = caller.free(group);
        }
        made
    }

    /// Allocates what is in the group, and makes it run.
    fn fill<C: Caller>(
        self,
        caller: &mut C,
        channel: &NewChannel,
        work: ChannelWork<'_>,
    ) -> Result<(), C::Error> {
        let on = self.object(FIRST_GROUP);
        self.schedule(caller, channel.scheduling)?;
        caller.alloc(&Alloc {
            object: self.object(FIRST_CHANNEL),
            parent: on.object,
            class: channel,
        })?;
        if !matches!(work, ChannelWork::Golden { .. }) {
            let method = Bind(channel.engine);
            caller.call(&Call { on, method })?;
            let method = Schedule;
            caller.call(&Call { on, method })?;
        }
        match work {
            ChannelWork::Copy(copy) => self.alloc_objects(caller, [&copy as &dyn Class]),
            ChannelWork::Graphics {
                context,
                classes,
                copy,
            } => {
                self.promote(caller, context)?;
                let graphics = classes.iter().map(|class| class as &dyn Class);
                self.alloc_objects(caller, graphics.chain([&copy as &dyn Class]))
            }
            ChannelWork::Golden { context, class } => {
                self.promote(caller, context)?;
                self.alloc_objects(caller, [&class as &dyn Class])
            }
        }
    }

    /// Allocates objects on the channel, in this order.
    fn alloc_objects<'x, C: Caller>(
        self,
        caller: &mut C,
        objects: impl IntoIterator<Item = &'x dyn Class>,
    ) -> Result<(), C::Error> {
        let parent = self.object(FIRST_CHANNEL).object;
        let mut first = FIRST_OBJECT;
        for class in objects {
            let object = self.object(first);
            caller.alloc(&Alloc {
                object,
                parent,
                class,
            })?;
            first = first.wrapping_add(NEXT_OBJECT);
        }
        Ok(())
    }

    /// Tells GSP-RM where the channel's context is.
    fn promote<C: Caller>(self, caller: &mut C, buffers: &[PromoteEntry]) -> Result<(), C::Error> {
        let (on, channel) = (self.client.subdevice(), self.object(FIRST_CHANNEL));
        let method = PromoteContext { channel, buffers };
        caller.call(&Call { on, method })
    }

    /// Tells GSP-RM when the group is to run, where that is not what it does by default.
    fn schedule<C: Caller>(self, caller: &mut C, wanted: Scheduling) -> Result<(), C::Error> {
        let on = self.object(FIRST_GROUP);
        let by_default = Scheduling::default();
        if wanted.timeslice_us != by_default.timeslice_us {
            let method = SetTimeslice(wanted.timeslice_us);
            caller.call(&Call { on, method })?;
        }
        if wanted.level != by_default.level {
            let method = SetInterleaveLevel(wanted.level);
            caller.call(&Call { on, method })?;
        }
        Ok(())
    }

    /// The commands that free the objects, in their order, for who must allocate nothing then. Once the last one is
    /// executed, the GPU no longer uses the channel's memory.
    pub fn frees(self) -> [Free; 2] {
        // The group takes the channel with it, and the other objects.
        [FIRST_OBJECT, FIRST_GROUP].map(|first| Free(self.object(first)))
    }

    /// Frees the objects. After that, the GPU no longer uses the channel's memory.
    ///
    /// # Errors
    ///
    /// The channel could not be freed, and the GPU may go on using its memory until it is reset.
    pub fn free<C: Caller>(self, caller: &mut C) -> Result<(), C::Error> {
        // If this fails, the group takes the object with it, as it does the channel.
        let _ = caller.free(self.object(FIRST_OBJECT));
        caller.free(self.object(FIRST_GROUP))
    }
}

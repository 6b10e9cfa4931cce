// SPDX-License-Identifier: GPL-2.0

//! A channel on a copy engine, alone in its group, and the object through which it sends methods there.
//!
//! The group, and not the channel, is what has a time slice. GSP-RM makes one of its own for a channel without,
//! which the driver cannot name.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c
//! (`r535_chan_ramfc_write`) and ce.c; open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/fifo/kernel_channel.c (`kchannelConstruct_IMPL`).

use super::caller::Caller;
use super::client::Client;
use crate::gsp::commands::alloc::Alloc;
use crate::gsp::commands::channel::{NewChannel, Scheduling};
use crate::gsp::commands::channel_group::NewGroup;
use crate::gsp::commands::control::Call;
use crate::gsp::commands::copy_object::CopyObject;
use crate::gsp::commands::free::Free;
use crate::gsp::commands::group_bind::Bind;
use crate::gsp::commands::group_interleave_level::SetInterleaveLevel;
use crate::gsp::commands::group_schedule::Schedule;
use crate::gsp::commands::group_timeslice::SetTimeslice;
use crate::gsp::handles::Handles;

/// Handles, chosen by the driver, of the first channel, its object and its group; those of the others
/// follow, by the number of the channel.
const FIRST_CHANNEL: u32 = 0xd200_0000;
const FIRST_COPY_OBJECT: u32 = 0xd300_0000;
const FIRST_GROUP: u32 = 0xd400_0000;

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

    /// Allocates the group, the channel in it, and a copy engine's object on that. The host runs the channel after
    /// that.
    ///
    /// # Errors
    ///
    /// A call failed, be it that GSP-RM does not let the channel run as it is to; there is no channel then.
    pub fn allocate<C: Caller>(
        self,
        caller: &mut C,
        channel: &NewChannel,
        copy: &CopyObject,
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
        let made = self.fill(caller, channel, copy);
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
        copy: &CopyObject,
    ) -> Result<(), C::Error> {
        let on = self.object(FIRST_GROUP);
        self.schedule(caller, channel.scheduling)?;
        caller.alloc(&Alloc {
            object: self.object(FIRST_CHANNEL),
            parent: on.object,
            class: channel,
        })?;
        let method = Bind(channel.engine);
        caller.call(&Call { on, method })?;
        let method = Schedule;
        caller.call(&Call { on, method })?;
        caller.alloc(&Alloc {
            object: self.object(FIRST_COPY_OBJECT),
            parent: self.object(FIRST_CHANNEL).object,
            class: copy,
        })
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
        // The group takes the channel with it.
        [FIRST_COPY_OBJECT, FIRST_GROUP].map(|first| Free(self.object(first)))
    }

    /// Frees the objects. After that, the GPU no longer uses the channel's memory.
    ///
    /// # Errors
    ///
    /// The channel could not be freed, and the GPU may go on using its memory until it is reset.
    pub fn free<C: Caller>(self, caller: &mut C) -> Result<(), C::Error> {
        // If this fails, the group takes the object with it, as it does the channel.
        let _ = caller.free(self.object(FIRST_COPY_OBJECT));
        caller.free(self.object(FIRST_GROUP))
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A channel on a copy engine, and the object through which it sends methods there.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c
//! (`r535_chan_ramfc_write`) and ce.c.

use super::caller::Caller;
use super::client::Client;
use crate::gsp::commands::alloc::Alloc;
use crate::gsp::commands::channel::NewChannel;
use crate::gsp::commands::channel_bind::Bind;
use crate::gsp::commands::channel_schedule::Schedule;
use crate::gsp::commands::control::Call;
use crate::gsp::commands::copy_object::CopyObject;
use crate::gsp::commands::free::Free;
use crate::gsp::handles::Handles;

/// Handles, chosen by the driver, of the first channel and of the first channel's object; those of
/// the others follow, by the number of the channel.
const FIRST_CHANNEL: u32 = 0xd200_0000;
const FIRST_COPY_OBJECT: u32 = 0xd300_0000;

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

    /// Allocates the channel, and a copy engine's object on it. The host runs the channel after that.
    ///
    /// # Errors
    ///
    /// A call failed; there is no channel then.
    pub fn allocate<C: Caller>(
        self,
        caller: &mut C,
        channel: &NewChannel,
        copy: &CopyObject,
    ) -> Result<(), C::Error> {
        debug_assert_eq!(channel.id, self.id);
        caller.alloc(&Alloc {
            object: self.object(FIRST_CHANNEL),
            parent: self.client.device().object,
            class: channel,
        })?;
        let made = self.equip(caller, channel.engine, copy);
        if made.is_err() {
            // The first error is returned, and GSP-RM never ran the channel.
            let _ = caller.free(self.object(FIRST_CHANNEL));
        }
        made
    }

    /// Makes the channel run, and allocates the object on it.
    fn equip<C: Caller>(
        self,
        caller: &mut C,
        engine: u32,
        copy: &CopyObject,
    ) -> Result<(), C::Error> {
        let on = self.object(FIRST_CHANNEL);
        let method = Bind(engine);
        caller.call(&Call { on, method })?;
        let method = Schedule;
        caller.call(&Call { on, method })?;
        caller.alloc(&Alloc {
            object: self.object(FIRST_COPY_OBJECT),
            parent: on.object,
            class: copy,
        })
    }

    /// The commands that free the objects, in their order, for who must allocate nothing then. Once the last one is
    /// executed, the GPU no longer uses the channel's memory.
    pub fn frees(self) -> [Free; 2] {
        [FIRST_COPY_OBJECT, FIRST_CHANNEL].map(|first| Free(self.object(first)))
    }

    /// Frees the objects. After that, the GPU no longer uses the channel's memory.
    ///
    /// # Errors
    ///
    /// The channel could not be freed, and the GPU may go on using its memory until it is reset.
    pub fn free<C: Caller>(self, caller: &mut C) -> Result<(), C::Error> {
        // If this fails, the channel takes the object with it.
        let _ = caller.free(self.object(FIRST_COPY_OBJECT));
        caller.free(self.object(FIRST_CHANNEL))
    }
}

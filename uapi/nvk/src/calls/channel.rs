// SPDX-License-Identifier: MIT

//! Channels, each of which is a queue from its first job on.

use nouveau_uapi as nouveau;
use nova_uapi::{
    QueueCreate, ENGINE_CLASS_BIND, ENGINE_CLASS_COPY, ENGINE_CLASS_GRAPHICS, ENGINE_INSTANCE_ANY,
    PRIORITY_NORMAL,
};

use super::Call;
use crate::device::{Device, Errno, Result};
use crate::file::Space;

impl<D: Device> Call<'_, D> {
    pub(super) fn channel_alloc(&self, argument: &mut nouveau::ChannelAlloc) -> Result {
        let names_engine = argument.fb_ctxdma_handle == u32::MAX;
        let class = match argument.tt_ctxdma_handle {
            _ if !names_engine => ENGINE_CLASS_GRAPHICS,
            nouveau::ENGINE_GRAPHICS => ENGINE_CLASS_GRAPHICS,
            nouveau::ENGINE_COPY => ENGINE_CLASS_COPY,
            _ => return Err(Errno::NOSYS),
        };
        self.engine(class)?;
        let number = self.table.change(self.id, |file| Ok(file.add(class)))?;
        argument.channel = i32::try_from(number).map_err(|_| Errno::NOSPC)?;
        argument.pushbuf_domains = nouveau::DOMAIN_VRAM | nouveau::DOMAIN_GART;
        argument.nr_subchan = 0;
        Ok(())
    }

    /// What the channel has been given goes on.
    pub(super) fn channel_free(&self, argument: &nouveau::ChannelFree) -> Result {
        let number = argument.channel as u32;
        let channel = self.table.change(self.id, |file| {
            file.channels.remove(&number).ok_or(Errno::INVAL)
        })?;
        match channel.queue_id {
            Some(queue_id) => self.device.queue_destroy(queue_id),
            None => Ok(()),
        }
    }

    /// The address space and the queue of a channel.
    pub(super) fn queue(&self, number: u32) -> Result<(Space, u32)> {
        let (space, channel) = self.table.with(self.id, |file| {
            let space = file.space.ok_or(Errno::NOSYS)?;
            Ok((space, *file.channels.get(&number).ok_or(Errno::NOENT)?))
        })?;
        if let Some(queue_id) = channel.queue_id {
            return Ok((space, queue_id));
        }
        let made = self.create_queue(&space, channel.engine_class)?;
        let kept = self.table.change(self.id, |file| {
            let channel = file.channels.get_mut(&number).ok_or(Errno::NOENT)?;
            Ok(*channel.queue_id.get_or_insert(made))
        });
        Ok((space, self.keep(made, kept)?))
    }

    /// The queue of the file's asynchronous binds: nouveau does these in their order.
    pub(super) fn bind_queue(&self, space: &Space) -> Result<u32> {
        if let Some(queue_id) = self.table.with(self.id, |file| Ok(file.bind_queue))? {
            return Ok(queue_id);
        }
        let made = self.create_queue(space, ENGINE_CLASS_BIND)?;
        let kept = self
            .table
            .change(self.id, |file| Ok(*file.bind_queue.get_or_insert(made)));
        self.keep(made, kept)
    }

    fn create_queue(&self, space: &Space, engine_class: u32) -> Result<u32> {
        let mut argument = QueueCreate {
            vm_id: space.vm_id,
            engine_class,
            engine_instance: ENGINE_INSTANCE_ANY,
            priority: PRIORITY_NORMAL,
            ..QueueCreate::default()
        };
        self.device.queue_create(&mut argument)?;
        Ok(argument.queue_id)
    }

    /// Destroys a queue that was made, if another one is kept: another thread may have made one, too,
    /// or have freed the channel.
    pub(super) fn keep(&self, made: u32, kept: Result<u32>) -> Result<u32> {
        if kept != Ok(made) {
            self.device.queue_destroy(made)?;
        }
        kept
    }
}

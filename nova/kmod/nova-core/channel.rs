// SPDX-License-Identifier: GPL-2.0

//! Channels for second-level drivers.

use core::marker::PhantomData;
use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core::{ChannelError, Engine, Push};

use crate::address_space::AddressSpace;
use crate::calls::Epoch;
use crate::rm::Client;

/// Why the epoch of a channel has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The GPU was stopped for a suspend or a reset.
    Stopped,
    /// The GSP was lost, and the GPU has been reset.
    Lost,
    /// The GPU is being unbound.
    Unbound,
}

/// What happens to a channel.
///
/// A spin lock is held during each call, so it must neither sleep nor call nova-core; it may queue work. None comes any
/// more once the [`Channel`] is dropped.
pub trait ChannelEvents: Send + Sync {
    /// The interrupt of the channel's runlist has come: [`Channel::completed`] may have changed. Interrupts may be lost,
    /// so this is no more than a hint.
    fn completed(&self);

    /// GSP-RM has stopped the channel, which has made an error. It never runs again.
    fn failed(&self, error: ChannelError);

    /// The epoch of the channel has ended, and the GPU accesses neither the channel's memory nor what is mapped in its
    /// address space any more.
    fn ended(&self, end: End);
}

/// What a channel is to be.
pub struct NewChannel {
    /// The engine, one of those that [`Gpu::engines`](crate::Gpu::engines) returns.
    pub engine: Engine,
    /// Entries of the ring, a power of two from 4 to 65536.
    pub entries: u32,
    /// Addresses of the address space that are the kernel's alone: 1 MiB for each channel of the GPU, 2 GiB altogether.
    pub hole: Range<u64>,
}

/// Why a job was not put into a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// There is no room until an earlier job is done.
    NoRoom,
    /// The channel was stopped, or its epoch has ended.
    Ended,
    /// The job can be in no such ring; a mistake of the caller, who checks pushes before.
    Impossible(nova_core::SubmitError),
}

/// A channel of the GPU, which is valid in one epoch. Its drop stops it.
///
/// The client must be dropped after it.
pub struct Channel<'a> {
    space: Arc<AddressSpace<'a>>,
    _gsp: PhantomData<&'a ()>,
}

impl<'a> Channel<'a> {
    /// The epoch in which it is valid.
    pub fn epoch(&self) -> Epoch {
        self.space.epoch()
    }

    /// Puts a job into the ring, and tells the host. Returns the number of the job, rising from 1. Allocates nothing.
    ///
    /// # Errors
    ///
    /// There is no room, or the channel does not run any more.
    #[inline(never)]
    pub fn submit(&self, _pushes: &[Push]) -> Result<u64, SubmitError> {
        Err(SubmitError::Ended)
    }

    /// Number of the last job that is done, as all before it are.
    #[inline(never)]
    pub fn completed(&self) -> u64 {
        0
    }

    /// Stops the channel. On success, the GPU does not work on it any more, whatever jobs it had. Allocates nothing, and
    /// waits for GSP-RM.
    ///
    /// # Errors
    ///
    /// It is not known whether the channel has stopped: the epoch ends, now or soon, and [`ChannelEvents::ended`]
    /// follows.
    #[inline(never)]
    pub fn stop(&self) -> Result {
        Err(EIO)
    }

    pub(crate) fn new(
        _space: &Arc<AddressSpace<'a>>,
        _client: &Client<'a>,
        _new: NewChannel,
        _events: Arc<dyn ChannelEvents>,
    ) -> Result<Arc<Self>> {
        Err(EOPNOTSUPP)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What nova-core tells of a channel.

use kernel::prelude::*;
use kernel::sync::{new_spinlock, Arc, SpinLock};
use nova_core_module::{ChannelError, ChannelEvents, End};
use nova_kernel::sync::arc_work;

use super::Queue;

/// Keeps what nova-core tells of a channel, and has the queue look at it.
#[pin_data]
pub(super) struct Events {
    queue: Arc<Queue>,
    #[pin]
    told: SpinLock<Told>,
}

/// What nova-core has told of a channel.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    /// The first error, if there was one.
    pub(super) error: Option<ChannelError>,
    /// How the channel's epoch has ended, if it has.
    pub(super) end: Option<End>,
}

impl Events {
    /// Of a channel of this queue.
    pub(super) fn new(queue: &Arc<Queue>) -> Result<Arc<Self>> {
        let queue = queue.clone();
        let events = pin_init!(Self {
            queue,
            told <- new_spinlock!(Told::default()),
        });
        Arc::pin_init(events, GFP_KERNEL_ACCOUNT)
    }

    /// What has been told.
    pub(super) fn told(&self) -> Told {
        *self.told.lock()
    }

    fn look(&self) {
        arc_work::queue(&self.queue);
    }
}

impl ChannelEvents for Events {
    fn completed(&self) {
        self.look();
    }

    fn failed(&self, error: ChannelError) {
        self.told.lock().error.get_or_insert(error);
        self.look();
    }

    fn ended(&self, end: End) {
        self.told.lock().end = Some(end);
        self.look();
    }
}

// SPDX-License-Identifier: GPL-2.0

//! How a GPU is after it has booted, for second-level drivers.

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};

/// What has become of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its GSP does not answer any more; it is about to be booted again.
    Lost,
    /// It works again, with nothing of what it knew before.
    Recovered,
    /// It stays down until it is bound again.
    Dead,
}

/// Who is told.
pub trait Listener: Send + Sync {
    /// The GPU has changed; may sleep, but must not call nova-core.
    fn changed(&self, health: Health);
}

/// Whoever has asked to be told, which is at most one.
#[pin_data]
pub(crate) struct Listeners {
    #[pin]
    listener: Mutex<Option<Arc<dyn Listener>>>,
}

impl Listeners {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(pin_init!(Self { listener <- new_mutex!(None) }), GFP_KERNEL)
    }

    /// Tells `listener`, or nobody, from now on. What was told last is over on return.
    pub(crate) fn set(&self, listener: Option<Arc<dyn Listener>>) {
        let old = core::mem::replace(&mut *self.listener.lock(), listener);
        drop(old);
    }

    pub(crate) fn tell(&self, health: Health) {
        if let Some(listener) = &*self.listener.lock() {
            listener.changed(health);
        }
    }
}

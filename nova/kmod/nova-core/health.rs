// SPDX-License-Identifier: GPL-2.0

//! How a GPU is after it has booted, for second-level drivers.

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};

/// What has become of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its GSP does not answer any more; it is about to be booted again.
    Lost,
    /// It works: GSP-RM has been booted, and knows nothing of what was allocated before.
    Works,
    /// It stays down until it is bound again.
    Dead,
}

/// Who is told.
pub trait Listener: Send + Sync {
    /// The GPU has changed. May sleep, but must not call nova-core: what calls this may have to be done with it
    /// before GSP-RM answers.
    fn changed(&self, health: Health);
}

/// How the GPU is, and whoever has asked to be told, which is at most one.
#[pin_data]
pub(crate) struct Listeners {
    #[pin]
    told: Mutex<Told>,
}

struct Told {
    listener: Option<Arc<dyn Listener>>,
    health: Health,
    recoveries: u32,
}

impl Listeners {
    /// The GPU works, and nobody has to know.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let told = Told {
            listener: None,
            health: Health::Works,
            recoveries: 0,
        };
        Arc::pin_init(pin_init!(Self { told <- new_mutex!(told) }), GFP_KERNEL)
    }

    /// Tells `listener`, or nobody, at once and from now on. What was told last is over on return.
    pub(crate) fn set(&self, listener: Option<Arc<dyn Listener>>) {
        let mut told = self.told.lock();
        let old = core::mem::replace(&mut told.listener, listener);
        told.tell();
        drop(told);
        drop(old);
    }

    /// Tells how the GPU is. It works anew after each boot; that it does not is told once.
    pub(crate) fn tell(&self, health: Health) {
        let mut told = self.told.lock();
        let before = core::mem::replace(&mut told.health, health);
        match health {
            Health::Works if before != health => {
                told.recoveries = told.recoveries.saturating_add(1);
            }
            Health::Works => {}
            Health::Lost | Health::Dead if before == health => return,
            Health::Lost | Health::Dead => {}
        }
        told.tell();
    }

    /// How the GPU is, and how often it works again after it did not.
    pub(crate) fn health(&self) -> (Health, u32) {
        let told = self.told.lock();
        (told.health, told.recoveries)
    }
}

impl Told {
    fn tell(&self) {
        if let Some(listener) = &self.listener {
            listener.changed(self.health);
        }
    }
}

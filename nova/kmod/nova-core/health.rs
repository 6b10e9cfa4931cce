// SPDX-License-Identifier: GPL-2.0

//! Notifies second-level drivers of the health of a booted GPU.

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};

/// Health of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The GSP is lost, and is about to be booted again.
    Lost,
    /// GSP-RM has been booted. Objects of an earlier epoch do not exist any more.
    Works,
    /// The GPU stays down until it is stopped and started by a suspend or a reset, or bound again.
    Dead,
}

/// A listener for changes of the health.
pub trait Listener: Send + Sync {
    /// The GPU has been booted, or its health has changed. May sleep, but must not call nova-core: the caller may be
    /// the work item, and a call of GSP-RM may have to wait for that.
    fn changed(&self, health: Health);

    /// An epoch has ended, and the GPU is about to be unloaded or reset: on return, no program sees
    /// [`Gpu::program_pages`](crate::Gpu::program_pages). Fences of channels may wait for this, so it must not allocate
    /// memory. It may take locks of those who call nova-core, since calls of an epoch that has ended end at once.
    fn epoch_ended(&self);
}

/// The GPU's health, and the listener, if there is one.
#[pin_data]
pub(crate) struct Listeners {
    #[pin]
    state: Mutex<State>,
}

struct State {
    listener: Option<Arc<dyn Listener>>,
    health: Health,
    recoveries: u32,
}

impl Listeners {
    /// A GPU that works, without a listener.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let state = State {
            listener: None,
            health: Health::Works,
            recoveries: 0,
        };
        Arc::pin_init(pin_init!(Self { state <- new_mutex!(state) }), GFP_KERNEL)
    }

    /// Replaces the listener, and notifies the new one at once. On return, a call of the old one has ended.
    pub(crate) fn set(&self, listener: Option<Arc<dyn Listener>>) {
        let mut state = self.state.lock();
        let old = core::mem::replace(&mut state.listener, listener);
        state.notify();
        drop(state);
        drop(old);
    }

    /// Sets the GPU's health, and notifies the listener of each boot and of each change.
    pub(crate) fn notify(&self, health: Health) {
        let mut state = self.state.lock();
        let before = core::mem::replace(&mut state.health, health);
        match health {
            Health::Works if before != health => {
                state.recoveries = state.recoveries.saturating_add(1);
            }
            Health::Works => {}
            Health::Lost | Health::Dead if before == health => return,
            Health::Lost | Health::Dead => {}
        }
        state.notify();
    }

    /// Has the listener take the GPU's memory from programs, since an epoch has ended.
    pub(crate) fn end_epoch(&self) {
        let state = self.state.lock();
        if let Some(listener) = &state.listener {
            listener.epoch_ended();
        }
    }

    /// The GPU's health, and the number of recoveries.
    pub(crate) fn health(&self) -> (Health, u32) {
        let state = self.state.lock();
        (state.health, state.recoveries)
    }
}

impl State {
    fn notify(&self) {
        if let Some(listener) = &self.listener {
            listener.changed(self.health);
        }
    }
}

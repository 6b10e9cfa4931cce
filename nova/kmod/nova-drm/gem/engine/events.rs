// SPDX-License-Identifier: GPL-2.0

//! What is heard of the channel of the driver's own copy engine.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use nova_core_module::{ChannelError, ChannelEvents, End};
use nova_kernel::sync::completion::Completion;

/// What is heard of the channel.
#[pin_data]
pub(super) struct Events {
    /// Something has happened.
    #[pin]
    pub(super) something: Completion,
    /// The channel never runs again.
    is_over: Atomic<bool>,
}

impl Events {
    /// Nothing yet.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            something <- Completion::new(),
            is_over: Atomic::new(false),
        })
    }

    /// Whether the channel never runs again.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Notes that the channel never runs again.
    pub(super) fn end(&self) {
        self.is_over.store(true, Relaxed);
        self.something.complete();
    }
}

impl ChannelEvents for Events {
    fn completed(&self) {
        self.something.complete();
    }

    fn failed(&self, _error: ChannelError) {
        self.end();
    }

    fn ended(&self, _end: End) {
        self.end();
    }
}

// SPDX-License-Identifier: MIT

//! Channels, and work for them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;

use nix::errno::Errno;
use nouveau_uapi::nvif;

use super::{ioctl, Buffer, Client, Place};
use crate::push::{Push, Segment};
use crate::syncobj::{assert_done, Signal, Syncobj};
use crate::{drm, HANG};

/// The engines of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A copy engine.
    Copy,
    /// Graphics, and the copy engine beside it.
    Graphics,
}

impl Engine {
    /// Both of them, with names for dynamic subtests.
    pub const ALL: [(&'static str, Self); 2] = [("copy", Self::Copy), ("graphics", Self::Graphics)];

    /// `NOUVEAU_FIFO_ENGINE_*` of `nouveau_drm.h`.
    fn number(self) -> u32 {
        match self {
            Self::Graphics => 0x01,
            Self::Copy => 0x30,
        }
    }
}

/// Bytes of a channel's buffer for words.
const WORDS: u64 = 256 << 10;

impl Client {
    /// A channel with a copy engine's object; skips if the engine has none beside it.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn channel(&self, engine: Engine) -> Channel<'_> {
        Channel::new(self, engine)
    }
}

/// A channel, with an object of the copy engine, and a buffer for its words.
#[derive(Debug)]
pub struct Channel<'a> {
    client: &'a Client,
    number: i32,
    /// The buffer and its address, once words are placed.
    words: OnceCell<(Buffer<'a>, u64)>,
    /// Where in the buffer the next words go.
    next: Cell<u64>,
    /// The work that may still read the buffer.
    running: RefCell<VecDeque<Syncobj<'a>>>,
    /// `None` while the channel is set up.
    copy: RefCell<Option<Object<'a>>>,
}

impl<'a> Channel<'a> {
    pub(super) fn new(client: &'a Client, engine: Engine) -> Self {
        let channel = Self::bare(client, engine);
        let class = client.chip().classes.copy;
        if engine == Engine::Graphics && !channel.classes().contains(&class) {
            crate::skip!("There is no copy engine beside graphics.");
        }
        let object = channel.create(class);
        let object =
            object.unwrap_or_else(|error| panic!("class {class:#x} on {channel:?}: {error}"));
        channel.copy.replace(Some(object));
        channel.run(&Push::new().set_copy_class(class));
        channel
    }

    /// A channel without objects.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn bare(client: &'a Client, engine: Engine) -> Self {
        let mut argument = ioctl::ChannelAlloc {
            fb_ctxdma_handle: u32::MAX,
            tt_ctxdma_handle: engine.number(),
            ..ioctl::ChannelAlloc::default()
        };
        // SAFETY: There is no pointer in the argument.
        let result = unsafe { drm::ioctl(client.file(), ioctl::CHANNEL_ALLOC, &mut argument) };
        assert_eq!(result, Ok(()), "a channel for {engine:?}");
        Self {
            client,
            number: argument.channel,
            words: OnceCell::new(),
            next: Cell::new(0),
            running: RefCell::default(),
            copy: RefCell::default(),
        }
    }

    /// Its number.
    pub fn number(&self) -> i32 {
        self.number
    }

    /// The classes of which it can have objects.
    ///
    /// # Panics
    ///
    /// If the kernel does not say.
    pub fn classes(&self) -> Vec<u32> {
        let mut argument = ioctl::Classes::of(self.number);
        let number = nvif::number::<ioctl::Classes>();
        // SAFETY: There is no pointer in the argument.
        let result = unsafe { drm::ioctl(self.client.file(), number, &mut argument) };
        assert_eq!(result, Ok(()), "the classes of {self:?}");
        argument.classes()
    }

    /// Creates an object of an engine's class.
    ///
    /// # Errors
    ///
    /// The kernel's error; `EINVAL` if no engine of the channel has the class.
    pub fn create(&self, class: u32) -> Result<Object<'a>, Errno> {
        let number = self.client.new_object();
        let mut argument = ioctl::new_on(self.number, number, class);
        let ioctl = nvif::number::<nvif::New>();
        // SAFETY: There is no pointer in the argument.
        unsafe { drm::ioctl(self.client.file(), ioctl, &mut argument)? };
        let client = self.client;
        Ok(Object { client, number })
    }

    /// Puts words where the channel can read them.
    ///
    /// # Panics
    ///
    /// If there is no room for so many.
    pub fn place(&self, words: &[u32]) -> Segment {
        let length = size_of_val(words) as u64;
        assert!(length <= WORDS, "{length} bytes of words");
        if self.next.get() + length > WORDS {
            self.wait();
            self.next.set(0);
        }
        let at = self.next.replace(self.next.get() + length);
        let bound = || self.client.bound(Place::System, WORDS);
        let (buffer, address) = self.words.get_or_init(bound);
        let memory = buffer.memory();
        for (place, &word) in (at as usize..).step_by(4).zip(words) {
            memory.set(place, word);
        }
        Segment {
            address: address + at,
            length: length as u32,
        }
    }

    /// Has the channel read words, after what is waited for.
    ///
    /// # Errors
    ///
    /// The kernel's error; `ENODEV` if the channel was killed.
    pub fn exec(
        &self,
        segments: &[Segment],
        after: &[Signal<'_, '_>],
        signals: &[Signal<'_, '_>],
    ) -> Result<(), Errno> {
        let push = |segment: &Segment| ioctl::ExecPush {
            va: segment.address,
            va_len: segment.length,
            flags: 0,
        };
        let pushes: Vec<_> = segments.iter().map(push).collect();
        let waits: Vec<_> = after.iter().map(ioctl::sync).collect();
        let signals: Vec<_> = signals.iter().map(ioctl::sync).collect();
        let mut argument = ioctl::Exec {
            channel: self.number as u32,
            push_count: pushes.len() as u32,
            wait_count: waits.len() as u32,
            sig_count: signals.len() as u32,
            wait_ptr: waits.as_ptr() as u64,
            sig_ptr: signals.as_ptr() as u64,
            push_ptr: pushes.as_ptr() as u64,
        };
        // SAFETY: The kernel reads the arrays, which live through the call, and writes to none.
        unsafe { drm::ioctl(self.client.file(), ioctl::EXEC, &mut argument) }
    }

    /// Starts work.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn start(&self, push: &Push) -> Syncobj<'a> {
        self.start_after(&[], push)
    }

    /// Starts work that waits for something else.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn start_after(&self, after: &[Signal<'_, '_>], push: &Push) -> Syncobj<'a> {
        let segment = self.place(push.words());
        let (done, kept) = (self.client.syncobj(), self.client.syncobj());
        let signals = [Signal::Binary(&done), Signal::Binary(&kept)];
        let result = self.exec(&[segment], after, &signals);
        assert_eq!(result, Ok(()), "EXEC on {self:?}");
        self.running.borrow_mut().push_back(kept);
        done
    }

    /// Does work.
    ///
    /// # Panics
    ///
    /// If it fails, or takes longer than [`HANG`].
    pub fn run(&self, push: &Push) {
        assert_done(&self.start(push));
    }

    /// Waits until all work is over.
    ///
    /// # Panics
    ///
    /// If it takes longer than [`HANG`].
    pub fn wait(&self) {
        for work in self.running.borrow_mut().drain(..) {
            assert_eq!(work.wait(HANG), Ok(()), "work of {self:?}");
        }
    }
}

impl Drop for Channel<'_> {
    fn drop(&mut self) {
        // Objects go before their channel.
        drop(self.copy.take());
        let mut argument = ioctl::ChannelFree {
            channel: self.number,
        };
        // SAFETY: There is no pointer in the argument.
        let result = unsafe { drm::ioctl(self.client.file(), ioctl::CHANNEL_FREE, &mut argument) };
        if let Err(error) = result {
            log::error!("channel {}: {error}", self.number);
        }
    }
}

/// An object of an engine's class on a channel.
#[derive(Debug)]
pub struct Object<'a> {
    client: &'a Client,
    number: u64,
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        self.client.delete(self.number);
    }
}

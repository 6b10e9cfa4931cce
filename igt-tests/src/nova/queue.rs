// SPDX-License-Identifier: MIT

//! Queues of the driver, and work for them.

use std::cell::Cell;
use std::fs::File;

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Exec, QueueCreate, QueueDestroy, QueueGetState, Sync};

use super::calls::{array, call, call_with};
use super::client::{Buffer, Client, PAGE};
use super::query_limits;
use crate::push::{Push, Segment, Until};
use crate::syncobj::{assert_done, Signal, Syncobj};
use crate::HANG;

/// Bytes of a queue's buffer for words.
const WORDS: u64 = 64 << 10;

impl Client {
    /// A queue of a copy engine.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn queue(&self) -> Queue<'_> {
        self.queue_with(Queue::COPY)
    }

    /// A queue like this, but of this client's address space.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn queue_with(&self, create: uapi::QueueCreate) -> Queue<'_> {
        match Queue::try_new(self, create) {
            Ok(queue) => queue,
            Err(error) => panic!("{create:?}: {error}"),
        }
    }
}

/// A queue of a copy engine, and a buffer for its words. It goes with its file, unless it is destroyed.
#[derive(Debug)]
pub struct Queue<'a> {
    client: &'a Client,
    /// What the kernel said when it created the queue.
    pub created: QueueCreate,
    words: Buffer<'a>,
    /// Where in the buffer the next words go.
    next: Cell<u64>,
    /// A timeline with a point for each job that [`Self::start`] has started, and the last point.
    jobs: Syncobj<'a>,
    last: Cell<u64>,
}

impl<'a> Queue<'a> {
    /// What creates a queue of any copy engine.
    pub const COPY: QueueCreate = QueueCreate {
        vm_id: 0,
        engine_class: uapi::ENGINE_CLASS_COPY,
        engine_instance: uapi::ENGINE_INSTANCE_ANY,
        priority: uapi::PRIORITY_NORMAL,
        timeslice_us: 0,
        ring_entries: 0,
        flags: 0,
        timeout_ms: 0,
        queue_id: 0,
        pushes_max: 0,
    };

    /// What creates a queue whose jobs may take as long as any may.
    ///
    /// # Panics
    ///
    /// If the driver does not tell its limits.
    pub fn patient(file: &File) -> QueueCreate {
        let limits = query_limits(file).expect("the driver has limits");
        QueueCreate {
            timeout_ms: limits.job_timeout_ms_max,
            ..Self::COPY
        }
    }

    /// Creates a queue of the client's address space.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn try_new(client: &'a Client, create: QueueCreate) -> Result<Self, Errno> {
        let mut created = QueueCreate {
            vm_id: client.vm_id(),
            ..create
        };
        call(client.file(), &mut created)?;
        Ok(Self {
            client,
            created,
            words: client.try_bound(WORDS, 0)?,
            next: Cell::new(0),
            jobs: Syncobj::new(client.file())?,
            last: Cell::new(0),
        })
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.created.queue_id
    }

    /// Words that connect the subchannel of copies with the engine's object. Others follow.
    pub fn push(&self) -> Push {
        let engine = self.client.copy_engines()[0];
        Push::new().set_copy_class(engine.object_classes[0])
    }

    /// Puts words where the queue can read them.
    ///
    /// # Panics
    ///
    /// If there is no room for so many.
    #[track_caller]
    pub fn place(&self, words: &[u32]) -> Segment {
        let length = size_of_val(words) as u64;
        assert!(length <= WORDS, "{length} bytes of words");
        if self.next.get() + length > WORDS {
            self.wait();
            self.next.set(0);
        }
        let at = self.next.replace(self.next.get() + length);
        for (place, &word) in (at as usize..).step_by(4).zip(words) {
            self.words.memory.set(place, word);
        }
        Segment {
            address: self.words.address + at,
            length: length as u32,
        }
    }

    /// Gives the queue a job, after what is waited for.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn exec(
        &self,
        segments: &[Segment],
        after: &[Signal<'_, '_>],
        signals: &[Signal<'_, '_>],
    ) -> Result<(), Errno> {
        let pushes: Vec<_> = segments.iter().map(push).collect();
        let waits = after.iter().map(|signal| sync(signal, 0));
        let signals = signals.iter().map(|signal| sync(signal, uapi::SYNC_SIGNAL));
        let syncs: Vec<_> = waits.chain(signals).collect();
        self.exec_raw(&pushes, &syncs)
    }

    /// Gives the queue a job of these arrays.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    ///
    /// # Panics
    ///
    /// If the argument was changed.
    pub fn exec_raw(&self, pushes: &[uapi::Push], syncs: &[Sync]) -> Result<(), Errno> {
        let asked = Exec {
            queue_id: self.id(),
            flags: 0,
            pushes: array(pushes),
            syncs: array(syncs),
        };
        call_with(self.client.file(), asked)
    }

    /// Starts work.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    #[track_caller]
    pub fn start(&self, push: &Push) -> Syncobj<'a> {
        self.start_after(&[], push)
    }

    /// Starts work that waits for something else.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    #[track_caller]
    pub fn start_after(&self, after: &[Signal<'_, '_>], push: &Push) -> Syncobj<'a> {
        let segment = self.place(push.words());
        let done = self.client.syncobj();
        let last = self.last.get() + 1;
        let signals = [Signal::Binary(&done), Signal::Point(&self.jobs, last)];
        let result = self.exec(&[segment], after, &signals);
        assert_eq!(result, Ok(()), "EXEC on {:?}", self.created);
        self.last.set(last);
        done
    }

    /// Does work.
    ///
    /// # Panics
    ///
    /// If it fails, or takes longer than [`HANG`].
    #[track_caller]
    pub fn run(&self, push: &Push) {
        assert_done(&self.start(push));
    }

    /// Waits until all work that [`Self::start`] has started is over.
    ///
    /// # Panics
    ///
    /// If it takes longer than [`HANG`].
    pub fn wait(&self) {
        if self.last.get() != 0 {
            let over = self.jobs.wait_for_point(self.last.get(), HANG);
            assert_eq!(over, Ok(()), "work of {:?}", self.created);
        }
    }

    /// How it is.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn state(&self) -> Result<QueueGetState, Errno> {
        state(self.client.file(), self.id())
    }

    /// Destroys it.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn destroy(&self) -> Result<(), Errno> {
        destroy(self.client.file(), self.id())
    }
}

/// How the queue of a file is.
///
/// # Errors
///
/// The kernel's error.
pub fn state(file: &File, queue_id: u32) -> Result<QueueGetState, Errno> {
    let mut state = QueueGetState {
        queue_id,
        state: u32::MAX,
        reason: u32::MAX,
        blame: u32::MAX,
        ..QueueGetState::default()
    };
    call(file, &mut state)?;
    Ok(state)
}

/// Destroys the queue of a file.
///
/// # Errors
///
/// The kernel's error.
pub fn destroy(file: &File, queue_id: u32) -> Result<(), Errno> {
    call(file, &mut QueueDestroy { queue_id, pad: 0 })
}

/// A push of these words.
pub fn push(segment: &Segment) -> uapi::Push {
    uapi::Push {
        address: segment.address,
        size: segment.length,
        flags: 0,
    }
}

/// An element of a job's sync objects: a wait, or a signal with the flag for it.
pub fn sync(signal: &Signal<'_, '_>, flags: u32) -> Sync {
    let timeline = match signal {
        Signal::Binary(_) => 0,
        Signal::Point(..) => uapi::SYNC_TIMELINE,
    };
    Sync {
        handle: signal.handle(),
        flags: flags | timeline,
        point: signal.point(),
    }
}

/// Work that goes on until the test ends it: a job of a queue of its own waits for a semaphore.
#[derive(Debug)]
pub struct Plug<'a> {
    semaphore: Buffer<'a>,
    queue: Queue<'a>,
    /// Signaled at the end of the work.
    pub done: Syncobj<'a>,
}

impl<'a> Plug<'a> {
    /// Starts the work.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn new(client: &'a Client) -> Self {
        let semaphore = client.bound(PAGE);
        let queue = client.queue_with(Queue::patient(client.file()));
        let done = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
        Self {
            semaphore,
            queue,
            done,
        }
    }

    /// Ends the work.
    pub fn pull(&self) {
        self.semaphore.set_word(1);
    }
}

impl Drop for Plug<'_> {
    fn drop(&mut self) {
        self.pull();
        // It fails if the queue's GPU was unbound.
        let _ = self.queue.destroy();
    }
}

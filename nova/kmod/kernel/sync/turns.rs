// SPDX-License-Identifier: GPL-2.0

//! A lock for long work. A mutex cannot be waited for in a way that a fatal signal ends; a turn can.

use core::mem;
use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::{new_mutex, LockClassKey, Mutex};

use super::wait_queue::{TaskState, WaitQueue, WaitResult};

/// Data that one thread at a time works with.
#[pin_data]
pub struct Turns<T> {
    #[pin]
    turn: Mutex<Turn<T>>,
    #[pin]
    waiting: WaitQueue,
}

/// Whose turn it is.
enum Turn<T> {
    /// Nobody's.
    Free(T),
    /// A thread's, which has the data.
    Taken,
}

impl<T: Unpin> Turns<T> {
    /// The name and the key are those of [`WaitQueue::new`].
    pub fn new(
        data: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            turn <- new_mutex!(Turn::Free(data)),
            waiting <- WaitQueue::new(name, key),
        })
    }

    /// Calls `f` when it is this thread's turn.
    ///
    /// # Errors
    ///
    /// `EINTR` if the task was killed while it waited.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R> {
        Ok(self.work(self.take()?, f))
    }

    /// Calls `f` if it is nobody's turn.
    pub fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        // The lock is released before the work begins.
        let turn = mem::replace(&mut *self.turn.lock(), Turn::Taken);
        match turn {
            Turn::Free(data) => Some(self.work(data, f)),
            Turn::Taken => None,
        }
    }

    /// Calls `f` with data that this thread has taken, and gives it to the next one.
    fn work<R>(&self, mut data: T, f: impl FnOnce(&mut T) -> R) -> R {
        let result = f(&mut data);
        *self.turn.lock() = Turn::Free(data);
        self.waiting.wake_all();
        result
    }

    /// Waits for the data, and takes it.
    fn take(&self) -> Result<T> {
        let mut turn = self.turn.lock();
        loop {
            if let Turn::Free(data) = mem::replace(&mut *turn, Turn::Taken) {
                return Ok(data);
            }
            let (waiting, state) = (&self.waiting, TaskState::Killable);
            let (locked, result) = waiting.wait(&self.turn, turn, state, Duration::MAX);
            if result == WaitResult::Killed {
                return Err(EINTR);
            }
            turn = locked;
        }
    }
}

// SPDX-License-Identifier: MIT

//! Clean-up when a test ends, also when a signal ends it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Action = Box<dyn FnOnce() + Send>;

struct Handlers {
    next: u64,
    actions: BTreeMap<u64, Action>,
}

static HANDLERS: Mutex<Handlers> = Mutex::new(Handlers {
    next: 0,
    actions: BTreeMap::new(),
});

fn handlers() -> MutexGuard<'static, Handlers> {
    HANDLERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs its action once: when it is dropped, or before a signal or a timeout ends the process.
#[derive(Debug)]
#[must_use = "the action runs as soon as this is dropped"]
pub struct ExitHandler(u64);

impl ExitHandler {
    /// Runs `action` when the returned value is dropped or before a signal or a timeout ends the
    /// process.
    ///
    /// `action` may be called on another thread, while the thread of the test is stopped.
    pub fn new(action: impl FnOnce() + Send + 'static) -> Self {
        let mut handlers = handlers();
        let id = handlers.next;
        handlers.next += 1;
        handlers.actions.insert(id, Box::new(action));
        Self(id)
    }
}

impl Drop for ExitHandler {
    fn drop(&mut self) {
        let action = handlers().actions.remove(&self.0);
        if let Some(action) = action {
            action();
        }
    }
}

/// Runs all actions, the last one first.
pub(crate) fn run_all() {
    loop {
        let action = handlers().actions.pop_last();
        match action {
            Some((_, action)) => action(),
            None => return,
        }
    }
}

/// Forgets all actions without running them: a forked child must not undo what its parent did.
pub(crate) fn forget_all() {
    let actions = std::mem::take(&mut handlers().actions);
    std::mem::forget(actions);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::Arc;

    #[test]
    fn an_action_runs_once_when_dropped() {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let handler = ExitHandler::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.load(Ordering::Relaxed), 0);
        drop(handler);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The ids by which a file knows its address spaces: the lowest that is free, from 1 on.

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};

/// What a file knows by ids.
#[pin_data]
pub(crate) struct Ids<T> {
    /// The value with the id 1, and so on.
    #[pin]
    values: Mutex<KVVec<Option<Arc<T>>>>,
}

/// Where the value with this id is.
fn index(id: u32) -> Result<usize> {
    let index = id.checked_sub(1).ok_or(ENOENT)?;
    Ok(usize::try_from(index)?)
}

impl<T> Ids<T> {
    /// No ids.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            values <- new_mutex!(KVVec::new()),
        })
    }

    /// Gives a value the lowest id that is free.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is none, `ENOMEM`.
    pub(crate) fn add(&self, value: Arc<T>) -> Result<u32> {
        let mut values = self.values.lock();
        let index = values.iter().position(Option::is_none);
        let index = index.unwrap_or(values.len());
        let next = index.checked_add(1).ok_or(ENOSPC)?;
        let id = u32::try_from(next).map_err(|_| ENOSPC)?;
        match values.get_mut(index) {
            Some(place) => *place = Some(value),
            None => values.push(Some(value), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(id)
    }

    /// The value with an id.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none.
    pub(crate) fn get(&self, id: u32) -> Result<Arc<T>> {
        let values = self.values.lock();
        values.get(index(id)?).cloned().flatten().ok_or(ENOENT)
    }

    /// The id of the first value for which `is_it` is true, or zero.
    pub(crate) fn find(&self, is_it: impl Fn(&T) -> bool) -> u32 {
        let values = self.values.lock();
        let is_it = |value: &Option<Arc<T>>| value.as_ref().is_some_and(|value| is_it(value));
        let index = values.iter().position(is_it);
        index
            .and_then(|index| u32::try_from(index + 1).ok())
            .unwrap_or(0)
    }

    /// Takes an id away, and returns the value that had it.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none.
    pub(crate) fn remove(&self, id: u32) -> Result<Arc<T>> {
        let mut values = self.values.lock();
        let place = values.get_mut(index(id)?).ok_or(ENOENT)?;
        place.take().ok_or(ENOENT)
    }
}

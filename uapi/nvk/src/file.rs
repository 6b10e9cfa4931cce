// SPDX-License-Identifier: MIT

//! What is kept for an open file.

use std::collections::BTreeMap;

use crate::sparse::Ranges;

/// What is kept for an open file of nova: what nouveau's calls name, and nova's do otherwise.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// nouveau's calls have one address space each file, and do not name it.
    pub(crate) space: Option<Space>,
    /// The queue of asynchronous binds, once there was one.
    pub(crate) bind_queue: Option<u32>,
    /// nouveau's channels, by their numbers.
    pub(crate) channels: BTreeMap<u32, Channel>,
    /// What nouveau calls sparse regions.
    pub(crate) sparse: Ranges,
}

/// The address space of a file, and what later calls need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    /// nova's id of it.
    pub(crate) vm_id: u32,
    /// Most sync objects of a call.
    pub(crate) syncs_max: usize,
    /// Most operations of a bind.
    pub(crate) bind_ops_max: usize,
    /// The bit of VRAM in a placement.
    pub(crate) vram: u32,
    /// The bit of system memory in a placement.
    pub(crate) system: u32,
}

/// A channel. Most are only asked for their classes, and a queue costs memory and time: it is made
/// with the first job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    /// nova's class of its engine.
    pub(crate) engine_class: u32,
    /// Its queue.
    pub(crate) queue_id: Option<u32>,
}

impl File {
    /// Adds a channel; answers with the lowest number that is free.
    pub(crate) fn add(&mut self, engine_class: u32) -> u32 {
        let mut free = 0;
        for number in self.channels.keys() {
            if *number == free {
                free = free.saturating_add(1);
            }
        }
        let channel = Channel {
            engine_class,
            queue_id: None,
        };
        self.channels.insert(free, channel);
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_get_the_lowest_free_number() {
        let mut file = File::default();
        assert_eq!([file.add(1), file.add(1), file.add(1)], [0, 1, 2]);
        file.channels.remove(&1);
        assert_eq!([file.add(3), file.add(3)], [1, 3]);
        assert_eq!(file.channels[&1].engine_class, 3);
    }
}

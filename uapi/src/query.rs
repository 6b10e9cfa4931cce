// SPDX-License-Identifier: MIT

//! Asking for facts about the GPU.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::answers::{
    QueryDevice, QueryFirmware, QueryGraphics, QueryLimits, QueryList, QueryStatus, QueryVm,
    QueryZcull,
};
use crate::refused::{invalid, require, require_zero, Refused};

/// [`Query::query`]: answers [`QueryDevice`].
pub const QUERY_DEVICE: u32 = 0;
/// [`Query::query`]: answers [`QueryFirmware`].
pub const QUERY_FIRMWARE: u32 = 1;
/// [`Query::query`]: answers [`QueryList`] and [`MemoryRegion`](crate::MemoryRegion)s.
pub const QUERY_MEMORY_REGIONS: u32 = 2;
/// [`Query::query`]: answers [`QueryList`] and [`Engine`](crate::Engine)s.
pub const QUERY_ENGINES: u32 = 3;
/// [`Query::query`]: answers [`QueryVm`].
pub const QUERY_VM: u32 = 4;
/// [`Query::query`]: answers [`QueryLimits`].
pub const QUERY_LIMITS: u32 = 5;
/// [`Query::query`]: answers [`QueryStatus`].
pub const QUERY_STATUS: u32 = 6;
/// [`Query::query`]: answers [`QueryGraphics`].
pub const QUERY_GRAPHICS: u32 = 7;
/// [`Query::query`]: answers [`QueryZcull`].
pub const QUERY_ZCULL: u32 = 8;

/// `struct drm_nova_query`: query a structure that describes the GPU.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct Query {
    /// The queried structure, one of the `QUERY_` constants.
    pub query: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// In: bytes of room at `data`, or zero. Out: bytes copied, or the size of the whole answer.
    pub size: u64,
    /// User pointer that the answer is copied to.
    pub data: u64,
}

/// Size of the first version of the answer to a query, in bytes; `None` if there is no such query.
pub fn first_size(query: u32) -> Option<usize> {
    match query {
        QUERY_DEVICE => Some(QueryDevice::FIRST_SIZE),
        QUERY_FIRMWARE => Some(QueryFirmware::FIRST_SIZE),
        QUERY_MEMORY_REGIONS | QUERY_ENGINES => Some(QueryList::FIRST_SIZE),
        QUERY_VM => Some(QueryVm::FIRST_SIZE),
        QUERY_LIMITS => Some(QueryLimits::FIRST_SIZE),
        QUERY_STATUS => Some(QueryStatus::FIRST_SIZE),
        QUERY_GRAPHICS => Some(QueryGraphics::FIRST_SIZE),
        QUERY_ZCULL => Some(QueryZcull::FIRST_SIZE),
        _ => None,
    }
}

impl Query {
    /// Checks all members but the pointer.
    ///
    /// # Errors
    ///
    /// [`Refused`] if flags are set, if the query is unknown, or if the size is below that of the
    /// answer's first version.
    pub fn check(&self) -> Result<(), Refused> {
        require_zero("drm_nova_query.flags", self.flags)?;
        let Some(first_size) = first_size(self.query) else {
            const QUERY: &str = "drm_nova_query.query";
            return Err(invalid(QUERY, "a query of the header", self.query));
        };
        require(
            self.size == 0 || self.size >= first_size as u64,
            "drm_nova_query.size",
            "zero, or at least the size of the answer's first version",
            self.size,
        )
    }

    /// Returns the bytes of `answer` to copy to [`Self::data`], and sets [`Self::size`] for a
    /// successful call.
    pub fn answer<'a>(&mut self, answer: &'a [u8]) -> &'a [u8] {
        if self.size == 0 {
            self.size = answer.len() as u64;
            return &[];
        }
        let room = usize::try_from(self.size).unwrap_or(usize::MAX);
        let copied = answer.get(..room).unwrap_or(answer);
        self.size = copied.len() as u64;
        copied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refused::Errno;

    const ANSWER: [u8; 6] = [1, 2, 3, 4, 5, 6];

    fn query(query: u32, size: u64) -> Query {
        Query {
            query,
            size,
            ..Query::default()
        }
    }

    #[test]
    fn size_zero_asks_for_the_size() {
        let mut query = query(QUERY_DEVICE, 0);
        assert_eq!(query.check(), Ok(()));
        assert_eq!(query.answer(&ANSWER), []);
        assert_eq!(query.size, 6);
    }

    #[test]
    fn an_older_program_gets_the_first_version() {
        let mut query = query(QUERY_DEVICE, 4);
        assert_eq!(query.answer(&ANSWER), [1, 2, 3, 4]);
        assert_eq!(query.size, 4);
    }

    #[test]
    fn a_newer_program_gets_the_size_of_the_answer() {
        for room in [6, 7, u64::MAX] {
            let mut query = query(QUERY_DEVICE, room);
            assert_eq!(query.answer(&ANSWER), ANSWER);
            assert_eq!(query.size, 6);
        }
    }

    #[test]
    fn a_size_below_the_first_version_is_refused() {
        let first_sizes = [144, 32, 8, 8, 64, 64, 24, 160, 48];
        for (id, first_size) in (0..).zip(first_sizes) {
            for size in [1, first_size - 1] {
                let refused = query(id, size).check().unwrap_err();
                assert_eq!(refused.member, "drm_nova_query.size");
                assert_eq!(refused.found, size);
            }
            for size in [first_size, u64::MAX] {
                assert_eq!(query(id, size).check(), Ok(()));
            }
        }
    }

    #[test]
    fn unknown_queries_are_refused() {
        for id in [9, 1 << 31, u32::MAX] {
            let refused = query(id, 0).check().unwrap_err();
            assert_eq!(refused.member, "drm_nova_query.query");
            assert_eq!(refused.errno, Errno::Invalid);
        }
    }

    #[test]
    fn flags_are_refused() {
        for bit in 0..32 {
            let flagged = Query {
                flags: 1 << bit,
                ..query(QUERY_DEVICE, 144)
            };
            let refused = flagged.check().unwrap_err();
            assert_eq!(refused.member, "drm_nova_query.flags");
        }
    }
}

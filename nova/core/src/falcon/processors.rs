// SPDX-License-Identifier: GPL-2.0

//! The falcons that take part in a boot.

use super::{Engine, Falcon};
use crate::chip::FalconKind;
use crate::mmio::Io;

/// The falcons that take part in a boot, and the registers.
#[derive(Clone, Copy)]
pub(crate) struct Processors<'a> {
    pub(crate) io: &'a Io<'a>,
    pub(crate) gsp: Falcon<'a>,
    pub(crate) sec2: Falcon<'a>,
}

impl<'a> Processors<'a> {
    /// The falcons of a chip that has this kind of falcons and the PMC_BOOT_0 `boot0`.
    pub(crate) fn new(io: &'a Io<'a>, kind: FalconKind, boot0: u32) -> Self {
        let falcon = |engine| Falcon::new(io, kind, engine, boot0);
        Self {
            io,
            gsp: falcon(Engine::Gsp),
            sec2: falcon(Engine::Sec2),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What all blocks of a launch have.

use super::constants::Constants;
use super::program::Program;

/// What all blocks of a launch have.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) program: Program,
    pub(super) constants: Constants,
}

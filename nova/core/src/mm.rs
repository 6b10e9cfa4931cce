// SPDX-License-Identifier: GPL-2.0

//! Memory of the GPU: the page tables of its MMU.

pub(crate) mod tables;

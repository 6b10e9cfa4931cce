// SPDX-License-Identifier: GPL-2.0

//! (crate docs)
#![no_std]
#![forbid(unsafe_code)]

// SPDX-License-Identifier: MIT

//! (crate docs)
#![no_std]
#![forbid(unsafe_code)]

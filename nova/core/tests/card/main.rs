// SPDX-License-Identifier: GPL-2.0

//! Tests of the driver's public interface on a mocked card. They are one program, since every test
//! program is linked again for each mutant (docs/mutants.md).

mod adapter;
mod boot;
mod calls;
mod channels;
mod common;
mod faults;
mod firmware;
mod identify;
mod page_tables;
mod release;
mod tlv;
mod vbios;
mod windows;

// SPDX-License-Identifier: GPL-2.0

//! What a channel on a whole card leaves in the trace.

use std::fs;

use nova_hw::class::copy::offset;
use nova_hw::class::host::method;

use super::super::channels::testing::{copies, copy, releases, va, Tested, DATA};
use crate::trace::Trace;

#[test]
#[cfg_attr(miri, ignore = "Miri runs without files")]
fn methods_are_logged_as_they_are_executed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("methods.log");
    let mut trace = Trace::default();
    trace.log_methods(&path).unwrap();
    let mut tested = Tested::with_trace(trace);
    tested.push(
        &[
            copy(method::SET_OBJECT as u16, &[0xc7b5]),
            copies(va(DATA), va(DATA + 0x100), 4),
            releases(va(DATA + 0x200), 7),
            copy(0x104, &[1]),
            copy(offset::NOP, &[0]),
        ]
        .concat(),
    );
    tested.settle();
    tested.card.trace_mut().finish().unwrap();
    let expected = "\
        1:0x3 c7b5 4 SET_OBJECT(0000) 0000c7b5\n\
        1:0x3 c7b5 4 OFFSET_IN_UPPER(0400) 00000001\n\
        1:0x3 c7b5 4 OFFSET_IN_LOWER(0404) 00240000\n\
        1:0x3 c7b5 4 OFFSET_OUT_UPPER(0408) 00000001\n\
        1:0x3 c7b5 4 OFFSET_OUT_LOWER(040c) 00240100\n\
        1:0x3 c7b5 4 LINE_LENGTH_IN(0418) 00000004\n\
        1:0x3 c7b5 4 LINE_COUNT(041c) 00000001\n\
        1:0x3 c7b5 4 LAUNCH_DMA(0300) 00000182\n\
        1:0x3 c56f 0 SEM_ADDR_LO(005c) 00240200\n\
        1:0x3 c56f 0 SEM_ADDR_HI(0060) 00000001\n\
        1:0x3 c56f 0 SEM_PAYLOAD_LO(0064) 00000007\n\
        1:0x3 c56f 0 SEM_PAYLOAD_HI(0068) 00000000\n\
        1:0x3 c56f 0 SEM_EXECUTE(006c) 00000001\n\
        1:0x3 c7b5 4 (0104) 00000001\n\
        # 1:0x3 stopped: class 0xc7b5, method 0x104 with 0x1: AMPERE_DMA_COPY_B has no method 0x104\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

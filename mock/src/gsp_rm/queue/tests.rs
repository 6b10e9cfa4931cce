// SPDX-License-Identifier: GPL-2.0

//! Tests of the queues.

use super::*;
use crate::machine::in_process::Arena;
use driver::{Driver, COMMANDS, COUNT, STATUS};

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Updates the checksum.
fn sum(bytes: &mut [u8]) {
    put(bytes, 32, 0);
    let sum = checksum(bytes);
    put(bytes, 32, sum);
}

fn receive(queues: &mut Queues, driver: &mut Driver<Arena>) -> Option<Result<Message, String>> {
    let received = queues.receive(&mut driver.memory, &Faults::default());
    received.unwrap()
}

#[test]
fn commands_are_received_around_the_end_of_the_ring() {
    let mut driver = Driver::new();
    let mut queues = driver.link().unwrap();
    assert!(receive(&mut queues, &mut driver).is_none());
    for len in [1, 5000, 0, 4016, 9000] {
        driver.send(len, |_| {});
        let message = receive(&mut queues, &mut driver).unwrap().unwrap();
        assert_eq!((message.function, message.sequence), (76, 9));
        assert_eq!(message.payload, vec![0x5a; len]);
        let elements = (size_of::<QueueElement>() + len).div_ceil(QUEUE_ELEMENT_SIZE_MIN);
        let all = elements * QUEUE_ELEMENT_SIZE_MIN - size_of::<QueueElement>();
        assert_eq!(message.rest, vec![0; all - len]);
        assert!(receive(&mut queues, &mut driver).is_none());
        assert_eq!(
            driver.read_u32(STATUS + 0x20),
            driver.write_ptr,
            "read pointer"
        );
    }
}

#[test]
fn a_malformed_command_is_dropped_and_the_next_one_is_received() {
    type Change = fn(&mut [u8]);
    let changes: [(Change, &str); 8] = [
        (|bytes| bytes[90] ^= 1, "checksum"),
        // The message ends at 100, its last word at 104.
        (|bytes| bytes[103] = 1, "checksum"),
        (
            |bytes| {
                put(bytes, 36, 7);
                sum(bytes)
            },
            "number 7",
        ),
        (
            |bytes| {
                put(bytes, 40, 2);
                sum(bytes)
            },
            "2 elements",
        ),
        (|bytes| put(bytes, 40, 0), "0 elements"),
        (|bytes| put(bytes, 40, 17), "17 elements"),
        (|bytes| put(bytes, 56, 5000), "elements"),
        (
            |bytes| {
                put(bytes, 52, 0);
                sum(bytes)
            },
            "signature",
        ),
    ];
    for (change, reason) in changes {
        let mut driver = Driver::new();
        let mut queues = driver.link().unwrap();
        driver.send(20, change);
        let error = receive(&mut queues, &mut driver).unwrap().unwrap_err();
        assert!(error.contains(reason), "{error}");
        driver.send(20, |bytes| bytes[104] = 1);
        assert!(
            receive(&mut queues, &mut driver).unwrap().is_ok(),
            "after {error}"
        );
    }
}

#[test]
fn a_write_pointer_outside_of_the_ring_is_not_followed() {
    let mut driver = Driver::new();
    let mut queues = driver.link().unwrap();
    driver.write(COMMANDS + 16, &COUNT.to_le_bytes());
    assert!(receive(&mut queues, &mut driver).is_none());
}

#[test]
fn a_queue_whose_memory_is_gone_is_left_as_it_is() {
    let mut driver = Driver::new();
    let mut queues = driver.link().unwrap();
    driver.send(20, |_| {});
    let error = queues.receive(&mut Arena::new(), &Faults::default());
    assert!(error.unwrap_err().contains("shared memory"));
    assert!(receive(&mut queues, &mut driver).unwrap().is_ok());
}

#[test]
fn messages_wait_until_the_driver_has_read() {
    let mut driver = Driver::new();
    let mut queues = driver.link().unwrap();
    for function in 0..5 {
        queues.send(Outgoing {
            function,
            sequence: 0,
            result: 0,
            payload: vec![],
        });
    }
    assert_eq!(
        queues.flush(&mut driver.memory, &Faults::default()),
        Ok(true)
    );
    assert_eq!(driver.read_u32(STATUS + 16), 3, "one element stays free");
    assert_eq!(
        queues.flush(&mut driver.memory, &Faults::default()),
        Ok(false)
    );
    driver.write(COMMANDS + 0x20, &3_u32.to_le_bytes());
    assert_eq!(
        queues.flush(&mut driver.memory, &Faults::default()),
        Ok(true)
    );
    assert_eq!(driver.read_u32(STATUS + 16), 1);
    // The last message lies in the first element.
    assert_eq!(
        driver.read_u32(STATUS + 0x1000 + 36),
        4,
        "its sequence number"
    );
    assert_eq!(driver.read_u32(STATUS + 0x1000 + 60), 4, "its function");
}

#[test]
fn long_payloads_are_split_into_records() {
    let mut queues = Driver::new().link().unwrap();
    queues.send(Outgoing {
        function: 76,
        sequence: 5,
        result: 0,
        payload: vec![1; 2 * PAYLOAD_MAX + 3],
    });
    assert!(queues.is_full());
    let records = queues.waiting.iter();
    let records: Vec<_> = records
        .map(|record| (record.function, record.sequence, record.payload.len()))
        .collect();
    let expected = [
        (76, 5, PAYLOAD_MAX),
        (CONTINUATION_RECORD, 6, PAYLOAD_MAX),
        (CONTINUATION_RECORD, 7, 3),
    ];
    assert_eq!(records, expected);
}

#[test]
fn queues_with_invalid_arguments_or_headers_are_not_linked() {
    type Change = fn(&mut QueueArguments);
    let changes: [Change; 8] = [
        |arguments| arguments.memory += 8,
        |arguments| arguments.memory = 0xdead_0000,
        |arguments| arguments.pages = 0,
        |arguments| arguments.pages = u32::MAX,
        |arguments| arguments.commands = 0x1800,
        |arguments| arguments.commands = 0,
        |arguments| arguments.status = 0x1000,
        |arguments| arguments.status = 0xa000,
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut driver = Driver::new();
        let mut arguments = driver.arguments();
        change(&mut arguments);
        assert!(
            Queues::link(&mut driver.memory, &arguments).is_err(),
            "{index}"
        );
    }
    for (at, value) in [
        (0, 1),
        (4, 0x8000),
        (8, 0x2000),
        (12, 3),
        (20, 0),
        (24, 4),
        (28, 0x20),
    ] {
        let mut driver = Driver::new();
        driver.write(COMMANDS + at, &u32::to_le_bytes(value));
        assert!(driver.link().is_err(), "header field at {at}");
    }
}

#[test]
fn faults_change_messages() {
    let message = Outgoing {
        function: 1,
        sequence: 0,
        result: 0,
        payload: vec![0; 8],
    };
    assert_eq!(checksum(&encode(&message, 0, &Faults::default())), 0);
    assert_ne!(
        checksum(&encode(
            &message,
            0,
            &[Fault::BadChecksum].into_iter().collect()
        )),
        0
    );
    let numbered = encode(&message, 3, &[Fault::BadSequence].into_iter().collect());
    assert_ne!(numbered[36], 3);
}

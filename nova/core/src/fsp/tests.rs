// SPDX-License-Identifier: GPL-2.0

use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use super::peer::{Fsp, Response};
use super::*;
use crate::error_kind::ErrorKind;
use crate::testing::Card;

/// A response that a chain-of-trust message succeeded.
const GOOD: [u32; 5] = [0xc000_0000, 0x1510_de7e, 0, 0x14, 0];

/// Sends two words to `fsp`.
fn command_to(fsp: &Fsp) -> Result<(), FspError> {
    command(&Io::new(fsp), NvdmType::Cot, &[U32::new(1), U32::new(2)])
}

fn respond_with(response: Response) -> Result<(), FspError> {
    command_to(&Fsp::responding(response))
}

/// Sends two words to an FSP whose response has one changed word.
fn changed(word: usize, value: u32) -> Result<(), FspError> {
    let mut words = GOOD;
    words[word] = value;
    respond_with(Response::of(&words))
}

#[test]
fn a_message_is_sent_and_the_response_removed() {
    let fsp = Fsp::responding(Response::of(&GOOD));
    assert_eq!(command_to(&fsp), Ok(()));
    assert_eq!(*fsp.received.borrow(), [[1, 2]]);
    assert_eq!(fsp.queue.get(), (0, 0));
    // A second command works, too.
    assert_eq!(command_to(&fsp), Ok(()));
}

/// A stale response is removed; then the writes and their order are those of Linux's nova-core.
#[test]
fn registers_are_written_in_the_right_order() {
    let card = Card::default();
    card.set(0x8f2c84, 16);
    let io = &Io::new(&card);
    assert!(command(io, NvdmType::Cot, &[U32::new(7), U32::new(8)]).is_err());
    let expected = [
        (0x8f2c84, 0),
        (0x8f2c80, 0),
        (0x8f2ac0, 1 << 24),
        (0x8f2ac4, 7),
        (0x8f2ac4, 8),
        (0x8f2c04, 4),
        (0x8f2c00, 0),
        (0x8f2ac0, 1 << 25),
        (0x8f2c84, 0),
        (0x8f2c80, 0),
    ];
    assert_eq!(*card.writes.borrow(), expected);
}

#[test]
fn a_missing_response_causes_a_timeout() {
    let error = command_to(&Fsp::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "waited 2s for an answer of the FSP, saw 0x0"
    );
}

#[test]
fn an_error_is_returned_with_its_code() {
    let error = changed(4, 0x17).unwrap_err();
    let code = 0x17;
    let command = 0x14;
    assert_eq!(error, FspError::Refused { command, code });
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(
        error.to_string(),
        "FSP: answer to message 0x14: expected 0, found error 0x17"
    );
}

#[test]
fn invalid_responses_are_refused() {
    // A packet of a longer message, and no packet.
    for mctp in [0x8000_0000, 0x4000_0000, 0] {
        let found = mctp;
        assert_eq!(changed(0, mctp), Err(FspError::Mctp { found }));
    }
    // The sent message, another vendor, another message type, no message.
    for found in [0x1410_de7e, 0x1510_de00, 0x1500_007e, 0] {
        let expected = GOOD[1];
        let error = FspError::Nvdm { expected, found };
        assert_eq!(changed(1, found), Err(error));
    }
    let error = FspError::Command {
        expected: 0x14,
        found: 0x13,
    };
    assert_eq!(changed(3, 0x13), Err(error));
    let error = FspError::Short { found: 16 };
    assert_eq!(respond_with(Response::of(&GOOD[..4])), Err(error));
}

#[test]
fn pointers_that_enclose_no_message_are_refused() {
    for (head, tail) in [(8, 4), (0, 1024), (0, u32::MAX), (0, 6), (u32::MAX, 4)] {
        let words = GOOD.to_vec();
        let response = Response { words, head, tail };
        let error = FspError::Pointers { head, tail };
        assert_eq!(respond_with(response), Err(error));
    }
}

#[test]
fn a_pending_message_is_not_overwritten() {
    let fsp = Fsp::responding(Response::of(&GOOD));
    fsp.ignores_messages.set(true);
    assert!(command_to(&fsp).is_err());
    assert_eq!(
        command_to(&fsp).unwrap_err().to_string(),
        "waited 2s for the FSP to take the last message, saw 0x4"
    );
}

#[test]
fn a_late_response_is_not_taken_for_the_next_one() {
    let fsp = Fsp::default();
    assert!(command_to(&fsp).is_err());
    // The late response.
    fsp.queue.set((0, 16));
    assert_eq!(
        command_to(&fsp).unwrap_err().to_string(),
        "waited 2s for an answer of the FSP, saw 0x0"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

    #[test]
    fn messages_of_any_length_arrive_unchanged(
        words in prop::collection::vec(any::<u32>(), 2..=CHANNEL_SIZE / WORD)
    ) {
        let message: Vec<_> = words.iter().copied().map(U32::new).collect();
        let fsp = Fsp::responding(Response::of(&GOOD));
        let sent = command(&Io::new(&fsp), NvdmType::Cot, &message);
        prop_assert_eq!(sent, Ok(()));
        prop_assert_eq!(fsp.received.into_inner(), [words]);
    }

    #[test]
    fn commands_work_after_any_invalid_response(
        words in prop::collection::vec(any::<u32>(), 0..=CHANNEL_SIZE / WORD),
        pointers in any::<Option<(u32, u32)>>(),
    ) {
        let mut response = Response::of(&words);
        (response.head, response.tail) = pointers.unwrap_or((response.head, response.tail));
        let fsp = Fsp::responding(response);
        prop_assert!(command_to(&fsp).is_err());
        fsp.response.replace(Some(Response::of(&GOOD)));
        prop_assert_eq!(command_to(&fsp), Ok(()));
    }
}

#[test]
fn the_register_of_the_chip_reports_the_fsps_boot() {
    for (status, register) in [(FspStatus::Gh100, 0x0200bc), (FspStatus::Gb202, 0xad00bc)] {
        let card = Card::default();
        let error = status.wait(&Io::new(&card)).unwrap_err();
        assert_eq!(error.awaited, "the FSP to complete its secure boot");
        card.set(register, 0xff);
        assert_eq!(status.wait(&Io::new(&card)), Ok(()));
    }
}

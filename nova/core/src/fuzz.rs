// SPDX-License-Identifier: GPL-2.0

//! The fuzz targets in `nova/core/fuzz`, which the tests call with random bytes, too.

use core::time::Duration;
use std::vec::Vec;

use nova_hw::fsp::NvdmType;
use nova_hw::release::RELEASES;
use zerocopy::little_endian::U32;

use crate::chip::FalconKind;
use crate::falcon::processors::Processors;
use crate::fsp;
use crate::fsp::peer::{Fsp, Response};
use crate::gsp::queue::peer::Gsp;
use crate::gsp::rpc::call::{CallInfo, Ticket};
use crate::gsp::rpc::outgoing::Outgoing;
use crate::gsp::rpc::Rpc;
use crate::gsp::sequencer::Sequencer;
use crate::mmio::Io;
use crate::platform::Clock;
use crate::testing::{Allocator, Card};

/// The RISC-V core's register CPUCTL, and its bit that says that the core runs.
const CPUCTL: u32 = 0x111388;
const ACTIVE: u32 = 1 << 7;

/// Takes numbers from the front of the input; zeros after its end.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *byte
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([(); 4].map(|()| self.byte()))
    }

    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

/// A GSP that sends messages made from `data`, and a driver that makes calls: nothing may panic or
/// hang, and no call may get the reply of another one.
pub fn gsp_messages(data: &[u8]) {
    let (card, memory) = (Card::default(), Allocator::default());
    card.set(CPUCTL, ACTIVE);
    let mut rpc = Rpc::<Allocator>::new(&memory, RELEASES[0], card.now()).expect("memory");
    let mut gsp = Gsp::of(&memory);
    let mut tickets = Vec::new();
    let mut input = Input(data);
    while !input.0.is_empty() {
        match input.byte() % 6 {
            0 => tickets.extend(submit(&card, &memory, &mut rpc, &mut input)),
            1 => put_message(&mut gsp, &mut input),
            2 => gsp.scribble(usize::from(input.byte()) << 4, input.bytes(80)),
            3 => gsp.skip_commands(),
            4 => card.sleep(Duration::from_millis(input.byte().into())),
            _ => {
                let ticket = tickets.pop();
                ticket.into_iter().for_each(|ticket| rpc.cancel(ticket));
            }
        }
        service(&card, &mut rpc);
        tickets.retain(|&ticket| rpc.take(ticket).is_none());
    }
    assert!(rpc.history().records().count() <= 32, "the last calls");
}

fn submit(
    card: &Card,
    memory: &Allocator,
    rpc: &mut Rpc<Allocator>,
    input: &mut Input<'_>,
) -> Option<Ticket> {
    let payload = std::vec![1; input.word() as usize % if cfg!(miri) { 200 } else { 200_000 }];
    let call = CallInfo::request("a call", input.byte().into());
    let write = &mut |place: &mut [u8]| place.copy_from_slice(&payload);
    let call = Outgoing::write(memory, call, payload.len(), write);
    rpc.submit(call.ok()?, card.now()).ok()
}

/// Sends a message that is valid except for what the input changes.
fn put_message(gsp: &mut Gsp, input: &mut Input<'_>) {
    let function = [0, 71, 76, 0x1002, 0x1004, 0x1006, input.word()][usize::from(input.byte()) % 7];
    let is_long = input.byte() == 0 && !cfg!(miri);
    let long = if is_long { 65_400 } else { 0 };
    let len = usize::from(input.byte());
    let mut payload = input.bytes(len).to_vec();
    payload.resize(payload.len() + long, 7);
    let (answers, result, corruption) = (input.byte(), input.byte(), input.byte());
    gsp.put(function, &payload, |draft| {
        draft.answers = answers.into();
        draft.result = result.into();
        match corruption {
            250 => draft.len = draft.len.wrapping_add(input.word()),
            251 => draft.elements = input.word(),
            252 => draft.sequence = input.word(),
            253 => draft.signature = input.word(),
            254 => draft.flip = input.word(),
            _ => {}
        }
    });
}

fn service(card: &Card, rpc: &mut Rpc<Allocator>) {
    let io = &Io::new(card);
    let processors = Processors::new(io, FalconKind::Ga102, 0);
    let sequencer = Sequencer {
        processors,
        bar: 1 << 24,
        libos: 0,
        app_version: 0,
    };
    // A GSP that is lost stays lost.
    let was_lost = rpc.lost().copied();
    let serviced = rpc.service(processors, &mut |_| ());
    let serviced = serviced.and_then(|()| match rpc.take_list() {
        Some(list) => {
            let result = sequencer.run(list.payload());
            rpc.finish_list(list, result, card.now())
        }
        None => Ok(()),
    });
    assert_eq!(serviced.is_err(), rpc.lost().is_some());
    assert!(was_lost.is_none() || was_lost == rpc.lost().copied());
}

/// An FSP whose response is made from `data`: nothing may panic or hang, and only a response that
/// reports success is success.
pub fn fsp_answers(data: &[u8]) {
    let mut input = Input(data);
    let (head, tail) = (input.word(), input.word());
    let mut words = Vec::new();
    while !input.0.is_empty() {
        words.push(input.word());
    }
    let good = head == 0 && words.get(3..5) == Some(&[NvdmType::Cot as u32, 0]);
    let fsp = Fsp::responding(Response { words, head, tail });
    let sent = fsp::command(&Io::new(&fsp), NvdmType::Cot, &[U32::ZERO; 2]);
    assert!(sent.is_err() || good);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

        #[test]
        fn a_gsp_may_send_anything(data in prop::collection::vec(any::<u8>(), 0..600)) {
            super::gsp_messages(&data);
        }

        #[test]
        fn the_fsp_may_send_anything(
            data in prop::collection::vec(any::<u8>(), 0..64),
            good in any::<[bool; 7]>(),
        ) {
            // Mostly valid, since random words fail the first check.
            let words = [0, 16, 0xc000_0000, 0x1510_de7e, 0, 0x14, 0];
            let words = words.into_iter().map(u32::to_le_bytes).enumerate();
            let mixed: std::vec::Vec<u8> = words
                .flat_map(|(n, word)| match data.get(n * 4..n * 4 + 4) {
                    Some(random) if !good[n] => random.try_into().unwrap(),
                    _ => word,
                })
                .collect();
            super::fsp_answers(&mixed);
            super::fsp_answers(&data);
        }
    }
}

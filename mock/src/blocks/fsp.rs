// SPDX-License-Identifier: GPL-2.0

//! FSP, the security processor of Hopper and later: its boot status, its external memory (EMEM),
//! the queues that say where in EMEM messages are, and how packets are assembled into messages.
//!
//! What the FSP does with a message is in [`chain_of_trust`](crate::programs::chain_of_trust).
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/fsp/kern_fsp.c and
//! arch/hopper/kern_fsp_gh100.c; nouveau, nvkm/subdev/fsp/gh100.c.

use std::ops::Range;
use std::time::Duration;

use nova_hw::fsp::{Headers, MctpHeader, NvdmHeader, CHANNEL_SIZE};
use nova_hw::regs::fsp::{
    FspEmemc, FspEmemd, FspMsgqHead, FspMsgqTail, FspQueueHead, FspQueueTail,
};
use zerocopy::{FromBytes, IntoBytes};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::schedule::Event;

/// Bytes of a block of the external memory.
const BLOCK: usize = 256;

/// Bytes of a word of the external memory.
const WORD: usize = 4;

/// Bytes of the longest message that the FSP assembles; the model's own value.
const MESSAGE_MAX: usize = 4 * CHANNEL_SIZE;

/// How long the FSP takes to look for a packet; the model's own value.
const PACKET: Duration = Duration::from_millis(5);

/// An NVDM message: its type and its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) nvdm_type: u8,
    pub(crate) payload: Vec<u8>,
}

/// A message with packets missing.
#[derive(Debug)]
struct Partial {
    message: Message,
    seq: u8,
}

/// State of the driver's EMEM channel. The other seven are not the driver's.
#[derive(Debug)]
pub(crate) struct Fsp {
    emem: [u8; CHANNEL_SIZE],
    port: FspEmemc,
    queue_head: u32,
    queue_tail: u32,
    message_head: u32,
    message_tail: u32,
    partial: Option<Partial>,
}

impl Default for Fsp {
    fn default() -> Self {
        Self {
            emem: [0; CHANNEL_SIZE],
            port: FspEmemc::new(),
            queue_head: 0,
            queue_tail: 0,
            message_head: 0,
            message_tail: 0,
            partial: None,
        }
    }
}

impl Block for Fsp {
    const RANGES: &'static [Range<u32>] = &[0x8f_0000..0x8f_4000];

    fn new(_: &Parts) -> Self {
        Self::default()
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        if !wires.chip.boots_through_fsp() {
            return None;
        }
        match offset {
            FspEmemc::OFFSET => Some(self.port.into()),
            FspEmemd::OFFSET => {
                let word = self.emem.get(self.at()..)?.first_chunk().copied()?;
                self.move_port(self.port.aincr());
                Some(u32::from_le_bytes(word))
            }
            FspQueueHead::OFFSET => Some(self.queue_head),
            FspQueueTail::OFFSET => Some(self.queue_tail),
            FspMsgqHead::OFFSET => Some(self.message_head),
            FspMsgqTail::OFFSET => Some(self.message_tail),
            _ => None,
        }
    }

    fn write(&mut self, wires: &mut Wires<'_>, offset: u32, value: u32) -> Option<()> {
        if !wires.chip.boots_through_fsp() {
            return None;
        }
        match offset {
            FspEmemc::OFFSET => self.port = value.into(),
            FspEmemd::OFFSET => {
                let at = self.at();
                let Some(word) = self.emem.get_mut(at..at + WORD) else {
                    wires.refuse("write behind the end of the channel");
                    return Some(());
                };
                word.copy_from_slice(&value.to_le_bytes());
                self.move_port(self.port.aincw());
            }
            FspQueueHead::OFFSET => {
                self.queue_head = value;
                wires.schedule.after(PACKET, Event::FspPacket);
            }
            FspQueueTail::OFFSET => self.queue_tail = value,
            FspMsgqHead::OFFSET => self.message_head = value,
            FspMsgqTail::OFFSET => self.message_tail = value,
            _ => return None,
        }
        Some(())
    }
}

impl Fsp {
    /// Byte offset in the external memory at which the port is.
    fn at(&self) -> usize {
        usize::from(self.port.blk()) * BLOCK + usize::from(self.port.offs()) * WORD
    }

    fn move_port(&mut self, moves: bool) {
        if moves {
            let next = self.at() + WORD;
            self.port.set_offs((next % BLOCK / WORD) as u8);
            self.port.set_blk((next / BLOCK) as u8);
        }
    }

    /// Takes the packet that the queue points to, and empties the queue. Returns the message that
    /// this packet completes.
    pub(crate) fn take(&mut self) -> Result<Option<Message>, String> {
        if self.queue_head == self.queue_tail {
            return Ok(None);
        }
        let (head, tail) = (self.queue_head as usize, self.queue_tail as usize);
        self.queue_head = self.queue_tail;
        // There is room for one answer. A driver reads it before it sends: `kfspPollForCanSend_IMPL` in
        // kern_fsp.c, nouveau's gh100.c, and `poll_for_queue_empty` of gpu-admin-tools.
        if self.message_head != self.message_tail {
            return Err("a packet while the driver has not read the last answer".into());
        }
        let end = tail.checked_add(WORD);
        let packet = end.and_then(|end| self.emem.get(head..end));
        let packet = packet.ok_or_else(|| format!("a packet from {head:#x} to {tail:#x}"))?;
        let packet = packet.to_vec();
        self.assemble(&packet)
    }

    fn assemble(&mut self, packet: &[u8]) -> Result<Option<Message>, String> {
        let (mctp, rest) = u32::read_from_prefix(packet).map_err(|_| "no MCTP header")?;
        let mctp = MctpHeader::from(mctp);
        let started = self.partial.take();
        let mut partial = match (mctp.som(), started) {
            (true, _) => start(mctp, rest)?,
            (false, None) => return Err("a packet that does not continue a message".into()),
            (false, Some(mut partial)) => {
                let expected = (partial.seq + 1) % 4;
                if mctp.seq() != expected {
                    return Err(format!(
                        "packet {} instead of packet {expected}",
                        mctp.seq()
                    ));
                }
                partial.seq = expected;
                partial.message.payload.extend(rest);
                partial
            }
        };
        if partial.message.payload.len() > MESSAGE_MAX {
            return Err("a message that does not end".into());
        }
        match mctp.eom() {
            true => Ok(Some(partial.message)),
            false => {
                partial.message.payload.shrink_to_fit();
                self.partial = Some(partial);
                Ok(None)
            }
        }
    }

    /// Puts a packet into the driver's queue.
    pub(crate) fn put(&mut self, packet: &[u8]) {
        let len = packet.len().min(CHANNEL_SIZE);
        self.emem[..len].copy_from_slice(&packet[..len]);
        self.message_head = 0;
        self.message_tail = len.saturating_sub(WORD) as u32;
    }
}

/// Starts a message with its first packet.
fn start(mctp: MctpHeader, rest: &[u8]) -> Result<Partial, String> {
    let (nvdm, payload) = u32::read_from_prefix(rest).map_err(|_| "no NVDM header")?;
    let nvdm = NvdmHeader::from(nvdm);
    let is_nvidia = nvdm.vendor_id() == NvdmHeader::NVIDIA;
    if mctp.seq() != 0 || nvdm.msg_type() != NvdmHeader::VENDOR_PCI || !is_nvidia {
        return Err(format!("a message with the headers {mctp:?}, {nvdm:?}"));
    }
    Ok(Partial {
        message: Message {
            nvdm_type: nvdm.nvdm_type(),
            payload: payload.to_vec(),
        },
        seq: 0,
    })
}

/// A message in one packet.
pub(crate) fn packet(headers: Headers, payload: &[u8]) -> Vec<u8> {
    [headers.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::Tested;
    use nova_hw::fsp::NvdmType;

    /// Sends a packet as a driver does.
    fn send(fsp: &mut Tested<Fsp>, packet: &[u8]) -> Result<Option<Message>, String> {
        let port = FspEmemc::new().with_aincw(true);
        fsp.write(FspEmemc::OFFSET, port.into()).unwrap();
        for word in packet.chunks(WORD) {
            let word = u32::from_le_bytes(word.try_into().unwrap());
            fsp.write(FspEmemd::OFFSET, word).unwrap();
        }
        let tail = (packet.len() - WORD) as u32;
        fsp.write(FspQueueTail::OFFSET, tail).unwrap();
        fsp.write(FspQueueHead::OFFSET, 0).unwrap();
        assert!(fsp.card.schedule.next().is_some(), "the FSP will look");
        let message = fsp.take();
        assert_eq!(
            fsp.read(FspQueueHead::OFFSET),
            Some(tail),
            "the packet is taken"
        );
        message
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    const NVDM: u32 = 0x1410_de7e;

    #[test]
    fn a_message_of_one_packet() {
        let mut fsp = Tested::new("gh100", Fsp::default());
        let message = send(&mut fsp, &packet(Headers::of(NvdmType::Cot), &[7; 300])).unwrap();
        let message = message.unwrap();
        assert_eq!((message.nvdm_type, message.payload), (0x14, vec![7; 300]));
        assert_eq!(fsp.take(), Ok(None), "the queue is empty");
        // 308 bytes: the port is in the second block.
        let port = FspEmemc::from(fsp.read(FspEmemc::OFFSET).unwrap());
        assert_eq!((port.blk(), port.offs()), (1, 13));
    }

    #[test]
    fn a_message_of_several_packets_is_assembled() {
        let mut fsp = Tested::new("gh100", Fsp::default());
        assert_eq!(send(&mut fsp, &words(&[1 << 31, NVDM, 1])), Ok(None));
        assert_eq!(send(&mut fsp, &words(&[1 << 28, 2])), Ok(None));
        let message = send(&mut fsp, &words(&[2 << 28 | 1 << 30, 3]))
            .unwrap()
            .unwrap();
        assert_eq!(message.payload, words(&[1, 2, 3]));
    }

    #[test]
    fn packets_out_of_order_are_dropped() {
        let mut fsp = Tested::new("gh100", Fsp::default());
        assert!(
            send(&mut fsp, &words(&[1 << 30, 2])).is_err(),
            "no message was begun"
        );
        assert_eq!(send(&mut fsp, &words(&[1 << 31, NVDM, 1])), Ok(None));
        assert!(send(&mut fsp, &words(&[2 << 28 | 1 << 30, 3])).is_err());
        assert!(
            send(&mut fsp, &words(&[1 << 28 | 1 << 30, 3])).is_err(),
            "dropped"
        );
        for nvdm in [NVDM ^ 1, NVDM ^ 1 << 8] {
            assert!(
                send(&mut fsp, &words(&[3 << 30, nvdm, 1])).is_err(),
                "{nvdm:#x}"
            );
        }
    }

    #[test]
    fn a_message_without_an_end_is_dropped() {
        let mut fsp = Tested::new("gh100", Fsp::default());
        let mut packet = words(&[1 << 31, NVDM]);
        packet.resize(CHANNEL_SIZE, 0);
        let mut result = send(&mut fsp, &packet);
        for seq in 1..10_u32 {
            packet[3] = (seq as u8 % 4) << 4;
            result = result.and_then(|_| send(&mut fsp, &packet));
        }
        assert!(result.is_err());
    }

    #[test]
    fn a_message_to_the_driver_is_read_word_by_word() {
        let mut fsp = Tested::new("gh100", Fsp::default());
        fsp.put(&words(&[1, 2, 3]));
        assert_eq!(fsp.read(FspMsgqHead::OFFSET), Some(0));
        assert_eq!(fsp.read(FspMsgqTail::OFFSET), Some(8));
        assert!(send(&mut fsp, &words(&[3 << 30, NVDM])).is_err(), "unread");
        fsp.put(&words(&[1, 2, 3]));
        let port = FspEmemc::new().with_aincr(true);
        fsp.write(FspEmemc::OFFSET, port.into()).unwrap();
        for word in 1..4 {
            assert_eq!(fsp.read(FspEmemd::OFFSET), Some(word));
        }
    }

    #[test]
    fn offsets_outside_of_the_channel_are_refused() {
        let mut fsp = Tested::new("gh100", Fsp::default());
        fsp.write(FspEmemc::OFFSET, 4 << 8).unwrap();
        assert_eq!(fsp.read(FspEmemd::OFFSET), None);
        fsp.write(FspEmemd::OFFSET, 0).unwrap();
        assert_eq!(fsp.card.trace.refusals().len(), 1);
        for (head, tail) in [(0, 1024), (8, 0), (4, u32::MAX)] {
            fsp.write(FspQueueTail::OFFSET, tail).unwrap();
            fsp.write(FspQueueHead::OFFSET, head).unwrap();
            assert!(fsp.take().is_err(), "{head:#x}..{tail:#x}");
        }
        assert_eq!(fsp.read(FspEmemc::OFFSET + 8), None, "another channel");
    }
}

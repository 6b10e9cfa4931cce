// SPDX-License-Identifier: GPL-2.0

//! The CPU sequencer: runs lists of register accesses that GSP-RM requests, because only the CPU
//! may make them or because the GSP is in reset meanwhile.
//!
//! A list consists of 32-bit words: an opcode, its arguments, the next opcode.
//!
//! Source: open-gpu-kernel-modules 570, `kgspExecuteSequencerBuffer_IMPL` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c, `kgspExecuteSequencerCommand_GA102`,
//! src/common/sdk/nvidia/inc/rmgspseq.h.

use core::fmt;
use core::time::Duration;

use nova_hw::abi::{RunCpuSequencer, SequencerOpcode};
use nova_hw::regs::pgc6::BsiSecureScratch14;
use zerocopy::FromBytes;

use crate::bug::OrBug;
use crate::error_kind::ErrorKind;
use crate::falcon::error::FalconError;
use crate::falcon::processors::Processors;
use crate::gsp::payload::ShortPayload;
use crate::mmio::{halves, Timeout};

/// Time-out of a poll for which GSP-RM gives none; the driver's own.
const POLL_DEFAULT: Duration = Duration::from_secs(4);

/// Longest poll or delay that GSP-RM may request, and longest time for a whole list; the driver's
/// own limits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Time-out for SEC2 to start the GSP again; the driver's own.
const RESUME_LIMIT: Duration = Duration::from_secs(2);

/// Error in a list of register accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequencerError {
    /// The message is shorter than its header.
    Payload(ShortPayload),
    /// The list ends after the end of its buffer.
    End {
        /// Words of the list.
        found: u32,
        /// Words of the buffer.
        buffer: usize,
    },
    /// The opcode is unknown.
    Opcode {
        /// Index of the word in the list.
        at: usize,
        /// The opcode.
        found: u32,
    },
    /// The list ends within the arguments of an opcode.
    Arguments {
        /// Index of the first argument in the list.
        at: usize,
        /// Number of arguments of the opcode.
        expected: usize,
    },
    /// The offset is not that of a register.
    Address {
        /// Index of the word in the list.
        at: usize,
        /// Offset in BAR0.
        found: u32,
        /// Bytes of BAR0.
        bar: u64,
    },
    /// The slot does not exist.
    Slot {
        /// Index of the word in the list.
        at: usize,
        /// Number of the slot.
        found: u32,
    },
    /// A poll or delay exceeds the driver's limit.
    Delay {
        /// Index of the word in the list.
        at: usize,
        /// Microseconds.
        found: u32,
    },
    /// The list as a whole exceeds the driver's limit.
    TooLong {
        /// Index of the word at which the time was over.
        at: usize,
    },
    /// A register did not get the value that GSP-RM expects.
    Poll {
        /// Index of the word in the list.
        at: usize,
        /// Offset in BAR0.
        register: u32,
        /// Mask of the compared bits.
        mask: u32,
        /// Expected value of these bits.
        expected: u32,
        /// Value of the register.
        found: u32,
        /// GSP-RM's code for this error.
        code: u32,
    },
    /// Error of a falcon.
    Falcon(FalconError),
}

impl SequencerError {
    /// The kind of the error.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Falcon(error) => error.kind(),
            _ => ErrorKind::Protocol,
        }
    }
}

impl From<ShortPayload> for SequencerError {
    fn from(e: ShortPayload) -> Self {
        Self::Payload(e)
    }
}

impl From<FalconError> for SequencerError {
    fn from(e: FalconError) -> Self {
        Self::Falcon(e)
    }
}

impl From<Timeout> for SequencerError {
    fn from(e: Timeout) -> Self {
        Self::Falcon(e.into())
    }
}

/// The hardware and the parameters for running lists.
pub(crate) struct Sequencer<'a> {
    pub(crate) processors: Processors<'a>,
    /// Bytes of BAR0.
    pub(crate) bar: u64,
    /// Bus address of the libos arguments.
    pub(crate) libos: u64,
    /// Version of the bootloader.
    pub(crate) app_version: u32,
}

/// An opcode with its arguments; `at` is the index of the opcode in the list.
#[derive(Clone, Copy)]
struct Step<'p> {
    at: usize,
    opcode: SequencerOpcode,
    arguments: &'p [[u8; 4]],
}

impl Step<'_> {
    fn argument(&self, n: usize) -> u32 {
        self.arguments
            .get(n)
            .map_or(0, |word| u32::from_le_bytes(*word))
    }
}

/// The steps of a list.
struct Steps<'p> {
    words: &'p [[u8; 4]],
    at: usize,
}

impl<'p> Steps<'p> {
    fn new(payload: &'p [u8]) -> Result<Self, SequencerError> {
        let (header, buffer) =
            RunCpuSequencer::read_from_prefix(payload).map_err(|_| ShortPayload {
                message: "GSP_RUN_CPU_SEQUENCER",
                expected: size_of::<RunCpuSequencer>(),
                found: payload.len(),
            })?;
        let (buffer, _) = <[[u8; 4]]>::ref_from_prefix_with_elems(buffer, buffer.len() / 4)
            .ok()
            .or_bug();
        let len = (header.buffer_size_dword as usize).min(buffer.len());
        let words = usize::try_from(header.cmd_index)
            .ok()
            .filter(|&words| words <= len)
            .and_then(|words| buffer.get(..words))
            .ok_or(SequencerError::End {
                found: header.cmd_index,
                buffer: len,
            })?;
        Ok(Self { words, at: 0 })
    }

    /// Decodes the step at the current word.
    fn step(&self, opcode: [u8; 4]) -> Result<Step<'p>, SequencerError> {
        let at = self.at;
        let found = u32::from_le_bytes(opcode);
        let opcode =
            SequencerOpcode::from_raw(found).ok_or(SequencerError::Opcode { at, found })?;
        let start = at.saturating_add(1);
        let expected = opcode.arguments();
        let arguments = self
            .words
            .get(start..start.saturating_add(expected))
            .ok_or(SequencerError::Arguments {
                at: start,
                expected,
            })?;
        Ok(Step {
            at,
            opcode,
            arguments,
        })
    }
}

impl<'p> Iterator for Steps<'p> {
    type Item = Result<Step<'p>, SequencerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let opcode = *self.words.get(self.at)?;
        let step = self.step(opcode);
        self.at = match &step {
            Ok(step) => self
                .at
                .saturating_add(1)
                .saturating_add(step.arguments.len()),
            // The start of the next step is unknown, so the list ends here.
            Err(_) => usize::MAX,
        };
        Some(step)
    }
}

impl Sequencer<'_> {
    /// Runs the list of a GSP_RUN_CPU_SEQUENCER message.
    pub(crate) fn run(&self, payload: &[u8]) -> Result<(), SequencerError> {
        // The whole list is checked first, so that a malformed list has no effect.
        Steps::new(payload)?.try_for_each(|step| step.map(|_| ()))?;
        let pacer = self.processors.io.pacer(LONGEST_WAIT);
        for step in Steps::new(payload)? {
            let step = step?;
            if pacer.expired() {
                return Err(SequencerError::TooLong { at: step.at });
            }
            self.execute(step)?;
        }
        Ok(())
    }

    fn execute(&self, step: Step<'_>) -> Result<(), SequencerError> {
        match step.opcode {
            SequencerOpcode::RegWrite => {
                self.processors
                    .io
                    .write32(self.register(&step)?, step.argument(1));
            }
            SequencerOpcode::RegModify => {
                let register = self.register(&step)?;
                let value =
                    self.processors.io.read32(register) & !step.argument(1) | step.argument(2);
                self.processors.io.write32(register, value);
            }
            SequencerOpcode::RegPoll => self.poll(&step)?,
            SequencerOpcode::DelayUs => {
                self.processors.io.sleep(wait(&step, step.argument(0))?);
            }
            SequencerOpcode::RegStore => {
                // GSP-RM never uses the stored value, but the read itself may have an effect.
                let slot = step.argument(1);
                if slot >= RunCpuSequencer::SLOTS {
                    let at = step.at;
                    return Err(SequencerError::Slot { at, found: slot });
                }
                self.processors.io.read32(self.register(&step)?);
            }
            SequencerOpcode::CoreReset => {
                self.processors.gsp.reset()?;
                self.processors.gsp.allow_physical();
            }
            SequencerOpcode::CoreStart => self.processors.gsp.start(),
            SequencerOpcode::CoreWaitForHalt => self.processors.gsp.wait_halted()?,
            SequencerOpcode::CoreResume => self.resume()?,
        }
        Ok(())
    }

    /// The register in the first argument.
    fn register(&self, step: &Step<'_>) -> Result<u32, SequencerError> {
        let found = step.argument(0);
        if found % 4 == 0 && u64::from(found) < self.bar {
            Ok(found)
        } else {
            Err(SequencerError::Address {
                at: step.at,
                found,
                bar: self.bar,
            })
        }
    }

    fn poll(&self, step: &Step<'_>) -> Result<(), SequencerError> {
        let register = self.register(step)?;
        let (mask, expected) = (step.argument(1), step.argument(2));
        let limit = match step.argument(3) {
            0 => POLL_DEFAULT,
            micros => wait(step, micros)?,
        };
        let mut pacer = self.processors.io.pacer(limit);
        loop {
            let last = pacer.expired();
            let found = self.processors.io.read32(register);
            if found & mask == expected {
                return Ok(());
            }
            if last {
                return Err(SequencerError::Poll {
                    at: step.at,
                    register,
                    mask,
                    expected,
                    found,
                    code: step.argument(4),
                });
            }
            pacer.pause();
        }
    }

    /// Has SEC2, which GSP-RM has loaded by now, start the GSP again.
    fn resume(&self) -> Result<(), SequencerError> {
        self.processors.gsp.reset_into_riscv()?;
        self.processors.gsp.write_mailboxes(halves(self.libos));
        self.processors.sec2.start();
        self.processors.io.wait_at(
            0,
            "SEC2 to resume the GSP",
            RESUME_LIMIT,
            |scratch: BsiSecureScratch14| scratch.boot_stage_3_handoff(),
        )?;
        let found = self.processors.sec2.mailbox0();
        if found != 0 {
            return Err(FalconError::Failed {
                ucode: "SEC2-RTOS",
                register: "SEC2 mailbox 0",
                found,
            }
            .into());
        }
        self.processors.gsp.write_os(self.app_version);
        self.processors
            .gsp
            .wait_riscv(RESUME_LIMIT)
            .map_err(Timeout::into)
    }
}

/// Converts and checks a time that GSP-RM requests.
fn wait(step: &Step<'_>, micros: u32) -> Result<Duration, SequencerError> {
    let time = Duration::from_micros(micros.into());
    if time <= LONGEST_WAIT {
        Ok(time)
    } else {
        Err(SequencerError::Delay {
            at: step.at,
            found: micros,
        })
    }
}

impl fmt::Display for SequencerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(e) => e.fmt(f),
            Self::Falcon(e) => e.fmt(f),
            Self::End { found, buffer } => {
                write!(f, "CPU sequencer: length: expected at most {buffer} words, found {found}")
            }
            Self::Opcode { at, found } => {
                write!(f, "CPU sequencer: word {at}: opcode: expected 0 to 8, found {found:#x}")
            }
            Self::Arguments { at, expected } => {
                write!(f, "CPU sequencer: word {at}: expected {expected} arguments, found the end")
            }
            Self::Address { at, found, bar } => write!(
                f,
                "CPU sequencer: word {at}: register: expected a multiple of 4 below {bar:#x}, found {found:#x}"
            ),
            Self::Slot { at, found } => {
                write!(f, "CPU sequencer: word {at}: slot: expected 0 to 7, found {found}")
            }
            Self::Delay { at, found } => write!(
                f,
                "CPU sequencer: word {at}: wait: expected at most {LONGEST_WAIT:?}, found {found} microseconds"
            ),
            Self::TooLong { at } => {
                write!(f, "CPU sequencer: word {at}: expected to be reached within {LONGEST_WAIT:?}")
            }
            Self::Poll {
                at,
                register,
                mask,
                expected,
                found,
                code,
            } => write!(
                f,
                "CPU sequencer: word {at}: register {register:#x} & {mask:#x}: expected {expected:#x}, \
                 found {found:#x} (error {code:#x})"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::FalconKind;
    use crate::mmio::{Io, LONGEST_PAUSE};
    use crate::platform::Clock;
    use crate::testing::Card;
    use std::vec;
    use std::vec::Vec;

    const REGISTER: u32 = 0x1400;

    /// A message with this list, in a buffer of `buffer` words.
    fn message(end: usize, buffer: usize, list: &[u32]) -> Vec<u8> {
        let mut words = vec![buffer as u32, end as u32];
        words.extend([0; 8]);
        words.extend(list);
        words.resize(10 + buffer, 0);
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn run(card: &Card, payload: &[u8]) -> Result<(), SequencerError> {
        let io = &Io::new(card);
        let sequencer = Sequencer {
            processors: Processors::new(io, FalconKind::Ga102, 0),
            bar: 1 << 24,
            libos: 0x1_2345_6000,
            app_version: 7,
        };
        sequencer.run(payload)
    }

    /// Runs a list that must be refused without any write; returns the error.
    fn refused(list: &[u32]) -> SequencerError {
        let card = Card::default();
        let error = run(&card, &message(list.len(), list.len() + 1, list));
        assert!(card.writes.borrow().is_empty());
        match error {
            Err(error) => error,
            Ok(()) => panic!("the list was accepted"),
        }
    }

    #[test]
    fn steps_are_executed_in_order() {
        let card = Card::default();
        card.set(REGISTER, 0xff00);
        let list = [
            [0, REGISTER, 5].as_slice(),
            // The value may have bits that the mask does not clear.
            &[1, REGISTER, 0x0f00, 0xf001],
            &[2, REGISTER, 0xf000, 0xf000, 100, 0],
            &[3, 50],
            &[4, REGISTER, 7],
            &[0, REGISTER, 6],
        ]
        .concat();
        run(&card, &message(list.len(), list.len(), &list)).unwrap();
        let expected = [(REGISTER, 5), (REGISTER, 0xf001), (REGISTER, 6)];
        assert_eq!(*card.writes.borrow(), expected);
        assert_eq!(card.now(), Duration::from_micros(50));
    }

    #[test]
    fn an_empty_list_is_valid() {
        run(&Card::default(), &message(0, 1, &[])).unwrap();
    }

    #[test]
    fn malformed_lists_have_no_effect() {
        let write = [0, REGISTER, 1];
        let opcode = refused(&[write.as_slice(), &[9]].concat());
        assert_eq!(opcode, SequencerError::Opcode { at: 3, found: 9 });
        let cut = refused(&[write.as_slice(), &[2, REGISTER]].concat());
        let expected = SequencerError::Arguments { at: 4, expected: 5 };
        assert_eq!(cut, expected);
    }

    #[test]
    fn registers_outside_of_bar0_are_refused() {
        for found in [1 << 24, REGISTER + 1, u32::MAX] {
            let bar = 1 << 24;
            let expected = SequencerError::Address { at: 0, found, bar };
            assert_eq!(refused(&[0, found, 1]), expected);
        }
        let slot = SequencerError::Slot { at: 0, found: 8 };
        assert_eq!(refused(&[4, REGISTER, 8]), slot);
        let delay = SequencerError::Delay {
            at: 0,
            found: u32::MAX,
        };
        assert_eq!(refused(&[3, u32::MAX]), delay);
        assert_eq!(refused(&[2, REGISTER, 1, 1, u32::MAX, 0]), delay);
    }

    #[test]
    fn a_poll_times_out() {
        let poll = refused(&[2, REGISTER, 3, 1, 0, 0x42]);
        let expected = SequencerError::Poll {
            at: 0,
            register: REGISTER,
            mask: 3,
            expected: 1,
            found: 0,
            code: 0x42,
        };
        assert_eq!(poll, expected);
    }

    #[test]
    fn a_poll_has_the_requested_time_out_or_the_default() {
        for (micros, limit) in [(0, POLL_DEFAULT), (5000, Duration::from_millis(5))] {
            let card = Card::default();
            let poll = [2, REGISTER, 1, 1, micros, 0];
            run(&card, &message(6, 6, &poll)).unwrap_err();
            let time = card.now();
            assert!(time >= limit && time < limit + LONGEST_PAUSE, "{time:?}");
        }
    }

    #[test]
    fn the_time_of_a_list_is_limited() {
        run(&Card::default(), &message(2, 2, &[3, 10_000_000])).unwrap();
        let delay = SequencerError::Delay {
            at: 0,
            found: 10_000_001,
        };
        assert_eq!(refused(&[3, 10_000_001]), delay);
        let wait = [3, 6_000_000];
        let list = [wait, wait, wait].concat();
        let error = run(&Card::default(), &message(6, 7, &list));
        assert_eq!(error, Err(SequencerError::TooLong { at: 4 }));
    }

    #[test]
    fn the_length_must_fit_the_message() {
        let end = |payload: &[u8]| run(&Card::default(), payload).unwrap_err();
        let expected = SequencerError::End {
            found: 5,
            buffer: 4,
        };
        assert_eq!(end(&message(5, 4, &[])), expected);
        let mut cut = message(4, 4, &[0, REGISTER, 1, 3]);
        cut.truncate(cut.len() - 4);
        let expected = SequencerError::End {
            found: 4,
            buffer: 3,
        };
        assert_eq!(end(&cut), expected);
        let short = end(&[0; 39]);
        assert!(matches!(
            short,
            SequencerError::Payload(ShortPayload { found: 39, .. })
        ));
    }
}

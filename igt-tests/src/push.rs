// SPDX-License-Identifier: MIT

//! Push buffers: the words by which a channel of the GPU is told what to do, whichever driver it has.
//!
//! Source of the numbers: `clc36f.h`, `cl906f.h` and `cla0b5.h` in
//! `drivers/gpu/drm/nouveau/include/nvhw/class` of Linux 7.3, and `clc46f.h` in
//! `src/common/sdk/nvidia/inc/class` of open-gpu-kernel-modules 570.144.

/// Words for a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Push {
    words: Vec<u32>,
}

/// Words at an address, which a channel reads as one push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The address.
    pub address: u64,
    /// Number of bytes.
    pub length: u32,
}

/// The subchannel of the copy engine.
const COPY: u32 = 4;

/// The subchannel that methods of the host name, which are the same on all.
const HOST: u32 = 0;

// Methods of the host.
const SET_OBJECT: u32 = 0x00;
const ILLEGAL: u32 = 0x04;
const SEM_ADDR_LO: u32 = 0x5c;
const SEM_EXECUTE: u32 = 0x6c;

// Fields of SEM_EXECUTE.
const ACQUIRE_SWITCH_TSG: u32 = 1 << 12;
const RELEASE_WFI: u32 = 1 << 20;
const PAYLOAD_64: u32 = 1 << 24;
const RELEASE_TIMESTAMP: u32 = 1 << 25;
const REDUCTION_ADD: u32 = 5 << 27;

// Methods of the copy engine.
const SET_SEMAPHORE_A: u32 = 0x240;
const LAUNCH_DMA: u32 = 0x300;
const OFFSET_IN_UPPER: u32 = 0x400;
const SET_REMAP_CONST_A: u32 = 0x700;
const SET_REMAP_COMPONENTS: u32 = 0x708;

// Fields of LAUNCH_DMA.
const NON_PIPELINED: u32 = 2;
const FLUSH: u32 = 1 << 2;
const RELEASE_ONE_WORD: u32 = 1 << 3;
const SRC_PITCH: u32 = 1 << 7;
const DST_PITCH: u32 = 1 << 8;
const MULTI_LINE: u32 = 1 << 9;
const REMAP: u32 = 1 << 10;
const SRC_PHYSICAL: u32 = 1 << 12;

/// A word of four bytes for each element, all from constant A.
const WORDS_OF_CONST_A: u32 = 4 | 3 << 16;

/// What a channel waits for in a semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It is this number.
    Equals(u32),
    /// It is this number or greater, as a number without a sign.
    AtLeast(u32),
    /// It is this number or was so a while ago, in a counter that overflows.
    Passed(u32),
    /// It has one of these bits.
    HasAnyOf(u32),
}

impl Until {
    fn payload(self) -> u32 {
        let (Self::Equals(payload)
        | Self::AtLeast(payload)
        | Self::Passed(payload)
        | Self::HasAnyOf(payload)) = self;
        payload
    }

    fn operation(self) -> u32 {
        match self {
            Self::Equals(_) => 0,
            Self::AtLeast(_) => 2,
            Self::Passed(_) => 3,
            Self::HasAnyOf(_) => 4,
        }
    }
}

const RELEASE: u32 = 1;
const REDUCTION: u32 = 6;

/// Lines of bytes to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Bytes of a line.
    pub length: u32,
    /// Number of lines.
    pub count: u32,
    /// Bytes from one line to the next in the source.
    pub from_pitch: u32,
    /// Bytes from one line to the next in the destination.
    pub to_pitch: u32,
}

fn halves(address: u64) -> [u32; 2] {
    [(address >> 32) as u32, address as u32]
}

impl Push {
    /// No words.
    pub fn new() -> Self {
        Self::default()
    }

    /// The words.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Adds any word.
    #[must_use]
    pub fn word(mut self, word: u32) -> Self {
        self.words.push(word);
        self
    }

    /// Sends words to the methods from `method` on.
    #[must_use]
    pub fn incrementing(mut self, subchannel: u32, method: u32, data: &[u32]) -> Self {
        const INC_METHOD: u32 = 1;
        let header = INC_METHOD << 29 | (data.len() as u32) << 16 | subchannel << 13 | method >> 2;
        self.words.push(header);
        self.words.extend(data);
        self
    }

    /// Sends 13 bits to a method.
    #[must_use]
    pub fn immediate(mut self, subchannel: u32, method: u32, data: u32) -> Self {
        const IMMD_DATA_METHOD: u32 = 4;
        let header = IMMD_DATA_METHOD << 29 | data << 16 | subchannel << 13 | method >> 2;
        self.words.push(header);
        self
    }

    /// Words that mean nothing.
    #[must_use]
    pub fn nops(mut self, count: usize) -> Self {
        self.words.extend(std::iter::repeat_n(0, count));
        self
    }

    /// Connects the subchannel of copies with an object of this class.
    #[must_use]
    pub fn set_copy_class(self, class: u32) -> Self {
        self.incrementing(COPY, SET_OBJECT, &[class])
    }

    /// Copies bytes from one virtual address to another.
    #[must_use]
    pub fn copy(self, from: u64, to: u64, length: u32) -> Self {
        self.transfer(from, to, length, SRC_PITCH | DST_PITCH)
    }

    /// Copies bytes from a physical address of VRAM, which the channels of programs may not.
    #[must_use]
    pub fn copy_physical(self, from: u64, to: u64, length: u32) -> Self {
        self.transfer(from, to, length, SRC_PITCH | DST_PITCH | SRC_PHYSICAL)
    }

    /// As [`Self::copy`], and then writes a word to a semaphore.
    #[must_use]
    pub fn copy_and_release(
        self,
        copy: [u64; 2],
        length: u32,
        semaphore: u64,
        payload: u32,
    ) -> Self {
        let [upper, lower] = halves(semaphore);
        let [from, to] = copy;
        self.incrementing(COPY, SET_SEMAPHORE_A, &[upper, lower, payload])
            .transfer(from, to, length, SRC_PITCH | DST_PITCH | RELEASE_ONE_WORD)
    }

    fn transfer(self, from: u64, to: u64, length: u32, flags: u32) -> Self {
        let ([from_upper, from_lower], [to_upper, to_lower]) = (halves(from), halves(to));
        let data = [
            from_upper, from_lower, to_upper, to_lower, length, length, length, 1,
        ];
        self.incrementing(COPY, OFFSET_IN_UPPER, &data)
            .launch(NON_PIPELINED | FLUSH | flags)
    }

    /// Copies lines of bytes from one virtual address to another.
    #[must_use]
    pub fn copy_lines(self, from: u64, to: u64, lines: Lines) -> Self {
        let ([from_upper, from_lower], [to_upper, to_lower]) = (halves(from), halves(to));
        let data = [
            from_upper,
            from_lower,
            to_upper,
            to_lower,
            lines.from_pitch,
            lines.to_pitch,
            lines.length,
            lines.count,
        ];
        self.incrementing(COPY, OFFSET_IN_UPPER, &data)
            .launch(NON_PIPELINED | FLUSH | SRC_PITCH | DST_PITCH | MULTI_LINE)
    }

    /// Writes a word many times, from a virtual address on.
    #[must_use]
    pub fn fill(self, to: u64, word: u32, count: u32) -> Self {
        let remap = [word, 0, WORDS_OF_CONST_A];
        self.incrementing(COPY, SET_REMAP_CONST_A, &remap).transfer(
            to,
            to,
            count,
            SRC_PITCH | DST_PITCH | REMAP,
        )
    }

    fn launch(self, flags: u32) -> Self {
        self.incrementing(COPY, LAUNCH_DMA, &[flags])
    }

    fn semaphore(self, address: u64, payload: u64, execute: u32) -> Self {
        let ([upper, lower], [payload_upper, payload_lower]) = (halves(address), halves(payload));
        let data = [lower, upper, payload_lower, payload_upper, execute];
        self.incrementing(HOST, SEM_ADDR_LO, &data)
    }

    /// Writes a word to a semaphore once all before it is done.
    #[must_use]
    pub fn release(self, semaphore: u64, payload: u32) -> Self {
        self.semaphore(semaphore, payload.into(), RELEASE | RELEASE_WFI)
    }

    /// As [`Self::release`], with eight bytes and, eight bytes behind, the time.
    #[must_use]
    pub fn release_with_time(self, semaphore: u64, payload: u64) -> Self {
        let flags = RELEASE | RELEASE_WFI | PAYLOAD_64 | RELEASE_TIMESTAMP;
        self.semaphore(semaphore, payload, flags)
    }

    /// Adds to a semaphore.
    #[must_use]
    pub fn add(self, semaphore: u64, payload: u32) -> Self {
        const UNSIGNED: u32 = 1 << 31;
        let flags = REDUCTION | REDUCTION_ADD | UNSIGNED | RELEASE_WFI;
        self.semaphore(semaphore, payload.into(), flags)
    }

    /// Waits for a semaphore; other channels go on.
    #[must_use]
    pub fn acquire(self, semaphore: u64, until: Until) -> Self {
        let flags = until.operation() | ACQUIRE_SWITCH_TSG;
        self.semaphore(semaphore, until.payload().into(), flags)
    }

    /// Does what no channel may.
    #[must_use]
    pub fn illegal(self) -> Self {
        self.incrementing(HOST, ILLEGAL, &[0])
    }
}

// These are sent together.
const _: () = assert!(SEM_EXECUTE == SEM_ADDR_LO + 4 * 4);
const _: () = assert!(SET_REMAP_COMPONENTS == SET_REMAP_CONST_A + 2 * 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_operation_count_subchannel_and_method() {
        let push = Push::new()
            .incrementing(4, 0x400, &[1, 2])
            .immediate(4, 0x300, 0x386);
        assert_eq!(push.words(), [0x2002_8100, 1, 2, 0x8386_80c0]);
    }

    #[test]
    fn a_copy_is_one_line() {
        let push = Push::new().copy(0x1_2345_6000, 0x2_0000_0010, 7);
        let copied = [
            0x2008_8100,
            1,
            0x2345_6000,
            2,
            0x10,
            7,
            7,
            7,
            1,
            0x2001_80c0,
            0x186,
        ];
        assert_eq!(push.words(), copied);
    }

    #[test]
    fn a_fill_takes_words_from_a_constant() {
        let push = Push::new().fill(0x1000, 0xdead_beef, 16);
        assert_eq!(push.words()[..4], [0x2003_81c0, 0xdead_beef, 0, 0x3_0004]);
        assert_eq!(push.words().last(), Some(&0x586));
    }

    #[test]
    fn semaphores_are_of_the_host() {
        let push = Push::new().release(0x1_0000_2000, 5);
        assert_eq!(push.words(), [0x2005_0017, 0x2000, 1, 5, 0, 0x10_0001]);
        let push = Push::new().acquire(0x3000, Until::Passed(9));
        assert_eq!(push.words(), [0x2005_0017, 0x3000, 0, 9, 0, 0x1003]);
        let push = Push::new().release_with_time(0x3000, 9 << 32);
        assert_eq!(push.words().last(), Some(&0x310_0001));
    }
}

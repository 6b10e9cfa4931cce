// SPDX-License-Identifier: MIT

//! One call of an ioctl, with a valid argument that may be changed.

use fastrand::Rng;
use igt::fuzz::{Arena, Place, Slot, MAX_COUNT};
use igt::memory::BadAddress;
use nix::errno::Errno;

use crate::ioctls::{Ioctl, Kind, Member, IOCTLS};
use crate::{Scoreboard, MMAP, NODES};

/// Handles are chosen below this: the kernel allocates the lowest free ones, from 1 on.
const HANDLES: u32 = 8;

/// Sizes of objects that are not created: they are possible, and mapping one would leave no memory
/// for the machine.
const EXHAUSTING: std::ops::Range<u64> = 1 << 20..1 << 40;

/// Where the first object is in the file of a device: `DRM_FILE_PAGE_OFFSET_START` of Linux.
const FIRST_OBJECT: u64 = 1 << 32;

/// Pages from there on that are mapped.
const MAPPED_PAGES: u64 = 1 << 10;

/// Where most objects are mapped and most pushes are, and how many pages there are.
const WORK: u64 = 4 << 20;
const WORK_PAGES: u64 = 16;

/// The most elements of an array.
const ELEMENTS: u64 = 4;

/// Distance in words between the argument and the data that it points to, and between the data of
/// two pointers.
const STEP: usize = 0x200;

/// Number of words that are filled behind a pointer: the largest elements have 56 bytes.
const FILLED: usize = ELEMENTS as usize * 7;

/// A thread that calls ioctls.
pub(crate) struct Caller<'a> {
    pub(crate) rng: Rng,
    scoreboard: &'a Scoreboard,
    arena: Arena,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(rng: Rng, scoreboard: &'a Scoreboard) -> Self {
        Self {
            rng,
            scoreboard,
            arena: Arena::new(),
        }
    }

    /// Calls an ioctl on the file in `slot`; a file that it opens goes to `other`.
    pub(crate) fn call(&mut self, slot: Slot, other: Slot) {
        let which = self.rng.usize(..IOCTLS.len());
        let ioctl = &IOCTLS[which];
        let mut bytes = self.right(ioctl);
        let mut command = ioctl.command;
        let mut size = ioctl.size();
        let mut place = Place::At(0);
        let mut is_right = false;
        match self.rng.u32(..16) {
            0..2 => self.spoil_a_member(ioctl, &mut bytes),
            2 => bytes.iter_mut().for_each(|byte| *byte = self.rng.u8(..)),
            3 => size = self.other_size(size),
            4 => place = Place::Nowhere(self.nowhere()),
            5 => command = self.unknown_command(),
            _ => is_right = true,
        }
        limit_counts(ioctl, &mut bytes);
        self.store(&bytes);
        let number = ioctl.direction << 30 | (size as u32) << 16 | u32::from(b'd') << 8 | command;
        let result = self.arena.ioctl(slot.get(), number, place);
        self.scoreboard.count(which, is_right && result.is_ok());
        match result {
            Ok(()) if is_right => self.adopt(ioctl, other),
            Ok(()) => {}
            Err(error) => {
                let number = Errno::last_raw();
                assert_ne!(error, Errno::UnknownErrno, "{}: {number}", ioctl.name);
            }
        }
    }

    /// A valid argument.
    fn right(&mut self, ioctl: &Ioctl) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ioctl.size());
        let mut pointers = 0;
        for member in ioctl.members {
            let value = match member.kind() {
                Kind::Zero => 0,
                Kind::Object | Kind::Syncobj => self.rng.u32(1..HANDLES).into(),
                Kind::File => {
                    let slot = Slot::new(self.rng.usize(NODES..Slot::COUNT));
                    slot.get() as u64
                }
                // Mostly 0, since a point is only allowed with its flag.
                Kind::Flags | Kind::Point => match self.rng.bool() {
                    true => 0,
                    false => self.rng.u64(..8),
                },
                Kind::Size => self.size(),
                Kind::Len => self.rng.u64(..256),
                Kind::Count => self.rng.u64(..=ELEMENTS),
                Kind::Choice => self.rng.u64(..8),
                Kind::Mostly(number) => match self.rng.u32(..8) {
                    0 => self.rng.u64(..8),
                    _ => number.into(),
                },
                Kind::Time => self.time(),
                Kind::Bytes(bytes) => bytes.into(),
                Kind::Room
                | Kind::Syncobjs
                | Kind::Points
                | Kind::Operations
                | Kind::Pushes
                | Kind::Syncs
                | Kind::Faults
                | Kind::Label => {
                    pointers += 1;
                    self.pointer(member.kind(), pointers * STEP)
                }
            };
            bytes.extend_from_slice(&value.to_le_bytes()[..member.bytes()]);
        }
        bytes
    }

    /// Mostly a possible size of an object, and sometimes one at a limit.
    fn size(&mut self) -> u64 {
        match self.rng.u32(..8) {
            0 => match self.border() {
                large if EXHAUSTING.contains(&large) => large >> 20,
                size => size,
            },
            _ => self.rng.u64(..1 << 18),
        }
    }

    /// Maps pages of the file in `slot`, if there are any, and reads and writes some of them.
    pub(crate) fn map(&mut self, slot: Slot) {
        // Places of objects in the file of a device begin there, and those in a dma-buf's at 0.
        let first = match self.rng.u32(..4) {
            0 => 0,
            _ => FIRST_OBJECT,
        };
        let offset = first + (self.rng.u64(..MAPPED_PAGES) << 12);
        let length = self.rng.usize(1..16) << 12;
        let is_shared = self.rng.u32(..8) != 0;
        let mapped = slot.map(offset, length, is_shared);
        self.scoreboard.count(MMAP, mapped.is_ok());
        let Ok(memory) = mapped else {
            return;
        };
        for _ in 0..4 {
            let at = self.rng.usize(..length / 8) * 8;
            let _ = memory.get::<u64>(at);
            memory.set(at, self.rng.u64(..));
        }
    }

    /// Mostly 0, since a thread that waits for ever does nothing else until it is killed.
    fn time(&mut self) -> u64 {
        match self.rng.u32(..64) {
            0 => self.border(),
            _ => 0,
        }
    }

    /// The address of data at word `at`, which this fills for a pointer of this kind.
    fn pointer(&mut self, kind: Kind, at: usize) -> u64 {
        // Operations of a bind are all of the same kind, since one that fails stops the others.
        let maps = self.rng.bool();
        for place in 0..FILLED {
            let value = match kind {
                Kind::Syncobjs => {
                    let mut handle = || u64::from(self.rng.u32(1..HANDLES));
                    handle() << 32 | handle()
                }
                Kind::Points => self.rng.u64(..8),
                Kind::Operations => self.operation(place % 5, maps),
                // The address, and the size with flags.
                Kind::Pushes => match place % 2 {
                    0 => self.place_of_work(),
                    _ => 64 | self.rng.u64(..2) << 32,
                },
                // The handle with flags, and the point.
                Kind::Syncs => match place % 2 {
                    0 => u64::from(self.rng.u32(1..HANDLES)) | self.rng.u64(..2) << 32,
                    _ => 0,
                },
                Kind::Label if place == 0 => u64::from_le_bytes(*b"a label\0"),
                // A client's name consists of letters.
                _ => u64::from_le_bytes([b'a' + self.rng.u8(..26); 8]),
            };
            self.arena.set(at + place, value);
        }
        self.arena.address(at)
    }

    /// A word of the operation that maps the start of an object, or unmaps a range.
    fn operation(&mut self, word: usize, maps: bool) -> u64 {
        match (word, maps) {
            (0, true) => nova_uapi::VM_BIND_OP_MAP.into(),
            (0, false) => nova_uapi::VM_BIND_OP_UNMAP.into(),
            (1, true) => self.rng.u32(1..HANDLES).into(),
            (3, _) => self.place_of_work(),
            (4, true) => self.rng.u64(1..4) << 12,
            (4, false) => self.rng.u64(1..16) << 12,
            _ => 0,
        }
    }

    /// An address where objects are mapped and pushes are, so that some of these are there, with whatever the objects
    /// hold. Where an object is new, that are zeros, which mean nothing.
    fn place_of_work(&mut self) -> u64 {
        match self.rng.u32(..16) {
            0 => self.rng.u64(..1 << 20) << 12,
            _ => WORK + (self.rng.u64(..WORK_PAGES) << 12),
        }
    }

    /// A number at a limit of some type or range.
    fn border(&mut self) -> u64 {
        let power = 1_u64 << self.rng.u32(..64);
        match self.rng.u32(..4) {
            0 => power,
            1 => power - 1,
            2 => power.wrapping_neg(),
            _ => u64::MAX,
        }
    }

    fn spoil_a_member(&mut self, ioctl: &Ioctl, bytes: &mut [u8]) {
        if ioctl.members.is_empty() {
            return;
        }
        let which = self.rng.usize(..ioctl.members.len());
        let before: usize = ioctl.members[..which].iter().map(|m| m.bytes()).sum();
        let value = match self.rng.bool() {
            true => self.border(),
            false => self.nowhere().get(),
        };
        let member = &mut bytes[before..][..ioctl.members[which].bytes()];
        member.copy_from_slice(&value.to_le_bytes()[..member.len()]);
    }

    /// A wrong size that fits into an ioctl's number.
    fn other_size(&mut self, size: usize) -> usize {
        match self.rng.u32(..3) {
            0 => self.rng.usize(..=size),
            1 => size + self.rng.usize(..64),
            _ => self.rng.usize(..1 << 14),
        }
    }

    fn nowhere(&mut self) -> BadAddress {
        let places = [
            BadAddress::NULL,
            BadAddress::KERNEL,
            BadAddress::NON_CANONICAL,
        ];
        places[self.rng.usize(..places.len())]
    }

    /// A command that is not in the table; the argument is that of another command.
    fn unknown_command(&mut self) -> u32 {
        loop {
            let command = self.rng.u32(..256);
            if IOCTLS.iter().all(|ioctl| ioctl.command != command) {
                return command;
            }
        }
    }

    /// Puts the argument at the start of the arena.
    fn store(&self, bytes: &[u8]) {
        for (at, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.arena.set(at, u64::from_le_bytes(word));
        }
    }

    /// Moves the file that an ioctl has opened into `slot`.
    fn adopt(&self, ioctl: &Ioctl, slot: Slot) {
        if let Some(at) = ioctl.opens {
            slot.adopt((self.arena.get(at / 8) >> (at % 8 * 8)) as i32);
        }
    }
}

/// Limits the counts of arrays to sizes that the kernel allocates without a warning.
fn limit_counts(ioctl: &Ioctl, bytes: &mut [u8]) {
    let mut rest = bytes;
    for member in ioctl.members {
        let (this, others) = rest.split_at_mut(member.bytes());
        if let Member::Word(Kind::Count) = member {
            this[2..].fill(0);
        }
        rest = others;
    }
}

const _: () = assert!(MAX_COUNT == 0xffff, "the lower two bytes of a count");

// SPDX-License-Identifier: MIT

//! What a job must not do, so that its queue is lost.

use nova_uapi as uapi;

use super::client::{Client, PAGE};
use super::queue::Queue;
use crate::push::Segment;

/// What the driver says of a channel that GSP-RM has stopped, and that it says no more for a while.
pub const OF_STOPPED: [&str; 3] = ["Xid", "MMU fault", "callbacks suppressed"];

/// What a job must not do.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// Read where nothing is.
    Read,
    /// Write where nothing is.
    Write,
    /// Write where it may only read.
    ReadOnly,
    /// Write beyond the end of an object.
    Border,
    /// Write in the kernel's range.
    Kernel,
    /// Read words where there are none.
    Words,
    /// Release a semaphore where nothing is.
    Semaphore,
    /// Read physical memory.
    Physical,
    /// A method of the host that is never allowed.
    Method,
    /// A method that the engine does not have.
    EngineMethod,
    /// An object of a class that the engine does not have.
    Class,
}

/// A job that does it.
#[derive(Clone, Copy, Debug)]
pub struct WrongJob {
    /// Its push.
    pub push: Segment,
    /// The page where the MMU stops it, and the type of that fault, if it is one.
    pub fault: Option<(u64, u32)>,
}

impl Wrong {
    /// All of it, with names.
    pub const ALL: [(&'static str, Self); 11] = [
        ("read", Self::Read),
        ("write", Self::Write),
        ("read-only", Self::ReadOnly),
        ("border", Self::Border),
        ("kernel", Self::Kernel),
        ("words", Self::Words),
        ("semaphore", Self::Semaphore),
        ("physical", Self::Physical),
        ("method", Self::Method),
        ("engine-method", Self::EngineMethod),
        ("class", Self::Class),
    ];

    /// Whether the MMU stops it.
    pub fn is_fault(self) -> bool {
        !matches!(
            self,
            Self::Physical | Self::Method | Self::EngineMethod | Self::Class
        )
    }

    /// A job of a queue that does it.
    pub fn job(self, client: &Client, queue: &Queue<'_>) -> WrongJob {
        const COPY: u32 = 4;
        let nowhere = client.reserve(PAGE);
        let memory = client.bound(PAGE).address;
        let read_only = client.try_bound(PAGE, uapi::VM_BIND_OP_FLAG_READONLY);
        let read_only = read_only.expect("it can be mapped for reading").address;
        // Each channel has a part of the range; the end of it is nobody's.
        let kernel = client.kernel().end - PAGE;
        let push = queue.push();
        let (push, page) = match self {
            Self::Read => (push.copy(nowhere, memory, 64), nowhere),
            Self::Write => (push.copy(memory, nowhere + 8, 64), nowhere),
            Self::ReadOnly => {
                let read = push.copy(read_only, memory, 64);
                (read.fill(read_only, 1, 1), read_only)
            }
            Self::Border => (push.fill(memory + PAGE - 8, 1, 4), memory + PAGE),
            Self::Kernel => (push.fill(kernel, 1, 4), kernel),
            Self::Semaphore => (push.release(nowhere + 16, 1), nowhere),
            Self::Physical => (push.copy_physical(0, memory, 64), 0),
            Self::Method => (push.illegal(), 0),
            Self::EngineMethod => (push.incrementing(COPY, 0x1ff8, &[0]), 0),
            Self::Class => (push.set_copy_class(0x9097), 0),
            Self::Words => (push, nowhere),
        };
        let fault_type = match self {
            Self::ReadOnly => uapi::FAULT_TYPE_READ_ONLY,
            _ => uapi::FAULT_TYPE_UNMAPPED,
        };
        WrongJob {
            push: match self {
                Self::Words => Segment {
                    address: nowhere,
                    length: 16,
                },
                _ => queue.place(push.words()),
            },
            fault: self.is_fault().then_some((page, fault_type)),
        }
    }
}

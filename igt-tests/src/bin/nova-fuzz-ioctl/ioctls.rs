// SPDX-License-Identifier: MIT

//! The ioctls of a Nova device, and the members of their arguments.
//!
//! Sources: `include/uapi/drm/drm.h` of Linux, and `uapi/nova_drm.h`. Ioctls that never succeed on
//! Nova, such as those for displays, are only called by chance.

use nova_uapi as uapi;

/// The meaning of a member of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Written by the kernel, or unused.
    Zero,
    /// Handle of a GEM object.
    Object,
    /// Handle of a sync object.
    Syncobj,
    /// File descriptor.
    File,
    /// Flags, of which the lowest bits are defined.
    Flags,
    /// Size of an object.
    Size,
    /// Length of the data behind a pointer.
    Len,
    /// Number of elements of arrays.
    Count,
    /// Pointer to room for an answer or to text.
    Room,
    /// Pointer to handles of sync objects.
    Syncobjs,
    /// Pointer to points of timelines.
    Points,
    /// A point of a timeline.
    Point,
    /// Deadline.
    Time,
    /// A small number, such as the number of a parameter, or an id.
    Choice,
    /// Mostly this number, and sometimes a small one.
    Mostly(u32),
    /// Pointer to operations of a bind.
    Operations,
    /// Pointer to pushes of a job.
    Pushes,
    /// Pointer to sync objects of a bind or a job.
    Syncs,
    /// Pointer to room for faults.
    Faults,
    /// Pointer to the label of an object.
    Label,
    /// So many bytes: those of an element of an array, or of a label.
    Bytes(u32),
}

/// A member of 4 or of 8 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member {
    Word(Kind),
    Long(Kind),
}

impl Member {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Word(_) => 4,
            Self::Long(_) => 8,
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Word(kind) | Self::Long(kind) => kind,
        }
    }
}

/// An ioctl.
pub(crate) struct Ioctl {
    pub(crate) name: &'static str,
    /// Number of the ioctl, without type, size and direction.
    pub(crate) command: u32,
    /// Direction of the data.
    pub(crate) direction: u32,
    pub(crate) members: &'static [Member],
    /// Offset of the descriptor of a file that the ioctl opens.
    pub(crate) opens: Option<usize>,
}

impl Ioctl {
    pub(crate) fn size(&self) -> usize {
        self.members.iter().map(|member| member.bytes()).sum()
    }

    /// Whether it fails on a device that has no sync objects.
    pub(crate) fn is_about_syncobjs(&self) -> bool {
        self.name.starts_with("SYNCOBJ_")
    }
}

/// `_IOC_NONE`, `_IOC_WRITE`, `_IOC_READ` and both.
const NONE: u32 = 0;
const WRITE: u32 = 1;
const READ: u32 = 2;
const BOTH: u32 = 3;

const fn ioctl(
    name: &'static str,
    command: u32,
    direction: u32,
    members: &'static [Member],
) -> Ioctl {
    Ioctl {
        name,
        command,
        direction,
        members,
        opens: None,
    }
}

const fn opening(
    name: &'static str,
    command: u32,
    members: &'static [Member],
    opens: usize,
) -> Ioctl {
    Ioctl {
        opens: Some(opens),
        ..ioctl(name, command, BOTH, members)
    }
}

use Kind::*;
use Member::{Long, Word};

#[rustfmt::skip]
pub(crate) const IOCTLS: &[Ioctl] = &[
    ioctl("VERSION", 0x00, BOTH, &[Word(Zero), Word(Zero), Word(Zero), Word(Zero), Long(Len), Long(Room), Long(Len), Long(Room), Long(Len), Long(Room)]),
    ioctl("GET_UNIQUE", 0x01, BOTH, &[Long(Len), Long(Room)]),
    ioctl("GET_MAGIC", 0x02, READ, &[Word(Zero)]),
    ioctl("GET_CLIENT", 0x05, BOTH, &[Word(Zero), Word(Zero), Long(Zero), Long(Zero), Long(Zero), Long(Zero)]),
    ioctl("GEM_CLOSE", 0x09, WRITE, &[Word(Object), Word(Zero)]),
    ioctl("GET_CAP", 0x0c, BOTH, &[Long(Choice), Long(Zero)]),
    ioctl("SET_MASTER", 0x1e, NONE, &[]),
    ioctl("DROP_MASTER", 0x1f, NONE, &[]),
    opening("PRIME_HANDLE_TO_FD", 0x2d, &[Word(Object), Word(Flags), Word(Zero)], 8),
    ioctl("PRIME_FD_TO_HANDLE", 0x2e, BOTH, &[Word(Zero), Word(Zero), Word(File)]),
    ioctl("NOVA_GETPARAM", 0x40 + uapi::GETPARAM, BOTH, &[Long(Choice), Long(Zero)]),
    ioctl("NOVA_GEM_CREATE", 0x40 + uapi::GEM_CREATE, BOTH, &[Word(Zero), Word(Zero), Long(Size), Word(Flags), Word(Flags), Word(Zero), Word(Zero), Long(Zero), Word(Zero), Word(Zero)]),
    ioctl("NOVA_GEM_INFO", 0x40 + uapi::GEM_INFO, BOTH, &[Word(Object), Word(Zero), Long(Zero), Word(Zero), Word(Zero), Word(Zero), Word(Zero), Long(Zero), Word(Zero), Word(Zero)]),
    ioctl("NOVA_QUERY", 0x40 + uapi::QUERY, BOTH, &[Word(Choice), Word(Zero), Long(Len), Long(Room)]),
    ioctl("NOVA_VM_CREATE", 0x40 + uapi::VM_CREATE, BOTH, &[Word(Zero), Word(Zero), Long(Size), Long(Size)]),
    ioctl("NOVA_VM_DESTROY", 0x40 + uapi::VM_DESTROY, BOTH, &[Word(Choice), Word(Zero)]),
    ioctl("NOVA_VM_BIND", 0x40 + uapi::VM_BIND, BOTH, &[Word(Choice), Word(Choice), Word(Zero), Word(Zero), Long(Operations), Word(Count), Word(Bytes(40)), Long(Syncs), Word(Count), Word(Bytes(16))]),
    ioctl("NOVA_VM_GET_FAULTS", 0x40 + uapi::VM_GET_FAULTS, BOTH, &[Word(Choice), Word(Zero), Long(Choice), Long(Zero), Long(Faults), Word(Count), Word(Bytes(56)), Long(Zero)]),
    ioctl("NOVA_QUEUE_CREATE", 0x40 + uapi::QUEUE_CREATE, BOTH, &[Word(Choice), Word(Mostly(uapi::ENGINE_CLASS_COPY)), Word(Mostly(uapi::ENGINE_INSTANCE_ANY)), Word(Mostly(uapi::PRIORITY_NORMAL)), Word(Zero), Word(Mostly(64)), Word(Zero), Word(Choice), Word(Zero), Word(Zero)]),
    ioctl("NOVA_QUEUE_CREATE of class GRAPHICS", 0x40 + uapi::QUEUE_CREATE, BOTH, &[Word(Choice), Word(Mostly(uapi::ENGINE_CLASS_GRAPHICS)), Word(Mostly(uapi::ENGINE_INSTANCE_ANY)), Word(Mostly(uapi::PRIORITY_NORMAL)), Word(Zero), Word(Mostly(64)), Word(Zero), Word(Choice), Word(Zero), Word(Zero)]),
    ioctl("NOVA_QUEUE_CREATE of class BIND", 0x40 + uapi::QUEUE_CREATE, BOTH, &[Word(Choice), Word(Mostly(uapi::ENGINE_CLASS_BIND)), Word(Mostly(uapi::ENGINE_INSTANCE_ANY)), Word(Mostly(uapi::PRIORITY_NORMAL)), Word(Zero), Word(Zero), Word(Zero), Word(Zero), Word(Zero), Word(Zero)]),
    ioctl("NOVA_QUEUE_DESTROY", 0x40 + uapi::QUEUE_DESTROY, BOTH, &[Word(Choice), Word(Zero)]),
    ioctl("NOVA_QUEUE_GET_STATE", 0x40 + uapi::QUEUE_GET_STATE, BOTH, &[Word(Choice), Word(Zero), Word(Zero), Word(Zero), Word(Zero), Word(Zero), Long(Zero), Long(Zero), Long(Zero), Long(Zero), Long(Zero)]),
    ioctl("NOVA_EXEC", 0x40 + uapi::EXEC, BOTH, &[Word(Choice), Word(Zero), Long(Pushes), Word(Count), Word(Bytes(16)), Long(Syncs), Word(Count), Word(Bytes(16))]),
    ioctl("NOVA_GET_TIME", 0x40 + uapi::GET_TIME, BOTH, &[Word(Choice), Word(Zero), Long(Zero), Long(Zero), Long(Zero)]),
    ioctl("NOVA_GEM_SET_LABEL", 0x40 + uapi::GEM_SET_LABEL, BOTH, &[Word(Object), Word(Bytes(8)), Long(Label)]),
    ioctl("SYNCOBJ_CREATE", 0xbf, BOTH, &[Word(Zero), Word(Flags)]),
    ioctl("SYNCOBJ_DESTROY", 0xc0, BOTH, &[Word(Syncobj), Word(Zero)]),
    opening("SYNCOBJ_HANDLE_TO_FD", 0xc1, &[Word(Syncobj), Word(Flags), Word(Zero), Word(Zero), Long(Point)], 8),
    ioctl("SYNCOBJ_FD_TO_HANDLE", 0xc2, BOTH, &[Word(Syncobj), Word(Flags), Word(File), Word(Zero), Long(Point)]),
    ioctl("SYNCOBJ_WAIT", 0xc3, BOTH, &[Long(Syncobjs), Long(Time), Word(Count), Word(Flags), Word(Zero), Word(Zero), Long(Time)]),
    ioctl("SYNCOBJ_RESET", 0xc4, BOTH, &[Long(Syncobjs), Word(Count), Word(Zero)]),
    ioctl("SYNCOBJ_SIGNAL", 0xc5, BOTH, &[Long(Syncobjs), Word(Count), Word(Zero)]),
    ioctl("SYNCOBJ_TIMELINE_WAIT", 0xca, BOTH, &[Long(Syncobjs), Long(Points), Long(Time), Word(Count), Word(Flags), Word(Zero), Word(Zero), Long(Time)]),
    ioctl("SYNCOBJ_QUERY", 0xcb, BOTH, &[Long(Syncobjs), Long(Points), Word(Count), Word(Flags)]),
    ioctl("SYNCOBJ_TRANSFER", 0xcc, BOTH, &[Word(Syncobj), Word(Syncobj), Long(Point), Long(Point), Word(Flags), Word(Zero)]),
    ioctl("SYNCOBJ_TIMELINE_SIGNAL", 0xcd, BOTH, &[Long(Syncobjs), Long(Points), Word(Count), Word(Zero)]),
    ioctl("SYNCOBJ_EVENTFD", 0xcf, BOTH, &[Word(Syncobj), Word(Flags), Long(Point), Word(File), Word(Zero)]),
    ioctl("SET_CLIENT_NAME", 0xd1, BOTH, &[Long(Len), Long(Room)]),
];

// SPDX-License-Identifier: MIT

//! What the tests say to nouveau, in the structures of its ioctls.

use nouveau_uapi::nvif::{self, DeviceInfo, Header, Method, New, Sclass, SclassEntry};
pub(super) use nouveau_uapi::*;

use crate::syncobj::Signal;

/// A sync object to wait for or to signal.
pub(super) fn sync(signal: &Signal<'_, '_>) -> Sync {
    Sync {
        flags: match signal {
            Signal::Binary(_) => SYNC_SYNCOBJ,
            Signal::Point(..) => SYNC_TIMELINE,
        },
        handle: signal.handle(),
        timeline_value: signal.point(),
    }
}

fn header(kind: u8) -> Header {
    Header {
        kind,
        owner: nvif::OWNER_ANY,
        ..Header::default()
    }
}

fn on_channel(kind: u8, channel: i32) -> Header {
    Header {
        route: nvif::ROUTE_CHANNEL,
        token: channel as u64,
        ..header(kind)
    }
}

/// Makes a name for the device.
pub(super) fn new_device(object: u64) -> New {
    new(header(nvif::NEW), object, nvif::CLASS_DEVICE)
}

/// Creates an object of an engine's class on a channel.
pub(super) fn new_on(channel: i32, object: u64, class: u32) -> New {
    new(on_channel(nvif::NEW, channel), object, class as i32)
}

/// nouveau passes the handle on to GSP-RM, where it must be unlike all others of the address
/// space: those of a client's objects, and nouveau's own (`N * 0x10000 + n` with other N).
fn new(header: Header, object: u64, class: i32) -> New {
    const HANDLES: u32 = 0x0c1a_0000;
    New {
        header,
        version: 0,
        pad: [0; 6],
        route: 0xff,
        token: object,
        object,
        handle: HANDLES | object as u32,
        class,
    }
}

/// Deletes an object.
pub(super) fn delete(object: u64) -> Header {
    Header {
        object,
        ..header(nvif::DEL)
    }
}

/// Asks for the classes of which a channel can have objects.
#[repr(C)]
pub(super) struct Classes {
    head: Sclass,
    classes: [SclassEntry; Self::ROOM],
}

impl Classes {
    const ROOM: usize = 64;

    pub(super) fn of(channel: i32) -> Self {
        Self {
            head: Sclass {
                header: on_channel(nvif::SCLASS, channel),
                count: Self::ROOM as u8,
                ..Sclass::default()
            },
            classes: [SclassEntry::default(); Self::ROOM],
        }
    }

    /// The classes that the kernel has filled in.
    pub(super) fn classes(&self) -> Vec<u32> {
        let count = usize::from(self.head.count).min(Self::ROOM);
        let classes = self.classes[..count].iter();
        classes.map(|entry| entry.class as u32).collect()
    }
}

/// Asks the device what it is.
#[repr(C)]
pub(super) struct AskDevice {
    method: Method,
    pub(super) info: DeviceInfo,
}

impl AskDevice {
    pub(super) fn of(object: u64) -> Self {
        Self {
            method: Method {
                header: Header {
                    object,
                    ..header(nvif::MTHD)
                },
                method: nvif::METHOD_INFO,
                ..Method::default()
            },
            info: DeviceInfo {
                version: 0,
                platform: 0,
                chipset: 0,
                revision: 0,
                family: 0,
                pad: [0; 2],
                ram_size: 0,
                ram_user: 0,
                chip: [0; 16],
                name: [0; 64],
            },
        }
    }
}

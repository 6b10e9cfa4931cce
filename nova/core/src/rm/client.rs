// SPDX-License-Identifier: GPL-2.0

//! A client of GSP-RM, the root of all objects that one user of the GPU has: with the GPU as its device, and that
//! device's only subdevice.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_resserv_nvoc.h (`RS_CLIENT_HANDLE_*`); nouveau,
//! nvkm/subdev/gsp/rm/r535/{client,device}.c.

use crate::gsp::commands::alloc::{Alloc, Class, Device, Root, Subdevice};
use crate::gsp::handles::Handles;

/// The first handle of a client; `RS_CLIENT_HANDLE_BASE`.
const FIRST: u32 = 0xc1d0_0000;

/// Handles that clients can have; `RS_CLIENT_HANDLE_MAX`.
const COUNT: u32 = 0x10_0000;

/// The driver's own handle for each device, with the number of its class.
const DEVICE: u32 = 0xd000_0080;

/// The driver's own handle for each subdevice, with the number of its class.
const SUBDEVICE: u32 = 0xd000_2080;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(u32);

impl Client {
    /// The client with this number. Numbers repeat after 1,048,576; GSP-RM refuses a handle that is in use.
    pub fn new(number: u32) -> Self {
        Self(FIRST | (number % COUNT))
    }

    /// How it is allocated: the client itself, its device, and that one's subdevice. They are freed the other way
    /// round; GSP-RM frees with an object all that is below it.
    pub fn allocs(self) -> [Alloc<'static>; 3] {
        let Self(client) = self;
        let alloc = |object, parent, class| Alloc {
            object: Handles { client, object },
            parent,
            class,
        };
        [
            alloc(client, client, &Root as &dyn Class),
            alloc(DEVICE, client, &Device),
            alloc(SUBDEVICE, DEVICE, &Subdevice),
        ]
    }
}

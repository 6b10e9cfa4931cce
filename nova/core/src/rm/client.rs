// SPDX-License-Identifier: GPL-2.0

//! A client of GSP-RM, the root of all objects of one user of the GPU, with the GPU as its device
//! and the device's only subdevice.
//!
//! Source: nouveau, nvkm/subdev/gsp/rm/r535/{client,device}.c.

use nova_hw::abi::handle;

use crate::gsp::commands::alloc::{Alloc, Class, Device, Root, Subdevice};
use crate::gsp::handles::Handles;

/// Handle of each device, chosen by the driver: contains the number of the class.
const DEVICE: u32 = 0xd000_0080;

/// Handle of each subdevice, chosen by the driver: contains the number of the class.
const SUBDEVICE: u32 = 0xd000_2080;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(u32);

impl Client {
    /// The client with this number. Handles repeat after 1,048,576 clients; GSP-RM refuses a handle
    /// that is in use.
    pub fn new(number: u32) -> Self {
        Self(handle::CLIENT_BASE | (number % handle::CLIENT_MAX))
    }

    /// Handles of the device, below which address spaces and channels are.
    pub(super) fn device(self) -> Handles {
        let Self(client) = self;
        let object = DEVICE;
        Handles { client, object }
    }

    /// Handles of the subdevice, which is told of contexts.
    pub(super) fn subdevice(self) -> Handles {
        Handles {
            object: SUBDEVICE,
            ..self.device()
        }
    }

    /// The commands that allocate the client, its device and its subdevice. They are freed in
    /// reverse order; freeing an object frees all objects below it.
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

// SPDX-License-Identifier: GPL-2.0

//! Handles, by which GSP-RM knows objects.

/// An object of GSP-RM. The driver chooses the handles of those that it allocates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handles {
    /// Its client.
    pub client: u32,
    /// The object among those of its client; the client's own handle for the client itself.
    pub object: u32,
}

/// An object that GSP-RM itself has made for the driver; its handle is in GSP-RM's static information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Internal {
    /// The client of the others; `hInternalClient`.
    Client,
    /// The GPU, as the device that clients open; `hInternalDevice`.
    Device,
    /// The GPU itself; `hInternalSubdevice`.
    Subdevice,
}

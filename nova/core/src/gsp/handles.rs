// SPDX-License-Identifier: GPL-2.0

//! Handles, which identify objects of GSP-RM.

/// Handles of an object. The driver chooses them for the objects that it allocates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handles {
    /// Handle of the client.
    pub client: u32,
    /// Handle of the object; equal to `client` for the client itself.
    pub object: u32,
}

/// An object that GSP-RM has allocated for the driver; its handle is in GSP-RM's static
/// information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Internal {
    /// The internal client; `hInternalClient`.
    Client,
    /// The internal client's device; `hInternalDevice`.
    Device,
    /// The internal client's subdevice; `hInternalSubdevice`.
    Subdevice,
}

// SPDX-License-Identifier: GPL-2.0

//! What is said to GSP-RM, and what comes back.

use core::time::Duration;

use nova_hw::abi::{function, RmControl};
use zerocopy::IntoBytes;

/// Calls that can be under way at the same time.
pub(crate) const CALLS_MAX: usize = 64;

/// Longest payload in bytes. GSP-RM's own limit is not known; its longest parameters have a
/// fraction of this.
pub(crate) const PAYLOAD_LIMIT: usize = 1 << 20;

/// GSP-RM answers a call in less than this.
const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// An object of GSP-RM that takes the driver's own controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// The driver's client.
    Client,
    /// The GPU, as the device that clients open.
    Device,
    /// The GPU itself.
    Subdevice,
}

/// A control: a call of a method of one of GSP-RM's objects.
#[derive(Clone, Copy, Debug)]
pub struct Control<'a> {
    /// The object.
    pub object: Object,
    /// Which control (`NV*_CTRL_CMD_*`).
    pub cmd: u32,
    /// Its parameters; what they have become is in the
    /// [`Reply`](super::reply::Reply).
    pub params: &'a [u8],
}

/// A call that has been submitted, by which its reply is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// What becomes of a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// It is sent and answered.
    Request,
    /// It is sent, and no more is heard of it.
    Notice,
    /// It is not even sent: GSP-RM says this on its own.
    Event,
}

/// A message to GSP-RM, or what is awaited from it.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Name, for errors.
    pub(crate) name: &'static str,
    pub(crate) kind: CallKind,
    pub(crate) function: u32,
    /// How a control begins; its reply has room for as much.
    pub(crate) control: Option<RmControl>,
    /// The payload, or what follows the control's beginning, in parts.
    pub(crate) parts: &'a [&'a [u8]],
    /// GSP-RM is done in less than this.
    pub(crate) limit: Duration,
}

impl<'a> Call<'a> {
    /// A call with this payload, whose reply is not longer.
    pub(crate) fn new(name: &'static str, function: u32, parts: &'a [&'a [u8]]) -> Self {
        Self {
            name,
            kind: CallKind::Request,
            function,
            control: None,
            parts,
            limit: REPLY_LIMIT,
        }
    }

    /// A control of the object with this handle.
    pub(crate) fn control(
        name: &'static str,
        (client, object): (u32, u32),
        cmd: u32,
        parts: &'a [&'a [u8]],
    ) -> Self {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        Self {
            control: Some(RmControl {
                h_client: client,
                h_object: object,
                cmd,
                params_size: u32::try_from(len).unwrap_or(u32::MAX),
                ..RmControl::default()
            }),
            ..Self::new(name, function::GSP_RM_CONTROL, parts)
        }
    }

    /// Something that GSP-RM is told without an answer.
    pub(crate) fn notice(name: &'static str, function: u32, parts: &'a [&'a [u8]]) -> Self {
        Self {
            kind: CallKind::Notice,
            ..Self::new(name, function, parts)
        }
    }

    /// Something that GSP-RM says on its own.
    pub(crate) fn event(name: &'static str, function: u32, limit: Duration) -> Self {
        Self {
            kind: CallKind::Event,
            limit,
            ..Self::new(name, function, &[])
        }
    }

    /// All parts of the payload.
    pub(crate) fn all_parts(&self) -> impl Iterator<Item = &[u8]> {
        let control = self.control.iter().map(|control| control.as_bytes());
        control.chain(self.parts.iter().copied())
    }

    /// Bytes of the payload.
    pub(crate) fn len(&self) -> usize {
        self.all_parts()
            .fold(0, |len, part| len.saturating_add(part.len()))
    }

    /// Which control, or zero.
    pub(crate) fn cmd(&self) -> u32 {
        self.control.map_or(0, |control| control.cmd)
    }
}

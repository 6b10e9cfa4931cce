// SPDX-License-Identifier: GPL-2.0

//! What is said to GSP-RM, and what comes back.

use core::fmt;
use core::time::Duration;

use nova_hw::abi::{function, RmControl};
use zerocopy::IntoBytes;

use crate::boot::error::Error;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::calls::Slot;
use crate::platform::Scratch;

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
    /// Its parameters; what they have become is in the [`Reply`].
    pub params: &'a [u8],
}

/// A call that has been submitted, by which its reply is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// What becomes of a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
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
    pub(crate) kind: Kind,
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
            kind: Kind::Request,
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
            kind: Kind::Notice,
            ..Self::new(name, function, parts)
        }
    }

    /// Something that GSP-RM says on its own.
    pub(crate) fn event(name: &'static str, function: u32, limit: Duration) -> Self {
        Self {
            kind: Kind::Event,
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

/// What GSP-RM answered.
pub struct Reply<P: Scratch> {
    slot: P::Boxed<Slot<P::Bytes>>,
    status: u32,
}

impl<P: Scratch> Reply<P> {
    /// The reply to a call that is complete; an error where a control that succeeded as a call does
    /// not say what came of it.
    pub(crate) fn new(slot: P::Boxed<Slot<P::Bytes>>) -> Result<Self, Error> {
        let status = match slot.result() {
            0 if slot.is_control() => slot.message().field::<RmControl>(0)?.status,
            result => result,
        };
        Ok(Self { slot, status })
    }

    /// NV_STATUS: zero where the call succeeded.
    pub fn status(&self) -> u32 {
        self.status
    }

    /// What the parameters have become.
    pub fn params(&self) -> &[u8] {
        let message = self.slot.message();
        match self.slot.is_control() {
            true => message.after::<RmControl>().bytes,
            false => message.bytes,
        }
    }

    /// The parameters of a call that succeeded.
    pub(crate) fn good(&self) -> Result<Payload<'_>, Error> {
        let rpc = self.slot.name();
        match self.status {
            0 => Ok(Payload {
                message: rpc,
                bytes: self.params(),
            }),
            status => Err(Error::Rpc { rpc, status }),
        }
    }
}

impl<P: Scratch> fmt::Debug for Reply<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("params", &self.params().len())
            .finish()
    }
}

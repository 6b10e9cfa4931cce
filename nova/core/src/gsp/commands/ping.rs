// SPDX-License-Identifier: GPL-2.0

//! A ping: a control that changes nothing, sent to see whether GSP-RM answers. The boot has sent
//! the same control.

use nova_hw::release::Release;

use super::control;
use super::interrupt_table::GetInterruptTable;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::call::{CallKind, Header};
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// A ping.
pub(crate) struct Ping(pub(crate) control::Call<GetInterruptTable>);

impl Command for Ping {
    const FUNCTION: u32 = control::Call::<GetInterruptTable>::FUNCTION;
    const NAME: &'static str = "a ping";
    const KIND: CallKind = CallKind::Ping;
    const HEADER: Header = control::HEADER;
    /// The reply has no content that matters.
    type Reply = ();

    fn cmd(&self) -> u32 {
        self.0.cmd()
    }

    fn size(&self, release: &Release) -> usize {
        self.0.size(release)
    }

    fn write(&self, release: &Release, payload: &mut [u8]) {
        self.0.write(release, payload);
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! GSP_INIT_DONE: the event by which GSP-RM reports that it has initialized itself.

use core::time::Duration;

use nova_hw::abi::event;
use nova_hw::release::Release;

use crate::gsp::payload::Payload;
use crate::gsp::rpc::call::CallKind;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// Waits for the event.
pub(crate) struct InitDone;

impl Command for InitDone {
    const FUNCTION: u32 = event::GSP_INIT_DONE;
    const NAME: &'static str = "GSP_INIT_DONE";
    const KIND: CallKind = CallKind::Event;
    /// The driver's own limit; it includes the register accesses that GSP-RM requests.
    const LIMIT: Duration = Duration::from_secs(10);
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        0
    }

    fn write(&self, _release: &Release, _payload: &mut [u8]) {}

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}

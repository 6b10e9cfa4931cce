// SPDX-License-Identifier: GPL-2.0

//! Who makes the calls that allocate, change and free objects: the adapter, which waits for the
//! replies.

use crate::gsp::commands::alloc::Alloc;
use crate::gsp::handles::Handles;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// Makes calls of GSP-RM, and waits for each reply.
pub trait Caller {
    /// Why a call failed.
    type Error: From<RpcError>;

    /// Allocates an object. If that fails, there is no such object: one that GSP-RM may still
    /// allocate, because its reply is late, is freed after that.
    ///
    /// # Errors
    ///
    /// Those of the adapter, and of [`Reply::read`](crate::Reply::read).
    fn alloc(&mut self, alloc: &Alloc<'_>) -> Result<(), Self::Error>;

    /// Executes a command.
    ///
    /// # Errors
    ///
    /// As for [`Self::alloc`].
    fn call<C: Command>(&mut self, command: &C) -> Result<C::Reply, Self::Error>;

    /// Frees an object and all objects below it.
    ///
    /// # Errors
    ///
    /// As for [`Self::alloc`]. The GPU may go on using the object until it is reset.
    fn free(&mut self, object: Handles) -> Result<(), Self::Error>;
}

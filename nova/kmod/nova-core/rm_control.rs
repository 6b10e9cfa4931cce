// SPDX-License-Identifier: GPL-2.0

//! `rm_control` in a GPU's folder in debugfs: controls of GSP-RM for developers and tests.
//!
//! Each write is one request: the object (0 for the driver's client, 1 for its device, 2 for its
//! subdevice) and the control as 32-bit numbers, then the parameters. The write returns when GSP-RM
//! has answered. Reads of the same open file then return the answer: NV_STATUS, then the parameters.
//! After a failed request, they still return the last answer.
//!
//! A control can do anything that GSP-RM can do, so the file exists only if the module parameter
//! `rm_control` is set.

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::{UserPtr, UserSlice};
use nova_core::{Control, Internal};

use crate::gsp::Gsp;
use crate::gsp_file::{GspFile, Operations, Transaction};
use nova_kernel::sync::wait_queue::TaskState;

/// Bytes of a request before the parameters.
const HEADER: usize = 8;

/// Maximum number of bytes of a request; this driver's own limit, larger than any control.
const REQUEST_MAX: usize = 1 << 20;

/// The file's operations.
static OPERATIONS: Operations = Operations::transaction::<RmControl>();

/// Creates the file if the module parameter is set.
pub(crate) fn file<'a>(gsp: &Arc<Gsp<'a>>) -> Result<Option<GspFile<'a>>> {
    if !crate::module_parameters::rm_control.value() {
        return Ok(None);
    }
    GspFile::new(gsp, c"rm_control", 0o600, &OPERATIONS).map(Some)
}

/// The file `rm_control`.
struct RmControl;

impl Transaction for RmControl {
    fn answer(gsp: &Gsp<'_>, request: UserPtr, count: usize) -> Result<KVVec<u8>> {
        if !(HEADER..=REQUEST_MAX).contains(&count) {
            return Err(EINVAL);
        }
        let mut bytes = KVVec::new();
        UserSlice::new(request, count).read_all(&mut bytes, GFP_KERNEL)?;
        call(gsp, &bytes)
    }
}

/// Calls the control in a request, and returns the answer.
fn call(gsp: &Gsp<'_>, request: &[u8]) -> Result<KVVec<u8>> {
    let (object, rest) = request.split_first_chunk().ok_or(EINVAL)?;
    let (cmd, params) = rest.split_first_chunk().ok_or(EINVAL)?;
    let object = match u32::from_le_bytes(*object) {
        0 => Internal::Client,
        1 => Internal::Device,
        2 => Internal::Subdevice,
        _ => return Err(EINVAL),
    };
    let target = gsp.await_target()?;
    let control = Control {
        on: gsp.internal(target, object)?,
        cmd: u32::from_le_bytes(*cmd),
        params,
    };
    let reply = gsp.call(target, TaskState::Killable, &control)?;
    let mut answer = KVVec::new();
    answer.extend_from_slice(&reply.status().to_le_bytes(), GFP_KERNEL)?;
    answer.extend_from_slice(reply.params(), GFP_KERNEL)?;
    Ok(answer)
}

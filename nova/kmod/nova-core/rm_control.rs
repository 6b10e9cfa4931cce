// SPDX-License-Identifier: GPL-2.0

//! `rm_control` in a GPU's folder in debugfs: controls of GSP-RM for developers and tests.
//!
//! Each open file is a conversation of its own. What is written is one request: the object (0 for
//! the driver's client, 1 for its device, 2 for its subdevice) and the control as 32-bit numbers,
//! then the parameters. The write returns when GSP-RM has answered, and what is read from then on is
//! the answer: NV_STATUS, then the parameters. A request that fails leaves the last answer in place.
//!
//! Controls reach everything that GSP-RM can do, so the file is there only where the module parameter
//! of that name asks for it.

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::{UserPtr, UserSlice};
use nova_core::{Control, Internal};

use crate::gsp::Gsp;
use crate::gsp_file::{Conversation, GspFile, Operations};
use nova_kernel::sync::wait_queue::TaskState;

/// Bytes of a request before the parameters.
const HEADER: usize = 8;

/// Bytes of a request, at most: more than any control has.
const REQUEST_MAX: usize = 1 << 20;

/// What the file does.
static OPERATIONS: Operations = Operations::conversation::<RmControl>();

/// Makes the file if there is to be one.
pub(crate) fn file<'a>(gsp: &Arc<Gsp<'a>>) -> Result<Option<GspFile<'a>>> {
    if !crate::module_parameters::rm_control.value() {
        return Ok(None);
    }
    GspFile::new(gsp, c"rm_control", 0o600, &OPERATIONS).map(Some)
}

/// Controls that are written, and their answers.
struct RmControl;

impl Conversation for RmControl {
    fn answer(gsp: &Gsp<'_>, request: UserPtr, count: usize) -> Result<KVVec<u8>> {
        if !(HEADER..=REQUEST_MAX).contains(&count) {
            return Err(EINVAL);
        }
        let mut bytes = KVVec::new();
        UserSlice::new(request, count).read_all(&mut bytes, GFP_KERNEL)?;
        call(gsp, &bytes)
    }
}

/// Makes the call that the user asks for; returns the answer.
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

// SPDX-License-Identifier: GPL-2.0

//! `rm_control` in a GPU's folder in debugfs: controls of GSP-RM for developers and tests.
//!
//! Each open file is a conversation of its own. What is written is one request: the object (0 for
//! the driver's client, 1 for its device, 2 for its subdevice) and the control as 32-bit numbers,
//! then the parameters. The write returns when GSP-RM has answered, and what is read from then on is
//! the answer: NV_STATUS, then the parameters.

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::{UserPtr, UserSlice};
use nova_core::{Control, Object};

use crate::gsp::Gsp;
use crate::gsp_file::{Contents, Conversation, GspFile, Operations};

/// Bytes of a request before the parameters.
const HEADER: usize = 8;

/// Bytes of a request, at most: more than any control has.
const REQUEST_MAX: usize = 1 << 20;

/// What the file does.
static OPERATIONS: Operations = Operations::conversation::<RmControl>();

/// Makes the file.
pub(crate) fn file<'a>(gsp: &Arc<Gsp<'a>>) -> Result<GspFile<'a>> {
    GspFile::new(gsp, c"rm_control", 0o600, &OPERATIONS)
}

/// Controls that are written, and their answers.
struct RmControl;

impl Conversation for RmControl {
    fn answer(gsp: &Gsp<'_>, contents: &Contents, request: UserPtr, count: usize) -> Result {
        converse(gsp, contents, UserSlice::new(request, count), count)
    }
}

/// Makes the call that the user asks for, and notes the answer.
fn converse(gsp: &Gsp<'_>, contents: &Contents, user: UserSlice, count: usize) -> Result {
    if !(HEADER..=REQUEST_MAX).contains(&count) {
        return Err(EINVAL);
    }
    let mut request = KVVec::new();
    user.read_all(&mut request, GFP_KERNEL)?;
    let (object, rest) = request.split_first_chunk().ok_or(EINVAL)?;
    let (cmd, params) = rest.split_first_chunk().ok_or(EINVAL)?;
    let control = Control {
        object: match u32::from_le_bytes(*object) {
            0 => Object::Client,
            1 => Object::Device,
            2 => Object::Subdevice,
            _ => return Err(EINVAL),
        },
        cmd: u32::from_le_bytes(*cmd),
        params,
    };
    // One request at a time: what is read is the answer to what was written last.
    let mut answer = contents.lock();
    answer.clear();
    let reply = gsp.call(&control)?;
    answer.extend_from_slice(&reply.status().to_le_bytes(), GFP_KERNEL)?;
    answer.extend_from_slice(reply.params(), GFP_KERNEL)?;
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! The controls of GSP-RM's objects.
//!
//! Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl.

pub(crate) mod call;
mod channel;
mod display;
mod fifo;
mod gpu;
mod graphics;
mod space;
mod suspend;

use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED};
use nova_hw::abi::RmControl;

use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::objects::Objects;
use crate::gsp_rm::platform::Platform;
use crate::gsp_rm::refused::Refused;
use call::{Call, Control};

pub(crate) use fifo::GSP_VECTOR;

/// The controls, by what they are about.
pub(crate) static CONTROLS: [&[Control]; 7] = [
    gpu::CONTROLS,
    fifo::CONTROLS,
    graphics::CONTROLS,
    display::CONTROLS,
    space::CONTROLS,
    channel::CONTROLS,
    suspend::CONTROLS,
];

/// The answer to a call that succeeds.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Its parameters.
    pub(crate) params: Vec<u8>,
    /// What the call has changed.
    pub(crate) effects: Vec<Effect>,
}

/// Calls a control on an object.
///
/// Source: `_rmapiRmControl` in src/nvidia/src/kernel/rmapi/control.c for the order of the checks,
/// and an H200 with release 580. In 535.113.01 a wrong size is found after the class, and is
/// NV_ERR_INVALID_PARAM_STRUCT.
pub(crate) fn call(
    platform: &Platform<'_>,
    objects: &mut Objects,
    header: &RmControl,
    params: &[u8],
) -> Result<Answer, Refused> {
    let (cmd, len) = (header.cmd, header.params_size as usize);
    let Some(params) = params.get(..len) else {
        let error = format!(
            "{:#x} bytes of parameters, not the {len:#x} of the header",
            params.len()
        );
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    };
    // `NVXXXX_CTRL_CMD_NULL`, and that of each class: nothing is looked up.
    if cmd as u16 == 0 {
        return Ok(Answer {
            params: params.to_vec(),
            effects: Vec::new(),
        });
    }
    let release = platform.release;
    let client = objects.client(header.h_client)?;
    let mut controls = CONTROLS.iter().copied().flatten();
    let control = controls.find(|control| (control.cmd)(release) == Some(cmd));
    if control.is_some_and(|control| (control.size)(release) != len) {
        let error = format!("control {cmd:#x} with {len:#x} bytes of parameters");
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    }
    // An object has the controls of its own class only (`resControlLookup_IMPL` in
    // src/nvidia/src/libraries/resserv/src/rs_resource.c).
    let class = client.find(header.h_object)?.class;
    if !class.family.controls.contains(&(cmd >> 16)) {
        let error = format!("control {cmd:#x} on a {}", class.name());
        return Err((NV_ERR_NOT_SUPPORTED, error));
    }
    let Some(control) = control else {
        let error = format!("control {cmd:#x} is not supported");
        return Err((NV_ERR_NOT_SUPPORTED, error));
    };
    let mut call = Call {
        platform,
        objects,
        client: header.h_client,
        object: header.h_object,
        params,
        effects: Vec::new(),
    };
    let params = (control.call)(&mut call)?;
    Ok(Answer {
        params,
        effects: call.effects,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::objects::{INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE};
    use crate::gsp_rm::testing::{control_of, Scene};
    use nova_hw::abi::status::{NV_ERR_INVALID_CLIENT, NV_ERR_OBJECT_NOT_FOUND};
    use nova_hw::abi::{control, GpuNameString};
    use nova_hw::release::RELEASES;
    use zerocopy::{FromZeros, IntoBytes};

    #[test]
    fn parameters_must_be_in_the_message() {
        let params = GpuNameString::new_zeroed();
        let change = |header: &mut RmControl| header.params_size += 1;
        let result = control_of(control::GPU_GET_NAME_STRING, params.as_bytes(), change);
        assert_eq!(result, Err(NV_ERR_INVALID_ARGUMENT));
    }

    /// As a real H200 with release 580 answers: the client is looked up first, then the size of the
    /// parameters counts, then the object, then its class. A null command does not get that far.
    #[test]
    fn a_call_is_checked_in_the_order_of_an_h200() {
        const NAME: u32 = control::GPU_GET_NAME_STRING;
        const SIZE: usize = size_of::<GpuNameString>();
        const UNKNOWN: u32 = 0xdead_beef;
        let (client, device, subdevice) = (INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE);
        for (cmd, h_client, h_object, len, expected) in [
            (NAME, client, subdevice, SIZE, Ok(())),
            (NAME, UNKNOWN, subdevice, SIZE, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, 0, subdevice, SIZE, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, UNKNOWN, 0, SIZE, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, UNKNOWN, subdevice, 8, Err(NV_ERR_INVALID_CLIENT)),
            (NAME, client, subdevice, 0, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, subdevice, 131, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, subdevice, 133, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, UNKNOWN, 8, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, device, 8, Err(NV_ERR_INVALID_ARGUMENT)),
            (NAME, client, UNKNOWN, SIZE, Err(NV_ERR_OBJECT_NOT_FOUND)),
            (NAME, client, 0, SIZE, Err(NV_ERR_OBJECT_NOT_FOUND)),
            (NAME, client, client, SIZE, Err(NV_ERR_NOT_SUPPORTED)),
            (0x2080_0199, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x2080_fffe, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x1234_5678, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x0080_1111, client, subdevice, 8, Err(NV_ERR_NOT_SUPPORTED)),
            (0x0201, client, device, 128, Err(NV_ERR_NOT_SUPPORTED)),
            (0, client, subdevice, 0, Ok(())),
            (0x2080_0000, client, subdevice, 0, Ok(())),
            (0x0080_0000, UNKNOWN, UNKNOWN, 0, Ok(())),
            (0, UNKNOWN, UNKNOWN, 0, Ok(())),
        ] {
            let change = |header: &mut RmControl| {
                (header.h_client, header.h_object) = (h_client, h_object);
            };
            let result = control_of(cmd, &vec![0; len], change).map(|_| ());
            assert_eq!(result, expected, "{cmd:#x} on {h_object:#x}, {len} bytes");
        }
    }

    #[test]
    fn a_subdevice_of_any_client_has_its_controls() {
        let mut scene = Scene::new("ga102", RELEASES[0]);
        let params = GpuNameString::new_zeroed();
        let cmd = control::GPU_GET_NAME_STRING;
        let reply = scene.control(Scene::SUBDEVICE, cmd, params.as_bytes());
        assert!(reply.unwrap()[4..].starts_with(b"NVIDIA GeForce"));
    }
}

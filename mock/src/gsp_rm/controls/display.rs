// SPDX-License-Identifier: GPL-2.0

//! Controls about displays and events. A card with a display engine has no heads and no outputs
//! here, as a board without connectors.

use nova_hw::abi::status::NV_ERR_INVALID_STATE;
use nova_hw::abi::{
    control, DisplayWriteInstMem, EventSetNotification, GetAllHeadMask, GetNumHeads, GetSupported,
    BRIGHTC_STATE_LOAD,
};
use zerocopy::IntoBytes;

use super::call::{invalid, unsupported, Call, Control};
use crate::gsp_rm::objects::Kind;
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::Resource;

pub(super) static CONTROLS: &[Control] = &[
    Control {
        cmd: |_| Some(control::INTERNAL_DISPLAY_WRITE_INST_MEM),
        size: |_| size_of::<DisplayWriteInstMem>(),
        call: instance_memory,
    },
    // Without windows and heads, all that a driver reads here is 0.
    Control {
        cmd: |_| Some(control::INTERNAL_DISPLAY_GET_STATIC_INFO),
        size: |release| release.controls.display_static_info,
        call: |call| on_display(call).map(|()| vec![0; call.params.len()]),
    },
    Control {
        cmd: |_| Some(control::INTERNAL_INIT_BRIGHTC_STATE_LOAD),
        size: |_| BRIGHTC_STATE_LOAD,
        call: |call| call.accept(),
    },
    Control {
        cmd: |_| Some(control::DP_SET_MANUAL_DISPLAYPORT),
        size: |_| size_of::<u32>(),
        call: |call| call.accept(),
    },
    Control {
        cmd: |_| Some(control::SYSTEM_GET_NUM_HEADS),
        size: |_| size_of::<GetNumHeads>(),
        call: |call| {
            let mut reply: GetNumHeads = call.read()?;
            reply.num_heads = 0;
            Ok(reply.as_bytes().to_vec())
        },
    },
    Control {
        cmd: |_| Some(control::SPECIFIC_GET_ALL_HEAD_MASK),
        size: |_| size_of::<GetAllHeadMask>(),
        call: |call| {
            let mut reply: GetAllHeadMask = call.read()?;
            reply.head_mask = 0;
            Ok(reply.as_bytes().to_vec())
        },
    },
    Control {
        cmd: |release| Some(release.control_numbers.display_supported),
        size: |_| size_of::<GetSupported>(),
        call: |call| {
            let mut reply: GetSupported = call.read()?;
            (reply.display_mask, reply.display_mask_ddc) = (0, 0);
            Ok(reply.as_bytes().to_vec())
        },
    },
    Control {
        cmd: |_| Some(control::EVENT_SET_NOTIFICATION),
        size: |_| size_of::<EventSetNotification>(),
        call: set_notification,
    },
];

/// Checks that the card has a display engine. The status for one without is the model's choice.
fn on_display(call: &Call<'_>) -> Result<(), Refused> {
    match call.platform.chip.has_display {
        true => Ok(()),
        false => Err(unsupported("there is no display".into())),
    }
}

fn instance_memory(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    on_display(call)?;
    let memory: DisplayWriteInstMem = call.read()?;
    let (base, size) = (memory.inst_mem_phys_addr, memory.inst_mem_size);
    match call
        .platform
        .is_memory(memory.inst_mem_addr_space, base, size)
    {
        true => call.accept(),
        false => Err(invalid(format!("instance memory in {memory:x?}"))),
    }
}

/// Source: `subdeviceCtrlCmdEventSetNotification_IMPL` in
/// src/nvidia/src/kernel/gpu/subdevice/subdevice_ctrl_event_kernel.c.
fn set_notification(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    type Event = EventSetNotification;
    let request: EventSetNotification = call.read()?;
    let client = call.objects.client_to_change(call.client)?;
    let state = |error| Err((NV_ERR_INVALID_STATE, error));
    if client
        .below(call.object)
        .all(|object| object.kind() != Kind::Event)
    {
        return state("a notification without an event's object".into());
    }
    let event = request.event;
    if event >= call.platform.release.notifiers || event == Event::TIMER {
        return Err(invalid(format!("event {event:#x}")));
    }
    let object = client.find_to_change(call.object)?;
    let Resource::Subdevice { actions, .. } = &mut object.resource else {
        return state(format!("events of a {}", object.class.name()));
    };
    match request.action {
        Event::DISABLE => {
            actions.remove(&event);
        }
        Event::SINGLE | Event::REPEAT if actions.contains_key(&event) => {
            return state(format!("event {event:#x} is enabled"));
        }
        Event::SINGLE | Event::REPEAT => {
            actions.insert(event, request.action);
        }
        action => return Err(invalid(format!("action {action:#x} of an event"))),
    }
    call.accept()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::testing::{on_each, Scene};
    use nova_hw::abi::class::*;
    use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED};
    use nova_hw::abi::Nv0005AllocParameters;
    use nova_hw::release::RELEASES;

    const COMMON: u32 = 0x73_0000;

    /// The calls of nouveau, with the sizes of its structures.
    #[test]
    fn a_display_without_heads_and_outputs_is_found() {
        on_each(|scene| {
            let (static_info, supported) = match scene.release.branch() {
                Some(570) => (36, 0x73_0107),
                _ => (28, 0x73_0120),
            };
            let memory = DisplayWriteInstMem {
                inst_mem_phys_addr: 0x1_0000,
                inst_mem_size: 0x1_0000,
                inst_mem_addr_space: 2,
                ..DisplayWriteInstMem::default()
            };
            let has_display = scene.chip.has_display;
            let result = |reply: Result<Vec<u8>, u32>| reply.map(|_| ());
            let expected = match has_display {
                true => Ok(()),
                false => Err(NV_ERR_NOT_SUPPORTED),
            };
            let written = scene.internal(0x2080_0a49, memory.as_bytes());
            assert_eq!(result(written), expected);
            let info = scene.internal(0x2080_0a01, &vec![0xee; static_info]);
            assert_eq!(info, expected.map(|()| vec![0; static_info]));
            let common = scene.alloc(NV04_DISPLAY_COMMON, Scene::DEVICE, COMMON, &[]);
            assert_eq!(common.map(|_| ()), expected);
            if !has_display {
                return;
            }
            assert_eq!(result(scene.internal(0x2080_0ac6, &[0; 4104])), Ok(()));
            let mut ask = |cmd, len| scene.control(COMMON, cmd, &vec![0xee; len]).unwrap();
            assert_eq!(ask(0x73_1365, 4).len(), 4);
            assert_eq!(ask(0x73_0102, 12)[8..], [0; 4]);
            assert_eq!(ask(0x73_0287, 8)[4..], [0; 4]);
            assert_eq!(ask(supported, 12)[4..], [0; 8]);
        });
    }

    #[test]
    fn instance_memory_of_the_display_is_the_driver_s() {
        let mut scene = Scene::new("ga102", RELEASES[0]);
        for (address, address_space) in [(Scene::VRAM, 2), (0, 0), (0, 3)] {
            let memory = DisplayWriteInstMem {
                inst_mem_phys_addr: address,
                inst_mem_size: 0x1000,
                inst_mem_addr_space: address_space,
                ..DisplayWriteInstMem::default()
            };
            let cmd = control::INTERNAL_DISPLAY_WRITE_INST_MEM;
            let result = scene.internal(cmd, memory.as_bytes());
            assert_eq!(result, Err(NV_ERR_INVALID_ARGUMENT));
        }
    }

    #[test]
    fn an_event_is_enabled_once() {
        for (release, notifiers) in [(RELEASES[0], 197), (RELEASES[1], 181)] {
            let mut scene = Scene::new("ga102", release);
            let set = |scene: &mut Scene, event, action| {
                let params = EventSetNotification {
                    event,
                    action,
                    ..EventSetNotification::default()
                };
                let cmd = control::EVENT_SET_NOTIFICATION;
                let reply = scene.control(Scene::SUBDEVICE, cmd, params.as_bytes());
                reply.map(|_| ())
            };
            let state = Err(NV_ERR_INVALID_STATE);
            assert_eq!(set(&mut scene, 1, 2), state, "no object");
            let event = Nv0005AllocParameters {
                h_parent_client: Scene::CLIENT,
                h_class: NV01_EVENT_KERNEL_CALLBACK_EX,
                notify_index: 0x400_0001,
                ..Nv0005AllocParameters::default()
            };
            let class = NV01_EVENT_KERNEL_CALLBACK_EX;
            let event = scene.alloc(class, Scene::SUBDEVICE, 0x7e_0000, event.as_bytes());
            assert_eq!(event, Ok(0x7e_0000));
            for (event, action, expected) in [
                (1, 2, Ok(())),
                (7, 2, Ok(())),
                (1, 1, state),
                (1, 0, Ok(())),
                (1, 1, Ok(())),
                (1, 3, Err(NV_ERR_INVALID_ARGUMENT)),
                (11, 1, Err(NV_ERR_INVALID_ARGUMENT)),
                (notifiers - 1, 1, Ok(())),
                (notifiers, 1, Err(NV_ERR_INVALID_ARGUMENT)),
            ] {
                assert_eq!(set(&mut scene, event, action), expected, "{event} {action}");
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Controls of channels, and of their groups.

use nova_hw::abi::control;
use nova_hw::abi::status::{NV_ERR_INVALID_OBJECT, NV_ERR_INVALID_STATE};
use nova_hw::abi::{InterleaveLevel, TIMESLICE_US_MAX};

use super::call::{invalid, Call, Control};
use crate::chips::engines::{self, Row};
use crate::engines::host::policy::Policy;
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::{Channel, GroupId, Resource};

/// Bytes of the parameters that let a channel run, or a group; `NVA06F_CTRL_GPFIFO_SCHEDULE_PARAMS`
/// and `NVA06C_CTRL_GPFIFO_SCHEDULE_PARAMS`.
const SCHEDULE: usize = 2;

pub(super) static CONTROLS: &[Control] = &[
    Control {
        cmd: |_| Some(control::CHANNEL_BIND),
        size: |_| size_of::<u32>(),
        call: bind,
    },
    Control {
        cmd: |_| Some(control::CHANNEL_GROUP_BIND),
        size: |_| size_of::<u32>(),
        call: bind,
    },
    Control {
        cmd: |_| Some(control::CHANNEL_GPFIFO_SCHEDULE),
        size: |_| SCHEDULE,
        call: schedule,
    },
    Control {
        cmd: |_| Some(control::CHANNEL_GROUP_GPFIFO_SCHEDULE),
        size: |_| SCHEDULE,
        call: schedule,
    },
    Control {
        cmd: |_| Some(control::CHANNEL_GROUP_SET_TIMESLICE),
        size: |_| size_of::<u64>(),
        call: set_timeslice,
    },
    Control {
        cmd: |_| Some(control::CHANNEL_GROUP_SET_INTERLEAVE_LEVEL),
        size: |_| size_of::<u32>(),
        call: set_interleave_level,
    },
    Control {
        cmd: |_| Some(control::GPFIFO_GET_WORK_SUBMIT_TOKEN),
        size: |_| size_of::<u32>(),
        call: token,
    },
];

/// The channel that a control is for, or those of the group.
fn channels(call: &Call<'_>) -> Result<Vec<Channel>, Refused> {
    let client = call.objects.client(call.client)?;
    Ok(match client.find(call.object)?.resource {
        Resource::Channel(channel) => vec![channel],
        _ => {
            let below = client.below(call.object);
            below
                .filter_map(|object| object.resource.channel().copied())
                .collect()
        }
    })
}

/// Binds to an engine, which must be on the runlist of the channels: they have theirs from their
/// allocation.
///
/// Source: `kchannelCtrlCmdBind_IMPL` in src/nvidia/src/kernel/gpu/fifo/kernel_channel.c,
/// `kchangrpapiCtrlCmdBind_IMPL` in kernel_channel_group_api.c, and `kfifoRunlistSetId_GM107` in
/// arch/maxwell/kernel_fifo_gm107.c.
fn bind(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let number: u32 = call.read()?;
    let table = engines::of(call.platform.chip.chipset).table();
    let found = table.iter().find(|row| row.engine.number() == number);
    let Some(Row {
        runlist, engine, ..
    }) = found
    else {
        return Err(invalid(format!("there is no engine {number:#x}")));
    };
    let other = |channel: &Channel| channel.runlist != *runlist;
    if let Some(channel) = channels(call)?.into_iter().find(other) {
        let error = format!(
            "engine {engine:?} of runlist {runlist} for a channel of runlist {}",
            channel.runlist
        );
        return Err((NV_ERR_INVALID_STATE, error));
    }
    call.accept()
}

/// Source: `kchannelCtrlCmdGpFifoSchedule_IMPL` and `kchangrpapiCtrlCmdGpFifoSchedule_IMPL` in the
/// same files. The second byte, which leaves it to the driver to submit the runlist, changes nothing
/// here.
fn schedule(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let [enable, _]: [u8; SCHEDULE] = call.read()?;
    let effect = |channel: Channel| Effect::Scheduled {
        channel: channel.number,
        runs: enable != 0,
    };
    let effects: Vec<_> = channels(call)?.into_iter().map(effect).collect();
    call.effects.extend(effects);
    call.accept()
}

/// Nothing is checked: an H200 takes 0 and all ones, too. A time slice that an entry of a runlist cannot hold is
/// rounded down.
///
/// Source: `kchangrpapiCtrlCmdSetTimeslice_IMPL` in src/nvidia/src/kernel/gpu/fifo/kernel_channel_group_api.c.
fn set_timeslice(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let wanted: u64 = call.read()?;
    let timeslice_us = wanted.min(TIMESLICE_US_MAX.into()) as u32;
    set_policy(call, |policy| policy.timeslice_us = timeslice_us)
}

/// Source: `kchangrpSetInterleaveLevel_IMPL` in src/nvidia/src/kernel/gpu/fifo/kernel_channel_group.c. It takes
/// the right `RS_ACCESS_NICE` (g_kernel_channel_group_api_nvoc.c), which the driver's half of RM checks, and
/// which GSP-RM has granted to root's calls on an H200. That it checks nothing more is the model's choice.
fn set_interleave_level(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let number: u32 = call.read()?;
    let level = InterleaveLevel::from_number(number);
    let level = level.ok_or_else(|| invalid(format!("interleave level {number:#x}")))?;
    set_policy(call, |policy| policy.level = level)
}

/// Changes how a group runs.
fn set_policy(call: &mut Call<'_>, change: impl FnOnce(&mut Policy)) -> Result<Vec<u8>, Refused> {
    let (client, handle) = (call.client, call.object);
    let object = call
        .objects
        .client_to_change(client)?
        .find_to_change(handle)?;
    let Resource::Group(group) = &mut object.resource else {
        return Err((NV_ERR_INVALID_OBJECT, "there is no group".into()));
    };
    change(&mut group.policy);
    let effect = Effect::PolicySet {
        group: GroupId { client, handle },
        policy: group.policy,
    };
    call.effects.push(effect);
    call.accept()
}

/// GSP-RM gives the channel's number alone, and the driver adds the runlist: tinygrad finds it so on
/// real cards. `kfifoGenerateWorkSubmitTokenHal_GA100` in
/// src/nvidia/src/kernel/gpu/fifo/arch/ampere/kernel_fifo_ga100.c has another way for GSP-RM, which
/// is not public.
fn token(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    match channels(call)?.first() {
        Some(channel) => Ok(u32::from(channel.number.0).to_le_bytes().to_vec()),
        None => Err((NV_ERR_INVALID_OBJECT, "there is no channel".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::resource::ChannelNumber;
    use crate::gsp_rm::testing::Scene;
    use nova_hw::abi::class::{AMPERE_CHANNEL_GPFIFO_A, KEPLER_CHANNEL_GROUP_A};
    use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED};
    use nova_hw::abi::{ChannelFlags, ChannelGroupAllocationParameters};
    use nova_hw::release::RELEASES;
    use zerocopy::IntoBytes;

    #[test]
    fn a_channel_is_bound_and_scheduled() {
        for release in RELEASES {
            let mut scene = Scene::new("ga102", release);
            let channel = scene.channel();
            let mut call = |cmd, params: &[u8]| scene.control(channel, cmd, params).map(|_| ());
            assert_eq!(call(0xa06f_0104, &[1, 0, 0, 0]), Ok(()));
            assert_eq!(call(0xa06f_0104, &[9, 0, 0, 0]), Ok(()), "a GRCE");
            let other = call(0xa06f_0104, &[0xb, 0, 0, 0]);
            assert_eq!(other, Err(NV_ERR_INVALID_STATE), "COPY2");
            let none = call(0xa06f_0104, &[2, 0, 0, 0]);
            assert_eq!(none, Err(NV_ERR_INVALID_ARGUMENT));
            assert_eq!(call(0xa06f_0104, &[1]), Err(NV_ERR_INVALID_ARGUMENT));
            assert_eq!(call(0xa06c_0101, &[1, 0]), Err(NV_ERR_NOT_SUPPORTED));
            assert_eq!(call(0xa06f_0103, &[1, 0]), Ok(()));
            assert_eq!(call(0xa06f_0103, &[0, 1]), Ok(()));
            let scheduled = |runs| Effect::Scheduled {
                channel: ChannelNumber(3),
                runs,
            };
            let effects = scene.take_effects();
            assert_eq!(
                effects[effects.len() - 2..],
                [scheduled(true), scheduled(false)]
            );
            let token = scene.control(channel, 0xc36f_0108, &[0xff; 4]);
            assert_eq!(token, Ok(vec![3, 0, 0, 0]));
        }
    }

    const GROUP: u32 = 0xa06c_0000;

    /// A scene with a group for graphics.
    fn with_group() -> Scene {
        let mut scene = Scene::new("ga102", RELEASES[0]);
        let params = ChannelGroupAllocationParameters {
            engine_type: 1,
            ..ChannelGroupAllocationParameters::default()
        };
        let group = scene.alloc(
            KEPLER_CHANNEL_GROUP_A,
            Scene::DEVICE,
            GROUP,
            params.as_bytes(),
        );
        assert_eq!(group, Ok(GROUP));
        scene
    }

    #[test]
    fn a_group_has_a_time_slice_and_a_level() {
        const TIMESLICE: u32 = 0xa06c_0103;
        const LEVEL: u32 = 0xa06c_0107;
        let mut scene = with_group();
        let mut call = |cmd, params: &[u8]| scene.control(GROUP, cmd, params).map(|_| ());
        assert_eq!(call(TIMESLICE, &[1; 4]), Err(NV_ERR_INVALID_ARGUMENT));
        for wrong in [3, u32::MAX] {
            let refused = call(LEVEL, wrong.as_bytes());
            assert_eq!(refused, Err(NV_ERR_INVALID_ARGUMENT), "{wrong}");
        }
        assert_eq!(call(TIMESLICE, 20_000_u64.as_bytes()), Ok(()));
        assert_eq!(call(LEVEL, 2_u32.as_bytes()), Ok(()));
        let group = GroupId {
            client: Scene::CLIENT,
            handle: GROUP,
        };
        let set = |level| Effect::PolicySet {
            group,
            policy: Policy {
                level,
                timeslice_us: 20_000,
            },
        };
        let expected = [InterleaveLevel::Medium, InterleaveLevel::High].map(set);
        assert_eq!(scene.take_effects(), expected);
        for (wanted, slice) in [(0, 0), (u64::MAX, TIMESLICE_US_MAX)] {
            let taken = scene.control(GROUP, TIMESLICE, wanted.as_bytes());
            assert_eq!(taken.as_deref(), Ok(wanted.as_bytes()));
            let effects = scene.take_effects();
            let [Effect::PolicySet { policy, .. }] = &effects[..] else {
                panic!("{effects:?}")
            };
            assert_eq!(policy.timeslice_us, slice);
        }
        scene.free(GROUP);
        assert_eq!(scene.take_effects(), [Effect::GroupFreed(group)]);
        let channel = scene.channel();
        let refused = scene.control(channel, TIMESLICE, 20_000_u64.as_bytes());
        assert_eq!(refused, Err(NV_ERR_NOT_SUPPORTED), "not of a channel");
    }

    #[test]
    fn a_group_schedules_its_channels() {
        let mut scene = with_group();
        for id in [5, 6] {
            let params = scene.channel_params(|params| {
                params.flags = ChannelFlags(0).with_fixed_id(id).0;
                (params.h_va_space, params.engine_type) = (0, 0);
            });
            let channel = scene.alloc(AMPERE_CHANNEL_GPFIFO_A, GROUP, 0xf1f0_0000 + id, &params);
            assert_eq!(channel, Ok(0xf1f0_0000 + id));
        }
        scene.take_effects();
        assert_eq!(scene.control(GROUP, 0xa06c_0101, &[1, 0]), Ok(vec![1, 0]));
        let scheduled = |id| Effect::Scheduled {
            channel: ChannelNumber(id),
            runs: true,
        };
        assert_eq!(scene.take_effects(), [scheduled(5), scheduled(6)]);
        let mut bind = |number: u32| scene.control(GROUP, 0xa06c_0102, number.as_bytes());
        assert_eq!(bind(10).map(|_| ()), Ok(()));
        assert_eq!(bind(0x13), Err(NV_ERR_INVALID_STATE));
    }
}

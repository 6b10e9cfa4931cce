// SPDX-License-Identifier: GPL-2.0

//! Channels, their groups, and the context shares of these.

use nova_hw::abi::status::{
    NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_CLASS, NV_ERR_INVALID_OBJECT_HANDLE,
    NV_ERR_INVALID_OBJECT_PARENT, NV_ERR_INVALID_STATE, NV_ERR_NOT_SUPPORTED, NV_ERR_NO_MEMORY,
};
use nova_hw::abi::{
    ChannelAllocParams, ChannelFlags, ChannelGroupAllocationParameters,
    CtxShareAllocationParameters, MemoryDescParams,
};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::chips::engines::{self, Row};
use crate::engines::host::policy::Policy;
use crate::engines::memory::Aperture;
use crate::gsp_rm::context::Context;
use crate::gsp_rm::objects::{Allocation, Family, Kind, Params, Parents};
use crate::gsp_rm::platform::Platform;
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::{
    Channel, ChannelNumber, Group, GroupId, Privilege, Resource, Share, SpaceId,
};

pub(super) static CHANNEL: Family = Family {
    kind: Kind::Channel,
    parents: Parents::Of(&[Kind::Device, Kind::Group]),
    params: Params::Required(|release| release.objects.channel),
    controls: &[0x90, 0x506f, 0x906f, 0xa06f, 0xb06f, 0xc36f, 0xc56f],
    construct: construct_channel,
};

pub(super) static GROUP: Family = Family {
    kind: Kind::Group,
    parents: Parents::Of(&[Kind::Device]),
    params: Params::Required(|_| size_of::<ChannelGroupAllocationParameters>()),
    controls: &[0x90, 0xa06c],
    construct: construct_group,
};

pub(super) static SHARE: Family = Family {
    kind: Kind::Share,
    parents: Parents::Of(&[Kind::Group]),
    params: Params::Required(|_| size_of::<CtxShareAllocationParameters>()),
    controls: &[0x9067],
    construct: construct_share,
};

/// Bytes of an instance block.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_ram.ref.txt (`NV_RAMIN_ALLOC_SIZE`).
const INSTANCE_BLOCK: u64 = 0x1000;

/// Bytes of a USERD. Host takes its address without the lower bits: those of tinygrad's first
/// channel, which never runs, are not 0.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_ram.ref.txt (`NV_RAMUSERD_BASE_SHIFT`).
const USERD: u64 = 0x200;

/// Subcontexts of a group; an H200's.
const SUBCONTEXTS: u32 = 64;

/// The row of the engine with this number.
///
/// GSP-RM does not check that the engine exists until work is bound to it. The model does, since it
/// would have no runlist.
pub(super) fn engine(platform: &Platform<'_>, number: u32) -> Result<Row, Refused> {
    let table = engines::of(platform.chip.chipset).table();
    let row = table.into_iter().find(|row| row.engine.number() == number);
    row.ok_or_else(|| {
        let error = format!("there is no engine {number:#x}");
        (NV_ERR_INVALID_ARGUMENT, error)
    })
}

/// Source: `kchangrpapiConstruct_IMPL` in
/// src/nvidia/src/kernel/gpu/fifo/kernel_channel_group_api.c.
fn construct_group(allocation: &Allocation<'_>, params: &mut [u8]) -> Result<Resource, Refused> {
    let request = ChannelGroupAllocationParameters::read_from_bytes(params).unwrap_or_default();
    let row = engine(allocation.platform, request.engine_type)?;
    let space = allocation.space(request.h_va_space)?;
    Ok(Resource::Group(Group {
        engine: row.engine,
        space,
        policy: Policy::default(),
        context: Context::default(),
    }))
}

/// Source: `kctxshareapiConstruct_IMPL` and `kctxshareInitCommon_IMPL` in
/// src/nvidia/src/kernel/gpu/fifo/kernel_ctxshare.c.
fn construct_share(allocation: &Allocation<'_>, params: &mut [u8]) -> Result<Resource, Refused> {
    type Flags = CtxShareAllocationParameters;
    let mut request = CtxShareAllocationParameters::read_from_bytes(params).unwrap_or_default();
    let space = allocation.space(request.h_va_space)?;
    has_directory(allocation, space)?;
    let used: Vec<u32> = allocation
        .siblings()
        .filter_map(|other| match &other.resource {
            Resource::Share(share) => Some(share.subcontext),
            _ => None,
        })
        .collect();
    let is_free = |&id: &u32| id < SUBCONTEXTS && !used.contains(&id);
    let id = match request.flags {
        Flags::SYNC => Some(0).filter(is_free),
        Flags::ASYNC => (0..SUBCONTEXTS).rev().find(is_free),
        Flags::SPECIFIED => Some(request.subctx_id).filter(is_free),
        Flags::ASYNC_PREFER_LOWER => (1..SUBCONTEXTS).chain([0]).find(is_free),
        flags => {
            let error = format!("a context share with flags {flags:#x}");
            return Err((NV_ERR_INVALID_ARGUMENT, error));
        }
    };
    let Some(subcontext) = id else {
        return Err((NV_ERR_NO_MEMORY, format!("no subcontext for {request:x?}")));
    };
    request.subctx_id = subcontext;
    params.copy_from_slice(request.as_bytes());
    Ok(Resource::Share(Share { space, subcontext }))
}

/// Checks that an address space whose page tables are the driver's has some.
///
/// Source: `kctxshareInitCommon_IMPL` as above; a channel without context share gets one of GSP-RM's.
fn has_directory(allocation: &Allocation<'_>, space: Option<SpaceId>) -> Result<(), Refused> {
    let Some(id) = space else {
        return Ok(());
    };
    match &allocation.client.find(id.handle)?.resource {
        Resource::Space(space) if space.is_external && space.directory.is_none() => Err((
            NV_ERR_INVALID_STATE,
            format!("address space {:#x} has no page directory", id.handle),
        )),
        _ => Ok(()),
    }
}

/// Source: `kchannelConstruct_IMPL` in src/nvidia/src/kernel/gpu/fifo/kernel_channel.c.
fn construct_channel(allocation: &Allocation<'_>, params: &mut [u8]) -> Result<Resource, Refused> {
    let (mut request, _) = ChannelAllocParams::read_from_prefix(params)
        .unwrap_or((ChannelAllocParams::default(), &[]));
    let platform = allocation.platform;
    let number = allocation.class.number;
    if !engines::of(platform.chip.chipset).classes.has(number) {
        let error = format!(
            "{} has no {}",
            platform.chip.chipset,
            allocation.class.name()
        );
        return Err((NV_ERR_INVALID_CLASS, error));
    }
    let flags = ChannelFlags(request.flags);
    if flags.channel_type() != 0 {
        let error = format!("a channel of type {:#x}", flags.channel_type());
        return Err((NV_ERR_NOT_SUPPORTED, error));
    }
    let space = space(allocation, &request)?;
    has_directory(allocation, space)?;
    let row = channel_engine(allocation, &request)?;
    let channel = Channel {
        number: channel_number(allocation, flags)?,
        class: number,
        group: group(allocation),
        space,
        engine: row.engine,
        runlist: row.runlist,
        runqueue: flags.runqueue(),
        instance: instance(platform, &request.instance_mem)?,
        userd: userd(platform, &request.userd_mem)?,
        gpfifo: request.gp_fifo_offset,
        gpfifo_entries: gpfifo_entries(request.gp_fifo_entries)?,
        privilege: privilege(request.internal_flags)?,
        share: request.h_context_share,
        context: match &allocation.parent.resource {
            Resource::Group(group) => group.context,
            _ => Context::default(),
        },
    };
    // What is for internal use does not come back.
    request.cid = allocation.channels_made();
    request.h_phys_channel_group = 0;
    request.internal_flags = 0;
    request.error_notifier_mem = MemoryDescParams::new_zeroed();
    request.ecc_error_notifier_mem = MemoryDescParams::new_zeroed();
    (request.process_id, request.sub_process_id) = (0, 0);
    params[..size_of::<ChannelAllocParams>()].copy_from_slice(request.as_bytes());
    Ok(Resource::Channel(channel))
}

/// The group that the driver has named as the parent. A channel without one gets a group of its own,
/// which the driver never sees.
fn group(allocation: &Allocation<'_>) -> Option<GroupId> {
    let id = GroupId {
        client: allocation.client_handle,
        handle: allocation.parent_handle,
    };
    matches!(allocation.parent.resource, Resource::Group(_)).then_some(id)
}

/// The channel's address space: its own, its context share's or its group's.
fn space(
    allocation: &Allocation<'_>,
    request: &ChannelAllocParams,
) -> Result<Option<SpaceId>, Refused> {
    let (own, share) = (request.h_va_space, request.h_context_share);
    let invalid = |error: &str| Err((NV_ERR_INVALID_ARGUMENT, error.into()));
    match &allocation.parent.resource {
        _ if own != 0 && share != 0 => invalid("an address space beside a context share"),
        Resource::Group(_) if own != 0 => invalid("an address space of a channel in a group"),
        Resource::Group(group) if share == 0 => Ok(group.space),
        Resource::Group(_) => {
            let found = allocation.client.find_of(Kind::Share, share)?;
            match &found.resource {
                _ if !found.is_below(allocation.parent_handle) => Err((
                    NV_ERR_INVALID_OBJECT_PARENT,
                    format!("context share {share:#x} of another group"),
                )),
                Resource::Share(share) => Ok(share.space),
                _ => Err((
                    NV_ERR_INVALID_OBJECT_HANDLE,
                    format!("object {share:#x} is no context share"),
                )),
            }
        }
        _ if share != 0 => invalid("a context share of a channel without group"),
        _ => allocation.space(own),
    }
}

/// The channel's engine. In a group it is the group's, and needs no number.
fn channel_engine(
    allocation: &Allocation<'_>,
    request: &ChannelAllocParams,
) -> Result<Row, Refused> {
    let number = request.engine_type;
    match &allocation.parent.resource {
        Resource::Group(group) if number == 0 => engine(allocation.platform, group.engine.number()),
        Resource::Group(group) if number != group.engine.number() => {
            let error = format!("engine {number:#x} in a group for {:?}", group.engine);
            Err((NV_ERR_INVALID_ARGUMENT, error))
        }
        _ => engine(allocation.platform, number),
    }
}

/// The number that the driver has chosen, or the next one. GSP-RM of 570 has the first one for a
/// channel of its own; an older one has no such channel.
///
/// Source: `kchannelAllocHwID_GM107` in
/// src/nvidia/src/kernel/gpu/fifo/arch/maxwell/kernel_channel_gm107.c, `kfifoChidMgrAllocChid_IMPL`
/// in src/nvidia/src/kernel/gpu/fifo/kernel_fifo.c and `eheapAlloc` in
/// src/nvidia/src/libraries/containers/eheap/eheap_old.c.
fn channel_number(
    allocation: &Allocation<'_>,
    flags: ChannelFlags,
) -> Result<ChannelNumber, Refused> {
    let reserved = allocation.platform.release.reserved_channels.into();
    let mut used: Vec<u32> = allocation
        .channels()
        .map(|channel| channel.number.0.into())
        .collect();
    used.extend(0..reserved);
    let is_free = |number: &u32| *number < ChannelNumber::COUNT && !used.contains(number);
    let number = match (flags.fixed_id(), flags.fixed_index()) {
        (Some(number), Some(_)) => {
            let error = format!("channel {number:#x} by two flags");
            return Err((NV_ERR_INVALID_STATE, error));
        }
        (Some(number), None) => Some(number)
            .filter(is_free)
            .ok_or(format!("channel {number:#x} is not free")),
        (None, Some(index)) => (0..ChannelNumber::COUNT)
            .skip(index as usize)
            .step_by(8)
            .find(is_free)
            .ok_or(format!("no channel {index} of any page is free")),
        (None, None) => (0..ChannelNumber::COUNT)
            .find(is_free)
            .ok_or("no channel is free".into()),
    };
    number
        .map(|number| ChannelNumber(number as u16))
        .map_err(|error| (NV_ERR_NO_MEMORY, error))
}

fn aperture(memory: &MemoryDescParams) -> Aperture {
    match memory.address_space {
        MemoryDescParams::VIDEO => Aperture::Vram,
        _ => Aperture::System,
    }
}

fn instance(
    platform: &Platform<'_>,
    memory: &MemoryDescParams,
) -> Result<(Aperture, u64), Refused> {
    let is_sound = memory.size >= INSTANCE_BLOCK
        && memory.base % INSTANCE_BLOCK == 0
        && platform.is_memory(memory.address_space, memory.base, memory.size);
    match is_sound {
        true => Ok((aperture(memory), memory.base)),
        false => Err((
            NV_ERR_INVALID_ARGUMENT,
            format!("an instance block in {memory:x?}"),
        )),
    }
}

fn userd(platform: &Platform<'_>, memory: &MemoryDescParams) -> Result<(Aperture, u64), Refused> {
    let base = memory.base / USERD * USERD;
    match platform.is_memory(memory.address_space, base, USERD) {
        true => Ok((aperture(memory), base)),
        false => Err((NV_ERR_INVALID_ARGUMENT, format!("USERD in {memory:x?}"))),
    }
}

/// Host has the logarithm of the number of entries.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_pbdma.ref.txt (`NV_PPBDMA_GP_BASE_HI_LIMIT2`). The
/// check is the model's.
fn gpfifo_entries(entries: u32) -> Result<u32, Refused> {
    match entries.is_power_of_two() {
        true => Ok(entries),
        false => Err((
            NV_ERR_INVALID_ARGUMENT,
            format!("a GPFIFO of {entries:#x} entries"),
        )),
    }
}

fn privilege(internal_flags: u32) -> Result<Privilege, Refused> {
    match ChannelFlags::privilege(internal_flags) {
        0 => Ok(Privilege::User),
        1 => Ok(Privilege::Admin),
        2 => Ok(Privilege::Kernel),
        privilege => Err((
            NV_ERR_INVALID_ARGUMENT,
            format!("a channel of privilege {privilege}"),
        )),
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Objects on channels, one for each class whose methods a channel's work may have; the pages with
//! the doorbell; and debuggers.

use nova_hw::abi::class::NVCDFA_VIDEO_OFA;
use nova_hw::abi::status::{
    NV_ERR_INVALID_CLASS, NV_ERR_INVALID_OBJECT_PARENT, NV_ERR_INVALID_STATE,
};
use nova_hw::abi::{CopyAllocationParameters, VideoAllocationParameters, GR_ALLOCATION_PARAMETERS};
use zerocopy::{FromBytes, IntoBytes};

use crate::chips::engines::{self, Engine};
use crate::gsp_rm::context::Context;
use crate::gsp_rm::objects::{Allocation, Family, Kind, Params, Parents};
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::Resource;

/// A family of objects on channels.
const fn on_channels(
    params: Params,
    construct: fn(&Allocation<'_>, &mut [u8]) -> Result<Resource, Refused>,
) -> Family {
    Family {
        kind: Kind::Engine,
        parents: Parents::Of(&[Kind::Channel]),
        params,
        controls: &[],
        construct,
    }
}

pub(super) static COPY: Family = on_channels(
    Params::Optional(|_| size_of::<CopyAllocationParameters>()),
    |allocation, params| on_engine(allocation, copy(params)),
);

pub(super) static GRAPHICS: Family = on_channels(
    Params::Optional(|_| GR_ALLOCATION_PARAMETERS),
    |allocation, _| {
        let object = on_engine(allocation, Some(Engine::Gr))?;
        has_context(allocation)?;
        Ok(object)
    },
);

const VIDEO: Params = Params::Optional(|_| size_of::<VideoAllocationParameters>());

pub(super) static NVDEC: Family = on_channels(VIDEO, |allocation, params| {
    on_engine(allocation, video(params).map(Engine::Nvdec))
});

pub(super) static NVENC: Family = on_channels(VIDEO, |allocation, params| {
    on_engine(allocation, video(params).map(Engine::Nvenc))
});

pub(super) static NVJPEG: Family = on_channels(VIDEO, |allocation, params| {
    on_engine(allocation, video(params).map(Engine::Nvjpeg))
});

/// Up to Ada, and in consumers' Blackwells, there is one, whatever the parameters say.
pub(super) static OFA: Family = on_channels(
    Params::Optional(|release| release.objects.ofa),
    |allocation, params| {
        let instance = match allocation.class.number {
            NVCDFA_VIDEO_OFA => video(params),
            _ => video(params).map(|_| 0),
        };
        on_engine(allocation, instance.map(Engine::Ofa))
    },
);

/// Source: `usrmodeConstruct_IMPL` in src/nvidia/src/kernel/gpu/fifo/usermode_api.c; an H200 takes
/// those without parameters that it lists.
pub(super) static USERMODE: Family = Family {
    kind: Kind::Usermode,
    parents: Parents::Of(&[Kind::Subdevice]),
    params: Params::Optional(|_| 2),
    controls: &[],
    construct: |allocation, _| has_class(allocation).map(|()| Resource::None),
};

/// Source: `ksmdbgssnConstruct_IMPL` in
/// src/nvidia/src/kernel/gpu/gr/kernel_sm_debugger_session.c, of which only the parameters' size is
/// checked: its controls are not modelled.
pub(super) static DEBUGGER: Family = Family {
    kind: Kind::Debugger,
    parents: Parents::Of(&[Kind::Device]),
    params: Params::Required(|_| 12),
    controls: &[0x83de],
    construct: |_, _| Ok(Resource::None),
};

/// Source: `chandesConstruct_IMPL` in src/nvidia/src/kernel/gpu/fifo/channel_descendant.c.
fn has_class(allocation: &Allocation<'_>) -> Result<(), Refused> {
    let chipset = allocation.platform.chip.chipset;
    match engines::of(chipset).classes.has(allocation.class.number) {
        true => Ok(()),
        false => {
            let error = format!("{chipset} has no {}", allocation.class.name());
            Err((NV_ERR_INVALID_CLASS, error))
        }
    }
}

/// Checks that GSP-RM can make the golden context, as it does with the first object for graphics since
/// it has started. Which of the classes make it is not public: nouveau has 3D make it, tinygrad compute.
/// Later objects may come before their channel's context is promoted, as tinygrad's do.
fn has_context(allocation: &Allocation<'_>) -> Result<(), Refused> {
    let context = allocation.parent.resource.channel();
    let context = context.map_or(Context::default(), |channel| channel.context);
    match allocation.has_golden_context() || context.can_be_golden() {
        true => Ok(()),
        false => {
            let name = allocation.class.name();
            let error =
                format!("a {name} before the golden context, on a channel with {context:x?}");
            Err((NV_ERR_INVALID_STATE, error))
        }
    }
}

/// An object on this engine, which must be on the channel's runlist; `None` if the parameters do not
/// name any.
///
/// Source: `chandesConstruct_IMPL` as above, and `kfifoRunlistSetId_GM107` in
/// src/nvidia/src/kernel/gpu/fifo/arch/maxwell/kernel_fifo_gm107.c.
fn on_engine(allocation: &Allocation<'_>, engine: Option<Engine>) -> Result<Resource, Refused> {
    has_class(allocation)?;
    let class = allocation.class;
    let table = engines::of(allocation.platform.chip.chipset);
    let Some(row) = engine.and_then(|engine| table.row(engine)) else {
        let error = format!("a {} on engine {engine:?}", class.name());
        return Err((NV_ERR_INVALID_CLASS, error));
    };
    let Some(channel) = allocation.parent.resource.channel() else {
        let error = format!("a {} that is on no channel", class.name());
        return Err((NV_ERR_INVALID_OBJECT_PARENT, error));
    };
    if row.runlist != channel.runlist {
        let error = format!(
            "engine {:?} of runlist {} for a channel of runlist {}",
            row.engine, row.runlist, channel.runlist
        );
        return Err((NV_ERR_INVALID_STATE, error));
    }
    Ok(Resource::Engine {
        class: class.number,
        engine: row.engine,
        channel: channel.number,
    })
}

/// The copy engine that the parameters name. Without parameters it is the first one, as the list of
/// the chip's classes has it. There are 20 numbers for copy engines.
///
/// Source: `kceGetEngineDescFromAllocParams` in src/nvidia/src/kernel/gpu/ce/kernel_ce_context.c.
fn copy(params: &[u8]) -> Option<Engine> {
    let Ok(params) = CopyAllocationParameters::read_from_bytes(params) else {
        return Some(Engine::Copy(0));
    };
    let number = params.engine_type;
    match params.version {
        0 => u8::try_from(number).ok().map(Engine::Copy),
        1 => (0..20)
            .map(Engine::Copy)
            .find(|engine| engine.number() == number),
        _ => None,
    }
}

/// The instance of a video engine that the parameters name. Without parameters it is the first one.
/// 535's optical flow accelerators have parameters without instance.
///
/// Source: `nvdecGetEngineDescFromAllocParams` in
/// src/nvidia/src/kernel/gpu/nvdec/kernel_nvdec_engdesc.c, and its like for the other engines.
fn video(params: &[u8]) -> Option<u8> {
    if params.is_empty() {
        return Some(0);
    }
    let mut request = VideoAllocationParameters::default();
    request
        .as_mut_bytes()
        .get_mut(..params.len())?
        .copy_from_slice(params);
    if request.size as usize != params.len() {
        return None;
    }
    u8::try_from(request.engine_instance).ok()
}

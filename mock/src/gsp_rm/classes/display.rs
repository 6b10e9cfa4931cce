// SPDX-License-Identifier: GPL-2.0

//! Displays, and events.

use nova_hw::abi::status::{
    NV_ERR_INVALID_CLASS, NV_ERR_INVALID_OBJECT, NV_ERR_INVALID_OBJECT_HANDLE, NV_ERR_NOT_SUPPORTED,
};
use nova_hw::abi::Nv0005AllocParameters;
use zerocopy::FromBytes;

use crate::chips::engines;
use crate::gsp_rm::objects::{Allocation, Family, Kind, Params, Parents};
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::Resource;

pub(super) static COMMON: Family = Family {
    kind: Kind::DisplayCommon,
    parents: Parents::Of(&[Kind::Device]),
    params: Params::None,
    controls: &[0x73],
    construct: |allocation, _| has_display(allocation),
};

pub(super) static ROOT: Family = Family {
    kind: Kind::Display,
    parents: Parents::Of(&[Kind::Device]),
    params: Params::Optional(|_| ROOT_PARAMS),
    controls: &[],
    construct: construct_root,
};

pub(super) static EVENT: Family = Family {
    kind: Kind::Event,
    parents: Parents::Any,
    params: Params::Required(|_| size_of::<Nv0005AllocParameters>()),
    controls: &[],
    construct: construct_event,
};

/// Bytes of `NVC570_ALLOCATION_PARAMETERS` and its like.
const ROOT_PARAMS: usize = 12;

/// Source: `dispapiConstruct_IMPL` in src/nvidia/src/kernel/gpu/disp/disp_objs.c; an H200, which has
/// no display, answers so to the class that is the same for all chips.
fn has_display(allocation: &Allocation<'_>) -> Result<Resource, Refused> {
    match allocation.platform.chip.has_display {
        true => Ok(Resource::None),
        false => Err((NV_ERR_NOT_SUPPORTED, "there is no display".into())),
    }
}

/// Source: `dispapiConstruct_IMPL` as above.
fn construct_root(allocation: &Allocation<'_>, _: &mut [u8]) -> Result<Resource, Refused> {
    let chipset = allocation.platform.chip.chipset;
    if !engines::of(chipset).classes.has(allocation.class.number) {
        let error = format!("{chipset} has no {}", allocation.class.name());
        return Err((NV_ERR_INVALID_CLASS, error));
    }
    has_display(allocation)
}

/// Source: `eventConstruct_IMPL` and `eventInit_IMPL` in src/nvidia/src/kernel/rmapi/event.c, where
/// the source must be named; nouveau names none, and works with real cards. Events for other clients
/// are not modelled. Events are accepted, and none of them comes.
fn construct_event(allocation: &Allocation<'_>, params: &mut [u8]) -> Result<Resource, Refused> {
    let request = Nv0005AllocParameters::read_from_bytes(params).unwrap_or_default();
    let (client, source) = (request.h_parent_client, request.h_src_resource);
    if ![0, allocation.client_handle].contains(&client) {
        let error = format!("an event for client {client:#x}");
        return Err((NV_ERR_INVALID_OBJECT_HANDLE, error));
    }
    if source != 0 && allocation.client.find(source).is_err() {
        let error = format!("an event of object {source:#x}");
        return Err((NV_ERR_INVALID_OBJECT, error));
    }
    Ok(Resource::None)
}

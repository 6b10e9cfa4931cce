// SPDX-License-Identifier: GPL-2.0

//! GSP_RM_ALLOC: allocates an object of GSP-RM.
//!
//! Source: open-gpu-kernel-modules 570, `rpcRmApiAlloc_GSP` in src/nvidia/src/kernel/vgpu/rpc.c; nouveau,
//! nvkm/subdev/gsp/rm/r535/alloc.c.

use core::mem::offset_of;

use nova_hw::abi::{class, function, Nv0080AllocParameters, Nv2080AllocParameters, RmAlloc};
use nova_hw::field::Fields;
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::bug::OrBug;
use crate::gsp::handles::Handles;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::call::Header;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// A class of objects, and the parameters with which its objects are allocated.
pub trait Class: Sync {
    /// Number of the class.
    fn class(&self) -> u32;

    /// Bytes of the parameters.
    fn size(&self, release: &Release) -> usize;

    /// Writes the parameters of an object of `client` into `params`, which is zeroed.
    fn write(&self, release: &Release, client: u32, params: &mut [u8]);
}

/// Allocates an object, whose handle the driver chooses.
#[derive(Clone, Copy)]
pub struct Alloc<'c> {
    /// The new object.
    pub object: Handles,
    /// Handle of the parent.
    pub parent: u32,
    /// Class of the object.
    pub class: &'c dyn Class,
}

impl Command for Alloc<'_> {
    const FUNCTION: u32 = function::GSP_RM_ALLOC;
    const HEADER: Header = Header {
        size: size_of::<RmAlloc>(),
        status: Some(offset_of!(RmAlloc, status)),
    };
    type Reply = ();

    fn cmd(&self) -> u32 {
        self.class.class()
    }

    fn size(&self, release: &Release) -> usize {
        size_of::<RmAlloc>().saturating_add(self.class.size(release))
    }

    fn write(&self, release: &Release, payload: &mut [u8]) {
        let (header, params) = payload.split_at_mut_checked(size_of::<RmAlloc>()).or_bug();
        let Handles { client, object } = self.object;
        let alloc = RmAlloc {
            h_client: client,
            h_parent: self.parent,
            h_object: object,
            h_class: self.class.class(),
            params_size: u32::try_from(params.len()).unwrap_or(u32::MAX),
            ..RmAlloc::default()
        };
        header.copy_from_slice(alloc.as_bytes());
        self.class.write(release, client, params);
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}

/// NV01_ROOT: a client, the root of a tree of objects.
pub(crate) struct Root;

impl Class for Root {
    fn class(&self) -> u32 {
        class::NV01_ROOT
    }

    fn size(&self, release: &Release) -> usize {
        release.root.size
    }

    fn write(&self, release: &Release, client: u32, params: &mut [u8]) {
        Fields(params).set(release.root.client, client);
    }
}

/// NV01_DEVICE_0: the GPU as a client sees it, with the client's own address space.
pub(crate) struct Device;

impl Class for Device {
    fn class(&self) -> u32 {
        class::NV01_DEVICE_0
    }

    fn size(&self, _release: &Release) -> usize {
        size_of::<Nv0080AllocParameters>()
    }

    fn write(&self, _release: &Release, client: u32, params: &mut [u8]) {
        let device = Nv0080AllocParameters {
            h_client_share: client,
            ..Nv0080AllocParameters::default()
        };
        params.copy_from_slice(device.as_bytes());
    }
}

/// NV20_SUBDEVICE_0: the one GPU of a device.
pub(crate) struct Subdevice;

impl Class for Subdevice {
    fn class(&self) -> u32 {
        class::NV20_SUBDEVICE_0
    }

    fn size(&self, _release: &Release) -> usize {
        size_of::<Nv2080AllocParameters>()
    }

    fn write(&self, _release: &Release, _client: u32, params: &mut [u8]) {
        params.copy_from_slice(Nv2080AllocParameters::default().as_bytes());
    }
}

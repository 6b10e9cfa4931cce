// SPDX-License-Identifier: GPL-2.0

//! The objects of GSP-RM: a tree for each client, with the client as its root.
//!
//! Source: open-gpu-kernel-modules 570, the resource server (rs_server.c and rs_client.c in
//! src/nvidia/src/libraries/resserv/src) and its user, src/nvidia/src/kernel/rmapi/alloc_free.c, in
//! the driver. The firmware is taken to have the same, built with RS_COMPATABILITY_MODE as in
//! src/nvidia/Makefile.

use std::collections::BTreeMap;

use nova_hw::abi::status::{
    NV_ERR_INSERT_DUPLICATE_NAME, NV_ERR_INSUFFICIENT_RESOURCES, NV_ERR_INVALID_ARGUMENT,
    NV_ERR_INVALID_CLIENT, NV_ERR_INVALID_OBJECT_HANDLE, NV_ERR_INVALID_OBJECT_PARENT,
    NV_ERR_OBJECT_NOT_FOUND,
};
use nova_hw::abi::{class, handle, RmAlloc};
use nova_hw::release::Release;

use super::platform::Platform;
use super::refused::Refused;
use super::resource::{Channel, MemoryList, Resource, SpaceId};
use super::suspend::Backup;

mod client;

/// Handles of the objects that GSP-RM creates for the driver's own use, as on real cards:
/// 535.183.01 on a GA102 reports this client (captures in FlareCoding/StelluxOS), 570 reports
/// 0xc2000006 (traces of nouveau in oriaj-nocrala/rust_so_kernel). Those of device and subdevice
/// are `NV_GPU_INTERNAL_DEVICE_HANDLE` and `NV_GPU_INTERNAL_SUBDEVICE_HANDLE` of
/// src/nvidia/generated/g_gpu_nvoc.h. A driver's own clients start at 0xc1d00000 in nouveau and at
/// 0xc1e00000 in NVIDIA's driver.
pub(crate) const INTERNAL_CLIENT: u32 = 0xc200_0005;
pub(crate) const INTERNAL_DEVICE: u32 = 0xabcd_0080;
pub(crate) const INTERNAL_SUBDEVICE: u32 = 0xabcd_2080;

/// The most clients that may exist; the model's own limit.
const CLIENTS_MAX: usize = 0x1000;

/// The most objects of all clients; the model's own limit.
const OBJECTS_MAX: usize = 0x4000;

/// How many pages the objects of memory may list, which is 4 GiB of memory; the model's own value.
const LISTED_MAX: usize = 0x10_0000;

/// The handle of an object that was freed, and what GSP-RM has known of it.
pub(crate) type Freed = (u32, Resource);

/// What an object is to GSP-RM, whichever number the class has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Client,
    Device,
    Subdevice,
    Space,
    Range,
    Memory,
    Group,
    Share,
    Channel,
    Engine,
    Usermode,
    DisplayCommon,
    Display,
    Event,
    Debugger,
}

/// Where objects of a kind may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parents {
    /// Nowhere: they are clients.
    None,
    /// Below these.
    Of(&'static [Kind]),
    /// Below any object.
    Any,
}

/// The parameters of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Params {
    /// There are none.
    None,
    /// As many bytes as the release has, or none.
    Optional(fn(&Release) -> usize),
    /// As many bytes as the release has.
    Required(fn(&Release) -> usize),
}

/// What classes of the same kind have in common.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    pub(crate) parents: Parents,
    pub(crate) params: Params,
    /// The classes whose controls its objects have: the upper halves of the controls' numbers, as in
    /// src/nvidia/generated/g_*_nvoc.c.
    pub(crate) controls: &'static [u32],
    /// Checks the parameters, and fills in what they return; returns what GSP-RM keeps.
    pub(crate) construct: fn(&Allocation<'_>, &mut [u8]) -> Result<Resource, Refused>,
}

/// A class.
#[derive(Debug)]
pub(crate) struct Class {
    /// Its number.
    pub(crate) number: u32,
    pub(crate) family: &'static Family,
}

impl Class {
    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        class::name(self.number).unwrap_or("unknown")
    }

    /// Whether objects of this kind can be parents of its objects.
    fn belongs_below(&self, parent: Kind) -> bool {
        match self.family.parents {
            Parents::None => false,
            Parents::Of(kinds) => kinds.contains(&parent),
            Parents::Any => true,
        }
    }

    /// Checks that there are as many bytes of parameters as the release has, or none if the class
    /// does not need them.
    ///
    /// Missing parameters are NV_ERR_INVALID_ARGUMENT in `rmapiParamsCopyInit` of
    /// src/nvidia/src/kernel/rmapi/param_copy.c. The same status for a wrong size is the model's
    /// choice, since GSP-RM's end of the RPC is not public.
    fn check_size(&self, release: &Release, params: &[u8]) -> Result<(), Refused> {
        let (expected, needed) = match self.family.params {
            Params::None => (0, false),
            Params::Optional(size) => (size(release), false),
            Params::Required(size) => (size(release), true),
        };
        let found = params.len();
        match found == expected || found == 0 && !needed {
            true => Ok(()),
            false => {
                let error = format!("{found:#x} bytes of parameters, not {expected:#x}");
                Err((NV_ERR_INVALID_ARGUMENT, error))
            }
        }
    }
}

/// What the check of a new object can see.
pub(crate) struct Allocation<'a> {
    pub(crate) platform: &'a Platform<'a>,
    pub(crate) class: &'static Class,
    /// Its client, and the handle of that.
    pub(crate) client: &'a Client,
    pub(crate) client_handle: u32,
    /// Its parent, and the handle of that.
    pub(crate) parent: &'a Object,
    pub(crate) parent_handle: u32,
    objects: &'a Objects,
}

impl Allocation<'_> {
    /// The channels of all clients.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.objects.channels()
    }

    /// Number of the new channel among all that there ever were.
    pub(crate) fn channels_made(&self) -> u32 {
        self.objects.channels_made
    }

    /// The golden context of graphics has been made.
    pub(crate) fn has_golden_context(&self) -> bool {
        self.objects.has_golden_context
    }

    /// The other objects with its class and parent.
    pub(crate) fn siblings(&self) -> impl Iterator<Item = &Object> {
        let is_sibling = |object: &&Object| {
            object.parent == self.parent_handle && object.class.number == self.class.number
        };
        self.client.objects.values().filter(is_sibling)
    }

    /// The address space with this handle, or the device's for 0.
    ///
    /// Source: `vaspaceGetByHandleOrDeviceDefault_IMPL` in src/nvidia/src/kernel/mem_mgr/vaspace.c.
    pub(crate) fn space(&self, handle: u32) -> Result<Option<SpaceId>, Refused> {
        self.client.space(self.client_handle, handle)
    }
}

/// All objects.
#[derive(Debug)]
pub(crate) struct Objects {
    clients: BTreeMap<u32, Client>,
    /// Number of the next client that the driver gives no handle; `clientCurrentHandleIndex`.
    next: u32,
    /// Number of channels that were ever made; `currentChannelUniqueId`.
    channels_made: u32,
    /// The golden context of graphics has been made.
    has_golden_context: bool,
    /// Where the driver has GSP-RM save the frame buffer at the next suspend.
    pub(crate) backup: Option<Backup>,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its objects by handle, itself among them.
    objects: BTreeMap<u32, Object>,
    /// Number of its next object that the driver gives no handle; `handleGenIdx`.
    next: u32,
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its parent's handle, or 0.
    parent: u32,
    pub(crate) class: &'static Class,
    pub(crate) resource: Resource,
    /// GSP-RM has created it for the driver's own use.
    is_internal: bool,
}

impl Object {
    pub(crate) fn kind(&self) -> Kind {
        self.class.family.kind
    }

    /// Whether its parent is the object with this handle.
    pub(crate) fn is_below(&self, parent: u32) -> bool {
        self.parent == parent
    }
}

impl Objects {
    /// With the objects that GSP-RM creates for the driver's own use: a client, its device, and the
    /// subdevice of that.
    pub(crate) fn new(internal: [(&'static Class, Resource); 3]) -> Self {
        let handles = [
            (0, INTERNAL_CLIENT),
            (INTERNAL_CLIENT, INTERNAL_DEVICE),
            (INTERNAL_DEVICE, INTERNAL_SUBDEVICE),
        ];
        let object = |((parent, handle), (class, resource))| {
            let object = Object {
                parent,
                class,
                resource,
                is_internal: true,
            };
            (handle, object)
        };
        let objects = handles.into_iter().zip(internal).map(object).collect();
        Self {
            clients: BTreeMap::from([(INTERNAL_CLIENT, Client { objects, next: 0 })]),
            next: 0,
            channels_made: 0,
            has_golden_context: false,
            backup: None,
        }
    }

    /// The channels of all clients.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &Channel> {
        let objects = self
            .clients
            .values()
            .flat_map(|client| client.objects.values());
        objects.filter_map(|object| object.resource.channel())
    }

    /// The client that a control is for.
    ///
    /// Source: `_rmapiRmControl` in src/nvidia/src/kernel/rmapi/control.c.
    pub(crate) fn client(&self, client: u32) -> Result<&Client, Refused> {
        self.clients.get(&client).ok_or_else(|| {
            let error = format!("there is no client {client:#x}");
            (NV_ERR_INVALID_CLIENT, error)
        })
    }

    /// The client that a control is for, to change an object of it.
    pub(crate) fn client_to_change(&mut self, client: u32) -> Result<&mut Client, Refused> {
        self.clients.get_mut(&client).ok_or_else(|| {
            let error = format!("there is no client {client:#x}");
            (NV_ERR_INVALID_CLIENT, error)
        })
    }

    /// Allocates the object that `request` describes, and fills in a handle if the driver has named
    /// none; returns what GSP-RM keeps of it.
    pub(crate) fn alloc(
        &mut self,
        platform: &Platform<'_>,
        class: &'static Class,
        request: &mut RmAlloc,
        params: &mut [u8],
    ) -> Result<&Resource, Refused> {
        class.check_size(platform.release, params)?;
        if class.family.parents == Parents::None {
            return self.alloc_client(platform.release, request, class, params);
        }
        self.alloc_object(platform, request, class, params)
    }

    /// Source: `serverAllocClient` and `_serverCreateEntryAndLockForNewClient` in rs_server.c, which
    /// take any handle and do not look at `hObject`; `_clientAllocResourceHelper` in rs_client.c for
    /// the parent; `rmclientConstruct_IMPL` in src/nvidia/src/kernel/rmapi/client.c for the handle
    /// in the parameters.
    fn alloc_client(
        &mut self,
        release: &Release,
        request: &mut RmAlloc,
        class: &'static Class,
        params: &mut [u8],
    ) -> Result<&Resource, Refused> {
        if self.clients.len() >= CLIENTS_MAX {
            let error = format!("there are {} clients", self.clients.len());
            return Err((NV_ERR_INSUFFICIENT_RESOURCES, error));
        }
        let handle = match request.h_client {
            0 => self.new_handle(),
            named => named,
        };
        if self.clients.contains_key(&handle) {
            let error = format!("there is a client {handle:#x}");
            return Err((NV_ERR_INSERT_DUPLICATE_NAME, error));
        }
        if ![0, handle].contains(&request.h_parent) {
            let error = format!("there is no object {:#x} in a new client", request.h_parent);
            return Err((NV_ERR_OBJECT_NOT_FOUND, error));
        }
        let root = Object {
            parent: 0,
            class,
            resource: Resource::None,
            is_internal: false,
        };
        let objects = BTreeMap::from([(handle, root)]);
        self.clients.insert(handle, Client { objects, next: 0 });
        (request.h_client, request.h_object) = (handle, handle);
        if !params.is_empty() {
            release.root.client.write(params, &handle);
        }
        Ok(&Resource::None)
    }

    /// Source: `serverAllocResourceUnderLock` in src/nvidia/src/kernel/rmapi/alloc_free.c.
    fn alloc_object(
        &mut self,
        platform: &Platform<'_>,
        request: &mut RmAlloc,
        class: &'static Class,
        params: &mut [u8],
    ) -> Result<&Resource, Refused> {
        let (client_handle, parent_handle) = (request.h_client, request.h_parent);
        self.client_mut(client_handle)?;
        if request.h_object == client_handle {
            let error = format!("a {} as a client", class.name());
            return Err((NV_ERR_INVALID_OBJECT_PARENT, error));
        }
        let parent = self.client(client_handle)?.find(parent_handle)?;
        if !class.belongs_below(parent.kind()) {
            let error = format!("a {} below a {}", class.name(), parent.class.name());
            return Err((NV_ERR_INVALID_OBJECT_PARENT, error));
        }
        self.check_room()?;
        let handle = self
            .client_mut(client_handle)?
            .new_handle(request.h_object)?;
        let client = self.client(client_handle)?;
        let allocation = Allocation {
            platform,
            class,
            client,
            client_handle,
            parent: client.find(parent_handle)?,
            parent_handle,
            objects: self,
        };
        let resource = (class.family.construct)(&allocation, params)?;
        self.channels_made += u32::from(resource.channel().is_some());
        self.has_golden_context |= resource.is_for_graphics();
        let object = Object {
            parent: parent_handle,
            class,
            resource,
            is_internal: false,
        };
        request.h_object = handle;
        let objects = &mut self.client_mut(client_handle)?.objects;
        Ok(&objects.entry(handle).or_insert(object).resource)
    }

    /// Checks that there may be one more object.
    fn check_room(&self) -> Result<(), Refused> {
        let clients = self.clients.values();
        match clients.map(|client| client.objects.len()).sum::<usize>() {
            OBJECTS_MAX.. => {
                let error = format!("more than {OBJECTS_MAX:#x} objects");
                Err((NV_ERR_INSUFFICIENT_RESOURCES, error))
            }
            _ => Ok(()),
        }
    }

    /// All memory that the driver has listed.
    fn memories(&self) -> impl Iterator<Item = &MemoryList> {
        let objects = self.clients.values().flat_map(|it| it.objects.values());
        objects.filter_map(|object| match &object.resource {
            Resource::Memory(memory) => Some(memory),
            _ => None,
        })
    }

    /// Makes an object of memory that the driver has; `handles` are those of client, parent and object.
    pub(crate) fn alloc_memory(
        &mut self,
        class: &'static Class,
        handles: [u32; 3],
        memory: MemoryList,
    ) -> Result<(), Refused> {
        let [client, parent, named] = handles;
        self.check_room()?;
        let listed = self.memories().map(MemoryList::listed).sum::<usize>();
        if listed.saturating_add(memory.listed()) > LISTED_MAX {
            let error = format!("more than {LISTED_MAX:#x} pages");
            return Err((NV_ERR_INSUFFICIENT_RESOURCES, error));
        }
        let client = self.client_mut(client)?;
        let above = client.find(parent)?;
        if !class.belongs_below(above.kind()) {
            let error = format!("a {} below a {}", class.name(), above.class.name());
            return Err((NV_ERR_INVALID_OBJECT_PARENT, error));
        }
        let handle = client.new_handle(named)?;
        let object = Object {
            parent,
            class,
            resource: Resource::Memory(memory),
            is_internal: false,
        };
        client.objects.insert(handle, object);
        Ok(())
    }

    /// A handle for a client that the driver gives none. One that was freed does not come again
    /// before all others were given.
    fn new_handle(&mut self) -> u32 {
        loop {
            let handle = handle::CLIENT_BASE + self.next % handle::CLIENT_MAX;
            self.next = self.next.wrapping_add(1);
            // There are fewer clients than handles.
            if !self.clients.contains_key(&handle) {
                return handle;
            }
        }
    }

    /// Frees an object, all below it and all that use one of these; returns them in the order of
    /// freeing, children before their parents. Freeing an object that does not exist succeeds.
    ///
    /// Source: `serverFreeResourceTree` and `serverFreeResourceTreeLockAndFindResource` in
    /// rs_server.c, and `clientUpdatePendingFreeList_IMPL` there.
    pub(crate) fn free(&mut self, client: u32, object: u32) -> Result<Vec<Freed>, Refused> {
        let objects = self.client_mut(client)?;
        let Some(Object { is_internal, .. }) = objects.objects.get(&object) else {
            return Ok(Vec::new());
        };
        // Refused like a client that belongs to another process: `rmclientValidate_IMPL` in
        // src/nvidia/src/kernel/rmapi/client.c. Whether GSP-RM checks this is not public.
        if *is_internal {
            let error = format!("object {object:#x} of client {client:#x} is GSP-RM's");
            return Err((NV_ERR_INVALID_CLIENT, error));
        }
        let order = objects.tree(object).into_iter().rev();
        let freed =
            order.filter_map(|handle| Some((handle, objects.objects.remove(&handle)?.resource)));
        let freed = freed.collect();
        if object == client {
            self.clients.remove(&client);
        }
        Ok(freed)
    }

    /// Source: `_serverLockClientWithLockInfo` in rs_server.c.
    fn client_mut(&mut self, client: u32) -> Result<&mut Client, Refused> {
        self.clients.get_mut(&client).ok_or_else(|| {
            let error = format!("there is no client {client:#x}");
            (NV_ERR_INVALID_OBJECT_HANDLE, error)
        })
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

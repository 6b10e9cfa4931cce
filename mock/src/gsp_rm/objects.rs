// SPDX-License-Identifier: GPL-2.0

//! The objects of GSP-RM: a tree for each client, with the client as its root.
//!
//! Source: open-gpu-kernel-modules 570, the resource server (rs_server.c and rs_client.c in
//! src/nvidia/src/libraries/resserv/src) and its user, src/nvidia/src/kernel/rmapi/alloc_free.c, in
//! the driver. The firmware is taken to have the same, built with RS_COMPATABILITY_MODE as in
//! src/nvidia/Makefile.

use std::collections::BTreeMap;
use std::fmt;

use nova_hw::abi::class::NV01_ROOT;
use nova_hw::abi::status::{
    NV_ERR_INSERT_DUPLICATE_NAME, NV_ERR_INSUFFICIENT_RESOURCES, NV_ERR_INVALID_CLIENT,
    NV_ERR_INVALID_OBJECT_HANDLE, NV_ERR_INVALID_OBJECT_PARENT, NV_ERR_OBJECT_NOT_FOUND,
};
use nova_hw::abi::{handle, RmAlloc};
use nova_hw::release::Release;

use super::classes::{self, Class};
use super::refused::Refused;

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

/// All objects.
#[derive(Debug)]
pub(crate) struct Objects {
    clients: BTreeMap<u32, Client>,
    /// Number of the next client that the driver gives no handle; `clientCurrentHandleIndex`.
    next: u32,
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
    /// Number of the device or subdevice that it stands for.
    instance: u32,
    /// GSP-RM has created it for the driver's own use.
    is_internal: bool,
}

impl Objects {
    /// The objects that GSP-RM creates for the driver's own use.
    pub(crate) fn new() -> Self {
        let internal = |parent, class| Object {
            parent,
            class,
            instance: 0,
            is_internal: true,
        };
        let objects = BTreeMap::from([
            (INTERNAL_CLIENT, internal(0, &classes::ROOT)),
            (INTERNAL_DEVICE, internal(INTERNAL_CLIENT, &classes::DEVICE)),
            (
                INTERNAL_SUBDEVICE,
                internal(INTERNAL_DEVICE, &classes::SUBDEVICE),
            ),
        ]);
        Self {
            clients: BTreeMap::from([(INTERNAL_CLIENT, Client { objects, next: 0 })]),
            next: 0,
        }
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

    /// Allocates the object that `request` describes, and fills in a handle if the driver has named
    /// none.
    pub(crate) fn alloc(
        &mut self,
        release: &Release,
        request: &mut RmAlloc,
        params: &mut [u8],
    ) -> Result<(), Refused> {
        let class = Class::numbered(request.h_class)?;
        class.check_size(release, params)?;
        if class.number == NV01_ROOT {
            return self.alloc_client(release, request, class, params);
        }
        self.client_mut(request.h_client)?
            .alloc(request, class, params)
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
    ) -> Result<(), Refused> {
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
            instance: 0,
            is_internal: false,
        };
        let objects = BTreeMap::from([(handle, root)]);
        self.clients.insert(handle, Client { objects, next: 0 });
        (request.h_client, request.h_object) = (handle, handle);
        if !params.is_empty() {
            release.root.client.write(params, &handle);
        }
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

    /// Frees an object and all below it; returns their handles in the order of freeing, children
    /// before their parents. Freeing an object that does not exist succeeds.
    ///
    /// Source: `serverFreeResourceTree` and `serverFreeResourceTreeLockAndFindResource` in
    /// rs_server.c.
    pub(crate) fn free(&mut self, client: u32, object: u32) -> Result<Vec<u32>, Refused> {
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
        let mut order = objects.tree(object);
        order.reverse();
        for handle in &order {
            objects.objects.remove(handle);
        }
        if object == client {
            self.clients.remove(&client);
        }
        Ok(order)
    }

    /// Source: `_serverLockClientWithLockInfo` in rs_server.c.
    fn client_mut(&mut self, client: u32) -> Result<&mut Client, Refused> {
        self.clients.get_mut(&client).ok_or_else(|| {
            let error = format!("there is no client {client:#x}");
            (NV_ERR_INVALID_OBJECT_HANDLE, error)
        })
    }
}

impl Client {
    /// The object with this handle.
    ///
    /// Source: `clientGetResourceRef_IMPL` in rs_client.c.
    pub(crate) fn find(&self, handle: u32) -> Result<&Object, Refused> {
        self.objects.get(&handle).ok_or_else(|| {
            let error = format!("there is no object {handle:#x}");
            (NV_ERR_OBJECT_NOT_FOUND, error)
        })
    }

    /// Source: `serverAllocResourceUnderLock` in src/nvidia/src/kernel/rmapi/alloc_free.c.
    fn alloc(
        &mut self,
        request: &mut RmAlloc,
        class: &'static Class,
        params: &[u8],
    ) -> Result<(), Refused> {
        let parent = request.h_parent;
        if request.h_object == request.h_client {
            let error = format!("a {} as a client", class.name());
            return Err((NV_ERR_INVALID_OBJECT_PARENT, error));
        }
        let found = self.find(parent)?.class;
        if !class.belongs_below(found) {
            let error = format!("a {} below a {}", class.name(), found.name());
            return Err((NV_ERR_INVALID_OBJECT_PARENT, error));
        }
        let handle = self.new_handle(request.h_object)?;
        let is_other =
            |object: &&Object| object.parent == parent && object.class.number == class.number;
        let others = self.objects.values().filter(is_other);
        let others: Vec<_> = others.map(|other| other.instance).collect();
        let instance = (class.check)(params, &others)?;
        let object = Object {
            parent,
            class,
            instance,
            is_internal: false,
        };
        self.objects.insert(handle, object);
        request.h_object = handle;
        Ok(())
    }

    /// A handle for an object that the driver gives none. One that was freed does not come again
    /// before all others were given.
    fn unused_handle(&mut self) -> Result<u32, Refused> {
        let count = handle::GENERATED.end - handle::GENERATED.start;
        for _ in 0..count {
            let handle = handle::GENERATED.start + self.next % count;
            self.next = self.next.wrapping_add(1);
            if !self.objects.contains_key(&handle) {
                return Ok(handle);
            }
        }
        let error = "no handles are left".to_string();
        Err((NV_ERR_INSUFFICIENT_RESOURCES, error))
    }

    /// The handle that the driver names, or an unused one if it names none.
    ///
    /// Source: `clientAssignResourceHandle_IMPL`, `clientGenResourceHandle_IMPL` and
    /// `clientValidateNewResourceHandle_IMPL` in rs_client.c; `rmclientConstruct_IMPL` in
    /// src/nvidia/src/kernel/rmapi/client.c for the range that is reserved for GSP-RM.
    fn new_handle(&mut self, named: u32) -> Result<u32, Refused> {
        if named == 0 {
            return self.unused_handle();
        }
        if handle::FIRMWARE.contains(&named) {
            let error = format!("handle {named:#x} is one of GSP-RM's own");
            return Err((NV_ERR_INVALID_OBJECT_HANDLE, error));
        }
        if self.objects.contains_key(&named) {
            let error = format!("there is an object {named:#x}");
            return Err((NV_ERR_INSERT_DUPLICATE_NAME, error));
        }
        Ok(named)
    }

    /// An object and all below it, parents before their children.
    fn tree(&self, handle: u32) -> Vec<u32> {
        let mut tree = vec![handle];
        let mut at = 0;
        while let Some(&parent) = tree.get(at) {
            let children = self
                .objects
                .iter()
                .filter(|(_, object)| object.parent == parent);
            tree.extend(children.map(|(handle, _)| handle));
            at += 1;
        }
        tree
    }
}

/// A line for each object, parents before their children.
impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (client, objects) in &self.clients {
            for handle in objects.tree(*client) {
                let Some(Object { parent, class, .. }) = objects.objects.get(&handle) else {
                    continue;
                };
                writeln!(
                    f,
                    "client={client:#x} parent={parent:#x} handle={handle:#x} class={:#x} name={}",
                    class.number,
                    class.name()
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

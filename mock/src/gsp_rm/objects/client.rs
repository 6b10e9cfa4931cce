// SPDX-License-Identifier: GPL-2.0

//! The tree of a client: which objects there are, and what is freed with one.

use std::collections::BTreeMap;
use std::fmt;

use nova_hw::abi::handle;
use nova_hw::abi::status::{
    NV_ERR_INSERT_DUPLICATE_NAME, NV_ERR_INSUFFICIENT_RESOURCES, NV_ERR_INVALID_OBJECT_HANDLE,
    NV_ERR_OBJECT_NOT_FOUND,
};

use super::{Client, Kind, Object, Objects};
use crate::engines::host::policy::Policy;
use crate::gsp_rm::context::Context;
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::{Channel, MemoryList, Resource, Space, SpaceId};

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

    /// The object with this handle, to change it.
    pub(crate) fn find_to_change(&mut self, handle: u32) -> Result<&mut Object, Refused> {
        self.objects.get_mut(&handle).ok_or_else(|| {
            let error = format!("there is no object {handle:#x}");
            (NV_ERR_OBJECT_NOT_FOUND, error)
        })
    }

    /// Adds buffers to the graphics context of a channel or a group; returns the channels that have it.
    pub(crate) fn promote(
        &mut self,
        handle: u32,
        buffers: Context,
    ) -> Result<Vec<Channel>, Refused> {
        let group = match &self.find(handle)?.resource {
            Resource::Channel(channel) => channel.group.map(|group| group.handle),
            _ => Some(handle),
        };
        let mut channels = Vec::new();
        for (&at, object) in &mut self.objects {
            match &mut object.resource {
                Resource::Group(its) if group == Some(at) => its.context.add(buffers),
                Resource::Channel(channel)
                    if at == handle
                        || group.is_some() && channel.group.map(|group| group.handle) == group =>
                {
                    channel.context.add(buffers);
                    channels.push(*channel);
                }
                _ => {}
            }
        }
        Ok(channels)
    }

    /// The objects below this one.
    pub(crate) fn below(&self, handle: u32) -> impl Iterator<Item = &Object> {
        let is_below = move |object: &&Object| object.parent == handle;
        self.objects.values().filter(is_below)
    }

    /// The object with this handle, if it is of this kind.
    ///
    /// Source: `serverutilGetResourceRefWithType` in src/nvidia/src/kernel/rmapi/rs_utils.c.
    pub(crate) fn find_of(&self, kind: Kind, handle: u32) -> Result<&Object, Refused> {
        let object = self.find(handle)?;
        match object.kind() == kind {
            true => Ok(object),
            false => {
                let error = format!("object {handle:#x} is a {}", object.class.name());
                Err((NV_ERR_INVALID_OBJECT_HANDLE, error))
            }
        }
    }

    /// The address space with this handle of this client, whose own handle is `client`; `None` for
    /// 0, the device's.
    ///
    /// Source: `vaspaceGetByHandleOrDeviceDefault_IMPL` in src/nvidia/src/kernel/mem_mgr/vaspace.c.
    pub(crate) fn space(&self, client: u32, handle: u32) -> Result<Option<SpaceId>, Refused> {
        if handle == 0 {
            return Ok(None);
        }
        self.find_of(Kind::Space, handle)?;
        Ok(Some(SpaceId { client, handle }))
    }

    /// The memory with this handle.
    pub(crate) fn memory(&self, handle: u32) -> Result<&MemoryList, Refused> {
        match &self.find_of(Kind::Memory, handle)?.resource {
            Resource::Memory(memory) => Ok(memory),
            _ => Err((
                NV_ERR_INVALID_OBJECT_HANDLE,
                format!("object {handle:#x} is no memory"),
            )),
        }
    }

    /// The address space with this handle, to change it.
    pub(crate) fn space_to_change(&mut self, handle: u32) -> Result<&mut Space, Refused> {
        self.find_of(Kind::Space, handle)?;
        match &mut self.find_to_change(handle)?.resource {
            Resource::Space(space) => Ok(space),
            _ => Err((
                NV_ERR_INVALID_OBJECT_HANDLE,
                format!("object {handle:#x} is no address space"),
            )),
        }
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
    pub(super) fn new_handle(&mut self, named: u32) -> Result<u32, Refused> {
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

    /// An object, all below it and all that use one of these, each behind all that it is below or
    /// uses. A driver may have thousands of objects, so none is looked at twice.
    pub(super) fn tree(&self, handle: u32) -> Vec<u32> {
        let mut users: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (&handle, object) in &self.objects {
            for used in object.resource.uses().chain([object.parent]) {
                users.entry(used).or_default().push(handle);
            }
        }
        let users_of = |used: u32| users.get(&used).map_or(&[][..], Vec::as_slice);
        // How many objects of the tree, that are not in the order yet, each one is below or uses.
        let mut left: BTreeMap<u32, usize> = BTreeMap::new();
        let mut found = vec![handle];
        let mut at = 0;
        while let Some(&used) = found.get(at) {
            for &user in users_of(used) {
                let count = left.entry(user).or_default();
                *count += 1;
                if *count == 1 {
                    found.push(user);
                }
            }
            at += 1;
        }
        let mut order = vec![handle];
        at = 0;
        while let Some(&used) = order.get(at) {
            for user in users_of(used) {
                if let Some(count) = left.get_mut(user) {
                    *count -= 1;
                    if *count == 0 {
                        order.push(*user);
                    }
                }
            }
            at += 1;
        }
        order
    }
}

/// A line for each object, parents before their children. Groups also tell how they run.
impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (client, objects) in &self.clients {
            for handle in objects.tree(*client) {
                let Some(object) = objects.objects.get(&handle) else {
                    continue;
                };
                let Object { parent, class, .. } = object;
                write!(
                    f,
                    "client={client:#x} parent={parent:#x} handle={handle:#x} class={:#x} ",
                    class.number
                )?;
                if let Resource::Group(group) = &object.resource {
                    let Policy {
                        level,
                        timeslice_us,
                    } = group.policy;
                    write!(f, "level={level:?} timeslice_us={timeslice_us} ")?;
                }
                writeln!(f, "name={}", class.name())?;
            }
        }
        Ok(())
    }
}

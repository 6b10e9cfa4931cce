// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::chips::CHIPS;
use crate::gsp_rm::classes;
use nova_hw::abi::class::{
    NV01_DEVICE_0, NV01_EVENT_KERNEL_CALLBACK_EX, NV01_ROOT, NV20_SUBDEVICE_0,
};
use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_CLASS};
use nova_hw::abi::{Nv0005AllocParameters, Nv0080AllocParameters, Nv2080AllocParameters};
use nova_hw::release::RELEASES;
use zerocopy::IntoBytes;

const CLIENT: u32 = 0xc1d0_0000;
const DEVICE: u32 = 0xde1d_0000;
const SUBDEVICE: u32 = 0x5d1d_0000;

/// Requests an object of `class` with these handles: its client, its parent, and its own.
fn request(class: u32, [h_client, h_parent, h_object]: [u32; 3]) -> RmAlloc {
    RmAlloc {
        h_client,
        h_parent,
        h_object,
        h_class: class,
        ..RmAlloc::default()
    }
}

/// Allocates with parameters for the first device; returns the handle or the status.
pub(super) fn alloc(objects: &mut Objects, class: u32, handles: [u32; 3]) -> Result<u32, u32> {
    let params = match class {
        NV01_DEVICE_0 => Nv0080AllocParameters::default().as_bytes().to_vec(),
        _ => Vec::new(),
    };
    alloc_with(objects, class, handles, &params)
}

/// Allocates with these parameters of the newest release.
fn alloc_with(
    objects: &mut Objects,
    class: u32,
    handles: [u32; 3],
    params: &[u8],
) -> Result<u32, u32> {
    let mut request = request(class, handles);
    alloc_on(objects, RELEASES[0], &mut request, &mut params.to_vec())
}

/// Allocates on a GA102 with this release; returns the handle or the status.
fn alloc_on(
    objects: &mut Objects,
    release: &'static Release,
    request: &mut RmAlloc,
    params: &mut [u8],
) -> Result<u32, u32> {
    let platform = Platform {
        chip: &CHIPS[0],
        release,
        vram: 23 << 30,
    };
    classes::numbered(request.h_class)
        .and_then(|class| objects.alloc(&platform, class, request, params).map(|_| ()))
        .map(|()| request.h_object)
        .map_err(|refused| refused.0)
}

fn free(objects: &mut Objects, client: u32, object: u32) -> Result<Vec<u32>, u32> {
    let freed = objects.free(client, object).map_err(|refused| refused.0)?;
    Ok(freed.into_iter().map(|(handle, _)| handle).collect())
}

/// Class of the object that a control would be for, or the status.
fn find(objects: &Objects, client: u32, object: u32) -> Result<u32, u32> {
    let found = objects
        .client(client)
        .and_then(|client| client.find(object));
    found
        .map(|found| found.class.number)
        .map_err(|refused| refused.0)
}

/// A table with a client, its device and its subdevice.
fn objects() -> Objects {
    let mut objects = classes::objects();
    for (class, handles) in [
        (NV01_ROOT, [CLIENT, CLIENT, CLIENT]),
        (NV01_DEVICE_0, [CLIENT, CLIENT, DEVICE]),
        (NV20_SUBDEVICE_0, [CLIENT, DEVICE, SUBDEVICE]),
    ] {
        assert_eq!(alloc(&mut objects, class, handles), Ok(handles[2]));
    }
    objects
}

#[test]
fn objects_are_listed_as_a_tree() {
    let expected = "\
        client=0xc1d00000 parent=0x0 handle=0xc1d00000 class=0x0 name=NV01_ROOT\n\
        client=0xc1d00000 parent=0xc1d00000 handle=0xde1d0000 class=0x80 name=NV01_DEVICE_0\n\
        client=0xc1d00000 parent=0xde1d0000 handle=0x5d1d0000 class=0x2080 name=NV20_SUBDEVICE_0\n\
        client=0xc2000005 parent=0x0 handle=0xc2000005 class=0x0 name=NV01_ROOT\n\
        client=0xc2000005 parent=0xc2000005 handle=0xabcd0080 class=0x80 name=NV01_DEVICE_0\n\
        client=0xc2000005 parent=0xabcd0080 handle=0xabcd2080 class=0x2080 name=NV20_SUBDEVICE_0\n";
    assert_eq!(objects().to_string(), expected);
}

/// resource_desc.c, `rmapiGetClassAllocParamSize`.
#[test]
fn a_class_must_be_known() {
    let status = alloc(&mut objects(), 0x5070, [CLIENT, DEVICE, 1]);
    assert_eq!(status, Err(NV_ERR_INVALID_CLASS));
}

/// param_copy.c, `rmapiParamsCopyInit`, for parameters that are missing.
#[test]
fn parameters_must_have_the_size_of_the_release() {
    for release in RELEASES {
        let size = release.root.size;
        for (len, expected) in [
            (0, Ok(())),
            (size, Ok(())),
            (size - 1, Err(NV_ERR_INVALID_ARGUMENT)),
            (size + 1, Err(NV_ERR_INVALID_ARGUMENT)),
        ] {
            let mut request = request(NV01_ROOT, [1, 1, 1]);
            let mut objects = classes::objects();
            let result = alloc_on(&mut objects, release, &mut request, &mut vec![0; len]);
            assert_eq!(result.map(|_| ()), expected, "{len}");
        }
    }
    for (class, handles, len) in [
        (NV01_DEVICE_0, [CLIENT, CLIENT, 1], 0x37),
        (NV20_SUBDEVICE_0, [CLIENT, DEVICE, 1], 8),
    ] {
        let status = alloc_with(&mut objects(), class, handles, &vec![0; len]);
        assert_eq!(status, Err(NV_ERR_INVALID_ARGUMENT));
    }
}

/// rs_server.c, `serverAllocClient`: NVIDIA's driver sets neither the parent nor the object.
#[test]
fn a_client_may_have_any_handle() {
    for handles in [
        [0xc1e0_0004, 0, 0],
        [0xc100_0000, 0xc100_0000, 7],
        [1, 0, 1],
    ] {
        let mut objects = classes::objects();
        let mut request = request(NV01_ROOT, handles);
        let mut params = vec![0; RELEASES[0].root.size];
        let result = alloc_on(&mut objects, RELEASES[0], &mut request, &mut params);
        assert_eq!(result, Ok(handles[0]));
        assert_eq!(RELEASES[0].root.client.read(&params), Some(handles[0]));
    }
}

/// rs_server.c, `_serverCreateEntryAndLockForNewClient`. An H200 with 580 gives handles in this
/// order, and passes over that of a client which it has then refused.
#[test]
fn a_client_without_a_handle_is_given_a_new_one() {
    let mut objects = objects();
    for expected in [CLIENT + 1, CLIENT + 2] {
        assert_eq!(alloc(&mut objects, NV01_ROOT, [0, 0, 0]), Ok(expected));
    }
    objects.free(CLIENT + 2, CLIENT + 2).unwrap();
    let status = alloc(&mut objects, NV01_ROOT, [0, 0x1234, 0]);
    assert_eq!(status, Err(NV_ERR_OBJECT_NOT_FOUND));
    let next = alloc(&mut objects, NV01_ROOT, [0, 0, 0]);
    assert_eq!(next, Ok(CLIENT + 4));
}

/// rs_server.c, `_serverCreateEntryAndLockForNewClient`.
#[test]
fn two_clients_cannot_have_the_same_handle() {
    for client in [CLIENT, INTERNAL_CLIENT] {
        let status = alloc(&mut objects(), NV01_ROOT, [client, client, client]);
        assert_eq!(status, Err(NV_ERR_INSERT_DUPLICATE_NAME));
    }
}

/// rs_client.c, `_clientAllocResourceHelper`.
#[test]
fn a_client_has_no_parent() {
    let status = alloc(&mut objects(), NV01_ROOT, [1, CLIENT, 1]);
    assert_eq!(status, Err(NV_ERR_OBJECT_NOT_FOUND));
}

#[test]
fn the_number_of_clients_is_limited() {
    let mut objects = classes::objects();
    while objects.clients.len() < CLIENTS_MAX {
        alloc(&mut objects, NV01_ROOT, [0, 0, 0]).unwrap();
    }
    let status = alloc(&mut objects, NV01_ROOT, [0, 0, 0]);
    assert_eq!(status, Err(NV_ERR_INSUFFICIENT_RESOURCES));
}

/// A chain, so that the order in which its objects are freed is the only one.
#[test]
fn as_many_objects_as_there_may_be_are_freed_at_once() {
    let mut objects = objects();
    let params = Nv0005AllocParameters::default();
    let mut chain = vec![SUBDEVICE];
    let status = loop {
        let handles = [CLIENT, chain[chain.len() - 1], 0];
        let class = NV01_EVENT_KERNEL_CALLBACK_EX;
        match alloc_with(&mut objects, class, handles, params.as_bytes()) {
            Ok(handle) => chain.push(handle),
            Err(status) => break status,
        }
    };
    assert_eq!(status, NV_ERR_INSUFFICIENT_RESOURCES);
    // Those that GSP-RM has, and a client with a device.
    assert_eq!(3 + 2 + chain.len(), OBJECTS_MAX);
    chain.reverse();
    assert_eq!(free(&mut objects, CLIENT, SUBDEVICE), Ok(chain));
}

/// rs_server.c, `_serverLockClientWithLockInfo`.
#[test]
fn an_object_needs_a_client() {
    let mut objects = objects();
    let status = alloc(&mut objects, NV01_DEVICE_0, [1, 1, DEVICE]);
    assert_eq!(status, Err(NV_ERR_INVALID_OBJECT_HANDLE));
    let status = free(&mut objects, 1, DEVICE);
    assert_eq!(status, Err(NV_ERR_INVALID_OBJECT_HANDLE));
}

/// alloc_free.c, `serverAllocResourceUnderLock`; rs_client.c, `clientGetResourceRef_IMPL`.
#[test]
fn an_object_needs_a_parent() {
    for parent in [0, 1, INTERNAL_DEVICE] {
        let status = alloc(&mut objects(), NV20_SUBDEVICE_0, [CLIENT, parent, 1]);
        assert_eq!(status, Err(NV_ERR_OBJECT_NOT_FOUND));
    }
}

/// alloc_free.c, `serverAllocResourceUnderLock`; resource_list.h.
#[test]
fn a_parent_must_have_the_right_class() {
    for (class, handles) in [
        (NV01_DEVICE_0, [CLIENT, DEVICE, 1]),
        (NV01_DEVICE_0, [CLIENT, SUBDEVICE, 1]),
        (NV20_SUBDEVICE_0, [CLIENT, CLIENT, 1]),
        (NV20_SUBDEVICE_0, [CLIENT, SUBDEVICE, 1]),
        // With the client's own handle.
        (NV01_DEVICE_0, [CLIENT, CLIENT, CLIENT]),
        (NV20_SUBDEVICE_0, [CLIENT, 1, CLIENT]),
    ] {
        let status = alloc(&mut objects(), class, handles);
        assert_eq!(status, Err(NV_ERR_INVALID_OBJECT_PARENT), "{handles:x?}");
    }
}

/// rs_client.c, `clientValidateNewResourceHandle_IMPL`.
#[test]
fn two_objects_of_a_client_cannot_have_the_same_handle() {
    let mut objects = objects();
    for handle in [DEVICE, SUBDEVICE] {
        let status = alloc(&mut objects, NV20_SUBDEVICE_0, [CLIENT, DEVICE, handle]);
        assert_eq!(status, Err(NV_ERR_INSERT_DUPLICATE_NAME));
    }
    // Handles of another client do not conflict.
    assert_eq!(alloc(&mut objects, NV01_ROOT, [1, 1, 1]), Ok(1));
    let device = alloc(&mut objects, NV01_DEVICE_0, [1, 1, DEVICE]);
    assert_eq!(device, Ok(DEVICE));
}

/// client.c, `rmclientConstruct_IMPL`; rs_client.c, `clientValidateNewResourceHandle_IMPL`.
#[test]
fn handles_reserved_for_gsp_rm_are_refused() {
    let mut objects = objects();
    objects.free(CLIENT, SUBDEVICE).unwrap();
    let mut named = |handle| alloc(&mut objects, NV20_SUBDEVICE_0, [CLIENT, DEVICE, handle]);
    assert_eq!(named(0xc9f0_0000), Err(NV_ERR_INVALID_OBJECT_HANDLE));
    assert_eq!(named(0xc9f7_ffff), Err(NV_ERR_INVALID_OBJECT_HANDLE));
    assert_eq!(named(0xc9f8_0000), Ok(0xc9f8_0000));
}

/// rs_client.c, `clientGenResourceHandle_IMPL`. An H200 with 580 gives the same handles.
#[test]
fn an_object_without_a_handle_is_given_a_new_one() {
    let mut objects = objects();
    objects.free(CLIENT, DEVICE).unwrap();
    let device = alloc(&mut objects, NV01_DEVICE_0, [CLIENT, CLIENT, 0]);
    assert_eq!(device, Ok(0xcaf0_0000));
    let subdevice = alloc(&mut objects, NV20_SUBDEVICE_0, [CLIENT, 0xcaf0_0000, 0]);
    assert_eq!(subdevice, Ok(0xcaf0_0001));
    objects.free(CLIENT, 0xcaf0_0000).unwrap();
    let device = alloc(&mut objects, NV01_DEVICE_0, [CLIENT, CLIENT, 0]);
    assert_eq!(device, Ok(0xcaf0_0002));
}

/// alloc_free.c, `resservResourceFactory`; device.c, `deviceConstruct_IMPL` and `_deviceInit`;
/// device_share.c, `deviceSetClientShare_IMPL`. From release 575 on a second object is allowed, as on
/// an H200 with 580.
#[test]
fn a_client_has_one_device_object() {
    let mut objects = objects();
    let mut refusal = |params: &[u8]| {
        let result = alloc_with(&mut objects, NV01_DEVICE_0, [CLIENT, CLIENT, 1], params);
        let status = result.unwrap_err();
        objects.free(CLIENT, DEVICE).unwrap();
        status
    };
    let device = |change: fn(&mut Nv0080AllocParameters)| {
        let mut params = Nv0080AllocParameters::default();
        change(&mut params);
        params
    };
    let taken = refusal(device(|_| {}).as_bytes());
    assert_eq!(taken, NV_ERR_INSUFFICIENT_RESOURCES);
    assert_eq!(refusal(&[]), NV_ERR_INVALID_ARGUMENT);
    for (change, expected) in [
        (device(|device| device.device_id = 1), NV_ERR_INVALID_CLASS),
        (device(|device| device.device_id = 31), NV_ERR_INVALID_CLASS),
        (
            device(|device| device.device_id = 32),
            NV_ERR_INVALID_ARGUMENT,
        ),
        (device(|device| device.flags = 0x8), NV_ERR_INVALID_ARGUMENT),
        (
            device(|device| device.flags = 0x800),
            NV_ERR_INVALID_ARGUMENT,
        ),
        (
            device(|device| {
                device.flags = 0x800;
                device.va_start_internal = 2;
                device.va_limit_internal = 1;
            }),
            NV_ERR_INVALID_ARGUMENT,
        ),
    ] {
        assert_eq!(refusal(change.as_bytes()), expected, "{change:?}");
    }
    let params = device(|device| {
        device.flags = 0x808;
        device.va_space_size = 1;
        device.va_limit_internal = 1;
    });
    let good = alloc_with(
        &mut objects,
        NV01_DEVICE_0,
        [CLIENT, CLIENT, 1],
        params.as_bytes(),
    );
    assert_eq!(good, Ok(1));
}

/// subdevice.c, `subdeviceConstruct_IMPL`. An H200 with release 580 answers the same.
#[test]
fn each_subdevice_has_one_object() {
    let mut objects = objects();
    let mut beside = |sub_device_id| {
        let params = Nv2080AllocParameters { sub_device_id };
        let handles = [CLIENT, DEVICE, 1 + sub_device_id];
        alloc_with(&mut objects, NV20_SUBDEVICE_0, handles, params.as_bytes())
    };
    assert_eq!(beside(0), Err(NV_ERR_INSUFFICIENT_RESOURCES));
    assert_eq!(beside(1), Ok(2));
    assert_eq!(beside(7), Ok(8));
    assert_eq!(beside(8), Err(NV_ERR_INVALID_CLASS));
    assert_eq!(beside(0xffff_fff0), Err(NV_ERR_INVALID_CLASS));
    objects.free(CLIENT, SUBDEVICE).unwrap();
    let first = alloc(&mut objects, NV20_SUBDEVICE_0, [CLIENT, DEVICE, SUBDEVICE]);
    assert_eq!(first, Ok(SUBDEVICE));
}

/// rs_server.c, `serverFreeResourceTree`.
#[test]
fn children_are_freed_before_their_parents() {
    let mut all = objects();
    assert_eq!(
        free(&mut all, CLIENT, CLIENT),
        Ok(vec![SUBDEVICE, DEVICE, CLIENT])
    );
    assert_eq!(all.to_string(), classes::objects().to_string());
    let status = free(&mut all, CLIENT, CLIENT);
    assert_eq!(status, Err(NV_ERR_INVALID_OBJECT_HANDLE), "it was freed");

    let mut some = objects();
    assert_eq!(free(&mut some, CLIENT, SUBDEVICE), Ok(vec![SUBDEVICE]));
    assert_eq!(free(&mut some, CLIENT, DEVICE), Ok(vec![DEVICE]));
    assert!(find(&some, CLIENT, CLIENT).is_ok());
}

/// rs_server.c, `serverFreeResourceTreeLockAndFindResource`.
#[test]
fn freeing_an_object_that_does_not_exist_succeeds() {
    let mut objects = objects();
    let before = objects.to_string();
    for object in [0, 1, INTERNAL_DEVICE] {
        assert_eq!(free(&mut objects, CLIENT, object), Ok(vec![]));
    }
    assert_eq!(objects.to_string(), before);
}

/// client.c, `rmclientValidate_IMPL`, for a client that belongs to another.
#[test]
fn gsp_rm_s_own_objects_cannot_be_freed() {
    let mut objects = objects();
    for object in [INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE] {
        let status = free(&mut objects, INTERNAL_CLIENT, object);
        assert_eq!(status, Err(NV_ERR_INVALID_CLIENT));
        assert!(find(&objects, INTERNAL_CLIENT, object).is_ok());
    }
    let over = [INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE];
    let status = alloc(&mut objects, NV20_SUBDEVICE_0, over);
    assert_eq!(status, Err(NV_ERR_INSERT_DUPLICATE_NAME));
}

/// No driver numbers its clients so, neither by the resource server's ranges nor by its own choice:
/// 0xc1e00004 and 0xc1000000 are tinygrad's.
#[test]
fn gsp_rm_s_own_client_is_in_no_driver_s_range() {
    for base in [handle::CLIENT_BASE, handle::CLIENT_INTERNAL_BASE] {
        assert!(!(base..base + handle::CLIENT_MAX).contains(&INTERNAL_CLIENT));
    }
    for client in [0xc1d0_0000, 0xc1d0_0001, 0xc1e0_0004, 0xc100_0000] {
        let client = alloc(&mut classes::objects(), NV01_ROOT, [client; 3]);
        assert!(client.is_ok());
    }
}

/// control.c, `_rmapiRmControl`; rs_client.c, `clientGetResourceRef_IMPL`.
#[test]
fn a_control_needs_an_object() {
    let objects = objects();
    assert_eq!(find(&objects, CLIENT, CLIENT), Ok(NV01_ROOT));
    assert_eq!(find(&objects, CLIENT, SUBDEVICE), Ok(NV20_SUBDEVICE_0));
    assert_eq!(find(&objects, 1, SUBDEVICE), Err(NV_ERR_INVALID_CLIENT));
    assert_eq!(find(&objects, CLIENT, 1), Err(NV_ERR_OBJECT_NOT_FOUND));
}

/// What a real H200 with release 580 answers to each of these requests (docs/real-cards.md).
#[test]
fn as_a_real_h200_answers() {
    const OTHER: u32 = 0xc1d0_0019;
    let mut objects = objects();
    for (class, handles) in [
        (NV01_ROOT, [OTHER, OTHER, OTHER]),
        (NV01_DEVICE_0, [OTHER, OTHER, 0x5a00_0001]),
    ] {
        assert_eq!(alloc(&mut objects, class, handles), Ok(handles[2]));
    }
    let (root, device, subdevice) = (NV01_ROOT, NV01_DEVICE_0, NV20_SUBDEVICE_0);
    for (class, handles, expected) in [
        // Clients.
        (root, [0xc1d0_beef; 3], Ok(0xc1d0_beef)),
        (root, [0xc1e0_0005, 0, 0], Ok(0xc1e0_0005)),
        (root, [0xcaf0_0001; 3], Ok(0xcaf0_0001)),
        (root, [0xffff_ffff; 3], Ok(0xffff_ffff)),
        (root, [0x1234; 3], Ok(0x1234)),
        (root, [CLIENT; 3], Err(NV_ERR_INSERT_DUPLICATE_NAME)),
        (root, [CLIENT, CLIENT, 0], Err(NV_ERR_INSERT_DUPLICATE_NAME)),
        (root, [0, 0x1234, 0], Err(NV_ERR_OBJECT_NOT_FOUND)),
        // Devices.
        (
            device,
            [CLIENT, CLIENT, CLIENT],
            Err(NV_ERR_INVALID_OBJECT_PARENT),
        ),
        (
            device,
            [CLIENT, CLIENT, 0xc9f0_0000],
            Err(NV_ERR_INVALID_OBJECT_HANDLE),
        ),
        (
            device,
            [CLIENT, CLIENT, 0xc9f7_ffff],
            Err(NV_ERR_INVALID_OBJECT_HANDLE),
        ),
        (
            device,
            [CLIENT, 0xdead_beef, 1],
            Err(NV_ERR_OBJECT_NOT_FOUND),
        ),
        (device, [CLIENT, 0, 1], Err(NV_ERR_OBJECT_NOT_FOUND)),
        (device, [CLIENT, OTHER, 1], Err(NV_ERR_OBJECT_NOT_FOUND)),
        (
            device,
            [0xdead_beef, 0xdead_beef, 1],
            Err(NV_ERR_INVALID_OBJECT_HANDLE),
        ),
        (device, [0, 0, 1], Err(NV_ERR_INVALID_OBJECT_HANDLE)),
        (
            device,
            [CLIENT, CLIENT, DEVICE],
            Err(NV_ERR_INSERT_DUPLICATE_NAME),
        ),
        (
            device,
            [CLIENT, DEVICE, 1],
            Err(NV_ERR_INVALID_OBJECT_PARENT),
        ),
        (
            device,
            [CLIENT, SUBDEVICE, 1],
            Err(NV_ERR_INVALID_OBJECT_PARENT),
        ),
        // Subdevices.
        (
            subdevice,
            [CLIENT, DEVICE, DEVICE],
            Err(NV_ERR_INSERT_DUPLICATE_NAME),
        ),
        (
            subdevice,
            [CLIENT, DEVICE, CLIENT],
            Err(NV_ERR_INVALID_OBJECT_PARENT),
        ),
        (
            subdevice,
            [CLIENT, CLIENT, 1],
            Err(NV_ERR_INVALID_OBJECT_PARENT),
        ),
        (
            subdevice,
            [CLIENT, SUBDEVICE, 1],
            Err(NV_ERR_INVALID_OBJECT_PARENT),
        ),
        (
            subdevice,
            [CLIENT, 0xdead_beef, 1],
            Err(NV_ERR_OBJECT_NOT_FOUND),
        ),
        (
            subdevice,
            [CLIENT, 0x5a00_0001, 1],
            Err(NV_ERR_OBJECT_NOT_FOUND),
        ),
        (
            subdevice,
            [CLIENT, DEVICE, 1],
            Err(NV_ERR_INSUFFICIENT_RESOURCES),
        ),
        // Unknown classes.
        (0x1234, [CLIENT, CLIENT, 1], Err(NV_ERR_INVALID_CLASS)),
        (
            0xdead_beef,
            [CLIENT, SUBDEVICE, 1],
            Err(NV_ERR_INVALID_CLASS),
        ),
    ] {
        let answer = alloc(&mut objects, class, handles);
        assert_eq!(answer, expected, "{class:#x} {handles:x?}");
    }
    for (client, object, expected) in [
        (CLIENT, 0xdead_beef, Ok(())),
        (CLIENT, 0, Ok(())),
        (CLIENT, OTHER, Ok(())),
        (0xdead_beef, DEVICE, Err(NV_ERR_INVALID_OBJECT_HANDLE)),
        (0, DEVICE, Err(NV_ERR_INVALID_OBJECT_HANDLE)),
        (CLIENT, DEVICE, Ok(())),
        (CLIENT, SUBDEVICE, Ok(())),
        (CLIENT, CLIENT, Ok(())),
        (CLIENT, CLIENT, Err(NV_ERR_INVALID_OBJECT_HANDLE)),
        (OTHER, OTHER, Ok(())),
    ] {
        let answer = free(&mut objects, client, object).map(|_| ());
        assert_eq!(answer, expected, "{client:#x} {object:#x}");
    }
}

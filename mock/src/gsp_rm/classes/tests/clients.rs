// SPDX-License-Identifier: GPL-2.0

//! Two clients with the same handles, as two drivers or a driver and its user have them.

use super::*;

const OTHER: u32 = 0xc1d0_0001;

/// A client with a channel in an address space, and another client, which calls from now on.
fn two_clients() -> Scene {
    let mut scene = scene();
    add_space(&mut scene, SPACE);
    set_directory(&mut scene, SPACE);
    assert_eq!(add_channel(&mut scene, 3), Ok(CHANNEL));
    scene.client = OTHER;
    scene.add_client();
    scene.take_effects();
    scene
}

/// Allocates a channel with this number in the client's address space.
fn add_channel(scene: &mut Scene, number: u32) -> Result<u32, u32> {
    let params = scene.channel_params(|params| {
        params.flags = ChannelFlags(0).with_fixed_id(number).0;
        params.h_va_space = SPACE;
    });
    scene.alloc(scene.channel_class(), Scene::DEVICE, CHANNEL, &params)
}

#[test]
fn handles_of_another_client_name_nothing() {
    let mut scene = two_clients();
    let nothing = Err(NV_ERR_OBJECT_NOT_FOUND);
    assert_eq!(add_channel(&mut scene, 4), nothing, "its address space");
    let object = scene.alloc(AMPERE_DMA_COPY_B, CHANNEL, OBJECT, &[]);
    assert_eq!(object, nothing, "its channel");
    let schedule = scene.control(CHANNEL, 0xa06f_0103, &[0, 0]);
    assert_eq!(schedule, Err(NV_ERR_OBJECT_NOT_FOUND));
    let directory = SetPageDirectory {
        phys_address: 0x30_0000,
        num_entries: 2,
        h_va_space: SPACE,
        ..SetPageDirectory::default()
    };
    let set = scene.control(Scene::DEVICE, 0x80_1813, directory.as_bytes());
    assert_eq!(set, Err(NV_ERR_OBJECT_NOT_FOUND));
    scene.free(CHANNEL);
    scene.free(Scene::CLIENT);
    assert_eq!(scene.take_effects(), []);
}

#[test]
fn clients_with_the_same_handles_are_apart() {
    let mut scene = two_clients();
    add_space(&mut scene, SPACE);
    set_directory(&mut scene, SPACE);
    let number = add_channel(&mut scene, 3);
    assert_eq!(number, Err(NV_ERR_NO_MEMORY), "the other's channel");
    assert_eq!(add_channel(&mut scene, 4), Ok(CHANNEL));
    scene.take_effects();
    let freed = |client, id| {
        let space = SpaceId {
            client,
            handle: SPACE,
        };
        [
            Effect::ChannelFreed(ChannelNumber(id)),
            Effect::PageDirectoryUnset { space },
        ]
    };
    for (client, id) in [(OTHER, 4), (Scene::CLIENT, 3)] {
        scene.client = client;
        scene.free(client);
        assert_eq!(scene.take_effects(), freed(client, id));
    }
}

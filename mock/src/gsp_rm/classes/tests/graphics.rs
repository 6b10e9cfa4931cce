// SPDX-License-Identifier: GPL-2.0

//! Objects for graphics and compute, and the contexts that they need.

use super::*;

/// resource_list.h and channel_descendant.c.
#[test]
fn a_graphics_object_is_on_a_channel_for_graphics() {
    for class in [0xc797, 0xc7c0, 0xa140, 0x902d] {
        assert_eq!(on_channel("ga102", 1, class, &[]), Ok(Engine::Gr));
        assert_eq!(on_channel("ga102", 1, class, &[0; 16]), Ok(Engine::Gr));
        let status = on_channel("ga102", 1, class, &[0; 12]);
        assert_eq!(status, Err(NV_ERR_INVALID_ARGUMENT));
        let status = on_channel("ga102", 0xb, class, &[]);
        assert_eq!(status, Err(NV_ERR_INVALID_STATE), "on COPY2's runlist");
    }
    let other = on_channel("ga102", 1, 0xc997, &[]);
    assert_eq!(other, Err(NV_ERR_INVALID_CLASS), "Ada's");
}

/// nouveau has a class for 3D make the golden context, tinygrad one for compute. tinygrad's own channel has
/// its object before its context.
#[test]
fn the_first_graphics_object_makes_the_golden_context() {
    for first in [0xc797, 0xc7c0] {
        let mut scene = scene();
        let channel = scene.channel();
        let early = Err(NV_ERR_INVALID_STATE);
        assert_eq!(
            scene.alloc(0xc7b5, channel, OBJECT, &[]),
            Ok(OBJECT),
            "a copy object"
        );
        scene.free(OBJECT);
        assert_eq!(scene.alloc(first, channel, OBJECT, &[]), early);
        assert_eq!(scene.promote(channel, &testing::own()), Ok(()));
        assert_eq!(scene.alloc(first, channel, OBJECT, &[]), early);
        assert_eq!(scene.promote(channel, &testing::golden()), Ok(()));
        assert_eq!(scene.alloc(first, channel, OBJECT, &[]), Ok(OBJECT));
        scene.free(channel);
        let channel = scene.channel();
        assert_eq!(scene.alloc(first, channel, OBJECT, &[]), Ok(OBJECT));
    }
}

/// kernel_channel_group_api.c: a group has one graphics context.
#[test]
fn channels_of_a_group_have_one_graphics_context() {
    let mut scene = scene();
    add_group(&mut scene);
    let channel = |scene: &mut Scene, number: u32| {
        let params = scene.channel_params(|params| {
            params.flags = ChannelFlags(0x20).with_fixed_id(number).0;
        });
        let handle = scene.alloc(AMPERE_CHANNEL_GPFIFO_A, GROUP, CHANNEL + number, &params);
        match scene.take_effects().pop() {
            Some(Effect::ChannelCreated(channel)) => (handle.unwrap(), channel.context),
            other => panic!("{other:?}"),
        }
    };
    let [(first, _), (second, _)] = [3, 4].map(|number| channel(&mut scene, number));
    let alone = scene.channel_params(|params| {
        params.flags = ChannelFlags(0x20).with_fixed_id(5).0;
    });
    let alone = scene.alloc(AMPERE_CHANNEL_GPFIFO_A, Scene::DEVICE, CHANNEL, &alone);
    scene.take_effects();
    let complete = |number| Effect::ContextComplete(ChannelNumber(number));
    for handle in [first, second, GROUP] {
        assert_eq!(scene.promote(handle, &testing::own()), Ok(()));
        assert_eq!(scene.take_effects(), [complete(3), complete(4)]);
    }
    assert_eq!(channel(&mut scene, 6).1, Context::complete(), "a later one");
    assert_eq!(scene.promote(alone.unwrap(), &testing::own()[..1]), Ok(()));
    assert_eq!(scene.take_effects(), [], "not complete");
    assert_eq!(scene.promote(alone.unwrap(), &testing::own()), Ok(()));
    assert_eq!(scene.take_effects(), [complete(5)]);
}

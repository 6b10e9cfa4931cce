// SPDX-License-Identifier: GPL-2.0

//! What each class takes and refuses. A comment without path names a file of open-gpu-kernel-modules
//! 570.144; an H200 is that of docs/real-cards.md.

use nova_hw::abi::class::*;
use nova_hw::abi::status::*;
use nova_hw::abi::{
    ChannelAllocParams, ChannelFlags, ChannelGroupAllocationParameters, CopyAllocationParameters,
    CtxShareAllocationParameters, MemoryDescParams, MemoryVirtualAllocationParams,
    Nv0005AllocParameters, SetPageDirectory, VaSpaceAllocationParameters,
    VideoAllocationParameters,
};
use nova_hw::release::{r535_113_01, RELEASES};
use zerocopy::{FromBytes, IntoBytes};

use crate::chips::engines::{self, Engine};
use crate::engines::memory::Aperture;
use crate::gsp_rm::context::{testing, Context};
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::resource::{Channel, ChannelNumber, GroupId, PageDirectory, Privilege, SpaceId};
use crate::gsp_rm::testing::{on_each, Scene};

mod clients;
mod graphics;

const SPACE: u32 = 0x90f1_0000;
const GROUP: u32 = 0xa06c_0000;
const SHARE: u32 = 0x9067_0000;
const CHANNEL: u32 = 0xf1f0_0003;
const OBJECT: u32 = 0x0004_c7b5;

/// A GA102 with the newest release.
fn scene() -> Scene {
    Scene::new("ga102", RELEASES[0])
}

/// Allocates an address space of the driver's, without page directory.
fn add_space(scene: &mut Scene, handle: u32) {
    let params = VaSpaceAllocationParameters {
        flags: VaSpaceAllocationParameters::IS_EXTERNALLY_OWNED,
        ..VaSpaceAllocationParameters::default()
    };
    let space = scene.alloc(FERMI_VASPACE_A, Scene::DEVICE, handle, params.as_bytes());
    assert_eq!(space, Ok(handle));
}

fn set_directory(scene: &mut Scene, space: u32) {
    let params = SetPageDirectory {
        phys_address: 0x20_0000,
        num_entries: 2,
        h_va_space: space,
        ..SetPageDirectory::default()
    };
    let reply = scene.control(Scene::DEVICE, 0x80_1813, params.as_bytes());
    assert!(reply.is_ok());
}

fn add_group(scene: &mut Scene) {
    add_group_as(scene, GROUP);
}

fn add_group_as(scene: &mut Scene, handle: u32) {
    let params = ChannelGroupAllocationParameters {
        engine_type: 1,
        ..ChannelGroupAllocationParameters::default()
    };
    let group = scene.alloc(
        KEPLER_CHANNEL_GROUP_A,
        Scene::DEVICE,
        handle,
        params.as_bytes(),
    );
    assert_eq!(group, Ok(handle));
}

/// resource_list.h: which parameters are needed. An H200 says so before it looks at the parent.
#[test]
fn missing_parameters_are_found_before_a_wrong_parent() {
    for class in [0x90f1, 0xa06c, 0xc86f, 0xc56f, 0xca6f, 0x70, 0x83de, 0x7e] {
        for parent in [Scene::DEVICE, Scene::CLIENT, 7] {
            let status = scene().alloc(class, parent, 1, &[]);
            assert_eq!(status, Err(NV_ERR_INVALID_ARGUMENT), "{class:#x}");
        }
    }
}

/// resource_list.h.
#[test]
fn objects_have_their_parents() {
    on_each(|scene| {
        let params = scene.channel_params(|_| {});
        let channel = scene.channel_class();
        let range = MemoryVirtualAllocationParams::default();
        let space = VaSpaceAllocationParameters::default();
        let group = ChannelGroupAllocationParameters {
            engine_type: 1,
            ..ChannelGroupAllocationParameters::default()
        };
        let share = CtxShareAllocationParameters::default();
        for (class, params, good) in [
            (channel, &params[..], &[Scene::DEVICE][..]),
            (
                FERMI_VASPACE_A,
                space.as_bytes(),
                &[Scene::DEVICE, Scene::SUBDEVICE],
            ),
            (NV01_MEMORY_VIRTUAL, range.as_bytes(), &[Scene::DEVICE]),
            (KEPLER_CHANNEL_GROUP_A, group.as_bytes(), &[Scene::DEVICE]),
            (FERMI_CONTEXT_SHARE_A, share.as_bytes(), &[]),
            (GT200_DEBUGGER, &[0; 12], &[Scene::DEVICE]),
            (FERMI_TWOD_A, &[], &[]),
            (AMPERE_DMA_COPY_B, &[], &[]),
            (TURING_USERMODE_A, &[], &[Scene::SUBDEVICE]),
        ] {
            for parent in [Scene::CLIENT, Scene::DEVICE, Scene::SUBDEVICE] {
                let result = scene.alloc(class, parent, OBJECT, params).map(|_| ());
                let expected = match good.contains(&parent) {
                    true => Ok(()),
                    false => Err(NV_ERR_INVALID_OBJECT_PARENT),
                };
                assert_eq!(result, expected, "{class:#x} below {parent:#x}");
                scene.free(OBJECT);
            }
        }
    });
}

/// Sizes of the parameters, by release.
#[test]
fn parameters_have_the_size_of_the_release() {
    for (release, channel, ofa) in [(RELEASES[0], 368, 12), (RELEASES[1], 360, 8)] {
        let mut scene = Scene::new("ga102", release);
        let params = scene.channel_params(|_| {});
        assert_eq!(params.len(), channel);
        for len in [channel - 8, channel + 8] {
            let mut params = params.clone();
            params.resize(len, 0);
            let class = scene.channel_class();
            let status = scene.alloc(class, Scene::DEVICE, CHANNEL, &params);
            assert_eq!(status, Err(NV_ERR_INVALID_ARGUMENT));
        }
        let params = scene.channel_params(|params| params.engine_type = 0x33);
        let class = scene.channel_class();
        let channel = scene.alloc(class, Scene::DEVICE, CHANNEL, &params);
        assert_eq!(channel, Ok(CHANNEL));
        for (len, expected) in [(ofa, Ok(OBJECT)), (20 - ofa, Err(NV_ERR_INVALID_ARGUMENT))] {
            let mut params = vec![0; len];
            params[0] = len as u8;
            let object = scene.alloc(0xc7fa, CHANNEL, OBJECT, &params);
            assert_eq!(object, expected, "{len}");
        }
    }
}

/// An H200's GSP-RM, vaspace_api.c and gpu_vaspace.c.
#[test]
fn an_address_space_is_as_an_h200_takes_it() {
    let space = |change: &dyn Fn(&mut VaSpaceAllocationParameters)| {
        let mut params = VaSpaceAllocationParameters::default();
        change(&mut params);
        let mut scene = Scene::new("gh100", RELEASES[0]);
        let space = scene.alloc(FERMI_VASPACE_A, Scene::DEVICE, SPACE, params.as_bytes());
        space.map(|_| ())
    };
    let invalid = Err(NV_ERR_INVALID_ARGUMENT);
    assert_eq!(space(&|_| {}), Ok(()));
    for (index, expected) in [(5, NV_ERR_INVALID_STATE), (0xff, NV_ERR_INVALID_STATE)] {
        assert_eq!(space(&|params| params.index = index), Err(expected));
    }
    for (size, expected) in [
        (0x1_0000, Ok(())),
        (0x2_0000, Ok(())),
        (0x1000, invalid),
        (0x20_0000, invalid),
        (12345, invalid),
    ] {
        assert_eq!(space(&|params| params.big_page_size = size), expected);
    }
    for (size, expected) in [
        (1 << 30, Ok(())),
        (1 << 57, Ok(())),
        (0x1000, invalid),
        (0x1_0001, invalid),
        (u64::MAX, invalid),
    ] {
        assert_eq!(
            space(&|params| params.va_size = size),
            expected,
            "{size:#x}"
        );
    }
    for (base, size) in [(0x1000, 0), (0x1234, 0), (2 << 30, 1 << 30)] {
        let result = space(&|params| (params.va_base, params.va_size) = (base, size));
        assert_eq!(result, Ok(()));
    }
    for (flags, expected) in [
        (1 << 3, Ok(())),
        (1 << 8, Ok(())),
        (1 << 31, Ok(())),
        (1 << 6, invalid),
        // As tinygrad has it.
        (1 << 6 | 1 << 3, Ok(())),
        (1 << 5 | 1 << 3, invalid),
        (1 << 4, invalid),
    ] {
        assert_eq!(
            space(&|params| params.flags = flags),
            expected,
            "{flags:#x}"
        );
    }
}

/// virt_mem_range.c, and an H200.
#[test]
fn a_range_is_within_its_space() {
    let range = |change: &dyn Fn(&mut MemoryVirtualAllocationParams)| {
        let mut range = MemoryVirtualAllocationParams::default();
        change(&mut range);
        let mut params = range.as_bytes().to_vec();
        let mut scene = scene();
        add_space(&mut scene, SPACE);
        scene.alloc_with(NV01_MEMORY_VIRTUAL, Scene::DEVICE, 1, &mut params)?;
        Ok(MemoryVirtualAllocationParams::read_from_bytes(&params)
            .unwrap()
            .limit)
    };
    assert_eq!(range(&|_| {}), Ok((1 << 49) - 1));
    assert_eq!(range(&|it| it.h_va_space = SPACE), Ok((1 << 49) - 1));
    assert_eq!(range(&|it| it.limit = 0xfff), Ok(0xfff));
    assert_eq!(range(&|it| it.limit = 1 << 49), Err(NV_ERR_INVALID_LIMIT));
    assert_eq!(
        range(&|it| (it.offset, it.limit) = (2, 1)),
        Err(NV_ERR_INVALID_OFFSET)
    );
    assert_eq!(range(&|it| it.h_va_space = 7), Err(NV_ERR_OBJECT_NOT_FOUND));
    let device = range(&|it| it.h_va_space = Scene::DEVICE);
    assert_eq!(device, Err(NV_ERR_INVALID_OBJECT_HANDLE));
}

/// What nouveau sends for its own channels, and what becomes of it.
#[test]
fn a_channel_has_what_its_parameters_say() {
    on_each(|scene| {
        add_space(scene, SPACE);
        set_directory(scene, SPACE);
        scene.take_effects();
        let change = |params: &mut ChannelAllocParams| {
            params.h_va_space = SPACE;
            params.flags = ChannelFlags(0x20 | 0x10).with_fixed_id(0x123).0;
            params.engine_type = 0xb;
            params.error_notifier_mem.base = 7;
            params.process_id = 7;
        };
        let mut params = scene.channel_params(change);
        let class = scene.channel_class();
        let channel = scene.alloc_with(class, Scene::DEVICE, CHANNEL, &mut params);
        assert_eq!(channel, Ok(CHANNEL));
        let expected = Channel {
            number: ChannelNumber(0x123),
            class,
            group: None,
            space: Some(SpaceId {
                client: Scene::CLIENT,
                handle: SPACE,
            }),
            engine: Engine::Copy(2),
            runlist: engines::of(scene.chip.chipset)
                .row(Engine::Copy(2))
                .unwrap()
                .runlist,
            runqueue: 1,
            instance: (Aperture::Vram, 0x10_0000),
            userd: (Aperture::Vram, 0x8000),
            gpfifo: 0x1_1000,
            gpfifo_entries: 0x400,
            privilege: Privilege::Admin,
            share: 0,
            context: Context::default(),
        };
        assert_eq!(scene.take_effects(), [Effect::ChannelCreated(expected)]);
        let (reply, _) = ChannelAllocParams::read_from_prefix(&params).unwrap();
        assert_eq!((reply.internal_flags, reply.process_id), (0, 0));
        assert_eq!(reply.error_notifier_mem, MemoryDescParams::default());
        assert_eq!((reply.h_va_space, reply.engine_type), (SPACE, 0xb));
    });
}

/// The flags of nouveau's channel 1 as it sends them, bit by bit as in alloc_channel.h.
#[test]
fn the_number_of_a_channel_is_in_its_flags() {
    assert_eq!(ChannelFlags(0x20_0120).fixed_id(), Some(1));
    assert_eq!(ChannelFlags(0x20_0320).fixed_id(), Some(3));
    assert_eq!(ChannelFlags(0x20_1720).fixed_id(), Some(15));
    assert_eq!(ChannelFlags(0x00_0320).fixed_id(), None);
    assert_eq!(ChannelFlags(0x00_0b20).fixed_index(), Some(3));
    assert!(ChannelFlags(0x20).is_privileged() && !ChannelFlags(0x10).is_privileged());
}

/// A channel with these flags on `scene`; returns its number.
fn number(scene: &mut Scene, handle: u32, flags: u32) -> Result<u16, u32> {
    let params = scene.channel_params(|params| params.flags = flags);
    let class = scene.channel_class();
    scene.alloc(class, Scene::DEVICE, handle, &params)?;
    match scene.take_effects().pop() {
        Some(Effect::ChannelCreated(channel)) => Ok(channel.number.0),
        other => panic!("{other:?}"),
    }
}

/// kernel_channel_gm107.c, kernel_fifo.c and eheap_old.c: GSP-RM of 570 has a channel of its own.
#[test]
fn a_channel_has_a_number_that_is_free() {
    for (release, first) in [(RELEASES[0], 1), (&r535_113_01::RELEASE, 0)] {
        let mut scene = Scene::new("ga102", release);
        let fixed = |id| ChannelFlags(0).with_fixed_id(id).0;
        assert_eq!(number(&mut scene, 1, fixed(first)), Ok(first as u16));
        assert_eq!(number(&mut scene, 2, fixed(first)), Err(NV_ERR_NO_MEMORY));
        assert_eq!(number(&mut scene, 2, 0), Ok(first as u16 + 1));
        assert_eq!(number(&mut scene, 3, fixed(2047)), Ok(2047));
        assert_eq!(number(&mut scene, 4, fixed(2048)), Err(NV_ERR_NO_MEMORY));
        assert_eq!(
            number(&mut scene, 4, 1 << 11 | 5 << 8),
            Ok(5),
            "a place in a page"
        );
        assert_eq!(number(&mut scene, 5, 1 << 11 | 5 << 8), Ok(13));
        let both = fixed(9) | 1 << 11;
        assert_eq!(number(&mut scene, 6, both), Err(NV_ERR_INVALID_STATE));
        scene.free(1);
        scene.take_effects();
        assert_eq!(
            number(&mut scene, 1, fixed(first)),
            Ok(first as u16),
            "free again"
        );
        let zero = number(&mut scene, 7, fixed(0));
        assert_eq!(zero, Err(NV_ERR_NO_MEMORY), "in use, or GSP-RM's");
    }
}

/// A channel's number is unique among all clients, and so is its `cid`.
#[test]
fn channels_of_all_clients_are_counted() {
    let mut scene = scene();
    let mut made = |handle, id| {
        let flags = ChannelFlags(0).with_fixed_id(id).0;
        let mut params = scene.channel_params(|params| params.flags = flags);
        let class = scene.channel_class();
        scene
            .alloc_with(class, Scene::DEVICE, handle, &mut params)
            .unwrap();
        scene.free(handle);
        ChannelAllocParams::read_from_prefix(&params).unwrap().0.cid
    };
    assert_eq!([made(1, 4), made(1, 4), made(2, 5)], [0, 1, 2]);
}

/// kernel_channel.c, kernel_channel_group_api.c, vaspace.c and kernel_ctxshare.c; what is about
/// memory is the model's.
#[test]
fn a_channel_that_could_not_run_is_refused() {
    let mut refused = Vec::new();
    let mut channel = |change: fn(&mut ChannelAllocParams)| {
        let mut scene = scene();
        add_space(&mut scene, SPACE);
        set_directory(&mut scene, SPACE);
        add_space(&mut scene, SPACE + 1);
        scene.take_effects();
        let params = scene.channel_params(change);
        let class = scene.channel_class();
        let result = scene
            .alloc(class, Scene::DEVICE, CHANNEL, &params)
            .map(|_| ());
        refused.push(result.is_err());
        assert_eq!(scene.take_effects().is_empty(), result.is_err());
        result
    };
    let invalid = Err(NV_ERR_INVALID_ARGUMENT);
    assert_eq!(channel(|_| {}), Ok(()));
    assert_eq!(channel(|it| it.flags |= 1), Err(NV_ERR_NOT_SUPPORTED));
    // Address spaces.
    assert_eq!(channel(|it| it.h_va_space = SPACE), Ok(()));
    assert_eq!(
        channel(|it| it.h_va_space = SPACE + 1),
        Err(NV_ERR_INVALID_STATE)
    );
    assert_eq!(
        channel(|it| it.h_va_space = 7),
        Err(NV_ERR_OBJECT_NOT_FOUND)
    );
    let device = channel(|it| it.h_va_space = Scene::DEVICE);
    assert_eq!(device, Err(NV_ERR_INVALID_OBJECT_HANDLE));
    assert_eq!(channel(|it| it.h_context_share = SHARE), invalid);
    // Engines.
    assert_eq!(channel(|it| it.engine_type = 0), invalid);
    assert_eq!(channel(|it| it.engine_type = 2), invalid, "GR1");
    assert_eq!(channel(|it| it.engine_type = 0xe), invalid, "COPY5");
    assert_eq!(channel(|it| it.engine_type = 0x13), Ok(()), "NVDEC0");
    // Memory.
    assert_eq!(channel(|it| it.instance_mem.base += 0x800), invalid);
    assert_eq!(channel(|it| it.instance_mem.size = 0x800), invalid);
    assert_eq!(channel(|it| it.instance_mem.base = Scene::VRAM), invalid);
    assert_eq!(
        channel(|it| it.instance_mem.base = Scene::VRAM - 0x1000),
        Ok(())
    );
    assert_eq!(channel(|it| it.instance_mem.address_space = 0), invalid);
    assert_eq!(
        channel(|it| it.instance_mem.base = u64::MAX - 0xfff),
        invalid
    );
    assert_eq!(channel(|it| it.userd_mem.base = Scene::VRAM), invalid);
    assert_eq!(channel(|it| it.userd_mem.address_space = 3), invalid);
    let system = |it: &mut ChannelAllocParams| {
        (it.userd_mem.address_space, it.userd_mem.base) = (1, Scene::VRAM);
    };
    assert_eq!(channel(system), Ok(()));
    assert_eq!(channel(|it| it.gp_fifo_entries = 0), invalid);
    assert_eq!(channel(|it| it.gp_fifo_entries = 0x401), invalid);
    assert_eq!(channel(|it| it.internal_flags = 3), invalid);
    assert_eq!(refused.iter().filter(|&&refused| !refused).count(), 5);
}

/// tinygrad's first channel has its USERD at 256 bytes behind a page, and never runs.
#[test]
fn host_ignores_the_low_bits_of_userd() {
    let mut scene = scene();
    let params = scene.channel_params(|params| {
        (params.userd_mem.base, params.userd_mem.size) = (0x8100, 0x20);
        params.internal_flags = 0x1a;
    });
    assert!(scene.alloc(0xc56f, Scene::DEVICE, CHANNEL, &params).is_ok());
    let [Effect::ChannelCreated(channel)] = scene.take_effects()[..] else {
        panic!("no channel");
    };
    assert_eq!(channel.userd, (Aperture::Vram, 0x8000));
    assert_eq!(channel.privilege, Privilege::Kernel);
}

/// g_gpu_class_list.c.
#[test]
fn a_channel_has_a_class_of_the_chip() {
    for (chip, class, expected) in [
        ("tu102", 0xc46f, Ok(CHANNEL)),
        ("tu102", 0xc56f, Err(NV_ERR_INVALID_CLASS)),
        ("ga102", 0xc36f, Ok(CHANNEL)),
        ("ga102", 0xc86f, Err(NV_ERR_INVALID_CLASS)),
        ("gb202", 0xc96f, Ok(CHANNEL)),
        ("gb100", 0xca6f, Err(NV_ERR_INVALID_CLASS)),
    ] {
        let mut scene = Scene::new(chip, RELEASES[0]);
        let params = scene.channel_params(|_| {});
        let channel = scene.alloc(class, Scene::DEVICE, CHANNEL, &params);
        assert_eq!(channel, expected, "{class:#x} of {chip}");
    }
}

/// kernel_channel_group_api.c, and an H200; that the engine must exist is the model's check.
#[test]
fn a_group_has_an_engine() {
    for (engine_type, expected) in [
        (0, Err(NV_ERR_INVALID_ARGUMENT)),
        (1, Ok(GROUP)),
        (2, Err(NV_ERR_INVALID_ARGUMENT)),
        (0x7f, Err(NV_ERR_INVALID_ARGUMENT)),
        (u32::MAX, Err(NV_ERR_INVALID_ARGUMENT)),
    ] {
        let params = ChannelGroupAllocationParameters {
            engine_type,
            ..ChannelGroupAllocationParameters::default()
        };
        let class = KEPLER_CHANNEL_GROUP_A;
        let group = scene().alloc(class, Scene::DEVICE, GROUP, params.as_bytes());
        assert_eq!(group, expected, "{engine_type:#x}");
    }
    for (h_va_space, expected) in [
        (7, NV_ERR_OBJECT_NOT_FOUND),
        (Scene::DEVICE, NV_ERR_INVALID_OBJECT_HANDLE),
    ] {
        let params = ChannelGroupAllocationParameters {
            engine_type: 1,
            h_va_space,
            ..ChannelGroupAllocationParameters::default()
        };
        let class = KEPLER_CHANNEL_GROUP_A;
        let group = scene().alloc(class, Scene::DEVICE, GROUP, params.as_bytes());
        assert_eq!(group, Err(expected));
    }
}

/// As tinygrad makes its two channels: one group, and one context share for both.
#[test]
fn channels_of_a_group_have_the_space_of_their_context_share() {
    let mut scene = scene();
    add_space(&mut scene, SPACE);
    add_group(&mut scene);
    let share = CtxShareAllocationParameters {
        h_va_space: SPACE,
        flags: CtxShareAllocationParameters::ASYNC,
        ..CtxShareAllocationParameters::default()
    };
    let add_share =
        |scene: &mut Scene, handle, share: CtxShareAllocationParameters| -> Result<u32, u32> {
            let mut params = share.as_bytes().to_vec();
            scene.alloc_with(FERMI_CONTEXT_SHARE_A, GROUP, handle, &mut params)?;
            Ok(CtxShareAllocationParameters::read_from_bytes(&params)
                .unwrap()
                .subctx_id)
        };
    let early = add_share(&mut scene, SHARE, share);
    assert_eq!(early, Err(NV_ERR_INVALID_STATE), "no page directory");
    set_directory(&mut scene, SPACE);
    assert_eq!(add_share(&mut scene, SHARE, share), Ok(63));
    for (handle, flags, subctx_id, expected) in [
        (SHARE + 1, 1, 0, Ok(62)),
        (SHARE + 2, 0, 0, Ok(0)),
        (SHARE + 3, 0, 0, Err(NV_ERR_NO_MEMORY)),
        (SHARE + 3, 2, 5, Ok(5)),
        (SHARE + 4, 2, 5, Err(NV_ERR_NO_MEMORY)),
        (SHARE + 4, 2, 64, Err(NV_ERR_NO_MEMORY)),
        (SHARE + 4, 3, 0, Ok(1)),
        (SHARE + 5, 4, 0, Err(NV_ERR_INVALID_ARGUMENT)),
    ] {
        let request = CtxShareAllocationParameters {
            flags,
            subctx_id,
            ..share
        };
        assert_eq!(add_share(&mut scene, handle, request), expected, "{flags}");
    }
    // Another group has subcontexts of its own.
    add_group_as(&mut scene, GROUP + 1);
    let other = scene.alloc(
        FERMI_CONTEXT_SHARE_A,
        GROUP + 1,
        SHARE + 6,
        CtxShareAllocationParameters::default().as_bytes(),
    );
    assert_eq!(other, Ok(SHARE + 6), "subcontext 0");
    scene.take_effects();

    let mut channel = |handle, change: fn(&mut ChannelAllocParams)| -> Result<Channel, u32> {
        let params = scene.channel_params(|params| {
            params.flags = 0;
            params.engine_type = 0;
            params.h_context_share = SHARE;
            change(params);
        });
        scene.alloc(AMPERE_CHANNEL_GPFIFO_A, GROUP, handle, &params)?;
        match scene.take_effects().pop() {
            Some(Effect::ChannelCreated(channel)) => Ok(channel),
            other => panic!("{other:?}"),
        }
    };
    for handle in [1, 2] {
        let channel = channel(handle, |_| {}).unwrap();
        assert_eq!(channel.space.map(|space| space.handle), Some(SPACE));
        assert_eq!((channel.engine, channel.share), (Engine::Gr, SHARE));
        let group = GroupId {
            client: Scene::CLIENT,
            handle: GROUP,
        };
        assert_eq!(channel.group, Some(group));
    }
    let mut status = |change| channel(3, change).map(|_| ()).unwrap_err();
    let space = status(|params| params.h_va_space = SPACE);
    assert_eq!(space, NV_ERR_INVALID_ARGUMENT, "beside a context share");
    let space = status(|it| (it.h_va_space, it.h_context_share) = (SPACE, 0));
    assert_eq!(space, NV_ERR_INVALID_ARGUMENT, "in a group");
    assert_eq!(status(|it| it.engine_type = 0xb), NV_ERR_INVALID_ARGUMENT);
    assert_eq!(status(|it| it.h_context_share = 7), NV_ERR_OBJECT_NOT_FOUND);
    let space = status(|it| it.h_context_share = SPACE);
    assert_eq!(space, NV_ERR_INVALID_OBJECT_HANDLE);
}

/// Allocates an object on a channel for this engine; returns the engine of the object.
fn on_channel(chip: &str, engine_type: u32, class: u32, params: &[u8]) -> Result<Engine, u32> {
    let mut scene = Scene::new(chip, RELEASES[0]);
    let channel = scene.channel_params(|it| it.engine_type = engine_type);
    let channel_class = scene.channel_class();
    let channel = scene.alloc(channel_class, Scene::DEVICE, CHANNEL, &channel);
    assert_eq!(channel, Ok(CHANNEL));
    assert_eq!(scene.promote(CHANNEL, &testing::golden()), Ok(()));
    scene.alloc(class, CHANNEL, OBJECT, params)?;
    match scene.take_effects().pop() {
        Some(Effect::ObjectCreated {
            channel: ChannelNumber(3),
            class: found,
            engine,
        }) if found == class => Ok(engine),
        other => panic!("{other:?}"),
    }
}

/// kernel_ce_context.c and channel_descendant.c.
#[test]
fn a_copy_object_is_on_the_engine_of_its_parameters() {
    let copy = |engine_type, version, number| {
        let params = CopyAllocationParameters {
            version,
            engine_type: number,
        };
        on_channel("ga102", engine_type, 0xc7b5, params.as_bytes())
    };
    assert_eq!(copy(0xb, 1, 0xb), Ok(Engine::Copy(2)));
    assert_eq!(copy(0xb, 0, 2), Ok(Engine::Copy(2)));
    assert_eq!(copy(1, 1, 0xa), Ok(Engine::Copy(1)), "a GRCE");
    assert_eq!(
        copy(0xb, 1, 0xc),
        Err(NV_ERR_INVALID_STATE),
        "another runlist"
    );
    assert_eq!(copy(0xb, 1, 0xe), Err(NV_ERR_INVALID_CLASS), "COPY5");
    assert_eq!(copy(0xb, 1, 8), Err(NV_ERR_INVALID_CLASS), "no copy engine");
    assert_eq!(copy(0xb, 1, 0x13), Err(NV_ERR_INVALID_CLASS), "NVDEC0");
    assert_eq!(copy(0xb, 0, 256), Err(NV_ERR_INVALID_CLASS));
    assert_eq!(copy(0xb, 2, 2), Err(NV_ERR_INVALID_CLASS));
    // As tinygrad does.
    assert_eq!(on_channel("ga102", 1, 0xc7b5, &[]), Ok(Engine::Copy(0)));
    let other = on_channel("ga102", 1, 0xc6b5, &[]);
    assert_eq!(other, Err(NV_ERR_INVALID_CLASS), "GA100's");
}

/// kernel_nvdec_engdesc.c and its like.
#[test]
fn a_video_object_is_on_the_instance_of_its_parameters() {
    let video = |chip, engine_type, class, size, engine_instance| {
        let params = VideoAllocationParameters {
            size,
            engine_instance,
            ..VideoAllocationParameters::default()
        };
        on_channel(chip, engine_type, class, params.as_bytes())
    };
    assert_eq!(video("ga102", 0x14, 0xc7b0, 12, 1), Ok(Engine::Nvdec(1)));
    assert_eq!(video("ga102", 0x1b, 0xc7b7, 12, 0), Ok(Engine::Nvenc(0)));
    assert_eq!(video("ad102", 0x2d, 0xc9d1, 12, 2), Ok(Engine::Nvjpeg(2)));
    assert_eq!(
        video("ga102", 0x33, 0xc7fa, 12, 1),
        Ok(Engine::Ofa(0)),
        "the only one"
    );
    assert_eq!(video("gb100", 0x3e, 0xcdfa, 12, 1), Ok(Engine::Ofa(1)));
    assert_eq!(
        video("ga102", 0x14, 0xc7b0, 12, 0),
        Err(NV_ERR_INVALID_STATE)
    );
    assert_eq!(
        video("ga102", 0x14, 0xc7b0, 12, 2),
        Err(NV_ERR_INVALID_CLASS)
    );
    assert_eq!(
        video("ga102", 0x14, 0xc7b0, 8, 1),
        Err(NV_ERR_INVALID_CLASS)
    );
    assert_eq!(on_channel("ga102", 0x13, 0xc7b0, &[]), Ok(Engine::Nvdec(0)));
}

/// disp_objs.c, and an H200.
#[test]
fn displays_are_those_of_the_chip() {
    for (chip, class, expected) in [
        ("ga102", 0x73, Ok(OBJECT)),
        ("ga102", 0xc670, Ok(OBJECT)),
        ("ga102", 0xc570, Err(NV_ERR_INVALID_CLASS)),
        ("gb202", 0xca70, Ok(OBJECT)),
        ("gh100", 0x73, Err(NV_ERR_NOT_SUPPORTED)),
        ("gh100", 0xc670, Err(NV_ERR_INVALID_CLASS)),
    ] {
        let mut scene = Scene::new(chip, RELEASES[0]);
        let object = scene.alloc(class, Scene::DEVICE, OBJECT, &[]);
        assert_eq!(object, expected, "{class:#x} of {chip}");
        let below = scene.alloc(class, Scene::SUBDEVICE, OBJECT + 1, &[]);
        assert_eq!(below, Err(NV_ERR_INVALID_OBJECT_PARENT));
    }
}

/// event.c.
#[test]
fn an_event_may_be_below_any_object() {
    let event = |parent, change: fn(&mut Nv0005AllocParameters)| {
        let mut params = Nv0005AllocParameters {
            h_parent_client: Scene::CLIENT,
            h_class: 0x7e,
            ..Nv0005AllocParameters::default()
        };
        change(&mut params);
        let event = scene().alloc(0x7e, parent, OBJECT, params.as_bytes());
        event.map(|_| ())
    };
    for parent in [Scene::CLIENT, Scene::DEVICE, Scene::SUBDEVICE] {
        assert_eq!(event(parent, |_| {}), Ok(()));
    }
    let subdevice = Scene::SUBDEVICE;
    assert_eq!(event(7, |_| {}), Err(NV_ERR_OBJECT_NOT_FOUND));
    assert_eq!(event(subdevice, |it| it.h_parent_client = 0), Ok(()));
    let other = event(subdevice, |it| it.h_parent_client = 7);
    assert_eq!(other, Err(NV_ERR_INVALID_OBJECT_HANDLE));
    assert_eq!(
        event(subdevice, |it| it.h_src_resource = Scene::DEVICE),
        Ok(())
    );
    let unknown = event(subdevice, |it| it.h_src_resource = 7);
    assert_eq!(unknown, Err(NV_ERR_INVALID_OBJECT));
}

/// A channel with a copy object in an address space with a page directory; returns the effects of
/// freeing one of these.
fn effects_of_free(object: u32) -> Vec<Effect> {
    let mut scene = scene();
    add_space(&mut scene, SPACE);
    set_directory(&mut scene, SPACE);
    let params = scene.channel_params(|params| {
        params.h_va_space = SPACE;
        params.engine_type = 0xb;
    });
    let channel = scene.alloc(0xc56f, Scene::DEVICE, CHANNEL, &params);
    assert_eq!(channel, Ok(CHANNEL));
    let params = CopyAllocationParameters {
        version: 1,
        engine_type: 0xb,
    };
    let object_ = scene.alloc(0xc7b5, CHANNEL, OBJECT, params.as_bytes());
    assert_eq!(object_, Ok(OBJECT));
    scene.take_effects();
    scene.free(object);
    scene.take_effects()
}

/// rs_server.c; kernel_channel.c, `refAddDependant`.
#[test]
fn freeing_ends_channels_before_what_they_use() {
    let object = Effect::ObjectFreed {
        channel: ChannelNumber(3),
        class: 0xc7b5,
        engine: Engine::Copy(2),
    };
    let channel = Effect::ChannelFreed(ChannelNumber(3));
    let space = Effect::PageDirectoryUnset {
        space: SpaceId {
            client: Scene::CLIENT,
            handle: SPACE,
        },
    };
    let all = [object, channel, space];
    assert_eq!(effects_of_free(OBJECT), all[..1]);
    assert_eq!(effects_of_free(CHANNEL), all[..2]);
    assert_eq!(effects_of_free(SPACE), all, "which the channel uses");
    assert_eq!(effects_of_free(Scene::DEVICE), all);
    assert_eq!(effects_of_free(Scene::CLIENT), all);
    assert_eq!(effects_of_free(Scene::SUBDEVICE), []);
}

#[test]
fn a_space_that_had_no_directory_goes_quietly() {
    let mut scene = scene();
    add_space(&mut scene, SPACE);
    scene.free(SPACE);
    assert_eq!(scene.take_effects(), []);
}

/// kernel_ctxshare.c, `refAddDependant`: a channel in a group uses its address space by a context
/// share.
#[test]
fn freeing_a_space_ends_channels_that_share_it() {
    for (object, expected) in [(SPACE, 2), (SHARE, 1), (GROUP, 1)] {
        let mut scene = scene();
        add_space(&mut scene, SPACE);
        set_directory(&mut scene, SPACE);
        add_group(&mut scene);
        let share = CtxShareAllocationParameters {
            h_va_space: SPACE,
            ..CtxShareAllocationParameters::default()
        };
        let share = scene.alloc(FERMI_CONTEXT_SHARE_A, GROUP, SHARE, share.as_bytes());
        assert_eq!(share, Ok(SHARE));
        let params = scene.channel_params(|params| {
            (params.h_context_share, params.engine_type) = (SHARE, 0);
        });
        let channel = scene.alloc(AMPERE_CHANNEL_GPFIFO_A, GROUP, CHANNEL, &params);
        assert_eq!(channel, Ok(CHANNEL));
        scene.take_effects();
        scene.free(object);
        let effects = scene.take_effects();
        assert_eq!(effects[0], Effect::ChannelFreed(ChannelNumber(3)));
        assert_eq!(effects.len(), expected, "{object:#x}");
        let gone = scene.objects.client(Scene::CLIENT).unwrap().find(SHARE);
        assert!(gone.is_err(), "the context share");
    }
}

/// All that nouveau allocates and asks for until its first copy, with its handles and sizes.
#[test]
fn nouveau_gets_its_copy_channel_on_every_chip() {
    on_each(|scene| {
        let (shift, entries) = match scene.chip.chipset.arch().boots_through_fsp() {
            true => (56, 2),
            false => (47, 4),
        };
        add_space(scene, SPACE);
        let directory = SetPageDirectory {
            phys_address: 0x30_0000,
            num_entries: entries,
            h_va_space: SPACE,
            ..SetPageDirectory::default()
        };
        let set = scene.control(Scene::DEVICE, 0x80_1813, directory.as_bytes());
        assert!(set.is_ok(), "directory of {shift}");
        let params = scene.channel_params(|params| {
            params.h_va_space = SPACE;
            params.engine_type = 0xb;
        });
        let class = scene.channel_class();
        let channel = scene.alloc(class, Scene::DEVICE, CHANNEL, &params);
        assert_eq!(channel, Ok(CHANNEL));
        let copy = CopyAllocationParameters {
            version: 1,
            engine_type: 0xb,
        };
        assert!(scene.control(CHANNEL, 0xa06f_0104, &[0xb, 0, 0, 0]).is_ok());
        assert!(scene.control(CHANNEL, 0xa06f_0103, &[1, 0]).is_ok());
        let classes = [0xc5b5, 0xc6b5, 0xc7b5, 0xc8b5, 0xc9b5, 0xcab5];
        let made = classes
            .iter()
            .filter(|&&class| scene.alloc(class, CHANNEL, class, copy.as_bytes()).is_ok());
        assert_eq!(made.count(), 1, "one class of copies");
        let kinds: Vec<_> = scene
            .take_effects()
            .iter()
            .map(|effect| match effect {
                Effect::PageDirectorySet { directory, .. } => {
                    assert_eq!(directory.aperture, Aperture::Vram);
                    assert_eq!(
                        *directory,
                        PageDirectory {
                            address: 0x30_0000,
                            ..*directory
                        }
                    );
                    "directory"
                }
                Effect::ChannelCreated(_) => "channel",
                Effect::Scheduled { runs: true, .. } => "scheduled",
                Effect::ObjectCreated { .. } => "object",
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(kinds, ["directory", "channel", "scheduled", "object"]);
    });
}

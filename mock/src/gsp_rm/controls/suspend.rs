// SPDX-License-Identifier: GPL-2.0

//! Controls with which a driver prepares a suspend: it stops the channels, and names the memory to
//! which GSP-RM saves the parts of the frame buffer that are its own or that the driver leaves to it.
//!
//! Source: open-gpu-kernel-modules 535 and 570,
//! src/nvidia/src/kernel/gpu/mem_mgr/arch/maxwell/fbsr_gm107.c; Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/{r535,r570}/fbsr.c. GSP-RM's end is not public: the
//! refusals are the model's own.

use nova_hw::abi::control;
use nova_hw::abi::status::NV_ERR_INVALID_STATE;
use nova_hw::release::r535_113_01::{FbsrInit, FbsrSendRegionInfo};

use super::call::{invalid, Call, Control};
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::suspend::Backup;

pub(super) static CONTROLS: &[Control] = &[
    Control {
        cmd: |release| release.control_numbers.toggle_channels,
        size: |_| 1,
        call: toggle_channels,
    },
    Control {
        cmd: |_| Some(control::FB_GET_COMPBIT_STORE_INFO),
        size: |release| release.controls.compbit_store_info,
        // There is no memory for compression.
        call: |call| Ok(vec![0; call.params.len()]),
    },
    Control {
        cmd: |_| Some(control::INTERNAL_MEMSYS_PROGRAM_RAW_COMPRESSION_MODE),
        size: |_| 1,
        call: |call| {
            flag(call)?;
            call.accept()
        },
    },
    Control {
        cmd: |release| release.fbsr_init().map(|_| control::INTERNAL_FBSR_INIT),
        size: |release| release.fbsr_init().map_or(0, |at| at.size),
        call: begin,
    },
    Control {
        cmd: |release| release.control_numbers.fbsr_send_region_info,
        size: |_| size_of::<FbsrSendRegionInfo>(),
        call: add_region,
    },
];

/// The only parameter, a truth value.
fn flag(call: &Call<'_>) -> Result<bool, Refused> {
    match call.params {
        [0] => Ok(false),
        [1] => Ok(true),
        other => Err(invalid(format!("{other:x?} is no truth value"))),
    }
}

/// A driver has channels run again after a resume, or when it gives a suspend up
/// (`kfifoStateLoad_IMPL` in src/nvidia/src/kernel/gpu/fifo/kernel_fifo_init.c); the memory that it has
/// named is its own again.
fn toggle_channels(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let run = !flag(call)?;
    if run {
        call.objects.backup = None;
    }
    call.effects.push(Effect::AllScheduled { run });
    call.accept()
}

/// Alignment of the metadata, which booter and the FMC read.
const METADATA_ALIGN: u64 = 256;

fn begin(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let Some(at) = call.platform.release.fbsr_init() else {
        return Err(invalid("a suspend in this release".into()));
    };
    let read = |field| nova_hw::field::Field::<u32>::read(field, call.params).unwrap_or_default();
    let kind = at.kind.map_or(FbsrInit::DMA, read);
    if kind != FbsrInit::DMA {
        return Err(invalid(format!(
            "a copy of the frame buffer of kind {kind}"
        )));
    }
    let metadata = at.metadata.and_then(|field| field.read(call.params));
    if metadata.is_some_and(|address| address == 0 || address % METADATA_ALIGN != 0) {
        return Err(invalid(format!("metadata of a suspend at {metadata:x?}")));
    }
    let client = call.objects.client(read(at.client))?;
    let memory = client.memory(read(at.memory))?;
    if memory.is_video {
        return Err(invalid("a copy of the frame buffer in itself".into()));
    }
    let own_at = at.own_regions.and_then(|field| field.read(call.params));
    let announced = at.regions.map(read);
    let backup = Backup::new(
        memory,
        own_at.unwrap_or(0),
        announced,
        metadata.unwrap_or(0),
    )
    .map_err(invalid)?;
    call.objects.backup = Some(backup);
    call.accept()
}

fn add_region(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let request: FbsrSendRegionInfo = call.read()?;
    if request.fbsr_type != FbsrInit::DMA {
        return Err(invalid(format!("a copy as {request:x?}")));
    }
    let client = call.objects.client(request.h_client)?;
    let memory = client.memory(request.h_vid_mem)?.clone();
    if !memory.is_video {
        return Err(invalid("a copy of system memory".into()));
    }
    let Some(backup) = &mut call.objects.backup else {
        let error = "a region to save before the memory for it".into();
        return Err((NV_ERR_INVALID_STATE, error));
    };
    let (from, to) = (request.vid_offset, request.sys_offset);
    backup
        .add(&memory, from, to, request.size)
        .map_err(invalid)?;
    call.accept()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::objects::{INTERNAL_CLIENT, INTERNAL_DEVICE};
    use crate::gsp_rm::resource::{MemoryList, Pages};
    use crate::gsp_rm::testing::Scene;
    use crate::gsp_rm::{classes, suspend::Region};
    use nova_hw::abi::status::{
        NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_CLIENT, NV_ERR_NOT_SUPPORTED,
        NV_ERR_OBJECT_NOT_FOUND,
    };
    use nova_hw::abi::GspFwWprMeta;
    use nova_hw::release::{r570_144, Release, RELEASES};
    use zerocopy::IntoBytes;

    const R570: &Release = RELEASES[0];
    const R535: &Release = RELEASES[1];

    const SYSTEM: u32 = 0xcaf0_0003;
    const VIDEO: u32 = 0xcaf0_0004;

    /// A scene whose internal device has system memory, and memory of the frame buffer.
    fn scene(release: &'static Release) -> Scene {
        let mut scene = Scene::new("ga102", release);
        for (handle, class, is_video, pages) in [
            (SYSTEM, 0x81, false, vec![0x7000, 0x3000, 0x9000, 0x8000]),
            (VIDEO, 0x82, true, vec![0x10_0000, 0x10_1000]),
        ] {
            let memory = MemoryList {
                is_video,
                len: 0x1000 * pages.len() as u64,
                pages: Pages::Listed(pages),
            };
            let handles = [INTERNAL_CLIENT, INTERNAL_DEVICE, handle];
            let class = classes::memory(class).unwrap();
            scene.objects.alloc_memory(class, handles, memory).unwrap();
        }
        scene
    }

    fn init_570() -> r570_144::FbsrInit {
        r570_144::FbsrInit {
            h_client: INTERNAL_CLIENT,
            h_sys_mem: SYSTEM,
            b_entering_gcoff_state: 1,
            sysmem_addr_of_suspend_resume_data: 0x1_2345_6700,
            ..r570_144::FbsrInit::default()
        }
    }

    fn init_535() -> FbsrInit {
        FbsrInit {
            fbsr_type: FbsrInit::DMA,
            num_regions: 1,
            h_client: INTERNAL_CLIENT,
            h_sys_mem: SYSTEM,
            gsp_fb_allocs_sys_offset: 0x2000,
            ..FbsrInit::default()
        }
    }

    fn region() -> FbsrSendRegionInfo {
        FbsrSendRegionInfo {
            fbsr_type: FbsrInit::DMA,
            h_client: INTERNAL_CLIENT,
            h_vid_mem: VIDEO,
            size: 0x2000,
            ..FbsrSendRegionInfo::default()
        }
    }

    fn call(scene: &mut Scene, cmd: u32, params: &[u8]) -> Result<(), u32> {
        let reply = scene.internal(cmd, params)?;
        assert_eq!(reply, params);
        Ok(())
    }

    const INIT: u32 = 0x2080_0ac2;
    /// Stops channels in 570, and names a region in 535.
    const OTHER: u32 = 0x2080_0ac3;

    #[test]
    fn channels_are_stopped_in_570() {
        let mut scene = scene(R570);
        assert_eq!(call(&mut scene, OTHER, &[1]), Ok(()));
        assert_eq!(call(&mut scene, OTHER, &[0]), Ok(()));
        let effects = [false, true].map(|run| Effect::AllScheduled { run });
        assert_eq!(scene.take_effects(), effects);
        let invalid = Err(NV_ERR_INVALID_ARGUMENT);
        assert_eq!(call(&mut scene, OTHER, &[2]), invalid);
        assert_eq!(call(&mut scene, OTHER, region().as_bytes()), invalid);
        assert_eq!(call(&mut self::scene(R535), OTHER, &[1]), invalid);
    }

    #[test]
    fn there_is_no_memory_for_compression() {
        for (release, size, other) in [(R570, 80, 72), (R535, 72, 80)] {
            let mut scene = scene(release);
            let mut info = |len: usize| {
                let params = vec![0xee; len];
                scene.control(Scene::DEVICE, 0x80_1306, &params)
            };
            assert_eq!(info(size), Ok(vec![0; size]));
            assert_eq!(info(other), Err(NV_ERR_INVALID_ARGUMENT));
            let on_subdevice = scene.internal(0x80_1306, &vec![0; size]);
            assert_eq!(on_subdevice, Err(NV_ERR_NOT_SUPPORTED));
            assert_eq!(call(&mut scene, 0x2080_0a6f, &[0]), Ok(()));
            let bad = call(&mut scene, 0x2080_0a6f, &[3]);
            assert_eq!(bad, Err(NV_ERR_INVALID_ARGUMENT));
        }
    }

    #[test]
    fn each_release_has_its_own_parameters() {
        let mut new = scene(R570);
        let mut old = scene(R535);
        let invalid = Err(NV_ERR_INVALID_ARGUMENT);
        assert_eq!(call(&mut new, INIT, init_535().as_bytes()), invalid);
        assert_eq!(call(&mut old, INIT, init_570().as_bytes()), invalid);
        assert_eq!(call(&mut new, INIT, init_570().as_bytes()), Ok(()));
        assert_eq!(call(&mut old, INIT, init_535().as_bytes()), Ok(()));
        assert_eq!(new.objects.backup.unwrap().metadata, 0x1_2345_6700);
    }

    #[test]
    fn the_memory_must_be_system_memory_of_the_client() {
        let bad = |change: fn(&mut r570_144::FbsrInit)| {
            let mut params = init_570();
            change(&mut params);
            let mut scene = scene(R570);
            let result = call(&mut scene, INIT, params.as_bytes());
            assert_eq!(scene.objects.backup, None);
            result.unwrap_err()
        };
        assert_eq!(bad(|it| it.h_client = 7), NV_ERR_INVALID_CLIENT);
        assert_eq!(bad(|it| it.h_sys_mem = 7), NV_ERR_OBJECT_NOT_FOUND);
        assert_eq!(bad(|it| it.h_sys_mem = VIDEO), NV_ERR_INVALID_ARGUMENT);
        let metadata = |it: &mut r570_144::FbsrInit| it.sysmem_addr_of_suspend_resume_data += 0x80;
        assert_eq!(bad(metadata), NV_ERR_INVALID_ARGUMENT);
        let kind = FbsrInit {
            fbsr_type: 1,
            ..init_535()
        };
        let kind = call(&mut scene(R535), INIT, kind.as_bytes());
        assert_eq!(kind, Err(NV_ERR_INVALID_ARGUMENT));
    }

    /// The memory may be freed as soon as it was named, as nouveau does.
    #[test]
    fn gsp_rm_of_535_saves_the_driver_s_regions() {
        let mut scene = scene(R535);
        let send =
            |scene: &mut Scene, region: FbsrSendRegionInfo| call(scene, OTHER, region.as_bytes());
        assert_eq!(send(&mut scene, region()), Err(NV_ERR_INVALID_STATE));
        assert_eq!(call(&mut scene, INIT, init_535().as_bytes()), Ok(()));
        scene.objects.free(INTERNAL_CLIENT, SYSTEM).unwrap();
        let invalid = Err(NV_ERR_INVALID_ARGUMENT);
        let too_long = FbsrSendRegionInfo {
            vid_offset: 1,
            ..region()
        };
        assert_eq!(send(&mut scene, too_long), invalid);
        let behind = FbsrSendRegionInfo {
            sys_offset: 0x3000,
            ..region()
        };
        assert_eq!(send(&mut scene, behind), invalid);
        let other = FbsrSendRegionInfo {
            h_vid_mem: 7,
            ..region()
        };
        assert_eq!(send(&mut scene, other), Err(NV_ERR_OBJECT_NOT_FOUND));
        let meta = GspFwWprMeta {
            fb_size: 24 << 30,
            vga_workspace_offset: 23 << 30,
            vga_workspace_size: 0x2000,
            ..GspFwWprMeta::default()
        };
        let missing = scene.objects.backup.as_ref().unwrap().regions(&meta);
        assert!(missing.is_err(), "one was announced");
        assert_eq!(send(&mut scene, region()), Ok(()));
        scene.objects.free(INTERNAL_CLIENT, VIDEO).unwrap();
        let regions = scene.objects.backup.as_ref().unwrap().regions(&meta);
        let region = |video, at| Region {
            video,
            at,
            len: 0x2000,
        };
        assert_eq!(
            regions,
            Ok(vec![region(0x10_0000, 0), region(23 << 30, 0x2000)])
        );
    }
}

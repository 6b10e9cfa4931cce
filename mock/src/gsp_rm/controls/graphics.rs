// SPDX-License-Identifier: GPL-2.0

//! Controls about the graphics engine. Nothing is rendered: what a driver needs before it uses the
//! engine is answered, with small buffers, since a driver clears them byte by byte.

use nova_hw::abi::status::NV_ERR_INVALID_OBJECT_HANDLE;
use nova_hw::abi::{
    control, ContextBufferInfo, FermiTpcInfo, GrInfo, MemoryDescParams, PromoteCtx, ZcullInfo,
};
use nova_hw::chipset::Chipset;
use zerocopy::IntoBytes;

use super::call::{invalid, Call, Control};
use crate::chips::engines::{self, Engine, Row};
use crate::gsp_rm::context::{Context, BUFFERS};
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::objects::Kind;
use crate::gsp_rm::refused::Refused;

pub(super) static CONTROLS: &[Control] = &[
    Control {
        cmd: |_| Some(control::GPU_GET_FERMI_GPC_INFO),
        size: |_| size_of::<u32>(),
        call: |call| {
            let mask = engines::of(call.platform.chip.chipset).gpc_mask();
            Ok(mask.to_le_bytes().to_vec())
        },
    },
    Control {
        cmd: |_| Some(control::GPU_GET_FERMI_TPC_INFO),
        size: |_| size_of::<FermiTpcInfo>(),
        call: tpcs,
    },
    Control {
        cmd: |_| Some(control::INTERNAL_STATIC_KGR_GET_INFO),
        size: |release| release.controls.gr_info,
        call: |call| {
            let chipset = call.platform.chip.chipset;
            Ok(properties(chipset, call.params.len()))
        },
    },
    Control {
        cmd: |_| Some(control::INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO),
        size: |release| release.controls.context_buffers,
        call: |call| Ok(context_buffers(call.params.len())),
    },
    Control {
        cmd: |_| Some(control::GR_GET_ZCULL_INFO),
        size: |_| size_of::<ZcullInfo>(),
        call: |_| Ok(ZCULL.as_bytes().to_vec()),
    },
    Control {
        cmd: |_| Some(control::GPU_PROMOTE_CTX),
        size: |_| size_of::<PromoteCtx>(),
        call: promote,
    },
    // A work-around for a bug of Turing, with a channel that clears memory.
    Control {
        cmd: |release| {
            let has = release.controls.kgr_init_bug4208224_war.is_some();
            has.then_some(control::INTERNAL_KGR_INIT_BUG4208224_WAR)
        },
        size: |release| release.controls.kgr_init_bug4208224_war.unwrap_or_default(),
        call: |call| call.accept(),
    },
];

/// The TPCs of a GPC. One that does not exist has none: an H200 answers so to the control of this
/// kind that programs have.
fn tpcs(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let mut reply: FermiTpcInfo = call.read()?;
    reply.tpc_mask = engines::of(call.platform.chip.chipset).tpc_mask(reply.gpc_id);
    Ok(reply.as_bytes().to_vec())
}

/// The properties of the first engine, of which the model has those that drivers here ask for; the
/// others are 0.
fn properties(chipset: Chipset, size: usize) -> Vec<u8> {
    let (gpcs, tpcs) = (engines::of(chipset).gpcs, engines::of(chipset).tpcs);
    let (version, warps) = engines::sms(chipset);
    let mut reply = vec![0; size];
    let first = size / ContextBufferInfo::ENGINES;
    let entries = reply[..first].chunks_exact_mut(size_of::<GrInfo>());
    for (bytes, index) in entries.zip(0..) {
        let data = match index {
            GrInfo::GPCS | GrInfo::LITTER_GPCS => gpcs,
            GrInfo::TPCS => gpcs * tpcs,
            GrInfo::SM_VERSION => version,
            GrInfo::WARPS_PER_SM => warps,
            GrInfo::THREADS_PER_WARP => 32,
            GrInfo::LITTER_TPCS_PER_GPC => tpcs,
            GrInfo::LITTER_SMS_PER_TPC => 2,
            _ => 0,
        };
        bytes.copy_from_slice(GrInfo { index, data }.as_bytes());
    }
    reply
}

/// The context buffers of the first engine; the others need partitions (MIG). The sizes are the
/// model's own: a page for each buffer that there may be.
fn context_buffers(size: usize) -> Vec<u8> {
    const PAGE: u32 = 0x1000;
    let buffer = ContextBufferInfo {
        size: PAGE,
        alignment: PAGE,
    };
    let mut reply = vec![0; size];
    let first = size / ContextBufferInfo::ENGINES;
    let buffers = reply[..first].chunks_exact_mut(size_of::<ContextBufferInfo>());
    buffers.for_each(|bytes| bytes.copy_from_slice(buffer.as_bytes()));
    reply
}

/// Plausible values, the model's own.
static ZCULL: ZcullInfo = ZcullInfo {
    width_align_pixels: 0x100,
    height_align_pixels: 0x20,
    pixel_squares_by_aliquots: 0x400,
    aliquot_total: 0x800,
    zcull_region_byte_multiplier: 0x20,
    zcull_region_header_size: 0x20,
    zcull_subregion_header_size: 0x20,
    subregion_count: 0x10,
    subregion_width_align_pixels: 0x100,
    subregion_height_align_pixels: 0x20,
};

/// Takes the addresses of a channel's context buffers, and keeps which of them it has. How GSP-RM
/// checks them is not public; the statuses are the model's choice. An engine for video has a context of
/// one buffer, which is not kept.
fn promote(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    const VIDEO: u32 = 4;
    let request: PromoteCtx = call.read()?;
    let table = engines::of(call.platform.chip.chipset).table();
    let is_named = |row: &&Row| row.engine.number() == request.engine_type;
    let Some(row) = table.iter().find(is_named) else {
        let error = format!("buffers of engine {:#x}", request.engine_type);
        return Err(invalid(error));
    };
    let client = call.objects.client(request.h_chan_client)?;
    let channel = client.find(request.h_object)?;
    if ![Kind::Channel, Kind::Group].contains(&channel.kind()) {
        let error = format!("buffers of a {}", channel.class.name());
        return Err((NV_ERR_INVALID_OBJECT_HANDLE, error));
    }
    let Some(entries) = request.promote_entry.get(..request.entry_count as usize) else {
        return Err(invalid(format!("{:#x} buffers", request.entry_count)));
    };
    for entry in entries {
        let (base, size) = (entry.gpu_phys_addr, entry.size);
        let is_sound = entry.b_initialize == 0
            || size != 0
                && (entry.phys_attr & VIDEO == 0
                    || call.platform.is_memory(MemoryDescParams::VIDEO, base, size));
        if entry.buffer_id >= BUFFERS || !is_sound {
            return Err(invalid(format!("a buffer as {entry:x?}")));
        }
    }
    if row.engine == Engine::Gr {
        let client = call.objects.client_to_change(request.h_chan_client)?;
        let channels = client.promote(request.h_object, Context::of(entries))?;
        let complete = channels.iter().filter(|it| it.context.is_complete());
        let effects = complete.map(|it| Effect::ContextComplete(it.number));
        call.effects.extend(effects);
    }
    call.accept()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::testing::{on_each, Scene};
    use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED};
    use nova_hw::abi::status::{NV_ERR_INVALID_CLIENT, NV_ERR_OBJECT_NOT_FOUND};
    use nova_hw::release::RELEASES;
    use zerocopy::FromBytes;

    #[test]
    fn clusters_are_those_of_the_chip() {
        for (chip, gpcs, tpcs) in [
            ("ga102", 0x7f, 0x3f),
            ("tu116", 0x7, 0xf),
            ("gb202", 0xfff, 0xff),
        ] {
            let mut scene = Scene::new(chip, RELEASES[0]);
            let mask = scene.internal(control::GPU_GET_FERMI_GPC_INFO, &[0; 4]);
            assert_eq!(mask, Ok(u32::to_le_bytes(gpcs).to_vec()));
            let mut tpc_mask = |gpc_id| {
                let params = FermiTpcInfo {
                    gpc_id,
                    tpc_mask: 0,
                };
                let reply = scene.internal(control::GPU_GET_FERMI_TPC_INFO, params.as_bytes());
                FermiTpcInfo::read_from_bytes(&reply.unwrap()).unwrap()
            };
            assert_eq!(
                tpc_mask(0),
                FermiTpcInfo {
                    gpc_id: 0,
                    tpc_mask: tpcs
                }
            );
            assert_eq!(
                tpc_mask(31),
                FermiTpcInfo {
                    gpc_id: 31,
                    tpc_mask: 0
                }
            );
        }
    }

    /// As tinygrad reads them on a GA102: of the first engine, by their indices.
    #[test]
    fn graphics_has_the_properties_of_the_chip() {
        for (release, size) in [(RELEASES[0], 3712), (RELEASES[1], 3392)] {
            let mut scene = Scene::new("ga102", release);
            let reply = scene.internal(0x2080_0a2a, &vec![0; size]).unwrap();
            let word = |at: usize| u32::from_le_bytes(reply[at..][..4].try_into().unwrap());
            let data = |index: usize| {
                assert_eq!(word(8 * index), index as u32);
                word(8 * index + 4)
            };
            assert_eq!([0x14, 0x17, 0x20].map(data), [7, 6, 2]);
            assert_eq!(
                [0x07, 0x09, 0x0c, 0x0d, 0x0e].map(data),
                [7, 42, 0x806, 48, 32]
            );
            assert_eq!(word(size / 8 + 4), 0, "only the first engine");
        }
        let mut hopper = Scene::new("gh100", RELEASES[0]);
        let reply = hopper.internal(0x2080_0a2a, &[0; 3712]).unwrap();
        assert_eq!(
            reply[8 * 0xc + 4..][..4],
            0x900_u32.to_le_bytes(),
            "an H200's"
        );
    }

    /// 26 buffers of 8 engines, in 535 25.
    #[test]
    fn context_buffers_are_small_and_aligned() {
        for (release, size) in [(RELEASES[0], 1664), (RELEASES[1], 1600)] {
            let mut scene = Scene::new("ga102", release);
            let cmd = control::INTERNAL_STATIC_KGR_GET_CONTEXT_BUFFERS_INFO;
            let reply = scene.internal(cmd, &vec![0; size]).unwrap();
            let word = |at: usize| u32::from_le_bytes(reply[at..][..4].try_into().unwrap());
            assert_eq!([0, 4, 24 * 8, 24 * 8 + 4].map(word), [0x1000; 4]);
            assert_eq!(word(size / 8), 0, "only the first engine");
            assert_eq!(
                scene.internal(cmd, &[0; 1640]),
                Err(NV_ERR_INVALID_ARGUMENT)
            );
        }
    }

    #[test]
    fn zcull_has_subregions() {
        on_each(|scene| {
            let reply = scene
                .internal(control::GR_GET_ZCULL_INFO, &[0; 40])
                .unwrap();
            let info = ZcullInfo::read_from_bytes(&reply).unwrap();
            assert_eq!((info.subregion_count, reply[28]), (0x10, 0x10));
        });
    }

    #[test]
    fn only_570_has_the_work_around() {
        let call = |release| Scene::new("tu102", release).internal(0x2080_0a46, &[1]);
        assert_eq!(call(RELEASES[0]), Ok(vec![1]));
        assert_eq!(call(RELEASES[1]), Err(NV_ERR_NOT_SUPPORTED));
    }

    #[test]
    fn buffers_are_those_of_a_channel() {
        let mut scene = Scene::new("ga102", RELEASES[0]);
        let channel = scene.channel();
        let mut promote = |change: &dyn Fn(&mut PromoteCtx)| {
            let mut params = PromoteCtx {
                engine_type: 1,
                h_chan_client: Scene::CLIENT,
                h_object: channel,
                entry_count: 1,
                ..PromoteCtx::default()
            };
            params.promote_entry[0].b_initialize = 1;
            params.promote_entry[0].size = 0x1000;
            params.promote_entry[0].phys_attr = 4;
            change(&mut params);
            let reply = scene.control(
                Scene::SUBDEVICE,
                control::GPU_PROMOTE_CTX,
                params.as_bytes(),
            );
            reply.map(|_| ())
        };
        assert_eq!(promote(&|_| {}), Ok(()));
        assert_eq!(promote(&|params| params.entry_count = 16), Ok(()));
        let invalid = Err(NV_ERR_INVALID_ARGUMENT);
        assert_eq!(promote(&|params| params.entry_count = 17), invalid);
        assert_eq!(promote(&|params| params.engine_type = 2), invalid);
        assert_eq!(
            promote(&|params| params.promote_entry[0].buffer_id = 13),
            invalid
        );
        assert_eq!(promote(&|params| params.promote_entry[0].size = 0), invalid);
        let beyond = |params: &mut PromoteCtx| params.promote_entry[0].gpu_phys_addr = Scene::VRAM;
        assert_eq!(promote(&beyond), invalid);
        let unknown = |params: &mut PromoteCtx| params.h_object = 7;
        assert_eq!(promote(&unknown), Err(NV_ERR_OBJECT_NOT_FOUND));
        let device = |params: &mut PromoteCtx| params.h_object = Scene::DEVICE;
        assert_eq!(promote(&device), Err(NV_ERR_INVALID_OBJECT_HANDLE));
        let client = |params: &mut PromoteCtx| params.h_chan_client = 7;
        assert_eq!(promote(&client), Err(NV_ERR_INVALID_CLIENT));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Release 535.113.01: structures and numbers that differ from other releases.
//!
//! Paths are those of open-gpu-kernel-modules 535.113.01.

mod heap;
mod init;
pub(super) mod numbers;
mod object;
mod rpc;
mod static_info;
mod suspend;
mod system_info;

pub use init::*;
pub use numbers::event;
pub use object::*;
pub use rpc::*;
pub use static_info::*;
pub use suspend::*;
pub use system_info::*;

use crate::field::field;
use crate::release::{
    ArgumentsLayout, ControlNumbers, ControlSizes, EngineBases, EngineNumbers, ObjectSizes,
    RcTriggeredLayout, Release, RootLayout, StaticInfoLayout, SystemInfoLayout,
};

/// The release.
pub static RELEASE: Release = DESCRIPTION;

/// A constant, so that another release can have the same in part.
pub(super) const DESCRIPTION: Release = Release {
    name: "535.113.01",
    // Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/fwsec.c
    gen_bootloader: "acr/bl.bin",
    fmc_arguments: None,
    vgx_version: [0x23, 0x05],
    gsp_engine: MC_ENGINE_IDX_GSP,
    heap: heap::HEAP,
    system_info: SystemInfoLayout {
        size: size_of::<GspSystemInfo>(),
        gpu_phys_addr: field!(GspSystemInfo, gpu_phys_addr),
        gpu_phys_fb_addr: field!(GspSystemInfo, gpu_phys_fb_addr),
        gpu_phys_inst_addr: field!(GspSystemInfo, gpu_phys_inst_addr),
        nv_domain_bus_device_func: field!(GspSystemInfo, nv_domain_bus_device_func),
        max_user_va: field!(GspSystemInfo, max_user_va),
        pci_config_mirror_base: field!(GspSystemInfo, pci_config_mirror_base),
        pci_config_mirror_size: field!(GspSystemInfo, pci_config_mirror_size),
        pci_device_id: None,
        pci_sub_device_id: None,
        pci_revision_id: None,
    },
    arguments: ArgumentsLayout {
        size: size_of::<GspArgumentsCached>(),
        queue_memory: field!(
            GspArgumentsCached,
            message_queue_init_arguments.shared_mem_phys_addr
        ),
        queue_pages: field!(
            GspArgumentsCached,
            message_queue_init_arguments.page_table_entry_count
        ),
        command_queue: field!(
            GspArgumentsCached,
            message_queue_init_arguments.cmd_queue_offset
        ),
        status_queue: field!(
            GspArgumentsCached,
            message_queue_init_arguments.stat_queue_offset
        ),
        resume_level: field!(GspArgumentsCached, sr_init_arguments.old_level),
        resume_flags: field!(GspArgumentsCached, sr_init_arguments.flags),
        in_pm_transition: field!(GspArgumentsCached, sr_init_arguments.b_in_pm_transition),
        dmem_stack: None,
    },
    static_info: StaticInfoLayout {
        size: size_of::<GspStaticConfigInfo>(),
        name: field!(GspStaticConfigInfo, gpu_name_string),
        short_name: field!(GspStaticConfigInfo, gpu_short_name_string),
        unicode_name: field!(GspStaticConfigInfo, gpu_name_string_unicode),
        gpcs: Some(field!(GspStaticConfigInfo, gpc_info)),
        tpcs: Some(field!(GspStaticConfigInfo, tpc_info)),
        fb_length: field!(GspStaticConfigInfo, fb_length),
        fb_regions: field!(GspStaticConfigInfo, fb_region_info_params),
        bar1_pde_base: field!(GspStaticConfigInfo, bar1_pde_base),
        bar2_pde_base: field!(GspStaticConfigInfo, bar2_pde_base),
        vbios_valid: field!(GspStaticConfigInfo, b_vbios_valid),
        vbios_sub_vendor: field!(GspStaticConfigInfo, vbios_sub_vendor),
        vbios_sub_device: field!(GspStaticConfigInfo, vbios_sub_device),
        client: field!(GspStaticConfigInfo, h_internal_client),
        device: field!(GspStaticConfigInfo, h_internal_device),
        subdevice: field!(GspStaticConfigInfo, h_internal_subdevice),
        non_wpr_heap: None,
        frts: None,
    },
    rc_triggered: RcTriggeredLayout {
        size: size_of::<RcTriggered>(),
        engine: field!(RcTriggered, nv2080_engine_type),
        channel: field!(RcTriggered, chid),
        xid: field!(RcTriggered, except_type),
        scope: field!(RcTriggered, scope),
        mmu_fault_addr_lo: None,
        mmu_fault_addr_hi: None,
        mmu_fault_type: None,
    },
    engines: EngineNumbers {
        rm: RM_ENGINES,
        mc: MC_ENGINES,
        copies: 10,
        display: 2,
        display_low: None,
    },
    control_numbers: ControlNumbers {
        constructed_falcons: 0x2080_0a42,
        display_supported: 0x73_0120,
        fbsr_send_region_info: Some(0x2080_0ac3),
        toggle_channels: None,
    },
    controls: ControlSizes {
        memsys_static_config: 56,
        gr_info: 0xd40,
        context_buffers: 0x640,
        kgr_init_bug4208224_war: None,
        display_static_info: 28,
        gpu_get_info_v2: 516,
        compbit_store_info: 72,
        pgpu_add_vgpu_type: 316_936,
    },
    objects: ObjectSizes {
        channel: 0x168,
        ofa: 8,
    },
    reserved_channels: 0,
    notifiers: 181,
    root: RootLayout {
        size: size_of::<Nv0000AllocParameters>(),
        client: field!(Nv0000AllocParameters, h_client),
        process_id: field!(Nv0000AllocParameters, process_id),
    },
};

/// Number of the GSP in an interrupt table.
///
/// Source: src/nvidia/inc/kernel/gpu/intr/engine_idx.h.
const MC_ENGINE_IDX_GSP: u16 = 49;

/// Numbers of engines in the table of engines.
///
/// Source: src/nvidia/inc/kernel/gpu/gpu_engine_type.h.
const RM_ENGINES: EngineBases = EngineBases {
    gr: 1,
    copy: 9,
    nvdec: 0x1d,
    nvenc: 0x25,
    nvjpeg: 0x35,
    ofa: 0x3d,
    sec2: 0x30,
};

/// Numbers of engines in an interrupt table.
///
/// Source: src/nvidia/inc/kernel/gpu/intr/engine_idx.h.
const MC_ENGINES: EngineBases = EngineBases {
    gr: 82,
    copy: 15,
    nvdec: 64,
    nvenc: 38,
    nvjpeg: 50,
    ofa: 80,
    sec2: 46,
};

// SPDX-License-Identifier: GPL-2.0

//! Release 570.144: structures and numbers that differ from other releases.
//!
//! Paths are those of open-gpu-kernel-modules 570.144.

mod fmc;
mod heap;
mod init;
pub(super) mod numbers;
mod object;
mod rpc;
mod static_info;
mod suspend;
mod system_info;

pub use fmc::*;
pub use init::*;
pub use numbers::{event, function};
pub use object::*;
pub use rpc::*;
pub use static_info::*;
pub use suspend::*;
pub use system_info::*;

use crate::field::field;
use crate::release::{
    ArgumentsLayout, ControlNumbers, ControlSizes, EngineBases, EngineNumbers, FmcArgumentsLayout,
    ObjectSizes, RcTriggeredLayout, Release, RootLayout, StaticInfoLayout, SystemInfoLayout,
};

/// The release.
pub static RELEASE: Release = Release {
    name: "570.144",
    gen_bootloader: "gsp/gen_bootloader-570.144.bin",
    fmc_arguments: Some(FmcArgumentsLayout {
        size: size_of::<GspFmcBootParams>(),
        metadata_target: field!(GspFmcBootParams, boot_gsp_rm.target),
        metadata_size: field!(GspFmcBootParams, boot_gsp_rm.gsp_rm_desc_size),
        metadata: field!(GspFmcBootParams, boot_gsp_rm.gsp_rm_desc_offset),
        boots_gsp_rm: field!(GspFmcBootParams, boot_gsp_rm.b_is_gsp_rm_boot),
        libos_target: field!(GspFmcBootParams, gsp_rm.target),
        libos: field!(GspFmcBootParams, gsp_rm.boot_args_offset),
        coherent_system: GspFmcBootParams::DMA_TARGET_COHERENT_SYSTEM,
        noncoherent_system: GspFmcBootParams::DMA_TARGET_NONCOHERENT_SYSTEM,
    }),
    vgx_version: [0x29, 0x0c],
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
        pci_device_id: Some(field!(GspSystemInfo, pci_device_id)),
        pci_sub_device_id: Some(field!(GspSystemInfo, pci_sub_device_id)),
        pci_revision_id: Some(field!(GspSystemInfo, pci_revision_id)),
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
        dmem_stack: Some(field!(GspArgumentsCached, b_dmem_stack)),
    },
    static_info: StaticInfoLayout {
        size: size_of::<GspStaticConfigInfo>(),
        name: field!(GspStaticConfigInfo, gpu_name_string),
        short_name: field!(GspStaticConfigInfo, gpu_short_name_string),
        unicode_name: field!(GspStaticConfigInfo, gpu_name_string_unicode),
        gpcs: None,
        tpcs: None,
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
        non_wpr_heap: Some(field!(
            GspStaticConfigInfo,
            fw_wpr_layout_offset.non_wpr_heap_offset
        )),
        frts: Some(field!(
            GspStaticConfigInfo,
            fw_wpr_layout_offset.frts_offset
        )),
    },
    rc_triggered: RcTriggeredLayout {
        size: size_of::<RcTriggered>(),
        engine: field!(RcTriggered, nv2080_engine_type),
        channel: field!(RcTriggered, chid),
        xid: field!(RcTriggered, except_type),
        scope: field!(RcTriggered, scope),
        mmu_fault_addr_lo: Some(field!(RcTriggered, mmu_fault_addr_lo)),
        mmu_fault_addr_hi: Some(field!(RcTriggered, mmu_fault_addr_hi)),
        mmu_fault_type: Some(field!(RcTriggered, mmu_fault_type)),
    },
    engines: EngineNumbers {
        rm: RM_ENGINES,
        mc: MC_ENGINES,
        copies: 20,
        display: 2,
        display_low: Some(176),
    },
    control_numbers: ControlNumbers {
        constructed_falcons: 0x2080_01b0,
        display_supported: 0x73_0107,
        fbsr_send_region_info: None,
        toggle_channels: Some(0x2080_0ac3),
    },
    controls: ControlSizes {
        memsys_static_config: 40,
        gr_info: 0xe80,
        context_buffers: 0x680,
        kgr_init_bug4208224_war: Some(1),
        display_static_info: 36,
        gpu_get_info_v2: 524,
        compbit_store_info: 80,
        pgpu_add_vgpu_type: 334_344,
    },
    objects: ObjectSizes {
        channel: 0x170,
        ofa: 12,
    },
    reserved_channels: 1,
    notifiers: 197,
    root: RootLayout {
        size: size_of::<Nv0000AllocParameters>(),
        client: field!(Nv0000AllocParameters, h_client),
        process_id: field!(Nv0000AllocParameters, process_id),
    },
};

/// Number of the GSP in an interrupt table.
///
/// Source: src/nvidia/inc/kernel/gpu/intr/engine_idx.h.
const MC_ENGINE_IDX_GSP: u16 = 50;

/// Numbers of engines in the table of engines.
///
/// Source: src/nvidia/inc/kernel/gpu/gpu_engine_type.h.
const RM_ENGINES: EngineBases = EngineBases {
    gr: 1,
    copy: 9,
    nvdec: 0x1d,
    nvenc: 0x25,
    nvjpeg: 0x36,
    ofa: 0x3e,
    sec2: 0x31,
};

/// Numbers of engines in an interrupt table.
///
/// Source: src/nvidia/inc/kernel/gpu/intr/engine_idx.h.
const MC_ENGINES: EngineBases = EngineBases {
    gr: 84,
    copy: 15,
    nvdec: 65,
    nvenc: 38,
    nvjpeg: 51,
    ofa: 81,
    sec2: 47,
};

// SPDX-License-Identifier: GPL-2.0

//! Payload of GSP_SET_SYSTEM_INFO: the description of the machine.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h (`GspSystemInfo` and below),
//! src/nvidia/generated/g_gpu_acpi_data_nvoc.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::abi::{
    BusInfo, CapsMethodData, DodMethodData, GspVfInfo, JtMethodData, MuxMethodDataElement,
};

/// Description of the machine; `GspSystemInfo`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct GspSystemInfo {
    /// Physical address of BAR0, the registers.
    pub gpu_phys_addr: u64,
    /// Physical address of BAR1, the frame buffer.
    pub gpu_phys_fb_addr: u64,
    /// Physical address of BAR3, the instance memory.
    pub gpu_phys_inst_addr: u64,
    /// Address of the I/O BAR.
    pub gpu_phys_io_addr: u64,
    /// Domain << 32 | bus << 8 | device << 3 | function.
    pub nv_domain_bus_device_func: u64,
    /// For simulation only.
    pub sim_access_buf_phys_addr: u64,
    /// Bus address of the surface that notifications are written to.
    pub notify_op_shared_surface_phys_addr: u64,
    /// PCIe atomics that the system supports.
    pub pcie_atomics_op_mask: u64,
    /// Bytes of the frame buffer that the console uses.
    pub console_mem_size: u64,
    /// End of user addresses.
    pub max_user_va: u64,
    /// Offset of the mirror of PCI configuration space in BAR0.
    pub pci_config_mirror_base: u32,
    /// Bytes of the mirror.
    pub pci_config_mirror_size: u32,
    /// Device << 16 | vendor.
    pub pci_device_id: u32,
    /// Subsystem device << 16 | subsystem vendor.
    pub pci_sub_device_id: u32,
    /// Revision in configuration space.
    pub pci_revision_id: u32,
    /// PCIe atomics that the GPU can complete.
    pub pcie_atomics_cpl_device_cap_mask: u32,
    /// Architecture of the CPU, which determines memory ordering.
    pub oor_arch: u8,
    #[doc(hidden)]
    pub _padding0: [u8; 7],
    /// Properties of the mainboard's chipset.
    pub cl_pdb_properties: u64,
    /// The mainboard's chipset.
    pub chipset: u32,
    /// The GPU is behind a bridge.
    pub b_gpu_behind_bridge: u8,
    /// The GPU supports function-level reset.
    pub b_flr_supported: u8,
    /// BAR0 may lie above 4 GiB.
    pub b_64b_bar0_supported: u8,
    /// MNOC is available.
    pub b_mnoc_available: u8,
    /// L1 substates of the chipset.
    pub chipset_l1ss_enable: u32,
    /// The upstream port does not support L0s.
    pub b_upstream_l0s_unsupported: u8,
    /// The upstream port does not support L1.
    pub b_upstream_l1_unsupported: u8,
    /// The upstream port supports L1.
    pub b_upstream_l1_por_supported: u8,
    /// The upstream port supports L1 on laptops only.
    pub b_upstream_l1_por_mobile_only: u8,
    /// The system has a display multiplexer.
    pub b_system_has_mux: u8,
    /// The fields about the upstream port are valid.
    pub upstream_address_valid: u8,
    /// First host bridge.
    pub fhb_bus_info: BusInfo,
    /// The chipset as a PCI device.
    pub chipset_id_info: BusInfo,
    #[doc(hidden)]
    pub _padding1: [u8; 2],
    /// Results of ACPI methods.
    pub acpi_method_data: AcpiMethodData,
    /// Hypervisor.
    pub hypervisor_type: u32,
    /// The GPU is passed through to a guest.
    pub b_is_passthru: u8,
    #[doc(hidden)]
    pub _padding2: [u8; 7],
    /// The CPU's clock minus the GPU's, in nanoseconds.
    pub sys_timer_offset_ns: u64,
    /// Virtual functions.
    pub gsp_vf_info: GspVfInfo,
    /// The GPU is the system's primary one.
    pub b_is_primary: u8,
    /// The driver is a vGPU build.
    pub is_grid_build: u8,
    #[doc(hidden)]
    pub _padding3: [u8; 2],
    /// PCIe link capabilities (`GSP_PCIE_CONFIG_REG`).
    pub pcie_config_link_cap: u32,
    /// Cloud provider.
    pub grid_build_csp: u32,
    /// Contents of the frame buffer must survive a suspend.
    pub b_preserve_video_memory_allocations: u8,
    /// The system handles reports of time-outs.
    pub b_tdr_event_supported: u8,
    /// Vertical blanking may be stretched.
    pub b_feature_stretch_vblank_capable: u8,
    /// Page arrays of mixed sizes may be used.
    pub b_enable_dynamic_granularity_page_arrays: u8,
    /// Clocks may be boosted.
    pub b_clock_boost_supported: u8,
    /// The CPU gets the interrupts of the display.
    pub b_route_disp_intrs_to_cpu: u8,
    #[doc(hidden)]
    pub _padding4: [u8; 6],
    /// Bytes of a page of the CPU.
    pub host_page_size: u64,
}

/// Results of ACPI methods; `ACPI_METHOD_DATA`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct AcpiMethodData {
    /// The other fields are valid.
    pub b_valid: u8,
    #[doc(hidden)]
    pub _padding: [u8; 3],
    /// Displays.
    pub dod_method_data: DodMethodData,
    /// Power management of the GPU.
    pub jt_method_data: JtMethodData,
    /// Display multiplexer.
    pub mux_method_data: MuxMethodData,
    /// Optimus.
    pub caps_method_data: CapsMethodData,
}

layout!(AcpiMethodData: 676, dod_method_data @ 4, jt_method_data @ 76, mux_method_data @ 88,
    caps_method_data @ 668);

/// State of the display multiplexer; `MUX_METHOD_DATA`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MuxMethodData {
    /// Number of entries of each table.
    pub table_len: u32,
    /// Modes.
    pub acpi_id_mux_mode_table: [MuxMethodDataElement; 16],
    /// Parts.
    pub acpi_id_mux_part_table: [MuxMethodDataElement; 16],
    /// States.
    pub acpi_id_mux_state_table: [MuxMethodDataElement; 16],
}

layout!(MuxMethodData: 580, acpi_id_mux_part_table @ 196, acpi_id_mux_state_table @ 388);

layout!(GspSystemInfo: 928,
    max_user_va @ 72, pci_config_mirror_base @ 80, pci_device_id @ 88, oor_arch @ 104,
    cl_pdb_properties @ 112, fhb_bus_info @ 138, acpi_method_data @ 160, hypervisor_type @ 836,
    gsp_vf_info @ 856, b_is_primary @ 896, pcie_config_link_cap @ 900,
    b_preserve_video_memory_allocations @ 908, host_page_size @ 920);

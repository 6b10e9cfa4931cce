// SPDX-License-Identifier: GPL-2.0

//! Payload of GSP_SET_SYSTEM_INFO: the machine around the GPU.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h (`GspSystemInfo` and below),
//! src/nvidia/generated/g_gpu_acpi_data_nvoc.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::abi::{
    BusInfo, CapsMethodData, DodMethodData, GspVfInfo, JtMethodData, MuxMethodDataElement,
};

/// The machine around the GPU.
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
    /// Domain << 32 | bus << 8 | device << 3 | function.
    pub nv_domain_bus_device_func: u64,
    /// Simulation only.
    pub sim_access_buf_phys_addr: u64,
    /// PCIe atomics that the system can do.
    pub pcie_atomics_op_mask: u64,
    /// Frame buffer that the console uses.
    pub console_mem_size: u64,
    /// User addresses end below this.
    pub max_user_va: u64,
    /// Where PCI configuration space is mirrored in BAR0.
    pub pci_config_mirror_base: u32,
    /// Bytes of that.
    pub pci_config_mirror_size: u32,
    /// Architecture of the CPU, as far as ordering goes.
    pub oor_arch: u8,
    #[doc(hidden)]
    pub _padding0: [u8; 7],
    /// Properties of the mainboard's chipset.
    pub cl_pdb_properties: u64,
    /// The mainboard's chipset.
    pub chipset: u32,
    /// There is a bridge above the GPU.
    pub b_gpu_behind_bridge: u8,
    /// MNOC is there.
    pub b_mnoc_available: u8,
    /// The port above cannot do L0s.
    pub b_upstream_l0s_unsupported: u8,
    /// The port above cannot do L1.
    pub b_upstream_l1_unsupported: u8,
    /// The port above may do L1.
    pub b_upstream_l1_por_supported: u8,
    /// The port above may do L1, on laptops only.
    pub b_upstream_l1_por_mobile_only: u8,
    /// What is said of the port above is known.
    pub upstream_address_valid: u8,
    #[doc(hidden)]
    pub _padding1: u8,
    /// First host bridge.
    pub fhb_bus_info: BusInfo,
    /// The chipset as a PCI device.
    pub chipset_id_info: BusInfo,
    /// What ACPI says.
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
}

/// What ACPI says about the GPU; `ACPI_METHOD_DATA`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct AcpiMethodData {
    /// The rest is filled.
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

layout!(AcpiMethodData: 484, dod_method_data @ 4, jt_method_data @ 76, mux_method_data @ 88,
    caps_method_data @ 476);

/// State of the display multiplexer; `MUX_METHOD_DATA`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct MuxMethodData {
    /// Entries of each table.
    pub table_len: u32,
    /// Modes.
    pub acpi_id_mux_mode_table: [MuxMethodDataElement; 16],
    /// Parts.
    pub acpi_id_mux_part_table: [MuxMethodDataElement; 16],
}

layout!(MuxMethodData: 388, acpi_id_mux_part_table @ 196);

layout!(GspSystemInfo: 664,
    max_user_va @ 56, pci_config_mirror_base @ 64, oor_arch @ 72, cl_pdb_properties @ 80,
    chipset @ 88, fhb_bus_info @ 100, chipset_id_info @ 110, acpi_method_data @ 120,
    hypervisor_type @ 604, sys_timer_offset_ns @ 616, gsp_vf_info @ 624);

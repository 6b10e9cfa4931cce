// SPDX-License-Identifier: GPL-2.0

//! Why the MMU has refused an access (`NV_PFAULT_FAULT_TYPE_*`).
//!
//! The numbers are the same on all chips but one: on Blackwell, 0xb is `CC_VIOLATION`, an access that
//! confidential computing forbids.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_fault.ref.txt; open-gpu-kernel-modules 570,
//! kernel-open/nvidia-uvm/hwref/{ampere/ga100,hopper/gh100,blackwell/gb100}/dev_fault.h.

numbers! {
    PDE = 0x0,
    PDE_SIZE = 0x1,
    PTE = 0x2,
    VA_LIMIT_VIOLATION = 0x3,
    UNBOUND_INST_BLOCK = 0x4,
    PRIV_VIOLATION = 0x5,
    RO_VIOLATION = 0x6,
    WO_VIOLATION = 0x7,
    PITCH_MASK_VIOLATION = 0x8,
    WORK_CREATION = 0x9,
    UNSUPPORTED_APERTURE = 0xa,
    COMPRESSION_FAILURE = 0xb,
    UNSUPPORTED_KIND = 0xc,
    REGION_VIOLATION = 0xd,
    POISONED = 0xe,
    ATOMIC_VIOLATION = 0xf,
}

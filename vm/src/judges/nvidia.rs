// SPDX-License-Identifier: GPL-2.0

//! NVIDIA's own driver, nvidia.ko.

use nova_hw::chipset::Chipset;
use nova_vm::nvidia;

use super::{Judge, Stage};

/// All mocked chips from Turing to Ada.
pub(super) static JUDGE: Judge = Judge {
    name: "nvidia",
    needs_vm: true,
    stages: &[
        (Chipset::TU102, CHIP_INFO),
        (Chipset::TU104, CHIP_INFO),
        (Chipset::TU106, CHIP_INFO),
        (Chipset::TU116, CHIP_INFO),
        (Chipset::TU117, CHIP_INFO),
        (Chipset::GA100, CHIP_INFO),
        (Chipset::GA102, CHIP_INFO),
        (Chipset::GA103, CHIP_INFO),
        (Chipset::GA104, CHIP_INFO),
        (Chipset::GA106, CHIP_INFO),
        (Chipset::GA107, CHIP_INFO),
        (Chipset::AD102, CHIP_INFO),
        (Chipset::AD103, CHIP_INFO),
        (Chipset::AD104, CHIP_INFO),
        (Chipset::AD106, CHIP_INFO),
        (Chipset::AD107, CHIP_INFO),
    ],
    run: nvidia::boot,
};

/// It takes the static info, and then needs to know the chip's revision and registers
/// (NV2080_CTRL_CMD_INTERNAL_GPU_GET_CHIP_INFO), before it initializes its engines.
const CHIP_INFO: Stage = Stage {
    boots: 1,
    calls: 3,
    refused: &["control 0x20800a36 is not supported"],
    says: "RmInitAdapter failed! (0x23:0x56:907)",
};

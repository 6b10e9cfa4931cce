// SPDX-License-Identifier: MIT

//! Single facts about the GPU.

use nouveau_uapi as nouveau;
use nova_uapi::{GetParam, GetTime, GETPARAM_VRAM_BAR_SIZE};

use super::Call;
use crate::device::{Device, Errno, Result};

const VENDOR_NVIDIA: u64 = 0x10de;

/// `CLOCK_MONOTONIC`: nova reads a clock of the CPU beside the GPU's, which nouveau does not.
const CLOCK_MONOTONIC: u32 = 1;

impl<D: Device> Call<'_, D> {
    pub(super) fn getparam(&self, argument: &mut nouveau::GetParam) -> Result {
        argument.value = match argument.param {
            nouveau::PARAM_PCI_VENDOR => VENDOR_NVIDIA,
            nouveau::PARAM_PCI_DEVICE => self.device.pci_device()?.into(),
            nouveau::PARAM_CHIPSET_ID => self.query_device()?.chipset.into(),
            nouveau::PARAM_GRAPH_UNITS => self.graph_units()?,
            nouveau::PARAM_PTIMER_TIME => self.time()?,
            nouveau::PARAM_EXEC_PUSH_MAX => self.pushes_max()?,
            nouveau::PARAM_VRAM_BAR_SIZE => self.vram_bar_size()?,
            nouveau::PARAM_VRAM_USED => self.vram()?.used,
            nouveau::PARAM_HAS_VMA_TILEMODE => 1,
            _ => return Err(Errno::INVAL),
        };
        Ok(())
    }

    /// GPCs in bits 7:0, TPCs of all of them in bits 23:8.
    fn graph_units(&self) -> Result<u64> {
        let graphics = self.query_graphics()?;
        Ok(u64::from(graphics.tpc_count) << 8 | u64::from(graphics.gpc_count & 0xff))
    }

    /// The clock of the time stamps that semaphores get.
    fn time(&self) -> Result<u64> {
        let mut time = GetTime {
            clock_id: CLOCK_MONOTONIC,
            ..GetTime::default()
        };
        self.device.get_time(&mut time)?;
        Ok(time.gpu_ns)
    }

    /// Before there is a queue, nova tells only the entries of its ring. A push takes one of these,
    /// from Hopper on up to two, and a few are the driver's own.
    fn pushes_max(&self) -> Result<u64> {
        let entries = self.limits()?.ring_entries_default;
        Ok(u64::from(entries / 4).max(1))
    }

    fn vram_bar_size(&self) -> Result<u64> {
        let mut argument = GetParam {
            param: GETPARAM_VRAM_BAR_SIZE,
            value: 0,
        };
        self.device.get_param(&mut argument)?;
        Ok(argument.value)
    }
}

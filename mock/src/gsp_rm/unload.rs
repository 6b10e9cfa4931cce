// SPDX-License-Identifier: GPL-2.0

//! The unload: GSP-RM ends, for good or to resume.

use nova_hw::abi::status::{
    NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_STATE, NV_ERR_NOT_SUPPORTED, NV_OK,
};
use nova_hw::abi::UnloadingGuestDriver;
use zerocopy::FromBytes;

use super::queue::Message;
use super::suspend::Suspend;
use super::{Card, GspRm, Next, State};

/// The levels into which a driver may unload GSP-RM: the power levels, and a fast unload, which
/// skips freeing what GSP-RM has. nvidia.ko asks for the latter when the machine shuts down, and
/// tinygrad always.
///
/// Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gpu.h
/// (`NV2080_CTRL_GPU_SET_POWER_STATE_GPU_LEVEL_*`) and src/nvidia/src/kernel/gpu/gpu.c
/// (`gpuEnterShutdown_IMPL`, `GPU_STATE_FLAGS_FAST_UNLOAD`).
pub(super) const UNLOAD_LEVELS: [u32; 7] = [0, 1, 2, 3, 4, 7, 0x40];

/// The levels into which GSP-RM can be suspended, so that it can resume: those of suspend and
/// hibernation.
const SUSPEND_LEVELS: [u32; 2] = [3, 7];

impl GspRm {
    pub(super) fn unload(&mut self, card: &Card<'_>, message: &Message) -> Result<Next, String> {
        let Ok((request, _)) = UnloadingGuestDriver::read_from_prefix(&message.payload) else {
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
            return Err(format!(
                "UNLOADING_GUEST_DRIVER of {:#x} bytes",
                message.payload.len()
            ));
        };
        if (request.b_in_pm_transition, request.b_gc6_entering) == (1, 0) {
            return self.begin_suspend(card, message, request.new_level);
        }
        // NVIDIA's driver also has GSP-RM sleep in GC6. The model cannot.
        let sleeps = (request.b_in_pm_transition, request.b_gc6_entering) != (0, 0);
        if sleeps || !UNLOAD_LEVELS.contains(&request.new_level) {
            self.reply(card, message, NV_ERR_NOT_SUPPORTED, message.payload.clone());
            return Err(format!("unload into {request:?}"));
        }
        self.state = State::Unloading;
        // The answer is a header without payload, as Linux 7.3's nova-core expects it.
        self.reply(card, message, NV_OK, Vec::new());
        Ok(Next::End)
    }

    /// Stops like [`Self::unload`], but keeps all objects for the resume. The driver must have named
    /// the memory for that, and frees it if the suspend fails.
    ///
    /// Source: open-gpu-kernel-modules 570, `gpuPowerManagementEnter` in
    /// src/nvidia/src/kernel/gpu/gpu_suspend.c.
    fn begin_suspend(
        &mut self,
        card: &Card<'_>,
        message: &Message,
        level: u32,
    ) -> Result<Next, String> {
        let suspend = match self.objects.backup.take() {
            _ if !SUSPEND_LEVELS.contains(&level) => {
                Err((NV_ERR_NOT_SUPPORTED, format!("a suspend into {level}")))
            }
            None => {
                let error = "a suspend without memory for the frame buffer".into();
                Err((NV_ERR_INVALID_STATE, error))
            }
            Some(backup) => Suspend::new(&backup, card.meta, level)
                .map_err(|error| (NV_ERR_INVALID_STATE, error)),
        };
        match suspend {
            Ok(suspend) => {
                self.suspend = Some(suspend);
                self.state = State::Unloading;
                self.reply(card, message, NV_OK, Vec::new());
                Ok(Next::End)
            }
            Err((status, error)) => {
                self.reply(card, message, status, message.payload.clone());
                Err(error)
            }
        }
    }
}

// SPDX-License-Identifier: MIT

//! The address space of a file.

use nouveau_uapi as nouveau;
use nova_uapi::VmCreate;

use super::Call;
use crate::device::{Device, Errno, Result};
use crate::file::Space;

impl<D: Device> Call<'_, D> {
    pub(super) fn vm_init(&self, argument: &nouveau::VmInit) -> Result {
        if self.space().is_ok() {
            return Err(Errno::BUSY);
        }
        let limits = self.limits()?;
        let (vram, system) = (self.vram()?.id, self.system()?.id);
        let mut create = VmCreate {
            kernel_start: argument.kernel_managed_addr,
            kernel_size: argument.kernel_managed_size,
            ..VmCreate::default()
        };
        self.device.vm_create(&mut create)?;
        let space = Space {
            vm_id: create.vm_id,
            syncs_max: limits.syncs_max as usize,
            bind_ops_max: limits.bind_ops_max as usize,
            vram: bit(vram),
            system: bit(system),
        };
        self.keep_space(space)
    }

    /// Keeps an address space that was made, or destroys it: another thread may have made one, too.
    pub(super) fn keep_space(&self, made: Space) -> Result {
        let kept = self.table.change(self.id, |file| match file.space {
            Some(_) => Err(Errno::BUSY),
            None => {
                file.space = Some(made);
                Ok(())
            }
        });
        if kept.is_err() {
            self.device.vm_destroy(made.vm_id)?;
        }
        kept
    }
}

fn bit(region: u32) -> u32 {
    1_u32.checked_shl(region).unwrap_or(0)
}

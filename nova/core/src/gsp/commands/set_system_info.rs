// SPDX-License-Identifier: GPL-2.0

//! GSP_SET_SYSTEM_INFO: the description of the machine for GSP-RM.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h
//! (`GspSystemInfo`); Linux 7.3, drivers/gpu/nova-core/gsp/commands.rs.

use nova_hw::abi::function;
use nova_hw::field::Fields;
use nova_hw::release::Release;

use crate::chip::Chip;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::call::CallKind;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;
use crate::platform::PciInfo;

/// End of user addresses: x86-64's limit. GSP-RM does not enforce it.
const MAX_USER_VA: u64 = (1 << 47) - 0x1000;

/// The command.
pub(crate) struct SetSystemInfo<'a> {
    pub(crate) pci: &'a PciInfo,
    pub(crate) chip: &'a Chip,
}

impl Command for SetSystemInfo<'_> {
    const FUNCTION: u32 = function::GSP_SET_SYSTEM_INFO;
    const KIND: CallKind = CallKind::Notice;
    type Reply = ();

    fn size(&self, release: &Release) -> usize {
        release.system_info.size
    }

    fn write(&self, release: &Release, payload: &mut [u8]) {
        let (at, pci) = (&release.system_info, self.pci);
        let [registers, frame_buffer, instance] = pci.bars;
        let (mirror_base, mirror_size) = self.chip.pci_config_mirror;
        Fields(payload)
            .set(at.gpu_phys_addr, registers)
            .set(at.gpu_phys_fb_addr, frame_buffer)
            .set(at.gpu_phys_inst_addr, instance)
            .set(at.nv_domain_bus_device_func, pci.domain_bus_device_function)
            .set(at.max_user_va, MAX_USER_VA)
            .set(at.pci_config_mirror_base, mirror_base)
            .set(at.pci_config_mirror_size, mirror_size)
            .set(at.pci_device_id, pci.device_id)
            .set(at.pci_sub_device_id, pci.subsystem_id)
            .set(at.pci_revision_id, pci.revision.into());
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}

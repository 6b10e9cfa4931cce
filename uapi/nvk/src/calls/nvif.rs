// SPDX-License-Identifier: MIT

//! NVIF: what the device is, and which classes a channel has. The objects of a channel are there
//! from the start, since nova gives a queue all that its engine has.

use nouveau_uapi::nvif::{self, DeviceInfo, Header, Method, New, Sclass, SclassEntry};
use nova_uapi::{
    QueryDevice, ARCHITECTURE_ADA, ARCHITECTURE_AMPERE, ARCHITECTURE_HOPPER, ARCHITECTURE_TURING,
};

use super::Call;
use crate::argument;
use crate::device::{Device, Errno, Result};

impl<D: Device> Call<'_, D> {
    pub(super) fn nvif(&self, bytes: &mut [u8]) -> Result {
        let header: Header = argument::read(bytes);
        let routes = [0, nvif::ROUTE_CHANNEL];
        if bytes.len() < size_of::<Header>()
            || header.version != 0
            || !routes.contains(&header.route)
        {
            return Err(Errno::INVAL);
        }
        match header.kind {
            nvif::SCLASS => self.sclass(bytes),
            nvif::NEW => self.new_object(&argument::read(bytes)),
            nvif::DEL => Ok(()),
            nvif::MTHD => self.method(bytes),
            _ => Err(Errno::INVAL),
        }
    }

    /// The classes of a channel, by the number in the header.
    fn classes(&self, header: &Header) -> Result<Vec<u32>> {
        let number = u32::try_from(header.token).map_err(|_| Errno::INVAL)?;
        let channel = self.table.with(self.id, |file| {
            file.channels.get(&number).copied().ok_or(Errno::INVAL)
        })?;
        let engine = self.engine(channel.engine_class)?;
        let classes = engine.object_classes.into_iter();
        Ok(classes.take(engine.object_count as usize).collect())
    }

    fn sclass(&self, bytes: &mut [u8]) -> Result {
        let mut head: Sclass = argument::read(bytes);
        let classes = self.classes(&head.header)?;
        let (first, list) = bytes
            .split_at_mut_checked(size_of::<Sclass>())
            .ok_or(Errno::INVAL)?;
        let entries = list.chunks_exact_mut(size_of::<SclassEntry>());
        for (&class, entry) in classes.iter().zip(entries.take(head.count.into())) {
            let class = SclassEntry {
                class: class as i32,
                ..SclassEntry::default()
            };
            argument::write(&class, entry);
        }
        head.count = u8::try_from(classes.len()).unwrap_or(u8::MAX);
        argument::write(&head, first);
        Ok(())
    }

    fn new_object(&self, new: &New) -> Result {
        let is_offered = match new.header.route {
            nvif::ROUTE_CHANNEL => self.classes(&new.header)?.contains(&(new.class as u32)),
            _ => new.class == nvif::CLASS_DEVICE,
        };
        is_offered.then_some(()).ok_or(Errno::INVAL)
    }

    fn method(&self, bytes: &mut [u8]) -> Result {
        let head: Method = argument::read(bytes);
        let answer = bytes.get_mut(size_of::<Method>()..).unwrap_or_default();
        if head.method != nvif::METHOD_INFO || answer.len() < size_of::<DeviceInfo>() {
            return Err(Errno::INVAL);
        }
        argument::write(&device_info(&self.query_device()?), answer);
        Ok(())
    }
}

fn device_info(device: &QueryDevice) -> DeviceInfo {
    let revision = device.revision_major << 4 | device.revision_minor & 0xf;
    let mut info = DeviceInfo {
        version: 0,
        platform: nvif::PLATFORM_PCIE,
        chipset: device.chipset as u16,
        revision: revision as u8,
        family: family(device.architecture),
        pad: [0; 2],
        ram_size: device.vram_size,
        ram_user: device.vram_usable,
        chip: [0; 16],
        name: [0; 64],
    };
    argument::copy(chip_name(device.chipset).as_bytes(), &mut info.chip);
    argument::write(&device.name, &mut info.name);
    info
}

fn family(architecture: u32) -> u8 {
    match architecture {
        ARCHITECTURE_TURING => nvif::FAMILY_TURING,
        ARCHITECTURE_AMPERE => nvif::FAMILY_AMPERE,
        ARCHITECTURE_HOPPER => nvif::FAMILY_HOPPER,
        ARCHITECTURE_ADA => nvif::FAMILY_ADA,
        _ => nvif::FAMILY_BLACKWELL,
    }
}

/// The chip's name, as nouveau has it: its last digit is that of the number, but for the small
/// Turing chips. Source: `nvkm/engine/device/base.c` in `drivers/gpu/drm/nouveau` of Linux 7.3.
fn chip_name(chipset: u32) -> String {
    let last = chipset & 0xf;
    match (chipset >> 4, last) {
        (0x16, 7) => "TU117".into(),
        (0x16, 8) => "TU116".into(),
        (0x16, _) => format!("TU10{last:x}"),
        (0x17, _) => format!("GA10{last:x}"),
        (0x18, _) => format!("GH10{last:x}"),
        (0x19, _) => format!("AD10{last:x}"),
        (0x1a, _) => format!("GB10{last:x}"),
        (0x1b, _) => format!("GB20{last:x}"),
        _ => format!("NV{chipset:X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_have_the_names_that_nouveau_gives_them() {
        for (chipset, name) in [
            (0x162, "TU102"),
            (0x167, "TU117"),
            (0x168, "TU116"),
            (0x170, "GA100"),
            (0x172, "GA102"),
            (0x180, "GH100"),
            (0x197, "AD107"),
            (0x1a2, "GB102"),
            (0x1b7, "GB207"),
            (0x1c2, "NV1C2"),
        ] {
            assert_eq!(chip_name(chipset), name);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Controls about the page tables of address spaces.

use nova_hw::abi::status::{NV_ERR_INVALID_STATE, NV_ERR_NOT_SUPPORTED};
use nova_hw::abi::{
    control, CopyServerReservedPdes, MemoryDescParams, Nv0080AllocParameters, PageLevel,
    SetPageDirectory, UnsetPageDirectory,
};

use super::call::{invalid, Call, Control};
use crate::engines::memory::Aperture;
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::objects::Kind;
use crate::gsp_rm::platform::Platform;
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::{PageDirectory, Resource, SpaceId};

pub(super) static CONTROLS: &[Control] = &[
    Control {
        cmd: |_| Some(control::DMA_SET_PAGE_DIRECTORY),
        size: |_| size_of::<SetPageDirectory>(),
        call: set,
    },
    Control {
        cmd: |_| Some(control::DMA_UNSET_PAGE_DIRECTORY),
        size: |_| size_of::<UnsetPageDirectory>(),
        call: unset,
    },
    Control {
        cmd: |_| Some(control::VASPACE_COPY_SERVER_RESERVED_PDES),
        size: |_| size_of::<CopyServerReservedPdes>(),
        call: copy_reserved,
    },
];

/// Alignment of a table: an instance block has the address without the lower bits.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_ram.ref.txt (`NV_RAMIN_PAGE_DIR_BASE_LO`).
const TABLE: u64 = 0x1000;

/// Whether a table may be there.
fn is_table(platform: &Platform<'_>, aperture: Aperture, address: u64, size: u64) -> bool {
    let address_space = match aperture {
        Aperture::Vram => MemoryDescParams::VIDEO,
        Aperture::System => MemoryDescParams::SYSTEM,
    };
    address % TABLE == 0 && platform.is_memory(address_space, address, size)
}

/// The address space that a control of a device names; 0 is the device's own, which no driver here
/// has and the model does not either.
///
/// Source: `vaspaceGetByHandleOrDeviceDefault_IMPL` in src/nvidia/src/kernel/mem_mgr/vaspace.c.
fn named(call: &Call<'_>, handle: u32) -> Result<SpaceId, Refused> {
    let client = call.objects.client(call.client)?;
    if let Some(space) = client.space(call.client, handle)? {
        return Ok(space);
    }
    match &client.find(call.object)?.resource {
        Resource::Device { va_mode, .. } if *va_mode == Nv0080AllocParameters::VA_MODE_MULTIPLE => {
            let error = "the device has no address space of its own".into();
            Err((NV_ERR_INVALID_STATE, error))
        }
        _ => {
            let error = "page tables of the device's own address space".into();
            Err((NV_ERR_NOT_SUPPORTED, error))
        }
    }
}

/// Source: `deviceCtrlCmdDmaSetPageDirectory_IMPL` in src/nvidia/src/kernel/gpu/mem_mgr/dma.c,
/// `gvaspaceExternalRootDirCommit_IMPL` in src/nvidia/src/kernel/mem_mgr/gpu_vaspace.c. Where the
/// directory may be is the model's check.
fn set(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let request: SetPageDirectory = call.read()?;
    let id = named(call, request.h_va_space)?;
    let client = call.objects.client_to_change(call.client)?;
    let space = client.space_to_change(id.handle)?;
    if space.is_external && space.directory.is_some() {
        let error = format!("address space {:#x} has a page directory", id.handle);
        return Err((NV_ERR_INVALID_STATE, error));
    }
    let (aperture, is_coherent) = match request.flags & SetPageDirectory::APERTURE {
        0 => (Aperture::Vram, false),
        1 => (Aperture::System, true),
        2 => (Aperture::System, false),
        _ => {
            return Err(invalid(format!(
                "flags {:#x} of a directory",
                request.flags
            )))
        }
    };
    let (_, entries) = call.platform.directory();
    if !(1..=entries).contains(&request.num_entries) {
        return Err(invalid(format!(
            "a directory of {:#x} entries",
            request.num_entries
        )));
    }
    if !space.is_external && !space.is_shared {
        let error = format!("page tables of {:#x} are GSP-RM's", id.handle);
        return Err((NV_ERR_NOT_SUPPORTED, error));
    }
    let size = u64::from(request.num_entries) * 8;
    if !is_table(call.platform, aperture, request.phys_address, size) {
        return Err(invalid(format!("a directory as {request:x?}")));
    }
    let directory = PageDirectory {
        aperture,
        is_coherent,
        address: request.phys_address,
        entries: request.num_entries,
    };
    space.directory = Some(directory);
    call.effects.push(Effect::PageDirectorySet {
        space: id,
        directory,
    });
    call.accept()
}

/// Source: `deviceCtrlCmdDmaUnsetPageDirectory_IMPL` and `gvaspaceExternalRootDirRevoke_IMPL` in the
/// same files.
fn unset(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let request: UnsetPageDirectory = call.read()?;
    let id = named(call, request.h_va_space)?;
    let client = call.objects.client_to_change(call.client)?;
    let space = client.space_to_change(id.handle)?;
    if !space.is_external && space.directory.is_none() {
        let error = format!("page tables of {:#x} are GSP-RM's", id.handle);
        return Err((NV_ERR_INVALID_STATE, error));
    }
    let had = space.directory.take();
    let effect = had.map(|_| Effect::PageDirectoryUnset { space: id });
    call.effects.extend(effect);
    call.accept()
}

/// Takes the driver's page tables for an address space of GSP-RM's, which shall enter its own range
/// of addresses there. The model has none to enter. From then on the driver's directory is that of
/// the address space; if the driver owns the page tables, nothing happens.
///
/// Source: `vaspaceapiCtrlCmdVaspaceCopyServerReservedPdes_IMPL` and
/// `gvaspaceCopyServerReservedPdes_IMPL` in src/nvidia/src/kernel/mem_mgr/gpu_vaspace.c. Where the
/// tables may be is the model's check.
fn copy_reserved(call: &mut Call<'_>) -> Result<Vec<u8>, Refused> {
    let request: CopyServerReservedPdes = call.read()?;
    let client = call.objects.client_to_change(call.client)?;
    if request.h_sub_device != 0 {
        client.find_of(Kind::Subdevice, request.h_sub_device)?;
    }
    let space = client.space_to_change(call.object)?;
    if space.is_external {
        return call.accept();
    }
    let Some(levels) = request.levels.get(..request.num_levels_to_copy as usize) else {
        return Err(invalid(format!("{:#x} levels", request.num_levels_to_copy)));
    };
    if !request.page_size.is_power_of_two() {
        return Err(invalid(format!("pages of {:#x} bytes", request.page_size)));
    }
    let directories = levels.iter().map(|level| directory(call.platform, level));
    let directories = directories.collect::<Result<Vec<_>, _>>()?;
    let Some((root, &directory)) = levels.first().zip(directories.first()) else {
        return call.accept();
    };
    let (shift, entries) = call.platform.directory();
    if u32::from(root.page_shift) != shift || directory.entries != entries {
        return Err(invalid(format!("a directory as {root:x?}")));
    }
    space.directory = Some(directory);
    call.effects.push(Effect::PageDirectorySet {
        space: SpaceId {
            client: call.client,
            handle: call.object,
        },
        directory,
    });
    call.accept()
}

fn directory(platform: &Platform<'_>, level: &PageLevel) -> Result<PageDirectory, Refused> {
    let place = match level.aperture {
        1 => Some((Aperture::Vram, false)),
        2 => Some((Aperture::System, true)),
        3 => Some((Aperture::System, false)),
        _ => None,
    };
    let (address, size) = (level.phys_address, level.size);
    let place = place.filter(|&(aperture, _)| is_table(platform, aperture, address, size));
    let Some((aperture, is_coherent)) = place else {
        return Err(invalid(format!("a table as {level:x?}")));
    };
    Ok(PageDirectory {
        aperture,
        is_coherent,
        address,
        entries: (size / 8).try_into().unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::testing::{on_each, Scene};
    use nova_hw::abi::class::FERMI_VASPACE_A;
    use nova_hw::abi::status::{
        NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_OBJECT_HANDLE, NV_ERR_OBJECT_NOT_FOUND,
    };
    use nova_hw::abi::VaSpaceAllocationParameters;
    use nova_hw::chipset::Architecture;
    use nova_hw::release::RELEASES;
    use zerocopy::IntoBytes;

    const SPACE: u32 = 0x90f1_0000;

    /// A scene with an address space of these flags.
    fn with_space(chip: &str, flags: u32) -> Scene {
        let mut scene = Scene::new(chip, RELEASES[0]);
        let params = VaSpaceAllocationParameters {
            flags,
            ..VaSpaceAllocationParameters::default()
        };
        let space = scene.alloc(FERMI_VASPACE_A, Scene::DEVICE, SPACE, params.as_bytes());
        assert_eq!(space, Ok(SPACE));
        scene
    }

    fn request() -> SetPageDirectory {
        SetPageDirectory {
            phys_address: 0x10_0000,
            num_entries: 2,
            h_va_space: SPACE,
            ..SetPageDirectory::default()
        }
    }

    fn set(scene: &mut Scene, request: SetPageDirectory) -> Result<(), u32> {
        let reply = scene.control(Scene::DEVICE, 0x80_1813, request.as_bytes());
        reply.map(|reply| assert_eq!(reply, request.as_bytes()))
    }

    fn unset(scene: &mut Scene, h_va_space: u32) -> Result<(), u32> {
        let request = UnsetPageDirectory {
            h_va_space,
            ..UnsetPageDirectory::default()
        };
        let reply = scene.control(Scene::DEVICE, 0x80_1814, request.as_bytes());
        reply.map(|_| ())
    }

    const ID: SpaceId = SpaceId {
        client: Scene::CLIENT,
        handle: SPACE,
    };

    #[test]
    fn a_directory_is_set_and_unset() {
        let mut scene = with_space("ga102", 1 << 3);
        for (flags, aperture, is_coherent) in [
            (0, Aperture::Vram, false),
            (1, Aperture::System, true),
            (2 | 8, Aperture::System, false),
        ] {
            let request = SetPageDirectory {
                num_entries: 4,
                flags,
                ..request()
            };
            assert_eq!(set(&mut scene, request), Ok(()));
            let directory = PageDirectory {
                aperture,
                is_coherent,
                address: 0x10_0000,
                entries: 4,
            };
            let effect = Effect::PageDirectorySet {
                space: ID,
                directory,
            };
            assert_eq!(scene.take_effects(), [effect]);
            assert_eq!(set(&mut scene, request), Err(NV_ERR_INVALID_STATE), "twice");
            assert_eq!(unset(&mut scene, SPACE), Ok(()));
            let effect = Effect::PageDirectoryUnset { space: ID };
            assert_eq!(scene.take_effects(), [effect]);
        }
        assert_eq!(unset(&mut scene, SPACE), Ok(()), "a second time");
        assert_eq!(scene.take_effects(), []);
    }

    #[test]
    fn a_directory_must_be_where_the_driver_may_have_one() {
        let bad = |change: fn(&mut SetPageDirectory)| {
            let mut request = request();
            change(&mut request);
            let mut scene = with_space("ga102", 1 << 3);
            let result = set(&mut scene, request);
            assert_eq!(scene.take_effects(), []);
            result.unwrap_err()
        };
        assert_eq!(
            bad(|it| it.phys_address = Scene::VRAM),
            NV_ERR_INVALID_ARGUMENT
        );
        assert_eq!(bad(|it| it.phys_address += 0x800), NV_ERR_INVALID_ARGUMENT);
        assert_eq!(bad(|it| it.num_entries = 0), NV_ERR_INVALID_ARGUMENT);
        assert_eq!(bad(|it| it.num_entries = 5), NV_ERR_INVALID_ARGUMENT);
        assert_eq!(bad(|it| it.flags = 3), NV_ERR_INVALID_ARGUMENT);
        assert_eq!(bad(|it| it.h_va_space = 7), NV_ERR_OBJECT_NOT_FOUND);
        let device = |it: &mut SetPageDirectory| it.h_va_space = Scene::DEVICE;
        assert_eq!(bad(device), NV_ERR_INVALID_OBJECT_HANDLE);
        assert_eq!(bad(|it| it.h_va_space = 0), NV_ERR_NOT_SUPPORTED);
        // Any system memory may be the driver's.
        let mut scene = with_space("ga102", 1 << 3);
        let request = SetPageDirectory {
            phys_address: Scene::VRAM,
            flags: 1,
            ..request()
        };
        assert_eq!(set(&mut scene, request), Ok(()));
    }

    #[test]
    fn page_tables_of_gsp_rm_cannot_be_replaced() {
        let mut scene = with_space("ga102", 0);
        assert_eq!(set(&mut scene, request()), Err(NV_ERR_NOT_SUPPORTED));
        assert_eq!(unset(&mut scene, SPACE), Err(NV_ERR_INVALID_STATE));
        let mut scene = with_space("ga102", 1 << 2);
        assert_eq!(set(&mut scene, request()), Ok(()));
    }

    #[test]
    fn freeing_a_space_unsets_its_directory() {
        let mut scene = with_space("ga102", 1 << 3);
        set(&mut scene, request()).unwrap();
        scene.take_effects();
        scene.free(Scene::DEVICE);
        let effect = Effect::PageDirectoryUnset { space: ID };
        assert_eq!(scene.take_effects(), [effect]);
    }

    /// As nouveau asks, for both formats of page tables.
    fn reserved(scene: &Scene) -> CopyServerReservedPdes {
        let levels: &[(u8, u64)] = match scene.chip.chipset.arch() {
            Architecture::Ampere => &[(47, 0x20), (38, 0x1000), (29, 0x1000)],
            _ => &[(56, 0x10), (47, 0x1000), (38, 0x1000), (29, 0x1000)],
        };
        let mut params = CopyServerReservedPdes {
            page_size: 0x2000_0000,
            virt_addr_lo: 0x1_0000_0000,
            virt_addr_hi: 0x1_1fff_ffff,
            num_levels_to_copy: levels.len() as u32,
            ..CopyServerReservedPdes::default()
        };
        for (level, &(page_shift, size)) in params.levels.iter_mut().zip(levels) {
            *level = PageLevel {
                phys_address: 0x1000 * u64::from(page_shift),
                size,
                aperture: 1,
                page_shift,
                ..PageLevel::default()
            };
        }
        params
    }

    #[test]
    fn gsp_rm_takes_the_driver_s_tables() {
        for (chip, shift, entries) in [("ga102", 47, 4), ("gh100", 56, 2)] {
            let mut scene = with_space(chip, 0);
            let params = reserved(&scene);
            let reply = scene.control(SPACE, 0x90f1_0106, params.as_bytes());
            assert_eq!(reply.as_deref(), Ok(params.as_bytes()));
            let directory = PageDirectory {
                aperture: Aperture::Vram,
                is_coherent: false,
                address: 0x1000 * shift,
                entries,
            };
            let effect = Effect::PageDirectorySet {
                space: ID,
                directory,
            };
            assert_eq!(scene.take_effects(), [effect]);
            // Where the driver owns the tables, there is nothing to enter.
            let mut scene = with_space(chip, 1 << 3);
            let reply = scene.control(SPACE, 0x90f1_0106, params.as_bytes());
            assert_eq!(reply.as_deref(), Ok(params.as_bytes()));
            assert_eq!(scene.take_effects(), []);
        }
    }

    #[test]
    fn the_driver_s_tables_must_be_sound() {
        let bad = |change: fn(&mut CopyServerReservedPdes)| {
            let mut scene = with_space("ga102", 0);
            let mut params = reserved(&scene);
            change(&mut params);
            let result = scene.control(SPACE, 0x90f1_0106, params.as_bytes());
            assert_eq!(scene.take_effects(), []);
            result.map(|_| ())
        };
        let invalid = Err(NV_ERR_INVALID_ARGUMENT);
        assert_eq!(bad(|it| it.num_levels_to_copy = 7), invalid);
        assert_eq!(bad(|it| it.num_levels_to_copy = 0), Ok(()));
        assert_eq!(bad(|it| it.page_size = 3), invalid);
        assert_eq!(bad(|it| it.levels[2].aperture = 0), invalid);
        assert_eq!(bad(|it| it.levels[1].phys_address = Scene::VRAM), invalid);
        assert_eq!(bad(|it| it.levels[0].page_shift = 38), invalid);
        assert_eq!(bad(|it| it.levels[0].size = 0x28), invalid);
        assert_eq!(bad(|it| it.h_sub_device = 7), Err(NV_ERR_OBJECT_NOT_FOUND));
        let device = bad(|it| it.h_sub_device = Scene::DEVICE);
        assert_eq!(device, Err(NV_ERR_INVALID_OBJECT_HANDLE));
    }

    #[test]
    fn the_device_s_own_space_depends_on_its_mode() {
        on_each(|scene| {
            let request = SetPageDirectory {
                h_va_space: 0,
                ..request()
            };
            assert_eq!(set(scene, request), Err(NV_ERR_NOT_SUPPORTED));
        });
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Tests of messages to GSP-RM.

use super::objects::{INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE};
use super::start::{check_registry, check_system_info};
use super::static_info::static_info;
use super::unload::UNLOAD_LEVELS;
use super::*;
use crate::chips::CHIPS;
use crate::gsp_rm::resource::Pages;
use nova_hw::abi::status::{
    NV_ERR_INVALID_CLASS, NV_ERR_INVALID_OBJECT_PARENT, NV_ERR_INVALID_STATE,
    NV_ERR_OBJECT_NOT_FOUND,
};
use nova_hw::abi::{
    class, PackedRegistryEntry, PackedRegistryTable, RmAlloc, RmFree, RpcAllocMemory,
    SetPageDirectory, UnloadingGuestDriver, VaSpaceAllocationParameters,
};
use nova_hw::release::r570_144::{self, GspSystemInfo};
use nova_hw::release::{NVIDIAS_OWN, RELEASES};
use zerocopy::FromZeros;

fn config() -> ConfigSpace {
    let mut config = ConfigSpace::new(&CHIPS[0]);
    config.enumerate([0xf000_0000, 0x40_0000_0000, 0x40_1000_0000]);
    config
}

fn with_card<T>(act: impl FnOnce(&Card<'_>) -> T) -> T {
    act(&Card {
        chip: &CHIPS[0],
        config: &config(),
        meta: &GspFwWprMeta {
            fb_size: 24 << 30,
            gsp_fw_rsvd_start: 23 << 30,
            ..GspFwWprMeta::default()
        },
        faults: &Faults::default(),
    })
}

fn system_info() -> GspSystemInfo {
    GspSystemInfo {
        gpu_phys_addr: 0xf000_0000,
        gpu_phys_fb_addr: 0x40_0000_0000,
        gpu_phys_inst_addr: 0x40_1000_0000,
        max_user_va: (1 << 47) - 4096,
        pci_config_mirror_base: 0x8_8000,
        pci_config_mirror_size: 0x1000,
        pci_device_id: 0x2204_10de,
        pci_sub_device_id: 0x1467_10de,
        pci_revision_id: 0xa1,
        ..GspSystemInfo::default()
    }
}

#[test]
fn system_info_must_match_the_card() {
    let check = |change: fn(&mut GspSystemInfo)| {
        let mut info = system_info();
        change(&mut info);
        with_card(|card| {
            check_system_info(
                card.chip,
                card.config,
                &RELEASES[0].system_info,
                info.as_bytes(),
            )
        })
    };
    assert_eq!(check(|_| {}), Ok(()));
    assert!(check(|info| info.gpu_phys_addr = 0).is_err());
    assert!(check(|info| info.gpu_phys_fb_addr += 1).is_err());
    assert!(check(|info| info.gpu_phys_inst_addr += 1).is_err());
    assert!(check(|info| info.pci_config_mirror_base = 0x9_2000).is_err());
    assert!(check(|info| info.pci_config_mirror_size = 0).is_err());
    assert!(check(|info| info.pci_device_id = 0x10de_2204).is_err());
    assert!(check(|info| info.pci_sub_device_id = 0).is_err());
    assert!(check(|info| info.pci_revision_id = 0).is_err());
    assert!(check(|info| info.max_user_va = 0).is_err());
    let at = &RELEASES[0].system_info;
    assert!(with_card(|card| check_system_info(card.chip, card.config, at, &[0; 927])).is_err());
}

/// A registry with one entry, a number.
fn registry() -> Vec<u8> {
    let table = PackedRegistryTable {
        size: 8 + 16 + 5,
        num_entries: 1,
    };
    let entry = PackedRegistryEntry {
        name_offset: 24,
        kind: PackedRegistryEntry::DWORD,
        data: 1,
        length: 4,
        ..PackedRegistryEntry::default()
    };
    [table.as_bytes(), entry.as_bytes(), b"name\0"].concat()
}

#[test]
fn a_registry_that_is_corrupt_or_cut_off_is_refused() {
    assert_eq!(check_registry(&registry()), Ok(()));
    for (at, value) in [(0, 1), (4, 9), (8, 99), (8, 28), (12, 7), (20, 3)] {
        let mut registry = registry();
        registry[at] = value;
        assert!(check_registry(&registry).is_err(), "byte {at} is {value}");
    }
    for len in 0..registry().len() {
        assert!(check_registry(&registry()[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn static_info_has_the_name_and_the_regions() {
    for release in RELEASES {
        let at = &release.static_info;
        let info = with_card(|card| static_info(card.chip, card.meta, at));
        let name = at.name.read(&info).unwrap();
        assert!(name.starts_with(b"NVIDIA GeForce RTX 3090\0"));
        let regions = at.fb_regions.read(&info).unwrap();
        assert_eq!(regions.num_fb_regions, 2);
        assert_eq!(regions.fb_region[0].limit, (23 << 30) - 1);
        assert_eq!(regions.fb_region[0].reserved, 0);
        assert_eq!(regions.fb_region[1].b_protected, 1);
        assert_eq!(regions.fb_region[1].limit, (24 << 30) - 1);
    }
}

/// GSP-RM of `release` when it is ready.
fn ready(release: &'static Release) -> GspRm {
    let queues = queue::driver::Driver::new().link().unwrap();
    let mut rm = GspRm::new(release, queues, 0);
    rm.state = State::Ready;
    rm
}

/// Has it handle a message; returns its answer.
fn answer(rm: &mut GspRm, function: u32, payload: &[u8]) -> Outgoing {
    let message = Message {
        function,
        sequence: 0,
        payload: payload.to_vec(),
        rest: Vec::new(),
    };
    let _ = with_card(|card| rm.handle(card, message));
    rm.queues.sent().pop().unwrap()
}

/// Calls a GSP-RM of `release` that is ready; returns its state, and its answer.
fn call(release: &'static Release, function: u32, payload: &[u8]) -> (State, Outgoing) {
    let mut rm = ready(release);
    let reply = answer(&mut rm, function, payload);
    (rm.state, reply)
}

#[test]
fn the_roots_of_the_bars_are_in_gsp_rm_s_memory() {
    for release in RELEASES {
        let at = &release.static_info;
        let (info, reserved) = with_card(|card| {
            let meta = GspFwWprMeta {
                non_wpr_heap_offset: card.meta.gsp_fw_rsvd_start,
                non_wpr_heap_size: 0x10_0000,
                ..*card.meta
            };
            let start = meta.non_wpr_heap_offset;
            let end = start + meta.non_wpr_heap_size;
            (static_info(card.chip, &meta, at), start..end)
        });
        let roots = [at.bar1_pde_base, at.bar2_pde_base].map(|at| at.read(&info).unwrap());
        assert_ne!(roots[0], roots[1]);
        for root in roots {
            assert_eq!(root % 0x1000, 0);
            assert!(reserved.contains(&root) && reserved.contains(&(root + 0xfff)));
        }
        // 535 has the clusters of a GA102 here, and 570 in controls.
        let gpcs = at.gpcs.map(|at| at.read(&info));
        let is_535 = release.branch() == Some(535);
        assert_eq!(gpcs, is_535.then_some(Some(0x7f)));
        if let Some(at) = at.tpcs {
            let tpcs = at.read(&info).unwrap();
            assert_eq!([tpcs[0], tpcs[6], tpcs[7]], [[0, 0x3f], [6, 0x3f], [7, 0]]);
            assert_eq!(
                u32::from_le_bytes(info[0x124..0x128].try_into().unwrap()),
                0x7f
            );
        }
    }
}

/// As nouveau sends it (r535_bar_bar2_update_pde), on a GA102.
#[test]
fn the_driver_s_page_tables_are_entered_into_the_root_of_a_bar() {
    let mut rm = ready(RELEASES[0]);
    let mut update = |bar_type, entry_level_shift| {
        let request = UpdateBarPde {
            bar_type,
            entry_value: 0x1234_5602,
            entry_level_shift,
            ..UpdateBarPde::default()
        };
        let reply = answer(&mut rm, function::UPDATE_BAR_PDE, request.as_bytes());
        assert_eq!(reply.payload, request.as_bytes());
        (reply.result, rm.take_effects())
    };
    let effect = |bar| {
        vec![Effect::BarPde {
            bar,
            entry: 0x1234_5602,
        }]
    };
    assert_eq!(update(0, 47), (NV_OK, effect(Bar::Bar1)));
    assert_eq!(update(1, 47), (NV_OK, effect(Bar::Bar2)));
    assert_eq!(update(2, 47), (NV_ERR_INVALID_ARGUMENT, Vec::new()));
    assert_eq!(update(1, 56), (NV_ERR_INVALID_ARGUMENT, Vec::new()));
    let short = answer(&mut rm, function::UPDATE_BAR_PDE, &[0; 23]);
    assert_eq!(short.result, NV_ERR_INVALID_ARGUMENT);
}

/// As tinygrad sends it (rpc_set_page_directory).
#[test]
fn a_page_directory_may_come_in_a_message_of_its_own() {
    let mut rm = ready(RELEASES[0]);
    let (client, device, space) = (0xc100_0000, 0xcf00_0001, 0xcf00_0005);
    for (h_class, h_parent, h_object, params) in [
        (class::NV01_ROOT, 0, client, Vec::new()),
        (class::NV01_DEVICE_0, client, device, vec![0; 0x38]),
        (class::FERMI_VASPACE_A, device, space, {
            let params = VaSpaceAllocationParameters {
                flags: 1 << 6 | 1 << 3,
                va_base: 0x1000,
                va_size: 0x1_ffff_fb00_0000,
                ..VaSpaceAllocationParameters::default()
            };
            params.as_bytes().to_vec()
        }),
    ] {
        let request = RmAlloc {
            h_client: client,
            h_parent,
            h_object,
            h_class,
            params_size: params.len() as u32,
            ..RmAlloc::default()
        };
        let payload = [request.as_bytes(), &params].concat();
        let reply = answer(&mut rm, function::GSP_RM_ALLOC, &payload);
        assert_eq!(reply.result, NV_OK);
    }
    let mut request = RpcSetPageDirectory {
        h_client: client,
        h_device: device,
        pasid: u32::MAX,
        params: SetPageDirectory {
            phys_address: 0x20_0000,
            num_entries: 4,
            flags: 8,
            h_va_space: space,
            sub_device_id: 1,
            pasid: u32::MAX,
            ..SetPageDirectory::default()
        },
        ..RpcSetPageDirectory::default()
    };
    let reply = answer(&mut rm, function::SET_PAGE_DIRECTORY, request.as_bytes());
    assert_eq!(
        (reply.result, &reply.payload[..]),
        (NV_OK, request.as_bytes())
    );
    let effects = rm.take_effects();
    assert!(matches!(effects[..], [Effect::PageDirectorySet { .. }]));
    request.params.h_va_space = 7;
    let reply = answer(&mut rm, function::SET_PAGE_DIRECTORY, request.as_bytes());
    assert_eq!(reply.result, NV_ERR_OBJECT_NOT_FOUND);
    let reply = answer(&mut rm, function::SET_PAGE_DIRECTORY, &[0; 47]);
    assert_eq!(reply.result, NV_ERR_INVALID_ARGUMENT);
    assert!(rm.take_effects().is_empty());
    // The effects of other messages, in their order.
    let request = RmFree {
        h_root: client,
        h_object_old: client,
        ..RmFree::default()
    };
    let reply = answer(&mut rm, function::FREE, request.as_bytes());
    assert_eq!(reply.result, NV_OK);
    let effects = rm.take_effects();
    assert!(matches!(effects[..], [Effect::PageDirectoryUnset { .. }]));
}

/// Has a GSP-RM unload itself; returns its state and the result of the call.
fn unload(request: UnloadingGuestDriver) -> (State, u32) {
    let function = function::UNLOADING_GUEST_DRIVER;
    let (state, reply) = call(RELEASES[0], function, request.as_bytes());
    (state, reply.result)
}

/// The memory that nouveau allocates for a suspend of 570, and names.
fn prepare_suspend(rm: &mut GspRm) {
    let pages: Vec<u64> = (0x7000..0x7120).rev().collect();
    let request = RpcAllocMemory {
        h_client: INTERNAL_CLIENT,
        h_device: INTERNAL_DEVICE,
        h_memory: 0xcaf0_0003,
        h_class: class::NV01_MEMORY_LIST_SYSTEM,
        flags: 1 << 4 | 1 << 30,
        length: 0x12_0000,
        page_count: 0x120,
        pte_desc: 0x120 << 16,
        ..RpcAllocMemory::default()
    };
    let payload = [request.as_bytes(), pages.as_bytes()].concat();
    assert_eq!(payload.len(), 2360);
    let reply = answer(rm, function::ALLOC_MEMORY, &payload);
    assert_eq!(
        (reply.result, &reply.payload[..]),
        (NV_OK, request.as_bytes())
    );
    let params = r570_144::FbsrInit {
        h_client: INTERNAL_CLIENT,
        h_sys_mem: 0xcaf0_0003,
        sysmem_addr_of_suspend_resume_data: 0x100,
        ..r570_144::FbsrInit::default()
    };
    internal_control(rm, control::INTERNAL_FBSR_INIT, params.as_bytes());
    let request = RmFree {
        h_root: INTERNAL_CLIENT,
        h_object_old: 0xcaf0_0003,
        ..RmFree::default()
    };
    let reply = answer(rm, function::FREE, request.as_bytes());
    assert_eq!(reply.result, NV_OK);
}

/// Has GSP-RM stop the channels, or let them run again.
fn toggle_channels(rm: &mut GspRm, are_stopped: bool) {
    let cmd = rm.release.control_numbers.toggle_channels.unwrap();
    internal_control(rm, cmd, &[are_stopped.into()]);
}

/// Calls a control of GSP-RM's own subdevice, which succeeds.
fn internal_control(rm: &mut GspRm, cmd: u32, params: &[u8]) {
    let header = RmControl {
        h_client: INTERNAL_CLIENT,
        h_object: INTERNAL_SUBDEVICE,
        cmd,
        params_size: params.len() as u32,
        ..RmControl::default()
    };
    let payload = [header.as_bytes(), params].concat();
    let reply = answer(rm, function::GSP_RM_CONTROL, &payload);
    let (header, _) = RmControl::read_from_prefix(&reply.payload).unwrap();
    assert_eq!(header.status, NV_OK);
}

/// Suspends a GSP-RM; returns the result of the call, and its state.
fn suspend(rm: &mut GspRm, new_level: u32) -> (u32, State) {
    let request = UnloadingGuestDriver {
        b_in_pm_transition: 1,
        new_level,
        ..UnloadingGuestDriver::default()
    };
    let function = function::UNLOADING_GUEST_DRIVER;
    (answer(rm, function, request.as_bytes()).result, rm.state)
}

#[test]
fn a_suspend_needs_memory_for_the_frame_buffer() {
    let mut rm = ready(RELEASES[0]);
    let refused = (NV_ERR_INVALID_STATE, State::Ready);
    assert_eq!(suspend(&mut rm, 3), refused);
    prepare_suspend(&mut rm);
    assert_eq!(suspend(&mut rm, 3), (NV_OK, State::Unloading));
    let suspend = rm.suspend.clone().unwrap();
    assert_eq!((suspend.level, suspend.metadata), (3, 0x100));
    let pages = [0, 0x1800].map(|at| suspend.memory.at(at));
    let expected = [(0x711_f000, 0x1000), (0x711_e800, 0x800)];
    assert_eq!(pages, expected.map(Some));
    rm.resume(Duration::ZERO);
    assert!(matches!(rm.state, State::Resuming(_)));
    assert_eq!(rm.objects.backup, None);
}

/// The driver frees that memory, and must name other memory for the next suspend.
#[test]
fn memory_for_a_suspend_is_forgotten_when_that_is_given_up() {
    let mut rm = ready(RELEASES[0]);
    prepare_suspend(&mut rm);
    let refused = (NV_ERR_NOT_SUPPORTED, State::Ready);
    assert_eq!(suspend(&mut rm, 0), refused);
    let forgotten = (NV_ERR_INVALID_STATE, State::Ready);
    assert_eq!(suspend(&mut rm, 3), forgotten);
    // Channels run again.
    prepare_suspend(&mut rm);
    toggle_channels(&mut rm, true);
    assert!(rm.objects.backup.is_some());
    toggle_channels(&mut rm, false);
    assert_eq!(suspend(&mut rm, 3), forgotten);
    prepare_suspend(&mut rm);
    assert_eq!(suspend(&mut rm, 3), (NV_OK, State::Unloading));
}

#[test]
fn memory_is_listed_as_its_header_says() {
    let alloc = |change: fn(&mut RpcAllocMemory)| {
        let mut request = RpcAllocMemory {
            h_client: INTERNAL_CLIENT,
            h_device: INTERNAL_DEVICE,
            h_memory: 0xcaf0_0003,
            h_class: class::NV01_MEMORY_LIST_FBMEM,
            flags: RpcAllocMemory::LOCATION_VIDMEM,
            length: 0x2000,
            page_count: 2,
            pte_desc: 2 << 16,
            ..RpcAllocMemory::default()
        };
        change(&mut request);
        let payload = [request.as_bytes(), [0x100_u64, 0x101].as_bytes()].concat();
        let mut rm = ready(RELEASES[0]);
        let result = answer(&mut rm, function::ALLOC_MEMORY, &payload).result;
        let client = rm.objects.client(INTERNAL_CLIENT).unwrap();
        let pages = client
            .memory(0xcaf0_0003)
            .map(|memory| memory.pages.clone());
        assert_eq!(pages.is_ok(), result == NV_OK);
        pages.map_err(|_| result)
    };
    assert_eq!(alloc(|_| {}), Ok(Pages::Listed(vec![0x10_0000, 0x10_1000])));
    let one = |it: &mut RpcAllocMemory| {
        (it.page_count, it.pte_desc, it.length) = (1, 1 << 16, 0x2800);
    };
    assert_eq!(alloc(one), Ok(Pages::From(0x10_0000)));
    let invalid = Err(NV_ERR_INVALID_ARGUMENT);
    assert_eq!(alloc(|it| it.pte_desc |= 1), invalid);
    assert_eq!(alloc(|it| it.pte_desc = 3 << 16), invalid);
    assert_eq!(alloc(|it| it.page_count = 1), invalid);
    assert_eq!(alloc(|it| it.length = 0x2001), invalid);
    assert_eq!(alloc(|it| it.length = 0), invalid);
    assert_eq!(alloc(|it| it.pte_adjust = 1), invalid);
    assert_eq!(alloc(|it| it.flags = 0), invalid);
    let beyond = |it: &mut RpcAllocMemory| {
        it.h_class = class::NV01_MEMORY_LIST_SYSTEM;
        it.flags = RpcAllocMemory::LOCATION_PCI;
    };
    assert!(alloc(beyond).is_ok());
    assert_eq!(alloc(|it| it.h_class = 0x83), Err(NV_ERR_INVALID_CLASS));
    let parent = alloc(|it| it.h_device = INTERNAL_CLIENT);
    assert_eq!(parent, Err(NV_ERR_INVALID_OBJECT_PARENT));
    let mut rm = ready(RELEASES[0]);
    let short = answer(&mut rm, function::ALLOC_MEMORY, &[0; 55]);
    assert_eq!(short.result, NV_ERR_INVALID_ARGUMENT);
    // Only by this message.
    let request = RmAlloc {
        h_client: INTERNAL_CLIENT,
        h_parent: INTERNAL_DEVICE,
        h_object: 7,
        h_class: class::NV01_MEMORY_LIST_FBMEM,
        ..RmAlloc::default()
    };
    let reply = answer(&mut rm, function::GSP_RM_ALLOC, request.as_bytes());
    assert_eq!(reply.result, NV_ERR_INVALID_CLASS);
}

#[test]
fn driver_and_gsp_rm_have_the_same_version_of_the_rpcs() {
    for release in RELEASES.into_iter().chain(NVIDIAS_OWN) {
        let answer = |vgx_version| {
            let mut info = SetGuestSystemInfo::new_zeroed();
            info.vgx_version = vgx_version;
            let (_, reply) = call(release, function::SET_GUEST_SYSTEM_INFO, info.as_bytes());
            let info = SetGuestSystemInfo::read_from_bytes(&reply.payload).unwrap();
            (reply.result, info.vgx_version)
        };
        let version = release.vgx_version;
        assert_eq!(answer(version), (NV_OK, version));
        assert_eq!(answer([1, 2]), (NV_ERR_NOT_SUPPORTED, version));
    }
}

/// 0 is nvidia.ko's, nouveau's and nova-core's level, 0x40 tinygrad's.
#[test]
fn gsp_rm_unloads_into_the_levels_that_there_are() {
    let level = |new_level| UnloadingGuestDriver {
        new_level,
        ..UnloadingGuestDriver::default()
    };
    for new_level in UNLOAD_LEVELS {
        assert_eq!(unload(level(new_level)), (State::Unloading, NV_OK));
    }
    let refused = (State::Ready, NV_ERR_NOT_SUPPORTED);
    assert_eq!(unload(level(5)), refused);
    let sleep = UnloadingGuestDriver {
        b_in_pm_transition: 1,
        b_gc6_entering: 1,
        ..level(3)
    };
    assert_eq!(unload(sleep), refused);
}

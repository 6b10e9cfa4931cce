// SPDX-License-Identifier: MIT

use nouveau_uapi as nouveau;
use nouveau_uapi::nvif;
use nova_uapi::{
    Array, GemInfo, Sync, VmBindOp, DRIVER_MAJOR, DRIVER_MINOR, ENGINE_CLASS_BIND,
    ENGINE_CLASS_COPY, ENGINE_CLASS_GRAPHICS, GEM_CPU_ACCESS, SYNC_SIGNAL, VM_BIND_OP_MAP,
    VM_BIND_OP_MAP_SPARSE, VM_BIND_OP_UNMAP,
};
use zerocopy::{transmute, FromZeros, IntoBytes};

use super::*;
use crate::driver::Driver;
use crate::table::Known;
use crate::testing::{engine, Asked, Fake, GRAPHICS_CLASSES, SYSTEM, VRAM};

/// A file of nova, and what NVK does with it.
struct Nvk {
    table: Table,
    id: FileId,
    nova: Fake,
}

impl Nvk {
    fn new() -> Self {
        let table = Table::new();
        let driver = Driver {
            name: b"nova".into(),
            major: DRIVER_MAJOR,
            minor: DRIVER_MINOR,
        };
        let Some(Known::Nova(id)) = table.adopt(3, &driver, |_| ()) else {
            panic!("nova is translated");
        };
        Self {
            table,
            id,
            nova: Fake::new(),
        }
    }

    /// With an address space, whose id is 1.
    fn with_space() -> Self {
        let nvk = Self::new();
        nvk.init().unwrap();
        nvk.nova.take();
        nvk
    }

    /// As [`Self::with_space`], of a nova that takes two sync objects and two operations at a time.
    fn with_small_binds() -> Self {
        let nvk = Self::new();
        let mut limits = nvk.nova.limits.get();
        (limits.syncs_max, limits.bind_ops_max) = (2, 2);
        nvk.nova.limits.set(limits);
        nvk.init().unwrap();
        nvk.nova.take();
        nvk
    }

    fn call<T: IntoBytes + FromBytes>(&self, number: u32, argument: &mut T) -> Result {
        answer(
            &self.table,
            self.id,
            &self.nova,
            number,
            argument.as_mut_bytes(),
        )
    }

    fn init(&self) -> Result {
        let mut argument = nouveau::VmInit {
            kernel_managed_addr: 1 << 39,
            kernel_managed_size: 1 << 39,
        };
        self.call(nouveau::VM_INIT, &mut argument)
    }

    fn param(&self, param: u64) -> Result<u64> {
        let mut argument = nouveau::GetParam { param, value: 0 };
        self.call(nouveau::GETPARAM, &mut argument)?;
        Ok(argument.value)
    }

    fn channel(&self, engine: u32) -> Result<u32> {
        let mut argument = nouveau::ChannelAlloc {
            fb_ctxdma_handle: u32::MAX,
            tt_ctxdma_handle: engine,
            ..nouveau::ChannelAlloc::default()
        };
        self.call(nouveau::CHANNEL_ALLOC, &mut argument)?;
        Ok(argument.channel as u32)
    }

    fn free(&self, channel: u32) -> Result {
        let channel = channel as i32;
        self.call(nouveau::CHANNEL_FREE, &mut nouveau::ChannelFree { channel })
    }

    /// An EXEC without anything.
    fn exec(&self, channel: u32) -> Result {
        let mut argument = nouveau::Exec {
            channel,
            ..nouveau::Exec::default()
        };
        self.call(nouveau::EXEC, &mut argument)
    }

    fn bind(&self, flags: u32, ops: &[nouveau::VmBindOp]) -> Result {
        let mut argument = nouveau::VmBind {
            op_count: ops.len() as u32,
            op_ptr: self.nova.place(ops),
            flags,
            ..nouveau::VmBind::default()
        };
        self.call(nouveau::VM_BIND, &mut argument)
    }

    /// The operations that nova got of a synchronous bind.
    fn bound(&self, ops: &[nouveau::VmBindOp]) -> Vec<VmBindOp> {
        assert_eq!(self.bind(0, ops), Ok(()));
        match self.nova.take().as_slice() {
            [Asked::Bind {
                vm_id: 1,
                queue_id: 0,
                ops,
                syncs,
            }] if syncs.is_empty() => ops.clone(),
            other => panic!("{other:?}"),
        }
    }
}

const PAGE: u64 = 0x1000;

fn op(op: u32, flags: u32, addr: u64, range: u64) -> nouveau::VmBindOp {
    nouveau::VmBindOp {
        op,
        flags,
        addr,
        range,
        ..nouveau::VmBindOp::default()
    }
}

fn sparse(op_: u32, addr: u64, range: u64) -> nouveau::VmBindOp {
    op(op_, nouveau::SPARSE, addr, range)
}

fn unmap(addr: u64, range: u64) -> nouveau::VmBindOp {
    op(nouveau::OP_UNMAP, 0, addr, range)
}

fn over(op: u32, address: u64, size: u64) -> VmBindOp {
    VmBindOp {
        op,
        address,
        size,
        ..VmBindOp::default()
    }
}

#[test]
fn only_drm_s_version_and_commands_of_drivers_are_translated() {
    for number in [
        0xc040_6400,
        MODE_RESOURCES,
        nouveau::GETPARAM,
        nouveau::EXEC,
        nouveau::GEM_INFO,
        0xc000_649f,
    ] {
        assert!(is_translated(number), "{number:#x}");
    }
    // GET_CAP, GEM_CLOSE, MODE_CREATE_DUMB, SYNCOBJ_WAIT, an ioctl of a terminal, one of VFIO.
    for number in [
        0xc010_640c,
        0x4008_6409,
        0xc020_64b2,
        0xc028_64c3,
        0x5401,
        0x3b64,
    ] {
        assert!(!is_translated(number), "{number:#x}");
    }
}

const MODE_RESOURCES: u32 = 0xc040_64a0;

#[test]
fn there_are_no_displays_unless_the_kernel_has_some() {
    let nvk = Nvk::new();
    let asked = display::Resources {
        pointers: [1, 2, 3, 4],
        counts: [5; 4],
        limits: [6; 4],
    };
    // The fake passes a call on by doing nothing.
    let mut argument = asked;
    assert_eq!(nvk.call(MODE_RESOURCES, &mut argument), Ok(()));
    assert_eq!(argument, asked);
    nvk.nova
        .fail_with([Some(Errno::OPNOTSUPP), Some(Errno::ACCESS)]);
    assert_eq!(nvk.call(MODE_RESOURCES, &mut argument), Ok(()));
    assert_eq!(
        (argument.pointers, argument.counts),
        (asked.pointers, [0; 4])
    );
    assert_eq!(nvk.call(MODE_RESOURCES, &mut argument), Err(Errno::ACCESS));
}

#[test]
fn an_address_space_is_nova_s_and_there_is_one() {
    let nvk = Nvk::new();
    assert_eq!(nvk.init(), Ok(()));
    match nvk.nova.take().as_slice() {
        [Asked::VmCreate(create)] => {
            assert_eq!(
                (create.kernel_start, create.kernel_size),
                (1 << 39, 1 << 39)
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(nvk.init(), Err(Errno::BUSY));
    let other = Nvk::new();
    other.nova.fail_with([Some(Errno::INVAL)]);
    assert_eq!(other.init(), Err(Errno::INVAL));
    assert_eq!(other.init(), Ok(()));
}

#[test]
fn without_an_address_space_there_are_no_jobs_binds_and_objects() {
    let nvk = Nvk::new();
    let channel = nvk.channel(nouveau::ENGINE_COPY).unwrap();
    assert_eq!(nvk.exec(channel), Err(Errno::NOSYS));
    assert_eq!(nvk.bind(0, &[unmap(PAGE, PAGE)]), Err(Errno::NOSYS));
    let mut new = nouveau::GemNew::new_zeroed();
    assert_eq!(nvk.call(nouveau::GEM_NEW, &mut new), Err(Errno::NOSYS));
    assert_eq!(nvk.nova.take(), []);
}

#[test]
fn parameters_have_the_values_that_nvk_reads() {
    let nvk = Nvk::new();
    for (param, value) in [
        (nouveau::PARAM_PCI_VENDOR, 0x10de),
        (nouveau::PARAM_PCI_DEVICE, 0x2204),
        (nouveau::PARAM_CHIPSET_ID, 0x172),
        (nouveau::PARAM_GRAPH_UNITS, 7 | 42 << 8),
        (nouveau::PARAM_PTIMER_TIME, 123_456),
        (nouveau::PARAM_EXEC_PUSH_MAX, 1024),
        (nouveau::PARAM_VRAM_BAR_SIZE, 256 << 20),
        (nouveau::PARAM_VRAM_USED, VRAM.used),
        (nouveau::PARAM_HAS_VMA_TILEMODE, 1),
    ] {
        assert_eq!(nvk.param(param), Ok(value), "parameter {param}");
    }
    for unknown in [0, 5, 16, 21, u64::MAX] {
        assert_eq!(nvk.param(unknown), Err(Errno::INVAL));
    }
}

/// The elements of a newer kernel's list are larger.
#[test]
fn lists_of_a_newer_kernel_are_read() {
    let nvk = Nvk::new();
    nvk.nova.newer.set(24);
    assert_eq!(nvk.param(nouveau::PARAM_VRAM_USED), Ok(VRAM.used));
}

#[test]
fn what_nvk_does_not_use_is_not_there() {
    let nvk = Nvk::with_space();
    for number in [0x81, 0x82, 0x83, 0x41, 0x9f] {
        let mut argument = [0_u8; 64];
        let result = nvk.call(0xc040_6400 | number, &mut argument);
        assert_eq!(result, Err(Errno::NOSYS), "{number:#x}");
    }
}

#[test]
fn depth_culling_is_told_if_nova_tells_it() {
    let nvk = Nvk::new();
    let mut info = nouveau::ZcullInfo::default();
    let number = nouveau::GET_ZCULL_INFO;
    assert_eq!(nvk.call(number, &mut info), Err(Errno::NOTTY));
    // Both drivers have the members in the same order.
    let members: [u32; 12] = std::array::from_fn(|member| member as u32 + 1);
    nvk.nova.zcull.set(Some(transmute!(members)));
    assert_eq!(nvk.call(number, &mut info), Ok(()));
    assert_eq!(info.as_bytes(), members.as_bytes());
}

#[test]
fn a_channel_is_a_queue_from_its_first_job_on() {
    let nvk = Nvk::with_space();
    let graphics = nvk.channel(nouveau::ENGINE_GRAPHICS).unwrap();
    let copy = nvk.channel(nouveau::ENGINE_COPY).unwrap();
    let unused = nvk.channel(nouveau::ENGINE_GRAPHICS).unwrap();
    assert_eq!([graphics, copy, unused], [0, 1, 2]);
    assert_eq!(nvk.nova.take(), []);
    for (channel, engine_class) in [(copy, ENGINE_CLASS_COPY), (graphics, ENGINE_CLASS_GRAPHICS)] {
        assert_eq!(nvk.exec(channel), Ok(()));
        assert_eq!(nvk.exec(channel), Ok(()));
        match nvk.nova.take().as_slice() {
            [Asked::QueueCreate {
                vm_id: 1,
                engine_class: class,
            }, Asked::Exec { .. }, Asked::Exec { .. }] => {
                assert_eq!(*class, engine_class);
            }
            other => panic!("{other:?}"),
        }
    }
    for channel in [unused, graphics, copy] {
        assert_eq!(nvk.free(channel), Ok(()));
        assert_eq!(nvk.free(channel), Err(Errno::INVAL));
        assert_eq!(nvk.exec(channel), Err(Errno::NOENT));
    }
    // The ids of the queues of graphics and copy, which were made in the opposite order.
    assert_eq!(
        nvk.nova.take(),
        [Asked::QueueDestroy(3), Asked::QueueDestroy(2)]
    );
}

#[test]
fn a_queue_that_cannot_be_made_is_tried_again() {
    let nvk = Nvk::with_space();
    let channel = nvk.channel(nouveau::ENGINE_COPY).unwrap();
    nvk.nova.fail_with([Some(Errno::NOSPC)]);
    assert_eq!(nvk.exec(channel), Err(Errno::NOSPC));
    assert_eq!(nvk.exec(channel), Ok(()));
}

#[test]
fn a_channel_takes_an_engine_that_the_gpu_has() {
    let nvk = Nvk::with_space();
    let mut older = nouveau::ChannelAlloc::default();
    assert_eq!(nvk.call(nouveau::CHANNEL_ALLOC, &mut older), Ok(()));
    assert_eq!(nvk.channel(0x77), Err(Errno::NOSYS));
    *nvk.nova.engines.borrow_mut() = vec![engine(ENGINE_CLASS_COPY, &[0xc7b5])];
    assert_eq!(nvk.channel(nouveau::ENGINE_GRAPHICS), Err(Errno::NODEV));
    assert_eq!(nvk.channel(nouveau::ENGINE_COPY), Ok(1));
}

#[test]
fn a_lost_queue_and_a_lost_gpu_are_enodev() {
    let nvk = Nvk::with_space();
    let channel = nvk.channel(nouveau::ENGINE_COPY).unwrap();
    nvk.exec(channel).unwrap();
    for (nova, nouveau) in [
        (Errno::CANCELED, Errno::NODEV),
        (Errno::IO, Errno::NODEV),
        (Errno::NODEV, Errno::NODEV),
        (Errno::INVAL, Errno::INVAL),
        (Errno::NOENT, Errno::NOENT),
        (Errno::NOMEM, Errno::NOMEM),
        (Errno::NOSPC, Errno::NOSPC),
        (Errno::FAULT, Errno::FAULT),
        (Errno::INTR, Errno::INTR),
    ] {
        nvk.nova.fail_with([Some(nova)]);
        assert_eq!(nvk.exec(channel), Err(nouveau), "{nova}");
        nvk.nova.fail_with([Some(nova)]);
        assert_eq!(nvk.bind(0, &[unmap(PAGE, PAGE)]), Err(nouveau), "{nova}");
    }
}

#[test]
fn pushes_stay_where_they_are_and_syncs_become_one_array() {
    let nvk = Nvk::with_space();
    let channel = nvk.channel(nouveau::ENGINE_COPY).unwrap();
    let sync = |handle| nouveau::Sync {
        handle,
        ..nouveau::Sync::default()
    };
    let mut exec = nouveau::Exec {
        channel,
        push_count: 3,
        wait_count: 1,
        sig_count: 1,
        push_ptr: 0x7000,
        wait_ptr: nvk.nova.place(&[sync(8)]),
        sig_ptr: nvk.nova.place(&[sync(9)]),
    };
    assert_eq!(nvk.call(nouveau::EXEC, &mut exec), Ok(()));
    let expected = Asked::Exec {
        queue_id: 2,
        pushes: Array {
            pointer: 0x7000,
            count: 3,
            stride: 16,
        },
        syncs: vec![
            Sync {
                handle: 8,
                flags: 0,
                point: 0,
            },
            Sync {
                handle: 9,
                flags: SYNC_SIGNAL,
                point: 0,
            },
        ],
    };
    assert_eq!(nvk.nova.take().last(), Some(&expected));
    // Without pushes, nova wants no pointer.
    exec.push_count = 0;
    assert_eq!(nvk.call(nouveau::EXEC, &mut exec), Ok(()));
    match nvk.nova.take().as_slice() {
        [Asked::Exec { pushes, .. }] => assert_eq!(*pushes, Array::default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mapping_has_its_own_kind() {
    let nvk = Nvk::with_space();
    let map = nouveau::VmBindOp {
        handle: 5,
        bo_offset: 2 * PAGE,
        ..op(nouveau::OP_MAP, 6, 16 * PAGE, 4 * PAGE)
    };
    let expected = VmBindOp {
        op: VM_BIND_OP_MAP,
        handle: 5,
        kind: 6,
        offset: 2 * PAGE,
        ..over(VM_BIND_OP_MAP, 16 * PAGE, 4 * PAGE)
    };
    // The kind of what is unmapped says nothing.
    let ops = [map, op(nouveau::OP_UNMAP, 6, PAGE, PAGE)];
    let expected = [expected, over(VM_BIND_OP_UNMAP, PAGE, PAGE)];
    assert_eq!(nvk.bound(&ops), expected);
}

#[test]
fn what_is_unmapped_in_a_sparse_range_is_sparse_again() {
    let nvk = Nvk::with_space();
    let (start, size) = (16 * PAGE, 8 * PAGE);
    let region = sparse(nouveau::OP_MAP, start, size);
    assert_eq!(
        nvk.bound(&[region]),
        [over(VM_BIND_OP_MAP_SPARSE, start, size)]
    );
    assert_eq!(
        nvk.bound(&[unmap(start + PAGE, PAGE)]),
        [over(VM_BIND_OP_MAP_SPARSE, start + PAGE, PAGE)]
    );
    assert_eq!(
        nvk.bound(&[unmap(start - PAGE, 2 * PAGE), unmap(PAGE, PAGE)]),
        [
            over(VM_BIND_OP_MAP_SPARSE, start, PAGE),
            over(VM_BIND_OP_UNMAP, start - PAGE, PAGE),
            over(VM_BIND_OP_UNMAP, PAGE, PAGE),
        ]
    );
    let end = sparse(nouveau::OP_UNMAP, start, size);
    assert_eq!(nvk.bound(&[end]), [over(VM_BIND_OP_UNMAP, start, size)]);
    assert_eq!(
        nvk.bound(&[unmap(start, PAGE)]),
        [over(VM_BIND_OP_UNMAP, start, PAGE)]
    );
}

#[test]
fn later_operations_of_a_bind_see_the_sparse_ranges_of_earlier_ones() {
    let nvk = Nvk::with_space();
    let ops = [
        sparse(nouveau::OP_MAP, PAGE, 4 * PAGE),
        unmap(PAGE, PAGE),
        sparse(nouveau::OP_UNMAP, PAGE, 4 * PAGE),
        unmap(PAGE, PAGE),
    ];
    let expected = [
        over(VM_BIND_OP_MAP_SPARSE, PAGE, 4 * PAGE),
        over(VM_BIND_OP_MAP_SPARSE, PAGE, PAGE),
        over(VM_BIND_OP_UNMAP, PAGE, 4 * PAGE),
        over(VM_BIND_OP_UNMAP, PAGE, PAGE),
    ];
    assert_eq!(nvk.bound(&ops), expected);
    assert_eq!(nvk.bound(&ops), expected);
}

#[test]
fn sparse_ranges_are_as_before_if_a_bind_fails() {
    let nvk = Nvk::with_space();
    let region = sparse(nouveau::OP_MAP, PAGE, 4 * PAGE);
    nvk.nova.fail_with([Some(Errno::NOMEM)]);
    assert_eq!(nvk.bind(0, &[region]), Err(Errno::NOMEM));
    assert_eq!(
        nvk.bound(&[unmap(PAGE, PAGE)]),
        [over(VM_BIND_OP_UNMAP, PAGE, PAGE)]
    );
    assert_eq!(nvk.bind(0, &[region]), Ok(()));
    nvk.nova.fail_with([Some(Errno::NOMEM)]);
    let end = sparse(nouveau::OP_UNMAP, PAGE, 4 * PAGE);
    assert_eq!(nvk.bind(0, &[end]), Err(Errno::NOMEM));
    nvk.nova.take();
    assert_eq!(
        nvk.bound(&[unmap(PAGE, PAGE)]),
        [over(VM_BIND_OP_MAP_SPARSE, PAGE, PAGE)]
    );
}

/// nova does a bind that is too large for it in parts, and what earlier ones did stays.
#[test]
fn sparse_ranges_are_those_of_the_parts_that_succeeded() {
    let nvk = Nvk::with_small_binds();
    let ops = [
        sparse(nouveau::OP_MAP, 16 * PAGE, PAGE),
        unmap(PAGE, PAGE),
        sparse(nouveau::OP_MAP, 32 * PAGE, PAGE),
        sparse(nouveau::OP_UNMAP, 16 * PAGE, PAGE),
        unmap(PAGE, PAGE),
    ];
    nvk.nova.fail_with([None, Some(Errno::NOMEM)]);
    assert_eq!(nvk.bind(0, &ops), Err(Errno::NOMEM));
    nvk.nova.take();
    let sparse_at = |page| {
        let bound = nvk.bound(&[unmap(page * PAGE, PAGE)]);
        bound[0].op == VM_BIND_OP_MAP_SPARSE
    };
    assert!(sparse_at(16) && !sparse_at(32));
    nvk.nova.fail_with([None, Some(Errno::NOMEM)]);
    assert_eq!(nvk.bind(0, &ops[1..]), Err(Errno::NOMEM));
    nvk.nova.take();
    assert!(sparse_at(16) && sparse_at(32));
    assert_eq!(nvk.bind(0, &ops[3..]), Ok(()));
    nvk.nova.take();
    assert!(!sparse_at(16) && sparse_at(32));
}

#[test]
fn wrong_binds_reach_no_kernel() {
    let nvk = Nvk::with_space();
    nvk.bind(0, &[sparse(nouveau::OP_MAP, PAGE, 4 * PAGE)])
        .unwrap();
    nvk.nova.take();
    for (flags, wrong, error) in [
        (2, unmap(PAGE, PAGE), Errno::INVAL),
        (0, unmap(PAGE, 0), Errno::INVAL),
        (0, unmap(u64::MAX, PAGE), Errno::INVAL),
        (0, op(2, 0, PAGE, PAGE), Errno::INVAL),
        (0, op(nouveau::OP_MAP, 0x200, PAGE, PAGE), Errno::INVAL),
        (0, sparse(nouveau::OP_MAP, 2 * PAGE, PAGE), Errno::EXIST),
        (0, sparse(nouveau::OP_UNMAP, PAGE, PAGE), Errno::NOENT),
        (0, sparse(nouveau::OP_UNMAP, 9 * PAGE, PAGE), Errno::NOENT),
    ] {
        assert_eq!(nvk.bind(flags, &[wrong]), Err(error), "{wrong:?}");
    }
    // Sync objects of a bind that is over when the call returns.
    let mut bind = nouveau::VmBind {
        wait_count: 1,
        wait_ptr: nvk.nova.place(&[nouveau::Sync::default()]),
        ..nouveau::VmBind::default()
    };
    assert_eq!(nvk.call(nouveau::VM_BIND, &mut bind), Err(Errno::INVAL));
    bind = nouveau::VmBind {
        op_count: u32::MAX,
        op_ptr: 8,
        ..nouveau::VmBind::default()
    };
    let result = nvk.call(nouveau::VM_BIND, &mut bind);
    assert!([Err(Errno::FAULT), Err(Errno::NOMEM)].contains(&result));
    assert_eq!(nvk.nova.take(), []);
}

#[test]
fn asynchronous_binds_share_a_queue_and_keep_to_the_limits() {
    let nvk = Nvk::with_small_binds();
    let ops = [1, 3, 5].map(|page| unmap(page * PAGE, PAGE));
    let syncs = [1, 2, 3].map(|handle| nouveau::Sync {
        handle,
        ..nouveau::Sync::default()
    });
    let mut bind = nouveau::VmBind {
        flags: nouveau::RUN_ASYNC,
        op_count: 3,
        op_ptr: nvk.nova.place(&ops),
        wait_count: 3,
        wait_ptr: nvk.nova.place(&syncs),
        sig_count: 1,
        sig_ptr: nvk.nova.place(&syncs),
    };
    for round in 0..2 {
        assert_eq!(nvk.call(nouveau::VM_BIND, &mut bind), Ok(()));
        let asked = nvk.nova.take();
        let (made, binds) = asked.split_at(1 - round);
        if let [made] = made {
            let expected = Asked::QueueCreate {
                vm_id: 1,
                engine_class: ENGINE_CLASS_BIND,
            };
            assert_eq!(*made, expected);
        }
        let shape: Vec<_> = binds
            .iter()
            .map(|asked| match asked {
                Asked::Bind {
                    queue_id: 2,
                    ops,
                    syncs,
                    ..
                } => (ops.len(), syncs.len()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(shape, [(0, 2), (2, 1), (1, 1)]);
    }
}

#[test]
fn objects_lie_where_nvk_wants_them() {
    let nvk = Nvk::with_space();
    let (vram, gart) = (nouveau::DOMAIN_VRAM, nouveau::DOMAIN_GART);
    let (in_vram, in_system) = (1 << VRAM.id, 1 << SYSTEM.id);
    for (domain, placement, flags, vm_id, now) in [
        (0x2e, in_vram | in_system, GEM_CPU_ACCESS, 1, vram),
        (0x26, in_vram | in_system, 0, 1, vram),
        (0x2c, in_system, GEM_CPU_ACCESS, 1, gart),
        (0x22, in_vram, 0, 1, vram),
        (0x0c, in_system, GEM_CPU_ACCESS, 0, gart),
        (0, 0, 0, 0, vram),
    ] {
        let mut new = nouveau::GemNew {
            info: nouveau::GemInfo {
                domain,
                size: 0x1_0001,
                tile_mode: 4,
                tile_flags: 0x600,
                ..nouveau::GemInfo::default()
            },
            channel_hint: 0,
            align: 0x1000,
        };
        assert_eq!(nvk.call(nouveau::GEM_NEW, &mut new), Ok(()));
        match nvk.nova.take().as_slice() {
            [Asked::GemCreate(create)] => assert_eq!(
                (create.size, create.placement, create.flags, create.vm_id),
                (0x1_0001, placement, flags, vm_id)
            ),
            other => panic!("{other:?}"),
        }
        let info = new.info;
        assert_eq!(info.domain, now, "{domain:#x}");
        // The fake's objects have pages of 64 KiB.
        assert_eq!((info.size, info.map_handle), (0x2_0000, 0x1000_0000));
        assert_eq!((info.tile_mode, info.tile_flags), (4, 0x600));
    }
}

#[test]
fn an_imported_object_is_described() {
    let nvk = Nvk::with_space();
    nvk.nova.object.set(GemInfo {
        handle: 9,
        size: 0x3000,
        placement: 1 << SYSTEM.id,
        mmap_offset: 0x5000,
        ..GemInfo::default()
    });
    let mut info = nouveau::GemInfo {
        handle: 9,
        ..nouveau::GemInfo::default()
    };
    assert_eq!(nvk.call(nouveau::GEM_INFO, &mut info), Ok(()));
    let expected = nouveau::GemInfo {
        handle: 9,
        domain: nouveau::DOMAIN_GART,
        size: 0x3000,
        map_handle: 0x5000,
        ..nouveau::GemInfo::default()
    };
    assert_eq!(info, expected);
    // One that may be in both places is where it is now.
    for (region, domain) in [
        (SYSTEM.id, nouveau::DOMAIN_GART),
        (VRAM.id, nouveau::DOMAIN_VRAM),
    ] {
        nvk.nova.object.set(GemInfo {
            placement: 1 << SYSTEM.id | 1 << VRAM.id,
            region,
            ..nvk.nova.object.get()
        });
        assert_eq!(nvk.call(nouveau::GEM_INFO, &mut info), Ok(()));
        assert_eq!(info.domain, domain);
    }
    info.handle = 8;
    assert_eq!(nvk.call(nouveau::GEM_INFO, &mut info), Err(Errno::NOENT));
}

#[repr(C)]
#[derive(FromBytes, IntoBytes)]
struct Classes {
    head: nvif::Sclass,
    list: [nvif::SclassEntry; 16],
}

fn header(kind: u8, channel: Option<u32>) -> nvif::Header {
    nvif::Header {
        kind,
        route: if channel.is_some() {
            nvif::ROUTE_CHANNEL
        } else {
            0
        },
        token: channel.unwrap_or(0).into(),
        ..nvif::Header::default()
    }
}

fn ask_classes(channel: u32) -> Classes {
    Classes {
        head: nvif::Sclass {
            header: header(nvif::SCLASS, Some(channel)),
            count: 16,
            ..nvif::Sclass::default()
        },
        list: [nvif::SclassEntry::default(); 16],
    }
}

#[test]
fn a_channel_has_the_classes_of_its_engine() {
    let nvk = Nvk::new();
    for (engine, expected) in [
        (nouveau::ENGINE_GRAPHICS, &GRAPHICS_CLASSES[..]),
        (nouveau::ENGINE_COPY, &[0xc7b5]),
    ] {
        let channel = nvk.channel(engine).unwrap();
        let mut asked = ask_classes(channel);
        assert_eq!(nvk.call(nvif::number::<Classes>(), &mut asked), Ok(()));
        let classes = asked.list.map(|entry| entry.class as u32);
        let (named, others) = classes.split_at(asked.head.count.into());
        assert_eq!(named, expected);
        assert!(others.iter().all(|class| *class == 0));
        let new = |class| {
            let mut new = nvif::New {
                header: header(nvif::NEW, Some(channel)),
                class,
                ..nvif::New::default()
            };
            nvk.call(nvif::number::<nvif::New>(), &mut new)
        };
        for class in expected {
            assert_eq!(new(*class as i32), Ok(()), "{class:#x}");
        }
        assert_eq!(new(0xc5b5), Err(Errno::INVAL));
    }
    let mut unknown = ask_classes(9);
    assert_eq!(
        nvk.call(nvif::number::<Classes>(), &mut unknown),
        Err(Errno::INVAL)
    );
}

#[repr(C)]
#[derive(FromBytes, IntoBytes)]
struct AskDevice {
    method: nvif::Method,
    info: nvif::DeviceInfo,
}

#[test]
fn the_device_says_what_it_is() {
    let nvk = Nvk::new();
    let mut asked = AskDevice::new_zeroed();
    asked.method.header = header(nvif::MTHD, None);
    assert_eq!(nvk.call(nvif::number::<AskDevice>(), &mut asked), Ok(()));
    let info = asked.info;
    assert_eq!((info.chipset, info.revision), (0x172, 0xa1));
    assert_eq!(
        (info.platform, info.family),
        (nvif::PLATFORM_PCIE, nvif::FAMILY_AMPERE)
    );
    assert_eq!((info.ram_size, info.ram_user), (24 << 30, 23 << 30));
    assert!(info.chip.starts_with(b"GA102\0"));
    assert!(info.name.starts_with(b"NVIDIA GeForce RTX 3090\0"));
    let mut new = nvif::New {
        header: header(nvif::NEW, None),
        class: nvif::CLASS_DEVICE,
        ..nvif::New::default()
    };
    let number = nvif::number::<nvif::New>();
    assert_eq!(nvk.call(number, &mut new), Ok(()));
    new.class = 1;
    assert_eq!(nvk.call(number, &mut new), Err(Errno::INVAL));
    let mut delete = header(nvif::DEL, None);
    assert_eq!(
        nvk.call(nvif::number::<nvif::Header>(), &mut delete),
        Ok(())
    );
}

#[test]
fn wrong_nvif_is_refused() {
    let nvk = Nvk::new();
    for wrong in [
        nvif::Header {
            version: 1,
            ..header(nvif::DEL, None)
        },
        nvif::Header {
            route: 1,
            ..header(nvif::DEL, None)
        },
        header(9, None),
        header(nvif::SCLASS, Some(0)),
        header(nvif::MTHD, None),
    ] {
        let mut argument = wrong;
        let result = nvk.call(nvif::number::<nvif::Header>(), &mut argument);
        assert_eq!(result, Err(Errno::INVAL), "{wrong:?}");
    }
    let result = nvk.call(nvif::number::<[u8; 23]>(), &mut [0_u8; 23]);
    assert_eq!(result, Err(Errno::INVAL));
}

/// Two threads that ask for the address space of a file make one.
#[test]
fn an_address_space_that_another_thread_has_made_stays() {
    let nvk = Nvk::with_space();
    let call = Call {
        table: &nvk.table,
        id: nvk.id,
        device: &nvk.nova,
    };
    let kept = call.space().unwrap();
    let late = Space { vm_id: 5, ..kept };
    assert_eq!(call.keep_space(late), Err(Errno::BUSY));
    assert_eq!(nvk.nova.take(), [Asked::VmDestroy(5)]);
    assert_eq!(call.space(), Ok(kept));
    nvk.table.forget(3);
    assert_eq!(call.keep_space(late), Err(Errno::BADF));
    assert_eq!(nvk.nova.take(), [Asked::VmDestroy(5)]);
}

/// Two threads that submit the first job of a channel make one queue.
#[test]
fn a_queue_that_another_thread_has_made_is_used() {
    let nvk = Nvk::with_space();
    let channel = nvk.channel(nouveau::ENGINE_COPY).unwrap();
    let call = Call {
        table: &nvk.table,
        id: nvk.id,
        device: &nvk.nova,
    };
    nvk.exec(channel).unwrap();
    nvk.nova.take();
    assert_eq!(call.keep(5, Ok(2)), Ok(2));
    assert_eq!(call.keep(6, Ok(6)), Ok(6));
    assert_eq!(call.keep(7, Err(Errno::NOENT)), Err(Errno::NOENT));
    assert_eq!(
        nvk.nova.take(),
        [Asked::QueueDestroy(5), Asked::QueueDestroy(7)]
    );
}

proptest::proptest! {
    /// Whatever a program says, the library answers, and what reaches nova is well formed: the fake
    /// asserts that.
    #[test]
    fn any_bytes_are_answered(
        number in 0_u32..0xa0,
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
    ) {
        let nvk = Nvk::with_space();
        nvk.channel(nouveau::ENGINE_GRAPHICS).unwrap();
        let mut argument = bytes;
        let number = u32::from(b'd') << 8 | number;
        let _ = answer(&nvk.table, nvk.id, &nvk.nova, number, &mut argument);
    }
}

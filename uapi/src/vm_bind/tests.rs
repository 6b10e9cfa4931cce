// SPDX-License-Identifier: MIT

use super::*;
use crate::refused::Errno;
use crate::testing::{LIMITS, VM};

const NAME: usize = "drm_nova_vm_bind_op.".len();
const HOLE: Range<u64> = 0x1000_0000..0x2000_0000;
const VA: u64 = 2 << 20;
const K64: u64 = 64 << 10;
const COMPRESSIBLE: u8 = 8;

fn op(op: u32) -> VmBindOp {
    VmBindOp {
        op,
        ..VmBindOp::default()
    }
}

fn map(offset: u64, address: u64, size: u64) -> VmBindOp {
    VmBindOp {
        handle: 1,
        offset,
        address,
        size,
        ..op(VM_BIND_OP_MAP)
    }
}

fn refused(result: Result<(), Refused>) -> Option<&'static str> {
    result.err().map(|refused| &refused.member[NAME..])
}

#[test]
fn an_operation_has_only_the_members_that_it_uses() {
    for (of, used) in [
        (
            VM_BIND_OP_MAP,
            &["handle", "kind", "offset", "address", "size"][..],
        ),
        (VM_BIND_OP_MAP_SPARSE, &["address", "size"]),
        (VM_BIND_OP_UNMAP, &["address", "size"]),
        (VM_BIND_OP_UNMAP_OBJECT, &["handle"]),
    ] {
        let plain = op(of);
        assert_eq!(plain.check(), Ok(()));
        for (member, changed) in [
            ("handle", VmBindOp { handle: 1, ..plain }),
            ("kind", VmBindOp { kind: 1, ..plain }),
            ("offset", VmBindOp { offset: 1, ..plain }),
            (
                "address",
                VmBindOp {
                    address: 1,
                    ..plain
                },
            ),
            ("size", VmBindOp { size: 1, ..plain }),
        ] {
            let expected = (!used.contains(&member)).then_some(member);
            assert_eq!(refused(changed.check()), expected, "{changed:?}");
        }
        for pad in [[1, 0, 0], [0, 1, 0], [0, 0, 0x80], [1, 1, 0], [0, 1, 1]] {
            assert_eq!(refused(VmBindOp { pad, ..plain }.check()), Some("pad"));
        }
    }
}

#[test]
fn flags_are_for_mappings_of_objects() {
    for of in 0..4 {
        for bit in 0..32 {
            let flagged = VmBindOp {
                flags: 1 << bit,
                ..op(of)
            };
            let is_right = of == VM_BIND_OP_MAP && bit < 2;
            let expected = (!is_right).then_some("flags");
            assert_eq!(refused(flagged.check()), expected, "{flagged:?}");
        }
    }
}

#[test]
fn operations_for_later_are_not_supported_and_others_unknown() {
    for (number, errno) in [
        (VM_BIND_OP_MAP_USERPTR, Errno::Unsupported),
        (VM_BIND_OP_PREFETCH, Errno::Unsupported),
        (6, Errno::Invalid),
        (u32::MAX, Errno::Invalid),
    ] {
        for refused in [op(number).check(), op(number).check_range(&VM, &HOLE)] {
            let refused = refused.unwrap_err();
            assert_eq!(&refused.member[NAME..], "op");
            assert_eq!((refused.errno, refused.found), (errno, number.into()));
        }
    }
}

#[test]
fn ranges_are_whole_pages_of_user_space() {
    let end = VM.va_end;
    for of in [VM_BIND_OP_MAP, VM_BIND_OP_MAP_SPARSE, VM_BIND_OP_UNMAP] {
        for (address, size, expected) in [
            (VA, 4096, None),
            (end - 4096, 4096, None),
            (HOLE.start - 4096, 4096, None),
            (HOLE.end, 4096, None),
            (VA + 1, 4096, Some("address")),
            (VA, 4095, Some("size")),
            (VA, 0, Some("size")),
            (0, 4096, Some("address")),
            (VA - 4096, 4096, Some("address")),
            (end, 4096, Some("address")),
            (end - 4096, 8192, Some("size")),
            (VA, 0_u64.wrapping_sub(VA), Some("size")),
            (u64::MAX - 4095, 4096, Some("address")),
            (HOLE.start - 4096, 8192, Some("address")),
            (VA, HOLE.end, Some("address")),
        ] {
            let op = VmBindOp {
                op: of,
                ..map(0, address, size)
            };
            assert_eq!(refused(op.check_range(&VM, &HOLE)), expected, "{op:?}");
        }
    }
    let object = op(VM_BIND_OP_UNMAP_OBJECT);
    assert_eq!(object.check_range(&VM, &HOLE), Ok(()));
}

#[test]
fn mappings_have_whole_pages_of_the_object_and_a_kind() {
    let with_offset = |offset| refused(map(offset, VA, 4096).check_range(&VM, &HOLE));
    assert_eq!(with_offset(4096), None);
    assert_eq!(with_offset(1), Some("offset"));
    for kind in 0..=u8::MAX {
        let op = VmBindOp {
            kind,
            ..map(0, VA, 4096)
        };
        let expected = (kind == 7 || kind > 15).then_some("kind");
        assert_eq!(refused(op.check_range(&VM, &HOLE)), expected, "{kind}");
    }
}

const OBJECT: BoundObject = BoundObject {
    size: 4 * K64,
    page_shift: 16,
    is_vram_only: true,
    is_imported: false,
};

#[test]
fn mappings_are_within_their_object() {
    for (offset, size, expected) in [
        (0, 4 * K64, None),
        (3 * K64, K64, None),
        (0, 4 * K64 + 4096, Some("offset")),
        (4 * K64, 4096, Some("offset")),
        (u64::MAX - 4095, 4096, Some("offset")),
        (4096, u64::MAX - 4095, Some("offset")),
    ] {
        let found = map(offset, VA, size).check_object(&VM, &OBJECT);
        assert_eq!(refused(found), expected, "{offset:#x} {size:#x}");
    }
}

#[test]
fn compressed_pages_are_large_and_in_vram() {
    let compressed = |offset, address, size| VmBindOp {
        kind: COMPRESSIBLE,
        ..map(offset, address, size)
    };
    let right = compressed(K64, VA, K64);
    assert_eq!(right.check_object(&VM, &OBJECT), Ok(()));
    for (wrong, member) in [
        (compressed(4096, VA, K64), "offset"),
        (compressed(K64, VA + 4096, K64), "address"),
        (compressed(K64, VA, K64 + 4096), "size"),
    ] {
        assert_eq!(refused(wrong.check_object(&VM, &OBJECT)), Some(member));
        let plain = VmBindOp { kind: 0, ..wrong };
        assert_eq!(plain.check_object(&VM, &OBJECT), Ok(()));
    }
    for object in [
        BoundObject {
            page_shift: 12,
            ..OBJECT
        },
        BoundObject {
            is_vram_only: false,
            ..OBJECT
        },
    ] {
        assert_eq!(refused(right.check_object(&VM, &object)), Some("kind"));
        let plain = VmBindOp { kind: 0, ..right };
        assert_eq!(plain.check_object(&VM, &object), Ok(()));
    }
}

#[test]
fn objects_of_other_drivers_have_plain_pages() {
    let imported = BoundObject {
        is_imported: true,
        ..OBJECT
    };
    let plain = map(0, VA, 4096);
    assert_eq!(plain.check_object(&VM, &imported), Ok(()));
    let other = VmBindOp { kind: 6, ..plain };
    assert_eq!(other.check_object(&VM, &OBJECT), Ok(()));
    assert_eq!(refused(other.check_object(&VM, &imported)), Some("kind"));
}

#[test]
fn a_bind_has_limits_and_no_flags() {
    let array = |count, stride| Array {
        pointer: 4096,
        count,
        stride,
    };
    let right = VmBind {
        queue_id: 1,
        ops: array(1024, 40),
        syncs: array(256, 16),
        ..VmBind::default()
    };
    let (ops, syncs) = right.check(&LIMITS).unwrap();
    assert_eq!((ops.count(), syncs.count()), (1024, 256));
    assert!(VmBind::default().check(&LIMITS).is_ok());
    for (wrong, member) in [
        (VmBind { flags: 1, ..right }, "drm_nova_vm_bind.flags"),
        (VmBind { pad: 1, ..right }, "drm_nova_vm_bind.pad"),
        (
            VmBind {
                ops: array(1025, 40),
                ..right
            },
            "drm_nova_array.count",
        ),
        (
            VmBind {
                ops: array(1, 39),
                ..right
            },
            "drm_nova_array.stride",
        ),
        (
            VmBind {
                syncs: array(257, 16),
                ..right
            },
            "drm_nova_array.count",
        ),
    ] {
        assert_eq!(wrong.check(&LIMITS).unwrap_err().member, member);
    }
}

#[test]
fn sync_objects_need_a_queue() {
    let syncs = Array {
        pointer: 4096,
        count: 1,
        stride: 16,
    };
    let bind = VmBind {
        queue_id: 1,
        syncs,
        ..VmBind::default()
    };
    assert_eq!(bind.check_syncs(), Ok(()));
    assert_eq!(VmBind::default().check_syncs(), Ok(()));
    let now = VmBind {
        queue_id: 0,
        ..bind
    };
    let refused = now.check_syncs().unwrap_err();
    assert_eq!(refused.member, "drm_nova_vm_bind.syncs.count");
}

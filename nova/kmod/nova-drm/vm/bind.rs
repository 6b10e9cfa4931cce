// SPDX-License-Identifier: GPL-2.0

//! Changes of mappings, all or none: what can fail comes before the first change.

use core::ops::Range;

use kernel::prelude::*;
use nova_core_module::{AddressSpace, Change, Spare};
use nova_kernel::drm::exec::Exec;
use nova_kernel::drm::gpuvm;
use nova_uapi::{
    BoundObject, VmBindOp, VM_BIND_OP_FLAG_READONLY, VM_BIND_OP_MAP, VM_BIND_OP_MAP_SPARSE,
    VM_BIND_OP_UNMAP_OBJECT,
};

use super::{Mapped, Pages, Vm};
use crate::driver::{File, NovaDrmDriver, Object};
use crate::gpu::Gpu;
use crate::limits::{SYSTEM, VM};
use crate::user::error;

/// An operation of a call, and the object that it names.
pub(super) struct Op {
    op: VmBindOp,
    object: Option<Object>,
}

/// What an operation does.
enum Action<'a> {
    Map(Option<(&'a Object, u64)>),
    Unmap,
    UnmapObject(&'a Object),
}

impl Op {
    fn range(&self) -> Range<u64> {
        let VmBindOp { address, size, .. } = self.op;
        address..address.saturating_add(size)
    }

    fn action(&self) -> Action<'_> {
        match (self.op.op, &self.object) {
            (VM_BIND_OP_MAP, Some(object)) => Action::Map(Some((object, self.op.offset))),
            (VM_BIND_OP_MAP_SPARSE, _) => Action::Map(None),
            (VM_BIND_OP_UNMAP_OBJECT, Some(object)) => Action::UnmapObject(object),
            _ => Action::Unmap,
        }
    }

    /// What is stored with its mapping.
    fn mapped(&self) -> Mapped {
        Mapped {
            kind: self.op.kind,
            read_only: self.op.flags & VM_BIND_OP_FLAG_READONLY != 0,
        }
    }
}

/// Finds the objects of operations.
///
/// # Errors
///
/// `ENOENT` if the file does not know one, `ENOMEM`.
pub(super) fn look_up(file: &File<'_>, ops: KVVec<VmBindOp>) -> Result<KVVec<Op>> {
    let mut found = KVVec::with_capacity(ops.len(), GFP_KERNEL_ACCOUNT)?;
    for op in ops {
        let object = match op.op {
            VM_BIND_OP_MAP | VM_BIND_OP_UNMAP_OBJECT => Some(Object::lookup(file, op.handle)?),
            _ => None,
        };
        found.push(Op { op, object }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(found)
}

/// Checks that come after the look-ups.
pub(super) fn check(vm: &Vm, ops: &[Op]) -> Result {
    for op in ops {
        op.op.check_range(&VM, &vm.kernel).map_err(error)?;
        if let Action::Map(Some((object, _))) = op.action() {
            let layout = object.data().layout;
            let bound = BoundObject {
                size: layout.size,
                page_shift: layout.page_shift,
                is_vram_only: layout.placement & 1 << SYSTEM == 0,
                is_imported: object.is_imported(),
            };
            op.op.check_object(&VM, &bound).map_err(error)?;
        }
    }
    let is_foreign = |op: &Op| match op.action() {
        Action::Map(Some((object, _))) => {
            let private = object.data().private.as_ref();
            private.is_some_and(|private| *private != vm.private())
        }
        _ => false,
    };
    match ops.iter().any(is_foreign) {
        true => Err(EPERM),
        false => Ok(()),
    }
}

/// Executes operations that have been checked.
///
/// # Errors
///
/// `EIO` if the GSP is lost or reset meanwhile, `EINTR`, `ENOMEM`, `ENOSPC`, and those of making the address space anew and of
/// clearing VRAM.
pub(super) fn bind(vm: &Vm, gpu: &Gpu<'_>, ops: &[Op]) -> Result {
    for op in ops {
        if let Action::Map(Some((object, _))) = op.action() {
            object.data().clear(gpu)?;
        }
    }
    let bound = prepare(vm, ops).and_then(|changes| {
        let lock = |exec: &Exec<_>| lock(exec, vm, ops);
        vm.with_space(gpu, lock, |space| apply(vm, gpu, &space, ops, changes))
    });
    // Nothing is left of the objects that are mapped no more, or were not mapped in the end.
    vm.contents.gpuvm.clean_up();
    bound
}

/// A change of the mappings for each operation that has a range.
type Changes<'a> = KVVec<Option<gpuvm::Change<'a, NovaDrmDriver>>>;

fn prepare<'a>(vm: &'a Vm, ops: &[Op]) -> Result<Changes<'a>> {
    let mut changes = KVVec::with_capacity(ops.len(), GFP_KERNEL_ACCOUNT)?;
    for op in ops {
        let (gpuvm, range) = (&vm.contents.gpuvm, op.range());
        let change = match op.action() {
            Action::Map(object) => Some(gpuvm.prepare_map(range, object, op.mapped())?),
            Action::Unmap => Some(gpuvm.prepare_unmap(range)?),
            Action::UnmapObject(_) => None,
        };
        changes.push(change, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(changes)
}

/// Locks the reservations of the address space and of the objects that are to be mapped.
fn lock(exec: &Exec<NovaDrmDriver>, vm: &Vm, ops: &[Op]) -> Result {
    exec.vm(&vm.contents.gpuvm)?;
    for op in ops {
        if let Action::Map(Some((object, _))) = op.action() {
            exec.object(object)?;
        }
    }
    Ok(())
}

/// Gets what the page tables need, and then changes these and the mappings. The reservations are locked.
fn apply(
    vm: &Vm,
    gpu: &Gpu<'_>,
    space: &AddressSpace<'_>,
    ops: &[Op],
    changes: Changes<'_>,
) -> Result {
    let mut spare = Spare::default();
    let mut all_pages = KVVec::with_capacity(ops.len(), GFP_KERNEL_ACCOUNT)?;
    for op in ops {
        let range = op.range();
        let pages = match op.action() {
            Action::Map(object) => {
                let mapped = op.mapped();
                Some(Pages::prepare(
                    gpu, space, &mut spare, range, object, mapped,
                )?)
            }
            Action::Unmap => {
                space.prepare(&mut spare, range, Change::Unmap)?;
                None
            }
            // It is unmapped where its mappings end, so no table is split.
            Action::UnmapObject(_) => None,
        };
        all_pages.push(pages, GFP_KERNEL_ACCOUNT)?;
    }
    // Dropped before `spare`, whose tables are freed without this lock.
    let mut mappings = vm.contents.mappings.lock();
    let mut all = ops.iter().zip(changes.into_iter().zip(all_pages));
    space.change(&mut spare, &mut |tables| {
        for (op, (change, pages)) in all.by_ref() {
            if let Action::UnmapObject(object) = op.action() {
                mappings.remove_object(object, |range| tables.unmap(range));
            }
            if let Some(change) = change {
                mappings.apply(change);
                match pages {
                    Some(pages) => pages.map(tables),
                    None => tables.unmap(op.range()),
                }
            }
        }
    })?;
    // The TLBs are invalidated: the GPU does not use the memory of what was unmapped any more. If that has failed, the
    // objects are kept until it succeeds.
    mappings.forget();
    Ok(())
}

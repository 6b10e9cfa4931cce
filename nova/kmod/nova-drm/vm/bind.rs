// SPDX-License-Identifier: GPL-2.0

//! Changes of mappings, all or none: what can fail comes before the first change, which may be much later.

use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::atomic::{Relaxed, Release};
use kernel::sync::Arc;
use nova_core_module::{AddressSpace, Change, Epoch, Spare, Tables};
use nova_kernel::drm::exec::Exec;
use nova_kernel::drm::gpuvm;
use nova_uapi::{
    BoundObject, VmBindOp, VM_BIND_OP_FLAG_DUMPABLE, VM_BIND_OP_FLAG_READONLY, VM_BIND_OP_MAP,
    VM_BIND_OP_MAP_SPARSE, VM_BIND_OP_UNMAP_OBJECT,
};

use super::{Contents, Mapped, Mappings, Pages, Vm};
use crate::driver::{File, NovaDrmDriver, Object};
use crate::gpu::Gpu;
use crate::limits::{self, SYSTEM};
use crate::user::error;

/// An operation of a call, and the object that it names.
pub(crate) struct Op {
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
            dumpable: self.op.flags & VM_BIND_OP_FLAG_DUMPABLE != 0,
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
pub(super) fn check(vm: &Vm, gpu: &Gpu<'_>, ops: &[Op]) -> Result {
    let limits = limits::vm(gpu);
    for op in ops {
        op.op.check_range(&limits, &vm.kernel).map_err(error)?;
        if let Action::Map(Some((object, _))) = op.action() {
            let layout = object.data().layout;
            let bound = BoundObject {
                size: layout.size,
                page_shift: layout.page_shift,
                is_vram_only: layout.placement & 1 << SYSTEM == 0,
                is_imported: object.is_imported(),
            };
            op.op.check_object(&limits, &bound).map_err(error)?;
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

/// Executes operations that have been checked, now.
///
/// # Errors
///
/// `EIO` if the GSP is lost or reset meanwhile, `ETIMEDOUT` if the GPU's TLBs cannot be invalidated, and those of
/// [`Bind::prepare`].
pub(super) fn bind(vm: &Vm, gpu: &Gpu<'_>, ops: KVVec<Op>) -> Result {
    let bound = Bind::prepare(vm, gpu, ops).and_then(|mut bind| bind.execute(vm, gpu));
    // Nothing is left of the objects that are mapped no more, or were not mapped in the end.
    vm.clean_up();
    bound
}

/// Operations with all that they need, whatever is mapped when they are executed.
///
/// It is dropped by those who may wait for memory, and without the locks of a change: tables and objects go with it. Then
/// [`Vm::clean_up`] is called.
pub(crate) struct Bind<'a> {
    ops: KVVec<Op>,
    /// The change of the mappings for each operation that has a range, until it is made.
    changes: KVVec<Option<gpuvm::Change<NovaDrmDriver>>>,
    space: Arc<AddressSpace<'a>>,
    spare: Spare<'a>,
    _pending: Pending,
}

/// A bind that is not dropped yet: what it maps stays where it is.
struct Pending(Arc<Contents>);

impl Pending {
    /// The caller has locked the reservation of the address space.
    fn new(contents: &Arc<Contents>) -> Self {
        contents.binds.add(1, Relaxed);
        Self(contents.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Who moves an object after that sees what the bind has changed.
        self.0.binds.fetch_sub(1, Release);
    }
}

impl<'a> Bind<'a> {
    /// Gets all that operations need, which have been checked.
    ///
    /// # Errors
    ///
    /// `EIO` if the GSP is lost or reset meanwhile, `EINTR`, `ENOMEM`, `ENOSPC`, and those of making the address space anew
    /// and of clearing VRAM.
    pub(crate) fn prepare(vm: &Vm, gpu: &Gpu<'a>, ops: KVVec<Op>) -> Result<Self> {
        for op in &ops {
            if let Action::Map(Some((object, _))) = op.action() {
                object.data().clear(gpu)?;
            }
        }
        let changes = prepare_changes(vm, &ops)?;
        let lock = |exec: &Exec<_>| lock(exec, vm, &ops);
        let (space, spare, pending) = vm.with_space(gpu, lock, |space| {
            let spare = prepare_tables(gpu, &space, &ops)?;
            Ok((space, spare, Pending::new(&vm.contents)))
        })?;
        for op in &ops {
            if let Action::Map(Some((object, _))) = op.action() {
                object.data().set_used(op.mapped().kind);
            }
        }
        Ok(Self {
            ops,
            changes,
            space,
            spare,
            _pending: pending,
        })
    }

    /// The epoch in which they can be executed.
    pub(crate) fn epoch(&self) -> Epoch {
        self.space.epoch()
    }

    /// Executes them, once. Neither allocates memory nor takes a lock under which somebody does, since jobs may wait for it.
    ///
    /// # Errors
    ///
    /// `EIO` if the epoch has ended since they were prepared; nothing has changed then. `ETIMEDOUT` if the GPU's TLBs cannot be invalidated: the GPU is reset.
    pub(crate) fn execute(&mut self, vm: &Vm, gpu: &Gpu<'_>) -> Result {
        let mut mappings = vm.contents.mappings.lock();
        // The address space of a later epoch is made from the mappings, so they must not change without it.
        if gpu.core.epoch()? != self.epoch() {
            return Err(EIO);
        }
        let mut all = self.ops.iter().zip(&mut self.changes);
        let changed = self.space.change(&mut self.spare, &mut |tables| {
            for (op, change) in all.by_ref() {
                op.execute(gpu, change.take(), &mut mappings, tables);
            }
        });
        match changed {
            // The TLBs are invalidated: the GPU does not use the memory of what was unmapped any more. If that has failed,
            // the objects are kept until it succeeds.
            Ok(()) => mappings.forget(),
            // The epoch has ended meanwhile. The address space of the next one is made from the mappings as they are now.
            Err(EIO) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Op {
    /// Makes the change, in the mappings and in the page tables.
    fn execute(
        &self,
        gpu: &Gpu<'_>,
        change: Option<gpuvm::Change<NovaDrmDriver>>,
        mappings: &mut Mappings,
        tables: &mut Tables<'_, '_>,
    ) {
        if let Action::UnmapObject(object) = self.action() {
            mappings.remove_object(object, |range| tables.unmap(range));
        }
        let Some(change) = change else { return };
        mappings.apply(change);
        match self.action() {
            Action::Map(object) => {
                match Pages::prepared(gpu, self.range(), object, self.mapped()) {
                    Ok(pages) => pages.map(tables),
                    Err(_) => {
                        debug_assert!(false, "the object's memory is not prepared");
                        tables.unmap(self.range());
                    }
                }
            }
            _ => tables.unmap(self.range()),
        }
    }
}

/// Gets what the mappings need.
fn prepare_changes(vm: &Vm, ops: &[Op]) -> Result<KVVec<Option<gpuvm::Change<NovaDrmDriver>>>> {
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

/// Gets what the page tables need. The reservations are locked.
fn prepare_tables<'a>(gpu: &Gpu<'a>, space: &AddressSpace<'a>, ops: &[Op]) -> Result<Spare<'a>> {
    let mut spare = Spare::default();
    for op in ops {
        let range = op.range();
        match op.action() {
            Action::Map(object) => {
                // Its memory is found again when it is mapped.
                Pages::prepare(gpu, space, &mut spare, range, object, op.mapped())?;
            }
            Action::Unmap => space.prepare(&mut spare, range, Change::Unmap)?,
            // It is unmapped where its mappings end, so no table is split.
            Action::UnmapObject(_) => {}
        }
    }
    Ok(spare)
}

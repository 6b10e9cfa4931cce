// SPDX-License-Identifier: GPL-2.0

//! Changes of the mappings. DRM finds out what is to be split or removed, and calls for each step of that.

use core::ops::Range;
use core::ptr::{self, NonNull};

use kernel::bindings;
use kernel::prelude::*;

use super::mappings::{Gone, Node};
use super::object::VmObject;
use super::{GpuVm, Reference};
use crate::drm::device::Driver;
use crate::drm::gem::Object;

/// The most mappings that a change adds: what is left before and behind the range, and what is mapped there.
const MAX_NEW: usize = 3;

type Nodes<D> = [Option<KBox<Node<D>>>; MAX_NEW];

/// A change of the mappings that has all it needs. It may be made later, whatever is mapped by then, or dropped.
///
/// [`GpuVm::clean_up`] gives up the object of one that was dropped.
pub struct Change<D: Driver> {
    vm: Reference<D>,
    range: Range<u64>,
    what: What<D>,
    nodes: Nodes<D>,
}

// SAFETY: Any thread may make or drop it: nobody else has its nodes yet, and objects and address spaces have locks or atomic
// counters.
unsafe impl<D: Driver> Send for Change<D> {}

enum What<D: Driver> {
    Map {
        object: Option<VmObject<D>>,
        offset: u64,
        data: D::Mapping,
    },
    Unmap,
}

impl<D: Driver> Change<D> {
    pub(super) fn map(
        vm: &GpuVm<D>,
        range: Range<u64>,
        object: Option<(&Object<D>, u64)>,
        data: D::Mapping,
    ) -> Result<Self> {
        let (object, offset) = match object {
            Some((object, offset)) => (Some(VmObject::obtain(vm, object)?), offset),
            None => (None, 0),
        };
        let nodes = [Some(Node::new()?), Some(Node::new()?), Some(Node::new()?)];
        let what = What::Map {
            object,
            offset,
            data,
        };
        Self::new(vm, range, what, nodes)
    }

    pub(super) fn unmap(vm: &GpuVm<D>, range: Range<u64>) -> Result<Self> {
        let nodes = [Some(Node::new()?), Some(Node::new()?), None];
        Self::new(vm, range, What::Unmap, nodes)
    }

    fn new(vm: &GpuVm<D>, range: Range<u64>, what: What<D>, nodes: Nodes<D>) -> Result<Self> {
        let size = range.end.checked_sub(range.start).ok_or(EINVAL)?;
        // SAFETY: The address space is initialized; its limits never change.
        let is_valid = unsafe { bindings::drm_gpuvm_range_valid(vm.as_raw(), range.start, size) };
        if size == 0 || !is_valid {
            return Err(EINVAL);
        }
        Ok(Self {
            vm: vm.0.clone(),
            range,
            what,
            nodes,
        })
    }

    /// The range that is changed.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Makes the change.
    ///
    /// # Safety
    ///
    /// `vm` must be the address space of `gone`, to whose tree the caller has exclusive access.
    pub(super) unsafe fn make(self, vm: *mut bindings::drm_gpuvm, gone: &mut Gone<D>) {
        if kernel::warn_on!(!ptr::eq(self.vm.as_raw(), vm)) {
            return;
        }
        let (start, size) = (self.range.start, self.range.end - self.range.start);
        let mut steps = Steps {
            vm,
            nodes: self.nodes,
            object: None,
            data: D::Mapping::default(),
            gone,
        };
        let failed = match self.what {
            What::Map {
                object,
                offset,
                data,
            } => {
                let request = bindings::drm_gpuvm_map_req {
                    map: bindings::drm_gpuva_op_map {
                        va: bindings::drm_gpuva_op_map__bindgen_ty_1 {
                            addr: start,
                            range: size,
                        },
                        gem: bindings::drm_gpuva_op_map__bindgen_ty_2 {
                            offset,
                            obj: object.as_ref().map_or(ptr::null_mut(), VmObject::object),
                        },
                    },
                };
                steps.object = object;
                steps.data = data;
                // SAFETY: The steps are those of this address space; its tree is the caller's.
                unsafe { bindings::drm_gpuvm_sm_map(vm, (&raw mut steps).cast(), &request) }
            }
            // SAFETY: As above.
            What::Unmap => unsafe {
                bindings::drm_gpuvm_sm_unmap(vm, (&raw mut steps).cast(), start, size)
            },
        };
        // The range is valid, and there are as many nodes as there can be steps that need one.
        kernel::warn_on!(failed != 0);
    }
}

/// Removes all mappings in a range that cuts none.
///
/// # Safety
///
/// As [`Change::make`].
pub(super) unsafe fn remove<D: Driver>(
    vm: *mut bindings::drm_gpuvm,
    range: Range<u64>,
    gone: &mut Gone<D>,
) {
    let size = range.end.saturating_sub(range.start);
    if size == 0 {
        return;
    }
    let mut steps = Steps {
        vm,
        nodes: [None, None, None],
        object: None,
        data: D::Mapping::default(),
        gone,
    };
    // SAFETY: As in `make`.
    let failed =
        unsafe { bindings::drm_gpuvm_sm_unmap(vm, (&raw mut steps).cast(), range.start, size) };
    kernel::warn_on!(failed != 0);
}

/// What the steps of a change work on.
struct Steps<'a, D: Driver> {
    vm: *mut bindings::drm_gpuvm,
    nodes: Nodes<D>,
    /// What is mapped.
    object: Option<VmObject<D>>,
    data: D::Mapping,
    gone: &'a mut Gone<D>,
}

impl<D: Driver> Steps<'_, D> {
    /// The `Steps` of a callback.
    ///
    /// # Safety
    ///
    /// `steps` must be what a function of this file gave to DRM, which calls back.
    unsafe fn from_raw<'a>(steps: *mut c_void) -> &'a mut Self {
        // SAFETY: The caller promises so. Nobody else uses it meanwhile.
        unsafe { &mut *steps.cast() }
    }

    /// A node for a new mapping.
    fn node(&mut self, data: D::Mapping) -> Option<*mut bindings::drm_gpuva> {
        let mut node = self.nodes.iter_mut().find_map(Option::take)?;
        node.data = data;
        Some(KBox::into_raw(node).cast())
    }
}

/// Adds the mapping of a change.
///
/// # Safety
///
/// For DRM to call for a change of this file.
pub(super) unsafe extern "C" fn map<D: Driver>(
    op: *mut bindings::drm_gpuva_op,
    steps: *mut c_void,
) -> c_int {
    // SAFETY: The caller promises so.
    let steps = unsafe { Steps::<D>::from_raw(steps) };
    let Some(va) = steps.node(steps.data) else {
        return ENOMEM.to_errno();
    };
    // SAFETY: The operation is a `map`, of a range in which nothing is mapped any more; the node is not in the tree.
    unsafe {
        bindings::drm_gpuva_map(steps.vm, va, &(*op).__bindgen_anon_1.map);
        if let Some(object) = &steps.object {
            object.link(va);
        }
    }
    0
}

/// Replaces a mapping by what is left of it on one side, or on both.
///
/// # Safety
///
/// As [`map`].
pub(super) unsafe extern "C" fn remap<D: Driver>(
    op: *mut bindings::drm_gpuva_op,
    steps: *mut c_void,
) -> c_int {
    // SAFETY: The caller promises so.
    let steps = unsafe { Steps::<D>::from_raw(steps) };
    // SAFETY: The operation is a `remap`, of a mapping in the tree, and that is a `Node`.
    let (op, old, data) = unsafe {
        let op = &(*op).__bindgen_anon_1.remap;
        let old = (*op.unmap).va;
        (op, old, (*old.cast::<Node<D>>()).data)
    };
    let mut parts = [ptr::null_mut(); 2];
    for (part, is_left) in parts
        .iter_mut()
        .zip([!op.prev.is_null(), !op.next.is_null()])
    {
        match is_left.then(|| steps.node(data)) {
            Some(Some(node)) => *part = node,
            Some(None) => return ENOMEM.to_errno(),
            None => {}
        }
    }
    let [prev, next] = parts;
    // SAFETY: There is a node for each part, and none of them is in the tree. The parts are of the same object.
    unsafe {
        bindings::drm_gpuva_remap(prev, next, op);
        if let Some(object) = NonNull::new((*old).vm_bo) {
            let object = VmObject::<D>::get(object);
            for part in parts.into_iter().filter(|part| !part.is_null()) {
                object.link(part);
            }
        }
        steps.gone.add(old);
    }
    0
}

/// Removes a mapping.
///
/// # Safety
///
/// As [`map`].
pub(super) unsafe extern "C" fn unmap<D: Driver>(
    op: *mut bindings::drm_gpuva_op,
    steps: *mut c_void,
) -> c_int {
    // SAFETY: The caller promises so. The operation is an `unmap`, of a mapping in the tree, and that is a `Node`.
    unsafe {
        let steps = Steps::<D>::from_raw(steps);
        let op = &(*op).__bindgen_anon_1.unmap;
        bindings::drm_gpuva_unmap(op);
        steps.gone.add(op.va);
    }
    0
}

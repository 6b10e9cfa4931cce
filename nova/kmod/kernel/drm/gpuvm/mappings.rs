// SPDX-License-Identifier: GPL-2.0

//! The mappings of an address space.

use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::{self, NonNull};

use kernel::bindings;
use kernel::prelude::*;
use kernel::types::Opaque;

use super::change::{remove, Change};
use super::object::VmObject;
use super::Reference;
use crate::drm::device::Driver;
use crate::drm::gem::Object;

/// Memory of a mapping.
#[repr(C)]
pub(super) struct Node<D: Driver> {
    va: Opaque<bindings::drm_gpuva>,
    pub(super) data: D::Mapping,
    /// The object, once the mapping is gone.
    object: Option<VmObject<D>>,
    /// The next mapping that is gone.
    next: Option<KBox<Self>>,
}

impl<D: Driver> Node<D> {
    pub(super) fn new() -> Result<KBox<Self>> {
        let node = Self {
            va: Opaque::zeroed(),
            data: D::Mapping::default(),
            object: None,
            next: None,
        };
        Ok(KBox::new(node, GFP_KERNEL_ACCOUNT)?)
    }
}

/// Mappings that are gone, and keep their objects.
pub(super) struct Gone<D: Driver>(Option<KBox<Node<D>>>);

impl<D: Driver> Gone<D> {
    /// Adds a mapping.
    ///
    /// # Safety
    ///
    /// It must have been removed from its address space's tree just now, and be a [`Node`].
    pub(super) unsafe fn add(&mut self, va: *mut bindings::drm_gpuva) {
        // SAFETY: The caller promises so. A mapping has a reference to its object until it is unlinked.
        let (object, mut node) = unsafe {
            let object = NonNull::new((*va).vm_bo).map(|object| VmObject::get(object));
            bindings::drm_gpuva_unlink_defer(va);
            (object, KBox::from_raw(va.cast::<Node<D>>()))
        };
        node.object = object;
        node.next = self.0.take();
        self.0 = Some(node);
    }

    /// Gives up the objects.
    fn forget(&mut self) {
        while let Some(mut node) = self.0.take() {
            self.0 = node.next.take();
        }
    }
}

/// The mappings of an address space; there is one of these for each.
///
/// A mapping that is replaced or unmapped keeps its object until [`Self::forget`], since the GPU may use the object's
/// memory until its TLBs are invalidated.
///
/// # Invariants
///
/// Nobody else uses the tree of the address space.
pub struct Mappings<D: Driver> {
    vm: Reference<D>,
    gone: Gone<D>,
}

// SAFETY: Any thread may own the tree; see `Reference`.
unsafe impl<D: Driver> Send for Mappings<D> {}

impl<D: Driver> Mappings<D> {
    /// For [`GpuVm::new`](super::GpuVm::new) alone.
    pub(super) fn new(vm: Reference<D>) -> Self {
        // INVARIANT: There are no others.
        Self {
            vm,
            gone: Gone(None),
        }
    }

    /// Makes a change, which must be one of this address space. Takes the locks of the lists of objects, and no other.
    pub fn apply(&mut self, change: Change<D>) {
        // SAFETY: By the invariant.
        unsafe { change.make(self.vm.as_raw(), &mut self.gone) };
    }

    /// Removes all mappings of an object, and calls `removed` for the range of each.
    pub fn remove_object(&mut self, object: &Object<D>, mut removed: impl FnMut(Range<u64>)) {
        let Some(object) = VmObject::<D>::find(self.vm.as_raw(), object) else {
            return;
        };
        while let Some(first) = object.first() {
            // SAFETY: By the invariant, nobody else removes it.
            let range = unsafe { range(first.as_ptr()) };
            // SAFETY: By the invariant; it is the range of one mapping.
            unsafe { remove(self.vm.as_raw(), range.clone(), &mut self.gone) };
            removed(range);
        }
    }

    /// Gives up the objects of mappings that are gone. [`GpuVm::clean_up`](super::GpuVm::clean_up) frees them.
    pub fn forget(&mut self) {
        self.gone.forget();
    }

    /// The mappings by their addresses.
    pub fn iter(&self) -> impl Iterator<Item = Mapping<'_, D>> {
        // SAFETY: By the invariant, the list does not change while it is borrowed. Its entries are those of mappings.
        unsafe {
            let vm = self.vm.as_raw();
            let head = &raw mut (*vm).rb.list;
            let kernel = &raw mut (*vm).kernel_alloc_node;
            let mut entry = (*head).next;
            core::iter::from_fn(move || {
                if entry == head {
                    return None;
                }
                let va = kernel::container_of!(entry, bindings::drm_gpuva, rb.entry);
                entry = (*entry).next;
                Some(va)
            })
            .filter(move |&va| va != kernel)
            // INVARIANT: It is in the tree, and not the kernel's own.
            .map(|va| Mapping(va, PhantomData))
        }
    }
}

impl<D: Driver> Drop for Mappings<D> {
    fn drop(&mut self) {
        let vm = self.vm.as_raw();
        // SAFETY: By the invariant. No mapping crosses the kernel's range or the limits, which never change.
        unsafe {
            let start = (*vm).mm_start;
            let end = start + (*vm).mm_range;
            let kernel = range(&raw mut (*vm).kernel_alloc_node);
            let (below, above) = match kernel.is_empty() {
                true => (start..end, end..end),
                false => (start..kernel.start, kernel.end..end),
            };
            remove(vm, below, &mut self.gone);
            remove(vm, above, &mut self.gone);
        }
        self.forget();
        self.vm.clean_up();
    }
}

/// The range of a mapping.
///
/// # Safety
///
/// It must be in the tree of an address space, and stay there meanwhile.
unsafe fn range(va: *mut bindings::drm_gpuva) -> Range<u64> {
    // SAFETY: The caller promises so.
    let va = unsafe { (*va).va };
    va.addr..va.addr + va.range
}

/// A mapping.
///
/// # Invariants
///
/// It is a [`Node`], in the tree of an address space for `'a`.
pub struct Mapping<'a, D: Driver>(*mut bindings::drm_gpuva, PhantomData<&'a Node<D>>);

impl<'a, D: Driver> Mapping<'a, D> {
    /// The range.
    pub fn range(&self) -> Range<u64> {
        // SAFETY: By the invariant.
        unsafe { range(self.0) }
    }

    /// The object that is mapped, and from where on; `None` for a sparse mapping.
    pub fn object(&self) -> Option<(&'a Object<D>, u64)> {
        // SAFETY: By the invariant. The mapping has a reference to the object.
        unsafe {
            let offset = (*self.0).gem.offset;
            let object = &raw const (*self.0).gem.obj;
            (!ptr::eq(*object, ptr::null())).then(|| (Object::from_pointer(object), offset))
        }
    }

    /// What the driver keeps with it.
    pub fn data(&self) -> D::Mapping {
        // SAFETY: By the invariant.
        unsafe { (*self.0.cast::<Node<D>>()).data }
    }
}

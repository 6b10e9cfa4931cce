// SPDX-License-Identifier: GPL-2.0

//! Address spaces of programs.

use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core_module::{AddressSpace, Spare, TableLimit};
use nova_kernel::drm::device::Reference;
use nova_kernel::drm::exec::{self, with_locked, Exec, Room};
use nova_kernel::drm::gpuvm;

use crate::driver::{Device, NovaDrmDriver, Object};
use crate::gem::{self, Private};
use crate::gpu::Gpu;
use crate::limits::{self, LIMITS};
use crate::number::Number;

mod bind;
mod dumped;
mod faults;
mod ioctls;
mod pages;
mod spaces;
mod users;

pub(crate) use bind::{Bind, Op};
pub(crate) use faults::{Place, VmGetFaults};
pub(crate) use ioctls::{VmBind, VmCreate, VmDestroy};
pub(crate) use pages::Mapped;
pub(crate) use spaces::Spaces;
pub(crate) use users::{Everybody, Users};

use faults::Faults;
use pages::Pages;

type GpuVm = gpuvm::GpuVm<NovaDrmDriver>;
type Mappings = gpuvm::Mappings<NovaDrmDriver>;
type Mapping<'a> = gpuvm::Mapping<'a, NovaDrmDriver>;

/// An address space. It lives as long as its id, or as a call that uses it.
#[pin_data(PinnedDrop)]
pub(crate) struct Vm {
    number: Number,
    device: Reference<NovaDrmDriver>,
    /// The kernel's own range, where programs map nothing.
    kernel: Range<u64>,
    contents: Arc<Contents>,
    /// The page tables of the file.
    tables: Arc<TableLimit>,
    #[pin]
    pub(crate) faults: Faults,
}

/// What is mapped in an address space. The GPU's address space has a reference to it, too, so that the objects live as
/// long as the GPU may use them.
#[pin_data]
struct Contents {
    #[pin]
    mappings: Mutex<Mappings>,
    gpuvm: GpuVm,
    /// Binds that are prepared, and not dropped yet. They have found the memory of objects, so none of these is moved. It is
    /// increased under the reservation lock.
    binds: Atomic<u32>,
    /// What [`gem::next_use`] was when a job came last.
    used: Atomic<u64>,
}

/// A mapping, which may be gone by now. It keeps its object.
pub(crate) struct MappingCopy {
    range: Range<u64>,
    /// What is mapped, and the offset there; `None` for a sparse mapping.
    object: Option<(Object, u64)>,
    mapped: Mapped,
}

/// The objects of mappings.
fn objects(copies: &[MappingCopy]) -> impl Iterator<Item = &Object> {
    let objects = copies.iter().map(|copy| copy.object.as_ref());
    objects.flatten().map(|(object, _offset)| object)
}

impl Vm {
    /// A new address space.
    fn new(
        device: &Device,
        gpu: &Gpu<'_>,
        tables: Arc<TableLimit>,
        kernel: Range<u64>,
    ) -> Result<Arc<Self>> {
        let limits = limits::vm(gpu);
        let range = limits.va_start..limits.va_end;
        let (gpuvm, mappings) = GpuVm::new(device, c"nova", range, kernel.clone())?;
        let contents = pin_init!(Contents {
            mappings <- new_mutex!(mappings),
            gpuvm,
            binds: Atomic::new(0),
            used: Atomic::new(0),
        });
        let contents = Arc::pin_init(contents, GFP_KERNEL_ACCOUNT)?;
        let vm = try_pin_init!(Self {
            number: Number::next(),
            device: device.reference(),
            kernel,
            contents,
            tables,
            faults <- Faults::new(),
        });
        let vm = Arc::pin_init(vm, GFP_KERNEL_ACCOUNT)?;
        let space = vm.new_space(gpu)?;
        gpu.spaces.set(vm.number, vm.contents.clone(), space)?;
        Ok(vm)
    }

    /// Notes that a job uses what is mapped.
    pub(crate) fn set_used(&self) {
        self.contents.used.store(gem::next_use(), Relaxed);
    }

    /// What its private objects share.
    pub(crate) fn private(&self) -> Private {
        self.contents.gpuvm.reservation()
    }

    /// Gives up the objects of mappings that are gone, and of binds that were dropped. Takes the reservation lock.
    pub(crate) fn clean_up(&self) {
        self.contents.gpuvm.clean_up();
    }

    /// The kernel's own range.
    pub(crate) fn kernel_range(&self) -> Range<u64> {
        self.kernel.clone()
    }

    /// Calls `then` while the reservations of all objects that are mapped have room for one more fence.
    ///
    /// # Errors
    ///
    /// Those of [`exec::with_room_for_fence`].
    pub(crate) fn with_room_for_fence<R>(
        &self,
        then: impl FnOnce(Room<'_, NovaDrmDriver>) -> R,
    ) -> Result<R> {
        exec::with_room_for_fence(&self.contents.gpuvm, then)
    }

    /// The address space of the GPU, made anew if another epoch has begun.
    ///
    /// # Errors
    ///
    /// Those of [`Self::with_space`].
    pub(crate) fn renewed_space<'a>(&self, gpu: &Gpu<'a>) -> Result<Arc<AddressSpace<'a>>> {
        self.with_space(gpu, |exec| exec.vm(&self.contents.gpuvm), Ok)
    }

    /// Calls `then` with the address space of the GPU, made anew if another epoch has begun, and with all locked that `lock`
    /// locks. That must include the reservation, so that one thread alone makes it: no mapping changes in an epoch before
    /// that has an address space.
    ///
    /// # Errors
    ///
    /// `EIO` while GSP-RM does not run, `EINTR`, `ENOMEM`, `ENOSPC`, those of GSP-RM, of clearing VRAM, and of `then`.
    fn with_space<'a, R>(
        &self,
        gpu: &Gpu<'a>,
        lock: impl Fn(&Exec<NovaDrmDriver>) -> Result,
        then: impl FnOnce(Arc<AddressSpace<'a>>) -> Result<R>,
    ) -> Result<R> {
        let mut then = Some(then);
        loop {
            // A copy engine needs a while for that, so it comes before the locks.
            if self.current_space(gpu)?.is_none() {
                for object in objects(&self.copy_mappings()?) {
                    object.data().clear(gpu)?;
                }
            }
            let result = with_locked(&lock, || match self.space(gpu)? {
                Some(space) => then.take().map(|then| then(space)).transpose(),
                None => Ok(None),
            })??;
            if let Some(result) = result {
                return Ok(result);
            }
        }
    }

    /// The address space of the GPU, if it is of this epoch.
    fn current_space<'a>(&self, gpu: &Gpu<'a>) -> Result<Option<Arc<AddressSpace<'a>>>> {
        let epoch = gpu.core.epoch()?;
        let space = gpu.spaces.get(self.number);
        Ok(space.filter(|space| space.epoch() == epoch))
    }

    /// As [`Self::current_space`], made anew if there is none; `None` if objects have not been cleared for that. The caller
    /// has locked the reservation.
    fn space<'a>(&self, gpu: &Gpu<'a>) -> Result<Option<Arc<AddressSpace<'a>>>> {
        if let Some(space) = self.current_space(gpu)? {
            return Ok(Some(space));
        }
        let (epoch, copies) = (gpu.core.epoch()?, self.copy_mappings()?);
        if !objects(&copies).all(|object| object.data().is_clear_in(epoch)) {
            return Ok(None);
        }
        // The tables of the old one count until it is gone. Channels in it that have ended may still have it for a moment.
        drop(gpu.spaces.remove(self.number));
        let space = self.new_space(gpu)?;
        self.map_again(gpu, &space, &copies)?;
        gpu.spaces
            .set(self.number, self.contents.clone(), space.clone())?;
        Ok(Some(space))
    }

    /// An address space of the GPU, in which nothing is mapped.
    fn new_space<'a>(&self, gpu: &Gpu<'a>) -> Result<Arc<AddressSpace<'a>>> {
        gpu.address_space(self.contents.clone(), self.tables.clone())
    }

    /// Writes the page tables of a new address space.
    fn map_again(
        &self,
        gpu: &Gpu<'_>,
        space: &AddressSpace<'_>,
        mut copies: &[MappingCopy],
    ) -> Result {
        // As many at once as VM_BIND has at most, and fewer where there are not enough tables for that: each is prepared for
        // the worst case. Nobody uses the address space before it has all of them.
        let mut count = LIMITS.bind_ops_max as usize;
        while !copies.is_empty() {
            count = count.min(copies.len());
            let (part, others) = copies.split_at(count);
            match self.map_part(gpu, space, part) {
                Ok(()) => copies = others,
                Err(ENOSPC) if count > 1 => count /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes page tables for these mappings; nothing, if that fails for want of tables.
    fn map_part(&self, gpu: &Gpu<'_>, space: &AddressSpace<'_>, part: &[MappingCopy]) -> Result {
        let mut spare = Spare::default();
        let mut prepared = KVVec::with_capacity(part.len(), GFP_KERNEL_ACCOUNT)?;
        for copy in part {
            let (range, mapped) = (copy.range.clone(), copy.mapped);
            let object = copy
                .object
                .as_ref()
                .map(|(object, offset)| (object, *offset));
            let pages = Pages::prepare(gpu, space, &mut spare, range, object, mapped)?;
            prepared.push(pages, GFP_KERNEL_ACCOUNT)?;
        }
        let mut prepared = prepared.into_iter();
        space.change(&mut spare, &mut |tables| {
            prepared.by_ref().for_each(|pages| pages.map(tables))
        })
    }

    /// The mappings by their addresses, without their lock, under which no memory is allocated.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn copy_mappings(&self) -> Result<KVVec<MappingCopy>> {
        loop {
            if let Some(copies) = self.try_copy_mappings(usize::MAX)? {
                return Ok(copies);
            }
        }
    }

    /// As [`Self::copy_mappings`], but `None` if there are more than `max`, or, without the reservation, more have been made
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn try_copy_mappings(&self, max: usize) -> Result<Option<KVVec<MappingCopy>>> {
        self.contents.try_copy(max, |_| true)
    }
}

impl Contents {
    /// The mappings that are `wanted`, as [`Vm::try_copy_mappings`].
    fn try_copy(
        &self,
        max: usize,
        wanted: impl Fn(&Mapping<'_>) -> bool,
    ) -> Result<Option<KVVec<MappingCopy>>> {
        let count = self.mappings.lock().iter().filter(&wanted).count();
        if count > max {
            return Ok(None);
        }
        let mut copies = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        let are_all = self.mappings.lock().iter().filter(&wanted).all(|mapping| {
            let object = mapping.object();
            let object = object.map(|(object, offset)| (object.clone(), offset));
            let copy = MappingCopy {
                range: mapping.range(),
                object,
                mapped: mapping.data(),
            };
            copies.push_within_capacity(copy).is_ok()
        });
        Ok(are_all.then_some(copies))
    }
}

#[pinned_drop]
impl PinnedDrop for Vm {
    fn drop(self: Pin<&mut Self>) {
        // Where the device has been unplugged, the GPU's address space goes with that, and the contents after it.
        if let Some(entered) = self.device.enter() {
            entered.with(|gpu| drop(gpu.spaces.remove(self.number)));
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Address spaces of programs.

use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core_module::{AddressSpace, Spare, TableLimit};
use nova_kernel::drm::device::Reference;
use nova_kernel::drm::exec::{with_locked, Exec};
use nova_kernel::drm::gpuvm;

use crate::driver::{Device, NovaDrmDriver, Object};
use crate::gem::Private;
use crate::gpu::Gpu;
use crate::limits::{LIMITS, VM};
use crate::number::Number;

mod bind;
mod ioctls;
mod pages;
mod spaces;

pub(crate) use ioctls::{VmBind, VmCreate, VmDestroy};
pub(crate) use pages::Mapped;
pub(crate) use spaces::Spaces;

use pages::Pages;

type GpuVm = gpuvm::GpuVm<NovaDrmDriver>;
type Mappings = gpuvm::Mappings<NovaDrmDriver>;

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
}

/// What is mapped in an address space. The GPU's address space has a reference to it, too, so that the objects live as
/// long as the GPU may use them.
#[pin_data]
struct Contents {
    /// Changed while the reservation of `gpuvm` is locked, too.
    #[pin]
    mappings: Mutex<Mappings>,
    gpuvm: GpuVm,
}

impl Vm {
    /// A new address space.
    fn new(
        device: &Device,
        gpu: &Gpu<'_>,
        tables: Arc<TableLimit>,
        kernel: Range<u64>,
    ) -> Result<Arc<Self>> {
        let range = VM.va_start..VM.va_end;
        let (gpuvm, mappings) = GpuVm::new(device, c"nova", range, kernel.clone())?;
        let contents = pin_init!(Contents {
            mappings <- new_mutex!(mappings),
            gpuvm,
        });
        let contents = Arc::pin_init(contents, GFP_KERNEL_ACCOUNT)?;
        let vm = pin_init!(Self {
            number: Number::next(),
            device: device.reference(),
            kernel,
            contents,
            tables,
        });
        let vm = Arc::pin_init(vm, GFP_KERNEL_ACCOUNT)?;
        let space = vm.new_space(gpu)?;
        gpu.spaces.set(vm.number, space)?;
        Ok(vm)
    }

    /// What its private objects share.
    pub(crate) fn private(&self) -> Private {
        self.contents.gpuvm.reservation()
    }

    /// The kernel's own range.
    pub(crate) fn kernel_range(&self) -> Range<u64> {
        self.kernel.clone()
    }

    /// As [`Self::space`], for a caller that has not locked the reservation.
    pub(crate) fn locked_space<'a>(&self, gpu: &Gpu<'a>) -> Result<Arc<AddressSpace<'a>>> {
        let lock = |exec: &Exec<_>| exec.vm(&self.contents.gpuvm);
        with_locked(lock, || self.space(gpu))?
    }

    /// The address space of the GPU, made anew if another epoch has begun. The caller has locked the reservation, so that
    /// no mapping changes meanwhile.
    ///
    /// # Errors
    ///
    /// `EIO` while GSP-RM does not run, `ENOMEM`, `ENOSPC`, and those of GSP-RM.
    fn space<'a>(&self, gpu: &Gpu<'a>) -> Result<Arc<AddressSpace<'a>>> {
        let epoch = gpu.core.epoch()?;
        if let Some(space) = gpu.spaces.get(self.number).filter(|it| it.epoch() == epoch) {
            return Ok(space);
        }
        let space = self.new_space(gpu)?;
        self.map_again(gpu, &space)?;
        gpu.spaces.set(self.number, space.clone())?;
        Ok(space)
    }

    /// An address space of the GPU, in which nothing is mapped.
    fn new_space<'a>(&self, gpu: &Gpu<'a>) -> Result<Arc<AddressSpace<'a>>> {
        gpu.address_space(self.contents.clone(), self.tables.clone())
    }

    /// Writes the page tables of a new address space.
    fn map_again(&self, gpu: &Gpu<'_>, space: &AddressSpace<'_>) -> Result {
        let copies = self.copy_mappings()?;
        // As many at once as VM_BIND has at most: each is prepared for the worst case. Nobody uses the address space before
        // it has all of them.
        for part in copies.chunks(LIMITS.bind_ops_max as usize) {
            let mut spare = Spare::default();
            let mut prepared = KVVec::with_capacity(part.len(), GFP_KERNEL_ACCOUNT)?;
            for (range, object, mapped) in part {
                let object = object.as_ref().map(|(object, offset)| (object, *offset));
                let pages = Pages::prepare(gpu, space, &mut spare, range.clone(), object, *mapped)?;
                prepared.push(pages, GFP_KERNEL_ACCOUNT)?;
            }
            let mut prepared = prepared.into_iter();
            space.change(&mut spare, &mut |tables| {
                prepared.by_ref().for_each(|pages| pages.map(tables))
            })?;
        }
        Ok(())
    }

    /// The mappings, without their lock, under which no memory is allocated.
    fn copy_mappings(&self) -> Result<KVVec<(Range<u64>, Option<(Object, u64)>, Mapped)>> {
        let mappings = &self.contents.mappings;
        let count = mappings.lock().iter().count();
        let mut copies = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        for mapping in mappings.lock().iter() {
            let object = mapping.object();
            let object = object.map(|(object, offset)| (object.clone(), offset));
            let copy = (mapping.range(), object, mapping.data());
            copies.push_within_capacity(copy).map_err(|_| EAGAIN)?;
        }
        Ok(copies)
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

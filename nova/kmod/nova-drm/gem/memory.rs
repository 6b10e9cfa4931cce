// SPDX-License-Identifier: GPL-2.0

//! Where the memory of objects is, for those who map them.

use kernel::sync::Arc;
use nova_kernel::drm::gem::fault::Fault;

use super::video::Video;
use super::windows::Windows;
use crate::driver::{Device, NovaDrmDriver, Object};
use crate::gpu::Gpu;
use crate::limits::VRAM;

/// Where the memory of an object is.
pub(crate) enum Memory<'a> {
    Vram(Arc<Video>),
    /// In system memory: the pages of this object, which is another one if that has been evicted.
    System(&'a Object),
}

/// Where the memory of an object is. It may be moved meanwhile, unless something prevents that (see `evict.rs`).
pub(crate) fn memory(object: &Object) -> Memory<'_> {
    let stored = object.data();
    match stored.vram() {
        Some(video) => Memory::Vram(video),
        // It has been evicted before it had no VRAM.
        None => Memory::System(stored.evicted().unwrap_or(object)),
    }
}

/// Whether an object has memory already.
pub(crate) fn is_resident(object: &Object) -> bool {
    let stored = object.data();
    // The list of a file's objects is locked, so that no reference to VRAM may be given up here.
    stored.region() == VRAM || stored.evicted().unwrap_or(object).is_resident()
}

/// Has the CPU see a page of an object that is, or was, in VRAM.
pub(crate) fn fault(gpu: &Gpu<'_>, device: &Device, fault: &mut Fault<'_, NovaDrmDriver>) {
    let object = fault.object();
    let windows = device.data().windows();
    let comes_back = match memory(object) {
        Memory::Vram(video) => Windows::await_saved(gpu, &video),
        Memory::System(_) => false,
    };
    let show = |(): &mut ()| match memory(object) {
        Memory::Vram(video) => windows.fault(gpu, device, &video, comes_back, fault),
        Memory::System(_) => fault.insert_moved(),
    };
    // Who is killed meanwhile does not touch it again.
    let _ = object.data().moving.with(show);
}

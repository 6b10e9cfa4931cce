// SPDX-License-Identifier: GPL-2.0

//! Fences (`struct dma_fence`): what tells others that a job has ended.
//!
//! The `kernel` crate has no abstraction of them. The rules are in drivers/dma-buf/dma-fence.c, "fence cross-driver
//! contract". Waiting for a fence of somebody else without a thread is in `wait.rs`; what a fence stands for, if it is one
//! for several others, in `members.rs`.

use core::ptr::{addr_of, addr_of_mut, NonNull};

use kernel::bindings;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic};
use kernel::sync::rcu;
use kernel::types::{NotThreadSafe, Opaque};

use super::shim;

mod members;
mod wait;

pub use members::Members;
pub use wait::Wait;

/// A reference to a fence, of any driver.
///
/// # Invariants
///
/// The fence is initialized, and the reference is held.
pub struct Fence(NonNull<bindings::dma_fence>);

// SAFETY: Any thread may use and release a fence.
unsafe impl Send for Fence {}

// SAFETY: As above.
unsafe impl Sync for Fence {}

impl Fence {
    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// The reference must be the caller's, to an initialized fence.
    pub(super) unsafe fn from_raw(fence: NonNull<bindings::dma_fence>) -> Self {
        // INVARIANT: As the caller promises.
        Self(fence)
    }

    /// Takes a reference.
    ///
    /// # Safety
    ///
    /// The fence must be initialized, and somebody must have a reference to it.
    unsafe fn get(fence: NonNull<bindings::dma_fence>) -> Self {
        // This is `dma_fence_get()`, an inline function without a binding.
        // SAFETY: As the caller promises.
        unsafe { bindings::refcount_inc(addr_of_mut!((*fence.as_ptr()).refcount.refcount)) };
        // INVARIANT: The reference has just been taken.
        Self(fence)
    }

    /// The timeline that it is on.
    pub fn timeline(&self) -> TimelineId {
        // SAFETY: By the invariant. It never changes.
        TimelineId(unsafe { (*self.as_raw()).context })
    }

    /// Whether it ends after another one of its timeline.
    // Inlined into nova-drm.ko, which has the shim.
    #[inline]
    pub fn is_after(&self, other: &Self) -> bool {
        // SAFETY: By the invariant.
        unsafe { shim::fence_is_later(self.as_raw(), other.as_raw()) }
    }

    /// The C side of it.
    pub fn as_raw(&self) -> *mut bindings::dma_fence {
        self.0.as_ptr()
    }

    /// How it has ended; `None` if it has not been signalled yet.
    ///
    /// It is found to be signalled for sure only if somebody waits for it.
    pub fn status(&self) -> Option<Result> {
        // The lock of a fence that is signalled may be gone after a grace period, so it is only taken if the fence is not.
        let _rcu = rcu::read_lock();
        if self.has_ended() {
            // SAFETY: By the invariant. The error is set before the fence is signalled, and never changes then.
            return Some(to_result(unsafe { (*self.as_raw()).error }));
        }
        // SAFETY: By the invariant.
        match unsafe { bindings::dma_fence_get_status(self.as_raw()) } {
            0 => None,
            error if error < 0 => Some(Err(Error::from_errno(error))),
            _ => Some(Ok(())),
        }
    }

    /// Whether it has been signalled; see [`Self::status`].
    pub fn is_signaled(&self) -> bool {
        self.status().is_some()
    }

    /// `dma_fence_test_signaled_flag()`, an inline function without a binding.
    fn has_ended(&self) -> bool {
        // SAFETY: By the invariant. C changes the flags by atomic operations alone.
        let flags = unsafe { Atomic::from_ptr(addr_of_mut!((*self.as_raw()).flags)) };
        flags.load(Acquire) & (1 << bindings::dma_fence_flag_bits_DMA_FENCE_FLAG_SIGNALED_BIT) != 0
    }
}

impl Clone for Fence {
    fn clone(&self) -> Self {
        // SAFETY: By the invariant.
        unsafe { Self::get(self.0) }
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        // This is `dma_fence_put()`, an inline function without a binding.
        // SAFETY: By the invariant.
        unsafe {
            let count = addr_of_mut!((*self.as_raw()).refcount);
            if bindings::refcount_dec_and_test(addr_of_mut!((*count).refcount)) {
                bindings::dma_fence_release(count);
            }
        }
    }
}

/// Says which timeline a fence is on. No two timelines, of any driver, have the same (`dma_fence_context_alloc()`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TimelineId(u64);

/// Fences that end in their order.
pub struct Timeline {
    context: u64,
    /// Number of the newest fence.
    last: u64,
    driver: &'static CStr,
    name: &'static CStr,
}

impl Timeline {
    /// A timeline without fences. The names are for those who look at the fences.
    pub fn new(driver: &'static CStr, name: &'static CStr) -> Self {
        Self {
            // SAFETY: It only counts.
            context: unsafe { bindings::dma_fence_context_alloc(1) },
            last: 0,
            driver,
            name,
        }
    }

    /// Which one it is.
    pub fn id(&self) -> TimelineId {
        TimelineId(self.context)
    }
}

/// Memory of a fence. The kernel frees it with `kfree_rcu()`, and nothing in it needs to be dropped.
#[repr(C)]
struct Memory {
    fence: Opaque<bindings::dma_fence>,
    driver: &'static CStr,
    timeline: &'static CStr,
}

/// Memory for a fence.
pub struct NewFence(KBox<Memory>);

impl NewFence {
    /// Allocates memory.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let memory = Memory {
            fence: Opaque::zeroed(),
            driver: c"",
            timeline: c"",
        };
        Ok(Self(KBox::new(memory, GFP_KERNEL_ACCOUNT)?))
    }

    /// Makes it the next fence of a timeline. From when others see it, its end must be on its way.
    pub fn init(self, timeline: &mut Timeline) -> OwnFence {
        let mut memory = self.0;
        memory.driver = timeline.driver;
        memory.timeline = timeline.name;
        timeline.last = timeline.last.wrapping_add(1);
        let fence = KBox::into_raw(memory).cast::<bindings::dma_fence>();
        // SAFETY: It is memory for a fence, allocated by `kmalloc()`, at whose start the fence is. The operations are a
        // constant of this module: without `release` and `wait` among them, the kernel forgets them when the fence is
        // signalled, and the module is not unloaded before a grace period has passed then (`free_module()`). Without a
        // lock given, the fence has its own.
        unsafe {
            bindings::dma_fence_init64(
                fence,
                &OPERATIONS,
                core::ptr::null_mut(),
                timeline.context,
                timeline.last,
            );
        }
        OwnFence {
            // SAFETY: The fence is initialized; a new one has one reference.
            fence: unsafe { Fence::from_raw(NonNull::new_unchecked(fence)) },
            is_signaled: false,
        }
    }
}

/// A fence of this driver that has not been signalled. It must be, by [`Self::signal`]: a drop is a bug.
pub struct OwnFence {
    fence: Fence,
    is_signaled: bool,
}

impl OwnFence {
    /// The fence, for others to wait for.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Signals it, with an error if it ended with one. May be called in atomic context.
    pub fn signal(mut self, result: Result) {
        self.end(result);
    }

    fn end(&mut self, result: Result) {
        let fence = self.fence.as_raw();
        // SAFETY: The fence is initialized, and nobody but this value signals it, or sets the error.
        unsafe {
            if let Err(error) = result {
                (*fence).error = error.to_errno();
            }
            bindings::dma_fence_signal(fence);
        }
        self.is_signaled = true;
    }
}

impl Drop for OwnFence {
    fn drop(&mut self) {
        if kernel::warn_on!(!self.is_signaled) {
            self.end(Err(ECANCELED));
        }
    }
}

const OPERATIONS: bindings::dma_fence_ops = bindings::dma_fence_ops {
    get_driver_name: Some(driver_name),
    get_timeline_name: Some(timeline_name),
    ..pin_init::zeroed()
};

/// # Safety
///
/// For the kernel to call with a fence of [`NewFence::init`].
unsafe extern "C" fn driver_name(fence: *mut bindings::dma_fence) -> *const c_char {
    // SAFETY: The fence is the first field of a `Memory`, whose names never change.
    unsafe { *addr_of!((*fence.cast::<Memory>()).driver) }.as_char_ptr()
}

/// # Safety
///
/// As [`driver_name`].
unsafe extern "C" fn timeline_name(fence: *mut bindings::dma_fence) -> *const c_char {
    // SAFETY: As there.
    unsafe { *addr_of!((*fence.cast::<Memory>()).timeline) }.as_char_ptr()
}

/// Tells lockdep that this thread does what fences wait for, until it is dropped: it must not allocate memory, nor take
/// locks under which somebody does, or waits for fences.
pub struct Signalling {
    #[cfg(CONFIG_LOCKDEP)]
    cookie: bool,
    _thread: NotThreadSafe,
}

impl Signalling {
    /// Begins.
    pub fn begin() -> Self {
        Self {
            // SAFETY: It is ended on the same thread.
            #[cfg(CONFIG_LOCKDEP)]
            cookie: unsafe { bindings::dma_fence_begin_signalling() },
            _thread: NotThreadSafe,
        }
    }
}

impl Drop for Signalling {
    fn drop(&mut self) {
        // SAFETY: The cookie comes from the beginning.
        #[cfg(CONFIG_LOCKDEP)]
        unsafe {
            bindings::dma_fence_end_signalling(self.cookie)
        };
    }
}

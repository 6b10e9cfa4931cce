// SPDX-License-Identifier: MIT

//! Sync objects of DRM: places for the fences of a device's work.
//!
//! Source of the structures: `include/uapi/drm/drm.h` and `include/uapi/linux/sync_file.h`.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::time::{clock_gettime, ClockId};

use crate::drm::{self, ioctl, iowr};
use crate::{wait_for, HANG};

/// `struct drm_syncobj_create`.
#[repr(C)]
struct RawCreate {
    handle: u32,
    flags: u32,
}

const CREATE: u32 = iowr::<RawCreate>(0xbf);

/// `DRM_SYNCOBJ_CREATE_SIGNALED`.
const CREATE_SIGNALED: u32 = 1 << 0;

/// `struct drm_syncobj_destroy`.
#[repr(C)]
struct RawDestroy {
    handle: u32,
    pad: u32,
}

const DESTROY: u32 = iowr::<RawDestroy>(0xc0);

/// `struct drm_syncobj_handle`.
#[repr(C)]
struct RawHandle {
    handle: u32,
    flags: u32,
    fd: i32,
    pad: u32,
    point: u64,
}

const HANDLE_TO_FD: u32 = iowr::<RawHandle>(0xc1);

const FD_TO_HANDLE: u32 = iowr::<RawHandle>(0xc2);

/// `DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE` and
/// `DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE`.
const SYNC_FILE: u32 = 1 << 0;

/// `DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE`.
const TIMELINE: u32 = 1 << 1;

/// `struct drm_syncobj_wait`.
#[repr(C)]
struct RawWait {
    handles: u64,
    timeout_nsec: i64,
    count_handles: u32,
    flags: u32,
    first_signaled: u32,
    pad: u32,
    deadline_nsec: u64,
}

const WAIT: u32 = iowr::<RawWait>(0xc3);

/// `struct drm_syncobj_timeline_wait`.
#[repr(C)]
struct RawTimelineWait {
    handles: u64,
    points: u64,
    timeout_nsec: i64,
    count_handles: u32,
    flags: u32,
    first_signaled: u32,
    pad: u32,
    deadline_nsec: u64,
}

const TIMELINE_WAIT: u32 = iowr::<RawTimelineWait>(0xca);

/// `struct drm_syncobj_timeline_array`.
#[repr(C)]
struct RawTimelineArray {
    handles: u64,
    points: u64,
    count_handles: u32,
    flags: u32,
}

const QUERY: u32 = iowr::<RawTimelineArray>(0xcb);

/// `struct sync_file_info`.
#[repr(C)]
struct RawFileInfo {
    name: [u8; 32],
    status: i32,
    flags: u32,
    num_fences: u32,
    pad: u32,
    sync_fence_info: u64,
}

/// `SYNC_IOC_FILE_INFO`: _IOWR('>', 4, struct sync_file_info).
const FILE_INFO: u32 = 3 << 30 | (size_of::<RawFileInfo>() as u32) << 16 | (b'>' as u32) << 8 | 4;

/// `struct sync_merge_data`.
#[repr(C)]
struct RawMerge {
    name: [u8; 32],
    other: i32,
    fence: i32,
    flags: u32,
    pad: u32,
}

/// `SYNC_IOC_MERGE`: _IOWR('>', 3, struct sync_merge_data).
const MERGE: u32 = 3 << 30 | (size_of::<RawMerge>() as u32) << 16 | (b'>' as u32) << 8 | 3;

/// A sync object of an open file.
#[derive(Debug)]
pub struct Syncobj<'a> {
    file: &'a File,
    handle: u32,
}

impl<'a> Syncobj<'a> {
    /// A sync object without a fence.
    ///
    /// # Errors
    ///
    /// The kernel's error; `EOPNOTSUPP` if the driver has no sync objects.
    pub fn new(file: &'a File) -> Result<Self, Errno> {
        Self::with(file, 0)
    }

    /// A sync object with a fence that is signaled.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn signaled(file: &'a File) -> Result<Self, Errno> {
        Self::with(file, CREATE_SIGNALED)
    }

    fn with(file: &'a File, flags: u32) -> Result<Self, Errno> {
        let mut argument = RawCreate { handle: 0, flags };
        // SAFETY: There is no pointer in the argument.
        unsafe { ioctl(file, CREATE, &mut argument)? };
        let handle = argument.handle;
        Ok(Self { file, handle })
    }

    /// The handle, for ioctls of the driver.
    pub fn handle(&self) -> u32 {
        self.handle
    }

    /// Waits until the fence is signaled, for whatever reason.
    ///
    /// # Errors
    ///
    /// `ETIME` if it takes longer, `EINVAL` if there is no fence.
    pub fn wait(&self, bound: Duration) -> Result<(), Errno> {
        let handles = [self.handle];
        let mut argument = RawWait {
            handles: handles.as_ptr() as u64,
            timeout_nsec: from_now(bound),
            count_handles: 1,
            flags: 0,
            first_signaled: 0,
            pad: 0,
            deadline_nsec: 0,
        };
        // SAFETY: The kernel reads one handle, and writes through no pointer.
        unsafe { ioctl(self.file, WAIT, &mut argument) }
    }

    /// Waits until a point of its timeline is signaled, for whatever reason.
    ///
    /// # Errors
    ///
    /// `ETIME` if it takes longer, `EINVAL` if nothing was submitted that signals it.
    pub fn wait_for_point(&self, point: u64, bound: Duration) -> Result<(), Errno> {
        let (handles, points) = ([self.handle], [point]);
        let mut argument = RawTimelineWait {
            handles: handles.as_ptr() as u64,
            points: points.as_ptr() as u64,
            timeout_nsec: from_now(bound),
            count_handles: 1,
            flags: 0,
            first_signaled: 0,
            pad: 0,
            deadline_nsec: 0,
        };
        // SAFETY: The kernel reads one handle and one point, and writes through no pointer.
        unsafe { ioctl(self.file, TIMELINE_WAIT, &mut argument) }
    }

    /// The last point of its timeline that is signaled.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn point(&self) -> Result<u64, Errno> {
        let handles = [self.handle];
        let mut points = [0_u64];
        let mut argument = RawTimelineArray {
            handles: handles.as_ptr() as u64,
            points: points.as_mut_ptr() as u64,
            count_handles: 1,
            flags: 0,
        };
        // SAFETY: The kernel reads one handle and writes one point; both live through the call.
        unsafe { ioctl(self.file, QUERY, &mut argument)? };
        // The kernel has written it through the address.
        // SAFETY: It is a valid point of this function's own.
        Ok(unsafe { points.as_ptr().read_volatile() })
    }

    /// Whether the fence is signaled.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no fence.
    pub fn is_signaled(&self) -> Result<bool, Errno> {
        Signal::Binary(self).is_signaled()
    }

    /// What has become of the work behind the fence, if it is over: it was done, or failed with
    /// this error.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no fence.
    pub fn outcome(&self) -> Result<Option<Result<(), Errno>>, Errno> {
        self.export()?.outcome()
    }

    /// The fence, as a file.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no fence.
    pub fn export(&self) -> Result<SyncFile, Errno> {
        Signal::Binary(self).export()
    }

    /// Has the fence of a file from now on.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn import(&self, fence: &SyncFile) -> Result<(), Errno> {
        let mut argument = RawHandle {
            handle: self.handle,
            flags: SYNC_FILE,
            fd: fence.0.as_raw_fd(),
            pad: 0,
            point: 0,
        };
        // SAFETY: There is no pointer in the argument.
        unsafe { ioctl(self.file, FD_TO_HANDLE, &mut argument) }
    }
}

/// What is signaled when work is done, and what other work waits for.
#[derive(Clone, Copy, Debug)]
pub enum Signal<'s, 'a> {
    /// A sync object.
    Binary(&'s Syncobj<'a>),
    /// A point of a sync object's timeline.
    Point(&'s Syncobj<'a>, u64),
}

impl<'s, 'a> Signal<'s, 'a> {
    fn syncobj(&self) -> &'s Syncobj<'a> {
        let (Self::Binary(syncobj) | Self::Point(syncobj, _)) = self;
        syncobj
    }

    /// The handle of the sync object.
    pub fn handle(&self) -> u32 {
        self.syncobj().handle
    }

    /// The point of the timeline, or 0.
    pub fn point(&self) -> u64 {
        match self {
            Self::Binary(_) => 0,
            Self::Point(_, point) => *point,
        }
    }

    /// Waits until it is signaled, for whatever reason.
    ///
    /// # Errors
    ///
    /// As [`Syncobj::wait`].
    pub fn wait(&self, bound: Duration) -> Result<(), Errno> {
        match self {
            Self::Binary(syncobj) => syncobj.wait(bound),
            Self::Point(syncobj, point) => syncobj.wait_for_point(*point, bound),
        }
    }

    /// Whether it is signaled.
    ///
    /// # Errors
    ///
    /// `EINVAL` if nothing was submitted that signals it.
    pub fn is_signaled(&self) -> Result<bool, Errno> {
        match self.wait(Duration::ZERO) {
            Ok(()) => Ok(true),
            Err(Errno::ETIME) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The fence, as a file.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no fence.
    pub fn export(&self) -> Result<SyncFile, Errno> {
        let mut argument = RawHandle {
            handle: self.handle(),
            flags: match self {
                Self::Binary(_) => SYNC_FILE,
                Self::Point(..) => SYNC_FILE | TIMELINE,
            },
            fd: -1,
            pad: 0,
            point: self.point(),
        };
        // SAFETY: There is no pointer in the argument.
        unsafe { ioctl(self.syncobj().file, HANDLE_TO_FD, &mut argument)? };
        // SAFETY: The kernel has opened this descriptor for the caller.
        Ok(SyncFile(unsafe { OwnedFd::from_raw_fd(argument.fd) }))
    }
}

/// A fence in a file of its own, which outlives the device's file.
#[derive(Debug)]
pub struct SyncFile(OwnedFd);

impl AsFd for SyncFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for SyncFile {
    fn from(file: OwnedFd) -> Self {
        Self(file)
    }
}

impl SyncFile {
    /// What has become of the work behind the fence, if it is over: it was done, or failed with
    /// this error.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn outcome(&self) -> Result<Option<Result<(), Errno>>, Errno> {
        let mut info = RawFileInfo {
            name: [0; 32],
            status: 0,
            flags: 0,
            num_fences: 0,
            pad: 0,
            sync_fence_info: 0,
        };
        // SAFETY: Without room for fences, the kernel writes through no pointer.
        unsafe { drm::ioctl(self.0.as_fd(), FILE_INFO, &mut info)? };
        Ok(match info.status {
            0 => None,
            status if status > 0 => Some(Ok(())),
            error => Some(Err(Errno::from_raw(-error))),
        })
    }

    /// A file whose fence is signaled when this one's and another one's are.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn merge(&self, other: &Self) -> Result<Self, Errno> {
        let mut argument = RawMerge {
            name: [0; 32],
            other: other.0.as_raw_fd(),
            fence: -1,
            flags: 0,
            pad: 0,
        };
        // SAFETY: There is no pointer in the argument.
        unsafe { drm::ioctl(self.0.as_fd(), MERGE, &mut argument)? };
        // SAFETY: The kernel has opened this descriptor for the caller.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(argument.fence) }))
    }

    /// Waits until the work is over, and says what has become of it.
    ///
    /// # Panics
    ///
    /// If it takes longer than [`HANG`].
    pub fn wait(&self) -> Result<(), Errno> {
        let mut outcome = None;
        wait_for(HANG, "the end of work", || {
            outcome = self.outcome().expect("a file of a fence");
            outcome.is_some()
        });
        outcome.unwrap_or(Ok(()))
    }
}

/// Waits until work is over, and asserts that it was done.
///
/// # Panics
///
/// If it failed, or takes longer than [`HANG`].
#[track_caller]
pub fn assert_done(work: &Syncobj<'_>) {
    assert_ended(work, Ok(()));
}

/// Waits until work is over, and asserts that this has become of it.
///
/// # Panics
///
/// If something else has, or it takes longer than [`HANG`].
#[track_caller]
pub fn assert_ended(work: &Syncobj<'_>, outcome: Result<(), Errno>) {
    assert_eq!(work.wait(HANG), Ok(()), "work takes too long");
    assert_eq!(work.outcome(), Ok(Some(outcome)), "how the work has ended");
}

impl Drop for Syncobj<'_> {
    fn drop(&mut self) {
        let mut argument = RawDestroy {
            handle: self.handle,
            pad: 0,
        };
        // SAFETY: There is no pointer in the argument.
        match unsafe { ioctl(self.file, DESTROY, &mut argument) } {
            // Those of a device that is gone go with their file.
            Ok(()) | Err(Errno::ENODEV) => {}
            Err(error) => log::error!("sync object {}: {error}", self.handle),
        }
    }
}

/// The time of the monotonic clock in nanoseconds, that long from now.
fn from_now(bound: Duration) -> i64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is a monotonic clock");
    let end = Duration::from(now).saturating_add(bound);
    // A timeout of zero is never in the future.
    match bound {
        Duration::ZERO => 0,
        _ => i64::try_from(end.as_nanos()).unwrap_or(libc::c_long::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_kernel() {
        assert_eq!(CREATE, 0xc008_64bf);
        assert_eq!(DESTROY, 0xc008_64c0);
        assert_eq!(HANDLE_TO_FD, 0xc018_64c1);
        assert_eq!(FD_TO_HANDLE, 0xc018_64c2);
        assert_eq!(WAIT, 0xc028_64c3);
        assert_eq!(TIMELINE_WAIT, 0xc030_64ca);
        assert_eq!(QUERY, 0xc018_64cb);
        assert_eq!(FILE_INFO, 0xc038_3e04);
        assert_eq!(MERGE, 0xc030_3e03);
    }

    #[test]
    fn timeouts_are_absolute() {
        assert_eq!(from_now(Duration::ZERO), 0);
        let (near, far) = (Duration::from_secs(1), Duration::from_secs(100));
        assert!(from_now(far) > from_now(near) + 98_000_000_000);
        assert_eq!(from_now(Duration::MAX), i64::MAX);
    }
}

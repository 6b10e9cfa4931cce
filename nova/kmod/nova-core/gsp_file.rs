// SPDX-License-Identifier: GPL-2.0

//! Files in a GPU's folder in debugfs that access its GSP.
//!
//! `kernel::debugfs` takes only `'static` data. Borrowed data would be sound: the removal of a
//! debugfs file waits for operations on the file, and no operation starts after it.

use core::ffi::CStr;
use core::ptr;

use kernel::bindings;
use kernel::debugfs::Dir;
use kernel::error::from_result;
use kernel::ffi::{c_char, c_int};
use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use kernel::uaccess::UserPtr;

use crate::gsp::Gsp;

/// The operations of a file; see `Documentation/filesystems/debugfs.rst`.
pub(crate) struct Operations(bindings::file_operations);

// SAFETY: The structure is never written after its initialization.
unsafe impl Sync for Operations {}

/// The bytes that are read from an open file; each open file has its own. The lock is held only to
/// replace or clone the `Arc`, and not during a call of GSP-RM or a copy to user space.
type Contents = Mutex<Arc<KVVec<u8>>>;

impl Operations {
    const BASE: bindings::file_operations = bindings::file_operations {
        owner: kernel::module::this_module::<crate::LocalModule>().as_ptr(),
        release: Some(release),
        read: Some(read),
        llseek: Some(bindings::default_llseek),
        ..pin_init::zeroed()
    };

    /// A file whose contents `S` writes when the file is opened.
    pub(crate) const fn snapshot<S: Snapshot>() -> Self {
        Self(bindings::file_operations {
            open: Some(open_snapshot::<S>),
            ..Self::BASE
        })
    }

    /// A file to which user space writes requests, and from which it reads the answers.
    pub(crate) const fn transaction<T: Transaction>() -> Self {
        Self(bindings::file_operations {
            open: Some(open_empty),
            write: Some(write::<T>),
            ..Self::BASE
        })
    }
}

/// A file that shows the state at the time when it was opened.
pub(crate) trait Snapshot: 'static {
    /// Appends the state to `contents`.
    fn take(gsp: &Gsp<'_>, contents: &mut KVVec<u8>) -> Result;
}

/// A file that answers requests.
pub(crate) trait Transaction: 'static {
    /// Executes the request of `count` bytes at `request`, and returns the answer.
    fn answer(gsp: &Gsp<'_>, request: UserPtr, count: usize) -> Result<KVVec<u8>>;
}

/// A file; the drop removes it.
pub(crate) struct GspFile<'a> {
    file: *mut bindings::dentry,
    /// Keeps the folder until the file has been removed.
    _dir: Dir,
    /// Keeps the data of the file until the file has been removed.
    _gsp: Arc<Gsp<'a>>,
}

// SAFETY: A `struct dentry` may be used from any thread.
unsafe impl Send for GspFile<'_> {}

// SAFETY: There are no methods that take a shared reference.
unsafe impl Sync for GspFile<'_> {}

impl<'a> GspFile<'a> {
    /// Creates the file `name` with the permissions `mode` in the GPU's folder.
    pub(crate) fn new(
        gsp: &Arc<Gsp<'a>>,
        name: &'static CStr,
        mode: bindings::umode_t,
        operations: &'static Operations,
    ) -> Result<Self> {
        let root = lookup(ptr::null_mut(), crate::MODULE_NAME);
        let folder = match root.is_null() {
            true => root,
            false => lookup(root, gsp.machine().device().as_ref().name()),
        };
        let data = ptr::from_ref(&**gsp).cast_mut().cast();
        // With a null `folder`, debugfs would create the file in its root.
        let file = match folder.is_null() {
            true => ptr::null_mut(),
            // SAFETY: `_gsp` keeps `data` until `drop` has removed the file. `lookup` took a
            // reference to `folder`. The name and the operations are static.
            false => unsafe {
                bindings::debugfs_create_file_full(
                    name.as_char_ptr(),
                    mode,
                    folder,
                    data,
                    ptr::null(),
                    &operations.0,
                )
            },
        };
        for entry in [folder, root] {
            // SAFETY: `lookup` took a reference to the entry, or returned null, which `dput` ignores.
            unsafe { bindings::dput(entry) };
        }
        Ok(Self {
            file,
            _dir: gsp.folder.clone(),
            _gsp: gsp.clone(),
        })
    }
}

impl Drop for GspFile<'_> {
    fn drop(&mut self) {
        // SAFETY: `new` has created the file, or it is null or an error, which `debugfs_remove`
        // ignores.
        unsafe { bindings::debugfs_remove(self.file) };
    }
}

/// The entry `name` of a folder, or of the root of debugfs for a null `parent`. The caller must drop
/// the reference to a result that is not null by `dput`.
fn lookup(parent: *mut bindings::dentry, name: &CStr) -> *mut bindings::dentry {
    // SAFETY: `parent` is null, or an entry to which `GspFile::new` holds a reference.
    unsafe { bindings::debugfs_lookup(name.as_char_ptr(), parent) }
}

/// Sets the contents of a file that is being opened.
fn set_contents(file: *mut bindings::file, contents: KVVec<u8>) -> Result {
    let contents = Arc::new(contents, GFP_KERNEL)?;
    let contents = KBox::<Contents>::pin_init(new_mutex!(contents), GFP_KERNEL)?;
    // SAFETY: `file` is being opened, so no other thread accesses it. The contents stay in their box,
    // so they are not moved.
    unsafe {
        let contents = Pin::into_inner_unchecked(contents);
        (*file).private_data = KBox::into_raw(contents).cast();
    }
    Ok(())
}

/// The GSP that a file accesses.
///
/// # Safety
///
/// The caller must be a file operation that debugfs has called, and must not use the result after it
/// returns.
unsafe fn gsp<'a>(inode: *mut bindings::inode) -> &'a Gsp<'a> {
    // SAFETY: `GspFile::new` has set `i_private` to a `Gsp`, which `_gsp` keeps until the file is
    // removed. The removal waits for the caller, which is an operation on the file.
    unsafe { &*(*inode).i_private.cast::<Gsp<'_>>() }
}

/// The contents of an open file.
///
/// # Safety
///
/// The file must be open, and stay open while the result is used.
unsafe fn contents<'a>(file: *mut bindings::file) -> &'a Contents {
    // SAFETY: The file is open, so `set_contents` has set `private_data`; `release` frees it.
    unsafe { &*(*file).private_data.cast::<Contents>() }
}

extern "C" fn open_empty(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    from_result(|| set_contents(file, KVVec::new()).map(|()| 0))
}

extern "C" fn open_snapshot<S: Snapshot>(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
) -> c_int {
    from_result(|| {
        let mut contents = KVVec::new();
        // SAFETY: This is a file operation that debugfs calls, and the result is not used afterwards.
        S::take(unsafe { gsp(inode) }, &mut contents)?;
        set_contents(file, contents).map(|()| 0)
    })
}

extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `set_contents` has set `private_data` to a box of this type. The kernel calls `release`
    // once, after the last operation on the open file.
    drop(unsafe { KBox::<Contents>::from_raw((*file).private_data.cast()) });
    0
}

extern "C" fn read(
    file: *mut bindings::file,
    buffer: *mut c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: The file is being read, so it is open.
    let contents = unsafe { contents(file) }.lock().clone();
    // SAFETY: The kernel passes a valid `position`, and `simple_read_from_buffer` checks the user's
    // buffer. `contents` is a reference to bytes that are never changed.
    unsafe {
        bindings::simple_read_from_buffer(
            buffer.cast(),
            count,
            position,
            contents.as_ptr().cast(),
            contents.len(),
        )
    }
}

extern "C" fn write<T: Transaction>(
    file: *mut bindings::file,
    buffer: *const c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: The file is being written to, so it is open. This is a file operation that debugfs
    // calls, and the results are not used afterwards.
    let (contents, gsp) = unsafe { (contents(file), gsp((*file).f_inode)) };
    let request = UserPtr::from_ptr(buffer.cast_mut().cast());
    from_result(|| {
        let mut answer = Arc::new(T::answer(gsp, request, count)?, GFP_KERNEL)?;
        core::mem::swap(&mut answer, &mut *contents.lock());
        // The answer is read from its start.
        // SAFETY: The kernel passes a valid `position`.
        unsafe { *position = 0 };
        Ok(isize::try_from(count)?)
    })
}

// SPDX-License-Identifier: GPL-2.0

//! Files in a GPU's folder in debugfs that work on what runs there at the moment.
//!
//! `kernel::debugfs` takes only data that lives for ever. Debugfs lets nobody in once a file is
//! removed, and waits for those who are inside, so that a borrow would do.

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

/// What such a file does; see `Documentation/filesystems/debugfs.rst`.
pub(crate) struct Operations(bindings::file_operations);

// SAFETY: Nobody changes it.
unsafe impl Sync for Operations {}

/// What is read from an open file: each has a text of its own. The lock is held only to exchange it or
/// to get hold of it: neither a call of GSP-RM nor a copy to user space has others wait.
type Contents = Mutex<Arc<KVVec<u8>>>;

impl Operations {
    const BASE: bindings::file_operations = bindings::file_operations {
        owner: kernel::module::this_module::<crate::LocalModule>().as_ptr(),
        release: Some(release),
        read: Some(read),
        llseek: Some(bindings::default_llseek),
        ..pin_init::zeroed()
    };

    /// A file that shows what `S` makes at the time when it is opened.
    pub(crate) const fn snapshot<S: Snapshot>() -> Self {
        Self(bindings::file_operations {
            open: Some(open_snapshot::<S>),
            ..Self::BASE
        })
    }

    /// A file that answers what is written to it.
    pub(crate) const fn conversation<C: Conversation>() -> Self {
        Self(bindings::file_operations {
            open: Some(open_empty),
            write: Some(write::<C>),
            ..Self::BASE
        })
    }
}

/// Makes the contents of a file.
pub(crate) trait Snapshot: 'static {
    /// Writes them to the end of `contents`.
    fn take(gsp: &Gsp<'_>, contents: &mut KVVec<u8>) -> Result;
}

/// Answers requests.
pub(crate) trait Conversation: 'static {
    /// Answers the `count` bytes at `request`.
    fn answer(gsp: &Gsp<'_>, request: UserPtr, count: usize) -> Result<KVVec<u8>>;
}

/// A file; it goes away when dropped.
pub(crate) struct GspFile<'a> {
    file: *mut bindings::dentry,
    /// The folder must not go away before the file does.
    _dir: Dir,
    /// What the file points to.
    _gsp: Arc<Gsp<'a>>,
}

// SAFETY: A `struct dentry` may be used from any thread.
unsafe impl Send for GspFile<'_> {}

// SAFETY: Nothing can be done with a shared reference.
unsafe impl Sync for GspFile<'_> {}

impl<'a> GspFile<'a> {
    /// Makes the file `name` in the GPU's folder; its owner may do with it what `mode` allows.
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
        // Without a folder the file would be made where everybody's are.
        let file = match folder.is_null() {
            true => ptr::null_mut(),
            // SAFETY: `data` lives until the file is removed, in `drop`; the rest is static, and there
            // is a reference to the folder.
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
            // SAFETY: `lookup` took the reference.
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
        // SAFETY: The file was made by `new`, or is null or an error, which is fine.
        unsafe { bindings::debugfs_remove(self.file) };
    }
}

/// The entry `name` of a folder, with a reference that has to be given back.
fn lookup(parent: *mut bindings::dentry, name: &CStr) -> *mut bindings::dentry {
    // SAFETY: `parent` is null or an entry to which there is a reference.
    unsafe { bindings::debugfs_lookup(name.as_char_ptr(), parent) }
}

/// Gives an open file its contents.
fn set_contents(file: *mut bindings::file, contents: KVVec<u8>) -> Result {
    let contents = Arc::new(contents, GFP_KERNEL)?;
    let contents = KBox::<Contents>::pin_init(new_mutex!(contents), GFP_KERNEL)?;
    // SAFETY: `file` is being opened, and nobody else knows it. The contents are not moved.
    unsafe {
        let contents = Pin::into_inner_unchecked(contents);
        (*file).private_data = KBox::into_raw(contents).cast();
    }
    Ok(())
}

/// What the file points to.
///
/// # Safety
///
/// Debugfs must have let the caller in, and the result be used by the caller alone.
unsafe fn gsp<'a>(inode: *mut bindings::inode) -> &'a Gsp<'a> {
    // SAFETY: `GspFile::new` has put it there, and debugfs lets nobody in when it is gone.
    unsafe { &*(*inode).i_private.cast::<Gsp<'_>>() }
}

/// What `open` has given the file.
///
/// # Safety
///
/// The file must be open, and stay so while the result is used.
unsafe fn contents<'a>(file: *mut bindings::file) -> &'a Contents {
    // SAFETY: `set_contents` has put it there, and it lives until `release`.
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
        // SAFETY: Debugfs calls this, and the result is not kept.
        S::take(unsafe { gsp(inode) }, &mut contents)?;
        set_contents(file, contents).map(|()| 0)
    })
}

extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `open` has put it there, and nobody uses it any more.
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
    // SAFETY: `position` is the file's; the buffer is the user's and checked; nobody changes the contents.
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

extern "C" fn write<C: Conversation>(
    file: *mut bindings::file,
    buffer: *const c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: The file is being written to, so it is open; debugfs calls this. Nothing is kept.
    let (contents, gsp) = unsafe { (contents(file), gsp((*file).f_inode)) };
    let request = UserPtr::from_ptr(buffer.cast_mut().cast());
    from_result(|| {
        let mut answer = Arc::new(C::answer(gsp, request, count)?, GFP_KERNEL)?;
        core::mem::swap(&mut answer, &mut *contents.lock());
        // SAFETY: `position` is the file's. The answer is read from its start.
        unsafe { *position = 0 };
        Ok(isize::try_from(count)?)
    })
}

// SPDX-License-Identifier: GPL-2.0

//! `rm_control` in a GPU's folder in debugfs: controls of GSP-RM for developers and tests.
//!
//! Each open file is a conversation of its own. What is written is one request: the object (0 for
//! the driver's client, 1 for its device, 2 for its subdevice) and the control as 32-bit numbers,
//! then the parameters. The write returns when GSP-RM has answered, and what is read from then on is
//! the answer: NV_STATUS, then the parameters.

use core::ffi::CStr;
use core::ptr;

use kernel::bindings;
use kernel::debugfs::Dir;
use kernel::ffi::{c_char, c_int};
use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use kernel::uaccess::{UserPtr, UserSlice};
use nova_core::{Control, Object};

use crate::gsp::Gsp;

/// Bytes of a request before the parameters.
const HEADER: usize = 8;

/// Bytes of a request, at most: more than any control has.
const REQUEST_MAX: usize = 1 << 20;

/// What the file does; see `Documentation/filesystems/debugfs.rst`. Debugfs lets nobody in once the
/// file is removed, and waits for those who are inside.
static OPERATIONS: Operations = Operations(bindings::file_operations {
    owner: kernel::module::this_module::<crate::LocalModule>().as_ptr(),
    open: Some(open),
    release: Some(release),
    read: Some(read),
    write: Some(write),
    llseek: Some(bindings::default_llseek),
    ..pin_init::zeroed()
});

struct Operations(bindings::file_operations);

// SAFETY: Nobody changes it.
unsafe impl Sync for Operations {}

/// The file; it goes away when dropped.
pub(crate) struct RmControl<'a> {
    file: *mut bindings::dentry,
    /// The folder must not go away before the file does.
    _dir: Dir,
    /// What the file points to.
    _gsp: Arc<Gsp<'a>>,
}

// SAFETY: A `struct dentry` may be used from any thread.
unsafe impl Send for RmControl<'_> {}

// SAFETY: Nothing can be done with a shared reference.
unsafe impl Sync for RmControl<'_> {}

impl<'a> RmControl<'a> {
    /// Makes the file in the GPU's folder.
    pub(crate) fn new(gsp: Arc<Gsp<'a>>) -> Result<Self> {
        let dir = gsp.folder()?;
        let root = lookup(ptr::null_mut(), crate::MODULE_NAME);
        let folder = lookup(root, gsp.machine().device().as_ref().name());
        let data = ptr::from_ref(&*gsp).cast_mut().cast();
        let name = c"rm_control".as_char_ptr();
        // SAFETY: `data` lives until the file is removed, in `drop`; the rest is static, and the folder
        // may be null, or an error, which is what comes back then.
        let file = unsafe {
            bindings::debugfs_create_file_full(
                name,
                0o600,
                folder,
                data,
                ptr::null(),
                &OPERATIONS.0,
            )
        };
        for entry in [folder, root] {
            // SAFETY: `lookup` took the reference.
            unsafe { bindings::dput(entry) };
        }
        Ok(Self {
            file,
            _dir: dir,
            _gsp: gsp,
        })
    }
}

impl Drop for RmControl<'_> {
    fn drop(&mut self) {
        // SAFETY: The file was made by `new`, or is an error, which is fine.
        unsafe { bindings::debugfs_remove(self.file) };
    }
}

/// The entry `name` of a folder, with a reference that has to be given back.
fn lookup(parent: *mut bindings::dentry, name: &CStr) -> *mut bindings::dentry {
    // SAFETY: `parent` is null or an entry to which there is a reference.
    unsafe { bindings::debugfs_lookup(name.as_char_ptr(), parent) }
}

/// The last answer.
type Conversation = Mutex<KVVec<u8>>;

extern "C" fn open(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    let conversation = KBox::<Conversation>::pin_init(new_mutex!(KVVec::new()), GFP_KERNEL);
    match conversation {
        Ok(conversation) => {
            // SAFETY: `file` is being opened, and nobody else knows it. The conversation is not moved.
            unsafe {
                let conversation = Pin::into_inner_unchecked(conversation);
                (*file).private_data = KBox::into_raw(conversation).cast();
            }
            0
        }
        Err(error) => error.to_errno(),
    }
}

extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `open` has put it there, and nobody uses it any more.
    drop(unsafe { KBox::<Conversation>::from_raw((*file).private_data.cast()) });
    0
}

extern "C" fn read(
    file: *mut bindings::file,
    buffer: *mut c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: `open` has put it there, and it lives until `release`.
    let conversation = unsafe { &*(*file).private_data.cast::<Conversation>() };
    let answer = conversation.lock();
    // SAFETY: `position` is the file's; the buffer is the user's and checked; the answer is locked.
    unsafe {
        bindings::simple_read_from_buffer(
            buffer.cast(),
            count,
            position,
            answer.as_ptr().cast(),
            answer.len(),
        )
    }
}

extern "C" fn write(
    file: *mut bindings::file,
    buffer: *const c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: `open` has put it there, and it lives until `release`.
    let conversation = unsafe { &*(*file).private_data.cast::<Conversation>() };
    // SAFETY: Debugfs calls this only while the file is there, and so is what it points to.
    let gsp = unsafe { &*(*(*file).f_inode).i_private.cast::<Gsp<'_>>() };
    let user = UserSlice::new(UserPtr::from_ptr(buffer.cast_mut().cast()), count);
    match converse(gsp, conversation, user, count) {
        Ok(()) => {
            // SAFETY: `position` is the file's. The answer is read from its start.
            unsafe { *position = 0 };
            count as isize
        }
        Err(error) => error.to_errno() as isize,
    }
}

/// Makes the call that the user asks for, and notes the answer.
fn converse(gsp: &Gsp<'_>, conversation: &Conversation, user: UserSlice, count: usize) -> Result {
    if !(HEADER..=REQUEST_MAX).contains(&count) {
        return Err(EINVAL);
    }
    let mut request = KVVec::new();
    user.read_all(&mut request, GFP_KERNEL)?;
    let (object, rest) = request.split_first_chunk().ok_or(EINVAL)?;
    let (cmd, params) = rest.split_first_chunk().ok_or(EINVAL)?;
    let control = Control {
        object: match u32::from_le_bytes(*object) {
            0 => Object::Client,
            1 => Object::Device,
            2 => Object::Subdevice,
            _ => return Err(EINVAL),
        },
        cmd: u32::from_le_bytes(*cmd),
        params,
    };
    // One request at a time: what is read is the answer to what was written last.
    let mut answer = conversation.lock();
    answer.clear();
    let reply = gsp.call(&control)?;
    answer.extend_from_slice(&reply.status().to_le_bytes(), GFP_KERNEL)?;
    answer.extend_from_slice(reply.params(), GFP_KERNEL)?;
    Ok(())
}

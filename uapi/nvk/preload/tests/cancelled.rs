// SPDX-License-Identifier: MIT

//! A thread that is cancelled in a function of the library ends, and the program goes on.

use std::ffi::{c_char, c_int, c_void};
use std::process::Command;
use std::ptr;

/// The variable of a process that has the library.
const HAS_LIBRARY: &str = "NOVA_NVK_TEST_HAS_LIBRARY";

// The C library's, as it has them: a cancelled thread is unwound.
extern "C-unwind" {
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn openat(folder: c_int, path: *const c_char, flags: c_int, ...) -> c_int;
    fn close(descriptor: c_int) -> c_int;
    fn fcntl(descriptor: c_int, command: c_int, ...) -> c_int;
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const c_void,
        start: Thread,
        argument: *mut c_void,
    ) -> c_int;
}

type Thread = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

/// A thread that calls a function where it is cancelled.
macro_rules! threads {
    ($($call:expr;)+) => {
        [$({
            unsafe extern "C-unwind" fn thread(_: *mut c_void) -> *mut c_void {
                // SAFETY: The thread is this one, and the arguments are what the function takes.
                unsafe {
                    libc::pthread_cancel(libc::pthread_self());
                    $call;
                }
                ptr::null_mut()
            }
            thread as Thread
        }),+]
    };
}

fn cancel() {
    let threads = threads! {
        open(c"/dev/null".as_ptr(), libc::O_RDONLY);
        openat(libc::AT_FDCWD, c"/dev/null".as_ptr(), libc::O_RDONLY);
        close(-1);
        fcntl(-1, libc::F_SETLKW, ptr::null::<libc::flock>());
    };
    for (number, start) in threads.into_iter().enumerate() {
        let mut thread = 0;
        let mut result = ptr::null_mut();
        // SAFETY: The thread takes no argument, and is waited for once.
        unsafe {
            assert_eq!(
                pthread_create(&mut thread, ptr::null(), start, ptr::null_mut()),
                0
            );
            assert_eq!(libc::pthread_join(thread, &mut result), 0);
        }
        // PTHREAD_CANCELED
        assert_eq!(result as isize, -1, "thread {number}");
    }
}

#[test]
fn a_cancelled_thread_ends_alone() {
    if std::env::var_os(HAS_LIBRARY).is_some() {
        return cancel();
    }
    let test = std::env::current_exe().expect("a test has a path");
    let library = test.with_file_name("libnova_nvk_preload.so");
    assert!(library.exists(), "{} is missing", library.display());
    let output = Command::new(test)
        .arg("--nocapture")
        .env(HAS_LIBRARY, "1")
        .env("LD_PRELOAD", library)
        .output()
        .expect("the test runs");
    assert!(output.status.success(), "{output:?}");
}

// SPDX-License-Identifier: GPL-2.0

//! The process of the current task. `kernel::task` does not have its name.

/// A process.
#[derive(Clone, Copy)]
pub struct Process {
    /// Its number, in the initial namespace.
    pub number: i32,
    /// Its name, which ends with a NUL.
    pub name: [u8; 16],
}

impl Process {
    /// That of the current task.
    pub fn current() -> Self {
        let task = kernel::current!();
        let leader = task.group_leader();
        // SAFETY: The task lives. Its name is part of it, and bytes that another thread changes meanwhile may be any.
        let name = unsafe { (&raw const (*leader.as_ptr()).comm).read_volatile() };
        Self {
            number: leader.pid(),
            name: name.map(|byte| byte as u8),
        }
    }
}

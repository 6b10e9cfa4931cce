// SPDX-License-Identifier: MIT

//! Who may create which queues.

use std::fs::File;

use igt::nova::calls::call;
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::{Children, HANG};
use nix::errno::Errno;
use nix::unistd::{setuid, Uid};
use nova_uapi as uapi;
use nova_uapi::{QueryLimits, QueueCreate, VmCreate};

/// A user without rights.
const NOBODY: Uid = Uid::from_raw(65534);

/// An open file with an address space, and what queues can have.
struct User {
    file: File,
    vm_id: u32,
    limits: QueryLimits,
}

impl User {
    fn of(file: File) -> Self {
        let mut create = VmCreate::default();
        assert_eq!(call(&file, &mut create), Ok(()));
        Self {
            limits: nova::query_limits(&file).unwrap(),
            vm_id: create.vm_id,
            file,
        }
    }

    fn create(&self, create: QueueCreate) -> Result<(), Errno> {
        let vm_id = self.vm_id;
        call(&self.file, &mut QueueCreate { vm_id, ..create })
    }

    /// Tries what takes the right to run before others.
    fn urgent(&self) -> [Result<(), Errno>; 2] {
        let high = QueueCreate {
            priority: uapi::PRIORITY_HIGH,
            ..Queue::COPY
        };
        let long = QueueCreate {
            timeslice_us: self.limits.timeslice_us_default + 1,
            ..Queue::COPY
        };
        [high, long].map(|create| self.create(create))
    }

    /// Tries what takes the right to run longer than others.
    fn long(&self) -> [Result<(), Errno>; 2] {
        let (default, most) = (self.limits.job_timeout_ms, self.limits.job_timeout_ms_max);
        [default + 1, most].map(|timeout_ms| {
            self.create(QueueCreate {
                timeout_ms,
                ..Queue::COPY
            })
        })
    }

    /// Asserts that what takes no right is possible.
    fn assert_modest(&self) {
        let limits = &self.limits;
        for modest in [
            Queue::COPY,
            QueueCreate {
                priority: uapi::PRIORITY_LOW,
                ..Queue::COPY
            },
            QueueCreate {
                timeslice_us: limits.timeslice_us_default,
                timeout_ms: limits.job_timeout_ms,
                ..Queue::COPY
            },
            QueueCreate {
                timeslice_us: limits.timeslice_us_min,
                timeout_ms: 1,
                ..Queue::COPY
            },
        ] {
            assert_eq!(self.create(modest), Ok(()), "{modest:?}");
        }
    }

    fn has_high(&self) -> bool {
        let limits = nova::query_limits(&self.file).unwrap();
        let modest = 1 << uapi::PRIORITY_LOW | 1 << uapi::PRIORITY_NORMAL;
        assert_eq!(limits.priorities & modest, modest, "{limits:?}");
        limits.priorities & 1 << uapi::PRIORITY_HIGH != 0
    }
}

/// Runs `body` as a user without rights, with a file that was opened before.
fn as_nobody(user: &User, body: impl Fn(&User)) {
    let child = Children::fork(1, |_| {
        setuid(NOBODY).expect("root can become another user");
        body(user);
    });
    child.wait(HANG);
}

pub(crate) fn without(gpu: &Gpu) {
    as_nobody(&User::of(gpu.open_render()), |user| {
        assert!(!user.has_high());
        assert_eq!(user.urgent(), [Err(Errno::EACCES); 2]);
        assert_eq!(user.long(), [Err(Errno::EACCES); 2]);
        // A limit comes before a right.
        let timeout_ms = user.limits.job_timeout_ms_max + 1;
        let beyond = QueueCreate {
            timeout_ms,
            ..Queue::COPY
        };
        assert_eq!(user.create(beyond), Err(Errno::EINVAL));
        user.assert_modest();
    });
}

pub(crate) fn with(gpu: &Gpu) {
    let user = User::of(gpu.open_render());
    assert!(user.has_high());
    assert_eq!(user.urgent(), [Ok(()); 2]);
    assert_eq!(user.long(), [Ok(()); 2]);
    user.assert_modest();
}

/// The first file of the primary node is the master's.
pub(crate) fn master(gpu: &Gpu) {
    let user = User::of(gpu.open_primary());
    let other = User::of(gpu.open_primary());
    as_nobody(&user, |user| {
        assert!(user.has_high());
        assert_eq!(user.urgent(), [Ok(()); 2]);
        assert_eq!(user.long(), [Err(Errno::EACCES); 2]);
    });
    as_nobody(&other, |other| {
        assert!(!other.has_high());
        assert_eq!(other.urgent(), [Err(Errno::EACCES); 2]);
    });
}

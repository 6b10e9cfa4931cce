// SPDX-License-Identifier: MIT

//! Queues, which jobs and binds wait in.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::answers::{Engine, QueryLimits, ENGINE_CLASS_BIND, ENGINE_CLASS_OFA};
use crate::refused::{require, require_zero, unsupported, Refused};

/// [`QueueCreate::engine_instance`]: any engine of the class.
pub const ENGINE_INSTANCE_ANY: u32 = u32::MAX;

/// [`QueueCreate::priority`]: behind others.
pub const PRIORITY_LOW: u32 = 0;
/// [`QueueCreate::priority`]: as most.
pub const PRIORITY_NORMAL: u32 = 1;
/// [`QueueCreate::priority`]: before others; takes a right.
pub const PRIORITY_HIGH: u32 = 2;

const INSTANCE: &str = "drm_nova_queue_create.engine_instance";
const RING: &str = "drm_nova_queue_create.ring_entries";
const TIMESLICE: &str = "drm_nova_queue_create.timeslice_us";
const TIMEOUT: &str = "drm_nova_queue_create.timeout_ms";

/// `struct drm_nova_queue_create`: create a queue.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueueCreate {
    /// The address space of its jobs.
    pub vm_id: u32,
    /// One of the `ENGINE_CLASS_` constants.
    pub engine_class: u32,
    /// The engine's number in its class, or [`ENGINE_INSTANCE_ANY`].
    pub engine_instance: u32,
    /// One of the `PRIORITY_` constants.
    pub priority: u32,
    /// Time slice in µs; zero for the default.
    pub timeslice_us: u32,
    /// Entries of the ring; zero for the default.
    pub ring_entries: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// Time that a job may take in ms; zero for the default.
    pub timeout_ms: u32,
    /// Out: the id of the new queue.
    pub queue_id: u32,
    /// Out: most pushes of a job.
    pub pushes_max: u32,
}

impl QueueCreate {
    /// Checks that come before the address space is looked up.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<(), Refused> {
        require_zero("drm_nova_queue_create.flags", self.flags)?;
        require(
            self.engine_class <= ENGINE_CLASS_OFA,
            "drm_nova_queue_create.engine_class",
            "a class of the header",
            self.engine_class,
        )?;
        require(
            self.priority <= PRIORITY_HIGH,
            "drm_nova_queue_create.priority",
            "a priority of the header",
            self.priority,
        )?;
        match self.engine_class {
            ENGINE_CLASS_BIND => self.check_unused(),
            _ => Ok(()),
        }
    }

    /// Checks the members that a queue of the class BIND does not use.
    fn check_unused(&self) -> Result<(), Refused> {
        require(
            [0, ENGINE_INSTANCE_ANY].contains(&self.engine_instance),
            INSTANCE,
            "zero or any for the class BIND",
            self.engine_instance,
        )?;
        require_zero(RING, self.ring_entries)?;
        require_zero(TIMESLICE, self.timeslice_us)?;
        require_zero(TIMEOUT, self.timeout_ms)
    }

    /// Checks that come after that.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check_limits(&self, limits: &QueryLimits) -> Result<(), Refused> {
        let (ring, timeslice, timeout) = (self.ring_entries, self.timeslice_us, self.timeout_ms);
        let rings = limits.ring_entries_min..=limits.ring_entries_max;
        require(
            ring == 0 || ring.is_power_of_two() && rings.contains(&ring),
            RING,
            "zero, or a power of two within drm_nova_query_limits",
            ring,
        )?;
        let timeslices = limits.timeslice_us_min..=limits.timeslice_us_max;
        require(
            timeslice == 0 || timeslices.contains(&timeslice),
            TIMESLICE,
            "zero, or within drm_nova_query_limits",
            timeslice,
        )?;
        require(
            timeout <= limits.job_timeout_ms_max,
            TIMEOUT,
            "at most drm_nova_query_limits.job_timeout_ms_max",
            timeout,
        )
    }

    /// Checks the engine after the limits: there must be one of this class and instance. A queue of
    /// the class BIND has none.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if the GPU has none of the class, else `EINVAL` if it has no such instance.
    pub fn check_engine(&self, engines: &[Engine]) -> Result<(), Refused> {
        const EXPECTED: &str = "an engine of drm_nova_query_engines, or any";
        let instance = self.engine_instance;
        let is_any = instance == ENGINE_INSTANCE_ANY;
        if self.engine_class == ENGINE_CLASS_BIND {
            return Ok(());
        }
        let of_class = |engine: &&Engine| engine.engine_class == self.engine_class;
        let mut of_class = engines.iter().filter(of_class).peekable();
        if of_class.peek().is_none() {
            return Err(unsupported(
                "drm_nova_queue_create.engine_class",
                "the class of an engine of this GPU",
                self.engine_class,
            ));
        }
        let is_there = of_class.any(|engine| engine.engine_instance == instance);
        require(is_any || is_there, INSTANCE, EXPECTED, instance)
    }

    /// Whether the caller needs the right to use [`PRIORITY_HIGH`]: for that priority, and for a
    /// time slice longer than the default.
    pub fn needs_high_priority(&self, limits: &QueryLimits) -> bool {
        self.priority == PRIORITY_HIGH || self.timeslice_us > limits.timeslice_us_default
    }

    /// Whether the caller needs the right to have jobs take longer than by default.
    pub fn needs_long_jobs(&self, limits: &QueryLimits) -> bool {
        self.timeout_ms > limits.job_timeout_ms
    }
}

/// `struct drm_nova_queue_destroy`: destroy a queue.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueueDestroy {
    /// The id of the queue.
    pub queue_id: u32,
    /// Reserved, must be zero.
    pub pad: u32,
}

impl QueueDestroy {
    /// Checks that need no kernel object.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<(), Refused> {
        require_zero("drm_nova_queue_destroy.pad", self.pad)
    }
}

/// [`QueueGetState::state`]: the queue works.
pub const QUEUE_STATE_ALIVE: u32 = 0;
/// [`QueueGetState::state`]: the queue takes no jobs any more.
pub const QUEUE_STATE_LOST: u32 = 1;

/// [`QueueGetState::reason`]: the queue works.
pub const QUEUE_REASON_NONE: u32 = 0;
/// [`QueueGetState::reason`]: a job used an address that it cannot.
pub const QUEUE_REASON_MMU_FAULT: u32 = 1;
/// [`QueueGetState::reason`]: an engine refused what a job wants.
pub const QUEUE_REASON_ENGINE_ERROR: u32 = 2;
/// [`QueueGetState::reason`]: a job took too long.
pub const QUEUE_REASON_TIMEOUT: u32 = 3;
/// [`QueueGetState::reason`]: the GPU was reset.
pub const QUEUE_REASON_DEVICE_RESET: u32 = 4;
/// [`QueueGetState::reason`]: the firmware of the GPU has crashed.
pub const QUEUE_REASON_FIRMWARE_CRASH: u32 = 5;

/// [`QueueGetState::blame`]: the queue works.
pub const QUEUE_BLAME_NONE: u32 = 0;
/// [`QueueGetState::blame`]: a job of this queue was the cause.
pub const QUEUE_BLAME_GUILTY: u32 = 1;
/// [`QueueGetState::blame`]: something else was the cause.
pub const QUEUE_BLAME_INNOCENT: u32 = 2;
/// [`QueueGetState::blame`]: the cause is not known.
pub const QUEUE_BLAME_UNKNOWN: u32 = 3;

/// `struct drm_nova_queue_get_state`: how a queue is.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct QueueGetState {
    /// The id of the queue.
    pub queue_id: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// Out: one of the `QUEUE_STATE_` constants.
    pub state: u32,
    /// Out: one of the `QUEUE_REASON_` constants.
    pub reason: u32,
    /// Out: one of the `QUEUE_BLAME_` constants.
    pub blame: u32,
    /// Out: the GPU's own number of the error.
    pub xid: u32,
    /// Out: jobs that were taken.
    pub jobs_submitted: u64,
    /// Out: jobs that are done.
    pub jobs_completed: u64,
    /// Out: [`Fault::sequence`](crate::Fault::sequence) of the fault.
    pub fault_sequence: u64,
    /// Reserved, must be zero.
    pub reserved: [u64; 2],
}

impl QueueGetState {
    /// Checks that need no kernel object.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<(), Refused> {
        require_zero("drm_nova_queue_get_state.flags", self.flags)?;
        let [first, second] = self.reserved;
        require_zero("drm_nova_queue_get_state.reserved", first | second)
    }
}

#[cfg(test)]
mod tests;

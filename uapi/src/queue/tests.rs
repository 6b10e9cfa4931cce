// SPDX-License-Identifier: MIT

use super::*;
use crate::refused::Errno;
use crate::testing::{engine, LIMITS};
use crate::{ENGINE_CLASS_COPY, ENGINE_CLASS_GRAPHICS};

const NAME: usize = "drm_nova_queue_create.".len();

fn create(engine_class: u32) -> QueueCreate {
    QueueCreate {
        engine_class,
        ..QueueCreate::default()
    }
}

/// The member that is refused, and how.
fn refused(result: Result<(), Refused>) -> Option<(&'static str, Errno)> {
    let refused = result.err()?;
    Some((&refused.member[NAME..], refused.errno))
}

fn invalid(member: &'static str) -> Option<(&'static str, Errno)> {
    Some((member, Errno::Invalid))
}

#[test]
fn flags_classes_and_priorities_are_those_of_the_header() {
    for class in 0..8 {
        for priority in 0..3 {
            let right = QueueCreate {
                priority,
                queue_id: u32::MAX,
                pushes_max: u32::MAX,
                ..create(class)
            };
            assert_eq!(right.check(), Ok(()));
        }
    }
    let copy = create(ENGINE_CLASS_COPY);
    assert_eq!(
        refused(QueueCreate { flags: 1, ..copy }.check()),
        invalid("flags")
    );
    for wrong in [8, u32::MAX] {
        assert_eq!(refused(create(wrong).check()), invalid("engine_class"));
    }
    for priority in [3, u32::MAX] {
        assert_eq!(
            refused(QueueCreate { priority, ..copy }.check()),
            invalid("priority")
        );
    }
}

#[test]
fn rings_are_powers_of_two_within_the_limits() {
    let ring = |ring_entries| {
        let queue = QueueCreate {
            ring_entries,
            ..create(ENGINE_CLASS_COPY)
        };
        refused(queue.check_limits(&LIMITS))
    };
    for right in [0, 64, 4096, 65536] {
        assert_eq!(ring(right), None, "{right}");
    }
    for wrong in [1, 32, 63, 65, 4097, 131_072, 1 << 31, u32::MAX] {
        assert_eq!(ring(wrong), invalid("ring_entries"), "{wrong}");
    }
}

#[test]
fn times_are_within_the_limits() {
    let times = |timeslice_us, timeout_ms| {
        let queue = QueueCreate {
            timeslice_us,
            timeout_ms,
            ..create(ENGINE_CLASS_COPY)
        };
        refused(queue.check_limits(&LIMITS))
    };
    for right in [(0, 0), (100, 1), (10_000, 60_000)] {
        assert_eq!(times(right.0, right.1), None, "{right:?}");
    }
    for wrong in [1, 99, 10_001, u32::MAX] {
        assert_eq!(times(wrong, 0), invalid("timeslice_us"), "{wrong}");
    }
    for wrong in [60_001, u32::MAX] {
        assert_eq!(times(0, wrong), invalid("timeout_ms"), "{wrong}");
    }
}

#[test]
fn a_queue_for_binds_has_no_engine_ring_slices_or_timeout() {
    let bind = create(ENGINE_CLASS_BIND);
    assert_eq!(bind.check(), Ok(()));
    for (wrong, member) in [
        (
            QueueCreate {
                engine_instance: 1,
                ..bind
            },
            "engine_instance",
        ),
        (
            QueueCreate {
                ring_entries: 64,
                ..bind
            },
            "ring_entries",
        ),
        (
            QueueCreate {
                timeslice_us: 100,
                ..bind
            },
            "timeslice_us",
        ),
        (
            QueueCreate {
                timeout_ms: 1,
                ..bind
            },
            "timeout_ms",
        ),
    ] {
        assert_eq!(refused(wrong.check()), invalid(member));
    }
    let any = QueueCreate {
        engine_instance: ENGINE_INSTANCE_ANY,
        ..bind
    };
    assert_eq!(any.check(), Ok(()));
}

#[test]
fn an_engine_is_one_of_the_gpu() {
    let engines = [engine(ENGINE_CLASS_COPY, 2), engine(ENGINE_CLASS_COPY, 5)];
    let engine = |engine_class, engine_instance| {
        let queue = QueueCreate {
            engine_instance,
            ..create(engine_class)
        };
        refused(queue.check_engine(&engines))
    };
    for instance in [2, 5, ENGINE_INSTANCE_ANY] {
        assert_eq!(engine(ENGINE_CLASS_COPY, instance), None);
    }
    for instance in [0, 3] {
        assert_eq!(
            engine(ENGINE_CLASS_COPY, instance),
            invalid("engine_instance")
        );
    }
    let absent = Some(("engine_class", Errno::Unsupported));
    for instance in [0, ENGINE_INSTANCE_ANY] {
        assert_eq!(engine(ENGINE_CLASS_GRAPHICS, instance), absent);
        assert_eq!(engine(ENGINE_CLASS_BIND, instance), None);
    }
}

#[test]
fn what_is_more_than_usual_takes_a_right() {
    let usual = create(ENGINE_CLASS_COPY);
    let queue = |priority, timeslice_us, timeout_ms| QueueCreate {
        priority,
        timeslice_us,
        timeout_ms,
        ..usual
    };
    for (queue, high, long) in [
        (queue(PRIORITY_NORMAL, 0, 0), false, false),
        (queue(PRIORITY_NORMAL, 2000, 10_000), false, false),
        (queue(PRIORITY_HIGH, 0, 0), true, false),
        (queue(PRIORITY_LOW, 2001, 0), true, false),
        (queue(PRIORITY_LOW, 0, 10_001), false, true),
    ] {
        assert_eq!(queue.needs_high_priority(&LIMITS), high, "{queue:?}");
        assert_eq!(queue.needs_long_jobs(&LIMITS), long, "{queue:?}");
    }
}

#[test]
fn reserved_members_of_the_other_calls_are_refused() {
    let mut destroy = QueueDestroy::default();
    assert_eq!(destroy.check(), Ok(()));
    destroy.pad = 1;
    let refused = destroy.check().unwrap_err();
    assert_eq!(refused.member, "drm_nova_queue_destroy.pad");

    let state = QueueGetState {
        state: 1,
        reason: 1,
        blame: 1,
        xid: 1,
        jobs_submitted: 1,
        jobs_completed: 1,
        fault_sequence: 1,
        ..QueueGetState::default()
    };
    assert_eq!(state.check(), Ok(()));
    let refused = QueueGetState { flags: 1, ..state }.check().unwrap_err();
    assert_eq!(refused.member, "drm_nova_queue_get_state.flags");
    for reserved in [[1, 0], [0, 1 << 63], [1, 1]] {
        let refused = QueueGetState { reserved, ..state }.check().unwrap_err();
        assert_eq!(refused.member, "drm_nova_queue_get_state.reserved");
    }
}

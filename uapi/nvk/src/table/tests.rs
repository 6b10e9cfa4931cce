// SPDX-License-Identifier: MIT

use nova_uapi::{DRIVER_MAJOR, DRIVER_MINOR};

use super::*;

fn driver(name: &str, minor: u32) -> Driver {
    Driver {
        name: name.into(),
        major: DRIVER_MAJOR,
        minor,
    }
}

fn quiet(why: &str) {
    panic!("{why}");
}

fn adopt(table: &Table, descriptor: RawFd) -> FileId {
    match table.adopt(descriptor, &driver("nova", DRIVER_MINOR), quiet) {
        Some(Known::Nova(id)) => id,
        other => panic!("{descriptor} is nova's, not {other:?}"),
    }
}

fn mark(table: &Table, id: FileId, queue: u32) -> Result {
    table.change(id, |file| {
        file.bind_queue = Some(queue);
        Ok(())
    })
}

fn marked(table: &Table, id: FileId) -> Result<Option<u32>> {
    table.with(id, |file| Ok(file.bind_queue))
}

#[test]
fn a_file_lives_until_its_last_descriptor_is_closed_in_any_order() {
    for order in [[3, 4, 5], [5, 4, 3], [4, 3, 5]] {
        let table = Table::new();
        let id = adopt(&table, 3);
        table.duplicate(3, 4);
        table.duplicate(4, 5);
        mark(&table, id, 7).unwrap();
        for descriptor in order {
            assert_eq!(table.find(descriptor), Some(Known::Nova(id)));
            assert_eq!(marked(&table, id), Ok(Some(7)));
            table.forget(descriptor);
            assert_eq!(table.find(descriptor), None);
        }
        assert_eq!(marked(&table, id), Err(Errno::BADF));
        assert_eq!(table.known.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_descriptor_that_is_used_again_is_another_file() {
    let table = Table::new();
    let first = adopt(&table, 3);
    mark(&table, first, 7).unwrap();
    table.forget(3);
    let second = adopt(&table, 3);
    assert_ne!(first, second);
    assert_eq!(marked(&table, second), Ok(None));
    // A call on the first file that is still under way.
    assert_eq!(mark(&table, first, 8), Err(Errno::BADF));
    assert_eq!(marked(&table, second), Ok(None));
}

#[test]
fn a_copy_replaces_what_the_descriptor_was() {
    let table = Table::new();
    let (a, b) = (adopt(&table, 3), adopt(&table, 4));
    table.duplicate(3, 4);
    assert_eq!(table.find(4), Some(Known::Nova(a)));
    assert_eq!(marked(&table, b), Err(Errno::BADF));
    // Of something that is no DRM device, and of itself.
    table.duplicate(9, 4);
    assert_eq!(table.find(4), None);
    table.duplicate(3, 3);
    assert_eq!(marked(&table, a), Ok(None));
}

#[test]
fn a_range_of_descriptors_is_closed() {
    let table = Table::new();
    let [a, b, c] = [3, 5, 6].map(|descriptor| adopt(&table, descriptor));
    table.duplicate(6, 9);
    table.forget_range(4..=6);
    let found = [3, 5, 6, 9].map(|descriptor| table.find(descriptor));
    let kept = |id| Some(Known::Nova(id));
    assert_eq!(found, [kept(a), None, None, kept(c)]);
    assert_eq!(marked(&table, b), Err(Errno::BADF));
    table.forget_range(0..=2);
    table.forget_range(RangeInclusive::new(9, 3));
    assert_eq!((table.find(3), table.find(9)), (kept(a), kept(c)));
    table.forget_range(3..=u32::MAX);
    assert_eq!(table.known.load(Ordering::Relaxed), 0);
}

#[test]
fn two_files_are_kept_apart_and_a_known_one_is_not_adopted_again() {
    let table = Table::new();
    let (a, b) = (adopt(&table, 3), adopt(&table, 4));
    mark(&table, a, 1).unwrap();
    mark(&table, b, 2).unwrap();
    assert_eq!(
        (marked(&table, a), marked(&table, b)),
        (Ok(Some(1)), Ok(Some(2)))
    );
    assert_eq!(adopt(&table, 3), a);
    assert_eq!(marked(&table, a), Ok(Some(1)));
}

#[test]
fn other_drivers_are_foreign_and_an_old_nova_is_told_of_once() {
    let table = Table::new();
    let nouveau = driver("nouveau", 4);
    assert_eq!(table.adopt(3, &nouveau, quiet), Some(Known::Foreign));
    assert_eq!(table.find(3), Some(Known::Foreign));
    let mut told = Vec::new();
    for descriptor in [4, 5] {
        let old = driver("nova", 0);
        let known = table.adopt(descriptor, &old, |why| told.push(why.to_owned()));
        assert_eq!(known, Some(Known::Foreign));
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

/// As in a child of vfork, which has its parent's memory but descriptors of its own.
#[test]
fn another_process_changes_nothing() {
    let table = Table::new();
    let id = adopt(&table, 3);
    table.process.store(this_process() + 1, Ordering::Relaxed);
    table.forget(3);
    table.forget_range(0..=9);
    table.duplicate(3, 4);
    let nova = driver("nova", DRIVER_MINOR);
    assert_eq!(table.adopt(5, &nova, quiet), None);
    assert_eq!(table.find(3), Some(Known::Nova(id)));
    assert_eq!((table.find(4), table.find(5)), (None, None));
    // The parent goes on.
    table.process.store(this_process(), Ordering::Relaxed);
    table.forget(3);
    assert_eq!(table.find(3), None);
}

/// As in a child of vfork, before its parent has used a DRM device.
#[test]
fn a_table_stays_with_the_process_that_has_claimed_it() {
    let table = Table::new();
    assert!(table.claim() && table.claim());
    table.process.store(this_process() + 1, Ordering::Relaxed);
    assert!(!table.claim());
    assert_eq!(table.adopt(3, &driver("nova", DRIVER_MINOR), quiet), None);
    table.freeze().thaw_in_child();
    adopt(&table, 3);
}

#[test]
fn a_forked_child_goes_on_with_its_copy() {
    let table = Table::new();
    let id = adopt(&table, 3);
    table.process.store(this_process() + 1, Ordering::Relaxed);
    table.freeze().thaw_in_child();
    table.duplicate(3, 4);
    assert_eq!(table.find(4), Some(Known::Nova(id)));
    drop(table.freeze());
    table.forget(3);
    assert_eq!(table.find(3), None);
}

#[test]
fn threads_open_copy_and_close_at_once() {
    let table = Table::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let table = &table;
            scope.spawn(move || {
                for round in 0..200 {
                    let descriptor = thread * 10;
                    let id = adopt(table, descriptor);
                    mark(table, id, round).unwrap();
                    table.duplicate(descriptor, descriptor + 1);
                    table.forget(descriptor);
                    assert_eq!(marked(table, id), Ok(Some(round)));
                    table.forget(descriptor + 1);
                    assert_eq!(marked(table, id), Err(Errno::BADF));
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..200 {
                drop(table.freeze());
            }
        });
    });
    assert!(table.read().files.is_empty() && table.read().descriptors.is_empty());
}

// SPDX-License-Identifier: MIT

//! Bytes to copy, and their comparison.

/// Bytes that look random, and are the same for the same number.
pub fn pattern(number: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(number).fill(&mut bytes);
    bytes
}

/// Asserts that bytes are those that were expected, and otherwise shows where they differ first.
///
/// # Panics
///
/// If they are not.
#[track_caller]
pub fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: the length");
    let differs = |&at: &usize| found[at] != expected[at];
    let Some(first) = (0..found.len()).find(differs) else {
        return;
    };
    let count = (0..found.len()).filter(differs).count();
    let end = found.len().min(first + 16);
    panic!(
        "{what}: {count} of {} bytes differ; from {first:#x} on there is\n{:02x?}, not\n{:02x?}",
        found.len(),
        &found[first..end],
        &expected[first..end]
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_differ_by_number_alone() {
        assert_eq!(pattern(1, 100), pattern(1, 100));
        assert_ne!(pattern(1, 100), pattern(2, 100));
    }

    #[test]
    #[should_panic(
        expected = "a copy: 1 of 3 bytes differ; from 0x1 on there is\n[02, 03], not\n[00, 03]"
    )]
    fn the_first_difference_is_shown() {
        assert_same(&[1, 2, 3], &[1, 0, 3], "a copy");
    }
}

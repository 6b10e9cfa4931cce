// SPDX-License-Identifier: GPL-2.0

//! Which objects leave VRAM when it is full: those that were used the longest time ago, one after the other, and none if all
//! of them together would not be enough.

use core::ops::DerefMut;

/// An object that may be moved out of VRAM.
#[derive(Debug)]
pub struct Victim<O> {
    /// Bytes of VRAM that it has.
    pub size: u64,
    /// When it was used last; later uses have larger numbers.
    pub used: u64,
    /// The object itself.
    pub object: O,
}

/// Objects that may be moved. `S` is a slice with an element for each; those that were taken are `None`.
pub struct Victims<S> {
    all: S,
    /// Bytes that those have that are left.
    size: u64,
}

/// What came of an attempt to take VRAM.
#[derive(Debug)]
pub enum Taken<T> {
    /// It is there.
    Taken(T),
    /// There is too little of it.
    Short {
        /// Bytes that are left, of which some may be too scattered.
        left: u64,
    },
}

impl<O, S: DerefMut<Target = [Option<Victim<O>>]>> Victims<S> {
    /// From objects in any order.
    pub fn new(all: S) -> Self {
        let sizes = all.iter().flatten().map(|victim| victim.size);
        let size = sizes.fold(0, u64::saturating_add);
        Self { all, size }
    }

    /// Takes the one that was used the longest time ago. To look for it takes nothing beside moving it.
    fn next(&mut self) -> Option<O> {
        let left = self.all.iter_mut().filter(|victim| victim.is_some());
        let oldest = left.min_by_key(|victim| victim.as_ref().map(|victim| victim.used))?;
        let victim = oldest.take()?;
        self.size = self.size.saturating_sub(victim.size);
        Some(victim.object)
    }

    /// Calls `take`, which needs `size` bytes of VRAM, until it has them; before each further call, `evict` moves an object, or
    /// leaves it where it is. `None` if it takes more than is left and can be moved.
    ///
    /// # Errors
    ///
    /// Those of `take` and of `evict`.
    pub fn until_taken<T, E>(
        &mut self,
        size: u64,
        mut take: impl FnMut() -> Result<Taken<T>, E>,
        mut evict: impl FnMut(O) -> Result<(), E>,
    ) -> Result<Option<T>, E> {
        loop {
            let left = match take()? {
                Taken::Taken(taken) => return Ok(Some(taken)),
                Taken::Short { left } => left,
            };
            if left.saturating_add(self.size) < size {
                return Ok(None);
            }
            let Some(object) = self.next() else {
                return Ok(None);
            };
            evict(object)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::RefCell;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// An object of the model.
    #[derive(Clone, Debug)]
    struct Object {
        size: u64,
        used: u64,
        /// It cannot be moved.
        is_busy: bool,
    }

    fn object() -> impl Strategy<Value = Object> {
        (1_u64..=64, 0_u64..8, prop::bool::weighted(0.2)).prop_map(|(size, used, is_busy)| Object {
            size,
            used,
            is_busy,
        })
    }

    fn victims(objects: &[Object]) -> Victims<Vec<Option<Victim<usize>>>> {
        let victim = |(object, of): (usize, &Object)| {
            Some(Victim {
                size: of.size,
                used: of.used,
                object,
            })
        };
        Victims::new(objects.iter().enumerate().map(victim).collect())
    }

    /// Takes VRAM of which `free` bytes are left; returns whether it was there, and the objects that were tried and moved.
    fn take(objects: &[Object], free: u64, size: u64) -> (bool, Vec<usize>, Vec<usize>) {
        let left = RefCell::new(free);
        let (mut tried, mut moved) = (Vec::new(), Vec::new());
        let taken = victims(objects).until_taken(
            size,
            || {
                let left = *left.borrow();
                Ok::<_, ()>(match left >= size {
                    true => Taken::Taken(()),
                    false => Taken::Short { left },
                })
            },
            |object| {
                tried.push(object);
                if !objects[object].is_busy {
                    moved.push(object);
                    *left.borrow_mut() += objects[object].size;
                }
                Ok(())
            },
        );
        (taken == Ok(Some(())), tried, moved)
    }

    #[test]
    fn the_error_of_a_move_ends_it() {
        let object = Object {
            size: 4,
            used: 0,
            is_busy: false,
        };
        let short = || Ok(Taken::<()>::Short { left: 0 });
        let mut calls = 0;
        let taken = victims(&[object.clone(), object]).until_taken(8, short, |_| {
            calls += 1;
            Err("it failed")
        });
        assert_eq!((taken, calls), (Err("it failed"), 1));
    }

    #[test]
    fn scattered_room_takes_all_objects_and_no_more() {
        let object = Object {
            size: 4,
            used: 0,
            is_busy: false,
        };
        let short = || Ok::<_, ()>(Taken::<()>::Short { left: 100 });
        let mut calls = 0;
        let taken = victims(&[object.clone(), object]).until_taken(8, short, |_| {
            calls += 1;
            Ok(())
        });
        assert_eq!((taken, calls), (Ok(None), 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 512 }))]

        /// What is needed is there if the objects that can be moved have it, and not one is moved that is not needed, or that
        /// was used after another that could be.
        #[test]
        fn objects_move_as_in_the_model(
            objects in prop::collection::vec(object(), 0..12),
            free in 0_u64..64,
            size in 0_u64..512,
        ) {
            let (taken, tried, moved) = take(&objects, free, size);
            let all: u64 = objects.iter().map(|object| object.size).sum();
            let movable: u64 =
                objects.iter().filter(|object| !object.is_busy).map(|object| object.size).sum();
            let bytes = |moved: &[usize]| -> u64 {
                moved.iter().map(|&object| objects[object].size).sum()
            };
            prop_assert_eq!(taken, free + movable >= size);
            prop_assert!(tried.windows(2).all(|pair| objects[pair[0]].used <= objects[pair[1]].used));
            let newest = tried.last().map_or(0, |&object| objects[object].used);
            let untried = (0..objects.len()).filter(|object| !tried.contains(object));
            for object in untried {
                prop_assert!(tried.is_empty() || objects[object].used >= newest);
            }
            if let Some((_, all_but_last)) = moved.split_last() {
                prop_assert!(free + bytes(all_but_last) < size, "the last one was not needed");
            }
            if free + all < size {
                prop_assert!(tried.is_empty(), "nothing is moved in vain");
            }
        }
    }
}

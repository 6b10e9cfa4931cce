// SPDX-License-Identifier: GPL-2.0

//! A set of interrupt vectors that the hard half of the interrupt uses, which takes no lock.

use kernel::sync::atomic::{Atomic, Full, Relaxed};
use nova_core::{Vectors, VECTOR_WORDS};

/// A set of vectors. Each vector is added and removed by itself: who reads the set meanwhile may see any part of it.
pub(crate) struct AtomicVectors([Atomic<u32>; VECTOR_WORDS]);

impl AtomicVectors {
    /// No vectors.
    pub(crate) const fn new() -> Self {
        Self([const { Atomic::new(0) }; VECTOR_WORDS])
    }

    /// The vectors.
    pub(crate) fn get(&self) -> Vectors {
        Vectors::from_words(self.0.each_ref().map(|word| word.load(Relaxed)))
    }

    /// Adds vectors.
    pub(crate) fn add(&self, vectors: &Vectors) {
        for (word, bits) in self.0.iter().zip(vectors.words()) {
            let mut before = word.load(Relaxed);
            while before | bits != before {
                match word.cmpxchg(before, before | bits, Full) {
                    Ok(_) => break,
                    Err(now) => before = now,
                }
            }
        }
    }

    /// Removes all vectors, and returns them.
    pub(crate) fn take(&self) -> Vectors {
        let words = self.0.each_ref();
        Vectors::from_words(words.map(|word| match word.load(Relaxed) {
            0 => 0,
            _ => word.xchg(0, Full),
        }))
    }
}

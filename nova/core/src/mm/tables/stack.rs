// SPDX-License-Identifier: GPL-2.0

//! Values that a tree of tables or a list holds, and that move between them without allocation.

use core::ops::{Deref, DerefMut};

use crate::platform::Scratch;

/// A value with the link that a [`Stack`] needs.
pub(crate) struct Node<P: Scratch, T> {
    value: T,
    below: Option<Held<P, T>>,
}

/// A value in memory of its own.
pub(crate) type Held<P, T> = <P as Scratch>::Boxed<Node<P, T>>;

impl<P: Scratch, T> Node<P, T> {
    /// A value that is in no stack.
    pub(super) fn new(value: T) -> Self {
        Self { value, below: None }
    }
}

impl<P: Scratch, T> Deref for Node<P, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<P: Scratch, T> DerefMut for Node<P, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Any number of values.
pub(crate) struct Stack<P: Scratch, T> {
    top: Option<Held<P, T>>,
}

impl<P: Scratch, T> Stack<P, T> {
    /// No values.
    pub(super) fn new() -> Self {
        Self { top: None }
    }

    /// Adds a value.
    pub(super) fn push(&mut self, mut held: Held<P, T>) {
        held.below = self.top.take();
        self.top = Some(held);
    }

    /// Takes the value that was added last.
    pub(super) fn pop(&mut self) -> Option<Held<P, T>> {
        let mut held = self.top.take()?;
        self.top = held.below.take();
        Some(held)
    }
}

/// Without this, each value would drop the one below it, and a long stack that of the CPU.
impl<P: Scratch, T> Drop for Stack<P, T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

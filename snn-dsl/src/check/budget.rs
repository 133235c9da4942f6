//! How often a text may repeat itself. A function is written out at every call, and a `let` wherever it stands, so a
//! short text can describe a large computation. What is looked at more than once is counted, and a text may have
//! looked at again a fixed number of parts and a few for each of its bytes: so the time of a check is linear in its
//! length.

use std::cell::Cell;

/// One part of an expression that is written out once more.
pub(super) const WRITTEN: usize = 8;
/// What every text may repeat.
const BASE: usize = 200_000;
/// What it may repeat for each of its bytes.
const PER_BYTE: usize = 16;

/// The most operations of a neuron, a constant, or the losses of a network: what is derived from them has many times as
/// many, and coefficients are counted with 16 bits.
pub(super) const OPERATIONS: usize = 10_000;

/// What is left of it for one text and the library texts it uses.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<usize>,
    reported: Cell<bool>,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: Cell::new(BASE + PER_BYTE * bytes), reported: Cell::new(false) }
    }

    /// False if that was too much.
    pub(super) fn spend(&self, parts: usize) -> bool {
        self.left.set(self.left.get().saturating_sub(parts));
        !self.is_spent()
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// True for the first who asks: one report is enough.
    pub(super) fn reports(&self) -> bool {
        !self.reported.replace(true)
    }
}

//! How often a text may repeat itself. A function is written out at every call, and a `let` wherever it stands, so a
//! short text can describe a large computation. What is looked at more than once is counted, and a text may have
//! looked at again a fixed number of parts and a few for each of its bytes. So repetition alone never costs more than
//! that; `tests/limits.rs` has what else once took long.

use super::typing::Typing;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest::closest;
use crate::source::Span;
use std::cell::Cell;

/// One part of an expression that is written out once more.
pub(super) const WRITTEN: usize = 8;
/// What every text may repeat.
const BASE: usize = 200_000;
/// What it may repeat for each of its bytes.
const PER_BYTE: usize = 16;

/// The most operations of a neuron, a constant, or the losses of a network: what is derived from them has many times as
/// many. A linear system has a coefficient for every pair of its states, so the coefficients of a neuron can be more than
/// its operations; they are counted with 32 bits.
const OPERATIONS: usize = 10_000;

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

impl Typing<'_> {
    /// The name nearest to a misspelt one. Looking through all names for each of very many mistakes would take longer
    /// than reading the hints.
    pub(super) fn near<'n>(&self, name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        if self.diagnostics.is_long() { None } else { closest(name, candidates) }
    }

    /// Takes something from the budget; reports once if nothing is left, which is the fault of `span`.
    pub(super) fn spend(&mut self, parts: usize, span: Span) -> Option<()> {
        if self.definitions.budget.spend(parts) {
            return Some(());
        }
        self.spent(span)
    }

    /// Reports that the budget is spent, if nobody has; always `None`.
    pub(super) fn spent<T>(&mut self, span: Span) -> Option<T> {
        self.failed = true;
        if self.definitions.budget.reports() {
            let message = "expected smaller expressions, found large ones that are repeated too often";
            let hint = "what functions, `let` names and models stand for is looked at wherever they are used: make it \
                        smaller, or use it less often";
            self.diagnostics.push(Diagnostic::error("E0311", span, message).hint(hint));
        }
        None
    }

    /// False if too much has been written; the first time that is reported.
    pub(super) fn has_room(&mut self, span: Span) -> bool {
        if (self.again || !self.inlining.is_empty()) && !self.definitions.budget.spend(WRITTEN) {
            self.failed = true;
            return false;
        }
        if self.arena.len() <= OPERATIONS {
            return true;
        }
        if !self.failed {
            self.failed = true;
            let place = match (&self.program, self.in_neuron) {
                (Some(_), _) => "the losses of a network",
                (None, true) => "a neuron",
                (None, false) => "a constant or a surrogate",
            };
            let message = format!("expected at most {OPERATIONS} operations in {place}, found more");
            let hint = match self.inlining.last() {
                Some(name) => format!("functions are written out where they are called: make `{name}` smaller"),
                None => "divide it, or say the same with fewer terms".into(),
            };
            self.diagnostics.push(Diagnostic::error("E0311", span, message).hint(hint));
        }
        false
    }
}

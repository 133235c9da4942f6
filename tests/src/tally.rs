//! What proofs of the gradients of random cases found in all.

use crate::smooth::Report;
use std::cell::Cell;

/// Counts over cases.
#[derive(Debug, Default)]
pub struct Tally {
    rejects: Cell<usize>,
    compared: Cell<usize>,
    other_steps: Cell<usize>,
    nonzero: Cell<usize>,
}

impl Tally {
    /// Counts a case; one whose gradients have no differences to be compared with has no report.
    pub fn add(&self, report: Option<&Report>) {
        let add = |count: &Cell<usize>, more: usize| count.set(count.get() + more);
        let Some(report) = report else { return add(&self.rejects, 1) };
        add(&self.compared, report.compared);
        add(&self.other_steps, report.other_steps);
        add(&self.nonzero, report.nonzero);
    }

    /// Prints the counts. At most one case of `rejects` may have no report, at most one parameter of `other_steps` may need a step
    /// of its own, and at least half of them must have a gradient.
    ///
    /// # Panics
    /// If it is otherwise.
    pub fn finish(&self, cases: u32, rejects: usize, other_steps: usize) {
        let (rejected, compared) = (self.rejects.get(), self.compared.get());
        let found = format!(
            "{rejected} of {cases} rejected; of {compared} parameters {} with gradient, {} with another step",
            self.nonzero.get(),
            self.other_steps.get()
        );
        println!("{found}");
        assert!(rejected * rejects <= cases as usize, "{found}");
        assert!(self.other_steps.get() * other_steps <= compared, "{found}");
        assert!(self.nonzero.get() * 2 >= compared, "{found}");
    }
}

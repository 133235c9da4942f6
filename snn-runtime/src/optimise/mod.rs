//! Optimisers: how a gradient changes the trained numbers.
//!
//! An optimiser leaves frozen tensors alone, takes the learning rate of each tensor times the factor of its
//! [`crate::Update`], clips the tensor to its limits after the update, and checks everything before it writes anything: after an error the
//! parameters and its own state are what they were. Its state can be taken out and put back, and training goes on bit
//! for bit as if it had not been interrupted; [`crate::checkpoint`] does so with files. The learning rate comes with every step; [`Schedule`] says how it changes,
//! and [`clip_norm`] and [`clip_value`] limit a gradient.
//!
//! ```
//! use snn_runtime::optimise::{Adam, Optimiser, Schedule, clip_norm};
//! use snn_runtime::{Layout, ParameterSet, Parameters};
//!
//! let mut layout = Layout::default();
//! layout.push("hidden.bias", &[2], "nA", false);
//! let mut parameters = ParameterSet::<f32>::zeros(layout.into());
//! let schedule = Schedule::Cosine { warmup_steps: 0, total_steps: 100, final_fraction: 0.01 };
//! let mut optimiser = Adam::new();
//! for step in 0..100 {
//!     // The gradient of |x - 1|^2 / 2.
//!     let mut gradient: Vec<f32> = parameters.values().iter().map(|x| x - 1.0).collect();
//!     clip_norm(&mut gradient, 1.0);
//!     optimiser.step(&mut parameters, &gradient, 0.05 * schedule.factor(step))?;
//! }
//! assert!(parameters.values().iter().all(|x| (x - 1.0).abs() < 0.1));
//! # Ok::<(), snn_runtime::optimise::OptimiseError>(())
//! ```

mod adam;
mod check;
mod clip;
mod schedule;
mod sgd;

pub use adam::{Adam, AdamState, AdamW};
pub use check::OptimiseError;
pub use clip::{clip_norm, clip_value};
pub use schedule::Schedule;
pub use sgd::{Sgd, SgdState};

use crate::{Parameters, Real};

/// A rule that changes parameters along a gradient.
pub trait Optimiser<R: Real> {
    /// One update. `gradient` has one number for each of the parameters, in the order of their layout; those of frozen
    /// tensors are ignored.
    ///
    /// # Errors
    /// If the gradient, or the state of earlier steps, has another length than the parameters; if the learning rate is
    /// negative or not finite; if the gradient of a tensor that is not frozen is not finite. Nothing has changed then.
    fn step(
        &mut self,
        parameters: &mut dyn Parameters<R>,
        gradient: &[R],
        learning_rate: f64,
    ) -> Result<(), OptimiseError>;

    /// The rule with all its settings, as in `Sgd { momentum: 0.9, nesterov: false, decay: 0.0 }`: optimisers with the
    /// same text and the same state take the same steps.
    fn rule(&self) -> String;

    /// What it keeps from step to step.
    fn state_view(&self) -> StateView<'_, R>;

    /// What it keeps from step to step, to be written; the parts are in the order of [`Self::state_view`].
    fn state_view_mut(&mut self) -> StateViewMut<'_, R>;
}

/// The state of any optimiser, as a file has to keep it.
#[derive(Clone, Debug, PartialEq)]
pub struct StateView<'a, R> {
    /// The number of steps taken.
    pub steps: u64,
    /// Names and numbers; each part has one number for each parameter, or none.
    pub parts: Vec<(&'static str, &'a [R])>,
}

/// The state of any optimiser, to be written.
#[derive(Debug, PartialEq)]
pub struct StateViewMut<'a, R> {
    /// The number of steps taken.
    pub steps: &'a mut u64,
    /// The numbers.
    pub parts: Vec<&'a mut Vec<R>>,
}

#[cfg(test)]
mod testing {
    use crate::{Layout, ParameterSet, Parameters, Real};

    fn filled<R: Real>(layout: Layout, values: &[R]) -> ParameterSet<R> {
        let mut set = ParameterSet::zeros(layout.into());
        set.values_mut().copy_from_slice(values);
        set
    }

    /// One tensor.
    pub(super) fn set<R: Real>(values: &[R]) -> ParameterSet<R> {
        let mut layout = Layout::default();
        layout.push("x", &[values.len()], "", false);
        filled(layout, values)
    }

    /// Two tensors, of which the second, with all but the first number, has a tenth of the rate and stays in 0.8 .. 1.1.
    pub(super) fn grouped<R: Real>(values: &[R]) -> ParameterSet<R> {
        let mut layout = Layout::default();
        layout.push("first", &[1], "", false);
        let second = layout.push("second", &[values.len() - 1], "", false);
        layout.set_update(second, crate::Update { rate: 0.1, low: 0.8, high: 1.1 });
        filled(layout, values)
    }

    /// Three tensors, of which the one in the middle, with all but the first and the last number, is frozen.
    pub(super) fn frozen_middle<R: Real>(values: &[R]) -> ParameterSet<R> {
        let mut layout = Layout::default();
        layout.push("first", &[1], "", false);
        layout.push("middle", &[values.len() - 2], "", true);
        layout.push("last", &[1], "", false);
        filled(layout, values)
    }
}

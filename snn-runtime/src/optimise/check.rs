//! What can be wrong with a step, and the checks before it.

use crate::threads::all_finite;
use crate::{Layout, Parameters, Real};
use std::sync::Arc;
use thiserror::Error;

/// Errors of optimisers.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum OptimiseError {
    /// The gradient does not belong to the parameters.
    #[error(
        "expected a gradient of {expected} numbers, as many as there are parameters, found {found}; \
         use the gradient of the same network"
    )]
    GradientLength {
        /// The number of parameters.
        expected: usize,
        /// The length of the gradient.
        found: usize,
    },
    /// The parameters contradict their own layout.
    #[error("expected {expected} parameters, as the layout says, found {found}; make the buffer as long as the layout")]
    ParameterLength {
        /// The length of the layout.
        expected: usize,
        /// The length of the buffer.
        found: usize,
    },
    /// The state of the optimiser does not belong to the parameters.
    #[error(
        "expected a state with {expected} numbers as {what}, found {found}; use one optimiser for each network, and with \
         it only states that it saved"
    )]
    StateLength {
        /// Which part of the state.
        what: &'static str,
        /// The number of parameters.
        expected: usize,
        /// The number in the state.
        found: usize,
    },
    /// A learning rate that is negative or not finite.
    #[error("expected a finite learning rate of at least 0, found {found}; check the schedule")]
    LearningRate {
        /// The rate.
        found: f64,
    },
    /// A gradient that is infinite or not a number.
    #[error(
        "expected a finite gradient, found {found} at place {place} of tensor `{tensor}`; lower the learning rate, or \
         look for a value outside the range of the equations"
    )]
    Gradient {
        /// The name of the tensor.
        tensor: String,
        /// The place in the tensor, row-major.
        place: usize,
        /// The number.
        found: f64,
    },
    /// A setting outside its range.
    #[error("expected {expected} as {setting}, found {found}; change the setting")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value.
        found: f64,
    },
}

/// Checks what every step needs, and returns the layout.
pub(super) fn check<R: Real>(
    parameters: &dyn Parameters<R>,
    gradient: &[R],
    learning_rate: f64,
) -> Result<Arc<Layout>, OptimiseError> {
    let layout = parameters.layout();
    let (expected, found) = (layout.len(), parameters.values().len());
    if found != expected {
        return Err(OptimiseError::ParameterLength { expected, found });
    }
    if gradient.len() != expected {
        return Err(OptimiseError::GradientLength { expected, found: gradient.len() });
    }
    if !(learning_rate.is_finite() && learning_rate >= 0.0) {
        return Err(OptimiseError::LearningRate { found: learning_rate });
    }
    for tensor in layout.tensors().iter().filter(|t| !t.frozen) {
        let numbers = gradient.get(tensor.range.clone()).unwrap_or(&[]);
        if all_finite(numbers) {
            continue;
        }
        if let Some(place) = numbers.iter().position(|x| !x.is_finite()) {
            let found = numbers[place].to_f64();
            return Err(OptimiseError::Gradient { tensor: tensor.name.clone(), place, found });
        }
    }
    Ok(layout.clone())
}

/// A part of a state is as long as the parameters, or empty before the first step.
pub(super) fn state_length<R>(part: &[R], what: &'static str, expected: usize) -> Result<(), OptimiseError> {
    let found = part.len();
    if found == 0 || found == expected { Ok(()) } else { Err(OptimiseError::StateLength { what, expected, found }) }
}

/// A setting that has to lie in `low..high`.
pub(super) fn setting(
    setting: &'static str,
    expected: &'static str,
    range: std::ops::Range<f64>,
    found: f64,
) -> Result<f64, OptimiseError> {
    if range.contains(&found) { Ok(found) } else { Err(OptimiseError::Setting { setting, expected, found }) }
}

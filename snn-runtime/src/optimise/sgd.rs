//! Stochastic gradient descent.

use super::check::{check, setting, state_length};
use super::{OptimiseError, Optimiser, StateView, StateViewMut};
use crate::math::flush;
use crate::threads::{PIECE, in_pool};
use crate::{Parameters, Real};
use rayon::prelude::*;

/// Gradient descent, with momentum if wanted (Polyak 1964; Nesterov 1983 as in Sutskever et al., "On the importance of
/// initialization and momentum in deep learning", ICML 2013), in the form of PyTorch:
///
/// ```text
/// g = gradient + decay x
/// v = momentum · v + g
/// x = x - rate · v                      (Nesterov: x - rate · (g + momentum · v))
/// ```
///
/// A velocity `v` below 1e-30 counts as 0, so that those of silent neurons do not end in denormal numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Sgd<R> {
    momentum: f64,
    nesterov: bool,
    decay: f64,
    state: SgdState<R>,
}

/// What [`Sgd`] keeps from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SgdState<R> {
    /// The number of steps taken.
    pub steps: u64,
    /// One number for each parameter; empty before the first step and without momentum.
    pub velocity: Vec<R>,
}

impl<R: Real> Default for Sgd<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Real> Sgd<R> {
    /// No momentum, no weight decay.
    pub fn new() -> Self {
        Self { momentum: 0.0, nesterov: false, decay: 0.0, state: SgdState::default() }
    }

    /// Sets the momentum.
    ///
    /// # Errors
    /// If it is not in 0..1.
    pub fn momentum(mut self, momentum: f64) -> Result<Self, OptimiseError> {
        self.momentum = setting("momentum", "a number in 0..1", 0.0..1.0, momentum)?;
        self.nesterov = false;
        Ok(self)
    }

    /// Sets the momentum, which looks ahead.
    ///
    /// # Errors
    /// If it is not in 0..1.
    pub fn nesterov(self, momentum: f64) -> Result<Self, OptimiseError> {
        Ok(Self { nesterov: true, ..self.momentum(momentum)? })
    }

    /// Adds `decay` times the parameters to the gradient. It applies to every tensor that is not frozen.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn weight_decay(mut self, decay: f64) -> Result<Self, OptimiseError> {
        self.decay = setting("weight decay", "a finite number of at least 0", 0.0..f64::INFINITY, decay)?;
        Ok(self)
    }

    /// What has to be saved to go on later.
    pub fn state(&self) -> &SgdState<R> {
        &self.state
    }

    /// Goes on from a saved state; its length is checked by the next step.
    pub fn set_state(&mut self, state: SgdState<R>) {
        self.state = state;
    }
}

impl<R: Real> Optimiser<R> for Sgd<R> {
    fn step(
        &mut self,
        parameters: &mut dyn Parameters<R>,
        gradient: &[R],
        learning_rate: f64,
    ) -> Result<(), OptimiseError> {
        let layout = check(parameters, gradient, learning_rate)?;
        let SgdState { steps, velocity } = &mut self.state;
        state_length(velocity, "velocities", layout.len())?;
        if self.momentum > 0.0 {
            velocity.resize(layout.len(), R::ZERO);
        } else {
            velocity.clear();
        }
        *steps = steps.saturating_add(1);

        let values = parameters.values_mut();
        in_pool(|| {
            for tensor in layout.tensors().iter().filter(|t| !t.frozen) {
                let place = || tensor.range.clone();
                let (Some(x), Some(g)) = (values.get_mut(place()), gradient.get(place())) else { continue };
                let rate = R::from_f64(learning_rate * tensor.update.rate);
                let (decay, momentum) = (R::from_f64(self.decay), R::from_f64(self.momentum));
                let step = Step { rate, decay, momentum, nesterov: self.nesterov };
                match velocity.get_mut(place()).filter(|_| self.momentum > 0.0) {
                    None => step.plain(x, g),
                    Some(v) => step.with_momentum(x, g, v),
                }
                tensor.update.clip(x);
            }
        });
        Ok(())
    }

    fn rule(&self) -> String {
        // Debug writes the shortest text that is read as the same number.
        let Self { momentum, nesterov, decay, .. } = self;
        format!("Sgd {{ momentum: {momentum:?}, nesterov: {nesterov}, decay: {decay:?} }}")
    }

    fn state_view(&self) -> StateView<'_, R> {
        StateView { steps: self.state.steps, parts: vec![("velocity", &self.state.velocity)] }
    }

    fn state_view_mut(&mut self) -> StateViewMut<'_, R> {
        let SgdState { steps, velocity } = &mut self.state;
        StateViewMut { steps, parts: vec![velocity] }
    }
}

/// One step with everything that is the same for all numbers.
struct Step<R> {
    rate: R,
    decay: R,
    momentum: R,
    nesterov: bool,
}

impl<R: Real> Step<R> {
    fn plain(&self, x: &mut [R], g: &[R]) {
        let pieces = x.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE));
        pieces.for_each(|(x, g)| {
            for (x, &g) in x.iter_mut().zip(g) {
                *x -= self.rate * (g + self.decay * *x);
            }
        });
    }

    fn with_momentum(&self, x: &mut [R], g: &[R], v: &mut [R]) {
        let pieces = x.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE)).zip(v.par_chunks_mut(PIECE));
        pieces.for_each(|((x, g), v)| {
            for ((x, &g), v) in x.iter_mut().zip(g).zip(v) {
                let g = g + self.decay * *x;
                *v = flush(self.momentum * *v + g);
                *x -= self.rate * if self.nesterov { g + self.momentum * *v } else { *v };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{frozen_middle, grouped, set};
    use super::*;

    #[test]
    fn plain_steps_follow_the_gradient() {
        let mut x = set(&[1.0, -2.0]);
        let mut sgd = Sgd::new().weight_decay(0.5).unwrap();
        sgd.step(&mut x, &[2.0, 0.0], 0.1).unwrap();
        // 1 - 0.1 (2 + 0.5), -2 - 0.1 (0 - 1)
        assert_eq!(x.values(), [0.75, -1.9]);
        assert_eq!((sgd.state().steps, sgd.state().velocity.len()), (1, 0));
    }

    #[test]
    fn momentum_adds_up() {
        let mut x = set(&[0.0]);
        let mut sgd = Sgd::new().momentum(0.5).unwrap();
        for _ in 0..3 {
            sgd.step(&mut x, &[1.0], 1.0).unwrap();
        }
        // v = 1, 1.5, 1.75.
        assert_eq!(x.values(), [-4.25]);
        assert_eq!(*sgd.state(), SgdState { steps: 3, velocity: vec![1.75] });
    }

    #[test]
    fn nesterov_looks_ahead() {
        let mut x = set(&[0.0]);
        let mut sgd = Sgd::new().nesterov(0.5).unwrap();
        for _ in 0..2 {
            sgd.step(&mut x, &[1.0], 1.0).unwrap();
        }
        // v = 1, 1.5; the steps are 1 + 0.5 and 1 + 0.75.
        assert_eq!(x.values(), [-3.25]);
        assert_eq!(Sgd::<f64>::new().nesterov(0.5).unwrap().momentum(0.5).unwrap(), Sgd::new().momentum(0.5).unwrap());
    }

    #[test]
    fn frozen_tensors_stay() {
        let mut x = frozen_middle(&[1.0, 2.0, 3.0, 4.0]);
        let mut sgd = Sgd::new().momentum(0.9).unwrap().weight_decay(0.1).unwrap();
        sgd.step(&mut x, &[1.0, f64::NAN, 1.0, 1.0], 0.5).unwrap();
        assert_eq!(x.values()[1..3], [2.0, 3.0]);
        assert!(x.values()[0] < 1.0 && x.values()[3] < 4.0);
        assert_eq!(sgd.state().velocity[1..3], [0.0, 0.0]);
    }

    #[test]
    fn tensors_have_their_own_rates_and_limits() {
        for momentum in [0.0, 0.5] {
            let mut x = grouped(&[1.0, 1.0, 1.0, 1.0]);
            let mut sgd = Sgd::new().momentum(momentum).unwrap();
            sgd.step(&mut x, &[1.0, 1.0, -3.0, 2.0], 0.5).unwrap();
            // A tenth of the rate, between 0.8 and 1.1.
            assert_eq!(x.values(), [0.5, 0.95, 1.1, 0.9]);
            sgd.step(&mut x, &[0.0, 8.0, 0.0, 0.0], 0.5).unwrap();
            assert_eq!(x.values()[1], 0.8);
        }
    }

    #[test]
    fn settings_have_ranges() {
        for momentum in [-0.1, 1.0, f64::NAN] {
            let error = Sgd::<f64>::new().momentum(momentum).unwrap_err();
            assert!(error.to_string().starts_with("expected a number in 0..1 as momentum, found"), "{error}");
            assert!(Sgd::<f64>::new().nesterov(momentum).is_err());
        }
        assert!(Sgd::<f64>::new().weight_decay(f64::INFINITY).is_err());
    }

    #[test]
    fn a_state_of_another_network_is_an_error_and_changes_nothing() {
        let mut x = set(&[1.0, 2.0]);
        let mut sgd = Sgd::new().momentum(0.5).unwrap();
        let state = SgdState { steps: 7, velocity: vec![0.0; 3] };
        sgd.set_state(state.clone());
        let error = sgd.step(&mut x, &[1.0, 1.0], 0.1).unwrap_err();
        assert_eq!(error, OptimiseError::StateLength { what: "velocities", expected: 2, found: 3 });
        assert_eq!((x.values(), sgd.state()), (&[1.0, 2.0][..], &state));
    }
}

//! Adam and AdamW.

use super::check::{check, setting, state_length};
use super::{OptimiseError, Optimiser, StateView, StateViewMut};
use crate::math::{flush, pow};
use crate::simd::{Loops, dispatch};
use crate::threads::{PIECE, in_pool};
use crate::{Parameters, Real};
use rayon::prelude::*;

/// Adam (Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015), in the form of PyTorch:
///
/// ```text
/// g = gradient + decay x
/// m = β1 m + (1 - β1) g        v = β2 v + (1 - β2) g²
/// x = x - rate / (1 - β1^t) · m / (√v / √(1 - β2^t) + ε)
/// ```
///
/// The moments have the type of the parameters; what is the same for all numbers is computed in `f64`. A mean `m` below
/// 1e-30 and a square `v` below 1e-36 count as 0, so that the moments of silent neurons do not end in denormal numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam<R> {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    decay: f64,
    decoupled: bool,
    state: AdamState<R>,
}

/// What [`Adam`] and [`AdamW`] keep from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdamState<R> {
    /// The number of steps taken.
    pub steps: u64,
    /// The running mean of the gradient, `m`: one number for each parameter, or empty before the first step.
    pub mean: Vec<R>,
    /// The running mean of the squared gradient, `v`: one number for each parameter, or empty before the first step.
    pub square: Vec<R>,
}

impl<R: Real> Default for Adam<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Real> Adam<R> {
    /// β1 = 0.9, β2 = 0.999, ε = 1e-8, no weight decay.
    pub fn new() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0, decoupled: false, state: AdamState::default() }
    }

    /// Sets β1 and β2.
    ///
    /// # Errors
    /// If one of them is not in 0..1.
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Result<Self, OptimiseError> {
        self.beta1 = setting("beta1", "a number in 0..1", 0.0..1.0, beta1)?;
        self.beta2 = setting("beta2", "a number in 0..1", 0.0..1.0, beta2)?;
        Ok(self)
    }

    /// Sets ε, which stands outside the root.
    ///
    /// # Errors
    /// If it is not a finite number of at least 1e-30: with less, parameters without a gradient would be 0 / 0.
    pub fn epsilon(mut self, epsilon: f64) -> Result<Self, OptimiseError> {
        self.epsilon = setting("epsilon", "a finite number of at least 1e-30", 1e-30..f64::INFINITY, epsilon)?;
        Ok(self)
    }

    /// Adds `decay` times the parameters to the gradient (L2 regularisation). It applies to every tensor that is not
    /// frozen. [`AdamW`] takes the decay out of the moments.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn weight_decay(mut self, decay: f64) -> Result<Self, OptimiseError> {
        self.decay = setting("weight decay", "a finite number of at least 0", 0.0..f64::INFINITY, decay)?;
        Ok(self)
    }

    /// What has to be saved to go on later.
    pub fn state(&self) -> &AdamState<R> {
        &self.state
    }

    /// Goes on from a saved state; its lengths are checked by the next step.
    pub fn set_state(&mut self, state: AdamState<R>) {
        self.state = state;
    }
}

impl<R: Real> Optimiser<R> for Adam<R> {
    fn step(
        &mut self,
        parameters: &mut dyn Parameters<R>,
        gradient: &[R],
        learning_rate: f64,
    ) -> Result<(), OptimiseError> {
        let layout = check(parameters, gradient, learning_rate)?;
        let AdamState { steps, mean, square } = &mut self.state;
        state_length(mean, "means", layout.len())?;
        state_length(square, "squares", layout.len())?;
        mean.resize(layout.len(), R::ZERO);
        square.resize(layout.len(), R::ZERO);
        *steps = steps.saturating_add(1);

        let t = *steps as f64;
        let mut update = Step {
            decay: R::from_f64(if self.decoupled { 0.0 } else { self.decay }),
            shrink: R::ONE,
            one_minus_beta1: R::from_f64(1.0 - self.beta1),
            beta2: R::from_f64(self.beta2),
            one_minus_beta2: R::from_f64(1.0 - self.beta2),
            rate: R::ZERO,
            root: R::from_f64((1.0 - pow(self.beta2, t)).sqrt()),
            epsilon: R::from_f64(self.epsilon),
        };
        let values = parameters.values_mut();
        in_pool(|| {
            for tensor in layout.tensors().iter().filter(|t| !t.frozen) {
                let place = || tensor.range.clone();
                let learning_rate = learning_rate * tensor.update.rate;
                update.rate = R::from_f64(learning_rate / (1.0 - pow(self.beta1, t)));
                if self.decoupled {
                    update.shrink = R::from_f64(1.0 - learning_rate * self.decay);
                }
                if let (Some(x), Some(g), Some(m), Some(v)) =
                    (values.get_mut(place()), gradient.get(place()), mean.get_mut(place()), square.get_mut(place()))
                {
                    update.apply(x, g, m, v);
                    tensor.update.clip(x);
                }
            }
        });
        Ok(())
    }

    fn rule(&self) -> String {
        // Debug writes the shortest text that is read as the same number.
        let Self { beta1, beta2, epsilon, decay, decoupled, .. } = self;
        let name = if *decoupled { "AdamW" } else { "Adam" };
        format!("{name} {{ beta1: {beta1:?}, beta2: {beta2:?}, epsilon: {epsilon:?}, decay: {decay:?} }}")
    }

    fn state_view(&self) -> StateView<'_, R> {
        let AdamState { steps, mean, square } = &self.state;
        StateView { steps: *steps, parts: vec![("mean", mean), ("square", square)] }
    }

    fn state_view_mut(&mut self) -> StateViewMut<'_, R> {
        let AdamState { steps, mean, square } = &mut self.state;
        StateViewMut { steps, parts: vec![mean, square] }
    }
}

/// One step with everything that is the same for all numbers.
struct Step<R> {
    decay: R,
    shrink: R,
    one_minus_beta1: R,
    beta2: R,
    one_minus_beta2: R,
    rate: R,
    root: R,
    epsilon: R,
}

impl<R: Real> Step<R> {
    /// In pieces that are worth a thread, if there is more than one.
    fn apply(&self, x: &mut [R], g: &[R], m: &mut [R], v: &mut [R]) {
        if x.len() <= PIECE {
            return dispatch(Apply { step: self, x, g, m, v });
        }
        let values = x.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE));
        let state = m.par_chunks_mut(PIECE).zip(v.par_chunks_mut(PIECE));
        values.zip(state).for_each(|((x, g), (m, v))| dispatch(Apply { step: self, x, g, m, v }));
    }
}

/// A step of some numbers.
struct Apply<'a, R> {
    step: &'a Step<R>,
    x: &'a mut [R],
    g: &'a [R],
    m: &'a mut [R],
    v: &'a mut [R],
}

impl<R: Real> Loops for Apply<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        let Step { decay, shrink, one_minus_beta1, beta2, one_minus_beta2, rate, root, epsilon } = *self.step;
        let floor = R::from_f64(1e-36);
        for (((x, &g), m), v) in self.x.iter_mut().zip(self.g).zip(self.m).zip(self.v) {
            let g = g + decay * *x;
            let mean = flush(*m + one_minus_beta1 * (g - *m));
            let square = beta2 * *v + one_minus_beta2 * (g * g);
            let square = if square < floor { R::ZERO } else { square };
            *m = mean;
            *v = square;
            *x = shrink * *x - rate * (mean / (square.sqrt() / root + epsilon));
        }
    }
}

/// Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019), in the
/// form of PyTorch: the steps of [`Adam`] without its decay, from `(1 - rate · decay) x` in place of `x`.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW<R>(Adam<R>);

impl<R: Real> Default for AdamW<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Real> AdamW<R> {
    /// β1 = 0.9, β2 = 0.999, ε = 1e-8, weight decay 0.01.
    pub fn new() -> Self {
        Self(Adam { decay: 0.01, decoupled: true, ..Adam::new() })
    }

    /// See [`Adam::betas`].
    ///
    /// # Errors
    /// If one of them is not in 0..1.
    pub fn betas(self, beta1: f64, beta2: f64) -> Result<Self, OptimiseError> {
        Ok(Self(self.0.betas(beta1, beta2)?))
    }

    /// See [`Adam::epsilon`].
    ///
    /// # Errors
    /// If it is not a finite number of at least 1e-30.
    pub fn epsilon(self, epsilon: f64) -> Result<Self, OptimiseError> {
        Ok(Self(self.0.epsilon(epsilon)?))
    }

    /// Sets the decay: a step multiplies every tensor that is not frozen by `1 - rate · decay`.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn weight_decay(self, decay: f64) -> Result<Self, OptimiseError> {
        Ok(Self(self.0.weight_decay(decay)?))
    }

    /// What has to be saved to go on later.
    pub fn state(&self) -> &AdamState<R> {
        self.0.state()
    }

    /// Goes on from a saved state; its lengths are checked by the next step.
    pub fn set_state(&mut self, state: AdamState<R>) {
        self.0.set_state(state);
    }
}

impl<R: Real> Optimiser<R> for AdamW<R> {
    fn step(
        &mut self,
        parameters: &mut dyn Parameters<R>,
        gradient: &[R],
        learning_rate: f64,
    ) -> Result<(), OptimiseError> {
        self.0.step(parameters, gradient, learning_rate)
    }

    fn rule(&self) -> String {
        self.0.rule()
    }

    fn state_view(&self) -> StateView<'_, R> {
        self.0.state_view()
    }

    fn state_view_mut(&mut self) -> StateViewMut<'_, R> {
        self.0.state_view_mut()
    }
}

#[cfg(test)]
mod tests;

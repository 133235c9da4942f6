//! What a compiled neuron model offers: one step of its equations and the exact reverse of that step.
//!
//! Generated code implements [`Kernel`] with plain `#[inline(always)]` loops; [`crate::Compiled`] wraps a kernel into the
//! object-safe [`Neuron`] that the engine calls, with one clone of the loops per instruction set. The interpreter of the
//! compiler implements [`Neuron`] directly. Both see structure-of-arrays slices for `n` neurons of one population, in one
//! sample or one sample after the other: entry `i` of a per-neuron quantity `q` stands at `q * n + i`.

use crate::ErrorFilter;
use crate::Real;
use crate::engine::Error;
use crate::kernel::ShortSteps;

/// A quantity with a name and the unit its numbers count in (empty: dimensionless).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// Its name in the model.
    pub name: String,
    /// Its unit, e.g. `mV`.
    pub unit: String,
}

/// How the values of a stored parameter begin.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterStart {
    /// The same number for every neuron.
    Value(f64),
    /// Drawn for every neuron: uniform in `low .. high`.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Drawn for every neuron: normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Drawn for every neuron: the logarithm is uniform in `ln low .. ln high`.
    LogUniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

/// How a parameter `p` is stored: a trainable one with a range as an unconstrained number theta, so that no step of an
/// optimiser leaves the range.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Transform {
    /// theta = p
    #[default]
    Raw,
    /// p = low + (high - low) / (1 + exp(-theta))
    Logit {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// p = low + ln(1 + exp(theta))
    Above {
        /// Lower end.
        low: f64,
    },
    /// p = high - ln(1 + exp(theta))
    Below {
        /// Upper end.
        high: f64,
    },
}

impl Transform {
    /// The stored form of a value; values on or beyond an end of the range are moved inside by a millionth of it.
    pub fn store(self, value: f64) -> f64 {
        use crate::math::{expm1, ln, max, min};
        let softplus_inverse = |y: f64| {
            let y = max(y, 1e-6);
            y + ln(-expm1(-y))
        };
        match self {
            Transform::Raw => value,
            Transform::Logit { low, high } => {
                let s = min(max((value - low) / (high - low), 1e-6), 1.0 - 1e-6);
                ln(s / (1.0 - s))
            }
            Transform::Above { low } => softplus_inverse(value - low),
            Transform::Below { high } => softplus_inverse(high - value),
        }
    }

    /// The value of a stored number.
    pub fn value(self, theta: f64) -> f64 {
        use crate::math::{exp, ln, max, sigmoid};
        let softplus = |x: f64| max(x, 0.0) + ln(1.0 + exp(-x.abs()));
        match self {
            Transform::Raw => theta,
            Transform::Logit { low, high } => low + (high - low) * sigmoid(theta),
            Transform::Above { low } => low + softplus(theta),
            Transform::Below { high } => high - softplus(theta),
        }
    }
}

/// The number of steps of a duration (ms) on a grid of dt (ms): rounded, at least one.
pub fn whole_steps(duration: f64, dt: f64) -> u32 {
    (duration / dt).round().max(1.0) as u32
}

/// The refractory steps of a model, as its neurons count them: in 16 bits, since each step reads and writes the counters.
///
/// # Errors
/// If there are more than 65535.
pub(crate) fn counted_steps<R: Real>(neuron: &dyn Neuron<R>, dt: f64) -> Result<u16, Error> {
    let steps = neuron.refractory_steps(dt);
    u16::try_from(steps).map_err(|_| {
        let name = &neuron.layout().name;
        Error::Simulation(format!(
            "model `{name}` is refractory for {steps} steps of {dt} ms, more than {}; take a larger dt",
            u16::MAX
        ))
    })
}

/// A parameter that is kept in the network's [`crate::Parameters`]: a trainable one (stored unconstrained) or one with
/// a value for every neuron. All other parameters are constants inside the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredParameter {
    /// Its name in the model.
    pub name: String,
    /// The unit of the stored number; empty for the unconstrained form of a trainable parameter with a range.
    pub unit: String,
    /// One number for every neuron instead of one for the population.
    pub per_neuron: bool,
    /// Changed by training; otherwise stored as a frozen tensor.
    pub trainable: bool,
    /// How it is stored.
    pub transform: Transform,
    /// The starting values, as values of the parameter (not in the stored form).
    pub start: ParameterStart,
    /// The values that the parameter may have, ends included; infinite ends are none. A drawn value outside is drawn
    /// again.
    pub range: [f64; 2],
}

/// The sizes and names of a compiled neuron model.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NeuronLayout {
    /// The name of the model.
    pub name: String,
    /// The states.
    pub states: Vec<Quantity>,
    /// The event ports.
    pub events: Vec<Quantity>,
    /// The drives.
    pub drives: Vec<Quantity>,
    /// What a step computes besides states and spikes, for whoever asks: losses, readouts, records.
    pub outputs: Vec<Quantity>,
    /// The stored parameters.
    pub parameters: Vec<StoredParameter>,
    /// The number of coefficients: hoisted expressions of parameters and dt.
    pub coefficients: usize,
    /// The coefficient that holds the starting value of each state.
    pub initial: Vec<usize>,
    /// The coefficients whose gradient the adjoint accumulates, in the order of [`Adjoint::coefficient_gradient`].
    pub differentiated: Vec<usize>,
    /// Numbers per neuron and step that the adjoint reads.
    pub tape_reals: usize,
    /// The adjoint reads flags (at most eight, one byte per neuron and step).
    pub tape_flags: bool,
    /// The state that each event port is added to when a step begins, if that is all that a step does with events: then
    /// [`Step::events`] may be empty in a spiking step without a tape, and whoever calls it has added them; a port where nothing
    /// arrives changes no state ([`addend`](crate::math::addend)). Otherwise empty.
    pub direct_events: Vec<usize>,
    /// The states whose gradient is always 0, because the adjoint was derived for losses and projections that do not look at them,
    /// and nothing else depends on them: a network that does is refused.
    pub silent: Vec<usize>,
    /// How dL/d(events) follows from [`Adjoint::impulse`], where that is known; else the adjoint has no impulse.
    pub error_filter: Option<ErrorFilter>,
    /// The number of states with white noise.
    pub noise: usize,
    /// The model has a threshold.
    pub spikes: bool,
    /// The adjoint reads the spikes of the step.
    pub adjoint_reads_spikes: bool,
    /// The model has a refractory period.
    pub refractory: bool,
    /// The number of yes/no decisions per neuron and step that a replayed run repeats; 0 for compiled kernels.
    pub decisions: usize,
}

/// The coefficients of a population: entry `c * n + i` is coefficient `c` of neuron `i`.
///
/// If no stored parameter differs between neurons, `n` is 1 here and the kernel reads entry `c` for all of them.
#[derive(Clone, Copy, Debug)]
pub struct Coefficients<'a, R> {
    /// The values.
    pub values: &'a [R],
    /// True if `values` has one entry per coefficient and neuron, false for one entry per coefficient.
    pub per_neuron: bool,
}

/// Whether a spike is a jump or, for proofs about gradients, the smooth primitive of its surrogate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// z is 0 or 1.
    #[default]
    Spiking,
    /// z = G(x); decisions are written to [`Step::decisions`].
    SmoothRecord,
    /// z = G(x); decisions are read from [`Step::decisions`].
    SmoothReplay,
}

/// The arguments of one step of the neurons of a population in one or more samples.
#[derive(Debug)]
pub struct Step<'a, R> {
    /// The number of neurons.
    pub n: usize,
    /// Hoisted expressions.
    pub coefficients: Coefficients<'a, R>,
    /// In: at the start of the step; out: at its end, after resets. `[states, n]`
    pub states: &'a mut [R],
    /// The sums of the weights of the spikes that arrive in this step. Empty: they have been added to the states, see
    /// [`NeuronLayout::direct_events`]. `[events, n]`
    pub events: &'a [R],
    /// Continuous inputs, constant over the step. `[drives, n]`
    pub drives: &'a [R],
    /// Standard normal numbers, new in every step, for the states with white noise. `[noise, n]`
    pub noise: &'a [R],
    /// The steps that each neuron still stays refractory; empty if the model has no refractory period. `[n]`
    pub refractory: &'a mut [u16],
    /// The number of steps a neuron is refractory after a spike, see [`Neuron::refractory_steps`].
    pub refractory_steps: u16,
    /// Out, in spiking mode: 1 where a neuron fired, else 0; empty if there is no threshold. `[n]`
    pub fired: &'a mut [u8],
    /// Out, in smooth mode: the number between 0 and 1 that stands for a spike; empty if there is no threshold. `[n]`
    pub spikes: &'a mut [R],
    /// Out: the extra results ([`NeuronLayout::outputs`]); empty if nobody asks for them. `[outputs, n]`
    pub outputs: &'a mut [R],
    /// Out: what the adjoint needs; empty if nothing is recorded. `[tape_reals, n]`
    pub tape: &'a mut [R],
    /// Out: the flags the adjoint needs; empty if nothing is recorded. `[n]`
    pub tape_flags: &'a mut [u8],
    /// What kernels that begin with code for short steps keep from step to step, for each list of neurons its own.
    pub short: &'a mut ShortSteps<R>,
    /// Spiking or smooth; compiled kernels are spiking only.
    pub mode: Mode,
    /// Recorded or replayed decisions in smooth mode, else empty. `[decisions, n]`
    pub decisions: &'a mut [u8],
}

impl<R: Real> Step<'_, R> {
    /// The same for a shorter time.
    #[inline(always)]
    pub(crate) fn reborrow(&mut self) -> Step<'_, R> {
        Step {
            n: self.n,
            coefficients: self.coefficients,
            states: &mut *self.states,
            events: self.events,
            drives: self.drives,
            noise: self.noise,
            refractory: &mut *self.refractory,
            refractory_steps: self.refractory_steps,
            fired: &mut *self.fired,
            spikes: &mut *self.spikes,
            outputs: &mut *self.outputs,
            tape: &mut *self.tape,
            tape_flags: &mut *self.tape_flags,
            short: &mut *self.short,
            mode: self.mode,
            decisions: &mut *self.decisions,
        }
    }
}

/// The arguments of the reverse of one step.
#[derive(Debug)]
pub struct Adjoint<'a, R> {
    /// The number of neurons.
    pub n: usize,
    /// Hoisted expressions.
    pub coefficients: Coefficients<'a, R>,
    /// What the step wrote. `[tape_reals, n]`
    pub tape: &'a [R],
    /// What the step wrote. `[n]`
    pub tape_flags: &'a [u8],
    /// The spikes of the step; empty unless [`NeuronLayout::adjoint_reads_spikes`]. `[n]`
    pub spikes: &'a [R],
    /// In: dL/d(states at the end of the step); out: dL/d(states at its start). `[states, n]`
    pub state_gradient: &'a mut [R],
    /// In: dL/d(spikes) by everything outside the neuron; empty if there is no threshold. `[n]`
    pub spike_gradient: &'a [R],
    /// In: dL/d(outputs), 0 for those that no loss reads. `[outputs, n]`
    pub output_gradient: &'a [R],
    /// Out (overwritten): dL/d(events). `[events, n]`
    pub event_gradient: &'a mut [R],
    /// Out (overwritten): dL/d(drives); empty if not wanted. `[drives, n]`
    pub drive_gradient: &'a mut [R],
    /// Out (overwritten): what the spike adds to the gradients of the states; empty if not wanted, and without
    /// [`NeuronLayout::error_filter`]. `[n]`
    pub impulse: &'a mut [R],
    /// Added to: dL/d(coefficient) for the coefficients in [`NeuronLayout::differentiated`]. `[differentiated, n]`
    pub coefficient_gradient: &'a mut [R],
}

impl<R: Real> Adjoint<'_, R> {
    /// The same for a shorter time.
    #[inline(always)]
    pub(crate) fn reborrow(&mut self) -> Adjoint<'_, R> {
        Adjoint {
            n: self.n,
            coefficients: self.coefficients,
            tape: self.tape,
            tape_flags: self.tape_flags,
            spikes: self.spikes,
            state_gradient: &mut *self.state_gradient,
            spike_gradient: self.spike_gradient,
            output_gradient: self.output_gradient,
            event_gradient: &mut *self.event_gradient,
            drive_gradient: &mut *self.drive_gradient,
            impulse: &mut *self.impulse,
            coefficient_gradient: &mut *self.coefficient_gradient,
        }
    }
}

/// The step of a neuron model and its reverse, as the engine calls them.
///
/// Coefficients are computed in f64 and rounded once, whatever the type of the simulation.
pub trait Neuron<R: Real>: Send + Sync {
    /// Sizes and names.
    fn layout(&self) -> &NeuronLayout;

    /// Whether the smooth modes are available; compiled kernels are spiking only.
    fn smooth(&self) -> bool {
        true
    }

    /// The number of refractory steps at this dt (ms), at most 65535 in a run; 0 if the model has no refractory period.
    fn refractory_steps(&self, dt: f64) -> u32;

    /// The coefficients of one neuron from its stored parameters, at this dt (ms).
    fn coefficients(&self, dt: f64, parameters: &[f64], coefficients: &mut [f64]);

    /// Adds to `parameter_gradient` the gradient that reaches the stored parameters of one neuron through its
    /// coefficients; `coefficient_gradient` is in the order of [`NeuronLayout::differentiated`].
    fn chain(&self, dt: f64, parameters: &[f64], coefficient_gradient: &[f64], parameter_gradient: &mut [f64]);

    /// One step. Tiny states stay: see [`flush_states`](crate::math::flush_states).
    fn step(&self, step: Step<'_, R>);

    /// The reverse of one step.
    fn adjoint(&self, adjoint: Adjoint<'_, R>);
}

/// What generated code implements for a neuron model: the methods of [`Neuron`], to be inlined into the clones for
/// each instruction set.
pub trait Kernel: Send + Sync {
    /// Sizes and names.
    fn layout(&self) -> NeuronLayout;
    /// See [`Neuron::refractory_steps`].
    fn refractory_steps(&self, dt: f64) -> u32;
    /// See [`Neuron::coefficients`].
    fn coefficients(&self, dt: f64, parameters: &[f64], coefficients: &mut [f64]);
    /// See [`Neuron::chain`].
    fn chain(&self, dt: f64, parameters: &[f64], coefficient_gradient: &[f64], parameter_gradient: &mut [f64]);
    /// See [`Neuron::step`].
    fn step<R: Real>(step: Step<'_, R>);
    /// See [`Neuron::adjoint`].
    fn adjoint<R: Real>(adjoint: Adjoint<'_, R>);
}

//! One neuron model, interpreted.

use super::blocks::Stores;
use super::code::{Code, Decisions, Input};
use crate::derive::{Derived, ErrorFilter, FilterEntry, MatrixFunction, Transform, derive, derive_of, schedule};
use crate::expr::{ExprId, IdSet, Leaf};
use crate::model::{self, Layer, Model, Neuron, Value};
use snn_runtime::neuron::{Mode, whole_steps};
use snn_runtime::{Adjoint, NeuronLayout, ParameterStart, Quantity, Real, Step, StoredParameter};
use snn_runtime::{math, noise_factor, noise_factor_adjoint, propagator, propagator_adjoint};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A neuron model that the engine can run: an implementation of [`snn_runtime::Neuron`] by interpretation.
#[derive(Clone, Debug)]
pub struct Interpreted {
    pub(super) derived: Derived,
    layout: NeuronLayout,
    /// The values of the parameters that are not stored, by index in the model.
    constants: Vec<f64>,
    duration: Option<ExprId>,
    pub(super) step: Code,
    /// Where `step` leaves its results.
    pub(super) stores: Stores,
    taped: Code,
    smooth: Code,
    reverse: Code,
    stored_values: Code,
    coefficients: Code,
    chain: Code,
    refractory: Option<Code>,
    /// The row of normal numbers of each state with noise.
    pub(super) noise_rows: BTreeMap<u16, u16>,
    matrices: Code,
    matrix_gradients: Code,
    /// The matrices of the last neuron, and their functions: often they are those of the next one.
    last: Arc<Mutex<(Vec<f64>, Vec<f64>)>>,
}

impl Interpreted {
    /// Prepares a model; `values` replaces the model's own values of some parameters, by index.
    pub fn new(neuron: &Neuron, values: &[(usize, Value)]) -> Self {
        Self::of(neuron, derive(neuron), values)
    }

    /// Prepares the model of a layer of a network.
    pub fn for_layer(model: &Model, layer: &Layer) -> Option<Self> {
        let neuron = model.neurons.get(layer.neuron)?;
        Some(Self::of(neuron, derive_of(model, layer.neuron)?, &layer.values))
    }

    fn of(neuron: &Neuron, derived: Derived, values: &[(usize, Value)]) -> Self {
        let value_of = |i: usize| neuron.value(i, values);
        let constants = (0..neuron.parameters.len())
            .map(|i| match value_of(i) {
                Some(Value::Constant(x)) => x,
                _ => f64::NAN,
            })
            .collect();
        let arena = &derived.arena;
        let fires = derived.step.threshold.map(|t| t.fires);
        let primitive = derived.step.threshold.map(|t| t.primitive);
        let reals = derived.tape.reals.iter().enumerate().map(|(k, &id)| (id, Input::TapeReal(k)));
        let flags = derived.tape.flags.iter().enumerate().map(|(k, &id)| (id, Input::TapeFlag(k)));
        let given: Vec<(ExprId, Input)> = reals.chain(flags).collect();
        let closed = |roots: Vec<ExprId>| {
            let program = schedule(arena, roots, &Default::default(), None);
            Code::new(arena, &program, &[], None, &IdSet::default())
        };
        let duration = neuron.refractory.as_ref().map(|r| r.duration);
        let exponents = &derived.exponents;
        let smooth = Code::new(arena, &derived.smooth_program(), &[], primitive, exponents);
        let mut layout = layout(neuron, &derived, value_of);
        layout.decisions = smooth.decisions();
        let step = Code::new(arena, &derived.step_program(false), &[], fires, exponents);
        Self {
            stores: Stores::new(&step, &derived),
            step,
            taped: Code::new(arena, &derived.step_program(true), &[], fires, exponents),
            smooth,
            reverse: Code::new(arena, &derived.reverse_program(), &given, None, exponents),
            stored_values: closed(derived.stored.iter().map(|s| s.value).collect()),
            coefficients: closed(derived.coefficients.iter().map(|c| c.value).collect()),
            chain: closed(derived.chain.gradients.iter().map(|g| g.1).collect()),
            refractory: duration.map(|d| closed(vec![d])),
            noise_rows: derived.noise.iter().map(|&i| i as u16).zip(0..).collect(),
            matrices: closed(derived.propagators.iter().flat_map(|p| p.entries.iter().copied()).collect()),
            matrix_gradients: closed(derived.chain.propagators.clone()),
            last: Arc::default(),
            duration,
            layout,
            constants,
            derived,
        }
    }

    /// Events that are no more than added to states, so that nothing changes where nothing arrives.
    pub(super) fn only_added<R: Real>(&self, events: &mut [R]) {
        if !self.derived.direct_events.is_empty() {
            events.iter_mut().for_each(|x| *x = math::addend(*x));
        }
    }

    /// The derivation that is interpreted.
    pub fn derived(&self) -> &Derived {
        &self.derived
    }

    /// The value of a leaf of coefficients and chain, for one neuron.
    fn parameter_leaf(&self, leaf: Leaf, once: &Once) -> f64 {
        let at = |list: &[f64], i: usize| list.get(i).copied().unwrap_or(f64::NAN);
        match leaf {
            Leaf::Parameter(i) => {
                let i = usize::from(i);
                match self.derived.stored.iter().position(|s| s.parameter == i) {
                    Some(k) => at(&once.values, k),
                    None => at(&self.constants, i),
                }
            }
            Leaf::Stored(k) => at(once.stored, usize::from(k)),
            Leaf::OutputAdjoint(j) => once.adjoint.get(j as usize).copied().unwrap_or(0.0),
            Leaf::Propagator(k) => at(&once.exponentials, k as usize),
            Leaf::PropagatorAdjoint(k) => at(&once.matrix_gradients, k as usize),
            Leaf::Dt => once.dt,
            _ => f64::NAN,
        }
    }

    /// The values of expressions of parameters, for one neuron.
    fn scalars(&self, code: &Code, roots: impl IntoIterator<Item = ExprId>, once: &Once) -> Vec<f64> {
        let registers = code.run::<f64>(
            1,
            |input, out| {
                if let Input::Leaf(leaf) = input {
                    out[0] = self.parameter_leaf(leaf, once);
                }
            },
            Decisions::Free,
        );
        roots.into_iter().map(|id| registers.row(id).first().copied().unwrap_or(f64::NAN)).collect()
    }

    /// What coefficients and the way back from them read: the values of the stored parameters and matrix exponentials.
    fn once<'a>(&self, dt: f64, stored: &'a [f64], adjoint: &'a [f64]) -> Once<'a> {
        let mut once = Once { dt, stored, adjoint, ..Once::default() };
        once.values = self.scalars(&self.stored_values, self.derived.stored.iter().map(|s| s.value), &once);
        let propagators = &self.derived.propagators;
        once.matrices = self.scalars(&self.matrices, propagators.iter().flat_map(|p| p.entries.iter().copied()), &once);
        if once.matrices.is_empty() {
            return once;
        }
        let same =
            |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if same(&last.0, &once.matrices) {
            once.exponentials.clone_from(&last.1);
            return once;
        }
        once.exponentials = vec![0.0; once.matrices.len()];
        for p in propagators {
            let range = p.first as usize..p.first as usize + p.entries.len();
            let (matrix, out) = (&once.matrices[range.clone()], &mut once.exponentials[range]);
            match p.function {
                MatrixFunction::Propagator => propagator(p.states, matrix, out),
                MatrixFunction::NoiseFactor => noise_factor(p.states, matrix, out),
            }
        }
        *last = (once.matrices.clone(), once.exponentials.clone());
        once
    }
}

/// The numbers of one neuron from which its coefficients are computed once.
#[derive(Default)]
struct Once<'a> {
    dt: f64,
    stored: &'a [f64],
    /// The values of the stored parameters.
    values: Vec<f64>,
    /// The gradients of the differentiated coefficients.
    adjoint: &'a [f64],
    /// The entries of the matrices whose exponentials are taken, those of the exponentials, and the gradients of the former.
    matrices: Vec<f64>,
    exponentials: Vec<f64>,
    matrix_gradients: Vec<f64>,
}

fn layout(neuron: &Neuron, derived: &Derived, value_of: impl Fn(usize) -> Option<Value>) -> NeuronLayout {
    let quantity = |q: &model::Quantity| Quantity { name: q.name.clone(), unit: q.dimension.base_unit() };
    let parameters = derived.stored.iter().filter_map(|s| {
        let parameter = neuron.parameters.get(s.parameter)?;
        let (transform, unit) = match Transform::of(parameter) {
            Transform::Raw => (snn_runtime::Transform::Raw, parameter.quantity.dimension.base_unit()),
            Transform::Logit(low, high) => (snn_runtime::Transform::Logit { low, high }, String::new()),
            Transform::Above(low) => (snn_runtime::Transform::Above { low }, String::new()),
            Transform::Below(high) => (snn_runtime::Transform::Below { high }, String::new()),
        };
        Some(StoredParameter {
            name: parameter.quantity.name.clone(),
            unit,
            per_neuron: s.per_neuron,
            trainable: s.trainable,
            transform,
            start: match value_of(s.parameter)? {
                Value::Constant(x) => ParameterStart::Value(x),
                Value::Uniform { low, high } => ParameterStart::Uniform { low, high },
                Value::Normal { mean, sd } => ParameterStart::Normal { mean, sd },
                Value::LogUniform { low, high } => ParameterStart::LogUniform { low, high },
            },
            range: [parameter.low.unwrap_or(f64::NEG_INFINITY), parameter.high.unwrap_or(f64::INFINITY)],
        })
    });
    NeuronLayout {
        name: neuron.name.clone(),
        states: neuron.states.iter().map(|s| quantity(&s.quantity)).collect(),
        events: neuron.events.iter().map(quantity).collect(),
        drives: neuron.drives.iter().map(quantity).collect(),
        outputs: neuron.outputs.iter().map(|o| quantity(&o.quantity)).collect(),
        parameters: parameters.collect(),
        coefficients: derived.coefficients.len(),
        initial: derived.initial.clone(),
        differentiated: derived.differentiated.clone(),
        tape_reals: derived.tape.reals.len(),
        tape_flags: !derived.tape.flags.is_empty(),
        direct_events: derived.direct_events.clone(),
        silent: derived.reverse.silent.iter().copied().collect(),
        error_filter: derived.error_filter.as_ref().map(error_filter),
        noise: derived.noise.len(),
        spikes: derived.step.threshold.is_some(),
        adjoint_reads_spikes: derived.tape.reads_spikes,
        refractory: neuron.refractory.is_some(),
        decisions: 0,
    }
}

fn error_filter(filter: &ErrorFilter) -> snn_runtime::ErrorFilter {
    let entry = |entry: &FilterEntry| match *entry {
        FilterEntry::Number(number) => snn_runtime::FilterEntry::Number(number),
        FilterEntry::Coefficient(k) => snn_runtime::FilterEntry::Coefficient(k),
    };
    let all = |entries: &[FilterEntry]| entries.iter().map(entry).collect();
    snn_runtime::ErrorFilter {
        transition: all(&filter.transition),
        gain: all(&filter.gain),
        read: all(&filter.read),
        direct: all(&filter.direct),
    }
}

/// The coefficient `k` of all neurons.
fn coefficient<R: Real>(coefficients: &snn_runtime::neuron::Coefficients<R>, k: usize, n: usize, out: &mut [R]) {
    if coefficients.per_neuron {
        out.copy_from_slice(&coefficients.values[k * n..(k + 1) * n]);
    } else {
        out.fill(coefficients.values[k]);
    }
}

impl<R: Real> snn_runtime::Neuron<R> for Interpreted {
    fn layout(&self) -> &NeuronLayout {
        &self.layout
    }

    fn smooth(&self) -> bool {
        true
    }

    fn refractory_steps(&self, dt: f64) -> u32 {
        match (&self.refractory, self.duration) {
            (Some(code), Some(duration)) => {
                let once = Once { dt, ..Once::default() };
                whole_steps(self.scalars(code, [duration], &once).first().copied().unwrap_or(0.0), dt)
            }
            _ => 0,
        }
    }

    fn coefficients(&self, dt: f64, parameters: &[f64], coefficients: &mut [f64]) {
        let roots = self.derived.coefficients.iter().map(|c| c.value);
        let values = self.scalars(&self.coefficients, roots, &self.once(dt, parameters, &[]));
        coefficients[..values.len()].copy_from_slice(&values);
    }

    fn chain(&self, dt: f64, parameters: &[f64], coefficient_gradient: &[f64], parameter_gradient: &mut [f64]) {
        let mut once = self.once(dt, parameters, coefficient_gradient);
        let chain = &self.derived.chain;
        let gradients = self.scalars(&self.matrix_gradients, chain.propagators.iter().copied(), &once);
        let mut matrix_gradients = vec![0.0; gradients.len()];
        for p in &self.derived.propagators {
            let range = p.first as usize..p.first as usize + p.entries.len();
            let (matrix, gradient) = (&once.matrices[range.clone()], &gradients[range.clone()]);
            let sum = &mut matrix_gradients[range];
            match p.function {
                MatrixFunction::Propagator => propagator_adjoint(p.states, matrix, gradient, sum),
                MatrixFunction::NoiseFactor => noise_factor_adjoint(p.states, matrix, gradient, sum),
            }
        }
        once.matrix_gradients = matrix_gradients;
        let values = self.scalars(&self.chain, chain.gradients.iter().map(|g| g.1), &once);
        for ((k, _), value) in chain.gradients.iter().zip(values) {
            parameter_gradient[*k] += value;
        }
    }

    fn step(&self, step: Step<'_, R>) {
        let n = step.n;
        let keep = !(step.tape.is_empty() && step.tape_flags.is_empty());
        let code = match (step.mode, keep) {
            (Mode::Spiking, false) => return self.blocks(n, &step.coefficients).step(self, step),
            (Mode::Spiking, true) => &self.taped,
            _ => &self.smooth,
        };
        let decisions = match step.mode {
            Mode::Spiking => Decisions::Free,
            Mode::SmoothRecord => Decisions::Record(step.decisions),
            Mode::SmoothReplay => Decisions::Replay(step.decisions),
        };
        let registers = code.run(
            n,
            |input, out: &mut [R]| {
                let Input::Leaf(leaf) = input else { return };
                let row = |values: &[R], i: u16, out: &mut [R]| {
                    let i = usize::from(i);
                    out.copy_from_slice(&values[i * n..(i + 1) * n]);
                };
                match leaf {
                    Leaf::State(i) => row(step.states, i, out),
                    Leaf::Event(i) => {
                        row(step.events, i, out);
                        self.only_added(out);
                    }
                    Leaf::Drive(i) => row(step.drives, i, out),
                    Leaf::Noise(i) => row(step.noise, self.noise_rows.get(&i).copied().unwrap_or_default(), out),
                    Leaf::Coefficient(k) => coefficient(&step.coefficients, k as usize, n, out),
                    Leaf::Refractory => {
                        for (o, &left) in out.iter_mut().zip(&*step.refractory) {
                            *o = if left > 0 { R::ONE } else { R::ZERO };
                        }
                    }
                    _ => {}
                }
            },
            decisions,
        );
        let derived = &self.derived;
        let ends = if step.mode == Mode::Spiking { &derived.ends } else { &derived.step.end };
        for (i, &end) in ends.iter().enumerate() {
            step.states[i * n..(i + 1) * n].copy_from_slice(registers.row(end));
        }
        for (row, &id) in step.outputs.chunks_exact_mut(n).zip(&derived.step.outputs) {
            for (output, &value) in row.iter_mut().zip(registers.row(id)) {
                *output = math::flush(value);
            }
        }
        if let Some(threshold) = derived.step.threshold {
            let fires = registers.row(threshold.fires);
            if step.mode == Mode::Spiking {
                step.fired.iter_mut().zip(fires).for_each(|(to, &fires)| *to = u8::from(fires != R::ZERO));
            } else {
                step.spikes.copy_from_slice(registers.row(threshold.z));
            }
            for (left, &fires) in step.refractory.iter_mut().zip(fires) {
                *left = if fires != R::ZERO { step.refractory_steps } else { left.saturating_sub(1) };
            }
        }
        if keep {
            for (k, &id) in derived.tape.reals.iter().enumerate() {
                step.tape[k * n..(k + 1) * n].copy_from_slice(registers.row(id));
            }
            step.tape_flags.fill(0);
            for (k, &id) in derived.tape.flags.iter().enumerate() {
                for (flags, &value) in step.tape_flags.iter_mut().zip(registers.row(id)) {
                    *flags |= u8::from(value != R::ZERO) << k;
                }
            }
        }
    }

    fn adjoint(&self, adjoint: Adjoint<'_, R>) {
        let n = adjoint.n;
        let registers = self.reverse.run(
            n,
            |input, out: &mut [R]| match input {
                Input::TapeReal(k) => out.copy_from_slice(&adjoint.tape[k * n..(k + 1) * n]),
                Input::TapeFlag(k) => {
                    for (o, &flags) in out.iter_mut().zip(adjoint.tape_flags) {
                        *o = if flags & (1 << k) != 0 { R::ONE } else { R::ZERO };
                    }
                }
                Input::Spike => out.copy_from_slice(adjoint.spikes),
                Input::Leaf(Leaf::StateAdjoint(i)) => {
                    let i = usize::from(i);
                    out.copy_from_slice(&adjoint.state_gradient[i * n..(i + 1) * n]);
                }
                Input::Leaf(Leaf::SignalAdjoint(k)) => {
                    let k = usize::from(k);
                    out.copy_from_slice(&adjoint.output_gradient[k * n..(k + 1) * n]);
                }
                Input::Leaf(Leaf::SpikeAdjoint) => out.copy_from_slice(adjoint.spike_gradient),
                Input::Leaf(Leaf::Coefficient(k)) => coefficient(&adjoint.coefficients, k as usize, n, out),
                Input::Leaf(_) => {}
            },
            Decisions::Free,
        );
        let reverse = &self.derived.reverse;
        let write = |out: &mut [R], ids: &[ExprId]| {
            for (row, &id) in out.chunks_exact_mut(n).zip(ids) {
                for (o, &value) in row.iter_mut().zip(registers.row(id)) {
                    *o = math::flush(value);
                }
            }
        };
        write(adjoint.event_gradient, &reverse.events);
        write(adjoint.drive_gradient, &reverse.drives);
        write(adjoint.state_gradient, &reverse.states);
        write(adjoint.impulse, reverse.impulse.as_slice());
        for (row, &id) in adjoint.coefficient_gradient.chunks_exact_mut(n).zip(&reverse.coefficients) {
            for (sum, &value) in row.iter_mut().zip(registers.row(id)) {
                *sum += value;
            }
        }
    }
}

//! Hand-written models and networks for the tests of the engine.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::disallowed_methods, reason = "references may use the platform's functions")]

use snn_runtime::graph::*;
use snn_runtime::initialise::Initialiser;
use snn_runtime::loss::*;
use snn_runtime::neuron::*;
use snn_runtime::{Compiled, Parameters, Real, SpikeTrain, math};
use std::sync::Arc;

/// The initialiser of graphs whose weights are set by hand.
pub(crate) fn no_initialiser() -> Initialiser {
    Initialiser::Zeros
}

pub(crate) const SLOPE: f64 = 10.0;

/// I <- aI I + e; V <- aV V + bV I; spike at V >= 1, V <- V - 1; SuperSpike. tau and the first V are trained.
#[derive(Clone, Debug)]
pub(crate) struct Lif {
    pub(crate) per_neuron: bool,
}

fn quantity(name: &str) -> Quantity {
    Quantity { name: name.into(), unit: String::new() }
}

fn stored(name: &str, per_neuron: bool, value: f64) -> StoredParameter {
    let start = ParameterStart::Value(value);
    StoredParameter {
        name: name.into(),
        unit: "ms".into(),
        per_neuron,
        trainable: true,
        transform: Transform::Raw,
        start,
        range: [f64::NEG_INFINITY, f64::INFINITY],
    }
}

#[inline(always)]
fn coefficient<R: Real>(c: Coefficients<'_, R>, index: usize, n: usize, i: usize) -> R {
    if c.per_neuron { c.values[index * n + i] } else { c.values[index] }
}

impl Kernel for Lif {
    fn layout(&self) -> NeuronLayout {
        NeuronLayout {
            name: "LIF".into(),
            states: vec![quantity("I"), quantity("V")],
            events: vec![quantity("exc")],
            parameters: vec![stored("tau", self.per_neuron, 20.0), stored("start", false, 0.25)],
            coefficients: 5,
            initial: vec![3, 4],
            differentiated: vec![1, 2, 4],
            tape_reals: 3,
            noise: 0,
            spikes: true,
            adjoint_reads_spikes: true,
            ..NeuronLayout::default()
        }
    }
    fn refractory_steps(&self, _dt: f64) -> u32 {
        0
    }
    fn coefficients(&self, dt: f64, parameters: &[f64], c: &mut [f64]) {
        let a = math::exp(-dt / parameters[0]);
        c.copy_from_slice(&[math::exp(-dt / 5.0), a, 4.0 * (1.0 - a), 0.0, parameters[1]]);
    }
    fn chain(&self, dt: f64, parameters: &[f64], gradient: &[f64], out: &mut [f64]) {
        let slope = math::exp(-dt / parameters[0]) * dt / (parameters[0] * parameters[0]);
        out[0] += slope * (gradient[0] - 4.0 * gradient[1]);
        out[1] += gradient[2];
    }
    #[inline(always)]
    fn step<R: Real>(step: Step<'_, R>) {
        lif_step(step, |x| math::heaviside(x));
    }
    #[inline(always)]
    fn adjoint<R: Real>(a: Adjoint<'_, R>) {
        let n = a.n;
        let (gi, gv) = a.state_gradient.split_at_mut(n);
        for i in 0..n {
            let c = |index| coefficient(a.coefficients, index, n, i);
            let (x, v, current) = (a.tape[i], a.tape[n + i], a.tape[2 * n + i]);
            // The spikes are not needed; this checks that they are those of the step.
            let z = a.spikes[i];
            assert!(z == math::heaviside(x) || z == smooth_spike(x), "{z} {x}");
            let d = R::ONE + R::from_f64(SLOPE) * x.abs();
            let g = gv[i] + (a.spike_gradient[i] - gv[i]) * (R::ONE / (d * d));
            a.coefficient_gradient[i] += g * v;
            a.coefficient_gradient[n + i] += g * current;
            let e = gi[i] + c(2) * g;
            gv[i] = c(1) * g;
            gi[i] = c(0) * e;
            a.event_gradient[i] = e;
        }
    }
}

/// The primitive of the surrogate.
#[inline(always)]
fn smooth_spike<R: Real>(x: R) -> R {
    x / (R::ONE + R::from_f64(SLOPE) * x.abs()) + R::from_f64(0.1)
}

#[inline(always)]
fn lif_step<R: Real>(s: Step<'_, R>, spike: impl Fn(R) -> R) {
    let n = s.n;
    let (current, v) = s.states.split_at_mut(n);
    let keep = !s.tape.is_empty();
    for i in 0..n {
        let c = |index| coefficient(s.coefficients, index, n, i);
        let old = v[i];
        current[i] = c(0) * current[i] + s.events[i];
        v[i] = c(1) * old + c(2) * current[i];
        let x = v[i] - R::ONE;
        let z = spike(x);
        match s.mode {
            Mode::Spiking => s.fired[i] = u8::from(z == R::ONE),
            _ => s.spikes[i] = z,
        }
        v[i] -= z;
        if keep {
            s.tape[i] = x;
            s.tape[n + i] = old;
            s.tape[2 * n + i] = current[i];
        }
    }
}

/// O <- a O + (1 - a) e.
#[derive(Clone, Debug)]
pub(crate) struct Li;

impl Kernel for Li {
    fn layout(&self) -> NeuronLayout {
        NeuronLayout {
            name: "LI".into(),
            states: vec![quantity("O")],
            events: vec![quantity("exc")],
            coefficients: 2,
            initial: vec![1],
            ..NeuronLayout::default()
        }
    }
    fn refractory_steps(&self, _dt: f64) -> u32 {
        0
    }
    fn coefficients(&self, dt: f64, _parameters: &[f64], c: &mut [f64]) {
        c.copy_from_slice(&[math::exp(-dt / 20.0), 0.0]);
    }
    fn chain(&self, _dt: f64, _parameters: &[f64], _gradient: &[f64], _out: &mut [f64]) {}
    #[inline(always)]
    fn step<R: Real>(s: Step<'_, R>) {
        let a = s.coefficients.values[0];
        for (o, &e) in s.states.iter_mut().zip(s.events) {
            *o = a * *o + (R::ONE - a) * e;
        }
    }
    #[inline(always)]
    fn adjoint<R: Real>(s: Adjoint<'_, R>) {
        let a = s.coefficients.values[0];
        for (g, e) in s.state_gradient.iter_mut().zip(s.event_gradient) {
            *e = (R::ONE - a) * *g;
            *g = a * *g;
        }
    }
}

/// A compiled neuron that also has the smooth modes; it checks that decisions come back as they were recorded.
pub(crate) struct Smooth<K>(Compiled<K>, NeuronLayout);

impl<K: Kernel> Smooth<K> {
    pub(crate) fn new(kernel: K) -> Self {
        let mut layout = kernel.layout();
        layout.decisions = 2;
        Self(Compiled::new(kernel), layout)
    }
}

/// Something that differs from step to step and neuron to neuron, but not under small perturbations.
fn decision(event: f64, index: usize) -> u8 {
    // The chance that an event lies within a perturbation of the border is one in a million.
    (event > 0.287_654_321) as u8 + 2 * (index % 7) as u8
}

impl<K: Kernel> Neuron<f64> for Smooth<K> {
    fn layout(&self) -> &NeuronLayout {
        &self.1
    }
    fn refractory_steps(&self, dt: f64) -> u32 {
        Neuron::<f64>::refractory_steps(&self.0, dt)
    }
    fn coefficients(&self, dt: f64, parameters: &[f64], coefficients: &mut [f64]) {
        Neuron::<f64>::coefficients(&self.0, dt, parameters, coefficients);
    }
    fn chain(&self, dt: f64, parameters: &[f64], gradient: &[f64], out: &mut [f64]) {
        Neuron::<f64>::chain(&self.0, dt, parameters, gradient, out);
    }
    fn step(&self, s: Step<'_, f64>) {
        match s.mode {
            Mode::Spiking => return self.0.step(s),
            Mode::SmoothRecord => {
                for (i, d) in s.decisions.iter_mut().enumerate() {
                    *d = decision(s.events[i % s.n], i);
                }
            }
            Mode::SmoothReplay => {
                assert_eq!(s.decisions.len(), 2 * s.n);
                assert!(s.decisions.iter().enumerate().all(|(i, &d)| d == decision(s.events[i % s.n], i)));
            }
        }
        if self.1.spikes {
            lif_step(s, smooth_spike);
        } else {
            Li::step(s);
        }
    }
    fn adjoint(&self, a: Adjoint<'_, f64>) {
        self.0.adjoint(a);
    }
}

/// max(x - 0.1, 0), for a penalty on rates.
pub(crate) struct Excess;

impl<R: Real> Map<R> for Excess {
    fn value(&self, inputs: &[&[R]], out: &mut [R]) {
        out.iter_mut().zip(inputs[0]).for_each(|(o, &x)| *o = math::relu(x - R::from_f64(0.1)));
    }
    fn gradient(&self, inputs: &[&[R]], g: &[R], out: &mut [&mut [R]]) {
        for ((o, &x), &g) in out[0].iter_mut().zip(inputs[0]).zip(g) {
            *o += if x > R::from_f64(0.1) { g } else { R::ZERO };
        }
    }
}

/// x * y, to have a map of two inputs with different axes.
pub(crate) struct Times;

impl<R: Real> Map<R> for Times {
    fn value(&self, inputs: &[&[R]], out: &mut [R]) {
        (0..out.len()).for_each(|i| out[i] = inputs[0][i] * inputs[1][i]);
    }
    fn gradient(&self, inputs: &[&[R]], g: &[R], out: &mut [&mut [R]]) {
        for i in 0..g.len() {
            out[0][i] += g[i] * inputs[1][i];
            out[1][i] += g[i] * inputs[0][i];
        }
    }
}

/// Sizes of the test network.
pub(crate) const INPUTS: usize = 23;
pub(crate) const HIDDEN: usize = 70;
pub(crate) const OUTPUTS: usize = 3;
pub(crate) const STEPS: usize = 30;

pub(crate) fn projection(name: &str, source: Source, target: usize, delay: usize) -> Projection {
    Projection {
        unit: "nA".into(),
        delay: Delay::Steps(delay),
        initial: no_initialiser(),
        ..Projection::new(name, source, target, 0)
    }
}

/// Input -> hidden (recurrent, inhibitory, without self-connections, delay 2) -> out, and input -> out.
pub(crate) fn graph<R: Real>(lif: Arc<dyn Neuron<R>>, li: Arc<dyn Neuron<R>>) -> Graph<R> {
    let population = |name: &str, size, neuron| Population { name: name.into(), size, neuron, dropout: 0.0 };
    let mut forward = projection("w_in", Source::Input(0), 0, 0);
    forward.bias = true;
    let mut recurrent = projection("w_rec", Source::Population(0), 0, 2);
    recurrent.sign = Some(Sign::Negative);
    recurrent.no_self = true;
    let mut skip = projection("w_skip", Source::Input(0), 1, 1);
    skip.bias = true;
    let observe = |population, observable| Node::Observe { population, observable };
    let time = |input, reduction, from| Node::ReduceTime { input, reduction, from, to: None };
    let nodes = vec![
        observe(1, Observable::State(0)),
        time(0, Reduction::Max, None),
        Node::CrossEntropy { logits: 1, target: 0, from: None, to: None },
        observe(0, Observable::Spikes),
        time(3, Reduction::Mean, None),
        Node::Map { inputs: vec![4], function: Arc::new(Excess) },
        Node::ReduceNeuron { input: 5, reduction: Reduction::Mean },
        Node::MeanSquaredError { output: 0, target: 1, from: Some(5.0), to: Some(20.0) },
        observe(0, Observable::State(1)),
        Node::ReduceNeuron { input: 8, reduction: Reduction::Max },
        // [steps] times [neurons]
        Node::Map { inputs: vec![9, 4], function: Arc::new(Times) },
        time(10, Reduction::Last, None),
        Node::ReduceNeuron { input: 11, reduction: Reduction::Sum },
    ];
    Graph {
        name: "test".into(),
        hash: "0".into(),
        simulation: Simulation { dt: 1.0, steps: STEPS },
        inputs: vec![Input { name: "x".into(), size: INPUTS, kind: Default::default() }],
        targets: vec![
            Target { name: "label".into(), kind: TargetKind::Class(OUTPUTS), over_time: false },
            Target { name: "wave".into(), kind: TargetKind::Values(OUTPUTS), over_time: false },
        ],
        populations: vec![population("hidden", HIDDEN, lif), population("out", OUTPUTS, li)],
        projections: vec![forward, recurrent, projection("w_out", Source::Population(0), 1, 0), skip],
        plasticity: Vec::new(),
        program: Program {
            nodes,
            losses: vec![2, 6, 7, 12],
            readouts: vec![("rate".into(), 4), ("best".into(), 1), ("out".into(), 0)],
        },
    }
}

/// Numbers in -1 .. 1 without pattern.
pub(crate) fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// Fills weights so that some neurons fire; parameters keep sensible values.
pub(crate) fn set_weights<R: Real>(parameters: &mut impl Parameters<R>) {
    let mut random = numbers(3);
    for (name, scale) in [("w_in.weight", 0.6), ("w_in.bias", 0.05), ("w_rec.weight", 0.2), ("w_out.weight", 0.5)]
        .into_iter()
        .chain([("w_skip.weight", 0.3), ("w_skip.bias", 0.1)])
    {
        let mut view = parameters.view_mut(name).expect("a tensor of the test network");
        view.iter_mut().for_each(|w| *w = R::from_f64(scale * (random() + 0.2)));
    }
    let mut tau = parameters.view_mut("hidden.tau").expect("a tensor");
    tau.iter_mut().for_each(|t| *t = R::from_f64(20.0 + 5.0 * random()));
    parameters.view_mut("hidden.start").expect("a tensor").fill(R::from_f64(0.25));
}

/// Spikes with probability 0.15.
pub(crate) fn spikes(samples: usize, steps: usize, channels: usize) -> Vec<SpikeTrain> {
    let mut random = numbers(17);
    let mut train = || {
        let mut train = SpikeTrain::new();
        for _ in 0..steps {
            (0..channels as u32).for_each(|i| {
                if random() < -0.7 {
                    train.push(i);
                }
            });
            train.end_step();
        }
        train
    };
    (0..samples).map(|_| train()).collect()
}

pub(crate) fn labels(samples: usize) -> Vec<u32> {
    (0..samples as u32).map(|i| i % OUTPUTS as u32).collect()
}

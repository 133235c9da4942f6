//! Networks of test models, with inputs and targets that follow from their description, and everything they return.

use crate::smooth::{Report, compare, network};
use crate::trains::trains;
use snn_dsl::model::Model;
use snn_runtime::graph::{Input, InputKind, TargetKind};
use snn_runtime::ndarray::{Array2, Array3, ArrayD};
use snn_runtime::neuron::Mode;
use snn_runtime::{
    Batch, Error, InputData, Network, ParameterSet, Parameters, Readouts, Real, Recording, SpikeTrain, TargetData,
    Workspace,
};

/// Samples of a batch.
const SAMPLES: usize = 5;

/// Spikes for every input of a network.
pub fn inputs<R: Real>(network: &Network<R>, samples: usize, rate: f64, seed: u64) -> Vec<Vec<SpikeTrain>> {
    let steps = network.simulation().steps;
    network.graph().inputs.iter().map(|i| trains(samples, i.size, steps, rate, seed)).collect()
}

/// Numbers for every input of values, other ones in each step.
pub fn values<R: Real>(network: &Network<R>, samples: usize) -> Vec<Array3<f32>> {
    let steps = network.simulation().steps;
    let number = |(b, t, i): (usize, usize, usize)| ((b * 7 + t * 3 + i * 5) % 11) as f32 / 5.0 - 0.8;
    let inputs = network.graph().inputs.iter();
    inputs.map(|i| Array3::from_shape_fn((samples, steps, i.size), number)).collect()
}

/// Spikes for the inputs of spikes, numbers for the others.
pub fn data<'a, R: Real>(
    network: &Network<R>,
    spikes: &'a [Vec<SpikeTrain>],
    values: &'a [Array3<f32>],
) -> Vec<InputData<'a>> {
    let inputs = network.graph().inputs.iter().zip(spikes).zip(values);
    let of = |((input, spikes), values): ((&Input, &'a Vec<SpikeTrain>), &'a Array3<f32>)| match input.kind {
        InputKind::Spikes => InputData::Spikes(spikes),
        InputKind::Values => InputData::Values(values.view().into()),
    };
    inputs.map(of).collect()
}

/// The analytic gradient of the only network of a model against differences, its weights multiplied.
///
/// # Errors
/// If the network cannot be run, or its numbers leave the finite ones.
pub fn prove(model: &Model, weight_scale: f64) -> Result<Report, Error> {
    let network = network(model);
    let mut parameters = network.initial_parameters(7);
    for tensor in network.layout().tensors().iter().filter(|t| t.name.ends_with(".weight")) {
        for value in &mut parameters.values_mut()[tensor.range.clone()] {
            *value *= weight_scale;
        }
    }
    // At 0 a silent neuron would sit in the kink of every `abs`.
    for tensor in network.layout().tensors().iter().filter(|t| t.name.ends_with(".bias")) {
        for (k, value) in parameters.values_mut()[tensor.range.clone()].iter_mut().enumerate() {
            *value = 0.03 + 0.02 * k as f64;
        }
    }
    let inputs = inputs(&network, 2, 0.3, 11);
    let targets = Targets::new(&network, 2);
    let values = values(&network, 2);
    let batch = targets.batch(&network, data(&network, &inputs, &values));
    compare(&network, &parameters, &batch)
}

/// Targets for any network of a test: classes below 3, and 4 numbers.
pub struct Targets<R> {
    labels: Vec<u32>,
    numbers: Array2<R>,
    labels_over_time: Array2<u32>,
    numbers_over_time: Array3<R>,
}

impl<R: Real> Targets<R> {
    /// For so many samples.
    pub fn new(network: &Network<R>, samples: usize) -> Self {
        let steps = network.simulation().steps;
        let number = |b: usize, i: usize| 0.3 * b as f64 - 0.2 * i as f64;
        Self {
            labels: (0..samples).map(|b| [1, 0, 2][b % 3]).collect(),
            numbers: Array2::from_shape_fn((samples, 4), |(b, i)| R::from_f64(number(b, i))),
            labels_over_time: Array2::from_shape_fn((samples, steps), |(b, t)| ((b + t / 5) % 3) as u32),
            // Not in row-major order, which must not matter.
            numbers_over_time: Array3::from_shape_fn((4, steps, samples), |(i, t, b)| {
                R::from_f64(number(b, i) + 0.05 * t as f64)
            })
            .reversed_axes(),
        }
    }

    /// A batch with these inputs.
    pub fn batch<'a>(&'a self, network: &Network<R>, inputs: Vec<InputData<'a>>) -> Batch<'a, R> {
        let targets = network.graph().targets.iter().map(|target| match (&target.kind, target.over_time) {
            (TargetKind::Class(_), false) => TargetData::Class(&self.labels),
            (TargetKind::Class(_), true) => TargetData::ClassOverTime(self.labels_over_time.view()),
            (TargetKind::Values(_), false) => TargetData::Values(self.numbers.view()),
            (TargetKind::Values(_), true) => TargetData::ValuesOverTime(self.numbers_over_time.view()),
        });
        Batch { size: self.labels.len(), inputs, targets: targets.collect() }
    }
}

/// Everything that a network returns for 5 samples, as bits: loss, gradient, traces of all states, readouts, and at the
/// end the number of spikes.
///
/// # Errors
/// If the network cannot be run, or its numbers leave the finite ones.
pub fn bits<R: Real>(
    network: &Network<R>,
    parameters: &ParameterSet<R>,
    inputs: &[Vec<SpikeTrain>],
    mode: Mode,
) -> Result<Vec<u64>, Error> {
    let targets = Targets::new(network, SAMPLES);
    let values = values(network, SAMPLES);
    let batch = targets.batch(network, data(network, inputs, &values));
    let mut workspace = Workspace::with_lanes(2);
    let mut bits = learning_bits(network, parameters, &batch, &mut workspace, mode)?;
    if mode == Mode::Spiking {
        bits.extend(forward_bits(network, parameters, &batch, &mut workspace)?);
    }
    Ok(bits)
}

/// Loss and gradient, as bits.
///
/// # Errors
/// If the network cannot be run, or its numbers leave the finite ones.
pub fn learning_bits<R: Real>(
    network: &Network<R>,
    parameters: &ParameterSet<R>,
    batch: &Batch<'_, R>,
    workspace: &mut Workspace<R>,
    mode: Mode,
) -> Result<Vec<u64>, Error> {
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    workspace.set_dropout_seed(Some(3));
    let evaluation = network.loss_and_gradient_in_mode(parameters, batch, workspace, &mut gradient, mode)?;
    let mut bits = vec![evaluation.loss.to_bits()];
    bits.extend(gradient.values().iter().map(|g| g.to_f64().to_bits()));
    Ok(bits)
}

/// Every state of every population is to be kept.
pub fn all_states<R: Real>(network: &Network<R>) -> Recording {
    let mut recording = Recording::none();
    for population in &network.graph().populations {
        for state in &population.neuron.layout().states {
            recording = recording.trace(&population.name, &state.name);
        }
    }
    recording
}

/// What was recorded of the states, and the readouts.
pub fn arrays<'a, R: Real>(
    network: &'a Network<R>,
    readouts: &'a Readouts<R>,
) -> impl Iterator<Item = &'a ArrayD<R>> + 'a {
    let traces = network.graph().populations.iter().flat_map(|population| {
        let states = population.neuron.layout().states.iter().map(|s| s.name.clone());
        states.collect::<Vec<_>>().into_iter().filter_map(|state| readouts.trace(&population.name, &state))
    });
    traces.chain(readouts.iter().map(|(_, array)| array))
}

/// Traces of all states, readouts and the numbers of spikes, with their sum at the end, as bits.
///
/// # Errors
/// If the network cannot be run.
pub fn forward_bits<R: Real>(
    network: &Network<R>,
    parameters: &ParameterSet<R>,
    batch: &Batch<'_, R>,
    workspace: &mut Workspace<R>,
) -> Result<Vec<u64>, Error> {
    let readouts = network.forward(parameters, batch, workspace, &all_states(network))?;
    let numbers = arrays(network, &readouts).flat_map(|array| array.iter().map(|x| x.to_f64().to_bits()));
    let mut bits: Vec<u64> = numbers.collect();
    bits.extend(readouts.spike_counts().map(|(_, n)| n));
    bits.push(readouts.spike_counts().map(|(_, n)| n).sum());
    Ok(bits)
}

//! Neurons of one model without a Rust compiler: a protocol in, their course and their spikes out.
//!
//! The numbers are those that the first sample of a batch has in a layer of a network of generated code: the interpreter does
//! the same operations in the same order, parameters take the form in which a network stores them, and white noise is that of
//! the first layer with the same seed.
//!
//! ```
//! use snn_dsl::simulate::{Input, Protocol, library, run};
//!
//! let lif = library("LIF").unwrap();
//! let protocol = Protocol {
//!     duration: 500.0,
//!     inputs: vec![("I_ext".into(), Input::constant(2.5))],
//!     ..Protocol::default()
//! };
//! let recording = run::<f64>(&lif, &protocol)?;
//! let v: Vec<f64> = recording.trace("V").unwrap().of(0).collect();
//! assert_eq!(v.len(), 5001);
//! // T = tau ln(V_inf/(V_inf - V_th)) = 32.2 ms, and a little more on the grid.
//! assert_eq!(recording.spike_times(0)[0], 32.2);
//! # Ok::<(), snn_dsl::simulate::Error>(())
//! ```

mod accuracy;
mod csv;
mod error;
mod figure;
mod grid;
mod inputs;
mod network;
pub mod options;
mod population;
mod protocol;
mod recording;
mod statistics;
mod table;
mod text;

pub use accuracy::{Accuracy, StateError, accuracy};
pub use csv::{write_csv, write_network_csv, write_network_spikes, write_spikes};
pub use error::{Error, Place};
pub use figure::{DRAWN, network_svg, svg};
pub use grid::Grid;
pub use network::{NetworkProtocol, NetworkRecording, PlasticWeights, layer_neuron, run_network};
pub use protocol::{Input, Piece, Protocol};
pub use recording::{Recording, Spike, Trace};
pub use statistics::Statistics;
pub use text::plot;

use crate::model::Neuron;
use inputs::Inputs;
use population::Population;
use snn_runtime::Real;

/// More numbers than this are not recorded, nor more spikes.
const MOST_RECORDED: u64 = 1 << 28;

/// A neuron of the library.
pub fn library(name: &str) -> Option<Neuron> {
    let (file, text) = crate::library::neuron(name)?;
    let model = crate::compile::compile(file, text).model?;
    model.neurons.into_iter().find(|n| n.name == name)
}

/// What the values of a protocol put in doubt, in words: divisors that are known to stay away from 0 with the values of
/// the model only.
pub fn warnings(neuron: &Neuron, protocol: &Protocol) -> Vec<String> {
    population::warnings(neuron, protocol)
}

/// Runs neurons of a model through a protocol, in f32 or f64.
///
/// # Errors
/// If the protocol does not fit the model, a state becomes infinite or NaN, or more than 2^28 numbers or spikes would have to
/// be kept.
pub fn run<R: Real>(neuron: &Neuron, protocol: &Protocol) -> Result<Recording<R>, Error> {
    let grid = Grid::new(protocol.dt, protocol.duration)?;
    let n = protocol.n;
    let mut population = Population::<R>::new(neuron, protocol)?;
    let mut inputs = Inputs::<R>::new(neuron, grid, n, protocol.seed, &protocol.inputs)?;
    let neurons = n.min(protocol.recorded_neurons);
    let recorded = recorded_states(neuron, protocol)?;
    let size = (grid.steps as u64 + 1) * neurons as u64 * recorded.len() as u64;
    if size > MOST_RECORDED {
        let message = format!("expected at most {MOST_RECORDED} recorded numbers, found {size}");
        let help = "record fewer states with `--record`, fewer neurons or a shorter time";
        return Err(Error::new(Place::Record, message).help(help));
    }
    let mut traces: Vec<Trace<R>> = recorded
        .iter()
        .filter_map(|&state| neuron.states.get(state))
        .map(|state| Trace {
            name: state.quantity.name.clone(),
            unit: state.quantity.dimension.base_unit(),
            neurons,
            values: Vec::with_capacity((grid.steps + 1) * neurons),
        })
        .collect();
    let mut record = |population: &Population<R>| {
        for (trace, &state) in traces.iter_mut().zip(&recorded) {
            trace.values.extend_from_slice(population.state(state).get(..neurons).unwrap_or(&[]));
        }
    };
    let mut spikes = Vec::new();
    record(&population);
    for step in 0..grid.steps {
        let (events, drives) = inputs.at(step);
        let fired = population.step(events, drives);
        keep_spikes(&mut spikes, step, fired, MOST_RECORDED)?;
        population.check(neuron, grid, step)?;
        record(&population);
    }
    let has_threshold = neuron.spike.is_some();
    Ok(Recording { model: neuron.name.clone(), grid, n, traces, spikes, has_threshold })
}

/// Adds the spikes of a step, at most so many in all.
fn keep_spikes<R: Real>(spikes: &mut Vec<Spike>, step: usize, fired: &[R], most: u64) -> Result<(), Error> {
    let of_step = fired.iter().enumerate().filter(|(_, z)| **z != R::ZERO);
    spikes.extend(of_step.map(|(i, _)| Spike { step: step as u32, neuron: i as u32 }));
    if spikes.len() as u64 > most {
        let message = format!("expected at most {most} spikes, found more until step {step}");
        return Err(Error::new(Place::Run, message).help("take fewer neurons or a shorter time"));
    }
    Ok(())
}

/// The indices of the states to record, in the order asked for.
fn recorded_states(neuron: &Neuron, protocol: &Protocol) -> Result<Vec<usize>, Error> {
    let Some(names) = &protocol.record else { return Ok((0..neuron.states.len()).collect()) };
    let mut recorded = Vec::new();
    for name in names {
        let index = population::state(neuron, Place::Record, name)?;
        if recorded.contains(&index) {
            return Err(Error::new(Place::Record, format!("state `{name}` is given twice")).help("remove one of them"));
        }
        recorded.push(index);
    }
    Ok(recorded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_bounded() {
        let mut spikes = Vec::new();
        keep_spikes(&mut spikes, 7, &[1.0, 0.0, 1.0], 3).unwrap();
        assert_eq!(spikes, [Spike { step: 7, neuron: 0 }, Spike { step: 7, neuron: 2 }]);
        let error = keep_spikes(&mut spikes, 8, &[1.0, 0.0, 1.0], 3).unwrap_err();
        assert_eq!(error.place, Place::Run);
    }
}

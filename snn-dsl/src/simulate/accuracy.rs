//! The error of a time step, measured against a tenth of it.

use super::{Error, Input, Place, Protocol, run};
use crate::model::Neuron;

/// How far a run is from one with a tenth of its step.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    /// The time step in ms.
    pub dt: f64,
    /// The states, as far as they can be compared: up to the first spike of either run.
    pub states: Vec<StateError>,
    /// Up to when the states were compared, in ms.
    pub until: f64,
    /// The number of spikes in this run and in the finer one.
    pub spikes: [usize; 2],
    /// The largest difference between the times of spikes of equal number, in ms; positive where this run is late.
    pub shift: f64,
    /// The model has white noise, which was left out: other steps see other noise.
    pub without_noise: bool,
}

/// The error of one state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateError {
    /// Its name.
    pub name: String,
    /// Its unit; empty for a number.
    pub unit: String,
    /// The largest difference.
    pub largest: f64,
    /// When it was, in ms.
    pub time: f64,
    /// The distance between the smallest and the largest value of the state meanwhile.
    pub range: f64,
}

/// Runs one neuron with the step of the protocol and with a tenth of it, in f64.
///
/// # Errors
/// As [`run`]. Random spikes cannot be compared, as they are others for other steps.
pub fn accuracy(neuron: &Neuron, protocol: &Protocol) -> Result<Accuracy, Error> {
    if let Some((port, _)) = protocol.inputs.iter().find(|(_, input)| matches!(input, Input::Poisson { .. })) {
        let message = "expected inputs that are the same for every step, found random spikes";
        return Err(
            Error::new(Place::Input(port.clone()), message).help("give their times: `spikes(10 ms, 20 ms; 0.5 nA)`")
        );
    }
    let mut still = neuron.clone();
    still.states.iter_mut().for_each(|s| s.noise = None);
    let coarse_protocol = Protocol { n: 1, record: None, ..protocol.clone() };
    let fine_protocol = Protocol { dt: protocol.dt / 10.0, ..coarse_protocol.clone() };
    let coarse = run::<f64>(&still, &coarse_protocol)?;
    let fine = run::<f64>(&still, &fine_protocol)?;
    let (own, others) = (coarse.spike_times(0), fine.spike_times(0));
    let first = own.iter().chain(&others).copied().fold(f64::INFINITY, f64::min);
    // A spike is at the end of its step, where the states have been reset.
    let steps = (0..=coarse.grid.steps).take_while(|&k| coarse.grid.time(k) < first).count();
    let states = coarse.traces.iter().zip(&fine.traces).map(|(a, b)| {
        let pairs = a.of(0).zip(b.of(0).step_by(10)).take(steps);
        let mut error = StateError { name: a.name.clone(), unit: a.unit.clone(), largest: 0.0, time: 0.0, range: 0.0 };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (k, (x, y)) in pairs.enumerate() {
            (low, high) = (low.min(y), high.max(y));
            if (x - y).abs() > error.largest {
                (error.largest, error.time) = ((x - y).abs(), coarse.grid.time(k));
            }
        }
        error.range = (high - low).max(0.0);
        error
    });
    let shifts = own.iter().zip(&others).map(|(a, b)| a - b);
    Ok(Accuracy {
        dt: protocol.dt,
        states: states.collect(),
        until: coarse.grid.time(steps.saturating_sub(1)),
        spikes: [own.len(), others.len()],
        shift: shifts.fold(0.0, |m: f64, s| if s.abs() > m.abs() { s } else { m }),
        without_noise: neuron.states.iter().any(|s| s.noise.is_some()),
    })
}

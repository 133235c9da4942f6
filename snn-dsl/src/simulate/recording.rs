//! What is left of a run.

use super::grid::Grid;
use snn_runtime::Real;

/// The course of the states and the spikes of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording<R> {
    /// The name of the model.
    pub model: String,
    /// When.
    pub grid: Grid,
    /// The number of neurons.
    pub n: usize,
    /// The recorded states.
    pub traces: Vec<Trace<R>>,
    /// All spikes by time, those of a step by neuron.
    pub spikes: Vec<Spike>,
    /// The model has a threshold.
    pub has_threshold: bool,
}

/// The course of one state.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<R> {
    /// The name of the state.
    pub name: String,
    /// The unit of the values; empty for a number without unit.
    pub unit: String,
    /// How many neurons were recorded, from the first.
    pub neurons: usize,
    /// `[steps + 1, neurons]`: the initial values, and those at the end of each step, after resets.
    pub values: Vec<R>,
}

/// A spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spike {
    /// The step at whose end it is: its time is (step + 1) dt, since the threshold is tested on the new states.
    pub step: u32,
    /// Which neuron.
    pub neuron: u32,
}

impl<R: Real> Trace<R> {
    /// The values of one neuron, from t = 0 in steps of dt.
    pub fn of(&self, neuron: usize) -> impl ExactSizeIterator<Item = R> + Clone + '_ {
        let recorded = if neuron < self.neurons { self.values.get(neuron..).unwrap_or(&[]) } else { &[] };
        recorded.iter().step_by(self.neurons.max(1)).copied()
    }
}

impl<R: Real> Recording<R> {
    /// The trace of a state.
    pub fn trace(&self, state: &str) -> Option<&Trace<R>> {
        self.traces.iter().find(|t| t.name == state)
    }

    /// The times of the spikes of one neuron, in ms.
    pub fn spike_times(&self, neuron: usize) -> Vec<f64> {
        self.spikes.iter().filter(|s| s.neuron as usize == neuron).map(|s| self.spike_time(*s)).collect()
    }

    /// When a spike was, in ms: the end of its step.
    pub fn spike_time(&self, spike: Spike) -> f64 {
        self.grid.time(spike.step as usize + 1)
    }
}

//! Library neurons by the interpreter, under a stimulus.

use super::{Model, Solution, Stimulus};
use crate::library_neuron;
use snn_dsl::interpret::Interpreted;
use snn_dsl::model::Value;
use snn_runtime::cells::Cells;
use snn_runtime::{Neuron, ParameterStart};
use std::sync::Arc;

/// A library neuron with some of its parameters and starting values replaced, in base units.
#[derive(Clone, Debug)]
pub struct Library<'a> {
    /// The model.
    pub name: &'a str,
    /// Replaced parameters.
    pub parameters: Vec<(&'a str, f64)>,
    /// Replaced starting values.
    pub starts: Vec<(&'a str, f64)>,
}

/// What a library neuron did.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The times of the spikes: the ends of their steps.
    pub spikes: Vec<f64>,
    /// For each state asked for, its values at the multiples of the sampling interval.
    pub traces: Vec<Vec<f64>>,
}

/// How far a run is from the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Error {
    /// The largest error of a spike time in ms.
    pub time: f64,
    /// The largest error of a state, by the range of its values.
    pub trace: f64,
}

impl<'a> Library<'a> {
    /// A model as it is.
    pub fn new(name: &'a str) -> Self {
        Self { name, parameters: Vec::new(), starts: Vec::new() }
    }

    /// `n` such neurons without a network.
    ///
    /// # Panics
    /// If there is no such neuron, parameter or state.
    pub fn cells(&self, n: usize, dt: f64) -> Cells<f64> {
        let neuron = library_neuron(self.name);
        let index = |name: &str| neuron.parameters.iter().position(|p| p.quantity.name == name);
        let value = |&(name, x): &(&str, f64)| {
            (index(name).unwrap_or_else(|| panic!("{} has no parameter {name}", self.name)), Value::Constant(x))
        };
        let values: Vec<_> = self.parameters.iter().map(value).collect();
        let interpreted = Interpreted::new(&neuron, &values);
        let stored = Neuron::<f64>::layout(&interpreted).parameters.iter();
        let stored: Vec<f64> = stored
            .map(|p| match p.start {
                ParameterStart::Value(x) => p.transform.store(x),
                ref other => panic!("{}: choose a value for {}, it is {other:?}", self.name, p.name),
            })
            .collect();
        let columns: Vec<&[f64]> = stored.iter().map(std::slice::from_ref).collect();
        let mut cells = Cells::new(Arc::new(interpreted) as Arc<dyn Neuron<f64>>, n, dt, &columns)
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        for (name, x) in &self.starts {
            cells.state_mut(name).unwrap_or_else(|| panic!("{} has no state {name}", self.name)).fill(*x);
        }
        cells
    }

    /// Runs it in steps of `dt`, keeping states every `every` ms.
    ///
    /// # Panics
    /// If a number leaves the finite ones, or there is no such neuron, parameter or state.
    pub fn run(&self, stimulus: &Stimulus, dt: f64, states: &[&str], every: f64) -> Run {
        let mut cells = self.cells(1, dt);
        let (ports, drives) = {
            let neuron = library_neuron(self.name);
            (neuron.events.len(), neuron.drives.len())
        };
        let mut run = Run { spikes: Vec::new(), traces: vec![Vec::new(); states.len()] };
        let steps = (stimulus.duration / dt).round() as usize;
        let between = (every / dt).round() as usize;
        for k in 0..steps {
            let t = k as f64 * dt;
            let mut events = vec![0.0; ports];
            for (port, weight) in stimulus.events_at(t, dt / 2.0) {
                events[port] += weight;
            }
            let mut driven = stimulus.drives_at(t, dt / 2.0);
            driven.resize(drives, 0.0);
            let fired = cells.step(&events, &driven).unwrap_or_else(|e| panic!("{}: {e}", self.name));
            if fired.first().is_some_and(|z| *z != 0.0) {
                run.spikes.push((k + 1) as f64 * dt);
            }
            if (k + 1) % between == 0 {
                for (trace, name) in run.traces.iter_mut().zip(states) {
                    let state = cells.state(name).unwrap_or_else(|| panic!("{} has no state {name}", self.name));
                    trace.push(state[0]);
                }
            }
        }
        run
    }

    /// The errors of a run in steps of `dt`; `states` are the names of states and their places in the reference, with what
    /// one unit of the reference is in the library's unit.
    ///
    /// # Panics
    /// If the numbers of spikes differ.
    pub fn error<const N: usize>(
        &self,
        stimulus: &Stimulus,
        reference: &Solution<N>,
        dt: f64,
        states: &[(&str, usize, f64)],
        every: f64,
    ) -> Error {
        let names: Vec<&str> = states.iter().map(|s| s.0).collect();
        let run = self.run(stimulus, dt, &names, every);
        let (found, expected) = (&run.spikes, &reference.spikes);
        assert_eq!(found.len(), expected.len(), "{} at dt {dt}: {found:?}, reference {expected:?}", self.name);
        let time = found.iter().zip(expected).fold(0.0, |worst: f64, (a, b)| worst.max((a - b).abs()));
        let mut trace: f64 = 0.0;
        for (values, &(name, place, unit)) in run.traces.iter().zip(states) {
            let expected: Vec<f64> = reference.samples.iter().map(|y| y[place] * unit).collect();
            let (low, high) = expected.iter().fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
            assert!(high > low, "{}: {name} does not move", self.name);
            assert_eq!(values.len(), expected.len());
            for (a, b) in values.iter().zip(&expected) {
                let error = (a - b).abs() / (high - low);
                assert!(error.is_finite(), "{}: {name} is {a}, expected {b}", self.name);
                trace = trace.max(error);
            }
        }
        Error { time, trace }
    }
}

/// The states of a reference by the names of the library, all in the library's units.
pub fn named<'a, const N: usize>(_: &Model<N>, names: [&'a str; N]) -> Vec<(&'a str, usize, f64)> {
    names.into_iter().enumerate().map(|(k, name)| (name, k, 1.0)).collect()
}

//! What comes out of one call.

use super::error::Error;
use super::plan::Plan;
use crate::loss::{Observable, Trace};
use crate::{Real, SpikeTrain};
use ndarray::ArrayD;

/// What `forward` keeps besides the readouts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    traces: Vec<(String, String)>,
    spikes: Vec<String>,
}

impl Recording {
    /// Readouts only.
    pub fn none() -> Self {
        Self::default()
    }

    /// Keeps a state of a population at the end of every step, its spikes as numbers (`spike`), or an output of its model
    /// by its name, such as `before_reset(V)` where a loss or readout reads that.
    pub fn trace(mut self, population: impl Into<String>, observable: impl Into<String>) -> Self {
        self.traces.push((population.into(), observable.into()));
        self
    }

    /// Keeps the spike trains of a population.
    pub fn spikes(mut self, population: impl Into<String>) -> Self {
        self.spikes.push(population.into());
        self
    }

    pub(crate) fn trace_names(&self) -> &[(String, String)] {
        &self.traces
    }

    pub(crate) fn spike_names(&self) -> &[String] {
        &self.spikes
    }

    /// The traces, and the populations whose trains are kept.
    pub(crate) fn resolve<R: Real>(&self, plan: &Plan<R>) -> Result<(Vec<Trace>, Vec<usize>), Error> {
        let find = |name: &str| {
            let found = plan.populations.iter().position(|p| p.name == name);
            found.ok_or_else(|| Error::Recording(name.into(), "there is no such population".into()))
        };
        let mut traces = Vec::new();
        for (name, what) in &self.traces {
            let population = find(name)?;
            let p = &plan.populations[population];
            let state = p.layout.states.iter().position(|s| s.name == *what);
            let output = p.layout.outputs.iter().position(|o| o.name == *what);
            let observable = match (state, output) {
                (Some(state), _) => Observable::State(state),
                (None, Some(output)) => Observable::Output(output),
                (None, None) if what == "spike" && p.layout.spikes => Observable::Spikes,
                (None, None) => {
                    let reason = format!("model `{}` has no such state", p.layout.name);
                    return Err(Error::Recording(format!("{name}.{what}"), reason));
                }
            };
            traces.push(Trace::new(population, observable, p.n));
        }
        let mut trains = Vec::new();
        for name in &self.spikes {
            let population = find(name)?;
            if !plan.populations[population].layout.spikes {
                return Err(Error::Recording(name.clone(), "its model has no threshold".into()));
            }
            trains.push(population);
        }
        Ok((traces, trains))
    }
}

/// Readouts, and what was recorded.
#[derive(Clone, Debug, Default)]
pub struct Readouts<R> {
    pub(crate) arrays: Vec<(String, ArrayD<R>)>,
    pub(crate) traces: Vec<(String, String, ArrayD<R>)>,
    pub(crate) trains: Vec<(String, Vec<SpikeTrain>)>,
    pub(crate) counts: Vec<(String, u64)>,
    pub(crate) synaptic_operations: u64,
}

impl<R> Readouts<R> {
    /// The readout of that name: `[samples]`, then `[steps]` and `[neurons]` as far as it has these axes.
    pub fn get(&self, name: &str) -> Option<&ArrayD<R>> {
        self.arrays.iter().find(|(n, _)| n == name).map(|(_, array)| array)
    }

    /// All readouts in the order of the network.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ArrayD<R>)> {
        self.arrays.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// A recorded trace: `[samples, steps, neurons]`, in the unit of the state.
    pub fn trace(&self, population: &str, observable: &str) -> Option<&ArrayD<R>> {
        self.traces.iter().find(|(p, o, _)| p == population && o == observable).map(|(_, _, array)| array)
    }

    /// Recorded spike trains, one per sample.
    pub fn spikes(&self, population: &str) -> Option<&[SpikeTrain]> {
        self.trains.iter().find(|(p, _)| p == population).map(|(_, trains)| trains.as_slice())
    }

    /// The number of spikes of each population in all samples; empty counts for populations without threshold.
    pub fn spike_counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// The number of weights added because a spike arrived, in all samples.
    pub fn synaptic_operations(&self) -> u64 {
        self.synaptic_operations
    }
}

/// The loss of a batch and what else the run showed.
#[derive(Clone, Debug)]
pub struct Evaluation<R> {
    /// The sum of the terms.
    pub loss: f64,
    /// The loss terms in the order of the network, averaged over time and samples.
    pub terms: Vec<f64>,
    /// Readouts and counts of spikes.
    pub readouts: Readouts<R>,
}

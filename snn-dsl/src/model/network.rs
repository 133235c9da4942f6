//! A checked network: inputs, targets, layers.

use super::{Program, Projection, Source, Value};
use crate::source::Span;
use std::ops::Range;

/// A network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// Where its name stands.
    pub span: Span,
    /// The time step in ms.
    pub dt: f64,
    /// Where the time step stands.
    pub dt_span: Span,
    /// The number of steps of one sample.
    pub steps: usize,
    /// Spike sources.
    pub inputs: Vec<Input>,
    /// Targets.
    pub targets: Vec<Target>,
    /// Layers, in an order in which no projection of delay 0 points backwards.
    pub layers: Vec<Layer>,
    /// Projections in the order of the text.
    pub projections: Vec<Projection>,
    /// Losses and readouts.
    pub program: Program,
}

/// A source outside the network.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The number of channels.
    pub size: usize,
    /// Channels, height and width, if it is a grid.
    pub grid: Option<[usize; 3]>,
    /// It sends a number without unit from each channel in every step, and not spikes.
    pub is_values: bool,
}

impl Network {
    /// The number of neurons or channels of a source.
    pub fn source_size(&self, source: Source) -> usize {
        match source {
            Source::Input(i) => self.inputs.get(i).map_or(0, |s| s.size),
            Source::Layer(i) => self.layers.get(i).map_or(0, |s| s.size),
        }
    }

    /// The neurons of its source that a projection begins in; `None`: all.
    pub fn part_of_source(&self, p: &Projection) -> Option<Range<usize>> {
        (p.sources != (0..self.source_size(p.source))).then(|| p.sources.clone())
    }

    /// The neurons of its target that a projection leads to; `None`: all.
    pub fn part_of_target(&self, p: &Projection) -> Option<Range<usize>> {
        (p.targets != (0..self.source_size(Source::Layer(p.target)))).then(|| p.targets.clone())
    }
}

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// One of `size` classes, instead of `size` numbers.
    pub is_class: bool,
    /// The number of classes or numbers.
    pub size: usize,
    /// Given for every step, instead of once for a sample.
    pub over_time: bool,
}

/// A layer of neurons.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub span: Span,
    /// The number of neurons.
    pub size: usize,
    /// Channels, height and width, if they form a grid.
    pub grid: Option<[usize; 3]>,
    /// The index of its model in [`Model::neurons`](super::Model::neurons).
    pub neuron: usize,
    /// The parameters that differ from the model's, by index: value in base units.
    pub values: Vec<(usize, Value)>,
    /// The probability with which a neuron sends nothing in training.
    pub dropout: f64,
}

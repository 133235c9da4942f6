//! The neurons of a run: their parameters and states, and one step of them.

use super::error::{Error, Place};
use super::grid::Grid;
use super::protocol::Protocol;
use crate::check::{layer_values, outside_range, scale_bounds};
use crate::diagnostic::closest;
use crate::expr::number;
use crate::interpret::{Blocks, Interpreted};
use crate::lint::Quotients;
use crate::model::{Neuron, Value};
use snn_runtime::initialise::parameter_start;
use snn_runtime::{Cells, Real};
use std::sync::Arc;

/// Neurons of one model.
pub(super) struct Population<R> {
    neuron: Arc<Interpreted>,
    blocks: Blocks<R>,
    cells: Cells<R>,
    n: usize,
}

/// The same limit as that of networks.
const MOST_NEURONS: usize = 10_000_000;

impl<R: Real> Population<R> {
    /// Neurons in their initial state.
    pub(super) fn new(model: &Neuron, protocol: &Protocol) -> Result<Self, Error> {
        let n = protocol.n;
        if !(1..=MOST_NEURONS).contains(&n) {
            return Err(Error::new(Place::Count, format!("expected 1 to {MOST_NEURONS} neurons, found {n}")));
        }
        let values = parameters(model, protocol)?;
        let neuron = Arc::new(Interpreted::new(model, &values));
        // Parameters as a network stores them, so that the run has the bits of a layer.
        let stored: Vec<Vec<f64>> = snn_runtime::Neuron::<R>::layout(&*neuron)
            .parameters
            .iter()
            .enumerate()
            .map(|(k, parameter)| {
                let mut out = vec![R::ZERO; if parameter.per_neuron { n } else { 1 }];
                parameter_start(parameter, &mut out, protocol.seed, k as u64);
                out.into_iter().map(R::to_f64).collect()
            })
            .collect();
        let stored: Vec<&[f64]> = stored.iter().map(Vec::as_slice).collect();
        let mut cells = Cells::new(neuron.clone(), n, protocol.dt, &stored)
            .map_err(|error| Error::new(Place::Model, error.to_string()))?;
        cells.set_noise_seed(protocol.seed);
        let blocks = neuron.blocks(n, &cells.coefficients());
        let mut population = Self { neuron, blocks, cells, n };
        population.start(model, &protocol.init)?;
        Ok(population)
    }

    /// Sets starting values.
    fn start(&mut self, model: &Neuron, init: &[(String, f64)]) -> Result<(), Error> {
        let n = self.n;
        let mut seen = Vec::new();
        for (name, value) in init {
            let place = || Place::Init(name.clone());
            let index = state(model, place(), name)?;
            if seen.contains(&index) {
                return Err(Error::new(place(), "expected one value, found a second").help("remove one of them"));
            }
            seen.push(index);
            let rounded = R::from_f64(*value);
            if !rounded.is_finite() {
                let message = format!("expected a finite starting value in {}, found {}", R::NAME, number(*value));
                return Err(Error::new(place(), message));
            }
            self.cells.states_mut()[index * n..][..n].fill(rounded);
        }
        for (state, values) in model.states.iter().zip(self.cells.states().chunks_exact(n)) {
            if let Some((i, value)) = values.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                let name = &state.quantity.name;
                let message = format!("state `{name}` of neuron {i} starts at {value}");
                let help = format!("give it a finite starting value: `--init {name}=...`");
                return Err(Error::new(Place::Run, message).help(help));
            }
        }
        Ok(())
    }

    /// Takes a step; `[ports, n]` each. Returns 1 where a neuron fired, else 0; empty without a threshold.
    pub(super) fn step(&mut self, events: &[R], drives: &[R]) -> &[R] {
        let Self { neuron, blocks, cells, .. } = self;
        cells.step_by(events, drives, |step| blocks.step(neuron, step))
    }

    /// The values of a state.
    pub(super) fn state(&self, index: usize) -> &[R] {
        self.cells.states().get(index * self.n..(index + 1) * self.n).unwrap_or(&[])
    }

    /// Whether all states are finite after a step.
    pub(super) fn check(&self, model: &Neuron, grid: Grid, step: usize) -> Result<(), Error> {
        // Without a branch inside of a chunk, which the compiler turns into wide instructions.
        let finite = |chunk: &[R]| chunk.iter().fold(true, |all, x| all & x.is_finite());
        let states = self.cells.states();
        if states.chunks(64).all(finite) {
            return Ok(());
        }
        let found = states.iter().position(|x| !x.is_finite()).unwrap_or(0);
        let (state, neuron) = (found / self.n, found % self.n);
        let name = model.states.get(state).map_or("", |s| s.quantity.name.as_str());
        let (value, time) = (states[found], number(grid.time(step + 1)));
        let message = format!("state `{name}` of neuron {neuron} became {value} at {time} ms in {}", R::NAME);
        let help = if R::NAME == "f32" {
            "numbers beyond 3.4e38 are infinite in f32: leave out `--f32`, or check parameters and inputs"
        } else {
            "check the parameters, inputs and starting values, or make `--dt` smaller"
        };
        Err(Error::new(Place::Run, message).help(help))
    }
}

/// The index of a state.
pub(super) fn state(model: &Neuron, place: Place, name: &str) -> Result<usize, Error> {
    let names = || model.states.iter().map(|s| s.quantity.name.as_str());
    names().position(|n| n == name).ok_or_else(|| {
        let help = match closest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if model.parameters.iter().any(|p| p.quantity.name == name) => {
                format!("`{name}` is a parameter: `--set {name}=...`")
            }
            None => format!("it has `{}`", names().collect::<Vec<_>>().join("`, `")),
        };
        Error::new(place, format!("expected a state of `{}`, found `{name}`", model.name)).help(help)
    })
}

/// The index of a parameter.
pub(super) fn parameter(model: &Neuron, name: &str) -> Result<usize, Error> {
    let names = || model.parameters.iter().map(|p| p.quantity.name.as_str());
    names().position(|n| n == name).ok_or_else(|| {
        let help = match closest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if model.states.iter().any(|s| s.quantity.name == name) => {
                format!("`{name}` is a state: `--init {name}=...`")
            }
            None if model.events.iter().chain(&model.drives).any(|q| q.name == name) => {
                format!("`{name}` is a port: `--input {name}=...`")
            }
            None if model.parameters.is_empty() => "it has no parameters".into(),
            None => format!("it has `{}`", names().collect::<Vec<_>>().join("`, `")),
        };
        let message = format!("expected a parameter of `{}`, found `{name}`", model.name);
        Error::new(Place::Set(name.into()), message).help(help)
    })
}

/// The parameters that a protocol sets, by index, and whether the model still makes sense with them.
fn parameters(model: &Neuron, protocol: &Protocol) -> Result<Vec<(usize, Value)>, Error> {
    let mut values: Vec<(usize, Value)> = Vec::new();
    for (name, value) in &protocol.set {
        let index = settable(model, name, *value)?;
        if values.iter().any(|v| v.0 == index) {
            let error = Error::new(Place::Set(name.clone()), "expected one value, found a second");
            return Err(error.help("remove one of them"));
        }
        values.push((index, *value));
    }
    consequences(model, protocol, &values)?;
    Ok(values)
}

/// The index of a parameter that may have this value.
pub(super) fn settable(model: &Neuron, name: &str, value: Value) -> Result<usize, Error> {
    let index = parameter(model, name)?;
    let error = |message: String| Error::new(Place::Set(name.into()), message);
    if let Some(parameter) = model.parameters.get(index) {
        let numbers = match value {
            Value::Constant(x) => [x, x],
            Value::Uniform { low, high } | Value::LogUniform { low, high } => [low, high],
            Value::Normal { mean, sd } => [mean, sd],
        };
        if let Some(x) = numbers.iter().find(|x| !x.is_finite()) {
            return Err(error(format!("expected a finite value of `{name}`, found {x}")));
        }
        if !parameter.per_neuron && !matches!(value, Value::Constant(_)) {
            let message = format!("expected a constant for `{name}`, found a distribution");
            return Err(error(message).help(format!("declare the parameter `per neuron` in `{}`", model.name)));
        }
        if let Some(message) = outside_range(parameter, value) {
            let help = "take a value in the range, or widen the range in the model";
            return Err(error(message).help(help));
        }
    }
    Ok(index)
}

/// What may go wrong with the values of a protocol, and not with those of the model; nothing if the protocol is wrong.
pub(super) fn warnings(model: &Neuron, protocol: &Protocol) -> Vec<String> {
    let values = parameters(model, protocol).unwrap_or_default();
    Quotients::new(model).with_values(&values).1
}

/// What was proved of the model must hold with the values of the protocol, too.
fn consequences(model: &Neuron, protocol: &Protocol, values: &[(usize, Value)]) -> Result<(), Error> {
    let place = || match protocol.set.as_slice() {
        [] => Place::Model,
        [(name, _)] => Place::Set(name.clone()),
        several => Place::Set(several.iter().map(|s| s.0.as_str()).collect::<Vec<_>>().join(", ")),
    };
    for state in &model.states {
        let factor = layer_values(model, state.coefficient, values);
        if factor.low == 0.0 && factor.high == 0.0 {
            let message = format!("expected a factor of `d{}/dt` that is not 0", state.quantity.name);
            return Err(Error::new(place(), message).help("give another value"));
        }
    }
    if let [phrase, ..] = &Quotients::new(model).with_values(values).0[..] {
        let message = format!("expected divisors that are not 0, found one: {phrase}");
        return Err(Error::new(place(), message).help("give another value"));
    }
    if let Some(spike) = &model.spike {
        let scale = |values| scale_bounds(&model.arena, spike.scale, model, values).low;
        if scale(values) <= 0.0 && scale(&[]) > 0.0 {
            let message = format!("expected a positive scale of the threshold, found {}", number(scale(values)));
            return Err(Error::new(place(), message).help("give a threshold above the potential after a spike"));
        }
    }
    if let Some(refractory) = &model.refractory {
        let range = layer_values(model, refractory.duration, values);
        if range.high <= 0.0 {
            let message = format!("expected a positive refractory period, found {} ms", number(range.high));
            return Err(Error::new(place(), message).help("give a time of at least one step"));
        }
        if range.high < 0.5 * protocol.dt {
            let (dt, found) = (number(protocol.dt), number(range.high));
            let message = format!("expected steps no longer than the refractory period of {found} ms, found {dt} ms");
            return Err(Error::new(Place::Dt, message).help("make it smaller, or the refractory period longer"));
        }
    }
    Ok(())
}

//! Neurons of one model without a network.

use crate::Real;
use crate::engine::Error;
use crate::kernel::ShortSteps;
use crate::math::flush_states;
use crate::neuron::{Coefficients, Mode, Neuron, Step, counted_steps};
use crate::random::{Purpose, Stream, normal_numbers};
use std::sync::Arc;

/// The neurons of one model, stepped by hand: for streams, teaching, and checks of a model.
///
/// There are no projections; whoever calls [`Cells::step`] supplies the sums of the weights that arrive.
pub struct Cells<R> {
    neuron: Arc<dyn Neuron<R>>,
    n: usize,
    coefficients: Vec<R>,
    per_neuron: bool,
    refractory_steps: u16,
    states: Vec<R>,
    refractory: Vec<u16>,
    fired: Vec<u8>,
    /// The same as numbers.
    spikes: Vec<R>,
    noise: Vec<R>,
    noise_stream: Stream,
    short: ShortSteps<R>,
    step: u32,
}

impl<R: Real> Cells<R> {
    /// `n` neurons in their initial state. `dt` is in ms; `parameters` has for each stored parameter of the model one
    /// number, or `n` if it may differ from neuron to neuron, in the stored form.
    ///
    /// # Errors
    /// If `n` is 0, `dt` is not positive, the parameters have other lengths or are not finite, or a refractory period is longer
    /// than 65535 steps.
    pub fn new(neuron: Arc<dyn Neuron<R>>, n: usize, dt: f64, parameters: &[&[f64]]) -> Result<Self, Error> {
        let layout = neuron.layout();
        if n == 0 {
            return Err(Error::Graph(format!("expected at least one neuron of model `{}`", layout.name)));
        }
        if !(dt > 0.0 && dt.is_finite()) {
            return Err(Error::Simulation(format!("expected a positive dt in ms, found {dt}")));
        }
        if parameters.len() != layout.parameters.len() {
            let (expected, found) = (layout.parameters.len(), parameters.len());
            return Err(Error::Graph(format!("expected {expected} parameters of `{}`, found {found}", layout.name)));
        }
        for (stored, values) in layout.parameters.iter().zip(parameters) {
            if values.len() != 1 && !(stored.per_neuron && values.len() == n) {
                let (name, found) = (&stored.name, values.len());
                let expected = if stored.per_neuron {
                    format!("1 or {n} numbers")
                } else {
                    "1 number, as it is not `per neuron`".into()
                };
                return Err(Error::Graph(format!("parameter `{name}`: expected {expected}, found {found}")));
            }
            if let Some((element, value)) = values.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                let (tensor, value) = (stored.name.clone(), value.to_string());
                return Err(Error::ParameterNotFinite { tensor, element, value });
            }
        }
        let per_neuron = parameters.iter().any(|values| values.len() != 1);
        let rows = if per_neuron { n } else { 1 };
        let mut coefficients = vec![R::ZERO; layout.coefficients * rows];
        let mut exact = vec![0.0; layout.coefficients];
        for i in 0..rows {
            let own: Vec<f64> = parameters.iter().map(|values| values[i.min(values.len() - 1)]).collect();
            neuron.coefficients(dt, &own, &mut exact);
            exact.iter().enumerate().for_each(|(c, &x)| coefficients[c * rows + i] = R::from_f64(x));
        }
        let mut cells = Self {
            n,
            per_neuron,
            refractory_steps: counted_steps(&*neuron, dt)?,
            states: vec![R::ZERO; layout.states.len() * n],
            refractory: vec![0; if layout.refractory { n } else { 0 }],
            fired: vec![0; if layout.spikes { n } else { 0 }],
            spikes: vec![R::ZERO; if layout.spikes { n } else { 0 }],
            noise: vec![R::ZERO; layout.noise * n],
            noise_stream: Stream::new(0, Purpose::Noise, 0),
            short: ShortSteps::default(),
            step: 0,
            coefficients,
            neuron,
        };
        cells.reset();
        Ok(cells)
    }

    /// White noise of another seed, from the next step on; it is 0 at first. The numbers are those of the first sample of a
    /// batch in the first layer of a network, see [`Workspace::set_noise_seed`](crate::Workspace::set_noise_seed).
    pub fn set_noise_seed(&mut self, seed: u64) {
        self.noise_stream = Stream::new(seed, Purpose::Noise, 0);
    }

    /// Back to the initial state, and to the first numbers of white noise.
    pub fn reset(&mut self) {
        self.step = 0;
        self.refractory.fill(0);
        self.spikes.fill(R::ZERO);
        for (&c, states) in self.neuron.layout().initial.iter().zip(self.states.chunks_exact_mut(self.n)) {
            if self.per_neuron {
                states.copy_from_slice(&self.coefficients[c * self.n..][..self.n]);
            } else {
                states.fill(self.coefficients[c]);
            }
        }
    }

    /// Takes one step. `events` are the sums of the weights that arrive (`[ports, n]`), `drives` the continuous inputs
    /// (`[drives, n]`), both in the units of the model. Returns 1 where a neuron fired, else 0 (`[n]`; empty for a model
    /// without threshold).
    ///
    /// # Errors
    /// If a slice has another length, or a number in it is infinite or NaN; the states are as they were then.
    pub fn step(&mut self, events: &[R], drives: &[R]) -> Result<&[R], Error> {
        let layout = self.neuron.layout();
        for (what, expected, values) in
            [("events", layout.events.len() * self.n, events), ("drives", layout.drives.len() * self.n, drives)]
        {
            let input = || what.to_string();
            if expected != values.len() {
                let found = values.len();
                let reason =
                    format!("expected {expected} numbers (ports times neurons), found {found}; give one for each");
                return Err(Error::Input { input: input(), reason });
            }
            if let Some((place, value)) = values.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                let (port, neuron) = (place / self.n, place % self.n);
                let reason =
                    format!("port {port} of neuron {neuron} is {value}: expected a finite number; clean the data");
                return Err(Error::Input { input: input(), reason });
            }
        }
        let neuron = self.neuron.clone();
        Ok(self.step_by(events, drives, |step| neuron.step(step)))
    }

    /// The same, with `take` for the step of the model: for an implementation that keeps room from step to step. Numbers are
    /// not looked at.
    ///
    /// # Panics
    /// As `take` does, if a slice has another length.
    pub fn step_by(&mut self, events: &[R], drives: &[R], take: impl FnOnce(Step<'_, R>)) -> &[R] {
        normal_numbers(self.noise_stream, self.step, 0, self.n, &mut self.noise);
        take(Step {
            n: self.n,
            coefficients: Coefficients { values: &self.coefficients, per_neuron: self.per_neuron },
            states: &mut self.states,
            events,
            drives,
            noise: &self.noise,
            refractory: &mut self.refractory,
            refractory_steps: self.refractory_steps,
            fired: &mut self.fired,
            spikes: &mut [],
            outputs: &mut [],
            tape: &mut [],
            tape_flags: &mut [],
            short: &mut self.short,
            mode: Mode::Spiking,
            decisions: &mut [],
        });
        flush_states(self.step as usize, &mut self.states);
        self.step = self.step.wrapping_add(1);
        for (spike, &fired) in self.spikes.iter_mut().zip(&self.fired) {
            *spike = if fired != 0 { R::ONE } else { R::ZERO };
        }
        &self.spikes
    }

    /// The coefficients of the model.
    pub fn coefficients(&self) -> Coefficients<'_, R> {
        Coefficients { values: &self.coefficients, per_neuron: self.per_neuron }
    }

    /// All states, `[states, n]`.
    pub fn states(&self) -> &[R] {
        &self.states
    }

    /// The same, to be written.
    pub fn states_mut(&mut self) -> &mut [R] {
        &mut self.states
    }

    /// The values of a state of all neurons, in its unit.
    pub fn state(&self, name: &str) -> Option<&[R]> {
        let index = self.neuron.layout().states.iter().position(|state| state.name == name)?;
        self.states.get(index * self.n..(index + 1) * self.n)
    }

    /// The same, to be written.
    pub fn state_mut(&mut self, name: &str) -> Option<&mut [R]> {
        let index = self.neuron.layout().states.iter().position(|state| state.name == name)?;
        self.states.get_mut(index * self.n..(index + 1) * self.n)
    }
}

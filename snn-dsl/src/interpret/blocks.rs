//! The spiking step of a population in blocks of neurons whose registers stay in the cache, over and over with the same
//! room: what does not change is filled in once.

use super::code::{Code, Decisions, Input, Registers};
use super::neuron::Interpreted;
use crate::derive::Derived;
use crate::expr::{ExprId, Leaf};
use snn_runtime::neuron::Coefficients;
use snn_runtime::{Real, Step, math};

/// The most neurons of a block. A step of few dozen registers of so many numbers fits into the first cache; with fewer,
/// choosing the instructions takes longer than carrying them out.
const WIDTH: usize = 128;

/// Room for the steps of one population, to be used again in every step.
#[derive(Clone, Debug)]
pub struct Blocks<R> {
    registers: Registers<R>,
    /// What has to be filled in for every block, with its register.
    loads: Vec<(Leaf, usize)>,
}

/// The registers of the results of a step.
#[derive(Clone, Debug)]
pub(super) struct Stores {
    states: Vec<usize>,
    outputs: Vec<usize>,
    fires: Option<usize>,
}

impl Stores {
    pub(super) fn new(code: &Code, derived: &Derived) -> Self {
        let step = &derived.step;
        // The program of a step computes all of its results.
        let of = |id| code.register_of(id).unwrap_or(0);
        let all = |ids: &[ExprId]| ids.iter().map(|&id| of(id)).collect();
        Self { states: all(&derived.ends), outputs: all(&step.outputs), fires: step.threshold.map(|t| of(t.fires)) }
    }
}

impl Interpreted {
    /// Room for the steps of `n` neurons with these coefficients.
    pub fn blocks<R: Real>(&self, n: usize, coefficients: &Coefficients<'_, R>) -> Blocks<R> {
        let width = n.clamp(1, WIDTH);
        let mut registers = self.step.registers(width);
        let mut loads = Vec::new();
        for &(input, register) in self.step.inputs() {
            match input {
                Input::Leaf(Leaf::Coefficient(k)) if !coefficients.per_neuron => {
                    registers.row_mut(register, width).fill(coefficients.values[k as usize]);
                }
                Input::Leaf(Leaf::Coefficient(k)) if n == width => {
                    let values = &coefficients.values[k as usize * n..][..n];
                    registers.row_mut(register, width).copy_from_slice(values);
                }
                // From here on the row of the numbers, and not the state they belong to.
                Input::Leaf(Leaf::Noise(i)) => {
                    loads.push((Leaf::Noise(self.noise_rows.get(&i).copied().unwrap_or_default()), register));
                }
                Input::Leaf(leaf) => loads.push((leaf, register)),
                // A step reads neither tape nor spikes.
                Input::TapeReal(_) | Input::TapeFlag(_) | Input::Spike => {}
            }
        }
        Blocks { registers, loads }
    }
}

impl<R: Real> Blocks<R> {
    /// One step of the population that this room was made for, in spiking mode. What the adjoint needs is not written.
    ///
    /// Coefficients that all neurons share, and those of a population of at most 128 neurons, are the ones that the room was
    /// made with: those of `step` are not looked at. Another number of neurons is cut into blocks of the same width.
    ///
    /// # Panics
    /// If a slice of `step` is shorter than its neurons need, or the room is that of another model.
    pub fn step(&mut self, neuron: &Interpreted, step: Step<'_, R>) {
        let n = step.n;
        let stores = &neuron.stores;
        let mut start = 0;
        while start < n {
            let m = self.registers.width().min(n - start);
            for &(leaf, register) in &self.loads {
                let out = self.registers.row_mut(register, m);
                let (values, row) = match leaf {
                    Leaf::State(i) => (&*step.states, usize::from(i)),
                    Leaf::Event(_) if step.events.is_empty() => {
                        out.fill(-R::ZERO);
                        continue;
                    }
                    Leaf::Event(i) => (step.events, usize::from(i)),
                    Leaf::Drive(i) => (step.drives, usize::from(i)),
                    Leaf::Noise(row) => (step.noise, usize::from(row)),
                    Leaf::Coefficient(k) => (step.coefficients.values, k as usize),
                    Leaf::Refractory => {
                        for (o, &left) in out.iter_mut().zip(&step.refractory[start..]) {
                            *o = if left > 0 { R::ONE } else { R::ZERO };
                        }
                        continue;
                    }
                    _ => continue,
                };
                copy(out, &values[row * n + start..][..m]);
                if matches!(leaf, Leaf::Event(_)) {
                    neuron.only_added(out);
                }
            }
            neuron.step.execute(&mut self.registers, m, &mut Decisions::Free);
            for (i, &register) in stores.states.iter().enumerate() {
                step.states[i * n + start..][..m].copy_from_slice(self.registers.row(register, m));
            }
            for (row, &register) in step.outputs.chunks_exact_mut(n).zip(&stores.outputs) {
                for (output, &value) in row[start..][..m].iter_mut().zip(self.registers.row(register, m)) {
                    *output = math::flush(value);
                }
            }
            if let Some(register) = stores.fires {
                let fires = self.registers.row(register, m);
                let fired = &mut step.fired[start..][..m];
                fired.iter_mut().zip(fires).for_each(|(to, &fires)| *to = u8::from(fires != R::ZERO));
                if let Some(refractory) = step.refractory.get_mut(start..) {
                    for (left, &fires) in refractory.iter_mut().zip(fires) {
                        *left = if fires != R::ZERO { step.refractory_steps } else { left.saturating_sub(1) };
                    }
                }
            }
            start += m;
        }
    }
}

/// Copies numbers; one of them without a call.
fn copy<R: Real>(out: &mut [R], values: &[R]) {
    match (&mut *out, values) {
        ([out], [value]) => *out = *value,
        _ => out.copy_from_slice(values),
    }
}

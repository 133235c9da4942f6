//! A network that runs on, window by window.

use super::batch::Batch;
use super::carry::Carry;
use super::error::Error;
use super::network::Network;
use super::result::{Readouts, Recording};
use super::workspace::Workspace;
use crate::Real;

/// A network that runs with the same parameters window by window, or step by step: weights are prepared once, and what it
/// needs between windows stays in memory. The length of a window is that of the network's time grid
/// ([`Network::with_simulation`]).
pub struct Session<'n, R> {
    network: &'n Network<R>,
    workspace: Workspace<R>,
    carry: Carry<R>,
}

impl<'n, R: Real> Session<'n, R> {
    pub(super) fn new(network: &'n Network<R>, workspace: Workspace<R>) -> Self {
        Self { network, workspace, carry: Carry::default() }
    }

    /// The seed of white noise.
    pub fn set_noise_seed(&mut self, seed: u64) {
        self.workspace.set_noise_seed(seed);
    }

    /// See [`Workspace::set_neurons_per_thread`].
    pub fn set_neurons_per_thread(&mut self, neurons: usize) {
        self.workspace.set_neurons_per_thread(neurons);
    }

    /// See [`Workspace::threads_of_a_sample`].
    pub fn threads_of_a_sample(&self) -> usize {
        self.workspace.threads_of_a_sample()
    }

    /// Runs the next window.
    ///
    /// # Errors
    /// As [`Network::forward_from`]; the session is then where it was.
    pub fn run(&mut self, batch: &Batch<'_, R>, recording: &Recording) -> Result<Readouts<R>, Error> {
        self.network.window(&mut self.carry, batch, &mut self.workspace, recording)
    }

    /// The values of a state of a population (by their places in the graph) before the first window.
    pub fn initial_state(&self, population: usize, state: usize) -> Option<Vec<R>> {
        let plan = self.network.plan();
        let p = plan.populations.get(population)?;
        let &c = p.layout.initial.get(state)?;
        let coefficients = self.workspace.weights.coefficients(population, p);
        match coefficients.per_neuron {
            true => coefficients.values.get(c * p.n..(c + 1) * p.n).map(<[R]>::to_vec),
            false => coefficients.values.get(c).map(|&x| vec![x; p.n]),
        }
    }

    /// Where the network is.
    pub fn carry(&self) -> &Carry<R> {
        &self.carry
    }

    /// Goes back to the initial state.
    pub fn restart(&mut self) {
        self.carry = Carry::default();
    }

    /// The bytes held.
    pub fn bytes(&self) -> usize {
        self.workspace.bytes() + self.carry.bytes()
    }
}

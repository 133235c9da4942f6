//! Random models: well-formed neurons with every construct of the language, each in a network that trains it.
//!
//! A model is a function of a list of numbers, so that a failing case shrinks as the list does: 0 is always the simplest
//! choice. The build script of this package compiles some of them, too; hence this module needs the compiler alone.

mod choices;
mod expression;
mod make;
mod network;
pub mod networks;
mod neuron;
pub mod rewrite;

pub use choices::Choices;

use snn_dsl::syntax::tree::File;

/// How many models are emitted into the tests.
pub const EMITTED: u64 = 48;

/// A random model: functions, constants and one neuron `Cell`, and the network `Net`.
pub fn model(choices: &mut Choices) -> File {
    let mut items = Vec::new();
    let scope = expression::Scope::with_functions(choices, &mut items);
    let cell = neuron::neuron(choices, scope);
    let net = network::network(choices, &cell);
    items.push(snn_dsl::syntax::tree::Item::Neuron(cell.tree));
    items.push(snn_dsl::syntax::tree::Item::Network(net));
    File { items }
}

/// The model of a seed.
pub fn model_of_seed(seed: u64) -> File {
    model(&mut Choices::from_seed(seed))
}

//! Rust as back end.

mod expression;
mod names;
mod neuron;

pub use neuron::neuron;

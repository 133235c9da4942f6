//! Runs a checked model without a Rust compiler: the same operations in the same order as the generated code, so the
//! results are equal bit for bit. Also runs the smooth mode that proves gradients.

mod blocks;
mod code;
mod network;
mod neuron;

pub use blocks::Blocks;
pub use network::{graph, program};
pub use neuron::Interpreted;

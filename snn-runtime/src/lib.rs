//! The runtime of the snn compiler: what generated code links against. It knows nothing of the language.

mod aligned;
pub mod atomic;
mod balance;
pub mod cells;
pub mod checkpoint;
mod compiled;
pub mod connectivity;
pub mod data;
pub mod encode;
pub mod engine;
mod error_filter;
pub mod graph;
pub mod initialise;
pub mod kernel;
pub mod loss;
pub mod math;
pub mod neuron;
mod noise_factor;
pub mod optimise;
pub mod parameters;
mod propagator;
pub mod random;
mod real;
pub mod simd;
mod spikes;
pub mod store;
mod threads;

pub use cells::Cells;
pub use compiled::Compiled;
pub use encode::Encoder;
pub use engine::{
    Batch, Carry, Error, Evaluation, InputData, Network, Readouts, Recording, Session, TargetData, Values, Workspace,
};
pub use error_filter::{ErrorFilter, FilterEntry};
pub use graph::{Graph, Simulation};
/// The arrays at the surface of this crate.
pub use ndarray;
pub use neuron::{Adjoint, Kernel, Neuron, NeuronLayout, ParameterStart, Quantity, Step, StoredParameter, Transform};
pub use noise_factor::{noise_factor, noise_factor_adjoint};
pub use parameters::{Layout, ParameterSet, Parameters, Tensor, Update};
pub use propagator::{propagator, propagator_adjoint};
pub use real::Real;
pub use spikes::SpikeTrain;
pub use store::ModelId;

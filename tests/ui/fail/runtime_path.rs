snn_macros::snn_model!(crate = ::a + b, neuron N { state V; dV/dt = 0; integrate exponential_euler });

fn main() {}

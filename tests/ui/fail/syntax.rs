snn_macros::snn_model! {
    neuron Cell {
        param tau = 10 ms
        state V mV = 0 mV
        tau dV/dt = -V : volt
        spike when V > 3 mV and
    }
}

fn main() {}

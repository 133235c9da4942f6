snn_macros::snn_model! {
    neuron Cell {
        param tau = 10 ms
        param E   = 3 nA
        state V : mV = 0 mV
        tau dV/dt = -V + E
        integrate exponential_euler
    }
}

fn main() {}

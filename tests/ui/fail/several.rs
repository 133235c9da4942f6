snn_macros::snn_model! {
    neuron Cell {
        parm tau = 10 ms
        state V : mV = 0 mV
        tau dV/dt = -V + R I
        event exc : mV
        on exc { W += exc }
        integrate exponential_euler
    }
}

fn main() {}

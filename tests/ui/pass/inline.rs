//! An inline model with docs, several statements on a line, and a renamed runtime.

mod my {
    pub use ::snn_runtime as runtime;
}

snn_macros::snn_model! {
    crate = ::snn_runtime,

    /// A cell.
    neuron Cell {
        /// Membrane time constant
        param tau = 10 ms; param V_th = 1mV in 0.1 mV .. 10 mV
        event exc : mV
        state V : mV = 0 mV
        tau dV/dt = -V
        on exc { V += exc }
        spike when V >= V_th surrogate sigmoid(alpha = 4) scale V_th {
            V -= V_th
        }
        integrate exponential_euler
    }
}

fn main() {
    let layout = snn_runtime::Kernel::layout(&Cell::default());
    assert_eq!(layout.states[0].name, "V");
    let _ = my::runtime::SpikeTrain::new();
}

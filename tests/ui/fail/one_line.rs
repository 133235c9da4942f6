macro_rules! through {
    ($($tokens:tt)*) => {
        snn_macros::snn_model! { $($tokens)* }
    };
}

through! { neuron Cell { param tau = 10 ms state V : mV = 0 mV tau dV/dt = -V integrate exponential_euler } }

fn main() {}

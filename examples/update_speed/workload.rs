//! The network of the workload at other sizes and with other surrogates than its text has.

use clap::{Args, ValueEnum};
use snn_runtime::initialise::Initialiser;
use snn_runtime::{Compiled, Error, Network, Neuron, Simulation};
use std::sync::Arc;

mod model {
    snn_macros::snn_model!("models/workload.snn");
}

/// The hidden neuron of the text with a triangle of height 1 as its surrogate: the arguments of a surrogate are constants.
macro_rules! triangle {
    ($module:ident, width $width:literal, slope $slope:literal) => {
        mod $module {
            snn_macros::snn_model! {
                neuron TriangleHidden {
                    param tau     = 20 ms;
                    param tau_syn = 5 ms;
                    param R       = 4 MOhm;
                    param V_th    = 1 mV in 0.1 mV ..;

                    event exc : nA;
                    state I : nA = 0 nA;
                    state V : mV = 0 mV;

                    tau_syn dI/dt = -I;
                    tau dV/dt = -V + R*I;

                    on exc { I += exc };
                    spike when V >= V_th surrogate relu_grad(alpha = $slope, width = $width) scale V_th { V -= V_th };
                    integrate exponential_euler;
                }
            }
        }
    };
}
triangle!(whole, width 1, slope 1);
triangle!(half, width 0.5, slope 2);
triangle!(quarter, width 0.25, slope 4);

/// The derivative that stands for that of a spike.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Surrogate {
    /// 1/(1 + 10 |x|)^2
    #[value(name = "fast_sigmoid")]
    FastSigmoid,
    /// max(0, 1 - |x|/width)
    Triangle,
}

/// Half the base of a triangle.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Width {
    /// As far as from rest to the threshold.
    #[value(name = "1")]
    Whole,
    /// Half as far.
    #[value(name = "0.5")]
    Half,
    /// A quarter of it.
    #[value(name = "0.25")]
    Quarter,
}

impl Width {
    /// The hidden neuron.
    fn neuron(self) -> Arc<dyn Neuron<f32>> {
        match self {
            Self::Whole => Arc::new(Compiled::new(whole::TriangleHidden::default())),
            Self::Half => Arc::new(Compiled::new(half::TriangleHidden::default())),
            Self::Quarter => Arc::new(Compiled::new(quarter::TriangleHidden::default())),
        }
    }
}

/// What can be chosen of the network.
#[derive(Args)]
pub(crate) struct Workload {
    /// Hidden neurons.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) hidden: u32,
    /// The standard deviation of the input weights, times the root of 784.
    #[arg(long, default_value_t = 1.8)]
    pub(crate) scale: f64,
    /// The surrogate of the hidden neurons.
    #[arg(long, default_value = "fast_sigmoid")]
    pub(crate) surrogate: Surrogate,
    /// Half the base of the triangle, in units of the threshold.
    #[arg(long, default_value = "1")]
    pub(crate) width: Width,
}

/// The name of the hidden layer in the text.
pub(crate) const HIDDEN: &str = "hidden";

impl Workload {
    /// The network for so many steps of 1 ms.
    pub(crate) fn network(&self, steps: usize) -> Result<Network<f32>, Box<dyn std::error::Error>> {
        if !self.scale.is_finite() {
            return Err(format!("--scale {}: expected a number", self.scale).into());
        }
        Ok(self.sized(self.hidden as usize, steps)?)
    }

    /// The same with another number of hidden neurons.
    pub(crate) fn sized(&self, hidden: usize, steps: usize) -> Result<Network<f32>, Error> {
        let mut graph = model::Workload::<f32>::graph();
        graph.simulation = Simulation { dt: 1.0, steps };
        for population in graph.populations.iter_mut().filter(|p| p.name == HIDDEN) {
            population.size = hidden;
            if self.surrogate == Surrogate::Triangle {
                population.neuron = self.width.neuron();
            }
        }
        // Input, recurrent and output weights, as in the text.
        let root = (hidden as f64).sqrt();
        for (projection, sd) in graph.projections.iter_mut().zip([self.scale / 28.0, 0.35 / root, 1.0 / root]) {
            projection.initial = Initialiser::Normal { mean: 0.0, sd };
        }
        Network::new(graph)
    }
}

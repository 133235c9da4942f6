//! The proof that a backward pass is right: in smooth mode the analytic gradient must equal central differences.

use snn_dsl::model::Model;
use snn_runtime::neuron::Mode;
use snn_runtime::{Batch, Network, ParameterSet, Parameters, Workspace};

/// The worst disagreement found by [`compare`].
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The number of parameters compared.
    pub compared: usize,
    /// The largest analytic gradient.
    pub largest: f64,
    /// Disagreements beyond the criterion: tensor, index, analytic, difference.
    pub failures: Vec<(String, usize, f64, f64)>,
    /// How many gradients are not zero.
    pub nonzero: usize,
}

/// The engine for the only network of a model, interpreted.
///
/// # Panics
/// If the model has no network or the engine refuses it.
pub fn network(model: &Model) -> Network<f64> {
    let network = model.networks.first().expect("the model has no network");
    Network::new(snn_dsl::interpret::graph(model, network)).unwrap_or_else(|e| panic!("{e}"))
}

/// Compares the analytic gradient in smooth mode with central differences (h = 1e-5 max(1, |p|), one Richardson step) for
/// every parameter that is not frozen. Criterion: |a - d| <= 1e-6 max(|a|, |d|) + 1e-9 max|gradient|.
///
/// # Panics
/// If the network cannot be run.
pub fn compare(network: &Network<f64>, parameters: &ParameterSet<f64>, batch: &Batch<'_, f64>) -> Report {
    let mut workspace = Workspace::with_lanes(1);
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let mut loss = |parameters: &ParameterSet<f64>, gradient: &mut ParameterSet<f64>, mode: Mode| -> f64 {
        match network.loss_and_gradient_in_mode(parameters, batch, &mut workspace, gradient, mode) {
            Ok(evaluation) => evaluation.loss,
            Err(error) => panic!("{error}"),
        }
    };
    loss(parameters, &mut gradient, Mode::SmoothRecord);
    let analytic = gradient.values().to_vec();
    let largest = analytic.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    let mut report = Report { largest, ..Report::default() };
    let mut moved = parameters.clone();
    for tensor in network.layout().tensors().iter().filter(|t| !t.frozen) {
        for (index, k) in tensor.range.clone().enumerate() {
            let p = parameters.values()[k];
            let mut central = |h: f64| {
                moved.values_mut()[k] = p + h;
                let above = loss(&moved, &mut gradient, Mode::SmoothReplay);
                moved.values_mut()[k] = p - h;
                let below = loss(&moved, &mut gradient, Mode::SmoothReplay);
                moved.values_mut()[k] = p;
                (above - below) / (2.0 * h)
            };
            let h = 1e-5 * p.abs().max(1.0);
            let difference = (4.0 * central(h / 2.0) - central(h)) / 3.0;
            let a = analytic[k];
            report.compared += 1;
            report.nonzero += usize::from(a != 0.0);
            if (a - difference).abs() > 1e-6 * a.abs().max(difference.abs()) + 1e-9 * largest {
                report.failures.push((tensor.name.clone(), index, a, difference));
            }
        }
    }
    report
}

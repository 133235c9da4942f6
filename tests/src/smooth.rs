//! The proof that a backward pass is right: in smooth mode the analytic gradient must equal central differences.

use snn_dsl::model::Model;
use snn_runtime::neuron::Mode;
use snn_runtime::{Batch, Error, Network, ParameterSet, Parameters, Workspace};

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
    /// How many needed another step of the difference quotient.
    pub other_steps: usize,
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
/// Where that fails, smaller and larger steps are tried and counted: a steep loss needs a smaller h, a small gradient of a
/// large loss a larger one, and no quotient is more exact than the rounding of the loss divided by h. A wrong gradient agrees
/// with none of them.
///
/// # Errors
/// If the network cannot be run, or its numbers leave the finite ones.
pub fn compare(
    network: &Network<f64>,
    parameters: &ParameterSet<f64>,
    batch: &Batch<'_, f64>,
) -> Result<Report, Error> {
    let mut workspace = Workspace::with_lanes(1);
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let mut loss = |parameters: &ParameterSet<f64>, gradient: &mut ParameterSet<f64>, mode: Mode| {
        network.loss_and_gradient_in_mode(parameters, batch, &mut workspace, gradient, mode).map(|e| e.loss)
    };
    let value = loss(parameters, &mut gradient, Mode::SmoothRecord)?;
    let analytic = gradient.values().to_vec();
    let largest = analytic.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    let mut report = Report { largest, ..Report::default() };
    let mut moved = parameters.clone();
    for tensor in network.layout().tensors().iter().filter(|t| !t.frozen) {
        for (index, k) in tensor.range.clone().enumerate() {
            let p = parameters.values()[k];
            let mut central = |h: f64| -> Result<f64, Error> {
                moved.values_mut()[k] = p + h;
                let above = loss(&moved, &mut gradient, Mode::SmoothReplay)?;
                moved.values_mut()[k] = p - h;
                let below = loss(&moved, &mut gradient, Mode::SmoothReplay)?;
                moved.values_mut()[k] = p;
                Ok((above - below) / (2.0 * h))
            };
            let a = analytic[k];
            let step = 1e-5 * p.abs().max(1.0);
            let mut quotient = |h: f64| -> Result<f64, Error> { Ok((4.0 * central(h / 2.0)? - central(h)?) / 3.0) };
            let agrees =
                |d: f64, rounding: f64| (a - d).abs() <= 1e-6 * a.abs().max(d.abs()) + 1e-9 * largest + rounding;
            let difference = quotient(step)?;
            report.compared += 1;
            report.nonzero += usize::from(a != 0.0);
            if agrees(difference, 0.0) {
                continue;
            }
            report.other_steps += 1;
            let rounding = |h: f64| 4.0 * f64::EPSILON * value.abs() / h;
            let other = |factor: f64| quotient(factor * step).is_ok_and(|d| agrees(d, rounding(factor * step)));
            if ![100.0, 10.0, 0.1, 0.01].into_iter().any(other) {
                report.failures.push((tensor.name.clone(), index, a, difference));
            }
        }
    }
    Ok(report)
}

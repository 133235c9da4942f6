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
    /// The largest difference quotient, infinite where the loss is beside the parameters.
    pub steepest: f64,
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
/// large loss a larger one. For the larger steps the rounding of the loss divided by h is allowed as well. So a wrong gradient
/// is found unless the mistake is less than one of these tolerances at one of the steps.
///
/// # Errors
/// If the network cannot be run, or its numbers leave the finite ones.
pub fn compare(
    network: &Network<f64>,
    parameters: &ParameterSet<f64>,
    batch: &Batch<'_, f64>,
) -> Result<Report, Error> {
    let mut workspace = Workspace::with_lanes(1);
    workspace.set_dropout_seed(Some(3));
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let mut loss = |parameters: &ParameterSet<f64>, gradient: &mut ParameterSet<f64>, mode: Mode| {
        network.loss_and_gradient_in_mode(parameters, batch, &mut workspace, gradient, mode).map(|e| e.loss)
    };
    let value = loss(parameters, &mut gradient, Mode::SmoothRecord)?;
    let analytic = gradient.values().to_vec();
    let largest = analytic.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    let mut report = Report { largest, ..Report::default() };
    let mut moved = parameters.clone();
    let mut steepest = 0.0_f64;
    for tensor in network.layout().tensors().iter().filter(|t| !t.frozen) {
        for (index, k) in tensor.range.clone().enumerate() {
            let p = parameters.values()[k];
            let mut central = |h: f64| -> Result<f64, Error> {
                let mut at = |value: f64| {
                    moved.values_mut()[k] = value;
                    match loss(&moved, &mut gradient, Mode::SmoothReplay) {
                        Err(Error::LossNotFinite { .. }) => Ok(f64::INFINITY),
                        loss => loss,
                    }
                };
                let (above, below) = (at(p + h)?, at(p - h)?);
                moved.values_mut()[k] = p;
                let slope = (above - below) / (2.0 * h);
                steepest = if slope.is_finite() { steepest.max(slope.abs()) } else { f64::INFINITY };
                Ok(slope)
            };
            let a = analytic[k];
            let step = 1e-5 * p.abs().max(1.0);
            let mut quotient = |h: f64| -> Result<f64, Error> { Ok((4.0 * central(h / 2.0)? - central(h)?) / 3.0) };
            let agrees = |d: f64, rounding: f64| {
                a.is_finite() && (a - d).abs() <= 1e-6 * a.abs().max(d.abs()) + 1e-9 * largest + rounding
            };
            let difference = quotient(step)?;
            report.compared += 1;
            report.nonzero += usize::from(a != 0.0);
            if agrees(difference, 0.0) {
                continue;
            }
            report.other_steps += 1;
            let mut agreed = false;
            for factor in [100.0, 10.0, 0.1, 0.01] {
                let h = factor * step;
                let rounding = if factor > 1.0 { 4.0 * f64::EPSILON * value.abs() / h } else { 0.0 };
                agreed |= agrees(quotient(h)?, rounding);
            }
            if !agreed {
                report.failures.push((tensor.name.clone(), index, a, difference));
            }
        }
    }
    Ok(Report { steepest, ..report })
}

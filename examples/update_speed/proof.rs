//! Proof that the update is that of another program: a batch with its loss and gradients, as NumPy arrays.

use crate::workload::Workload;
use ndarray::{Array2, Array3, Ix0, Ix1, Ix2, Ix3};
use snn_runtime::data::Npz;
use snn_runtime::{Batch, InputData, ParameterSet, Parameters, SpikeTrain, TargetData, Workspace};
use std::error::Error;
use std::path::Path;

/// Gradients in single precision may differ by this part of the largest.
const BOUND: f64 = 1e-4;

/// The tensors of the network, the arrays with their values, and those with their gradients.
const TENSORS: [(&str, &str, &str); 3] = [
    ("pixel_to_hidden_exc.weight", "w_in", "g_in"),
    ("hidden_to_hidden_exc.weight", "w_rec", "g_rec"),
    ("hidden_to_out_exc.weight", "w_out", "g_out"),
];

/// Runs the batch of the file and compares loss and gradients; a line that says how well they agree.
///
/// # Errors
/// If the file cannot be read, is of another network, or the gradients are further off than single precision explains.
pub(crate) fn prove(workload: &Workload, file: &Path) -> Result<String, Box<dyn Error>> {
    let place = file.display();
    let mut arrays = Npz::open(file)?;
    let spikes: Array3<u8> = arrays.array::<u8, Ix3>("spikes")?;
    let labels = arrays.array::<i64, Ix1>("labels")?;
    let (steps, samples, pixels) = spikes.dim();
    if labels.len() != samples {
        return Err(format!("{place}: expected {samples} labels, one for each sample, found {}", labels.len()).into());
    }
    let recurrent: Array2<f32> = arrays.array::<f32, Ix2>("w_rec")?;
    let network = workload.sized(recurrent.nrows(), steps)?;
    let inputs = network.graph().inputs.first().map_or(0, |input| input.size);
    if pixels != inputs {
        return Err(format!("{place}: expected spikes of {inputs} pixels, found {pixels}").into());
    }
    let mut parameters = network.initial_parameters(1);
    for (tensor, array, _) in TENSORS {
        let values = arrays.array::<f32, Ix2>(array)?;
        let mut own = parameters.view_mut(tensor).ok_or_else(|| format!("the network has no tensor `{tensor}`"))?;
        if own.shape() != values.shape() {
            let (expected, found) = (own.shape(), values.shape());
            return Err(format!("{place}: `{array}`: expected the shape {expected:?}, found {found:?}").into());
        }
        own.assign(&values);
    }
    let trains: Vec<_> = (0..samples).map(|sample| train(&spikes, sample)).collect();
    let labels = labels.iter().map(|&l| u32::try_from(l)).collect::<Result<Vec<_>, _>>();
    let labels = labels.map_err(|_| format!("{place}: a label is no class; expected 0 to 9"))?;
    let batch =
        Batch { size: samples, inputs: vec![InputData::Spikes(&trains)], targets: vec![TargetData::Class(&labels)] };
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let evaluation = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient)?;
    let loss = arrays.array::<f64, Ix0>("loss")?.into_scalar();
    let mut worst = (evaluation.loss - loss).abs() / loss.abs();
    let larger = |worst: f64, error: f64| if error > worst || error.is_nan() { error } else { worst };
    for (tensor, _, array) in TENSORS {
        let expected = arrays.array::<f64, Ix2>(array)?;
        let own = gradient.matrix(tensor);
        if own.shape() != expected.shape() {
            let (own, found) = (own.shape(), expected.shape());
            return Err(format!("{place}: `{array}`: expected the shape {own:?}, found {found:?}").into());
        }
        let largest = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let off = own.iter().zip(&expected).fold(0.0, |m, (&a, b)| larger(m, (f64::from(a) - b).abs()));
        // Zero gradients to compare with prove nothing: their quotient is no number, and stays none.
        worst = larger(worst, off / largest);
    }
    if worst.is_nan() || worst > BOUND {
        let reason = "is it a file of this network, with the same surrogate?";
        return Err(format!(
            "{place}: gradients differ by {worst:.1e} of the largest, at most {BOUND:e} fits: {reason}"
        )
        .into());
    }
    Ok(format!(
        "proof: loss {:.9}, expected {loss:.9}; largest error of a gradient {worst:.1e} of the largest",
        evaluation.loss
    ))
}

/// The spikes of a sample.
fn train(spikes: &Array3<u8>, sample: usize) -> SpikeTrain {
    let mut train = SpikeTrain::new();
    for step in spikes.outer_iter() {
        let row = step.row(sample);
        row.iter().enumerate().filter(|(_, x)| **x != 0).for_each(|(pixel, _)| train.push(pixel as u32));
        train.end_step();
    }
    train
}

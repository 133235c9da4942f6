//! Shared helpers of the examples.

pub mod digits;
pub mod figure;
pub mod match_to_sample;
pub mod options;
pub mod progress;
pub mod sparse_network;
pub mod training;

use snn_runtime::Readouts;
use std::error::Error;
use std::process::ExitCode;

/// The mean of a readout over the samples and its own axes.
///
/// # Errors
/// If the model has no readout of this name.
pub fn mean(readouts: &Readouts<f32>, name: &str) -> Result<f64, Box<dyn Error>> {
    let values = readouts.get(name).ok_or_else(|| format!("the model has no readout `{name}`"))?;
    Ok(values.iter().copied().map(f64::from).sum::<f64>() / values.len().max(1) as f64)
}

/// The `main` of an example: runs it with so many threads, by default one per core, and prints its error.
pub fn run(threads: Option<usize>, example: impl FnOnce() -> Result<(), Box<dyn Error>>) -> ExitCode {
    let pool = threads.map_or(Ok(()), |n| rayon::ThreadPoolBuilder::new().num_threads(n).build_global());
    match pool.map_err(Box::from).and_then(|()| example()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

//! Draws the twenty firing patterns of the Mihalas–Niebur neuron: twenty neurons of one model text, which differ in three
//! parameters and in what is injected.
//!
//! ```text
//! cargo run --release --example firing_patterns              # writes out/firing_patterns.svg
//! cargo run --release --example firing_patterns -- FILE.svg
//! ```

mod figure;
mod patterns;

use figure::Trace;
use patterns::{PATTERNS, Pattern};
use snn_runtime::{Cells, Compiled};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

snn_macros::snn_model!("../tests/models/conformance/mihalas_niebur.snn");

/// Steps in a millisecond.
const GRID: usize = 100;
/// Points in a panel, spikes aside.
const POINTS: usize = 800;

fn main() -> ExitCode {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("out/firing_patterns.svg"), PathBuf::from);
    let written = simulate().and_then(|traces| {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        figure::draw(&path, &traces)
    });
    match written {
        Ok(()) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// The course of V, threshold and current in each pattern.
fn simulate() -> Result<Vec<Trace>, Box<dyn Error>> {
    let dt = 1.0 / GRID as f64;
    let column = |of: fn(&Pattern) -> f64| PATTERNS.iter().map(of).collect::<Vec<f64>>();
    // Hz are 1e-3/ms.
    let parameters = [column(|p| 1e-3 * p.a), column(|p| p.jumps[0]), column(|p| p.jumps[1])];
    let neuron = Compiled::new(MihalasNiebur::default());
    let layout = snn_runtime::Neuron::<f64>::layout(&neuron).clone();
    let stored: Vec<Vec<f64>> = layout
        .parameters
        .iter()
        .zip(parameters)
        .map(|(p, values)| values.into_iter().map(|x| p.transform.store(x)).collect())
        .collect();
    let columns: Vec<&[f64]> = stored.iter().map(Vec::as_slice).collect();
    let mut cells = Cells::<f64>::new(Arc::new(neuron), PATTERNS.len(), dt, &columns)?;
    for (k, name) in ["V", "Th"].into_iter().enumerate() {
        for (x, pattern) in cells.state_mut(name).ok_or("no such state")?.iter_mut().zip(&PATTERNS) {
            *x = pattern.start()[k];
        }
    }
    let mut traces: Vec<Trace> = PATTERNS.iter().map(Trace::new).collect();
    for ms in 0..PATTERNS.iter().map(Pattern::length).max().unwrap_or_default() {
        let drives: Vec<f64> = PATTERNS.iter().map(|p| p.injected(ms)).collect();
        for k in 1..=GRID {
            let fired = cells.step(&[], &drives)?.to_vec();
            let (v, th) = (cells.state("V").ok_or("no V")?, cells.state("Th").ok_or("no Th")?);
            let now = ms * GRID + k;
            for (i, trace) in traces.iter_mut().enumerate().filter(|(i, _)| ms < PATTERNS[*i].length()) {
                let every = (PATTERNS[i].length() * GRID / POINTS).max(1);
                trace.push(now as f64 * dt, v[i], th[i], fired[i] != 0.0, now.is_multiple_of(every));
            }
        }
    }
    Ok(traces)
}

//! Draws the change of a synapse over the time between a spike of its source and one of its target: 161 sources spike at
//! times of their own, the target once.
//!
//! ```text
//! cargo run --release --example stdp              # writes out/stdp.svg
//! cargo run --release --example stdp -- FILE.svg
//! ```
//!
//! What to see: a source that spikes before the target becomes stronger, one that spikes after it weaker, and both the less the
//! farther apart the spikes are; the line is the rule in closed form.

use plotters::prelude::*;
use snn_runtime::math::exp;
use snn_runtime::{Batch, InputData, Network, Recording, SpikeTrain};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

snn_macros::snn_model!("models/stdp.snn");

/// The step at whose end the target spikes, at 100 ms.
const TARGET: u32 = 999;
/// Steps between the spikes of two neighbouring sources: 1 ms.
const APART: u32 = 10;
const SOURCES: u32 = 161;

fn main() -> ExitCode {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("out/stdp.svg"), PathBuf::from);
    match changes().and_then(|points| draw(&path, &points)) {
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

/// For each source the time from its spike to that of the target in ms, and the change of its weight in pA.
fn changes() -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
    let network = Network::new(Pairs::<f64>::graph())?;
    let parameters = network.initial_parameters(0);
    let steps = network.simulation().steps;
    let first = TARGET + 1 - APART * (SOURCES / 2);
    let spikes: Vec<(u32, u32)> = (0..SOURCES).map(|k| (first + APART * k, k)).collect();
    let (mut sources, mut target) = (SpikeTrain::new(), SpikeTrain::new());
    sources.fill_from_events(steps, &spikes);
    target.fill_from_events(steps, &[(TARGET, 0)]);
    let inputs = [&sources, &target].map(|train| InputData::Spikes(std::slice::from_ref(train)));
    let mut session = network.session(&parameters)?;
    session.run(&Batch { size: 1, inputs: inputs.to_vec(), targets: Vec::new() }, &Recording::none())?;
    let weights = session.carry().connections(0, 0).ok_or("no weights that change")?;
    let time = |k: u32| f64::from(SOURCES / 2) - f64::from(k);
    Ok((0..SOURCES).zip(weights).map(|(k, w)| (time(k), 1000.0 * (w - 0.5))).collect())
}

/// The rule for one pair, in pA.
fn rule(time: f64) -> f64 {
    if time > 0.0 { 10.0 * exp(-time / 20.0) } else { -10.5 * exp(time / 20.0) }
}

fn draw(path: &Path, points: &[(f64, f64)]) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let area = SVGBackend::new(path, (640, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(52)
        .build_cartesian_2d(-82.0..82.0, -12.0..12.0)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("time from the spike of the source to that of the target (ms)")
        .y_desc("change of the weight (pA)")
        .draw()?;
    chart.draw_series([PathElement::new([(-82.0, 0.0), (82.0, 0.0)], BLACK.mix(0.3))])?;
    let colour = RGBColor(0, 114, 178);
    for side in [-1.0, 1.0] {
        let curve = (1..=160).map(|k| side * f64::from(k) / 2.0).map(|t| (t, rule(t)));
        chart.draw_series(LineSeries::new(curve, colour.mix(0.5)))?;
    }
    let shown = points.iter().step_by(4);
    chart.draw_series(shown.map(|&point| Circle::new(point, 2, colour.filled())))?;
    area.present()?;
    Ok(())
}

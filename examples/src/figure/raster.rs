//! The spikes of one sample over time.

use super::Area;
use crate::training::{Shown, TEST_SEED};
use plotters::prelude::*;
use snn_runtime::{Encoder, Graph, Readouts, Simulation, SpikeTrain};
use std::error::Error;

/// The spikes of one sample: a panel for each population, input first.
#[derive(Clone, Debug, Default)]
pub struct Raster {
    /// What the sample is, e.g. `test digit 0: a 7, read as 7`.
    pub title: String,
    /// The number of steps.
    pub steps: usize,
    /// The length of a step in ms.
    pub dt: f64,
    /// Whose spikes.
    pub populations: Vec<Spikes>,
    /// The readout over time, `[steps][classes]`, with the unit of its axis.
    pub readout: (String, Vec<Vec<f64>>),
}

/// The spikes of one population.
#[derive(Clone, Debug, Default)]
pub struct Spikes {
    /// The name of the population.
    pub name: String,
    /// The number of neurons.
    pub size: usize,
    /// (step, neuron) pairs.
    pub spikes: Vec<(usize, u32)>,
}

impl Spikes {
    /// Those of a population in the first sample, if they were recorded.
    pub fn recorded(name: &str, readouts: &Readouts<f32>, graph: &Graph<f32>) -> Self {
        let size = graph.populations.iter().find(|p| p.name == name).map_or(0, |p| p.size);
        let train = readouts.spikes(name).and_then(|trains| trains.first());
        Self { name: name.into(), size, spikes: train.map(|train| train.iter().collect()).unwrap_or_default() }
    }
}

/// A quantity of a population in the first sample, `[steps][n]`; empty if it was not recorded.
pub fn first_trace(readouts: &Readouts<f32>, population: &str, quantity: &str) -> Vec<Vec<f64>> {
    let Some(trace) = readouts.trace(population, quantity) else { return Vec::new() };
    let numbers = |row: ndarray::ArrayView1<'_, f32>| row.iter().map(|&x| f64::from(x)).collect();
    trace.index_axis(ndarray::Axis(0), 0).rows().into_iter().map(numbers).collect()
}

impl Raster {
    /// The first digit of a sample: its spikes as encoded, those of the population `hidden`, and the trace `V` of `out`, as
    /// far as they were recorded.
    ///
    /// # Errors
    /// If the sample is empty.
    pub fn of_digit(shown: &Shown, encoder: &dyn Encoder, graph: &Graph<f32>) -> Result<Self, Box<dyn Error>> {
        let Shown { title, digit, readouts } = shown;
        let Simulation { dt, steps } = graph.simulation;
        let (Some(pixels), Some(&id)) = (digit.pixels.rows().into_iter().next(), digit.ids.first()) else {
            return Err("expected a digit to draw, found an empty sample; take one with a digit".into());
        };
        let mut input = SpikeTrain::new();
        let pixels = pixels.to_vec();
        encoder.encode(&pixels, steps, dt, TEST_SEED, id, &mut input);
        let input = Spikes { name: "pixel".into(), size: pixels.len(), spikes: input.iter().collect() };
        let hidden = Spikes::recorded("hidden", readouts, graph);
        let readout = ("readout V (mV)".into(), first_trace(readouts, "out", "V"));
        Ok(Self { title: title.clone(), steps, dt, populations: vec![input, hidden], readout })
    }
}

/// Draws a panel for each population, and one for the readout.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(area: &Area<'_>, raster: &Raster) -> Result<(), Box<dyn Error>> {
    let titled = area.titled(&raster.title, ("sans-serif", 18))?;
    let panels = titled.split_evenly((raster.populations.len() + 1, 1));
    let end = raster.steps as f64 * raster.dt;
    for (panel, Spikes { name, size, spikes }) in panels.iter().zip(&raster.populations) {
        let mut chart = ChartBuilder::on(panel)
            .margin(8)
            .x_label_area_size(22)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..1.12 * end, 0.0..*size as f64)?;
        let description = format!("{name} (neuron)");
        chart
            .configure_mesh()
            .disable_mesh()
            .y_desc(description)
            .x_labels(6)
            .y_labels(4)
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()?;
        let points = spikes.iter().map(|&(t, i)| (t as f64 * raster.dt, f64::from(i)));
        chart.draw_series(points.map(|p| Circle::new(p, 1, BLACK.filled())))?;
    }
    let Some(panel) = panels.last() else { return Ok(()) };
    let (label, traces) = &raster.readout;
    let all = || traces.iter().flatten().copied();
    let (low, high) = (all().fold(0.0, f64::min), all().fold(1e-6, f64::max));
    let mut chart = ChartBuilder::on(panel)
        .margin(8)
        .x_label_area_size(35)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..1.12 * end, low..1.05 * high)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("time (ms)")
        .y_desc(label.as_str())
        .x_labels(6)
        .y_labels(4)
        .draw()?;
    let classes = traces.first().map_or(0, Vec::len);
    for class in 0..classes {
        let colour = Palette99::pick(class).to_rgba();
        let at = |t: usize| (t + 1) as f64 * raster.dt;
        let points = traces.iter().enumerate().filter_map(|(t, row)| Some((at(t), *row.get(class)?)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(class.to_string())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::MiddleRight)
        .label_font(("sans-serif", 10))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

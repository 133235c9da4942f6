//! One SVG that shows how a training went: learning curves, and the spikes of one sample.

use crate::digits::Sample;
use plotters::coord::Shift;
use plotters::prelude::*;
use snn_runtime::{Encoder, Graph, Readouts, Simulation, SpikeTrain};
use std::error::Error;
use std::path::Path;

/// What a training leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    /// The loss of every update.
    pub loss: Vec<f64>,
    /// The time between accuracies: so many of these, e.g. 1 `epoch` or 20 `update`.
    pub period: (f64, String),
    /// Training accuracy of every period, while the weights were changing.
    pub train_accuracy: Vec<f64>,
    /// Test accuracy after every period; empty if there is none.
    pub test_accuracy: Vec<f64>,
}

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

impl Raster {
    /// The first digit of a sample: its spikes as encoded, those of the population `hidden`, and the trace `V` of `out`, as
    /// far as they were recorded.
    ///
    /// # Errors
    /// If the sample is empty.
    pub fn of_digit(
        title: String,
        digit: &Sample,
        encoder: &dyn Encoder,
        seed: u64,
        graph: &Graph<f32>,
        readouts: &Readouts<f32>,
    ) -> Result<Self, Box<dyn Error>> {
        let Simulation { dt, steps } = graph.simulation;
        let (Some(pixels), Some(&id)) = (digit.pixels.rows().into_iter().next(), digit.ids.first()) else {
            return Err("expected a digit to draw, found an empty sample; take one with a digit".into());
        };
        let mut input = SpikeTrain::new();
        let pixels = pixels.to_vec();
        encoder.encode(&pixels, steps, dt, seed, id, &mut input);
        let hidden = readouts.spikes("hidden").and_then(|s| s.first()).map(|s| s.iter().collect()).unwrap_or_default();
        let trace = readouts.trace("out", "V").map(|v| v.index_axis(ndarray::Axis(0), 0).to_owned());
        let trace = trace.map(|v| v.rows().into_iter().map(|r| r.iter().map(|&x| f64::from(x)).collect()).collect());
        let input = Spikes { name: "pixel".into(), size: pixels.len(), spikes: input.iter().collect() };
        let size = graph.populations.iter().find(|p| p.name == "hidden").map_or(0, |p| p.size);
        let hidden = Spikes { name: "hidden".into(), size, spikes: hidden };
        let readout = ("readout V (mV)".into(), trace.unwrap_or_default());
        Ok(Self { title, steps, dt, populations: vec![input, hidden], readout })
    }
}

type Outcome = Result<(), Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws curves and raster into an SVG file.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(path: &Path, curves: &Curves, raster: &Raster) -> Outcome {
    let root = SVGBackend::new(path, (1120, 760)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(520);
    let (top, bottom) = left.split_vertically(380);
    loss(&top, curves)?;
    accuracy(&bottom, curves)?;
    spikes(&right, raster)?;
    root.present()?;
    Ok(())
}

fn loss(area: &Area, curves: &Curves) -> Outcome {
    let highest = curves.loss.iter().copied().fold(0.0, f64::max).max(1e-3);
    let mut chart = ChartBuilder::on(area)
        .caption("loss per update", ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(55)
        .build_cartesian_2d(0.0..curves.loss.len().max(1) as f64, 0.0..1.05 * highest)?;
    chart.configure_mesh().x_desc("update").y_desc("loss").x_labels(6).light_line_style(WHITE).draw()?;
    let points = curves.loss.iter().enumerate().map(|(i, &l)| (i as f64, l));
    chart.draw_series(LineSeries::new(points, BLUE.mix(0.35)))?;
    let window = (curves.loss.len() / 40).max(1);
    let smooth = curves
        .loss
        .windows(window)
        .enumerate()
        .map(|(i, w)| ((i + window / 2) as f64, w.iter().sum::<f64>() / window as f64));
    chart.draw_series(LineSeries::new(smooth, BLUE.stroke_width(2)))?;
    Ok(())
}

fn accuracy(area: &Area, curves: &Curves) -> Outcome {
    let (every, unit) = &curves.period;
    let periods = curves.test_accuracy.len().max(curves.train_accuracy.len()).max(1) as f64;
    let all = curves.train_accuracy.iter().chain(&curves.test_accuracy).copied();
    let lowest = (all.fold(1.0, f64::min) - 0.02).max(0.0);
    let mut chart = ChartBuilder::on(area)
        .caption("accuracy", ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(55)
        .build_cartesian_2d(0.5 * every..(periods + 0.5) * every, lowest..1.0)?;
    chart.configure_mesh().x_desc(unit.as_str()).y_desc("accuracy").x_labels(8).light_line_style(WHITE).draw()?;
    let lines = [("training", BLUE, &curves.train_accuracy), ("test", RED, &curves.test_accuracy)];
    for (name, colour, values) in lines.into_iter().filter(|(.., values)| !values.is_empty()) {
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, &a)| ((i as f64 + 1.0) * every, a)).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|p| Circle::new(p, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

fn spikes(area: &Area, raster: &Raster) -> Outcome {
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

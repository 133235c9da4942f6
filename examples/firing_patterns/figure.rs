//! Twenty panels: potential with its threshold above, injected current below.

use crate::patterns::{PATTERNS, Pattern};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

type Outcome = Result<(), Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const COLUMNS: usize = 4;
const PANEL: (u32, u32) = (560, 420);
const LEGEND: u32 = 64;
/// Spikes are drawn up to here, mV.
const PEAK: f64 = 10.0;
const THRESHOLD: RGBColor = RGBColor(213, 94, 0);
const CURRENT: RGBColor = RGBColor(0, 114, 178);

/// The course of one pattern: times in ms, potentials in mV.
pub(crate) struct Trace {
    v: Vec<(f64, f64)>,
    threshold: Vec<(f64, f64)>,
}

impl Trace {
    /// The start.
    pub(crate) fn new(pattern: &Pattern) -> Self {
        let [v, th] = pattern.start();
        Self { v: vec![(0.0, v)], threshold: vec![(0.0, th)] }
    }

    /// The end of a step; a spike is always kept, everything else where `keep` says so.
    pub(crate) fn push(&mut self, time: f64, v: f64, threshold: f64, spike: bool, keep: bool) {
        if spike {
            // The potential reaches the threshold in this step; what is known of it is the value after the reset.
            self.v.extend([(time, threshold), (time, PEAK), (time, v)]);
        } else if keep {
            self.v.push((time, v));
        }
        if spike || keep {
            self.threshold.push((time, threshold));
        }
    }

    fn lowest(&self) -> f64 {
        self.v.iter().chain(&self.threshold).map(|p| p.1).fold(-70.0, f64::min)
    }
}

/// Draws all patterns into an SVG file.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn draw(path: &Path, traces: &[Trace]) -> Outcome {
    let rows = traces.len().div_ceil(COLUMNS);
    let height = PANEL.1 * rows as u32;
    let root = SVGBackend::new(path, (PANEL.0 * COLUMNS as u32, height + LEGEND)).into_drawing_area();
    root.fill(&WHITE)?;
    let (panels, bottom) = root.split_vertically(height);
    for ((area, pattern), trace) in panels.split_evenly((rows, COLUMNS)).iter().zip(&PATTERNS).zip(traces) {
        panel(area, pattern, trace)?;
    }
    legend(&bottom)?;
    root.present()?;
    Ok(())
}

fn legend(area: &Area) -> Outcome {
    let lines = [
        (14, BLACK, "potential V in mV, spikes drawn up to 10 mV"),
        (720, THRESHOLD, "threshold Th in mV"),
        (1100, CURRENT, "injected current I/C in V/s"),
    ];
    for (x, colour, text) in lines {
        area.draw(&PathElement::new([(x, 32), (x + 48, 32)], colour.stroke_width(4)))?;
        area.draw(&Text::new(text, (x + 60, 18), ("sans-serif", 26)))?;
    }
    area.draw(&Text::new("time in ms", (1600, 18), ("sans-serif", 26)))?;
    Ok(())
}

/// A tick with a true minus sign.
fn tick(value: f64, digits: usize) -> String {
    format!("{value:.digits$}").replace('-', "\u{2212}")
}

fn panel(area: &Area, pattern: &Pattern, trace: &Trace) -> Outcome {
    let (title, body) = area.split_vertically(48);
    let bold = ("sans-serif", 30).into_font().style(FontStyle::Bold);
    title.draw(&Text::new(pattern.letter.to_string(), (12, 14), bold))?;
    title.draw(&Text::new(pattern.name, (44, 16), ("sans-serif", 26)))?;
    let (upper, lower) = body.split_vertically(250);
    let end = pattern.length() as f64;
    potential(&upper, end, trace)?;
    current(&lower, end, pattern)
}

fn potential(area: &Area, end: f64, trace: &Trace) -> Outcome {
    let low = trace.lowest() - 6.0;
    let mut chart =
        ChartBuilder::on(area).margin_right(22).y_label_area_size(64).build_cartesian_2d(0.0..end, low..PEAK + 4.0)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .disable_x_axis()
        .y_labels(4)
        .y_label_formatter(&|y| tick(*y, 0))
        .label_style(("sans-serif", 20))
        .axis_style(BLACK.stroke_width(2))
        .draw()?;
    chart.draw_series(LineSeries::new(trace.threshold.iter().copied(), THRESHOLD.stroke_width(2)))?;
    chart.draw_series(LineSeries::new(trace.v.iter().copied(), BLACK.stroke_width(2)))?;
    Ok(())
}

fn current(area: &Area, end: f64, pattern: &Pattern) -> Outcome {
    let (mut course, mut time) = (Vec::new(), 0.0);
    for &(current, length) in pattern.protocol {
        course.extend([(time, current), (time + length as f64, current)]);
        time += length as f64;
    }
    let values = || course.iter().map(|p| p.1);
    let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let margin = 0.12 * (high - low);
    let mut chart = ChartBuilder::on(area)
        .margin_right(22)
        .margin_top(8)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, low - margin..high + margin)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_labels(5)
        .y_labels(3)
        .x_label_formatter(&|x| tick(*x, 0))
        .y_label_formatter(&|y| tick(*y, 1))
        .label_style(("sans-serif", 20))
        .axis_style(BLACK.stroke_width(2))
        .draw()?;
    chart.draw_series(LineSeries::new(course, CURRENT.stroke_width(3)))?;
    Ok(())
}

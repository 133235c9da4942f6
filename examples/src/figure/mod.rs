//! One SVG that shows how a training went: learning curves, and beside them what the network did with one sample.

pub mod maps;
pub mod raster;

use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

type Outcome = Result<(), Box<dyn Error>>;

/// A part of the figure.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

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

/// Draws the curves into an SVG file, and what `beside` draws into its right half.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(path: &Path, curves: &Curves, beside: impl FnOnce(&Area<'_>) -> Outcome) -> Outcome {
    let root = SVGBackend::new(path, (1120, 760)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(520);
    let (top, bottom) = left.split_vertically(380);
    loss(&top, curves)?;
    accuracy(&bottom, curves)?;
    beside(&right)?;
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

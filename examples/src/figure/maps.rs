//! Small images in rows: kernels, and how often each neuron of a map fired.

use super::Area;
use ndarray::{Array2, ArrayD, ArrayView3, Axis, Ix2};
use plotters::prelude::*;
use snn_runtime::SpikeTrain;
use std::error::Error;

/// Images with one scale.
#[derive(Clone, Debug)]
pub struct Row {
    /// What they show.
    pub title: String,
    /// The unit of their numbers, if they have one.
    pub unit: &'static str,
    /// Numbers from 0 (white) to the largest of all (black); if some are negative, from blue over white to red.
    pub images: Vec<Array2<f32>>,
}

impl Row {
    /// The number of spikes of each neuron of a grid `[channels, side, side]`, an image for each channel.
    ///
    /// # Errors
    /// If the train has neurons that the grid has not.
    pub fn counts(title: String, train: &SpikeTrain, channels: usize, side: usize) -> Result<Self, Box<dyn Error>> {
        let mut counts = vec![0.0; channels * side * side];
        for (_, neuron) in train.iter() {
            *counts
                .get_mut(neuron as usize)
                .ok_or("expected spikes of a smaller grid, found others; give its size")? += 1.0;
        }
        let grid = ArrayView3::from_shape((channels, side, side), &counts)?;
        Ok(Self { title, unit: "spikes", images: grid.outer_iter().map(|image| image.to_owned()).collect() })
    }

    /// The kernels of a convolution `[targets, 1, height, width]`, an image for each target channel;
    /// weights without a unit.
    ///
    /// # Errors
    /// If there are several source channels.
    pub fn kernels(title: String, weights: &ArrayD<f32>) -> Result<Self, Box<dyn Error>> {
        if weights.ndim() != 4 || weights.len_of(Axis(1)) != 1 {
            let found = weights.shape();
            return Err(
                format!("expected kernels [targets, 1, height, width], found {found:?}; draw one source").into()
            );
        }
        let kernels = weights.index_axis(Axis(1), 0);
        let images = kernels.outer_iter().map(|kernel| Ok(kernel.to_owned().into_dimensionality::<Ix2>()?));
        Ok(Self { title, unit: "", images: images.collect::<Result<_, Box<dyn Error>>>()? })
    }

    fn range(&self) -> (f32, f32) {
        let all = || self.images.iter().flatten().copied();
        (all().fold(0.0, f32::min), all().fold(0.0, f32::max))
    }
}

/// Images of a line, and the pixels between them.
const COLUMNS: usize = 8;
const GAP: i32 = 6;
const LABEL: i32 = 21;

/// Draws the rows below each other, with at most eight images in a line.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(area: &Area<'_>, title: &str, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    let area = area.titled(title, ("sans-serif", 18))?.margin(4, 4, 14, 14);
    let lines: usize = rows.iter().map(|row| row.images.len().div_ceil(COLUMNS)).sum();
    let (width, height) = area.dim_in_pixel();
    let (across, down) = (width as i32 / COLUMNS as i32, height as i32 - LABEL * rows.len() as i32);
    let side = across.min(down / lines.max(1) as i32) - GAP;
    let mut top = 0;
    for row in rows {
        let (low, high) = row.range();
        let unit = row.unit;
        let scale = if low < 0.0 { format!("{low:.1} to {high:.1} {unit}") } else { format!("0 to {high:.0} {unit}") };
        let style = ("sans-serif", 13).into_font().color(&BLACK);
        area.draw(&Text::new(format!("{}, {}", row.title, scale.trim_end()), (0, top + 4), style))?;
        top += LABEL;
        for line in row.images.chunks(COLUMNS) {
            for (column, image) in line.iter().enumerate() {
                draw_image(&area, image, (column as i32 * (side + GAP), top), side, low.abs().max(high), low < 0.0)?;
            }
            top += side + GAP;
        }
    }
    Ok(())
}

fn draw_image(
    area: &Area<'_>,
    image: &Array2<f32>,
    (left, top): (i32, i32),
    side: i32,
    most: f32,
    signed: bool,
) -> Result<(), Box<dyn Error>> {
    let (rows, columns) = image.dim();
    let edge = |start: i32, k: usize, n: usize| start + side * k as i32 / n.max(1) as i32;
    for ((r, c), &value) in image.indexed_iter() {
        // The background is white.
        if value != 0.0 {
            let (x, y) = (edge(left, c, columns), edge(top, r, rows));
            let corner = (edge(left, c + 1, columns), edge(top, r + 1, rows));
            area.draw(&Rectangle::new([(x, y), corner], colour(value / most, signed).filled()))?;
        }
    }
    let frame = [(left, top), (left + side, top + side)];
    area.draw(&Rectangle::new(frame, BLACK.mix(0.4)))?;
    Ok(())
}

/// Of a number from -1 to 1.
fn colour(value: f32, signed: bool) -> RGBColor {
    let full = match (signed, value > 0.0) {
        (false, _) => [0.0, 0.0, 0.0],
        (true, true) => [178.0, 24.0, 43.0],
        (true, false) => [33.0, 102.0, 172.0],
    };
    let share = value.abs().min(1.0);
    let [r, g, b] = full.map(|full: f32| (255.0 + share * (full - 255.0)).round() as u8);
    RGBColor(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_counted_where_the_neuron_stands() {
        let mut train = SpikeTrain::new();
        train.fill_from_events(3, &[(0, 5), (2, 5), (2, 0)]);
        let row = Row::counts(String::new(), &train, 2, 2).unwrap();
        assert_eq!(row.images, [ndarray::array![[1.0, 0.0], [0.0, 0.0]], ndarray::array![[0.0, 2.0], [0.0, 0.0]]]);
        assert!(Row::counts(String::new(), &train, 1, 2).unwrap_err().to_string().contains("smaller grid"));
    }

    #[test]
    fn kernels_of_several_sources_are_refused() {
        let row = Row::kernels(String::new(), &ArrayD::ones(vec![3, 1, 2, 4])).unwrap();
        assert_eq!((row.images.len(), row.images[0].dim()), (3, (2, 4)));
        let error = Row::kernels(String::new(), &ArrayD::ones(vec![3, 2, 2, 4])).unwrap_err().to_string();
        assert!(error.contains("[targets, 1, height, width], found [3, 2, 2, 4]"), "{error}");
    }
}

//! Handwritten digits on their way into a network.

use ndarray::{Array2, ArrayD};
use snn_runtime::data::{IdxError, LabelledImages};
use snn_runtime::random::{Purpose, Stream};
use snn_runtime::{Encoder, InputData};

/// Some digits, ready for a network.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `[digits, pixels]`, in 0..=1.
    pub pixels: Array2<f32>,
    /// What they are.
    pub labels: Vec<u32>,
    /// Numbers that decide over the spikes of each digit.
    pub ids: Vec<u64>,
}

impl Sample {
    /// The digits with these indices; their ids are counted from `first_id`.
    ///
    /// # Errors
    /// If there is no digit with one of the indices.
    pub fn gather(images: &LabelledImages, indices: &[u32], first_id: u64) -> Result<Self, IdxError> {
        let mut pixels = Array2::zeros((indices.len(), images.images().rows * images.images().columns));
        for (mut row, &i) in pixels.rows_mut().into_iter().zip(indices) {
            images.scaled(i as usize, row.as_slice_mut().unwrap_or(&mut []))?;
        }
        let labels = indices.iter().map(|&i| images.label(i as usize)).collect::<Result<_, _>>()?;
        let ids = indices.iter().map(|&i| first_id + u64::from(i)).collect();
        Ok(Self { pixels, labels, ids })
    }

    /// Moves every digit by up to `most` pixels along both axes, by the random numbers of its id.
    ///
    /// # Errors
    /// If the digits have another number of pixels than the images.
    pub fn shift(&mut self, images: &LabelledImages, most: u8, seed: u64) -> Result<(), String> {
        let (rows, columns) = (images.images().rows, images.images().columns);
        if self.pixels.ncols() != rows * columns {
            let found = self.pixels.ncols();
            return Err(format!(
                "expected digits of {rows} x {columns} pixels, found {found}; shift by their own images"
            ));
        }
        let width = u32::from(most) * 2 + 1;
        for (mut digit, &id) in self.pixels.rows_mut().into_iter().zip(&self.ids) {
            let words = Stream::new(seed, Purpose::Augmentation, id).block(0, 0);
            let [down, right] = [words[0] % width, words[1] % width].map(|w| w as usize);
            let old = digit.to_owned();
            for (i, pixel) in digit.iter_mut().enumerate() {
                // An offset of `most` is no shift.
                let (row, column) = (i / columns + most as usize, i % columns + most as usize);
                let from = row.checked_sub(down).zip(column.checked_sub(right));
                *pixel = match from {
                    Some((r, c)) if r < rows && c < columns => old[r * columns + c],
                    _ => 0.0,
                };
            }
        }
        Ok(())
    }

    /// The pixels, to be encoded while the network runs.
    pub fn encoded<'a>(&'a self, encoder: &'a dyn Encoder, seed: u64) -> InputData<'a> {
        InputData::Encoded { values: self.pixels.view(), encoder, seed, samples: &self.ids }
    }

    /// How many of the scores `[digits, classes]` are highest at the label.
    pub fn correct(&self, scores: &ArrayD<f32>) -> usize {
        let rows = scores.rows().into_iter().zip(&self.labels);
        rows.filter(|(row, label)| highest(row.iter().copied()) == **label as usize).count()
    }
}

/// The place of the highest score; the first of equal ones.
pub fn highest(scores: impl Iterator<Item = f32>) -> usize {
    scores.enumerate().fold((0, f32::NEG_INFINITY), |best, (i, s)| if s > best.1 { (i, s) } else { best }).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use snn_runtime::data::Part;
    use std::path::Path;

    #[test]
    fn digits_of_another_size_are_not_shifted() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
        let images = LabelledImages::load(&folder, Part::Test).unwrap();
        let mut digits = Sample::gather(&images, &[3, 4], 0).unwrap();
        let (old, ink) = (digits.pixels.clone(), digits.pixels.sum());
        digits.shift(&images, 1, 5).unwrap();
        // The margins of the digits are empty.
        assert!(digits.pixels != old && (digits.pixels.sum() - ink).abs() < 1e-2);
        digits.pixels = Array2::zeros((2, 9));
        assert!(digits.shift(&images, 1, 5).unwrap_err().contains("28 x 28 pixels, found 9"));
        let mut none = Sample::gather(&images, &[], 0).unwrap();
        none.shift(&images, 1, 5).unwrap();
    }
}

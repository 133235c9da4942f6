//! Connections that follow from the place in a grid: convolution and pooling.

use super::Rows;
use crate::connectivity::Grid;

/// A moving window. Weights of a convolution are `[target channel, source channel, y, x]`; pooling has one weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) grid: Grid,
    pub(crate) pool: bool,
}

impl Rows for Window {
    #[inline(always)]
    fn each(&self, row: usize, mut connection: impl FnMut(usize, usize)) {
        let Grid { source: [channels, height, width], target, kernel, stride, padding } = self.grid;
        let (channel, y, x) = (row / (height * width), row / width % height, row % width);
        // A source is at place `k` of the window of target `i` if `i * stride + k = place + padding`.
        for ky in 0..kernel[0] {
            let Some(ty) = place(y + padding[0], ky, stride[0], target[1]) else { continue };
            for kx in 0..kernel[1] {
                let Some(tx) = place(x + padding[1], kx, stride[1], target[2]) else { continue };
                let at = ty * target[2] + tx;
                let size = target[1] * target[2];
                if self.pool {
                    connection(channel * size + at, 0);
                    continue;
                }
                for to in 0..target[0] {
                    let weight = ((to * channels + channel) * kernel[0] + ky) * kernel[1] + kx;
                    connection(to * size + at, weight);
                }
            }
        }
    }
}

/// The window that has the source at this place of the padded source at place `k` of its own.
#[inline(always)]
fn place(padded: usize, k: usize, stride: usize, windows: usize) -> Option<usize> {
    let first = padded.checked_sub(k)?;
    (first % stride == 0 && first / stride < windows).then_some(first / stride)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::wiring::Wiring;

    /// The definition, window by window.
    fn convolve(grid: &Grid, source: &[f64], weights: &[f64]) -> Vec<f64> {
        let [channels, height, width] = grid.source;
        let [targets, rows, columns] = grid.target;
        let mut out = vec![0.0; targets * rows * columns];
        for to in 0..targets {
            for i in 0..rows {
                for j in 0..columns {
                    let mut sum = 0.0;
                    for from in 0..channels {
                        for ky in 0..grid.kernel[0] {
                            for kx in 0..grid.kernel[1] {
                                let y = (i * grid.stride[0] + ky).wrapping_sub(grid.padding[0]);
                                let x = (j * grid.stride[1] + kx).wrapping_sub(grid.padding[1]);
                                if y < height && x < width {
                                    let w = ((to * channels + from) * grid.kernel[0] + ky) * grid.kernel[1] + kx;
                                    sum += weights[w] * source[(from * height + y) * width + x];
                                }
                            }
                        }
                    }
                    out[(to * rows + i) * columns + j] = sum;
                }
            }
        }
        out
    }

    #[test]
    fn rows_are_the_transpose_of_windows() {
        for (source, channels, kernel, stride, padding) in [
            ([1, 5, 6], 1, [1, 1], [1, 1], [0, 0]),
            ([2, 7, 5], 3, [3, 2], [1, 1], [1, 0]),
            ([3, 8, 9], 2, [3, 4], [2, 3], [2, 1]),
            ([2, 1, 12], 4, [1, 5], [1, 2], [0, 2]),
        ] {
            let mut grid = Grid { source, target: [channels, 0, 0], kernel, stride, padding };
            let [rows, columns] = grid.extent();
            grid.target = [channels, rows, columns];
            let number = |k: usize| ((k * 7919 + 13) % 101) as f64;
            let inputs: Vec<f64> = (0..source.iter().product()).map(number).collect();
            let weights: Vec<f64> = (0..channels * source[0] * kernel[0] * kernel[1]).map(|k| number(k + 50)).collect();
            let mut out = vec![0.0; channels * rows * columns];
            let window = Window { grid, pool: false };
            Wiring::Window(window).add_values(&inputs, &weights, &mut out);
            assert_eq!(out, convolve(&grid, &inputs, &weights));
        }
    }

    #[test]
    fn pooling_sums_windows_of_one_channel() {
        let grid = Grid { source: [2, 4, 4], target: [2, 2, 2], kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
        assert_eq!(grid.extent(), [2, 2]);
        let mut out = vec![0.0; 8];
        let window = Window { grid, pool: true };
        let inputs: Vec<f64> = (0..32).map(f64::from).collect();
        Wiring::Window(window).add_values(&inputs, &[0.25], &mut out);
        assert_eq!(out, [2.5, 4.5, 10.5, 12.5, 18.5, 20.5, 26.5, 28.5]);
    }
}

//! Exponentials of small matrices, for exact propagators of linear equations. They are taken once before the first step, in
//! double precision.
//!
//! The matrix is balanced first ([`Balance`]), so that the units of states and inputs do not count. Then
//! exp(A) = e^-s exp(A + s I) with s the largest negative diagonal: in a passive system all sums are then of positive
//! numbers, and no entry loses digits to cancellation, however small it is. Scaling and squaring with a Taylor polynomial
//! (Moler and Van Loan, SIAM Review 45 (2003), 3, method 3).
//!
//! Each squaring doubles the relative error, so that with the norm N of the balanced and shifted matrix (about the step in
//! units of the fastest time constant) an entry of a passive system has a relative error of about N times the rounding error
//! of a double: two digits less than those of a double for a step of 100 fastest time constants. Where entries of both signs
//! cancel, as in oscillations, the error is relative to the largest entries instead.

use crate::balance::Balance;
use crate::math;

/// Of the rows of `[M, E]`, `states` of them, those of `[exp(M), phi1(M) E]`, phi1(M) = M^-1 (exp(M) - 1): with M and E times
/// dt, what multiplies the states and the inputs in the exact solution of dx/dt = M x + E u over a step. Both matrices are
/// stored by rows; M may be singular, have equal or complex eigenvalues, and need not be diagonalisable.
///
/// The result is NaN if `matrix` has numbers that are not finite, or if its norm is beyond 1e6 in whatever units of the states
/// and inputs: if the step is as long as a million of the fastest time constants.
///
/// # Panics
/// If `states` is 0 or the number of entries no multiple of it, if a row is shorter than `states`, or if `out` has another
/// length than `matrix`.
pub fn propagator(states: usize, matrix: &[f64], out: &mut [f64]) {
    let columns = columns(states, matrix, out);
    let Some((balance, mut balanced)) = Balance::of(states, columns, matrix) else {
        return out.fill(f64::NAN);
    };
    balanced.resize(columns * columns, 0.0);
    let result = exponential(columns, balanced);
    out.copy_from_slice(&result[..out.len()]);
    balance.undo(columns, out);
}

/// The gradient of the matrix of [`propagator`] from that of its result, which is *added* to `matrix_gradient`: the adjoint of
/// the Fréchet derivative of the exponential (Higham, Functions of Matrices (2008), section 3.2 and theorem 3.6).
///
/// Where `out_gradient` is 0 throughout, nothing is added, whatever the matrix is. Otherwise NaN is added to every entry if
/// `out_gradient` has numbers that are not finite, or where the result of [`propagator`] is NaN.
///
/// # Panics
/// As [`propagator`], for the lengths of all three slices.
pub fn propagator_adjoint(states: usize, matrix: &[f64], out_gradient: &[f64], matrix_gradient: &mut [f64]) {
    let n = columns(states, matrix, matrix_gradient);
    assert_eq!(out_gradient.len(), matrix.len(), "expected a gradient for every entry");
    if out_gradient.iter().all(|&g| g == 0.0) {
        return;
    }
    let is_finite = out_gradient.iter().all(|g| g.is_finite());
    let Some((balance, balanced)) = Balance::of(states, n, matrix).filter(|_| is_finite) else {
        return matrix_gradient.iter_mut().for_each(|g| *g = f64::NAN);
    };
    // An entry of the balanced matrix has the factor that its gradient has the inverse of; so has that of the result.
    let mut gradient = out_gradient.to_vec();
    balance.undo(n, &mut gradient);
    let size = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    // The upper right block of exp [[A', G], [0, A']], linear in G.
    let at = |values: &[f64], row: usize, column: usize| if row < states { values[row * n + column] } else { 0.0 };
    let mut block = vec![0.0; 4 * n * n];
    for row in 0..n {
        for column in 0..n {
            let transposed = at(&balanced, column, row);
            block[row * 2 * n + column] = transposed;
            block[(n + row) * 2 * n + n + column] = transposed;
            block[row * 2 * n + n + column] = at(&gradient, row, column) / size;
        }
    }
    let result = exponential(2 * n, block);
    for row in 0..states {
        for column in 0..n {
            gradient[row * n + column] = size * result[row * 2 * n + n + column];
        }
    }
    balance.apply(n, &mut gradient);
    matrix_gradient.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
}

fn columns(states: usize, matrix: &[f64], out: &[f64]) -> usize {
    assert!(states > 0 && matrix.len().is_multiple_of(states), "expected {states} rows of equal length");
    let columns = matrix.len() / states;
    assert!(columns >= states && out.len() == matrix.len(), "expected {states} rows of at least as many entries");
    columns
}

fn exponential(n: usize, mut a: Vec<f64>) -> Vec<f64> {
    let shift = (0..n).fold(0.0, |s: f64, i| s.max(-a[i * n + i]));
    (0..n).for_each(|i| a[i * n + i] += shift);
    let norm = a.chunks_exact(n).map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max);
    let (mut squarings, mut scale) = (0, 1.0);
    while norm * scale > 0.5 {
        squarings += 1;
        scale *= 0.5;
    }
    a.iter_mut().for_each(|x| *x *= scale);
    // The remainder is 0.5^17/17! of the entries that a path of one link reaches; a longer path has one more term a link.
    let degree = 16 + n;
    let mut power = identity(n);
    for k in (1..=degree).rev() {
        power = product(n, &a, &power);
        power.iter_mut().for_each(|x| *x /= k as f64);
        (0..n).for_each(|i| power[i * n + i] += 1.0);
    }
    let decay = math::exp(-shift * scale);
    power.iter_mut().for_each(|x| *x *= decay);
    for _ in 0..squarings {
        power = product(n, &power, &power);
    }
    power
}

pub(crate) fn identity(n: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; n * n];
    (0..n).for_each(|i| matrix[i * n + i] = 1.0);
    matrix
}

pub(crate) fn product(n: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for (row, out) in a.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        for (&x, b) in row.iter().zip(b.chunks_exact(n)) {
            if x != 0.0 {
                out.iter_mut().zip(b).for_each(|(o, &b)| *o += x * b);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_turns() {
        let angle = 2.5;
        let mut out = [0.0; 4];
        propagator(2, &[0.0, -angle, angle, 0.0], &mut out);
        let (sin, cos) = (math::sin(angle), math::cos(angle));
        for (found, expected) in out.into_iter().zip([cos, -sin, sin, cos]) {
            assert!((found - expected).abs() < 2e-15, "{found} for {expected}");
        }
    }

    #[test]
    fn a_singular_system_integrates_its_input() {
        // dx/dt = y, dy/dt = u: y grows by u, x by y + u/2.
        let mut out = [0.0; 6];
        propagator(2, &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0], &mut out);
        assert_eq!(out, [1.0, 1.0, 0.5, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn equal_rates_give_the_alpha_function_with_relative_accuracy() {
        for rate in [1e-3, 0.1, 1.0, 20.0, 300.0] {
            let mut out = [0.0; 4];
            propagator(2, &[-rate, 1e-9, 0.0, -rate], &mut out);
            let decay = math::exp(-rate);
            for (found, expected) in out.into_iter().zip([decay, 1e-9 * decay, 0.0, decay]) {
                assert!((found - expected).abs() <= 1e-13 * expected, "{rate}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn numbers_that_are_not_finite_give_nan() {
        let mut out = [0.0; 1];
        for wrong in [f64::NAN, f64::INFINITY, -1e300] {
            propagator(1, &[wrong], &mut out);
            assert!(out[0].is_nan());
            let mut gradient = [0.0; 1];
            propagator_adjoint(1, &[wrong], &[0.0], &mut gradient);
            assert_eq!(gradient, [0.0]);
            propagator_adjoint(1, &[wrong], &[1.0], &mut gradient);
            assert!(gradient[0].is_nan());
        }
        let mut gradient = [0.0; 4];
        propagator_adjoint(2, &[-1.0, 0.0, 0.5, -2.0], &[0.0, f64::NAN, 0.0, 0.0], &mut gradient);
        assert!(gradient.iter().all(|g| g.is_nan()));
    }

    /// A system in units in which its states and inputs have very different sizes.
    #[test]
    fn units_do_not_count() {
        let matrix = [-0.5, 0.25, 0.125, 0.75, -0.375, -1.5, 0.25, 0.0, 0.0, 1.0, -0.125, 0.25];
        let units = [0, 40, -70, 300];
        let scaled = |values: &[f64], sign: i64| -> Vec<f64> {
            let by = |k: usize| sign * (units[k % 4] - units[k / 4]);
            values.iter().enumerate().map(|(k, &x)| crate::balance::scale(x, by(k))).collect()
        };
        let (mut own, mut other) = ([0.0; 12], [0.0; 12]);
        propagator(3, &matrix, &mut own);
        propagator(3, &scaled(&matrix, 1), &mut other);
        assert_eq!(own.as_slice(), scaled(&other, -1));
        let weights: Vec<f64> = (0..12).map(|k| math::sin(1.0 + f64::from(k))).collect();
        let (mut own, mut other) = ([0.0; 12], [0.0; 12]);
        propagator_adjoint(3, &matrix, &weights, &mut own);
        propagator_adjoint(3, &scaled(&matrix, 1), &scaled(&weights, -1), &mut other);
        for (own, other) in own.iter().zip(scaled(&other, 1)) {
            assert!((own - other).abs() < 1e-14, "{own} {other}");
        }
    }

    #[test]
    fn every_squaring_doubles_the_error() {
        // A slow state that a fast one is coupled to by almost nothing: exp(-1e-3) beside exp(-rate).
        for rate in [1.0, 100.0, 1e4] {
            let mut out = [0.0; 4];
            propagator(2, &[-1e-3, 1e-30, 1e-30, -rate], &mut out);
            let expected = math::exp(-1e-3);
            assert!((out[0] - expected).abs() <= 4.0 * rate * f64::EPSILON * expected, "{rate}: {}", out[0] - expected);
        }
    }

    #[test]
    fn the_adjoint_is_the_derivative() {
        let matrix = [-0.5, 0.3, 0.1, 0.7, -0.4, -1.5, 0.2, 0.0, 0.0, 0.9, -0.1, 0.25];
        let weights: Vec<f64> = (0..12).map(|k| math::sin(1.0 + f64::from(k))).collect();
        let value = |matrix: &[f64]| {
            let mut out = [0.0; 12];
            propagator(3, matrix, &mut out);
            out.iter().zip(&weights).map(|(o, w)| o * w).sum::<f64>()
        };
        let mut gradient = [0.0; 12];
        propagator_adjoint(3, &matrix, &weights, &mut gradient);
        for k in 0..12 {
            let at = |h: f64| {
                let mut moved = matrix;
                moved[k] += h;
                value(&moved)
            };
            let h = 1e-3;
            let difference = (8.0 * (at(h / 2.0) - at(-h / 2.0)) - (at(h) - at(-h))) / (6.0 * h);
            assert!((gradient[k] - difference).abs() < 1e-10, "{k}: {} for {difference}", gradient[k]);
        }
    }
}

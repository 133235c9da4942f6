//! White noise in linear equations: what independent normal numbers have to be multiplied with so that they have the
//! covariance that the noise leaves in all states over a step. It is computed once before the first step, in double
//! precision.
//!
//! The covariance of dx = M x dt + diag(w) dW over the unit of time is
//!
//! ```text
//! Q = integral from 0 to 1 of exp(M s) diag(w)^2 exp(M' s) ds
//! ```
//!
//! It is a block of the exponential of [[-M, diag(w)^2], [0, M']] (Van Loan, IEEE Transactions on Automatic Control 23 (1978),
//! 395), which overflows for fast rates. Here the power series of Q over a short time h is summed, and
//! Q(2h) = Q(h) + exp(M h) Q(h) exp(M' h) doubles the time: sums of positive semidefinite matrices. The lower triangular
//! factor L of Q = L L' is that of Cholesky. A state that the earlier ones determine, to the rounding error of its variance,
//! has a pivot of 0 and no column, so covariances of less than full rank are no special case.

use crate::balance::{Balance, exponent, scale};
use crate::propagator::{identity, product};

/// Of the rows of `[M, w]`, `states` of them, those of `[L, 0]`, L lower triangular with
/// L L' = integral from 0 to 1 of exp(M s) diag(w)^2 exp(M' s) ds. With M times dt and w the factors of white noise times
/// sqrt(dt), L times independent standard normal numbers is the noise of dx/dt = M x + diag(w) xi over a step. All matrices
/// are stored by rows.
///
/// The result is NaN where that of [`propagator`](crate::propagator) is.
///
/// # Panics
/// If `states` is 0, or the slices do not have `states` rows of `states + 1` numbers.
pub fn noise_factor(states: usize, matrix: &[f64], out: &mut [f64]) {
    check(states, matrix, out);
    out.fill(0.0);
    match Covariance::of(states, matrix) {
        Some(covariance) => {
            let factor = cholesky(states, &covariance.value());
            for (row, own) in out.chunks_exact_mut(states + 1).zip(factor.chunks_exact(states)) {
                row[..states].copy_from_slice(own);
            }
            covariance.units(out, 1);
        }
        None => out.fill(f64::NAN),
    }
}

/// The gradient of the matrix of [`noise_factor`] from that of its result, which is *added* to `matrix_gradient`: the steps
/// above in reverse. The gradient of the factor of Cholesky is that of Smith (Journal of Computational and Graphical
/// Statistics 4 (1995), 134). What is above the diagonal and in the last column of `out_gradient` is not read.
///
/// A state with a pivot of 0 passes no gradient on. Where `out_gradient` is 0 throughout, nothing is added; NaN is added
/// where the result of [`noise_factor`] is NaN, or `out_gradient` has numbers that are not finite.
///
/// # Panics
/// As [`noise_factor`], for the lengths of all three slices.
pub fn noise_factor_adjoint(states: usize, matrix: &[f64], out_gradient: &[f64], matrix_gradient: &mut [f64]) {
    check(states, matrix, matrix_gradient);
    check(states, out_gradient, matrix);
    let n = states;
    let mut gradient = out_gradient.to_vec();
    for (row, values) in gradient.chunks_exact_mut(n + 1).enumerate() {
        values[row + 1..].fill(0.0);
    }
    if gradient.iter().all(|&g| g == 0.0) {
        return;
    }
    let is_finite = gradient.iter().all(|g| g.is_finite());
    let Some(covariance) = Covariance::of(n, matrix).filter(|_| is_finite) else {
        return matrix_gradient.iter_mut().for_each(|g| *g = f64::NAN);
    };
    covariance.units(&mut gradient, 1);
    let of_factor: Vec<f64> = gradient.chunks_exact(n + 1).flat_map(|row| row[..n].iter().copied()).collect();
    let factor = cholesky(n, &covariance.value());
    let mut gradient = covariance.adjoint(cholesky_adjoint(n, &factor, of_factor));
    covariance.balance.apply(n + 1, &mut gradient);
    for (row, (sum, g)) in matrix_gradient.iter_mut().zip(gradient).enumerate() {
        // The noise has been scaled as a whole.
        *sum += if row % (n + 1) == n { scale(g, -covariance.size) } else { g };
    }
}

fn check(states: usize, matrix: &[f64], out: &[f64]) {
    assert!(states > 0 && matrix.len() == states * (states + 1), "expected {states} rows of {} numbers", states + 1);
    assert!(out.len() == matrix.len(), "expected {} numbers, found {}", matrix.len(), out.len());
}

/// The covariance of a balanced system, with what it was computed from.
struct Covariance {
    n: usize,
    balance: Balance,
    /// The noise was divided by 2 to the power of this.
    size: i64,
    /// M and w, balanced; w over `size`.
    rates: Vec<f64>,
    noise: Vec<f64>,
    /// The first step is 2^-k, for k doublings.
    first: f64,
    /// The terms of the power series of exp(M h), and of Q(h).
    powers: Vec<Vec<f64>>,
    terms: Vec<Vec<f64>>,
    /// exp(M h) and Q(h) for the first step, for twice that, and so on up to 1.
    doublings: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Covariance {
    fn of(n: usize, matrix: &[f64]) -> Option<Self> {
        let (balance, balanced) = Balance::of(n, n + 1, matrix)?;
        let rates: Vec<f64> = balanced.chunks_exact(n + 1).flat_map(|row| row[..n].iter().copied()).collect();
        let noise: Vec<f64> = balanced.chunks_exact(n + 1).map(|row| row[n]).collect();
        let size = noise.iter().filter(|w| **w != 0.0).map(|&w| exponent(w)).max().unwrap_or(0);
        let noise: Vec<f64> = noise.into_iter().map(|w| scale(w, -size)).collect();
        let norm = rates.chunks_exact(n).map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max);
        let (mut doublings, mut first) = (0, 1.0);
        while norm * first > 0.25 {
            doublings += 1;
            first *= 0.5;
        }
        // exp(M h) = sum of P_k, P_k = P_(k-1) M h/k; Q(h) = sum of T_k, T_k = (M h T_(k-1) + T_(k-1) M' h)/(k + 1).
        // The remainders are below 0.25^15/15! and 0.5^15/16! of the entries that a path of one link reaches; a path of n
        // links has n more terms in the former and 2n in the latter.
        let step: Vec<f64> = rates.iter().map(|x| x * first).collect();
        let (mut powers, mut terms) = (vec![identity(n)], vec![diagonal(n, noise.iter().map(|w| w * w * first))]);
        for k in 1..=14 + 2 * n {
            if k <= 14 + n {
                powers.push(scaled(&product(n, &step, &powers[k - 1]), 1.0 / k as f64));
            }
            let half = scaled(&product(n, &step, &terms[k - 1]), 1.0 / (k + 1) as f64);
            terms.push(sum(&half, &transposed(n, &half)));
        }
        let total = |of: &[Vec<f64>]| of.iter().rev().fold(vec![0.0; n * n], |all, term| sum(&all, term));
        let mut all = vec![(total(&powers), total(&terms))];
        for k in 0..doublings {
            let (e, q) = &all[k];
            let carried = product(n, &product(n, e, q), &transposed(n, e));
            all.push((product(n, e, e), sum(q, &carried)));
        }
        Some(Self { n, balance, size, rates, noise, first, powers, terms, doublings: all })
    }

    fn value(&self) -> Vec<f64> {
        self.doublings.last().map(|d| d.1.clone()).unwrap_or_default()
    }

    /// Rows of a factor in the units of the caller (1), or back (-1).
    fn units(&self, rows: &mut [f64], sign: i64) {
        for (row, values) in rows.chunks_exact_mut(self.n + 1).enumerate() {
            let by = self.balance.exponent(row) - self.balance.exponent(self.n) + self.size;
            values.iter_mut().for_each(|x| *x = scale(*x, sign * by));
        }
    }

    /// The gradient of `[M, w]`, balanced, from that of the covariance, which is symmetric.
    fn adjoint(&self, mut of_q: Vec<f64>) -> Vec<f64> {
        let n = self.n;
        let mut of_e = vec![0.0; n * n];
        for (e, q) in self.doublings.iter().rev().skip(1) {
            let transposed_e = transposed(n, e);
            let carried = product(n, &of_q, &product(n, e, q));
            let squared = sum(&product(n, &of_e, &transposed_e), &product(n, &transposed_e, &of_e));
            of_e = sum(&scaled(&carried, 2.0), &squared);
            of_q = sum(&of_q, &product(n, &product(n, &transposed_e, &of_q), e));
        }
        let transposed_step = scaled(&transposed(n, &self.rates), self.first);
        let mut of_step = vec![0.0; n * n];
        let mut of_term = of_q.clone();
        for (k, term) in self.terms.iter().enumerate().rev().skip(1).map(|(k, t)| (k + 1, t)) {
            let factor = 1.0 / (k + 1) as f64;
            of_step = sum(&of_step, &scaled(&product(n, &of_term, term), 2.0 * factor));
            let half = scaled(&product(n, &transposed_step, &of_term), factor);
            of_term = sum(&of_q, &sum(&half, &transposed(n, &half)));
        }
        let mut of_power = of_e.clone();
        for (k, power) in self.powers.iter().enumerate().rev().skip(1).map(|(k, p)| (k + 1, p)) {
            let factor = 1.0 / k as f64;
            of_step = sum(&of_step, &scaled(&product(n, &of_power, &transposed(n, power)), factor));
            of_power = sum(&of_e, &scaled(&product(n, &transposed_step, &of_power), factor));
        }
        let mut out = Vec::with_capacity(n * (n + 1));
        for (row, &w) in self.noise.iter().enumerate() {
            out.extend(of_step[row * n..][..n].iter().map(|g| g * self.first));
            out.push(2.0 * w * self.first * of_term[row * n + row]);
        }
        out
    }
}

/// The lower triangular L with Q = L L'; a pivot that is lost in the rounding errors of its variance counts as 0.
fn cholesky(n: usize, q: &[f64]) -> Vec<f64> {
    let mut l = vec![0.0; n * n];
    let lost = 8.0 * n as f64 * f64::EPSILON;
    for j in 0..n {
        let dot = |l: &[f64], i: usize| (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum::<f64>();
        let pivot = q[j * n + j] - dot(&l, j);
        if pivot <= lost * q[j * n + j] {
            continue;
        }
        l[j * n + j] = crate::math::sqrt(pivot);
        for i in j + 1..n {
            l[i * n + j] = (q[i * n + j] - dot(&l, i)) / l[j * n + j];
        }
    }
    l
}

/// The gradient of Q, symmetric, from that of L.
fn cholesky_adjoint(n: usize, l: &[f64], mut of_l: Vec<f64>) -> Vec<f64> {
    let mut of_q = vec![0.0; n * n];
    for j in (0..n).rev() {
        let diagonal = l[j * n + j];
        if diagonal == 0.0 {
            continue;
        }
        for i in j + 1..n {
            let of_sum = of_l[i * n + j] / diagonal;
            of_q[i * n + j] = 0.5 * of_sum;
            of_q[j * n + i] = 0.5 * of_sum;
            of_l[j * n + j] -= of_sum * l[i * n + j];
            for k in 0..j {
                of_l[i * n + k] -= of_sum * l[j * n + k];
                of_l[j * n + k] -= of_sum * l[i * n + k];
            }
        }
        let of_pivot = of_l[j * n + j] / (2.0 * diagonal);
        of_q[j * n + j] = of_pivot;
        for k in 0..j {
            of_l[j * n + k] -= 2.0 * of_pivot * l[j * n + k];
        }
    }
    of_q
}

fn diagonal(n: usize, values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut matrix = vec![0.0; n * n];
    values.enumerate().for_each(|(i, x)| matrix[i * n + i] = x);
    matrix
}

fn transposed(n: usize, a: &[f64]) -> Vec<f64> {
    (0..n * n).map(|k| a[k % n * n + k / n]).collect()
}

fn scaled(a: &[f64], factor: f64) -> Vec<f64> {
    a.iter().map(|x| x * factor).collect()
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math;

    /// L L'
    fn covariance(n: usize, matrix: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; n * (n + 1)];
        noise_factor(n, matrix, &mut out);
        let l: Vec<f64> = out.chunks_exact(n + 1).flat_map(|row| row[..n].to_vec()).collect();
        product(n, &l, &transposed(n, &l))
    }

    fn near(found: &[f64], expected: &[f64], error: f64) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= error * expected.abs(), "{found} for {expected}");
        }
    }

    #[test]
    fn a_state_alone_is_an_ornstein_uhlenbeck_process() {
        for rate in [0.0, 1e-6, 0.3, 40.0, 2000.0] {
            near(&covariance(1, &[-rate, 2.0]), &[4.0 * math::exprel(-2.0 * rate)], 1e-13);
        }
    }

    #[test]
    fn integrated_noise_has_its_covariance() {
        // dx = dW, dy = x dt, dz = y dt: x y z have 1/((i! j!) (i + j + 1)).
        let matrix = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        let expected = [1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 2.0, 1.0 / 3.0, 1.0 / 8.0, 1.0 / 6.0, 1.0 / 8.0, 1.0 / 20.0];
        near(&covariance(3, &matrix), &expected, 1e-14);
    }

    #[test]
    fn coloured_noise_has_its_covariance() {
        // dx = -a x dt + w dW, dy = (k x - b y) dt, over short and long steps: closed forms of Gillespie's kind, without
        // cancellation only for a step that is not short.
        let (a, b, k, w) = (2.0, 0.5, 1e9, 3e-100);
        let found = covariance(2, &[-a, 0.0, w, k, -b, 0.0]);
        let phi = |x: f64| math::exprel(-x);
        let xy = k / (a - b) * (phi(a + b) - phi(2.0 * a));
        let yy = k * k / ((a - b) * (a - b)) * (phi(2.0 * b) - 2.0 * phi(a + b) + phi(2.0 * a));
        near(&[found[1] / w / w, found[3] / w / w], &[xy, yy], 1e-13);
    }

    #[test]
    fn a_long_time_reaches_the_stationary_covariance() {
        // M Q + Q M' = -diag(w)^2, with a fast and a slow state that read one another.
        let m = [-300.0, 5.0, 2.0, -20.0];
        let q = covariance(2, &[m[0], m[1], 4.0, m[2], m[3], 1.0]);
        let flow = product(2, &m, &q);
        let total = sum(&flow, &transposed(2, &flow));
        for (found, expected) in total.into_iter().zip([-16.0, 0.0, 0.0, -1.0]) {
            assert!((found - expected).abs() < 1e-10, "{found} for {expected}");
        }
    }

    #[test]
    fn a_covariance_of_less_than_full_rank_has_a_factor() {
        // The second state does nothing but follow the first in another unit: dy = 3 dx; the third sees no noise.
        let q = [4.0, 12.0, 0.0, 12.0, 36.0, 0.0, 0.0, 0.0, 0.0];
        let l = cholesky(3, &q);
        assert_eq!(l, [2.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(cholesky_adjoint(3, &l, vec![1.0; 9]).iter().all(|g| g.is_finite()));
        // Fifteen integrations of one noise: what is left of the last ones is below the rounding errors.
        let n = 15;
        let mut matrix = vec![0.0; n * (n + 1)];
        matrix[n] = 1.0;
        (1..n).for_each(|i| matrix[i * (n + 1) + i - 1] = 1.0);
        let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
        let expected: Vec<f64> =
            (0..n * n).map(|k| 1.0 / (factorial(k / n) * factorial(k % n) * (k / n + k % n + 1) as f64)).collect();
        near(&covariance(n, &matrix), &expected, 1e-7);
        let mut gradient = vec![0.0; matrix.len()];
        noise_factor_adjoint(n, &matrix, &vec![1.0; matrix.len()], &mut gradient);
        assert!(gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn numbers_that_are_not_finite_give_nan() {
        for wrong in [f64::NAN, f64::INFINITY, -1e300] {
            let mut out = [0.0; 2];
            noise_factor(1, &[wrong, 1.0], &mut out);
            assert!(out[0].is_nan());
            let mut gradient = [0.0; 2];
            noise_factor_adjoint(1, &[wrong, 1.0], &[0.0, 1.0], &mut gradient);
            assert_eq!(gradient, [0.0; 2]);
            noise_factor_adjoint(1, &[wrong, 1.0], &[1.0, 0.0], &mut gradient);
            assert!(gradient.iter().all(|g| g.is_nan()));
        }
    }

    #[test]
    fn the_adjoint_is_the_derivative() {
        let matrix = [-0.5, 0.3, 0.1, 0.7, -0.4, -1.5, 0.2, 0.0, 0.0, 0.9, -0.1, 0.25];
        // In other units, and with more doublings.
        let large: Vec<f64> =
            matrix.iter().enumerate().map(|(k, x)| if k % 4 == 3 { 1e-3 * x } else { 9.0 * x }).collect();
        for matrix in [matrix.to_vec(), large] {
            let weights: Vec<f64> = (0..12).map(|k| math::sin(1.0 + f64::from(k))).collect();
            let value = |matrix: &[f64]| {
                let mut out = [0.0; 12];
                noise_factor(3, matrix, &mut out);
                out.iter().zip(&weights).map(|(o, w)| o * w).sum::<f64>()
            };
            let mut gradient = [0.0; 12];
            noise_factor_adjoint(3, &matrix, &weights, &mut gradient);
            for k in 0..12 {
                let at = |h: f64| {
                    let mut moved = matrix.clone();
                    moved[k] += h;
                    value(&moved)
                };
                let h = if matrix[k] == 0.0 { 1e-3 } else { 1e-3 * matrix[k] };
                let difference = (8.0 * (at(h / 2.0) - at(-h / 2.0)) - (at(h) - at(-h))) / (6.0 * h);
                let error = (gradient[k] - difference).abs();
                assert!(error < 1e-7 * (1e-3 + difference.abs()), "{k}: {} for {difference}", gradient[k]);
            }
        }
    }
}

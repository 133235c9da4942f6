//! White noise: rates, moments and correlations of many neurons, from fixed seeds. Tolerances are four standard errors of the
//! sample where nothing else is said.

use super::reference::SIEGERT;
use super::rig::{by, cells, neuron, state, step};
use super::{Case, Group};
use snn_dsl::model::{Integration, Neuron};
use snn_runtime::{Cells, math};

pub(super) const GROUP: Group = Group {
    title: "White noise",
    text: "Rates, moments and correlations of many neurons from a fixed seed; tolerances are four standard errors of the sample,\n\
           2 % for rates. A grid sees a threshold only now and then, which is as if it were higher by\n\
           0.5826 sigma sqrt(dt/tau) (Broadie, Glasserman and Kou 1997).",
    cases,
};

const SEED: u64 = 20;
const TAU: f64 = 10.0;

fn cases() -> Vec<Case> {
    let mut cases = rates();
    cases.extend(stationary());
    cases.push(euler_maruyama());
    cases.extend(passed_on());
    cases.push(geometric());
    cases.extend(seeds());
    cases
}

/// Many neurons with noise switched on.
fn noisy(neuron: &Neuron, n: usize, dt: f64, values: &[(&str, f64)]) -> Cells<f64> {
    let mut cells = cells(neuron, n, dt, values);
    cells.set_noise_seed(SEED);
    cells
}

fn rates() -> Vec<Case> {
    // -zeta(1/2)/sqrt(2 pi)
    const SHIFT: f64 = 0.5825971579390107;
    let (theta, sigma) = (15.0, 5.0);
    let corrected = |dt: f64| theta - SHIFT * sigma * math::sqrt(dt / TAU);
    let settings =
        [("dt = 0.005 ms", 0.005, theta, 300), ("dt = 0.05 ms, threshold corrected", 0.05, corrected(0.05), 1000)];
    let case = |(name, dt, threshold, n)| {
        let mut cells = noisy(&neuron("noise.snn", "NoisyLIF"), n, dt, &[("Th", threshold)]);
        // Without the first 100 ms, in which neurons still remember that they started together.
        let (from, to) = ((100.0 / dt) as usize, (600.0 / dt) as usize);
        let mut spikes = 0.0;
        for now in 0..to {
            let fired = cells.step(&[], &[]).unwrap_or_else(|e| panic!("{e}"));
            if now >= from {
                spikes += fired.iter().sum::<f64>();
            }
        }
        let rate = spikes / (n as f64 * 0.5);
        let name = format!("`NoisyLIF`: rate, {name}");
        Case::number(name, "Siegert 1951", (SIEGERT, rate), 0.87, (2, "Hz"))
    };
    settings.into_iter().map(case).collect()
}

/// The number of independent processes.
const N: usize = 100_000;
/// Half the time constant: where Euler's method would be far off.
const COARSE: f64 = 5.0;

fn run(cells: &mut Cells<f64>, steps: usize) {
    for _ in 0..steps {
        step(cells, &[], &[]);
    }
}

fn values(cells: &Cells<f64>, name: &str) -> Vec<f64> {
    cells.state(name).map(<[f64]>::to_vec).unwrap_or_default()
}

fn mean(x: impl Iterator<Item = f64>) -> f64 {
    x.sum::<f64>() / N as f64
}

fn stationary() -> Vec<Case> {
    let (mu, sigma) = (-3.0, 2.0);
    let mut cells = noisy(&neuron("noise.snn", "OrnsteinUhlenbeck"), N, COARSE, &[]);
    run(&mut cells, 40);
    let x = values(&cells, "x");
    let n = N as f64;
    let source = "Uhlenbeck and Ornstein 1930";
    let found = mean(x.iter().copied());
    let variance = mean(x.iter().map(|x| (x - mu) * (x - mu)));
    let mut cases = vec![
        Case::number(
            "`OrnsteinUhlenbeck`: mean, dt = tau/2",
            source,
            (mu, found),
            rounded(4.0 * sigma / math::sqrt(n)),
            (3, "mV"),
        ),
        Case::number(
            "`OrnsteinUhlenbeck`: variance (chi-square), dt = tau/2",
            source,
            (sigma * sigma, variance),
            rounded(4.0 * sigma * sigma * math::sqrt(2.0 / n)),
            (3, "mV^2"),
        ),
    ];
    let mut now = 0;
    for lag in [1, 2, 4] {
        run(&mut cells, lag - now);
        now = lag;
        let rho = math::exp(-(lag as f64) * COARSE / TAU);
        let found = mean(x.iter().zip(values(&cells, "x")).map(|(x, y)| (x - mu) * (y - mu))) / (sigma * sigma);
        let error = rounded(4.0 * math::sqrt((1.0 + rho * rho) / n));
        let name = format!("`OrnsteinUhlenbeck`: autocorrelation at {} ms, dt = tau/2", lag as f64 * COARSE);
        cases.push(Case::number(name, source, (rho, found), error, (4, "")));
    }
    cases
}

/// What another method would give here: the tolerances above would notice.
fn euler_maruyama() -> Case {
    let mut cells = noisy(&neuron("noise.snn", "EulerMaruyama"), N, COARSE, &[]);
    run(&mut cells, 40);
    let variance = mean(values(&cells, "x").iter().map(|x| (x + 3.0) * (x + 3.0)));
    let expected = 4.0 / (1.0 - COARSE / (2.0 * TAU));
    let error = rounded(4.0 * expected * math::sqrt(2.0 / N as f64));
    let name = "`EulerMaruyama`: its own variance, sigma^2/(1 - dt/(2 tau)), dt = tau/2";
    Case::number(name, "closed form of the recursion", (expected, variance), error, (3, "mV^2"))
}

/// Four standard errors of a sample covariance of normal numbers with these variances and covariance.
fn error_of(xx: f64, yy: f64, xy: f64) -> f64 {
    rounded(4.0 * math::sqrt((xx * yy + xy * xy) / N as f64))
}

fn covariance(cells: &Cells<f64>, x: &str, y: &str) -> f64 {
    mean(values(cells, x).iter().zip(values(cells, y)).map(|(x, y)| x * y))
}

/// Linear systems that pass noise on, with steps that are not short: exact for any step.
fn passed_on() -> Vec<Case> {
    let mut cells = noisy(&neuron("noise.snn", "ColouredNoise"), N, COARSE, &[]);
    run(&mut cells, 30);
    let (of_i, of_v) = (4.0, 4.0 * 5.0 / (5.0 + TAU));
    let source = "sigma^2 tau_s/(tau_s + tau)";
    let mut cases = vec![
        Case::number(
            "`ColouredNoise`: variance of V, dt = tau_s",
            source,
            (of_v, covariance(&cells, "V", "V")),
            error_of(of_v, of_v, of_v),
            (3, "mV^2"),
        ),
        Case::number(
            "`ColouredNoise`: covariance of I and V, dt = tau_s",
            source,
            (of_v, covariance(&cells, "I", "V")),
            error_of(of_i, of_v, of_v),
            (3, "mV^2"),
        ),
    ];
    let mut cells = noisy(&neuron("noise.snn", "NoisyRotation"), N, COARSE, &[]);
    run(&mut cells, 20);
    let (a, w, s1, s2) = (0.1, 0.3, 1.0, 0.2 * 0.2);
    let (sum, difference) = ((s1 + s2) / (2.0 * a), (s1 - s2) * a / (2.0 * (a * a + w * w)));
    let (xx, yy, xy) = ((sum + difference) / 2.0, (sum - difference) / 2.0, w * difference / (2.0 * a));
    for (p, q, expected) in [("x", "x", xx), ("y", "y", yy), ("x", "y", xy)] {
        let name = format!("`NoisyRotation`: covariance of {p} and {q}, 1.5 radians a step");
        let error = error_of(if p == "x" { xx } else { yy }, if q == "x" { xx } else { yy }, expected);
        let found = covariance(&cells, p, q);
        cases.push(Case::number(name, "Lyapunov's equation", (expected, found), error, (3, "mV^2")));
    }
    let mut cells = noisy(&neuron("noise.snn", "IntegratedNoise"), N, COARSE, &[]);
    run(&mut cells, 1);
    let t = COARSE;
    let [vv, xx, yy] = [t, t * t * t / 3.0, t * t * t * t * t / 20.0];
    let entries = [
        ("v", "v", vv, vv, vv),
        ("v", "x", vv, xx, t * t / 2.0),
        ("x", "x", xx, xx, xx),
        ("v", "y", vv, yy, t * t * t / 6.0),
        ("x", "y", xx, yy, t * t * t * t / 8.0),
        ("y", "y", yy, yy, yy),
    ];
    for (p, q, pp, qq, expected) in entries {
        let name = format!("`IntegratedNoise`: covariance of {p} and {q} after a step of 5 ms");
        let found = covariance(&cells, p, q);
        cases.push(Case::number(
            name,
            "integral of t^(i + j)/(i! j!)",
            (expected, found),
            error_of(pp, qq, expected),
            (3, ""),
        ));
    }
    cases
}

fn geometric() -> Case {
    let (r, s, steps) = (0.02, 0.1, 10);
    let mut cells = noisy(&neuron("noise.snn", "GeometricBrownian"), N, COARSE, &[]);
    run(&mut cells, steps);
    let found = mean(values(&cells, "X").into_iter());
    let time = steps as f64 * COARSE;
    let expected = math::exp(r * time);
    // The second moment of the recursion, which is smaller than that of the process.
    let growth = math::exp(2.0 * r * COARSE) + s * s * COARSE * math::exprel(2.0 * r * COARSE);
    let second = (0..steps).fold(1.0, |m, _| m * growth);
    let error = rounded(4.0 * math::sqrt((second - expected * expected) / N as f64));
    let name = "`GeometricBrownian`: mean after 50 ms, dt = 5 ms";
    Case::number(name, "exp(r t), in the sense of Itô", (expected, found), error, (4, ""))
}

fn seeds() -> Vec<Case> {
    let neuron = by(neuron("noise.snn", "OrnsteinUhlenbeck"), Integration::Auto);
    let trace = |cells: &mut Cells<f64>| -> Vec<u64> {
        (0..50)
            .map(|_| {
                step(cells, &[], &[]);
                state(cells, "x").to_bits()
            })
            .collect()
    };
    let of = |seed: u64| {
        let mut cells = cells(&neuron, 3, 1.0, &[]);
        cells.set_noise_seed(seed);
        trace(&mut cells)
    };
    let mut again = cells::<f64>(&neuron, 3, 1.0, &[]);
    again.set_noise_seed(SEED);
    trace(&mut again);
    again.reset();
    let same = |a: &[u64], b: &[u64]| if a == b { "the same bits" } else { "other bits" };
    let first = of(SEED);
    vec![
        Case::equal("noise of one seed, twice", "reproducibility", "the same bits", same(&first, &of(SEED))),
        Case::equal("noise after a reset", "reproducibility", "the same bits", same(&first, &trace(&mut again))),
        Case::equal("noise of another seed", "reproducibility", "other bits", same(&first, &of(SEED + 1))),
    ]
}

/// A tolerance to two digits.
fn rounded(x: f64) -> f64 {
    format!("{x:.1e}").parse().unwrap_or(f64::NAN)
}

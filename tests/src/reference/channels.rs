//! Models of ionic currents, per area as in the papers (uF, mS, uA, all per cm^2; mV, ms). 1 uA/cm^2 is 0.1 nA of the library
//! where that stands for 10 000 um^2.

use super::Model;
use libm::{cbrt, cosh, exp, pow, tanh};

/// x/(exp(x) - 1), also at 0.
fn bernoulli(x: f64) -> f64 {
    if x.abs() < 1e-6 { 1.0 - 0.5 * x } else { x / libm::expm1(x) }
}

/// A gate opens with rate alpha and closes with rate beta.
fn gate(alpha: f64, beta: f64, x: f64) -> f64 {
    alpha * (1.0 - x) - beta * x
}

fn hodgkin_huxley_rates(v: f64) -> [(f64, f64); 3] {
    [
        (bernoulli(-(v + 40.0) / 10.0), 4.0 * exp(-(v + 65.0) / 18.0)),
        (0.07 * exp(-(v + 65.0) / 20.0), 1.0 / (1.0 + exp(-(v + 35.0) / 10.0))),
        (0.1 * bernoulli(-(v + 55.0) / 10.0), 0.125 * exp(-(v + 65.0) / 80.0)),
    ]
}

/// NeuroML example 1 in pF, nS, pA: [I, V, m, h, n], input in nA.
pub fn hodgkin_huxley() -> Model<5> {
    let flow = |y: &[f64; 5], input: &[f64], _| {
        let [_, v, m, h, n] = *y;
        let [(am, bm), (ah, bh), (an, bn)] = hodgkin_huxley_rates(v);
        let n2 = n * n;
        let current = 1200.0 * m * m * m * h * (50.0 - v) + 360.0 * n2 * n2 * (-77.0 - v) + 3.0 * (-54.3 - v);
        let dv = (current + y[0] + 1000.0 * input[0]) / 10.0;
        [-y[0] / 5.0, dv, gate(am, bm, m), gate(ah, bh, h), gate(an, bn, n)]
    };
    let [m, h, n] = hodgkin_huxley_rates(-65.0).map(|(a, b)| a / (a + b));
    Model::new([0.0, -65.0, m, h, n], flow).event(|y, _, w, _| y[0] += 1000.0 * w).crossing(|y| y[1])
}

/// The COBAHH cell of Brette et al. 2007 for 20 000 um^2, in pF, nS, pA: [g_e, g_i, V, m, h, n], events in uS, input in nA.
pub fn traub_miles() -> Model<6> {
    let flow = |y: &[f64; 6], input: &[f64], _| {
        let [ge, gi, v, m, h, n] = *y;
        let u = v + 63.0;
        let (am, bm) = (0.32 * 4.0 * bernoulli((13.0 - u) / 4.0), 0.28 * 5.0 * bernoulli((u - 40.0) / 5.0));
        let (ah, bh) = (0.128 * exp((17.0 - u) / 18.0), 4.0 / (1.0 + exp((40.0 - u) / 5.0)));
        let (an, bn) = (0.032 * 5.0 * bernoulli((15.0 - u) / 5.0), 0.5 * exp((10.0 - u) / 40.0));
        let n2 = n * n;
        let channels = 20_000.0 * m * m * m * h * (50.0 - v) + 6000.0 * n2 * n2 * (-90.0 - v) + 10.0 * (-60.0 - v);
        let dv = (channels - ge * v + gi * (-80.0 - v) + 1000.0 * input[0]) / 200.0;
        [-ge / 5.0, -gi / 10.0, dv, gate(am, bm, m), gate(ah, bh, h), gate(an, bn, n)]
    };
    Model::new([0.0, 0.0, -60.0, 0.03, 0.99, 0.04], flow)
        .event(|y, port, w, _| y[port] += 1000.0 * w)
        .crossing(|y| y[2] + 20.0)
}

/// Wang and Buzsaki: [I, V, h, n].
pub fn wang_buzsaki() -> Model<4> {
    let flow = |y: &[f64; 4], input: &[f64], _| {
        let [_, v, h, n] = *y;
        let (am, bm) = (bernoulli(-0.1 * (v + 35.0)), 4.0 * exp(-(v + 60.0) / 18.0));
        let (ah, bh) = (0.07 * exp(-(v + 58.0) / 20.0), 1.0 / (exp(-0.1 * (v + 28.0)) + 1.0));
        let (an, bn) = (0.1 * bernoulli(-0.1 * (v + 34.0)), 0.125 * exp(-(v + 44.0) / 80.0));
        let m = am / (am + bm);
        let sodium = 35.0 * m * m * m * h * (v - 55.0);
        let potassium = 9.0 * n * n * n * n * (v + 90.0);
        let dv = y[0] + 10.0 * input[0] - sodium - potassium - 0.1 * (v + 65.0);
        [-y[0] / 5.0, dv, 5.0 * gate(ah, bh, h), 5.0 * gate(an, bn, n)]
    };
    Model::new([0.0, -64.0, 0.78, 0.09], flow).event(|y, _, w, _| y[0] += 10.0 * w).crossing(|y| y[1])
}

/// Connor and Stevens as in Dayan and Abbott: [I, V, m, h, n, a, b].
pub fn connor_stevens() -> Model<7> {
    let flow = |y: &[f64; 7], input: &[f64], _| {
        let [_, v, m, h, n, a, b] = *y;
        let (am, bm) = (3.8 * bernoulli(-0.1 * (v + 29.7)), 15.2 * exp(-0.0556 * (v + 54.7)));
        let (ah, bh) = (0.266 * exp(-0.05 * (v + 48.0)), 3.8 / (1.0 + exp(-0.1 * (v + 18.0))));
        let (an, bn) = (0.2 * bernoulli(-0.1 * (v + 45.7)), 0.25 * exp(-0.0125 * (v + 55.7)));
        let a_inf = cbrt(0.0761 * exp(0.0314 * (v + 94.22)) / (1.0 + exp(0.0346 * (v + 1.17))));
        let tau_a = 0.3632 + 1.158 / (1.0 + exp(0.0497 * (v + 55.96)));
        let b_inf = pow(1.0 + exp(0.0688 * (v + 53.3)), -4.0);
        let tau_b = 1.24 + 2.678 / (1.0 + exp(0.0624 * (v + 50.0)));
        let sodium = 120.0 * m * m * m * h * (v - 55.0);
        let potassium = 20.0 * n * n * n * n * (v + 72.0);
        let transient = 47.7 * a * a * a * b * (v + 75.0);
        let dv = y[0] + 10.0 * input[0] - sodium - potassium - transient - 0.3 * (v + 17.0);
        let gates = [gate(am, bm, m), gate(ah, bh, h), gate(an, bn, n)];
        [-y[0] / 5.0, dv, gates[0], gates[1], gates[2], (a_inf - a) / tau_a, (b_inf - b) / tau_b]
    };
    Model::new([0.0, -68.0, 0.01, 0.966, 0.156, 0.54, 0.289], flow)
        .event(|y, _, w, _| y[0] += 10.0 * w)
        .crossing(|y| y[1])
}

/// Morris and Lecar with the parameters of Rinzel and Ermentrout, Hopf: [I, V, w].
pub fn morris_lecar() -> Model<3> {
    let flow = |y: &[f64; 3], input: &[f64], _| {
        let [_, v, w] = *y;
        let m_inf = 0.5 * (1.0 + tanh((v + 1.2) / 18.0));
        let w_inf = 0.5 * (1.0 + tanh((v - 2.0) / 30.0));
        let tau = 1.0 / cosh((v - 2.0) / 60.0);
        let ions = 4.4 * m_inf * (v - 120.0) + 8.0 * w * (v + 84.0) + 2.0 * (v + 60.0);
        [-y[0] / 5.0, (y[0] + 10.0 * input[0] - ions) / 20.0, 0.04 * (w_inf - w) / tau]
    };
    Model::new([0.0, -60.9, 0.0149], flow).event(|y, _, w, _| y[0] += 10.0 * w).crossing(|y| y[1])
}

/// Pinsky and Rinzel: [I, V_s, V_d, h, n, s, c, q, Ca]; inputs: soma, dendrite.
pub fn pinsky_rinzel() -> Model<9> {
    let flow = |y: &[f64; 9], input: &[f64], _| {
        let [i, vs, vd, h, n, s, c, q, ca] = *y;
        let soma = 10.0 * input[0];
        let dendrite = 10.0 * input.get(1).copied().unwrap_or(0.0) + i;
        let am = 0.32 * (13.1 - vs) / (exp((13.1 - vs) / 4.0) - 1.0);
        let bm = 0.28 * (vs - 40.1) / (exp((vs - 40.1) / 5.0) - 1.0);
        let an = 0.016 * (35.1 - vs) / (exp((35.1 - vs) / 5.0) - 1.0);
        let bn = 0.25 * exp(0.5 - 0.025 * vs);
        let (ah, bh) = (0.128 * exp((17.0 - vs) / 18.0), 4.0 / (1.0 + exp((40.0 - vs) / 5.0)));
        let alpha_s = 1.6 / (1.0 + exp(-0.072 * (vd - 65.0)));
        let beta_s = 0.02 * (vd - 51.1) / (exp((vd - 51.1) / 5.0) - 1.0);
        let (ac, bc) = if vd <= 50.0 {
            let alpha = exp((vd - 10.0) / 11.0 - (vd - 6.5) / 27.0) / 18.975;
            (alpha, 2.0 * exp((6.5 - vd) / 27.0) - alpha)
        } else {
            (2.0 * exp((6.5 - vd) / 27.0), 0.0)
        };
        let (aq, bq) = (f64::min(2e-5 * ca, 0.01), 0.001);
        let m = am / (am + bm);
        let (vna, vca, vk) = (120.0, 140.0, -15.0);
        let calcium = 10.0 * s * s * (vd - vca);
        let potassium = 0.8 * q * (vd - vk) + 15.0 * c * f64::min(ca / 250.0, 1.0) * (vd - vk);
        let (p, gc) = (0.5, 2.1);
        let dvs = -0.1 * vs - 30.0 * m * m * h * (vs - vna) - 15.0 * n * (vs - vk) + gc / p * (vd - vs) + soma / p;
        let dvd = -0.1 * vd - calcium - potassium + gc / (1.0 - p) * (vs - vd) + dendrite / (1.0 - p);
        let gates = [gate(ah, bh, h), gate(an, bn, n), gate(alpha_s, beta_s, s), gate(ac, bc, c), gate(aq, bq, q)];
        let dca = -0.13 * calcium - 0.075 * ca;
        [-i / 5.0, dvs / 3.0, dvd / 3.0, gates[0], gates[1], gates[2], gates[3], gates[4], dca]
    };
    Model::new([0.0, -4.6, -4.5, 0.999, 0.001, 0.009, 0.007, 0.01, 0.2], flow)
        .event(|y, _, w, _| y[0] += 10.0 * w)
        .crossing(|y| y[1] - 40.0)
}

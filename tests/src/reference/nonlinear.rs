//! Models of one or two nonlinear equations with a reset, and those without units.

use super::Model;
use libm::{cos, exp};

/// tau dV/dt = a0 (V - V_rest)(V - V_c) + R I: 10 ms, 0.07/mV, -65 mV, -50 mV, 10 MOhm; 30 to -70 mV.
pub fn quadratic() -> Model<1> {
    Model::new([-65.0], |y, input, _| [(0.07 * (y[0] + 65.0) * (y[0] + 50.0) + 10.0 * input[0]) / 10.0])
        .event(|y, _, w, _| y[0] += w)
        .spike(|y| y[0] - 30.0, |y| y[0] = -70.0)
}

/// Fourcaud-Trocme et al., per area: 1 uF/cm^2, 0.1 mS/cm^2, currents of 10 000 um^2: [I in uA/cm^2, V].
pub fn exponential() -> Model<2> {
    let flow = |y: &[f64; 2], input: &[f64], refractory| {
        let v = y[1].min(-30.0);
        let psi = 0.1 * 3.48 * exp((v + 59.9) / 3.48);
        let dv = -0.1 * (y[1] + 65.0) + psi + y[0] + 10.0 * input[0];
        [-y[0] / 5.0, if refractory { 0.0 } else { dv }]
    };
    let mut model =
        Model::new([0.0, -65.0], flow).event(|y, _, w, _| y[0] += 10.0 * w).spike(|y| y[1] + 30.0, |y| y[1] = -68.0);
    model.refractory = 1.7;
    model
}

/// The parameters of an adaptive exponential neuron in the units of Naud et al.: pF, nS, mV, ms, pA.
#[derive(Clone, Copy, Debug)]
pub struct AdaptiveExponential {
    /// Capacitance
    pub c: f64,
    /// Leak conductance
    pub g: f64,
    /// Leak potential
    pub e: f64,
    /// Threshold of the exponential
    pub v_t: f64,
    /// Its slope factor
    pub delta: f64,
    /// Subthreshold adaptation
    pub a: f64,
    /// Time constant of adaptation
    pub tau_w: f64,
    /// Adaptation of a spike
    pub b: f64,
    /// Reset
    pub v_r: f64,
}

/// Brette and Gerstner, table of parameters.
pub const BRETTE_GERSTNER: AdaptiveExponential = AdaptiveExponential {
    c: 281.0,
    g: 30.0,
    e: -70.6,
    v_t: -50.4,
    delta: 2.0,
    a: 4.0,
    tau_w: 144.0,
    b: 80.5,
    v_r: -70.6,
};

/// C dV/dt = -g (V - E) + g Delta exp((V - V_T)/Delta) - w + I, a spike at 0 mV; pA: [I, V, w], input in nA.
pub fn adaptive_exponential(p: AdaptiveExponential) -> Model<3> {
    let flow = move |y: &[f64; 3], input: &[f64], _| {
        let v = y[1].min(0.0);
        let upstroke = p.g * p.delta * exp((v - p.v_t) / p.delta);
        let dv = (-p.g * (y[1] - p.e) + upstroke - y[2] + y[0] + 1000.0 * input[0]) / p.c;
        [-y[0] / 5.0, dv, (p.a * (v - p.e) - y[2]) / p.tau_w]
    };
    Model::new([0.0, p.e, 0.0], flow).event(|y, _, w, _| y[0] += 1000.0 * w).spike(
        |y| y[1],
        move |y| {
            y[1] = p.v_r;
            y[2] += p.b;
        },
    )
}

/// Izhikevich 2003, equations 1 to 3, from v_0 and u = b v_0: [v, u].
pub fn izhikevich(v_0: f64, d: f64) -> Model<2> {
    let flow = |y: &[f64; 2], input: &[f64], _| {
        [0.04 * y[0] * y[0] + 5.0 * y[0] + 140.0 - y[1] + input[0], 0.02 * (0.2 * y[0] - y[1])]
    };
    Model::new([v_0, 0.2 * v_0], flow)
        .event(|y, _, w, _| y[0] += w)
        .spike(|y| y[0] - 30.0, move |y| *y = [-65.0, y[1] + d])
}

/// Ermentrout and Kopell with a unit of time of 10 ms.
pub fn theta() -> Model<1> {
    Model::new([0.0], |y, input, _| [(1.0 - cos(y[0]) + (1.0 + cos(y[0])) * input[0]) / 10.0])
        .event(|y, _, w, _| y[0] += w)
        .spike(|y| y[0] - std::f64::consts::PI, |y| y[0] -= std::f64::consts::TAU)
}

/// FitzHugh and Nagumo: a 0.7, b 0.8, 1/12.5: [v, w].
pub fn fitzhugh_nagumo() -> Model<2> {
    let flow = |y: &[f64; 2], input: &[f64], _| {
        [y[0] - y[0] * y[0] * y[0] / 3.0 - y[1] + input[0], 0.08 * (y[0] + 0.7 - 0.8 * y[1])]
    };
    Model::new([-1.1994, -0.6243], flow).event(|y, _, w, _| y[0] += w).crossing(|y| y[0] - 1.0)
}

/// Hindmarsh and Rose: a 1, b 3, c 1, d 5, r 0.006, s 4, x_R -1.6: [x, y, z].
pub fn hindmarsh_rose() -> Model<3> {
    let flow = |y: &[f64; 3], input: &[f64], _| {
        let x = y[0];
        [y[1] - x * x * x + 3.0 * x * x - y[2] + input[0], 1.0 - 5.0 * x * x - y[1], 0.006 * (4.0 * (x + 1.6) - y[2])]
    };
    Model::new([-1.6, -11.8, 0.0], flow).event(|y, _, w, _| y[0] += w).crossing(|y| y[0] - 1.0)
}

//! Integrate-and-fire models. Units: ms, mV, nA, MOhm, uS, nF, unless a line says otherwise.

use super::Model;

/// Lapicque: C dV/dt = I, 1 nF, 20 mV.
pub fn perfect() -> Model<1> {
    Model::new([0.0], |_, input, _| [input[0] / 1.0])
        .event(|y, _, w, _| y[0] += w)
        .spike(|y| y[0] - 20.0, |y| y[0] -= 20.0)
}

/// A leaky integrator whose input is shifts of the potential, tau 20 ms.
pub fn leaky_shifted() -> Model<1> {
    Model::new([0.0], |y, _, _| [-y[0] / 20.0]).event(|y, _, w, _| y[0] += w)
}

/// A leaky integrator whose input is a current that lasts one step of the grid, tau 20 ms, R 1 MOhm: [V, I].
pub fn leaky_pulsed() -> Model<2> {
    let mut model = Model::new([0.0, 0.0], |y, _, _| [(y[1] - y[0]) / 20.0, 0.0]).event(|y, _, w, _| y[1] = w);
    model.begin = Box::new(|y| y[1] = 0.0);
    model
}

/// tau dV/dt = -V + R I, 20 ms, 10 MOhm, soft reset at 20 mV, shifts.
pub fn leaky_fire_shifted() -> Model<1> {
    Model::new([0.0], |y, input, _| [(-y[0] + 10.0 * input[0]) / 20.0])
        .event(|y, _, w, _| y[0] += w)
        .spike(|y| y[0] - 20.0, |y| y[0] -= 20.0)
}

/// The same with an exponential current, 5 ms: [I, V].
pub fn leaky_fire() -> Model<2> {
    Model::new([0.0, 0.0], |y, input, _| [-y[0] / 5.0, (-y[1] + 10.0 * (y[0] + input[0])) / 20.0])
        .event(|y, _, w, _| y[0] += w)
        .spike(|y| y[1] - 20.0, |y| y[1] -= 20.0)
}

/// With an alpha function: I(t) = w (t/5) exp(1 - t/5): [I', I, V] with I' = dI/dt + I/5.
pub fn leaky_fire_alpha() -> Model<3> {
    let flow =
        |y: &[f64; 3], input: &[f64], _| [-y[0] / 5.0, y[0] - y[1] / 5.0, (-y[2] + 10.0 * (y[1] + input[0])) / 20.0];
    Model::new([0.0; 3], flow)
        .event(|y, _, w, _| y[0] += w * std::f64::consts::E / 5.0)
        .spike(|y| y[2] - 20.0, |y| y[2] -= 20.0)
}

/// Hard reset to -65 mV, refractory 2 ms, threshold -50 mV: [I, V].
pub fn leaky_refractory() -> Model<2> {
    let flow = |y: &[f64; 2], input: &[f64], refractory| {
        [-y[0] / 5.0, if refractory { 0.0 } else { (-65.0 - y[1] + 10.0 * (y[0] + input[0])) / 20.0 }]
    };
    let mut model =
        Model::new([0.0, -65.0], flow).event(|y, _, w, _| y[0] += w).spike(|y| y[1] + 50.0, |y| y[1] = -65.0);
    model.refractory = 2.0;
    model
}

/// Vogels and Abbott's current-based cell: tau 20, 5, 10 ms; -49, -50, -60 mV; 5 ms: [g_e, g_i, V].
pub fn cuba() -> Model<3> {
    let flow = |y: &[f64; 3], _: &[f64], refractory| {
        let dv = (-49.0 - y[2] + y[0] + y[1]) / 20.0;
        [-y[0] / 5.0, -y[1] / 10.0, if refractory { 0.0 } else { dv }]
    };
    let mut model = Model::new([0.0, 0.0, -60.0], flow)
        .event(|y, port, w, _| y[port] += w)
        .spike(|y| y[2] + 50.0, |y| y[2] = -60.0);
    model.refractory = 5.0;
    model
}

/// Vogels and Abbott's conductance-based cell, in units of the leak (10 nS): [g_e, g_i, V], events in uS.
pub fn coba() -> Model<3> {
    let flow = |y: &[f64; 3], input: &[f64], refractory| {
        let dv = ((-60.0 - y[2]) + y[0] * (0.0 - y[2]) + y[1] * (-80.0 - y[2]) + input[0] / 0.010) / 20.0;
        [-y[0] / 5.0, -y[1] / 10.0, if refractory { 0.0 } else { dv }]
    };
    let mut model = Model::new([0.0, 0.0, -60.0], flow)
        .event(|y, port, w, _| y[port] += w / 0.010)
        .spike(|y| y[2] + 50.0, |y| y[2] = -60.0);
    model.refractory = 5.0;
    model
}

/// Alpha conductances as the second derivative g'' = -2 g'/tau - g/tau^2, nS and pF: [g_e, g_e', g_i, g_i', V], events in uS.
pub fn conductance_alpha() -> Model<5> {
    let flow = |y: &[f64; 5], input: &[f64], refractory| {
        let current = 16.6667 * (-70.0 - y[4]) + y[0] * -y[4] + y[2] * (-85.0 - y[4]) + 1000.0 * input[0];
        let curve = |g: f64, slope: f64, tau: f64| -2.0 * slope / tau - g / (tau * tau);
        let dv = if refractory { 0.0 } else { current / 250.0 };
        [y[1], curve(y[0], y[1], 2.0), y[3], curve(y[2], y[3], 5.0), dv]
    };
    let mut model = Model::new([0.0, 0.0, 0.0, 0.0, -70.0], flow)
        .event(|y, port, w, _| y[2 * port + 1] += 1000.0 * w * std::f64::consts::E / [2.0, 5.0][port])
        .spike(|y| y[4] + 55.0, |y| y[4] = -60.0);
    model.refractory = 2.0;
    model
}

/// The adaptive cell of Bellec et al.: threshold 20 mV + b, db/dt = -b/200 ms, 4 mV a spike, soft reset: [I, V, b].
pub fn lsnn() -> Model<3> {
    let flow = |y: &[f64; 3], input: &[f64], _| [-y[0] / 5.0, (-y[1] + 10.0 * (y[0] + input[0])) / 20.0, -y[2] / 200.0];
    Model::new([0.0; 3], flow).event(|y, _, w, _| y[0] += w).spike(
        |y| y[1] - 20.0 - y[2],
        |y| {
            y[1] -= 20.0 + y[2];
            y[2] += 4.0;
        },
    )
}

/// Geisler and Goldberg's threshold, 3 mV a spike, 100 ms: [I, V, theta].
pub fn moving_threshold() -> Model<3> {
    let flow = |y: &[f64; 3], input: &[f64], refractory| {
        let dv = (-65.0 - y[1] + 10.0 * (y[0] + input[0])) / 20.0;
        [-y[0] / 5.0, if refractory { 0.0 } else { dv }, -(y[2] + 50.0) / 100.0]
    };
    let mut model = Model::new([0.0, -65.0, -50.0], flow).event(|y, _, w, _| y[0] += w).spike(
        |y| y[1] - y[2],
        |y| {
            y[1] = -65.0;
            y[2] += 3.0;
        },
    );
    model.refractory = 2.0;
    model
}

/// The working-memory neuron without units; tau 20, 100, 10 and `tau_2` ms, A1 0, A2 -0.6: [x, I1, I2, V].
pub fn working_memory(tau_2: f64, a_1: f64, a_2: f64) -> Model<4> {
    let flow = move |y: &[f64; 4], _: &[f64], _| {
        [-y[0] / 100.0, -y[1] / 10.0, -y[2] / tau_2, (-y[3] + y[0] + y[1] + y[2]) / 20.0]
    };
    Model::new([0.0; 4], flow).event(|y, _, w, _| y[0] += w).spike(
        |y| y[3] - 1.0,
        move |y| {
            y[3] -= 1.0;
            y[1] = a_1;
            y[2] += a_2;
        },
    )
}

/// Mihalas and Niebur, equations 2.1 and 2.2, in V and s as in table 1 of the paper: a (1/s), A1/C and A2/C (V/s).
/// States in mV and V/s: [V, Theta, I1, I2].
pub fn mihalas_niebur(a: f64, a_1: f64, a_2: f64) -> Model<4> {
    let flow = move |y: &[f64; 4], input: &[f64], _| {
        let per_ms = 1e-3;
        [
            input[0] + y[2] + y[3] - 50.0 * per_ms * (y[0] + 70.0),
            per_ms * (a * (y[0] + 70.0) - 10.0 * (y[1] + 50.0)),
            -200.0 * per_ms * y[2],
            -20.0 * per_ms * y[3],
        ]
    };
    Model::new([-70.0, -50.0, 0.01, 0.001], flow)
        .event(|y, _, w, _| y[0] += w)
        .spike(|y| y[0] - y[1], move |y| *y = [-70.0, y[1].max(-60.0), a_1, y[3] + a_2])
}

/// Teeter et al.: which mechanisms a GLIF model has.
#[derive(Clone, Copy, Debug)]
pub struct Glif {
    /// Reset rules and a threshold that spikes raise: levels 2, 4, 5.
    pub rules: bool,
    /// Currents after spikes: levels 3, 4, 5.
    pub currents: bool,
    /// A threshold that follows the potential: level 5.
    pub follows: bool,
}

/// The GLIF models in pA, pF, nS and mV: [synapse, V, theta_s, I1, I2, theta_v]. Time is cut out for 3.75 ms after
/// a spike, and what decays meanwhile is multiplied by its decay.
pub fn glif(level: Glif) -> Model<6> {
    let (rest, threshold, cut) = (-78.85, -51.68, 3.75);
    let flow = move |y: &[f64; 6], input: &[f64], refractory| {
        let synapse = -y[0] / 2.0;
        if refractory {
            return [synapse, 0.0, 0.0, 0.0, 0.0, 0.0];
        }
        let above = y[1] - rest;
        let dv = (1000.0 * input[0] + y[0] + y[3] + y[4] - 9.43 * above) / 58.72;
        let dtheta = if level.follows { 0.005 * above - 0.09 * y[5] } else { 0.0 };
        [synapse, dv, -0.009 * y[2], -0.003 * y[3], -0.1 * y[4], dtheta]
    };
    let mut model = Model::new([0.0, rest, 0.0, 0.0, 0.0, 0.0], flow).event(|y, _, w, _| y[0] += 1000.0 * w).spike(
        move |y| y[1] - threshold - y[2] - y[5],
        move |y| {
            y[1] = rest + if level.rules { 0.2 * (y[1] - rest) + 18.51 } else { 0.0 };
            if level.rules {
                y[2] = y[2] * libm::exp(-0.009 * cut) + 0.37;
            }
            if level.currents {
                y[3] = y[3] * libm::exp(-0.003 * cut) - 9.18;
                y[4] = y[4] * libm::exp(-0.1 * cut) - 198.94;
            }
        },
    );
    model.refractory = cut;
    model
}

/// Kobayashi, Tsubo and Shinomoto: theta(t) = -51 mV + sum of 37 exp(-s/10) + 2 exp(-s/200), tau 5 ms, 50 MOhm, rest -70 mV:
/// [I, V, theta 1, theta 2].
pub fn mat() -> Model<4> {
    let flow = |y: &[f64; 4], input: &[f64], _| {
        [-y[0] / 2.0, (-70.0 - y[1] + 50.0 * (y[0] + input[0])) / 5.0, -y[2] / 10.0, -y[3] / 200.0]
    };
    let mut model = Model::new([0.0, -70.0, 0.0, 0.0], flow).event(|y, _, w, _| y[0] += w).spike(
        |y| y[1] + 51.0 - y[2] - y[3],
        |y| {
            y[2] += 37.0;
            y[3] += 2.0;
        },
    );
    model.refractory = 2.0;
    model
}

/// The simplified spike response model, above rest, tau 10, 3 and 20 ms, 10 MOhm, threshold 15 mV: [I, h, eta].
pub fn srm() -> Model<3> {
    let flow = |y: &[f64; 3], input: &[f64], refractory| {
        [-y[0] / 3.0, (-y[1] + 10.0 * (y[0] + input[0])) / 10.0, if refractory { 0.0 } else { -y[2] / 20.0 }]
    };
    let mut model =
        Model::new([0.0; 3], flow).event(|y, _, w, _| y[0] += w).spike(|y| y[1] + y[2] - 15.0, |y| y[2] = -20.0);
    model.refractory = 2.0;
    model
}

/// Izhikevich's resonator: dz/dt = (-0.05 + 2 pi i/10) z + I per ms: [x, y].
pub fn resonator() -> Model<2> {
    let omega = std::f64::consts::TAU / 10.0;
    let flow =
        move |y: &[f64; 2], input: &[f64], _| [-0.05 * y[0] - omega * y[1] + input[0], omega * y[0] - 0.05 * y[1]];
    Model::new([0.0; 2], flow).event(|y, _, w, _| y[0] += w).spike(|y| y[1] - 1.0, |y| *y = [0.0; 2])
}

//! The synapses of the library at a passive membrane: against a Runge–Kutta integration of the same equations written here.

use super::rig::{model, worse};
use super::{Case, Group};
use crate::trains::Random;
use snn_dsl::model::Integration;
use snn_dsl::simulate::{Input, NetworkProtocol, run_network};
use snn_runtime::math::{exp, ln};
use std::collections::BTreeMap;

pub(super) const GROUP: Group = Group {
    title: "Synapses",
    text: "Each synapse whose weight stays as it is drives a passive membrane of 20 ms; all get the same random spikes for 100 ms.\n\
           Expected is the potential by Runge–Kutta steps of 1/16 of 0.1 ms of the equations written out in the test, with\n\
           conductances as sums over spikes in closed form, and short-term plasticity from spike to spike. Where convergence is of\n\
           first order, the values at dt = 0.02 and 0.01 ms are extrapolated: by exponential Euler; and by any method where what is\n\
           sent in every step is constant during it, the gates of `NMDA_saturating` and the potentials at a gap junction.",
    cases,
};

/// The grid on which potentials are compared, and the length of a run, in ms.
const SLOT: f64 = 0.1;
const SLOTS: usize = 1000;

/// Spikes on a grid of half a millisecond.
fn spikes() -> Vec<f64> {
    let mut random = Random(12);
    (0..200).filter(|_| random.unit() < 0.06).map(|k| 0.5 * f64::from(k)).collect()
}

/// The potential of every layer at the ends of slots.
fn traces(method: Integration, dt: f64) -> BTreeMap<String, Vec<f64>> {
    let mut model = model("synapses.snn");
    model.neurons.iter_mut().for_each(|neuron| neuron.integration = method);
    let Some(network) = model.networks.first() else { return BTreeMap::new() };
    let layers: Vec<String> =
        network.layers.iter().map(|l| l.name.clone()).filter(|name| !name.ends_with("_pre")).collect();
    let protocol = NetworkProtocol {
        dt: Some(dt),
        inputs: vec![("x".into(), String::new(), Input::Spikes { times: spikes(), weight: 1.0 })],
        record: layers.iter().map(|layer| (layer.clone(), "V".into())).collect(),
        ..NetworkProtocol::default()
    };
    let recording = run_network::<f64>(&model, network, &protocol, |_, _| Ok(())).unwrap_or_else(|e| panic!("{e}"));
    let every = (SLOT / dt).round() as usize;
    let trace = |layer: &str| -> Option<Vec<f64>> {
        // The first value is that before the first step.
        Some(recording.layer(layer)?.trace("V")?.of(0).step_by(every).skip(1).collect())
    };
    layers.into_iter().filter_map(|layer| Some((layer.clone(), trace(&layer)?))).collect()
}

/// The first state at the ends of slots by the classical Runge–Kutta method; `flow` is told which spikes have arrived at the beginning of a step.
fn by_hand<const N: usize>(start: [f64; N], flow: impl Fn([f64; N], f64, &[f64]) -> [f64; N]) -> Vec<f64> {
    const FINE: usize = 16;
    let (spikes, h) = (spikes(), SLOT / FINE as f64);
    let mut x = start;
    let slot = |k: usize| {
        for i in 0..FINE {
            let t = SLOT * k as f64 + h * i as f64;
            let arrived = &spikes[..spikes.partition_point(|&s| s < t + 1e-9)];
            let at = |k: [f64; N], h: f64| std::array::from_fn(|i| x[i] + h * k[i]);
            let k1 = flow(x, t, arrived);
            let k2 = flow(at(k1, h / 2.0), t + h / 2.0, arrived);
            let k3 = flow(at(k2, h / 2.0), t + h / 2.0, arrived);
            let k4 = flow(at(k3, h), t + h, arrived);
            x = std::array::from_fn(|i| x[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
        }
        x[0]
    };
    (0..SLOTS).map(slot).collect()
}

/// dV/dt of the membrane.
fn membrane(v: f64, current: f64) -> f64 {
    (0.01 * (-65.0 - v) + current) / 0.2
}

/// The sum of what each spike left behind.
fn sum(t: f64, arrived: &[f64], shape: impl Fn(f64) -> f64) -> f64 {
    arrived.iter().map(|&s| shape(t - s)).sum()
}

fn exponential(t: f64) -> f64 {
    exp(-t / 5.0)
}

fn alpha(t: f64) -> f64 {
    t / 5.0 * exp(1.0 - t / 5.0)
}

/// The difference of two exponentials with a peak of 1.
fn dual(t: f64, rise: f64, decay: f64) -> f64 {
    let difference = |t: f64| exp(-t / decay) - exp(-t / rise);
    difference(t) / difference(rise * decay / (decay - rise) * ln(decay / rise))
}

/// The part of NMDA channels that magnesium leaves open (Jahr and Stevens 1990).
fn open(v: f64) -> f64 {
    1.0 / (1.0 + exp(-0.062 * v) / 3.57)
}

/// A current in closed form.
fn current(shape: impl Fn(f64) -> f64) -> Vec<f64> {
    by_hand([-65.0], |[v], t, arrived| [membrane(v, 0.1 * sum(t, arrived, &shape))])
}

/// A conductance in closed form.
fn conductance(weight: f64, reversal: f64, shape: impl Fn(f64) -> f64) -> Vec<f64> {
    by_hand([-65.0], |[v], t, arrived| [membrane(v, weight * sum(t, arrived, &shape) * (reversal - v))])
}

/// Short-term plasticity from spike to spike (Tsodyks, Pawelzik and Markram 1998): what each spike brings is the product of the
/// utilisation after it and the resources before it.
fn plastic(capital: f64, recovery: f64, facilitation: f64) -> Vec<f64> {
    let spikes = spikes();
    let (mut u, mut x, mut before) = (0.0, 1.0, 0.0);
    let mut used = Vec::new();
    for &s in &spikes {
        u *= exp(-(s - before) / facilitation);
        x = 1.0 - (1.0 - x) * exp(-(s - before) / recovery);
        u += capital * (1.0 - u);
        used.push(u * x);
        x *= 1.0 - u;
        before = s;
    }
    by_hand([-65.0], |[v], t, arrived| {
        let current: f64 = arrived.iter().zip(&used).map(|(&s, used)| 0.8 * used * exp(-(t - s) / 3.0)).sum();
        [membrane(v, current)]
    })
}

fn nmda() -> Vec<f64> {
    by_hand([-65.0], |[v], t, arrived| {
        let g = 0.01 * sum(t, arrived, |t| dual(t, 2.0, 100.0));
        [membrane(v, g * (0.0 - v) * open(v))]
    })
}

fn saturating() -> Vec<f64> {
    by_hand([-65.0, 0.0], |[v, s], t, arrived| {
        let x = sum(t, arrived, |t| exp(-t / 2.0));
        [membrane(v, 0.05 * s * (0.0 - v) * open(v)), -s / 100.0 + 0.5 * x * (1.0 - s)]
    })
}

/// Two membranes, of which the first gets a current; `side` is the one that is looked at.
fn junction(side: usize) -> Vec<f64> {
    by_hand([-65.0; 2], |[here, there], t, arrived| {
        let current = |driven: bool| if driven { 0.1 * sum(t, arrived, exponential) } else { 0.0 };
        let flow = 0.01 * (there - here);
        [membrane(here, current(side == 0) + flow), membrane(there, current(side == 1) - flow)]
    })
}

fn error(found: Option<&Vec<f64>>, expected: &[f64]) -> f64 {
    match found {
        Some(found) if found.len() == expected.len() => {
            found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, worse)
        }
        _ => f64::NAN,
    }
}

/// What two runs of a method of first order tend to, from dt = 0.02 and 0.01 ms.
fn extrapolated(coarse: Option<&Vec<f64>>, fine: Option<&Vec<f64>>) -> Option<Vec<f64>> {
    let (coarse, fine) = coarse.zip(fine)?;
    Some(fine.iter().zip(coarse).map(|(fine, coarse)| 2.0 * fine - coarse).collect())
}

fn cases() -> Vec<Case> {
    use Integration::{Auto, ExponentialMidpoint, RungeKutta4};
    const SOURCE: &str = "Runge–Kutta by hand";
    let mut cases = Vec::new();
    let mut push = |name: String, error, tolerance| {
        cases.push(Case::error(name, SOURCE, "the same potential", error, tolerance));
    };
    // Currents make the whole linear, so it is exact.
    let auto = traces(Auto, SLOT);
    for (layer, name, expected) in [
        ("exponential", "Exponential", current(exponential)),
        ("alpha", "Alpha", current(alpha)),
        ("dual", "DualExponential", current(|t| dual(t, 1.0, 5.0))),
        ("plastic", "TsodyksMarkram(U = 0.5, tau_rec = 800 ms, tau_facil = 50 ms)", plastic(0.5, 800.0, 50.0)),
        ("facilitating", "TsodyksMarkram(U = 0.1, tau_rec = 50 ms, tau_facil = 500 ms)", plastic(0.1, 50.0, 500.0)),
    ] {
        push(format!("`{name}`: V in mV, auto, dt = 0.1 ms"), error(auto.get(layer), &expected), 1e-9);
    }
    let (auto_coarse, auto_fine) = (traces(Auto, 0.02), traces(Auto, 0.01));
    let (midpoint, rk4) = (traces(ExponentialMidpoint, 0.01), traces(RungeKutta4, SLOT));
    for (layer, name, expected) in [
        ("exponential_cond", "ExponentialConductance", conductance(0.005, 0.0, exponential)),
        ("alpha_cond", "AlphaConductance", conductance(0.005, 0.0, alpha)),
        ("dual_cond", "DualExponentialConductance", conductance(0.01, -80.0, |t| dual(t, 1.0, 5.0))),
        ("nmda", "NMDA", nmda()),
    ] {
        let limit = extrapolated(auto_coarse.get(layer), auto_fine.get(layer));
        push(format!("`{name}`: V in mV, auto, extrapolated to dt = 0"), error(limit.as_ref(), &expected), 1e-4);
        let name = format!("`{name}`: V in mV, ");
        push(format!("{name}exponential_midpoint, dt = 0.01 ms"), error(midpoint.get(layer), &expected), 1e-4);
        push(format!("{name}rk4, dt = 0.1 ms"), error(rk4.get(layer), &expected), 1e-6);
    }
    let (coarse, fine) = (traces(RungeKutta4, 0.02), traces(RungeKutta4, 0.01));
    for (layer, name, expected) in [
        ("saturating", "`NMDA_saturating`", saturating()),
        ("left", "`GapJunction`, the side with a current", junction(0)),
        ("right", "`GapJunction`, the other side", junction(1)),
    ] {
        let (coarse, fine) = (coarse.get(layer), fine.get(layer));
        let limit = error(extrapolated(coarse, fine).as_ref(), &expected);
        cases.push(Case::error(
            format!("{name}: V in mV, rk4, extrapolated to dt = 0"),
            SOURCE,
            "the same potential",
            limit,
            1e-4,
        ));
        let ratio = error(coarse, &expected) / error(fine, &expected);
        let name = format!("{name}: error at dt = 0.02 ms over that at 0.01 ms");
        cases.push(Case::number(name, "first order", (2.0, ratio), 0.02, (2, "")));
    }
    cases
}

//! The lecture's discrete LIF against a loop written by hand: I <- aI I + W s; V <- aV V + (1 - aV)(V_rest + R I); soft reset.

use snn_dsl::interpret::Interpreted;
use snn_runtime::cells::Cells;
use snn_runtime::{Compiled, Neuron};
use snn_tests::library_neuron;
use snn_tests::trains::Random;
use std::sync::Arc;

snn_macros::snn_model! {
    network Uses {
        simulate dt = 1 ms, for 10 ms
        input x[1] spikes
        layer cells[1] = LIF
        x -> cells.exc : dense
    }
}

const STEPS: usize = 1000;
const DT: f64 = 1.0;
const TAU: f64 = 20.0;
const TAU_SYN: f64 = 5.0;
const R: f64 = 10.0;
const V_REST: f64 = 0.0;
const V_TH: f64 = 20.0;

/// The summed weights of each step: currents strong enough for a spike every few steps.
fn events() -> Vec<f64> {
    let mut random = Random(3);
    (0..STEPS).map(|_| if random.unit() < 0.3 { random.between(-1.0, 6.0) } else { 0.0 }).collect()
}

fn cells(neuron: Arc<dyn Neuron<f64>>) -> (Cells<f64>, Vec<f64>) {
    let layout = neuron.layout();
    let theta: Vec<f64> = layout.parameters.iter().map(|p| p.transform.store(TAU)).collect();
    let mut coefficients = vec![0.0; layout.coefficients];
    neuron.coefficients(DT, &theta, &mut coefficients);
    let columns: Vec<&[f64]> = theta.iter().map(std::slice::from_ref).collect();
    (Cells::new(neuron, 1, DT, &columns).unwrap(), coefficients)
}

/// Runs both and returns the largest differences of I and V, and the number of spikes of the loop.
fn compare(neuron: Arc<dyn Neuron<f64>>, mut by_hand: impl FnMut(f64) -> (f64, f64, bool)) -> (f64, f64, usize) {
    let (mut cells, _) = cells(neuron);
    let (mut worst_i, mut worst_v, mut count) = (0.0_f64, 0.0_f64, 0);
    for (step, exc) in events().into_iter().enumerate() {
        let fired = cells.step(&[exc], &[0.0]).unwrap()[0] != 0.0;
        let (i, v, fires) = by_hand(exc);
        assert_eq!(fired, fires, "step {step}");
        count += usize::from(fires);
        worst_i = worst_i.max((cells.state("I").unwrap()[0] - i).abs());
        worst_v = worst_v.max((cells.state("V").unwrap()[0] - v).abs());
    }
    (worst_i, worst_v, count)
}

fn both_forms() -> [Arc<dyn Neuron<f64>>; 2] {
    [Arc::new(Interpreted::new(&library_neuron("LIF"), &[])), Arc::new(Compiled::new(LIF::default()))]
}

#[test]
fn equal_bits_with_the_coefficients_that_explain_prints() {
    let interpreted = Interpreted::new(&library_neuron("LIF"), &[]);
    let names: Vec<String> = interpreted.derived().coefficients.iter().map(|c| c.name.clone()).collect();
    for neuron in both_forms() {
        let (_, coefficients) = cells(neuron.clone());
        let of = |name: &str| coefficients[names.iter().position(|n| n == name).unwrap()];
        let (decay_i, decay_v, gain_v) = (of("decay_I"), of("decay_V"), of("gain_V"));
        let (v_rest, r, v_th) = (of("V_rest"), of("R"), of("V_th"));
        let (mut i, mut v) = (0.0, v_rest);
        let (worst_i, worst_v, spikes) = compare(neuron, |exc| {
            let current = i + exc;
            i = decay_i * current;
            v = decay_v * v + gain_v * (v_rest + r * current);
            let fires = v >= v_th;
            if fires {
                v -= v_th - v_rest;
            }
            (i, v, fires)
        });
        assert!(spikes > 50, "{spikes} spikes");
        assert_eq!((worst_i, worst_v), (0.0, 0.0));
    }
}

#[test]
fn the_textbook_form_to_thirteen_digits() {
    for neuron in both_forms() {
        let (a_i, a_v) = (libm::exp(-DT / TAU_SYN), libm::exp(-DT / TAU));
        // The textbook's I is ours after the events of the step, before it decays.
        let (mut i, mut v) = (0.0, V_REST);
        let (worst_i, worst_v, spikes) = compare(neuron, |exc| {
            i += exc;
            v = a_v * v + (1.0 - a_v) * (V_REST + R * i);
            i *= a_i;
            let fires = v >= V_TH;
            if fires {
                v -= V_TH - V_REST;
            }
            (i, v, fires)
        });
        assert!(spikes > 50, "{spikes} spikes");
        assert!(worst_i <= 1e-13 * 10.0 && worst_v <= 1e-13 * V_TH, "I off by {worst_i:e}, V by {worst_v:e}");
    }
}

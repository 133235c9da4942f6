//! The semantics of a step, in cases small enough to follow by hand.

use super::rig::{cells, neuron, state, step};
use super::{Case, Group};
use snn_runtime::math;

pub(super) const GROUP: Group = Group {
    title: "Semantics of a step",
    text: "Events, then integration, then the threshold on the new state, then the reset; dt = 1 ms unless it says otherwise.",
    cases,
};

const SOURCE: &str = "language";

fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::equal("`EventsFirst`: an event of 3 decays in its own step", SOURCE, 3.0 * math::exp(-0.125), {
            let mut one = cells::<f64>(&neuron("steps.snn", "EventsFirst"), 1, 1.0, &[]);
            step(&mut one, &[3.0], &[]);
            state(&one, "V")
        }),
        Case::equal("`EventsInOrder`: V, w after events 1 and 8", SOURCE, "16 9", {
            let mut one = cells::<f64>(&neuron("steps.snn", "EventsInOrder"), 1, 1.0, &[]);
            step(&mut one, &[1.0, 8.0], &[]);
            format!("{} {}", state(&one, "V"), state(&one, "w"))
        }),
        Case::equal("`AtThreshold`: a spike exactly at the threshold", SOURCE, "4 8 12", spikes("AtThreshold", 12)),
        Case::equal("`AboveThreshold`: none with `>`", SOURCE, "5 10", spikes("AboveThreshold", 12)),
        Case::equal("`ResetInOrder`: V, before, after at the second step", SOURCE, "0.5 1.5 0.5", {
            let mut one = cells::<f64>(&neuron("steps.snn", "ResetInOrder"), 1, 1.0, &[]);
            step(&mut one, &[], &[]);
            step(&mut one, &[], &[]);
            format!("{} {} {}", state(&one, "V"), state(&one, "before"), state(&one, "after"))
        }),
    ];
    for (t_ref, dt, steps) in
        [(2.0, 1.0, 2), (2.0, 0.75, 3), (1.0, 0.4, 3), (0.3, 0.1, 3), (0.1, 1.0, 1), (2.0, 0.1, 20)]
    {
        let name = format!("`Refractory`: steps held, {t_ref} ms at dt = {dt} ms");
        cases.push(Case::equal(name, "round(T/dt), at least 1", steps, held(t_ref, dt)));
    }
    // With the event of step 2 it fires there; that of step 3 comes while V is held.
    let events = [(2, 0.5), (3, 5.0)];
    for (name, what, which, expected) in [
        ("Held", "V is constant in steps 3 and 4, its event is dropped", "V", "0.25 0 0 0 0.25 0.5 0.75 0"),
        ("Held", "u goes on and takes the event", "u", "1 2.5 8.5 9.5 10.5 11.5 12.5 13.5"),
        ("HeldEventsKept", "the event arrives, no threshold is tested before step 5", "V", "0.25 0 5 5 0 0 0 0.25"),
    ] {
        cases.push(Case::equal(format!("`{name}`: {what}"), SOURCE, expected, trace(name, which, &events)));
    }
    cases
}

/// The steps with a spike.
fn spikes(name: &str, steps: usize) -> String {
    let mut one = cells::<f64>(&neuron("steps.snn", name), 1, 1.0, &[]);
    let fired: Vec<String> = (1..=steps).filter(|_| step(&mut one, &[], &[])).map(|k| k.to_string()).collect();
    fired.join(" ")
}

/// The number of steps between two spikes of a neuron that fires whenever it may.
fn held(t_ref: f64, dt: f64) -> usize {
    let mut one = cells::<f64>(&neuron("steps.snn", "Refractory"), 1, dt, &[("t_ref", t_ref)]);
    assert!(step(&mut one, &[], &[]));
    (0..1000).take_while(|_| !step(&mut one, &[], &[])).count()
}

/// A state after each of some steps, `events` by the number of their step.
fn trace(name: &str, which: &str, events: &[(usize, f64)]) -> String {
    let mut one = cells::<f64>(&neuron("steps.snn", name), 1, 1.0, &[]);
    let values: Vec<String> = (1..=8)
        .map(|k| {
            let event = events.iter().find(|e| e.0 == k).map_or(0.0, |e| e.1);
            step(&mut one, &[event], &[]);
            state(&one, which).to_string()
        })
        .collect();
    values.join(" ")
}

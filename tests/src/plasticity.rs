//! A target that spikes when it is told to, at the end of connections that change by a rule of their own.

use snn_dsl::model::Model;
use snn_runtime::{Batch, InputData, Network, Recording, SpikeTrain};

/// The step in ms.
pub const DT: f64 = 0.1;
/// The length of a run in steps.
pub const STEPS: usize = 2000;
/// How many sources there are.
pub const SOURCES: usize = 41;

/// Sources with spikes of their own, and one target that spikes when it is told to.
///
/// # Panics
/// If there is no such synapse.
pub fn pairs(synapse: &str) -> Model {
    crate::model(&format!(
        "neuron Told {{
            event go
            event reward
            drive I : nA
            state V
            state D
            on go {{ V += go }}
            on reward {{ D += reward }}
            1 ms dV/dt = -V + 0/nA*I
            200 ms dD/dt = -D
            spike when V >= 0.5 surrogate sigmoid {{ V = 0 }}
        }}
        network Pairs {{
            simulate dt = {DT} ms, for {} ms
            input a[{SOURCES}] spikes
            input go[1] spikes
            input reward[1] spikes
            layer post[1] = Told
            a -> post.I : dense, {synapse}, init constant(0.5 nA)
            go -> post.go : dense, init constant(1)
            reward -> post.reward : dense, init constant(1)
        }}",
        DT * STEPS as f64
    ))
}

/// The spikes (step, neuron) of a run.
pub fn train(events: &[(u32, u32)]) -> SpikeTrain {
    let mut train = SpikeTrain::new();
    train.fill_from_events(STEPS, events);
    train
}

/// The weights at the end, in windows of so many steps. The trains are those of the sources, of the target, and of rewards.
///
/// # Panics
/// If the network cannot be run.
pub fn weights(network: &Network<f64>, trains: &[SpikeTrain; 3]) -> Vec<f64> {
    let parameters = network.initial_parameters(0);
    let mut session = network.session(&parameters).expect("the network can be run");
    let steps = network.simulation().steps;
    for start in (0..STEPS).step_by(steps) {
        let parts: Vec<SpikeTrain> = trains
            .iter()
            .map(|train| {
                let mut part = SpikeTrain::new();
                for t in start..start + steps {
                    train.step(t).iter().for_each(|&i| part.push(i));
                    part.end_step();
                }
                part
            })
            .collect();
        let inputs = parts.iter().map(|t| InputData::Spikes(std::slice::from_ref(t))).collect();
        session.run(&Batch { size: 1, inputs, targets: Vec::new() }, &Recording::none()).expect("it runs");
    }
    let weights = session.carry().connections(0, 0).expect("the first projection has weights that change");
    weights.iter().copied().take(SOURCES).collect()
}

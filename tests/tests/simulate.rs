//! `snn_dsl::simulate` has the bits of generated code: populations of more than one block, stored and per-neuron
//! parameters, refractory periods, random input.

use snn_dsl::simulate::{Input, Protocol, run};
use snn_runtime::initialise::parameter_start;
use snn_runtime::random::{Purpose, Stream};
use snn_runtime::{Cells, Compiled, Kernel, Neuron, Real};
use snn_tests::library_neuron;
use std::sync::Arc;

snn_macros::snn_model! {
    network Uses {
        simulate dt = 1 ms, for 10 ms
        input x[1] spikes
        layer a[1] = LIF_refractory
        layer b[1] = GIF
        layer c[1] = LIF_conductance
        layer d[1] = MihalasNiebur
        x -> a.exc : dense
        x -> b.exc : dense
        x -> c.exc : dense
        x -> d.exc : dense
    }
}

/// Two full blocks and a part of a third.
const N: usize = 300;
const STEPS: usize = 400;
const DT: f64 = 0.5;
const SEED: u64 = 11;
const RATE: f64 = 0.4;

fn same<R: Real>(name: &str, kernel: impl Kernel + 'static, weight: f64) {
    let protocol = Protocol {
        dt: DT,
        duration: STEPS as f64 * DT,
        n: N,
        seed: SEED,
        inputs: vec![("exc".into(), Input::Poisson { rate: RATE, weight })],
        ..Protocol::default()
    };
    let recording = run::<R>(&library_neuron(name), &protocol).unwrap();
    assert!(recording.spikes.len() > 300, "{name}: {} spikes prove little", recording.spikes.len());

    let neuron: Arc<dyn Neuron<R>> = Arc::new(Compiled::new(kernel));
    let layout = neuron.layout().clone();
    let stored: Vec<Vec<f64>> = layout
        .parameters
        .iter()
        .enumerate()
        .map(|(tensor, parameter)| {
            let mut values = vec![R::ZERO; if parameter.per_neuron { N } else { 1 }];
            parameter_start(parameter, &mut values, SEED, tensor as u64);
            values.into_iter().map(R::to_f64).collect()
        })
        .collect();
    let columns: Vec<&[f64]> = stored.iter().map(Vec::as_slice).collect();
    let mut cells = Cells::new(neuron, N, DT, &columns).unwrap();
    let stream = Stream::new(SEED, Purpose::Encoding, 0);
    let port = layout.events.iter().position(|e| e.name == "exc").unwrap();
    let mut events = vec![R::ZERO; layout.events.len() * N];
    let drives = vec![R::ZERO; layout.drives.len() * N];
    let mut spikes = recording.spikes.iter().peekable();
    for step in 0..STEPS {
        for (i, value) in events[port * N..][..N].iter_mut().enumerate() {
            // A Poisson number with the mean RATE dt: few are above 3.
            let draw = stream.uniform_pair(step as u32, i as u32 / 2)[i % 2];
            let none = snn_runtime::math::exp(-RATE * DT);
            let (mut count, mut probability, mut below) = (0.0, none, none);
            while draw >= below {
                count += 1.0;
                probability *= RATE * DT / count;
                below += probability;
            }
            *value = R::from_f64(weight) * R::from_f64(count);
        }
        let fired = cells.step(&events, &drives).unwrap();
        for (i, &fires) in fired.iter().enumerate() {
            let expected = spikes.next_if(|s| (s.step as usize, s.neuron as usize) == (step, i)).is_some();
            assert_eq!(fires != R::ZERO, expected, "{name}: neuron {i} in step {step}");
        }
        for state in &layout.states {
            let trace = recording.trace(&state.name).unwrap();
            let bits = |values: &[R]| values.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>();
            let recorded = &trace.values[(step + 1) * N..][..N];
            assert_eq!(
                bits(recorded),
                bits(cells.state(&state.name).unwrap()),
                "{name}: {} in step {step}",
                state.name
            );
        }
    }
}

#[test]
fn simulated_neurons_have_the_bits_of_generated_code() {
    same::<f64>("LIF_refractory", LIF_refractory::default(), 1.2);
    same::<f32>("LIF_refractory", LIF_refractory::default(), 1.2);
    same::<f64>("GIF", GIF::default(), 0.05);
    same::<f32>("GIF", GIF::default(), 0.05);
    same::<f64>("LIF_conductance", LIF_conductance::default(), 0.01);
    same::<f64>("MihalasNiebur", MihalasNiebur::default(), 4.0);
}

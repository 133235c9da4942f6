//! Generated code equals the interpreter bit for bit in f64, forwards and backwards, and in f32.

use snn_dsl::model::Model;
use snn_runtime::neuron::Mode;
use snn_runtime::{Graph, InputData, Network, Real, Recording, SpikeTrain};
use snn_tests::probe;
use snn_tests::trains::trains;

mod probes {
    snn_macros::snn_model!("models/probes.snn");
}
mod two_layers {
    snn_macros::snn_model!("models/two_layers.snn");
}

mod losses {
    snn_macros::snn_model!("models/losses.snn");
}
mod integration {
    snn_macros::snn_model!("models/integration.snn");
}
mod connectivity {
    snn_macros::snn_model!("models/connectivity.snn");
}
mod synapses {
    snn_macros::snn_model!("models/synapses.snn");
}
mod hostile_names {
    snn_macros::snn_model!("models/hostile_names.snn");
}

fn same<R: Real>(model: &Model, name: &str, generated: Graph<R>) -> u64 {
    let description = model.networks.iter().find(|n| n.name == name).unwrap();
    let interpreted = Network::new(snn_dsl::interpret::graph::<R>(model, description)).unwrap();
    let generated = Network::new(generated).unwrap();
    assert_eq!(interpreted.layout(), generated.layout(), "{name}");
    assert_eq!(interpreted.graph().hash, generated.graph().hash, "{name}");
    let parameters = interpreted.initial_parameters(5);
    assert_eq!(parameters, generated.initial_parameters(5), "{name}");
    let inputs = probe::inputs(&interpreted, 5, 0.2, 9);
    let run = |network: &Network<R>| probe::bits(network, &parameters, &inputs, Mode::Spiking).unwrap();
    let (a, b) = (run(&interpreted), run(&generated));
    assert_eq!(a.len(), b.len(), "{name}");
    let different = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    assert_eq!(different, 0, "{name}: {different} of {} numbers differ", a.len());
    // The number of spikes stands at the end.
    a.last().copied().unwrap_or(0)
}

macro_rules! probe {
    ($($network:ident),*) => {
        #[test]
        fn every_library_neuron() {
            let model = snn_tests::model(include_str!("../models/probes.snn"));
            $(
                let name = stringify!($network);
                let spikes = same(&model, name, probes::$network::<f64>::graph());
                let fires = |layer: &snn_dsl::model::Layer| model.neurons[layer.neuron].spike.is_some();
                let spiking = model.networks.iter().any(|n| n.name == name && n.layers.iter().any(fires));
                assert!(!spiking || spikes > 10, "{name}: {spikes} spikes prove little");
                same(&model, name, probes::$network::<f32>::graph());
            )*
            let tested = [$(stringify!($network)),*];
            for name in snn_dsl::library::neuron_names() {
                assert!(tested.contains(&format!("Probe{name}").as_str()), "no probe for {name}");
            }
        }
    };
}
probe!(
    ProbeALIF,
    ProbeAdEx,
    ProbeConnorStevens,
    ProbeEIF,
    ProbeFitzHughNagumo,
    ProbeGIF,
    ProbeGLIF1,
    ProbeGLIF2,
    ProbeGLIF3,
    ProbeGLIF4,
    ProbeGLIF5,
    ProbeHindmarshRose,
    ProbeHodgkinHuxley,
    ProbeIF,
    ProbeIzhikevich,
    ProbeLI,
    ProbeLIF,
    ProbeLIF_adaptive_threshold,
    ProbeLIF_alpha,
    ProbeLIF_conductance,
    ProbeLIF_conductance_alpha,
    ProbeLIF_current,
    ProbeLIF_delta,
    ProbeLIF_refractory,
    ProbeLI_delta,
    ProbeMAT2,
    ProbeMihalasNiebur,
    ProbeMorrisLecar,
    ProbePLIF,
    ProbePinskyRinzel,
    ProbePoissonSource,
    ProbeQIF,
    ProbeResonateAndFire,
    ProbeSRM0,
    ProbeThetaNeuron,
    ProbeTraubMiles,
    ProbeWangBuzsaki
);

#[test]
fn two_layers_with_everything() {
    let model = snn_tests::model(include_str!("../models/two_layers.snn"));
    assert!(same(&model, "TwoLayers", two_layers::TwoLayers::<f64>::graph()) > 10);
    same(&model, "TwoLayers", two_layers::TwoLayers::<f32>::graph());
}

#[test]
fn every_loss_reduction_and_option() {
    let model = snn_tests::model(include_str!("../models/losses.snn"));
    assert!(same(&model, "Losses", losses::Losses::<f64>::graph()) > 10);
    same(&model, "Losses", losses::Losses::<f32>::graph());
}

#[test]
fn every_kind_of_equation() {
    let model = snn_tests::model(include_str!("../models/integration.snn"));
    macro_rules! probes {
        ($($network:ident),*) => {
            $(
                let name = stringify!($network);
                let spikes = same(&model, name, integration::$network::<f64>::graph());
                assert!(spikes > 10, "{name}: {spikes} spikes prove little");
                same(&model, name, integration::$network::<f32>::graph());
            )*
        };
    }
    probes!(ProbeChain, ProbeResonator, ProbeShunted, ProbeQuadratic, ProbeGated, ProbeNoisy);
}

#[test]
fn names_of_the_model_meet_no_other_names() {
    let model = snn_tests::model(include_str!("../models/hostile_names.snn"));
    let spikes = same(&model, "Digits", hostile_names::Digits::<f64>::graph());
    assert!(spikes > 10, "{spikes} spikes prove little");
    same(&model, "Digits", hostile_names::Digits::<f32>::graph());
}

#[test]
fn changed_names_end_in_an_underscore() {
    let (samples, marker, words): (Vec<SpikeTrain>, _, _) =
        (trains(1, 4, 40, 0.2, 1), trains(1, 3, 40, 0.2, 2), trains(1, 2, 40, 0.2, 3));
    let inputs = hostile_names::DigitsInputs_ {
        samples: 1,
        samples_: InputData::Spikes(&samples),
        marker_: InputData::Spikes(&marker),
        match_: InputData::Spikes(&words),
    };
    let network = hostile_names::Digits::<f64>::new(1).unwrap();
    let readouts = network.forward(&inputs, &Recording::none(), &mut network.workspace()).unwrap();
    assert_eq!(readouts.iter().count(), 2);
    // `type_` is free to keep its name, `type` is not.
    let neuron = hostile_names::R { type_: snn_runtime::ParameterStart::Value(0.75), ..Default::default() };
    assert_eq!(neuron.type_2, snn_runtime::ParameterStart::Value(0.5));
    assert_eq!(hostile_names::f64_::default(), hostile_names::f64_ {});
}

#[test]
fn every_kind_of_connection() {
    let model = snn_tests::model(include_str!("../models/connectivity.snn"));
    macro_rules! networks {
        ($($network:ident),*) => {
            $(
                let spikes = same(&model, stringify!($network), connectivity::$network::<f64>::graph());
                assert!(spikes > 50, "{}: {spikes} spikes prove little", stringify!($network));
                same(&model, stringify!($network), connectivity::$network::<f32>::graph());
            )*
            assert_eq!([$(stringify!($network)),*].len(), model.networks.len());
        };
    }
    networks!(Sparse, Parts, Delays, Images, Signals);
}

#[test]
fn every_kind_of_synapse() {
    let model = snn_tests::model(include_str!("../models/synapses.snn"));
    macro_rules! networks {
        ($($network:ident),*) => {
            $(
                let spikes = same(&model, stringify!($network), synapses::$network::<f64>::graph());
                assert!(spikes > 50, "{}: {spikes} spikes prove little", stringify!($network));
                same(&model, stringify!($network), synapses::$network::<f32>::graph());
            )*
            assert_eq!([$(stringify!($network)),*].len(), model.networks.len());
        };
    }
    networks!(Currents, Conductances, Plastic);
}

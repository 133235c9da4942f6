//! Connections from files: as generated code, interpreted, differentiated, saved, and refused.

use snn_dsl::model::{Connectivity, Model};
use snn_runtime::data::NpzWriter;
use snn_runtime::ndarray::Array1;
use snn_runtime::neuron::Mode;
use snn_runtime::{Graph, ModelId, Network, ParameterSet, Parameters, Real, Simulation, store};
use snn_tests::probe;
use std::path::Path;

/// The text of the networks below.
const TEXT: &str = include_str!("../models/edges.snn");

snn_macros::snn_model! {
    network Inline {
        simulate dt = 1 ms, for 5 ms
        input x[4] spikes
        layer a[3] = LIF
        x -> a.exc : edges("in.npz"), init constant(0.5 nA)
    }
}

mod edges {
    snn_macros::snn_model!("models/edges.snn");
}

/// An archive of connections; `weight` and `delay` where they are not empty.
fn archive(path: &Path, source: &[i64], target: &[i64], weight: &[f64], delay: &[f64]) {
    let mut out = NpzWriter::new();
    out.add("source", Array1::from(source.to_vec()).view()).unwrap();
    out.add("target", Array1::from(target.to_vec()).view()).unwrap();
    for (name, numbers) in [("weight", weight), ("delay", delay)] {
        if !numbers.is_empty() {
            out.add(name, Array1::from(numbers.to_vec()).view()).unwrap();
        }
    }
    out.save(path).unwrap();
}

/// A folder with the files of [`TEXT`].
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pairs = |rows: i64, columns: i64, keep: &dyn Fn(i64) -> bool| -> (Vec<i64>, Vec<i64>) {
        // From the last to the first: the order of a file is free.
        let all = (0..rows * columns).rev().filter(|k| keep(*k));
        all.map(|k| (k / columns, k % columns)).unzip()
    };
    let write = |name: &str, (source, target): (Vec<i64>, Vec<i64>), weight: f64, delays: &[f64]| {
        let count = source.len();
        let weights: Vec<f64> = (0..count).map(|k| weight * (1.0 + 0.3 * (k % 5) as f64)).collect();
        let weights = if weight == 0.0 { Vec::new() } else { weights };
        let delays: Vec<f64> = (0..count).filter_map(|k| delays.get(k % delays.len().max(1)).copied()).collect();
        archive(&folder.path().join(name), &source, &target, &weights, &delays);
    };
    write("in.npz", pairs(6, 7, &|k| k % 4 != 1), 1.1, &[]);
    write("lateral.npz", pairs(7, 7, &|k| k % 8 != 0 && k % 3 != 0), 0.5, &[1.0, 2.4, 4.0]);
    write("part.npz", pairs(3, 2, &|k| k != 2), 1.5, &[]);
    write("out.npz", pairs(7, 3, &|k| k % 2 == 0), 0.0, &[0.2, 3.0]);
    write("pairs.npz", pairs(6, 7, &|k| k % 3 != 1), 0.4, &[]);
    folder
}

/// The model with its files in a folder.
fn placed(folder: &Path) -> Model {
    let mut model = snn_tests::model(TEXT);
    for p in model.networks.iter_mut().flat_map(|n| &mut n.projections) {
        if let Connectivity::Edges { file } = &mut p.connectivity {
            *file = folder.join(&*file).to_str().unwrap().into();
        }
    }
    model
}

fn alone(model: &Model, name: &str) -> Model {
    let networks = model.networks.iter().filter(|n| n.name == name).cloned().collect();
    Model { networks, ..model.clone() }
}

fn same<R: Real>(folder: &Path, name: &str, mut generated: Graph<R>) {
    let model = snn_tests::model(TEXT);
    let mut interpreted =
        snn_dsl::interpret::graph::<R>(&model, model.networks.iter().find(|n| n.name == name).unwrap());
    interpreted.read_edges(folder).unwrap();
    generated.read_edges(folder).unwrap();
    let (interpreted, generated) = (Network::new(interpreted).unwrap(), Network::new(generated).unwrap());
    assert_eq!(interpreted.layout(), generated.layout(), "{name}");
    assert_eq!(interpreted.graph().hash, generated.graph().hash, "{name}");
    let parameters = interpreted.initial_parameters(5);
    assert_eq!(parameters, generated.initial_parameters(5), "{name}");
    let inputs = probe::inputs(&interpreted, 5, 0.3, 9);
    if interpreted.graph().plasticity.is_empty() {
        let run = |network: &Network<R>| probe::bits(network, &parameters, &inputs, Mode::Spiking).unwrap();
        let (a, b) = (run(&interpreted), run(&generated));
        assert_eq!(a, b, "{name}");
        assert!(a.last() > Some(&50), "{name}: {:?} spikes prove little", a.last());
        return;
    }
    let run = |network: &Network<R>| {
        let (values, mut workspace) = (probe::values(network, 5), snn_runtime::Workspace::new());
        let batch = snn_runtime::Batch { size: 5, inputs: probe::data(network, &inputs, &values), targets: Vec::new() };
        let recording = snn_runtime::Recording::none().spikes("a");
        let readouts = network.forward(&parameters, &batch, &mut workspace, &recording).unwrap();
        readouts.spikes("a").unwrap().to_vec()
    };
    let (a, b) = (run(&interpreted), run(&generated));
    assert_eq!(a, b, "{name}");
    assert!(a.iter().map(|train| train.len()).sum::<usize>() > 50, "{name}");
}

#[test]
fn generated_code_equals_the_interpreter() {
    let folder = folder();
    same(folder.path(), "Listed", edges::Listed::<f64>::graph());
    same(folder.path(), "Listed", edges::Listed::<f32>::graph());
    same(folder.path(), "Plastic", edges::Plastic::<f64>::graph());
    same(folder.path(), "Plastic", edges::Plastic::<f32>::graph());
}

#[test]
fn weights_begin_as_the_file_says_and_have_a_gradient() {
    let folder = folder();
    let model = alone(&placed(folder.path()), "Listed");
    for scale in [1.0, 2.0] {
        let report = probe::prove(&model, scale).unwrap();
        assert!(report.failures.is_empty() && report.other_steps == 0, "{report:#?}");
        assert!(report.nonzero * 10 > report.compared * 7, "{report:?}");
    }
    let network = snn_tests::smooth::network(&model);
    let parameters = network.initial_parameters(3);
    let weights = |name: &str| parameters.view(&format!("{name}.weight")).unwrap().iter().copied().collect::<Vec<_>>();
    assert_eq!(&weights("x_to_a_exc")[..3], [1.1, 1.1 * 1.3, 1.1 * 1.6]);
    // Without weights in the file they are those of `init`: up to 1/sqrt(fan_in), 11 connections to 3 neurons.
    let own = weights("a_to_out_exc");
    assert!(own.len() == 11 && own.iter().all(|w| w.abs() <= 0.5) && own.iter().any(|w| w.abs() > 0.2), "{own:?}");
}

#[test]
fn constructors_read_files() {
    let folder = folder();
    let simulation = Simulation { dt: 1.0, steps: 5 };
    let network = Inline::<f64>::in_folder(folder.path(), simulation, 1);
    let error = network.err().unwrap().to_string();
    let expected = "in.npz, array `source`, entry 0: expected one of the 4 sources of the projection, counted from 0, \
                    found 5";
    assert!(error.ends_with(expected), "{error}");
    archive(&folder.path().join("in.npz"), &[3, 0], &[0, 2], &[], &[]);
    let network = Inline::<f64>::in_folder(folder.path(), simulation, 1).unwrap();
    assert_eq!(network.parameters.x_to_a_exc_weight().to_vec(), [0.5, 0.5]);
    let missing = Inline::<f64>::new(1).err().unwrap().to_string();
    assert!(missing.starts_with("projection `x_to_a_exc`: in.npz: cannot open the file"), "{missing}");
    let found = Inline::<f64>::with(simulation, 1).err().unwrap().to_string();
    assert_eq!(found, missing);
}

/// What the engine says of a file.
fn wrong(name: &str, source: &[i64], target: &[i64], delay: &[f64]) -> String {
    let folder = folder();
    archive(&folder.path().join(name), source, target, &[], delay);
    let model = placed(folder.path());
    let network = if name == "pairs.npz" { &model.networks[1] } else { &model.networks[0] };
    let error = Network::new(snn_dsl::interpret::graph::<f64>(&model, network)).err().unwrap().to_string();
    assert!(error.contains("projection `"), "{error}");
    match error.rsplit_once(name) {
        Some((_, said)) => said.into(),
        None => error,
    }
}

#[test]
fn what_does_not_fit_the_network_is_named() {
    assert_eq!(
        wrong("in.npz", &[0, 0], &[0, 7], &[]),
        ", array `target`, entry 1: expected one of the 7 targets of the projection, counted from 0, found 7"
    );
    assert_eq!(
        wrong("part.npz", &[0, 3], &[0, 1], &[]),
        ", array `source`, entry 1: expected one of the 3 sources of the projection, counted from 0, found 3"
    );
    assert_eq!(
        wrong("in.npz", &[1, 0, 4, 0, 1], &[1, 2, 4, 2, 1], &[]),
        ", array `source`, entry 3: expected each connection once, found that from 0 to 2 a second time, after entry 1; \
         add their weights up, or use a projection for each"
    );
    assert_eq!(
        wrong("lateral.npz", &[0, 2], &[1, 2], &[]),
        ", array `target`, entry 1: expected no connection from a neuron to itself, found one of neuron 2; take it out of \
         the list, or remove `no_self`"
    );
    assert_eq!(
        wrong("lateral.npz", &[0, 2], &[1, 3], &[1.0, 0.0]),
        ", array `delay`, entry 1: expected a delay above 0 ms, found 0; the shortest delay of a connection is one step"
    );
    let several = wrong("pairs.npz", &[0, 2], &[1, 3], &[1.0, 2.0]);
    assert!(several.contains("a rule for its weights needs connections with one delay"), "{several}");
}

/// Trained numbers belong to the connections, which their number alone does not tell apart.
#[test]
fn saved_weights_of_other_connections_are_refused() {
    let folder = folder();
    let id = ModelId { name: "Inline", hash: Inline::<f64>::ID.hash };
    let simulation = Simulation { dt: 1.0, steps: 5 };
    let network = |target: &[i64]| {
        archive(&folder.path().join("in.npz"), &[3, 0], target, &[], &[]);
        Inline::<f64>::in_folder(folder.path(), simulation, 1).unwrap()
    };
    let (one, two) = (network(&[0, 2]), network(&[0, 1]));
    let path = folder.path().join("trained.safetensors");
    store::save(&path, &one.parameters, &id).unwrap();
    let mut loaded = ParameterSet::<f64>::zeros(one.parameters.layout().clone());
    store::load(&path, &mut loaded, &id).unwrap();
    let mut other = ParameterSet::<f64>::zeros(two.parameters.layout().clone());
    let error = store::load(&path, &mut other, &id).unwrap_err().to_string();
    assert!(error.contains("constants or connections were changed"), "{error}");
    assert_ne!(one.parameters.layout(), two.parameters.layout());
}

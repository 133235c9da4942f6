//! Spiking mode: loss and every gradient equal those of PyTorch autograd on the same equations, in f64.

use safetensors::SafeTensors;
use snn_runtime::ndarray::Array3;
use snn_runtime::{Batch, InputData, Network, ParameterSet, Parameters, SpikeTrain, TargetData, Workspace};
use std::ops::Range;

fn numbers(file: &SafeTensors, name: &str) -> Vec<f64> {
    let view = file.tensor(name).unwrap();
    view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn whole(file: &SafeTensors, name: &str) -> Vec<i32> {
    let view = file.tensor(name).unwrap();
    view.data().chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// A stored run, and what our own needs of it.
struct Reference {
    file: SafeTensors<'static>,
    metadata: std::collections::HashMap<String, String>,
}

impl Reference {
    fn new(bytes: &'static [u8]) -> Self {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let file = SafeTensors::deserialize(bytes).unwrap();
        Self { file, metadata: header.metadata().clone().unwrap() }
    }

    fn size(&self, name: &str) -> usize {
        self.metadata[name].parse().unwrap()
    }

    fn number(&self, name: &str) -> f64 {
        numbers(&self.file, name)[0]
    }

    /// The input spikes of each sample; events are sorted by step, then sample, then channel.
    fn trains(&self, name: &str, steps: usize, samples: usize) -> Vec<SpikeTrain> {
        let events = whole(&self.file, name);
        let mut trains = vec![SpikeTrain::new(); samples];
        let mut rest = events.chunks_exact(3).peekable();
        for step in 0..steps {
            while let Some(event) = rest.next_if(|e| e[0] as usize == step) {
                trains[event[1] as usize].push(event[2] as u32);
            }
            trains.iter_mut().for_each(SpikeTrain::end_step);
        }
        trains
    }

    fn labels(&self, name: &str) -> Vec<u32> {
        whole(&self.file, name).into_iter().map(|l| l as u32).collect()
    }

    /// Rows and columns of a matrix.
    fn part(&self, name: &str, rows: Range<usize>, columns: Range<usize>) -> Vec<f64> {
        let all = numbers(&self.file, name);
        let width = *self.file.tensor(name).unwrap().shape().last().unwrap();
        rows.flat_map(|r| all[r * width..][columns.clone()].to_vec()).collect()
    }
}

/// No number is further from the expected one than `tolerance` of the largest.
fn assert_close(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(largest > 0.0 && worst <= tolerance * largest, "{name}: off by {worst:e}, the largest is {largest:e}");
}

#[test]
fn the_digits_workload_equals_pytorch() {
    let reference = Reference::new(include_bytes!("../fixtures/workload.safetensors"));
    let (steps, samples, hidden) = (reference.size("steps"), reference.size("samples"), reference.size("hidden"));
    let text = include_str!("../../examples/models/workload.snn");
    let text =
        text.replace("hidden[256]", &format!("hidden[{hidden}]")).replace("for 100 ms", &format!("for {steps} ms"));
    let model = snn_tests::model(&text);
    let network = snn_tests::smooth::network(&model);
    let mut parameters = network.initial_parameters(1);
    let names = [
        ("pixel_to_hidden_exc.weight", "w_in", "g_in"),
        ("hidden_to_hidden_exc.weight", "w_rec", "g_rec"),
        ("hidden_to_out_exc.weight", "w_out", "g_out"),
    ];
    assert_eq!(network.layout().tensors().len(), names.len(), "{:?}", network.layout());
    for (own, theirs, _) in names {
        let range = network.layout().find(own).unwrap().range.clone();
        parameters.values_mut()[range].copy_from_slice(&numbers(&reference.file, theirs));
    }
    let (trains, labels) = (reference.trains("events", steps, samples), reference.labels("labels"));
    let batch =
        Batch { size: samples, inputs: vec![InputData::Spikes(&trains)], targets: vec![TargetData::Class(&labels)] };
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let evaluation = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap();

    assert_close("loss", &[evaluation.loss], &[reference.number("loss")], 1e-9);
    let spikes: u64 = evaluation.readouts.spike_counts().filter(|(name, _)| *name == "hidden").map(|(_, n)| n).sum();
    let rate = spikes as f64 / (steps * samples * hidden) as f64;
    assert!((rate - reference.number("rate")).abs() < 1e-12, "rate {rate}");
    for (own, _, theirs) in names {
        let range = network.layout().find(own).unwrap().range.clone();
        assert_close(own, &gradient.values()[range], &numbers(&reference.file, theirs), 1e-9);
    }
}

#[test]
fn working_memory_equals_pytorch() {
    let reference = Reference::new(include_bytes!("../fixtures/working_memory.safetensors"));
    let [steps, samples, window, channels, exc, inh] =
        ["steps", "samples", "window", "channels", "exc", "inh"].map(|name| reference.size(name));
    let [share_exc, share_inh] = [exc, inh].map(|n| n as f64 / (exc + inh) as f64);
    let mut text = include_str!("../../examples/models/working_memory.snn").to_string();
    for (old, new) in [
        ("for 2500 ms", format!("for {steps} ms")),
        ("from = 2000 ms", format!("from = {window} ms")),
        ("x[100]", format!("x[{channels}]")),
        ("exc[80]", format!("exc[{exc}]")),
        ("inh[20]", format!("inh[{inh}]")),
        ("0.8*", format!("{share_exc}*")),
        ("0.2*", format!("{share_inh}*")),
    ] {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, &new);
    }
    let model = snn_tests::model(&text);
    let network = snn_tests::smooth::network(&model);
    let mut parameters = network.initial_parameters(1);
    let (excitatory, inhibitory, all) = (0..exc, exc..exc + inh, 0..exc + inh);
    // Our tensors as parts of theirs.
    let parts = [
        ("x_to_exc_exc.weight", "w_in", 0..channels, excitatory.clone()),
        ("x_to_inh_exc.weight", "w_in", 0..channels, inhibitory.clone()),
        ("x_to_exc_exc.bias", "b_in", 0..1, excitatory.clone()),
        ("x_to_inh_exc.bias", "b_in", 0..1, inhibitory.clone()),
        ("exc_to_exc_exc.weight", "w_rec", excitatory.clone(), excitatory.clone()),
        ("exc_to_inh_exc.weight", "w_rec", excitatory.clone(), inhibitory.clone()),
        ("inh_to_exc_exc.weight", "w_rec", inhibitory.clone(), excitatory.clone()),
        ("inh_to_inh_exc.weight", "w_rec", inhibitory.clone(), inhibitory.clone()),
        ("exc_to_out_exc.weight", "w_out", excitatory.clone(), 0..2),
        ("inh_to_out_exc.weight", "w_out", inhibitory.clone(), 0..2),
        ("exc_to_out_exc.bias", "b_out", 0..1, 0..2),
    ];
    for (own, theirs, rows, columns) in parts.clone() {
        let range = network.layout().find(own).unwrap().range.clone();
        parameters.values_mut()[range].copy_from_slice(&reference.part(theirs, rows, columns));
    }
    for (own, columns) in [("exc.tau_I2", excitatory), ("inh.tau_I2", inhibitory)] {
        let range = network.layout().find(own).unwrap().range.clone();
        parameters.values_mut()[range].copy_from_slice(&reference.part("tau_I2", 0..1, columns));
    }
    assert_eq!(network.layout().tensors().len(), parts.len() + 2, "{:?}", network.layout());
    let (trains, labels) = (reference.trains("events", steps, samples), reference.labels("labels"));
    let batch =
        Batch { size: samples, inputs: vec![InputData::Spikes(&trains)], targets: vec![TargetData::Class(&labels)] };
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let evaluation = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap();

    assert_close("loss", &[evaluation.loss], &[reference.number("loss")], 1e-9);
    assert_close("far from the threshold", &evaluation.terms[1..], &[reference.number("far")], 1e-9);
    let count = |population: &str| -> u64 {
        evaluation.readouts.spike_counts().filter(|(name, _)| *name == population).map(|(_, n)| n).sum()
    };
    let rate = (count("exc") + count("inh")) as f64 / (steps * samples * all.len()) as f64;
    assert!((rate - reference.number("rate")).abs() < 1e-12, "rate {rate}");
    for (own, theirs, rows, columns) in parts {
        let range = network.layout().find(own).unwrap().range.clone();
        assert_close(own, &gradient.values()[range], &reference.part(&format!("g_{theirs}"), rows, columns), 1e-9);
    }
}

#[test]
fn convolutions_and_pools_equal_pytorch() {
    let reference = Reference::new(include_bytes!("../fixtures/convolution.safetensors"));
    let file = &reference.file;
    let model = snn_tests::model(include_str!("../models/convolution.snn"));
    for network in &model.networks {
        let name = &network.name;
        let network = Network::<f64>::new(snn_dsl::interpret::graph(&model, network)).unwrap();
        let mut parameters = network.initial_parameters(1);
        for tensor in network.layout().tensors() {
            let theirs = numbers(file, &format!("{name}.{}", tensor.name));
            parameters.values_mut()[tensor.range.clone()].copy_from_slice(&theirs);
        }
        let labels = reference.labels(&format!("{name}.labels"));
        let samples = labels.len();
        let trains = reference.trains(&format!("{name}.events"), network.simulation().steps, samples);
        let mut inputs = vec![InputData::Spikes(&trains)];
        let image = file.tensor(&format!("{name}.image")).map(|_| numbers(file, &format!("{name}.image")));
        let image = image.map(|image| Array3::from_shape_vec((samples, 1, image.len() / samples), image).unwrap());
        if let Ok(image) = &image {
            inputs.push(InputData::Values(image.view().into()));
        }
        let batch = Batch { size: samples, inputs, targets: vec![TargetData::Class(&labels)] };
        let mut gradient = ParameterSet::zeros(network.layout().clone());
        let evaluation = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap();
        assert_close(&format!("{name}: loss"), &[evaluation.loss], &numbers(file, &format!("{name}.loss")), 1e-10);
        for tensor in network.layout().tensors() {
            let theirs = numbers(file, &format!("{name}.{}.gradient", tensor.name));
            let own = format!("{name}: {}", tensor.name);
            assert_close(&own, &gradient.values()[tensor.range.clone()], &theirs, 1e-10);
        }
    }
}

//! Spiking mode: loss and every gradient equal those of PyTorch autograd on the same equations, in f64.

use safetensors::SafeTensors;
use snn_runtime::ndarray::Array3;
use snn_runtime::{Batch, InputData, Network, ParameterSet, Parameters, SpikeTrain, TargetData, Workspace};

fn numbers(file: &SafeTensors, name: &str) -> Vec<f64> {
    let view = file.tensor(name).unwrap();
    view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn whole(file: &SafeTensors, name: &str) -> Vec<i32> {
    let view = file.tensor(name).unwrap();
    view.data().chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// The spikes of each sample; events are sorted by step, then sample, then channel.
fn trains(file: &SafeTensors, name: &str, steps: usize, samples: usize) -> Vec<SpikeTrain> {
    let events = whole(file, name);
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

fn labels(file: &SafeTensors, name: &str) -> Vec<u32> {
    whole(file, name).into_iter().map(|l| l as u32).collect()
}

/// Every gradient differs by less than `tolerance` of the largest of its tensor.
fn assert_gradient(own: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{own}");
    let largest = expected.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(largest > 0.0 && worst <= tolerance * largest, "{own}: off by {worst:e}, the largest is {largest:e}");
}

#[test]
fn the_digits_workload_equals_pytorch() {
    let bytes = include_bytes!("../fixtures/workload.safetensors");
    let file = SafeTensors::deserialize(bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let size = |name: &str| metadata[name].parse::<usize>().unwrap();
    let (steps, samples, hidden) = (size("steps"), size("samples"), size("hidden"));

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
        parameters.values_mut()[range].copy_from_slice(&numbers(&file, theirs));
    }

    let trains = trains(&file, "events", steps, samples);
    let labels = labels(&file, "labels");
    let batch =
        Batch { size: samples, inputs: vec![InputData::Spikes(&trains)], targets: vec![TargetData::Class(&labels)] };
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let evaluation = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap();

    let loss = numbers(&file, "loss")[0];
    assert!((evaluation.loss - loss).abs() <= 1e-9 * loss, "loss {} instead of {loss}", evaluation.loss);
    let spikes: u64 = evaluation.readouts.spike_counts().filter(|(name, _)| *name == "hidden").map(|(_, n)| n).sum();
    let rate = spikes as f64 / (steps * samples * hidden) as f64;
    assert!((rate - numbers(&file, "rate")[0]).abs() < 1e-12, "rate {rate}");
    for (own, _, theirs) in names {
        let range = network.layout().find(own).unwrap().range.clone();
        assert_gradient(own, &gradient.values()[range], &numbers(&file, theirs), 1e-9);
    }
}

#[test]
fn convolutions_and_pools_equal_pytorch() {
    let bytes = include_bytes!("../fixtures/convolution.safetensors");
    let file = SafeTensors::deserialize(bytes).unwrap();
    let model = snn_tests::model(include_str!("../models/convolution.snn"));
    for network in &model.networks {
        let name = &network.name;
        let network = Network::<f64>::new(snn_dsl::interpret::graph(&model, network)).unwrap();
        let mut parameters = network.initial_parameters(1);
        for tensor in network.layout().tensors() {
            let theirs = numbers(&file, &format!("{name}.{}", tensor.name));
            parameters.values_mut()[tensor.range.clone()].copy_from_slice(&theirs);
        }
        let labels = labels(&file, &format!("{name}.labels"));
        let samples = labels.len();
        let trains = trains(&file, &format!("{name}.events"), network.simulation().steps, samples);
        let mut inputs = vec![InputData::Spikes(&trains)];
        let image = file.tensor(&format!("{name}.image")).map(|_| numbers(&file, &format!("{name}.image")));
        let image = image.map(|image| Array3::from_shape_vec((samples, 1, image.len() / samples), image).unwrap());
        if let Ok(image) = &image {
            inputs.push(InputData::Values(image.view().into()));
        }
        let batch = Batch { size: samples, inputs, targets: vec![TargetData::Class(&labels)] };
        let mut gradient = ParameterSet::zeros(network.layout().clone());
        let evaluation = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap();
        let loss = numbers(&file, &format!("{name}.loss"))[0];
        assert!((evaluation.loss - loss).abs() <= 1e-10 * loss, "{name}: loss {} instead of {loss}", evaluation.loss);
        for tensor in network.layout().tensors() {
            let theirs = numbers(&file, &format!("{name}.{}.gradient", tensor.name));
            let own = format!("{name}: {}", tensor.name);
            assert_gradient(&own, &gradient.values()[tensor.range.clone()], &theirs, 1e-10);
        }
    }
}

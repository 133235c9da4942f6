//! Equal bits for any number of threads, for every instruction set, and in two runs.

use snn_runtime::{InputData, Parameters, Recording, TargetData, simd};
use snn_tests::trains::trains;

mod workload {
    snn_macros::snn_model!("../examples/models/workload.snn");
}
use workload::{Workload, WorkloadInputs, WorkloadTargets};

/// Loss, gradient and readouts of 40 samples as bits, computed by so many threads.
fn run(threads: usize) -> Vec<u32> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let net = Workload::<f32>::new(4).unwrap();
        let samples = 40;
        let spikes = trains(samples, 784, net.engine().simulation().steps, 0.03, 2);
        let labels: Vec<u32> = (0..samples as u32).map(|i| i % 10).collect();
        let inputs = WorkloadInputs { samples, pixel: InputData::Spikes(&spikes) };
        let targets = WorkloadTargets { label: TargetData::Class(&labels) };
        let (mut workspace, mut gradient) = (net.workspace(), net.gradient());
        let evaluation = net.loss_and_gradient(&inputs, &targets, &mut workspace, &mut gradient).unwrap();
        let readouts = net.forward(&inputs, &Recording::none(), &mut workspace).unwrap();
        let spikes: u64 = readouts.spike_counts().map(|(_, n)| n).sum();
        assert!(spikes > 1000, "{spikes} spikes prove little");
        let loss = evaluation.loss.to_bits();
        let mut bits = vec![loss as u32, (loss >> 32) as u32, spikes as u32];
        bits.extend(gradient.values().iter().map(|g| g.to_bits()));
        bits.extend(readouts.get("scores").unwrap().iter().map(|s| s.to_bits()));
        bits
    })
}

// One test: the instruction set is forced for the whole process.
#[test]
fn threads_runs_and_instruction_sets() {
    let reference = run(1);
    for threads in [1, 2, 7] {
        assert!(run(threads) == reference, "{threads} threads");
    }
    for level in [simd::Level::Baseline, simd::Level::Avx2, simd::Level::Avx512] {
        let forced = simd::force(level);
        if forced != level {
            eprintln!("skipped {level:?}: this processor has {forced:?} at most");
            continue;
        }
        assert!(run(2) == reference, "{forced:?}");
    }
    simd::force(simd::detected());
}

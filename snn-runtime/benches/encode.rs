//! Encoders by themselves: samples like digits, 784 channels of which a fifth is not zero, in 100 steps.
//!
//! ```text
//! cargo bench -p snn-runtime --bench encode
//! ```
//!
//! Elements per second are spikes.

#![allow(missing_docs, reason = "what the macros of criterion define")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snn_runtime::SpikeTrain;
use snn_runtime::encode::{Encoder, Latency, Method, Poisson};
use std::hint::black_box;

const CHANNELS: usize = 784;
const STEPS: usize = 100;

/// Strokes: runs of grey channels, 154 in all.
fn strokes() -> Vec<f32> {
    let grey = |i: usize| if i % 36 < 7 { 0.3 + (i * 37 % 101) as f32 / 144.0 } else { 0.0 };
    (0..CHANNELS).map(grey).collect()
}

fn encode(criterion: &mut Criterion) {
    let values = strokes();
    let mut group = criterion.benchmark_group("encode");
    let poisson = |gain| Poisson::new().gain(gain).expect("a finite gain");
    let encoders: [(&str, &dyn Encoder); 3] = [
        ("poisson, gain 0.25", &poisson(0.25)),
        ("poisson, gain 0.01", &poisson(0.01)),
        ("latency", &Latency::snntorch(Method::Log).normalise(true).clip(true)),
    ];
    let mut train = SpikeTrain::new();
    for (name, encoder) in encoders {
        encoder.encode(&values, STEPS, 1.0, 1, 0, &mut train);
        group.throughput(Throughput::Elements(train.len() as u64));
        let mut sample = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                sample += 1;
                encoder.encode(black_box(&values), STEPS, 1.0, 1, sample, &mut train);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);

//! One step of 4000 neurons by generated code: a linear cell with exact propagators, and one with conductances, whose step has
//! an exponential and a division.
//!
//! ```text
//! cargo bench -p snn-examples --bench neuron_step
//! ```

#![allow(missing_docs, reason = "what the macros of criterion define")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snn_runtime::{Cells, Compiled, Kernel, Neuron, Real};
use std::hint::black_box;
use std::sync::Arc;

snn_macros::snn_model!("models/cuba.snn");
mod conductances {
    snn_macros::snn_model!("models/coba.snn");
}

const NEURONS: usize = 4000;

fn step<R: Real, K: Kernel + 'static>(criterion: &mut Criterion, kernel: K) {
    let neuron: Arc<dyn Neuron<R>> = Arc::new(Compiled::new(kernel));
    let name = neuron.layout().name.clone();
    let start: Vec<f64> = (0..NEURONS).map(|i| -60.0 + 10.0 * i as f64 / NEURONS as f64).collect();
    let mut cells = Cells::new(neuron.clone(), NEURONS, 0.1, &[&start]).expect("the cell has one stored parameter");
    let events = vec![R::ZERO; 2 * NEURONS];
    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements(NEURONS as u64));
    group.bench_function(format!("{name} {}", R::NAME), |b| {
        b.iter(|| {
            cells.step_by(black_box(&events), &[], |step| neuron.step(step));
        });
    });
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    step::<f32, _>(criterion, CubaCell::default());
    step::<f64, _>(criterion, CubaCell::default());
    step::<f32, _>(criterion, conductances::CobaCell::default());
    step::<f64, _>(criterion, conductances::CobaCell::default());
}

criterion_group!(neuron_step, benches);
criterion_main!(neuron_step);

//! The kernels of the engine by themselves: `exp`, the dense product of a block of samples, and additions of rows.
//!
//! ```text
//! cargo bench -p snn-runtime --bench kernels
//! ```
//!
//! Elements per second are results of `exp`, multiply-adds, and weights added. The shape of a block of the product decides
//! over its speed: a change of it that costs a multiple shows here first.

#![allow(missing_docs, reason = "what the macros of criterion define")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snn_runtime::engine::Matrix;
use snn_runtime::simd::{Loops, dispatch};
use snn_runtime::{Real, math};
use std::hint::black_box;

/// Samples of a block.
const SAMPLES: usize = 8;

/// Zeros that begin with a cache line, as the buffers of the engine do.
struct Aligned<R>(Vec<R>, usize);

impl<R: Real> Aligned<R> {
    fn new(length: usize) -> Self {
        let numbers = vec![R::ZERO; length + 64 / size_of::<R>()];
        let start = numbers.as_ptr().align_offset(64);
        Self(numbers, start)
    }

    fn numbers(&mut self) -> &mut [R] {
        let end = self.0.len() - 64 / size_of::<R>() + self.1;
        &mut self.0[self.1..end]
    }
}

struct Exponentials<'a, R>(&'a [R], &'a mut [R]);

impl<R: Real> Loops for Exponentials<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        self.0.iter().zip(self.1).for_each(|(&x, y)| *y = math::exp(x));
    }
}

fn exponential<R: Real>(criterion: &mut Criterion) {
    let x: Vec<R> = (0..4096).map(|i| R::from_f64(f64::from(i) / 409.6 - 8.0)).collect();
    let mut y = x.clone();
    let mut group = criterion.benchmark_group("exp");
    group.throughput(Throughput::Elements(x.len() as u64));
    group.bench_function(R::NAME, |b| b.iter(|| dispatch(Exponentials(black_box(&x), &mut y))));
    group.finish();
}

fn product<R: Real>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product of 8 samples");
    for (rows, columns) in [(256, 256), (100, 100), (10, 256), (80, 80), (102, 80), (102, 20), (20, 100)] {
        let matrix = Matrix::new(rows, columns, |i, j| R::from_f64((i * 7 + j * 3) as f64 % 11.0 - 5.0));
        let a = vec![R::from_f64(0.5); SAMPLES * rows];
        let mut out = Aligned::new(SAMPLES * columns);
        group.throughput(Throughput::Elements((SAMPLES * rows * columns) as u64));
        group.bench_function(format!("{rows}x{columns} {}", R::NAME), |b| {
            b.iter(|| matrix.product(SAMPLES, black_box(&a), out.numbers()));
        });
    }
    group.finish();
}

fn impulses<R: Real>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("impulses of 8 samples");
    let mut matrix = Matrix::new(256, 256, |i, j| R::from_f64((i * 7 + j * 3) as f64 % 11.0 - 5.0));
    let mut out = Aligned::new(SAMPLES * 256);
    for share in [5, 15, 25, 40] {
        // A list of another length for each sample, without a pattern.
        let has_one = |k: usize| (k.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 100 < share;
        let a: Vec<R> = (0..SAMPLES * 256).map(|k| if has_one(k) { R::ONE } else { R::ZERO }).collect();
        group.bench_function(format!("{share} % of 256x256 {}", R::NAME), |b| {
            b.iter(|| matrix.product_of_impulses(SAMPLES, black_box(&a), out.numbers()));
        });
    }
    group.finish();
}

fn rows<R: Real>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    // Spikes of the input, and of the hidden neurons, in a step of the digits workload.
    for (rows, columns, spikes) in [(784, 256, 25), (256, 256, 13), (100, 80, 3), (100, 20, 3)] {
        let matrix = Matrix::new(rows, columns, |i, j| R::from_f64((i + j) as f64));
        let indices: Vec<u32> = (0..spikes).map(|k| (k * rows / spikes) as u32).collect();
        let mut out = Aligned::new(columns);
        group.throughput(Throughput::Elements((spikes * columns) as u64));
        group.bench_function(format!("{spikes} of {rows}x{columns} {}", R::NAME), |b| {
            b.iter(|| matrix.add_rows(black_box(&indices), out.numbers()));
        });
    }
    group.finish();
}

criterion_group!(
    kernels,
    exponential::<f32>,
    exponential::<f64>,
    product::<f32>,
    product::<f64>,
    impulses::<f32>,
    impulses::<f64>,
    rows::<f32>,
    rows::<f64>
);
criterion_main!(kernels);

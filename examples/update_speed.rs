//! Times one training update (encoding, forward, backward, Adam) of `models/workload.snn`.
//!
//! ```text
//! cargo run --release --example update_speed -- --updates 20 --threads 2
//! ```
//!
//! Prints one line: the median time of an update, samples per second, loss, hidden rate, and the largest resident memory
//! above that before the network was built. The learning rate is 0 unless set, so that the spike rate stays fixed.

use clap::Parser;
use snn_examples::digits::Sample;
use snn_runtime::data::{LabelledImages, Part};
use snn_runtime::encode::Poisson;
use snn_runtime::optimise::{Adam, Optimiser};
use snn_runtime::{Parameters, Simulation, TargetData};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

snn_macros::snn_model!("models/workload.snn");

/// Times training updates of the recurrent digits classifier.
#[derive(Parser)]
struct Options {
    /// A folder with the MNIST training files in IDX format.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"), hide_default_value = true)]
    data: PathBuf,
    /// Digits per update.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Time steps of 1 ms.
    #[arg(long, default_value_t = 100)]
    steps: usize,
    /// Spike probability of a white pixel in a step.
    #[arg(long, default_value_t = 0.25)]
    gain: f64,
    /// Updates that are timed, after two that are not.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..1_000_000))]
    updates: u32,
    /// Threads; by default one per core.
    #[arg(long)]
    threads: Option<usize>,
    /// Learning rate.
    #[arg(long, default_value_t = 0.0)]
    lr: f64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    snn_examples::run(options.threads, || run(&options))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (batch, updates) = (options.batch as usize, options.updates as usize);
    let images = LabelledImages::load(&options.data, Part::Train)?;
    if images.is_empty() {
        return Err("expected digits to train on, found none; give another folder".into());
    }
    let digits = |k: usize| (0..batch).map(move |i| k * batch + i);
    let batches = (0..4)
        .map(|k| digits(k).map(|i| (i % images.len()) as u32).collect::<Vec<_>>())
        .map(|indices| Sample::gather(&images, &indices, 0))
        .collect::<Result<Vec<_>, _>>()?;

    let before = resident_kilobytes("VmRSS:");
    let mut net = Workload::<f32>::with(Simulation { dt: 1.0, steps: options.steps }, 1)?;
    let encoder = Poisson::new().gain(options.gain)?;
    let (mut workspace, mut gradient) = (net.workspace(), net.gradient());
    let mut adam = Adam::new();
    let hidden_size = net.engine().graph().populations.iter().find(|p| p.name == "hidden").map_or(1, |p| p.size);
    let mut times = Vec::new();
    let (mut loss, mut rate) = (0.0, 0.0);
    for update in 0..updates + 2 {
        let digits = &batches[update % batches.len()];
        let start = Instant::now();
        let inputs = WorkloadInputs { samples: batch, pixel: digits.encoded(&encoder, update as u64) };
        let targets = WorkloadTargets { label: TargetData::Class(&digits.labels) };
        let evaluation = net.loss_and_gradient(&inputs, &targets, &mut workspace, &mut gradient)?;
        adam.step(&mut net.parameters, gradient.values(), options.lr)?;
        times.push(start.elapsed().as_secs_f64());
        loss = evaluation.loss;
        let hidden = evaluation.readouts.spike_counts().find(|(name, _)| *name == "hidden").map_or(0, |(_, n)| n);
        rate = hidden as f64 / (batch * options.steps * hidden_size) as f64;
    }
    let mut timed = times.split_off(2);
    timed.sort_by(f64::total_cmp);
    let median = timed[timed.len() / 2];
    let memory = match (before, resident_kilobytes("VmHWM:")) {
        (Some(before), Some(peak)) => format!(", {:.1} MB above idle", peak.saturating_sub(before) as f64 / 1024.0),
        _ => String::new(),
    };
    println!(
        "snn: {:.1} ms/update, {:.0} samples/s, loss {loss:.5}, hidden rate {rate:.4} (B={} T={} NH=256, {} threads{memory})",
        1e3 * median,
        options.batch as f64 / median,
        options.batch,
        options.steps,
        rayon::current_num_threads(),
    );
    Ok(())
}

/// A line of the process's status, where the system has one.
fn resident_kilobytes(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|l| l.strip_prefix(line))?.split_whitespace().next()?.parse().ok()
}

//! Times one training update (encoding, forward, backward, Adam) of `models/workload.snn`.
//!
//! ```text
//! cargo run --release --example update_speed -- --updates 20 --threads 2
//! cargo run --release --example update_speed -- --surrogate triangle --width 0.5
//! cargo run --release --example update_speed -- --npz batch.npz
//! ```
//!
//! Prints one line: the median time of an update, samples per second, loss, hidden rate, and the largest resident memory
//! above that before the network was built. The learning rate is 0 unless set, so that the spike rate stays fixed. A run
//! without spikes, or with a loss that is no number, prints no time.
//!
//! With `--npz`, it first runs a batch that another program has written with its loss and gradients, and times nothing if they
//! differ. The arrays are `spikes` (uint8, steps x samples x 784), `labels` (int64), the weights `w_in`, `w_rec`, `w_out`
//! (float32), `loss` and the gradients `g_in`, `g_rec`, `g_out` (float64).

mod proof;
mod workload;

use clap::Parser;
use snn_examples::digits::Sample;
use snn_runtime::data::{LabelledImages, Part};
use snn_runtime::encode::Poisson;
use snn_runtime::optimise::{Adam, Optimiser};
use snn_runtime::{Batch, ParameterSet, TargetData, Workspace};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use workload::{HIDDEN, Workload};

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
    #[command(flatten)]
    workload: Workload,
    /// Updates that are timed, after two that are not.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..1_000_000))]
    updates: u32,
    /// Threads; by default one per core.
    #[arg(long)]
    threads: Option<usize>,
    /// Lanes whose gradients are added up in order; by default one for each thread. More are a little slower; their number decides
    /// over the last bits of the gradients.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    lanes: Option<u32>,
    /// Learning rate.
    #[arg(long, default_value_t = 0.0)]
    lr: f64,
    /// A batch with its loss and gradients by another program.
    #[arg(long, value_name = "FILE")]
    npz: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    snn_examples::run(options.threads, || run(&options))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if let Some(file) = &options.npz {
        println!("{}", proof::prove(&options.workload, file)?);
    }
    let (size, updates) = (options.batch as usize, options.updates as usize);
    let images = LabelledImages::load(&options.data, Part::Train)?;
    if images.is_empty() {
        return Err("expected digits to train on, found none; give another folder".into());
    }
    let digits = |k: usize| (0..size).map(move |i| k * size + i);
    let batches = (0..4)
        .map(|k| digits(k).map(|i| (i % images.len()) as u32).collect::<Vec<_>>())
        .map(|indices| Sample::gather(&images, &indices, 0))
        .collect::<Result<Vec<_>, _>>()?;

    let before = resident_kilobytes("VmRSS:");
    let network = options.workload.network(options.steps)?;
    let encoder = Poisson::new().gain(options.gain)?;
    let mut parameters = network.initial_parameters(1);
    let lanes = options.lanes.map_or_else(rayon::current_num_threads, |lanes| lanes as usize);
    let mut workspace = Workspace::with_lanes(lanes);
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let mut adam = Adam::new();
    let mut times = Vec::new();
    let (mut loss, mut rate) = (0.0, 0.0);
    for update in 0..updates + 2 {
        let digits = &batches[update % batches.len()];
        let start = Instant::now();
        let batch = Batch {
            size,
            inputs: vec![digits.encoded(&encoder, update as u64)],
            targets: vec![TargetData::Class(&digits.labels)],
        };
        let evaluation = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient)?;
        adam.step(&mut parameters, snn_runtime::Parameters::values(&gradient), options.lr)?;
        times.push(start.elapsed().as_secs_f64());
        loss = evaluation.loss;
        let hidden = evaluation.readouts.spike_counts().find(|(name, _)| *name == HIDDEN).map_or(0, |(_, n)| n);
        rate = hidden as f64 / (size * options.steps * options.workload.hidden as usize) as f64;
    }
    if rate == 0.0 || !loss.is_finite() {
        let reason = "this is no update to be timed; give more --gain or --scale";
        return Err(format!("hidden rate {rate:.4}, loss {loss}: {reason}").into());
    }
    let mut timed = times.split_off(2);
    timed.sort_by(f64::total_cmp);
    let median = timed[timed.len() / 2];
    let memory = match (before, resident_kilobytes("VmHWM:")) {
        (Some(before), Some(peak)) => format!(", {:.1} MB above idle", peak.saturating_sub(before) as f64 / 1024.0),
        _ => String::new(),
    };
    println!(
        "snn: {:.2} ms/update, {:.0} samples/s, loss {loss:.5}, hidden rate {rate:.4} \
         (B={size} T={} NH={}, {} threads{memory})",
        1e3 * median,
        size as f64 / median,
        options.steps,
        options.workload.hidden,
        rayon::current_num_threads(),
    );
    Ok(())
}

/// A line of the process's status, where the system has one.
fn resident_kilobytes(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|l| l.strip_prefix(line))?.split_whitespace().next()?.parse().ok()
}

//! Times one training update (forward, backward, Adam) of `models/working_memory.snn`: 64 trials of 2500 steps.
//!
//! ```text
//! cargo run --release --example dms_speed -- --updates 8 --threads 2
//! ```
//!
//! Prints one line: the first update and the median of the others in seconds, spikes per neuron and step of the network and
//! of its input in the last, the bytes of all buffers of the engine, and the segments of the time axis.

use clap::Parser;
use snn_examples::match_to_sample::{CHANNELS, Task};
use snn_runtime::optimise::{Adam, Optimiser};
use snn_runtime::{InputData, Parameters, Simulation, TargetData};
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

snn_macros::snn_model!("models/working_memory.snn");

/// Times training updates of the match-to-sample network.
#[derive(Parser)]
struct Options {
    /// Updates; the first is not in the median.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..1_000_000))]
    updates: u32,
    /// Trials per update.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Threads; by default one per core.
    #[arg(long)]
    threads: Option<usize>,
    /// MiB of what a block of trials keeps for its way back, for each thread; by default what fits the cache.
    #[arg(long)]
    tape: Option<u32>,
    /// Learning rate.
    #[arg(long, default_value_t = 1e-3)]
    lr: f64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    snn_examples::run(options.threads, || run(&options))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let batch = u64::from(options.batch);
    let mut net = WorkingMemory::<f32>::new(1)?;
    let Simulation { dt, steps } = net.engine().simulation();
    let (mut workspace, mut gradient, mut adam) = (net.workspace(), net.gradient(), Adam::new());
    workspace.set_tape_bytes(options.tape.map(|mib| (mib as usize) << 20));
    let mut times = Vec::new();
    let (mut rate, mut input_rate) = (0.0, 0.0);
    for update in 0..u64::from(options.updates) {
        // As in the peer, drawing the trials is not part of an update.
        let trials = Task::default().trials(dt, 1, update * batch..(update + 1) * batch);
        let start = Instant::now();
        let inputs = WorkingMemoryInputs { samples: trials.answers.len(), x: InputData::Spikes(&trials.spikes) };
        let targets = WorkingMemoryTargets { same: TargetData::Class(&trials.answers) };
        let evaluation = net.loss_and_gradient(&inputs, &targets, &mut workspace, &mut gradient)?;
        adam.step(&mut net.parameters, gradient.values(), options.lr)?;
        times.push(start.elapsed().as_secs_f64());
        if !evaluation.loss.is_finite() {
            return Err(format!("the loss of update {update} is {}", evaluation.loss).into());
        }
        rate = snn_examples::mean(&evaluation.readouts, "rate")?;
        let spikes: usize = trials.spikes.iter().map(snn_runtime::SpikeTrain::len).sum();
        input_rate = spikes as f64 / (batch as f64 * steps as f64 * f64::from(CHANNELS));
    }
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    println!(
        "dms snn first {first:.2} step {:.4} s rate {rate:.5} in {input_rate:.5} ({:.1} MB, {} segments)",
        times[times.len() / 2],
        workspace.bytes() as f64 / 1e6,
        workspace.segments(),
    );
    Ok(())
}

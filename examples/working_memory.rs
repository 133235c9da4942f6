//! Trains `models/working_memory.snn` on delayed match to sample by backpropagation through 2500 time steps.
//!
//! ```text
//! cargo run --release --example working_memory                   # 500 updates
//! cargo run --release --example working_memory -- --updates 100
//! ```

use clap::Parser;
use snn_examples::digits::highest;
use snn_examples::figure::raster::{self, Raster, Spikes};
use snn_examples::figure::{self, Curves};
use snn_examples::match_to_sample::{CHANNELS, Task, Trials};
use snn_examples::progress;
use snn_runtime::optimise::{Adam, Optimiser, clip_norm};
use snn_runtime::{Graph, InputData, Parameters, Readouts, Recording, Simulation, TargetData, store};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

snn_macros::snn_model!("models/working_memory.snn");

/// Updates over which accuracy is averaged for the learning curve and the terminal.
const PERIOD: usize = 20;
/// Trials that are not trained on.
const TEST_TRIALS: u64 = 1024;
/// Their seed, the same for every training.
const TEST_SEED: u64 = 0x7e57;

/// Trains a network of generalised integrate-and-fire neurons to compare two directions a second apart.
#[derive(Parser)]
struct Options {
    /// Updates; every one has trials of its own.
    #[arg(long, default_value_t = 500)]
    updates: u32,
    /// Trials per update.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Learning rate of Adam.
    #[arg(long, default_value_t = 1e-3)]
    lr: f64,
    /// The largest norm of the gradient; a longer one is scaled down.
    #[arg(long, default_value_t = 0.25)]
    clip: f64,
    /// Decides over weights, time constants and trials.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; by default one per core. Results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// The folder for weights and figure.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = Options::parse();
    snn_examples::run(options.threads, || run(&options))
}

fn run(options: &Options) -> Outcome<()> {
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot create {}: {e}", options.out.display()))?;
    let mut net = WorkingMemory::<f32>::new(options.seed)?;
    let Simulation { dt, steps } = net.engine().simulation();
    let task = Task::default();
    println!("{} stored numbers, {steps} steps of {dt} ms", net.parameters.values().len());
    let (mut workspace, mut gradient, mut adam) = (net.workspace(), net.gradient(), Adam::new());
    let mut curves = Curves { period: (PERIOD as f64, "update".into()), ..Curves::default() };
    let (start, bar) = (Instant::now(), progress::updates(options.updates.into()));
    let (mut right, mut counted) = (0, 0);
    let mut number = 0;
    for update in 1..=options.updates as usize {
        let trials = task.trials(dt, options.seed, number..number + u64::from(options.batch));
        number += u64::from(options.batch);
        let targets = WorkingMemoryTargets { same: TargetData::Class(&trials.answers) };
        let evaluation = net
            .loss_and_gradient(&inputs(&trials), &targets, &mut workspace, &mut gradient)
            .map_err(|e| format!("update {update}: {e}"))?;
        // Without it, single updates in a stretch of steep loss undo what was learned.
        clip_norm(gradient.values_mut(), options.clip);
        adam.step(&mut net.parameters, gradient.values(), options.lr)?;
        curves.loss.push(evaluation.loss);
        right += correct(&trials, &evaluation.readouts)?;
        counted += trials.answers.len();
        bar.inc(1);
        if update % PERIOD == 0 {
            let accuracy = right as f64 / counted as f64;
            curves.train_accuracy.push(accuracy);
            (right, counted) = (0, 0);
            let rate = snn_examples::mean(&evaluation.readouts, "rate")? * 1000.0 / dt;
            let line = format!("loss {:.4}  accuracy {accuracy:.3}  {rate:.1} Hz", evaluation.loss);
            if bar.is_hidden() && update % (5 * PERIOD) == 0 {
                println!("{update} updates  {line}");
            }
            bar.set_message(line);
        }
    }
    bar.finish();
    println!("{:.3} s per update", start.elapsed().as_secs_f64() / f64::from(options.updates.max(1)));

    let mut right = 0;
    for first in (0..TEST_TRIALS).step_by(64) {
        let trials = task.trials(dt, TEST_SEED, first..first + 64);
        right += correct(&trials, &net.forward(&inputs(&trials), &Recording::none(), &mut workspace)?)?;
    }
    let shown = task.trials(dt, TEST_SEED, 0..1);
    let recording = Recording::none().spikes("exc").spikes("inh").trace("out", "y");
    let readouts = net.forward(&inputs(&shown), &recording, &mut workspace)?;
    let picture = options.out.join("working_memory.svg");
    let trial = first_trial(&shown, &readouts, net.engine().graph())?;
    figure::draw(&picture, &curves, |area| raster::draw(area, &trial))?;
    let weights = options.out.join("working_memory.safetensors");
    store::save(&weights, &net.parameters, &WorkingMemory::<f32>::ID)?;
    println!("weights in {}, figure in {}", weights.display(), picture.display());
    println!("accuracy {:.4} in {TEST_TRIALS} trials", right as f64 / TEST_TRIALS as f64);
    Ok(())
}

fn inputs(trials: &Trials) -> WorkingMemoryInputs<'_> {
    WorkingMemoryInputs { samples: trials.answers.len(), x: InputData::Spikes(&trials.spikes) }
}

/// How many trials were answered correctly.
fn correct(trials: &Trials, readouts: &Readouts<f32>) -> Outcome<usize> {
    let answers = readouts.get("answer").ok_or("the model has no readout `answer`")?;
    let rows = answers.rows().into_iter().zip(&trials.answers);
    Ok(rows.filter(|(row, answer)| highest(row.iter().copied()) == **answer as usize).count())
}

/// The spikes and sums of the first trial.
fn first_trial(trials: &Trials, readouts: &Readouts<f32>, graph: &Graph<f32>) -> Outcome<Raster> {
    let (Some(trial), Some(input)) = (trials.trials.first(), trials.spikes.first()) else {
        return Err("expected a trial to draw, found none".into());
    };
    let answer = ["no match", "match"][trial.answer() as usize];
    let input = Spikes { name: "x".into(), size: CHANNELS as usize, spikes: input.iter().collect() };
    let layers = ["exc", "inh"].map(|name| Spikes::recorded(name, readouts, graph));
    Ok(Raster {
        title: format!("directions {} and {}: {answer}", trial.sample, trial.test),
        steps: graph.simulation.steps,
        dt: graph.simulation.dt,
        populations: std::iter::once(input).chain(layers).collect(),
        readout: ("out y".into(), raster::first_trace(readouts, "out", "y")),
    })
}

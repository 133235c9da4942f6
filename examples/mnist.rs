//! Trains `models/mnist.snn` on handwritten digits by backpropagation through time.
//!
//! ```text
//! cargo run --release --example mnist                    # the 5,000 + 1,000 digits of the repository
//! cargo run --release --example mnist -- --data DIR      # a full set in IDX format
//! ```

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::Array2;
use snn_examples::figure::{self, Curves, Raster, Spikes};
use snn_runtime::data::{LabelledImages, Part};
use snn_runtime::encode::{Encoder, Poisson};
use snn_runtime::optimise::{Adam, Optimiser, Schedule, clip_norm};
use snn_runtime::random::{Purpose, Stream};
use snn_runtime::{
    InputData, Parameters, Readouts, Recording, Simulation, SpikeTrain, TargetData, Workspace, random, store,
};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

snn_macros::snn_model!("models/mnist.snn");

/// Test digits are encoded alike in every run, whatever the seed of the training.
const TEST_SEED: u64 = 0x7e57;

/// Trains a spiking network to read handwritten digits.
#[derive(Parser)]
struct Options {
    /// A folder with the four MNIST files in IDX format, plain or gzip.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"), hide_default_value = true)]
    data: PathBuf,
    /// Passes over the training digits.
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    /// Digits per update.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Time steps per digit; by default those of the model.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Learning rate at the start; falls to a hundredth along a cosine.
    #[arg(long, default_value_t = 5e-3)]
    lr: f64,
    /// Training digits are shifted at random by up to so many pixels, anew in every epoch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=8))]
    shift: u8,
    /// Decides over weights, spikes and order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; by default one per core. Results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// The folder for weights and figure.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Some digits, ready for the network.
struct Sample {
    pixels: Array2<f32>,
    labels: Vec<u32>,
    /// Numbers that decide over the spikes of each digit.
    ids: Vec<u64>,
}

impl Sample {
    /// Moves every digit by up to `most` pixels along both axes, by the random numbers of its id.
    fn shift(&mut self, images: &LabelledImages, most: u8, seed: u64) {
        let (rows, columns) = (images.images().rows, images.images().columns);
        let width = u32::from(most) * 2 + 1;
        for (mut digit, &id) in self.pixels.rows_mut().into_iter().zip(&self.ids) {
            let words = Stream::new(seed, Purpose::Augmentation, id).block(0, 0);
            let [down, right] = [words[0] % width, words[1] % width].map(|w| w as usize);
            let old = digit.to_owned();
            for (i, pixel) in digit.iter_mut().enumerate() {
                // An offset of `most` is no shift.
                let (row, column) = (i / columns + most as usize, i % columns + most as usize);
                let from = row.checked_sub(down).zip(column.checked_sub(right));
                *pixel = match from {
                    Some((r, c)) if r < rows && c < columns => old[r * columns + c],
                    _ => 0.0,
                };
            }
        }
    }

    fn gather(images: &LabelledImages, indices: &[u32], first_id: u64) -> Result<Self, Box<dyn Error>> {
        let mut pixels = Array2::zeros((indices.len(), images.images().rows * images.images().columns));
        for (mut row, &i) in pixels.rows_mut().into_iter().zip(indices) {
            images.scaled(i as usize, row.as_slice_mut().unwrap_or(&mut []))?;
        }
        let labels = indices.iter().map(|&i| images.label(i as usize)).collect::<Result<_, _>>()?;
        let ids = indices.iter().map(|&i| first_id + u64::from(i)).collect();
        Ok(Self { pixels, labels, ids })
    }

    fn inputs<'a>(&'a self, encoder: &'a Poisson, seed: u64) -> DigitsInputs<'a> {
        let pixel = InputData::Encoded { values: self.pixels.view(), encoder, seed, samples: &self.ids };
        DigitsInputs { samples: self.labels.len(), pixel }
    }

    /// How many of the scores `[samples, classes]` are highest at the label.
    fn correct(&self, scores: &ndarray::ArrayD<f32>) -> usize {
        let rows = scores.rows().into_iter().zip(&self.labels);
        rows.filter(|(row, label)| highest(row.iter().copied()) == **label as usize).count()
    }
}

fn highest(scores: impl Iterator<Item = f32>) -> usize {
    scores.enumerate().fold((0, f32::NEG_INFINITY), |best, (i, s)| if s > best.1 { (i, s) } else { best }).0
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if let Some(threads) = options.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot create {}: {e}", options.out.display()))?;
    let train = LabelledImages::load(&options.data, Part::Train)?;
    let test = LabelledImages::load(&options.data, Part::Test)?;
    let mut net = match options.steps {
        None => Digits::new(options.seed)?,
        Some(steps) => Digits::with(Simulation { dt: 1.0, steps: steps as usize }, options.seed)?,
    };
    let encoder = Poisson::new().gain(0.25)?;
    let batch = options.batch as usize;
    let updates = options.epochs * train.len().div_ceil(batch);
    let schedule = Schedule::Cosine { warmup_steps: 0, total_steps: updates, final_fraction: 0.01 };
    println!(
        "{} training and {} test digits, {} trained numbers, {} steps of {} ms",
        train.len(),
        test.len(),
        net.parameters.values().len(),
        net.engine().simulation().steps,
        net.engine().simulation().dt,
    );

    let mut optimiser = Adam::new();
    let mut workspace = net.workspace();
    let mut gradient = net.gradient();
    let mut curves = Curves::default();
    for epoch in 0..options.epochs {
        let bar = progress_bar(train.len(), epoch, options.epochs);
        let order = random::permutation(train.len(), options.seed, epoch as u64);
        let mut correct = 0;
        for indices in order.chunks(batch) {
            // Fresh spikes for a digit in every epoch.
            let mut digits = Sample::gather(&train, indices, (epoch * train.len()) as u64)?;
            digits.shift(&train, options.shift, options.seed);
            let inputs = digits.inputs(&encoder, options.seed);
            let targets = DigitsTargets { label: TargetData::Class(&digits.labels) };
            let evaluation = net.loss_and_gradient(&inputs, &targets, &mut workspace, &mut gradient)?;
            clip_norm(gradient.values_mut(), 1.0);
            let rate = options.lr * schedule.factor(curves.loss.len());
            optimiser.step(&mut net.parameters, gradient.values(), rate)?;
            correct += digits.correct(scores(&evaluation.readouts)?);
            curves.loss.push(evaluation.loss);
            bar.inc(indices.len() as u64);
            let done = bar.position() as f64;
            bar.set_message(format!("loss {:.4}  accuracy {:.4}", evaluation.loss, correct as f64 / done));
        }
        let accuracy = test_accuracy(&net, &test, &encoder, batch, &mut workspace)?;
        curves.train_accuracy.push(correct as f64 / train.len() as f64);
        curves.test_accuracy.push(accuracy);
        bar.finish_with_message(format!("accuracy {:.4}  test {accuracy:.4}", correct as f64 / train.len() as f64));
        // A progress bar is shown on terminals alone; a log gets one line an epoch.
        if bar.is_hidden() {
            let loss = curves.loss.iter().rev().take(order.len().div_ceil(batch)).sum::<f64>();
            println!(
                "epoch {}/{}  loss {:.4}  accuracy {:.4}  test {accuracy:.4}  {:.0} digits/s",
                epoch + 1,
                options.epochs,
                loss / order.len().div_ceil(batch) as f64,
                correct as f64 / train.len() as f64,
                bar.per_sec(),
            );
        }
    }

    let weights = options.out.join("mnist.safetensors");
    store::save(&weights, &net.parameters, &Digits::<f32>::ID)?;
    let picture = options.out.join("mnist.svg");
    figure::draw(&picture, &curves, &raster(&net, &test, &encoder, &mut workspace)?)?;
    println!("weights in {}, figure in {}", weights.display(), picture.display());
    let accuracy = test_accuracy(&net, &test, &encoder, batch, &mut workspace)?;
    println!("test accuracy {accuracy:.4}");
    Ok(())
}

fn progress_bar(digits: usize, epoch: usize, epochs: usize) -> ProgressBar {
    let template = "{prefix} [{bar:28}] {pos}/{len}  {per_sec:>12}  {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style
        .with_key("per_sec", |state: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
            _ = write!(w, "{:.0} digits/s", state.per_sec());
        })
        .progress_chars("=> ");
    ProgressBar::new(digits as u64).with_style(style).with_prefix(format!("epoch {:>2}/{epochs}", epoch + 1))
}

fn scores(readouts: &Readouts<f32>) -> Result<&ndarray::ArrayD<f32>, Box<dyn Error>> {
    readouts.get("scores").ok_or_else(|| "the model has no readout `scores`".into())
}

fn test_accuracy(
    net: &Digits,
    test: &LabelledImages,
    encoder: &Poisson,
    batch: usize,
    workspace: &mut Workspace<f32>,
) -> Result<f64, Box<dyn Error>> {
    let indices: Vec<u32> = (0..test.len() as u32).collect();
    let mut correct = 0;
    for indices in indices.chunks(batch) {
        let digits = Sample::gather(test, indices, 0)?;
        let readouts = net.forward(&digits.inputs(encoder, TEST_SEED), &Recording::none(), workspace)?;
        correct += digits.correct(scores(&readouts)?);
    }
    Ok(correct as f64 / test.len() as f64)
}

/// The spikes of the first test digit.
fn raster(
    net: &Digits,
    test: &LabelledImages,
    encoder: &Poisson,
    workspace: &mut Workspace<f32>,
) -> Result<Raster, Box<dyn Error>> {
    let digit = Sample::gather(test, &[0], 0)?;
    let recording = Recording::none().spikes("hidden").trace("out", "V");
    let readouts = net.forward(&digit.inputs(encoder, TEST_SEED), &recording, workspace)?;
    let Simulation { dt, steps } = net.engine().simulation();
    let mut input = SpikeTrain::new();
    let row = digit.pixels.row(0).to_vec();
    encoder.encode(&row, steps, dt, TEST_SEED, digit.ids[0], &mut input);
    let hidden = readouts.spikes("hidden").and_then(|s| s.first()).map(|s| s.iter().collect()).unwrap_or_default();
    let trace = readouts.trace("out", "V").map(|v| v.index_axis(ndarray::Axis(0), 0).to_owned());
    let trace = trace.map(|v| v.rows().into_iter().map(|r| r.iter().map(|&x| f64::from(x)).collect()).collect());
    let read = highest(scores(&readouts)?.iter().copied());
    Ok(Raster {
        title: format!("test digit 0: a {}, read as {read}", digit.labels[0]),
        steps,
        dt,
        populations: vec![
            Spikes { name: "pixel".into(), size: 784, spikes: input.iter().collect() },
            Spikes { name: "hidden".into(), size: 256, spikes: hidden },
        ],
        readout: ("readout V (mV)".into(), trace.unwrap_or_default()),
    })
}

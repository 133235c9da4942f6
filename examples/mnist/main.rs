//! Trains `models/mnist.snn` on handwritten digits by backpropagation through time.
//!
//! ```text
//! cargo run --release --example mnist                    # the 5,000 + 1,000 digits of the repository
//! cargo run --release --example mnist -- --data DIR      # a full set in IDX format
//! cargo run --release --example mnist -- --resume        # goes on where an interrupted run stopped
//! ```

mod options;

use clap::Parser;
use options::Options;
use snn_examples::digits::{Sample, highest};
use snn_examples::figure::{self, Curves, Raster};
use snn_examples::progress;
use snn_runtime::checkpoint::{Checkpoint, Progress, Settings};
use snn_runtime::data::{LabelledImages, Part};
use snn_runtime::encode::Poisson;
use snn_runtime::optimise::{Adam, Optimiser, Schedule, clip_norm};
use snn_runtime::{ParameterSet, Parameters, Readouts, Recording, Simulation, TargetData, Workspace, random, store};
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

snn_macros::snn_model!("models/mnist.snn");

/// Test digits are encoded alike in every run, whatever the seed of the training.
const TEST_SEED: u64 = 0x7e57;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = Options::parse();
    snn_examples::run(options.threads, || run(&options))
}

fn run(options: &Options) -> Outcome<()> {
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot create {}: {e}", options.out.display()))?;
    let mut training = Training::new(options)?;
    training.start()?;
    for epoch in training.progress.epoch..u64::from(options.epochs) {
        training.epoch(epoch)?;
    }
    training.finish()
}

struct Training<'a> {
    options: &'a Options,
    train: LabelledImages,
    test: LabelledImages,
    /// Training digits that are used.
    count: usize,
    encoder: Poisson,
    schedule: Schedule,
    net: Digits,
    optimiser: Adam<f32>,
    workspace: Workspace<f32>,
    gradient: ParameterSet<f32>,
    checkpoint: Checkpoint<'static>,
    progress: Progress,
}

impl<'a> Training<'a> {
    fn new(options: &'a Options) -> Outcome<Self> {
        let train = LabelledImages::load(&options.data, Part::Train)?;
        let test = LabelledImages::load(&options.data, Part::Test)?;
        for (part, images) in [("train on", &train), ("test with", &test)] {
            if images.is_empty() {
                let folder = options.data.display();
                return Err(format!("expected digits to {part} in {folder}, found none; give another folder").into());
            }
        }
        let net = match options.steps {
            None => Digits::new(options.seed)?,
            Some(steps) => Digits::with(Simulation { dt: 1.0, steps: steps as usize }, options.seed)?,
        };
        let Simulation { dt, steps } = net.engine().simulation();
        let count = options.limit.map_or(train.len(), |limit| train.len().min(limit as usize));
        let total_steps = options.epochs as usize * count.div_ceil(options.batch as usize);
        let schedule = Schedule::Cosine { warmup_steps: 0, total_steps, final_fraction: 0.01 };
        let trained = net.parameters.values().len();
        println!(
            "{count} training and {} test digits, {trained} trained numbers, {steps} steps of {dt} ms",
            test.len()
        );
        // Everything that decides over the weights, but the digits themselves.
        let settings = Settings::new(options.seed, &schedule)
            .with("batch", options.batch)
            .with("digits", count)
            .with("epochs", options.epochs)
            .with("learning rate", options.lr)
            .with("shift", options.shift)
            .with("steps", steps);
        let path = options.checkpoint.clone().unwrap_or_else(|| options.out.join("mnist.checkpoint"));
        Ok(Self {
            options,
            train,
            test,
            count,
            encoder: Poisson::new().gain(0.25)?,
            schedule,
            optimiser: Adam::new(),
            workspace: net.workspace(),
            gradient: net.gradient(),
            net,
            checkpoint: Checkpoint::new(path, Digits::<f32>::ID, settings),
            progress: Progress::default(),
        })
    }

    /// From the beginning, or from the checkpoint.
    fn start(&mut self) -> Outcome<()> {
        self.checkpoint.prepare()?;
        let path = self.checkpoint.path().display();
        if self.checkpoint.exists() && self.options.resume {
            self.progress = self.checkpoint.load(&mut self.net.parameters, &mut self.optimiser)?;
            let Progress { epoch, batch, updates, .. } = self.progress;
            println!("resuming from {path}: {epoch} epochs and {batch} batches done, {updates} updates");
        } else if self.checkpoint.exists() {
            println!("{path} of an earlier run will be replaced; with --resume it would be continued");
        }
        Ok(())
    }

    fn series(&mut self, name: &str) -> &mut Vec<f64> {
        self.progress.series.entry(name.into()).or_default()
    }

    /// What is left of an epoch.
    fn epoch(&mut self, epoch: u64) -> Outcome<()> {
        let Options { batch, epochs, seed, checkpoint_every, .. } = *self.options;
        let (batch, count) = (batch as usize, self.count);
        let done = self.progress.batch as usize * batch;
        let (start, bar) = (Instant::now(), progress::bar(count as u64, done as u64, epoch, epochs.into()));
        let order = random::permutation(count, seed, epoch);
        let batches = order.len().div_ceil(batch);
        let mut right = self.series("correct").iter().sum::<f64>();
        for indices in order.chunks(batch).skip(self.progress.batch as usize) {
            // Fresh spikes for a digit in every epoch.
            let digits = Sample::gather(&self.train, indices, epoch * count as u64)?;
            self.progress.updates += 1;
            let (loss, correct) = self.update(digits).map_err(at(epoch, self.progress.updates))?;
            self.series("loss").push(loss);
            self.series("correct").push(correct as f64);
            self.progress.batch += 1;
            let Progress { updates, batch, .. } = self.progress;
            if checkpoint_every > 0 && updates % checkpoint_every == 0 && (batch as usize) < batches {
                self.save().map_err(at(epoch, updates))?;
            }
            bar.inc(indices.len() as u64);
            right += correct as f64;
            let accuracy = right / bar.position() as f64;
            bar.set_message(format!("loss {loss:.4}  accuracy {accuracy:.4}"));
        }
        let speed = (count.saturating_sub(done)) as f64 / start.elapsed().as_secs_f64();
        let loss = self.series("loss").iter().rev().take(batches).sum::<f64>() / batches as f64;
        self.series("correct").clear();
        let accuracy = right / count as f64;
        let test = self.test_accuracy().map_err(at(epoch, self.progress.updates))?;
        self.series("training accuracy").push(accuracy);
        self.series("test accuracy").push(test);
        (self.progress.epoch, self.progress.batch) = (epoch + 1, 0);
        self.save().map_err(at(epoch, self.progress.updates))?;
        bar.finish_with_message(format!("accuracy {accuracy:.4}  test {test:.4}"));
        // A progress bar is shown on terminals alone; a log gets one line an epoch.
        if bar.is_hidden() {
            let place = format!("epoch {}/{epochs}", epoch + 1);
            println!("{place}  loss {loss:.4}  accuracy {accuracy:.4}  test {test:.4}  {speed:.0} digits/s");
        }
        Ok(())
    }

    fn save(&self) -> Outcome<()> {
        Ok(self.checkpoint.save(&self.net.parameters, &self.optimiser, &self.progress)?)
    }

    /// The loss of a batch and how many of its digits were read correctly, before the weights change.
    fn update(&mut self, mut digits: Sample) -> Outcome<(f64, usize)> {
        let Options { seed, shift, lr, .. } = *self.options;
        digits.shift(&self.train, shift, seed)?;
        let targets = DigitsTargets { label: TargetData::Class(&digits.labels) };
        let inputs = inputs(&digits, &self.encoder, seed);
        let evaluation = self.net.loss_and_gradient(&inputs, &targets, &mut self.workspace, &mut self.gradient)?;
        clip_norm(self.gradient.values_mut(), 1.0);
        let rate = lr * self.schedule.factor(self.progress.updates as usize - 1);
        self.optimiser.step(&mut self.net.parameters, self.gradient.values(), rate)?;
        Ok((evaluation.loss, digits.correct(scores(&evaluation.readouts)?)))
    }

    fn test_accuracy(&mut self) -> Outcome<f64> {
        let indices: Vec<u32> = (0..self.test.len() as u32).collect();
        let mut correct = 0;
        for indices in indices.chunks(self.options.batch as usize) {
            let digits = Sample::gather(&self.test, indices, 0)?;
            let inputs = inputs(&digits, &self.encoder, TEST_SEED);
            correct += digits.correct(scores(&self.net.forward(&inputs, &Recording::none(), &mut self.workspace)?)?);
        }
        Ok(correct as f64 / self.test.len() as f64)
    }

    /// Writes weights and figure.
    fn finish(mut self) -> Outcome<()> {
        let weights = self.options.out.join("mnist.safetensors");
        store::save(&weights, &self.net.parameters, &Digits::<f32>::ID)?;
        let picture = self.options.out.join("mnist.svg");
        let [loss, train_accuracy, test_accuracy] =
            ["loss", "training accuracy", "test accuracy"].map(|name| std::mem::take(self.series(name)));
        let last = test_accuracy.last().copied();
        figure::draw(
            &picture,
            &Curves { loss, period: (1.0, "epoch".into()), train_accuracy, test_accuracy },
            &self.raster()?,
        )?;
        println!("weights in {}, figure in {}", weights.display(), picture.display());
        let accuracy = match last {
            Some(accuracy) => accuracy,
            None => self.test_accuracy()?,
        };
        println!("test accuracy {accuracy:.4}");
        Ok(())
    }

    /// The spikes of the first test digit.
    fn raster(&mut self) -> Outcome<Raster> {
        let digit = Sample::gather(&self.test, &[0], 0)?;
        let recording = Recording::none().spikes("hidden").trace("out", "V");
        let inputs = inputs(&digit, &self.encoder, TEST_SEED);
        let readouts = self.net.forward(&inputs, &recording, &mut self.workspace)?;
        let read = highest(scores(&readouts)?.iter().copied());
        let title = format!("test digit 0: a {}, read as {read}", digit.labels[0]);
        Raster::of_digit(title, &digit, &self.encoder, TEST_SEED, self.net.engine().graph(), &readouts)
    }
}

/// Puts the place before an error: that training diverged is of use with its time alone.
fn at(epoch: u64, update: u64) -> impl Fn(Box<dyn Error>) -> String {
    move |error| format!("epoch {}, update {update}: {error}", epoch + 1)
}

fn inputs<'a>(digits: &'a Sample, encoder: &'a Poisson, seed: u64) -> DigitsInputs<'a> {
    DigitsInputs { samples: digits.labels.len(), pixel: digits.encoded(encoder, seed) }
}

fn scores(readouts: &Readouts<f32>) -> Outcome<&ndarray::ArrayD<f32>> {
    readouts.get("scores").ok_or_else(|| "the model has no readout `scores`".into())
}

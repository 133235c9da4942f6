//! A network that is trained on handwritten digits by backpropagation through time: epochs, checkpoints, figure.

use crate::digits::{Sample, highest};
use crate::figure::{self, Area, Curves};
use crate::options::Options;
use crate::progress;
use ndarray::ArrayD;
use snn_runtime::checkpoint::{Checkpoint, Progress, Settings};
use snn_runtime::data::{LabelledImages, Part};
use snn_runtime::encode::Poisson;
use snn_runtime::optimise::{Adam, Optimiser, Schedule, clip_norm};
use snn_runtime::{
    Batch, Graph, ModelId, Network, ParameterSet, Parameters, Readouts, Recording, Simulation, TargetData, Workspace,
    random, store,
};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

/// Test digits are encoded alike in every run, whatever the seed of the training.
pub const TEST_SEED: u64 = 0x7e57;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A training of a network with one input of as many spiking channels as a digit has pixels, one class target of ten, and a
/// readout `scores` `[digits, 10]`.
pub struct Training<'a> {
    options: &'a Options,
    train: LabelledImages,
    test: LabelledImages,
    /// Training digits that are used.
    count: usize,
    encoder: Poisson,
    schedule: Schedule,
    network: Network<f32>,
    parameters: ParameterSet<f32>,
    id: ModelId<'static>,
    optimiser: Adam<f32>,
    workspace: Workspace<f32>,
    gradient: ParameterSet<f32>,
    checkpoint: Checkpoint<'static>,
    progress: Progress,
}

impl<'a> Training<'a> {
    /// Reads the digits, and begins anew or where the checkpoint is.
    ///
    /// # Errors
    /// If a file cannot be read or written, there are no digits, or the network cannot be run.
    pub fn new(options: &'a Options, graph: Graph<f32>, id: ModelId<'static>) -> Outcome<Self> {
        std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot create {}: {e}", options.out.display()))?;
        let train = LabelledImages::load(&options.data, Part::Train)?;
        let test = LabelledImages::load(&options.data, Part::Test)?;
        for (part, images) in [("train on", &train), ("test with", &test)] {
            if images.is_empty() {
                let folder = options.data.display();
                return Err(format!("expected digits to {part} in {folder}, found none; give another folder").into());
            }
        }
        let Simulation { dt, .. } = graph.simulation;
        let network = match options.steps {
            None => Network::new(graph)?,
            Some(steps) => Network::with_simulation(graph, Simulation { dt, steps: steps as usize })?,
        };
        let Simulation { dt, steps } = network.simulation();
        let parameters = network.initial_parameters(options.seed);
        let count = options.limit.map_or(train.len(), |limit| train.len().min(limit as usize));
        let total_steps = options.epochs as usize * count.div_ceil(options.batch as usize);
        let schedule = Schedule::Cosine { warmup_steps: 0, total_steps, final_fraction: 0.01 };
        let trained = parameters.values().len();
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
        let path = options.checkpoint.clone().unwrap_or_else(|| file(options, "checkpoint"));
        let mut training = Self {
            options,
            train,
            test,
            count,
            encoder: Poisson::new().gain(0.25)?,
            schedule,
            optimiser: Adam::new(),
            workspace: Workspace::new(),
            gradient: ParameterSet::zeros(network.layout().clone()),
            network,
            parameters,
            id,
            checkpoint: Checkpoint::new(path, id, settings),
            progress: Progress::default(),
        };
        training.start()?;
        Ok(training)
    }

    /// What is left of the epochs; then writes the weights.
    ///
    /// # Errors
    /// If the training diverges, or a file cannot be written.
    pub fn run(&mut self) -> Outcome<()> {
        for epoch in self.progress.epoch..u64::from(self.options.epochs) {
            self.epoch(epoch)?;
        }
        Ok(store::save(file(self.options, "safetensors"), &self.parameters, &self.id)?)
    }

    /// From the beginning, or from the checkpoint.
    fn start(&mut self) -> Outcome<()> {
        self.checkpoint.prepare()?;
        let path = self.checkpoint.path().display();
        if self.checkpoint.exists() && self.options.resume {
            self.progress = self.checkpoint.load(&mut self.parameters, &mut self.optimiser)?;
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
        Ok(self.checkpoint.save(&self.parameters, &self.optimiser, &self.progress)?)
    }

    /// The loss of a batch and how many of its digits were read correctly, before the weights change.
    fn update(&mut self, mut digits: Sample) -> Outcome<(f64, usize)> {
        let Options { seed, shift, lr, .. } = *self.options;
        digits.shift(&self.train, shift, seed)?;
        let batch = batch(&digits, &self.encoder, seed);
        let (workspace, gradient) = (&mut self.workspace, &mut self.gradient);
        let evaluation = self.network.loss_and_gradient(&self.parameters, &batch, workspace, gradient)?;
        clip_norm(self.gradient.values_mut(), 1.0);
        let rate = lr * self.schedule.factor(self.progress.updates as usize - 1);
        self.optimiser.step(&mut self.parameters, self.gradient.values(), rate)?;
        Ok((evaluation.loss, digits.correct(scores(&evaluation.readouts)?)))
    }

    fn test_accuracy(&mut self) -> Outcome<f64> {
        let indices: Vec<u32> = (0..self.test.len() as u32).collect();
        let mut correct = 0;
        for indices in indices.chunks(self.options.batch as usize) {
            let digits = Sample::gather(&self.test, indices, 0)?;
            correct += digits.correct(scores(&self.forward(&digits, &Recording::none())?)?);
        }
        Ok(correct as f64 / self.test.len() as f64)
    }

    fn forward(&mut self, digits: &Sample, recording: &Recording) -> Outcome<Readouts<f32>> {
        let batch = batch(digits, &self.encoder, TEST_SEED);
        Ok(self.network.forward(&self.parameters, &batch, &mut self.workspace, recording)?)
    }

    /// Runs the first test digit.
    ///
    /// # Errors
    /// If the recording names what the network has not, or the network has no readout `scores`.
    pub fn show(&mut self, recording: &Recording) -> Outcome<Shown> {
        let digit = Sample::gather(&self.test, &[0], 0)?;
        let readouts = self.forward(&digit, recording)?;
        let read = highest(scores(&readouts)?.iter().copied());
        let title = format!("test digit 0: a {}, read as {read}", digit.labels[0]);
        Ok(Shown { title, digit, readouts })
    }

    /// Draws the learning curves, and beside them what `beside` draws; says where everything is, and how well the network
    /// reads test digits.
    ///
    /// # Errors
    /// If the figure cannot be written.
    pub fn finish(mut self, beside: impl FnOnce(&Self, &Area<'_>) -> Outcome<()>) -> Outcome<()> {
        let [loss, train_accuracy, test_accuracy] = ["loss", "training accuracy", "test accuracy"]
            .map(|name| self.progress.series.get(name).cloned().unwrap_or_default());
        let last = test_accuracy.last().copied();
        let picture = file(self.options, "svg");
        let curves = Curves { loss, period: (1.0, "epoch".into()), train_accuracy, test_accuracy };
        figure::draw(&picture, &curves, |area| beside(&self, area))?;
        println!("weights in {}, figure in {}", file(self.options, "safetensors").display(), picture.display());
        let accuracy = match last {
            Some(accuracy) => accuracy,
            None => self.test_accuracy()?,
        };
        println!("test accuracy {accuracy:.4}");
        Ok(())
    }

    /// The network.
    pub fn network(&self) -> &Network<f32> {
        &self.network
    }

    /// Its trained numbers.
    pub fn parameters(&self) -> &ParameterSet<f32> {
        &self.parameters
    }

    /// What turns pixels into spikes.
    pub fn encoder(&self) -> &Poisson {
        &self.encoder
    }
}

/// A test digit and what the network made of it.
pub struct Shown {
    /// `test digit 0: a 7, read as 7`
    pub title: String,
    /// A sample of one digit.
    pub digit: Sample,
    /// What was recorded.
    pub readouts: Readouts<f32>,
}

fn file(options: &Options, ending: &str) -> PathBuf {
    options.out.join(format!("{}.{ending}", options.name))
}

/// Puts the place before an error: that training diverged is of use with its time alone.
fn at(epoch: u64, update: u64) -> impl Fn(Box<dyn Error>) -> String {
    move |error| format!("epoch {}, update {update}: {error}", epoch + 1)
}

fn batch<'a>(digits: &'a Sample, encoder: &'a Poisson, seed: u64) -> Batch<'a, f32> {
    Batch {
        size: digits.labels.len(),
        inputs: vec![digits.encoded(encoder, seed)],
        targets: vec![TargetData::Class(&digits.labels)],
    }
}

fn scores(readouts: &Readouts<f32>) -> Outcome<&ArrayD<f32>> {
    readouts.get("scores").ok_or_else(|| "the model has no readout `scores`".into())
}

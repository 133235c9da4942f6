//! The command line of a training on handwritten digits.

use clap::{CommandFactory, FromArgMatches, Parser};
use std::path::PathBuf;

/// What a training is called, and what it does unless the command line says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// The name of its files, without ending.
    pub name: &'static str,
    /// Passes over the training digits, as on the command line.
    pub epochs: &'static str,
    /// Digits per update, as on the command line.
    pub batch: &'static str,
    /// Learning rate at the start, as on the command line.
    pub lr: &'static str,
}

/// Trains a spiking network to read handwritten digits.
#[derive(Clone, Debug, Parser)]
#[command(args_override_self = true)]
pub struct Options {
    /// The name of the files without ending; no option.
    #[arg(skip)]
    pub name: &'static str,
    /// A folder with the four MNIST files in IDX format, plain or gzip.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"), hide_default_value = true)]
    pub data: PathBuf,
    /// Trains on the first so many digits; by default on all.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Passes over the training digits.
    #[arg(long)]
    pub epochs: u32,
    /// Digits per update.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: u32,
    /// Time steps per digit; by default those of the model.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,
    /// Learning rate at the start; falls to a hundredth along a cosine.
    #[arg(long)]
    pub lr: f64,
    /// Training digits are shifted at random by up to so many pixels, anew in every epoch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=8))]
    pub shift: u8,
    /// Decides over weights, spikes and order.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads; by default one per core. Results do not depend on it.
    #[arg(long)]
    pub threads: Option<usize>,
    /// The folder for weights and figure.
    #[arg(long, default_value = "out")]
    pub out: PathBuf,
    /// The file that keeps the state of the training; by default in the folder of the weights, with the ending
    /// `checkpoint`. It is saved after every epoch, and without `--resume` it is replaced.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Saves the state after every so many updates as well; 0: after epochs only.
    #[arg(long, default_value_t = 100, value_name = "UPDATES")]
    pub checkpoint_every: u64,
    /// Goes on from the checkpoint if there is one; the weights will be those of a run that was not interrupted.
    #[arg(long)]
    pub resume: bool,
}

impl Options {
    /// The options of this process. Help, and a mistake on the command line, end it.
    pub fn parse_with(defaults: Defaults) -> Self {
        let Defaults { name, epochs, batch, lr } = defaults;
        let command = Self::command()
            .mut_arg("epochs", |argument| argument.required(false).default_value(epochs))
            .mut_arg("batch", |argument| argument.required(false).default_value(batch))
            .mut_arg("lr", |argument| argument.required(false).default_value(lr));
        match Self::from_arg_matches(&command.get_matches()) {
            Ok(options) => Self { name, ..options },
            Err(error) => error.exit(),
        }
    }
}

//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// Trains a spiking network to read handwritten digits.
#[derive(Parser)]
#[command(args_override_self = true)]
pub(crate) struct Options {
    /// A folder with the four MNIST files in IDX format, plain or gzip.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"), hide_default_value = true)]
    pub(crate) data: PathBuf,
    /// Trains on the first so many digits; by default on all.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Passes over the training digits.
    #[arg(long, default_value_t = 20)]
    pub(crate) epochs: u32,
    /// Digits per update.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) batch: u32,
    /// Time steps per digit; by default those of the model.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) steps: Option<u32>,
    /// Learning rate at the start; falls to a hundredth along a cosine.
    #[arg(long, default_value_t = 5e-3)]
    pub(crate) lr: f64,
    /// Training digits are shifted at random by up to so many pixels, anew in every epoch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=8))]
    pub(crate) shift: u8,
    /// Decides over weights, spikes and order.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Threads; by default one per core. Results do not depend on it.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// The folder for weights and figure.
    #[arg(long, default_value = "out")]
    pub(crate) out: PathBuf,
    /// The file that keeps the state of the training; by default `mnist.checkpoint` in the folder of the weights. It is
    /// saved after every epoch, and without `--resume` it is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Saves the state after every so many updates as well; 0: after epochs only.
    #[arg(long, default_value_t = 100, value_name = "UPDATES")]
    pub(crate) checkpoint_every: u64,
    /// Goes on from the checkpoint if there is one; the weights will be those of a run that was not interrupted.
    #[arg(long)]
    pub(crate) resume: bool,
}

//! Training that can be interrupted at any moment: everything a training loop needs to go on, in one file.
//!
//! A checkpoint is a safetensors file with the parameters, the state of the optimiser and any series of numbers that the
//! loop keeps; its metadata has the position, the settings that have to be the same when training goes on, and a
//! checksum. [`Checkpoint::save`] replaces it as a whole or not at all, so a process may be killed while it saves.
//! [`Checkpoint::load`] checks the whole file before it changes anything. Parameters, optimiser and series come back bit
//! for bit: a loop whose every update depends on them, on the position and on the settings alone ends with the same
//! weights whether it was interrupted or not. Random numbers that depend on seed and position ([`crate::random`]) have no
//! state to keep.
//!
//! ```
//! use snn_runtime::checkpoint::{Checkpoint, Progress, Settings};
//! use snn_runtime::optimise::{Adam, Optimiser, Schedule};
//! use snn_runtime::{Layout, ModelId, ParameterSet, Parameters};
//!
//! let mut layout = Layout::default();
//! layout.push("hidden.bias", &[2], "nA", false);
//! let layout = std::sync::Arc::new(layout);
//! let folder = tempfile::tempdir()?;
//! let schedule = Schedule::Cosine { warmup_steps: 0, total_steps: 6, final_fraction: 0.01 };
//! let settings = Settings::new(1, &schedule).with("rate", 0.05).with("batch", 64);
//! let id = ModelId { name: "Digits", hash: "9ae16a3b2f90404f" };
//! let checkpoint = Checkpoint::new(folder.path().join("digits.checkpoint"), id, settings);
//! checkpoint.prepare()?;
//!
//! // Trains for 3 epochs of 2 batches, and stops, as if killed, after so many updates.
//! let train = |updates: u64| -> Result<_, Box<dyn std::error::Error>> {
//!     let (mut parameters, mut adam) = (ParameterSet::<f32>::zeros(layout.clone()), Adam::new());
//!     let start = match checkpoint.exists() {
//!         true => checkpoint.load(&mut parameters, &mut adam)?,
//!         false => Progress::default(),
//!     };
//!     for update in start.updates..updates {
//!         let gradient: Vec<f32> = parameters.values().iter().map(|x| x - 1.0).collect();
//!         adam.step(&mut parameters, &gradient, 0.05 * schedule.factor(update as usize))?;
//!         let updates = update + 1;
//!         let progress = Progress { epoch: updates / 2, batch: updates % 2, updates, ..Progress::default() };
//!         checkpoint.save(&parameters, &adam, &progress)?;
//!     }
//!     Ok((parameters, adam))
//! };
//! train(3)?;
//! let resumed = train(6)?;
//! std::fs::remove_file(checkpoint.path())?;
//! assert_eq!(train(6)?, resumed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checksum;
mod error;
mod load;
mod save;
mod settings;

pub use error::CheckpointError;
pub use settings::Settings;

use crate::atomic;
use crate::store::{ModelId, StoreError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the files that [`Checkpoint::save`] writes and [`Checkpoint::load`] reads.
pub const FORMAT_VERSION: &str = "1";

const VERSION_KEY: &str = "checkpoint_version";
const CHECKSUM_KEY: &str = "checksum";
const RULE_KEY: &str = "optimiser";
const STEPS_KEY: &str = "optimiser_steps";
const EPOCH_KEY: &str = "epoch";
const BATCH_KEY: &str = "batch";
const UPDATES_KEY: &str = "updates";
/// Before the name of a setting, in metadata.
const SETTING: &str = "setting.";
/// Before the name of a tensor of the layout.
const PARAMETER: &str = "parameter.";
/// Before the name of a part of the optimiser's state.
const STATE: &str = "optimiser.";
/// Before the name of a series.
const SERIES: &str = "series.";

/// Room for all series together: 2^27 numbers, 1 GiB.
const SERIES_LIMIT: u64 = 1 << 30;
const ROOM: &str = "the parameters, the state of the optimiser and 1 GiB of series";

/// How far training has come, and what the loop keeps besides parameters and optimiser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The epoch of the next update, counted from 0: as many epochs are complete.
    pub epoch: u64,
    /// The batch of the next update in its epoch, counted from 0: as many batches of this epoch are done.
    pub batch: u64,
    /// Updates made since the beginning.
    pub updates: u64,
    /// Finite numbers by name, such as the loss of every update, or a sum that runs through the epoch.
    pub series: BTreeMap<String, Vec<f64>>,
}

/// The file in which a training keeps its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint<'a> {
    path: PathBuf,
    model: ModelId<'a>,
    settings: Settings,
}

impl<'a> Checkpoint<'a> {
    /// A file for a training of that model with these settings. Nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>, model: ModelId<'a>, settings: Settings) -> Self {
        Self { path: path.into(), model, settings }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// False if there is certainly no such file; if the system does not tell, loading will report why.
    pub fn exists(&self) -> bool {
        !matches!(self.path.try_exists(), Ok(false))
    }

    /// Finds out whether saving will be possible, before a training that would be lost otherwise, and removes temporary
    /// files that processes left next to the file when they were killed while saving. One training at a time may use a
    /// file. An existing file is untouched.
    ///
    /// # Errors
    /// If no file of that name can be written.
    pub fn prepare(&self) -> Result<(), CheckpointError> {
        let failed = |action| move |source| StoreError::Io { path: self.path.clone(), action, source };
        atomic::check(&self.path).map_err(failed("save checkpoints there"))?;
        atomic::remove_leftovers(&self.path).map_err(failed("remove old temporary files next to it"))?;
        Ok(())
    }
}

/// The longest file of such a network and optimiser, without its header.
fn room(parameters: usize, parts: usize) -> u64 {
    (parameters as u64).saturating_mul(8 * (1 + parts as u64)).saturating_add(SERIES_LIMIT)
}

#[cfg(test)]
mod tests;

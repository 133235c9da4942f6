//! What can be wrong with a checkpoint.

use crate::store::StoreError;
use std::path::PathBuf;
use thiserror::Error;

/// Errors of saving and loading checkpoints. When one is returned neither the parameters, nor the optimiser, nor an older
/// file have changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// What can be wrong with any file of trained numbers.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A safetensors file, but not a checkpoint.
    #[error(
        "{}: expected a checkpoint, found a file without the metadata `{key}`; give a file that a training saved to \
         resume from, not one of weights alone", path.display()
    )]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// The metadata that is missing.
        key: &'static str,
    },
    /// Numbers or metadata changed after the file was saved.
    #[error(
        "{}: expected contents with checksum {expected}, as the file says, found {found}: it was damaged or edited; go \
         back to a copy of it, or start again without it", path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The checksum in the file.
        expected: String,
        /// The checksum of its contents.
        found: String,
    },
    /// Metadata that is not a count.
    #[error(
        "{}: expected a whole number of at most 64 bits as metadata `{key}`, found {found:?}; go back to a copy of the \
         file, or start again without it", path.display()
    )]
    Number {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
    },
    /// The optimiser follows another rule.
    #[error(
        "{}: expected the state of {expected}, the optimiser of this training, found that of {found}; resume with the \
         optimiser and the settings that it was saved with, or start again without the file", path.display()
    )]
    Optimiser {
        /// The file.
        path: PathBuf,
        /// The rule now.
        expected: String,
        /// The rule in the file.
        found: String,
    },
    /// A setting is not the same.
    #[error(
        "{}: expected {expected} as setting `{name}`, the value of this training, found {found} in the file; resume with \
         the value in the file, or start again without it", path.display()
    )]
    Setting {
        /// The file.
        path: PathBuf,
        /// The name of the setting.
        name: String,
        /// The value now, or `none`.
        expected: String,
        /// The value in the file, or `none`.
        found: String,
    },
    /// A tensor of the other precision, whose numbers would not come back bit for bit.
    #[error(
        "{}: expected type {expected} of tensor `{tensor}`, the precision of this training, found {found}; resume in the \
         precision that it was saved in", path.display()
    )]
    Precision {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
        /// The type now.
        expected: String,
        /// The type in the file.
        found: String,
    },
    /// The state of the optimiser does not belong to the parameters.
    #[error(
        "{}: expected {expected} numbers or none as part `{part}` of the optimiser's state, found {found}; use one \
         optimiser for each network", path.display()
    )]
    StateLength {
        /// The file.
        path: PathBuf,
        /// The part.
        part: &'static str,
        /// The number of parameters.
        expected: usize,
        /// The length of the part.
        found: usize,
    },
}

//! What can be wrong with a file of trained numbers.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Errors of saving and loading. When one is returned neither the parameters nor an older file have changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}; check the path, the permissions and the free space", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// Not a safetensors file, or a damaged one.
    #[error("{}: expected a complete safetensors file, found a damaged one ({reason}); save or fetch it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// The file is longer than any file with these parameters.
    #[error(
        "{}: expected at most {limit} bytes, which is room for {room}, found more; give a file that was saved from this \
         model", path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
        /// What there is room for.
        room: &'static str,
    },
    /// The metadata lacks an entry.
    #[error(
        "{}: expected metadata `{key}` with {expected:?}, found none; give a file that was saved from this model, or \
         add the entry if the numbers come from elsewhere", path.display()
    )]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value in a file of this model.
        expected: String,
    },
    /// Written by another version.
    #[error("{}: expected format version {expected}, found {found:?}; load it with the version that saved it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that can be read.
        expected: &'static str,
        /// The version of the file.
        found: String,
    },
    /// The numbers of another model.
    #[error(
        "{}: expected numbers of model `{name}` with hash {expected}, found those of `{found_name}` with hash {found}; \
         load them into the model they were saved from, or train again if its equations, sizes, constants or connections were changed",
        path.display()
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// The name of the model.
        name: String,
        /// The hash of the model.
        expected: String,
        /// The name in the file.
        found_name: String,
        /// The hash in the file.
        found: String,
    },
    /// A tensor is not in the file.
    #[error(
        "{}: expected a tensor `{tensor}` of shape {shape:?}, found none; {}", path.display(), missing_remedy(others)
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Tensors of the file that the model does not have.
        others: Vec<String>,
    },
    /// A tensor that the model does not have.
    #[error(
        "{}: expected the {expected} tensors of the model only, found also `{tensor}`; remove it from the file, or load \
         the file into the model it was saved from", path.display()
    )]
    Extra {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
        /// The number of tensors of the model.
        expected: usize,
    },
    /// A tensor of another shape.
    #[error(
        "{}: expected shape {expected:?} of tensor `{tensor}`, found {found:?}; load the file into a model of the size it \
         was saved from", path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
        /// The shape in the model.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor of another type.
    #[error("{}: expected type F32 or F64 of tensor `{tensor}`, found {found}; convert the tensor", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
        /// Its type in the file.
        found: String,
    },
    /// A number that is infinite or NaN, or too large for the type of the parameters.
    #[error(
        "{}: expected a finite number that fits {kind} at place {place} of tensor `{tensor}`, found {found:?}; go back to \
         numbers from before the training diverged", path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
        /// The place in the tensor, row-major.
        place: usize,
        /// The number.
        found: f64,
        /// The type of the parameters.
        kind: &'static str,
    },
    /// Two tensors of the layout have one name, or one has a name that the format uses itself.
    #[error(
        "{}: expected tensors with different names, none of them `__metadata__`, found `{tensor}`; rename the tensor",
        path.display()
    )]
    Name {
        /// The file.
        path: PathBuf,
        /// The name.
        tensor: String,
    },
    /// The parameters contradict their own layout.
    #[error("expected {expected} parameters, as the layout says, found {found}; make the buffer as long as the layout")]
    Length {
        /// The length of the layout.
        expected: usize,
        /// The length of the buffer.
        found: usize,
    },
}

fn missing_remedy(others: &[String]) -> String {
    let Some((first, rest)) = others.split_first() else {
        return "give a file with all tensors of the model".into();
    };
    let more = if rest.is_empty() { String::new() } else { format!(" and {} others", rest.len()) };
    format!("the file has `{first}`{more} that the model does not have: rename the tensor if it is the same")
}

//! Trained numbers on disk, in the safetensors format.
//!
//! A file holds every tensor of the layout, frozen ones too, under its name and shape, as `F32` or `F64`. Its metadata
//! has the keys `format_version`, `model_name` and `model_hash`. The bytes depend on the numbers and the identity alone.
//! [`save`] replaces a file as a whole or not at all; [`load`] checks the whole file before it writes a number.
//!
//! ```
//! use snn_runtime::{Layout, ModelId, ParameterSet, Parameters, store};
//!
//! let mut layout = Layout::default();
//! layout.push("hidden.bias", &[2], "nA", false);
//! let mut trained = ParameterSet::<f32>::zeros(layout.into());
//! trained.values_mut().copy_from_slice(&[0.25, -1.5]);
//!
//! let id = ModelId { name: "Digits", hash: "9ae16a3b2f90404f" };
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("digits.safetensors");
//! store::save(&path, &trained, &id)?;
//! let mut loaded = ParameterSet::<f32>::zeros(trained.layout().clone());
//! store::load(&path, &mut loaded, &id)?;
//! assert_eq!(loaded, trained);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub(crate) mod load;
pub(crate) mod save;

pub use error::StoreError;
pub use load::load;
pub use save::save;

/// The version of the files that [`save`] writes and [`load`] reads.
pub const FORMAT_VERSION: &str = "1";

const VERSION_KEY: &str = "format_version";
pub(crate) const NAME_KEY: &str = "model_name";
pub(crate) const HASH_KEY: &str = "model_hash";

/// The identity of a model in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModelId<'a> {
    /// The name of the network.
    pub name: &'a str,
    /// Changes with sizes, projections, equations and constants: models with the same hash have the same parameters,
    /// with the same meaning.
    pub hash: &'a str,
}

#[cfg(test)]
mod tests;

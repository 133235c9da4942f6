//! Data sets on disk.
//!
//! [`LabelledImages`] loads a set in the IDX format of MNIST (Fashion-MNIST, KMNIST and EMNIST are published in it as
//! well); [`read_images`] and [`read_labels`] read single files. [`Npz`] and [`read_npy`] read arrays that Python saved,
//! [`read_edges`] the connections between two populations. A
//! file is never trusted: every length in it is checked against the bytes that are there, and a false header costs no
//! memory.

mod edges;
mod error;
mod idx;
mod labelled;
mod npz;

pub use edges::{EdgesError, read_edges};
pub use error::IdxError;
pub use idx::{Images, SIZE_LIMIT, read_images, read_labels, write_images, write_labels};
pub use labelled::{LabelledImages, Part};
pub use npz::{ArrayInfo, Element, ElementKind, Npz, NpzError, NpzWriter, Place, read_npy};

//! Damaged files, full disks, unwritable paths, and numbers that no network can use: a clear error each, never a panic,
//! and never half a file.

#[path = "../common/mod.rs"]
mod common;
mod disk;
mod engine;
mod files;
mod layout;
mod numbers;

use snn_runtime::data::{Images, NpzWriter, write_images, write_labels};
use snn_runtime::ndarray::{Array1, Array3};
use snn_runtime::{Layout, ModelId, ParameterSet, Parameters, store};
use std::error::Error;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const ID: ModelId<'static> = ModelId { name: "Digits", hash: "00ff" };

/// A folder in memory, if there is such a thing: thousands of small files should not wait for a disk.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Bytes that cannot be compressed.
pub(crate) fn noise(n: usize) -> Vec<u8> {
    let mut random = common::numbers(3);
    (0..n).map(|_| (random() * 1e6) as i64 as u8).collect()
}

/// Parameters: `2 x n` weights and a time constant.
pub(crate) fn parameters(n: usize) -> ParameterSet<f32> {
    let mut layout = Layout::default();
    layout.push("w.weight", &[2, n], "nA", false);
    layout.push("hidden.tau", &[], "ms", true);
    let mut set = ParameterSet::zeros(layout.into());
    let mut random = common::numbers(4);
    set.values_mut().iter_mut().for_each(|x| *x = random() as f32);
    set
}

type Outcome = Result<(), Box<dyn Error>>;

/// A way to write a file of about `n` numbers.
pub(crate) struct Writer {
    pub(crate) name: &'static str,
    pub(crate) write: fn(&Path, usize) -> Outcome,
}

/// Everything in this crate that writes.
pub(crate) const WRITERS: [Writer; 4] = [
    Writer { name: "images", write: |path, n| Ok(write_images(path, &images(n))?) },
    Writer { name: "labels", write: |path, n| Ok(write_labels(path, &noise(n))?) },
    Writer { name: "parameters", write: |path, n| Ok(store::save(path, &parameters(n), &ID)?) },
    Writer { name: "arrays", write: |path, n| Ok(arrays(n).save(path)?) },
];

pub(crate) fn images(n: usize) -> Images {
    Images { count: 2, rows: 1, columns: n, pixels: noise(2 * n) }
}

pub(crate) fn arrays(n: usize) -> NpzWriter {
    let mut out = NpzWriter::new();
    let x = Array3::from_shape_vec((2, 1, n), noise(2 * n)).unwrap();
    out.add("x", x.view()).unwrap();
    out.add("labels", Array1::from(vec![3i64, -1]).view()).unwrap();
    out
}

/// The entries of a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    entries
}

/// The message names the file, what was wrong and what to do.
pub(crate) fn clear(message: &str, path: &Path) {
    let rest = message.strip_prefix(&path.display().to_string());
    assert!(rest.is_some_and(|rest| rest.contains("; ")), "{message}");
    assert!(!message.contains("panic") && !message.ends_with(['.', ' ']), "{message}");
}

//! Writing archives.

use super::error::NpzError;
use super::header::{Header, MOST_DIMENSIONS};
use super::{Element, SIZE_LIMIT};
use crate::atomic;
use ndarray::{ArrayView, Dimension};
use std::io::{self, Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The longest name of an array; the format has 16 bits for it.
const LONGEST_NAME: usize = 1000;

/// An archive that is being put together in memory.
///
/// ```
/// use snn_runtime::data::{Npz, NpzWriter};
/// use snn_runtime::ndarray::{Ix2, array};
///
/// let weights = array![[0.5f32, -1.0], [2.0, 0.25]];
/// let mut out = NpzWriter::new();
/// out.add("weights", weights.view())?;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("trained.npz");
/// out.save(&path)?;
/// assert_eq!(Npz::open(&path)?.array::<f32, Ix2>("weights")?, weights);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NpzWriter {
    names: Vec<String>,
    zip: ZipWriter<Cursor<Vec<u8>>>,
    failed: Option<io::Error>,
}

impl Default for NpzWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl NpzWriter {
    /// An archive without arrays.
    pub fn new() -> Self {
        Self { names: Vec::new(), zip: ZipWriter::new(Cursor::new(Vec::new())), failed: None }
    }

    /// Adds an array, compressed, in row-major order whatever its own.
    ///
    /// # Errors
    /// If the name is empty, too long or used already, or the array exceeds the limits of the format.
    pub fn add<T: Element, D: Dimension>(&mut self, name: &str, array: ArrayView<'_, T, D>) -> Result<(), NpzError> {
        if name.is_empty() || name.len() > LONGEST_NAME || self.names.iter().any(|n| n == name) {
            return Err(NpzError::Name { name: name.into() });
        }
        let size = array.len() as u64 * T::KIND.size() as u64;
        if array.ndim() > MOST_DIMENSIONS || size > SIZE_LIMIT {
            return Err(NpzError::Unwritable { name: name.into(), shape: array.shape().to_vec(), kind: T::KIND });
        }
        let mut bytes = Header::bytes(T::KIND, array.shape());
        bytes.reserve(size as usize);
        array.iter().for_each(|&value| value.encode(&mut bytes));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(bytes.len() > u32::MAX as usize / 2);
        let added = self.zip.start_file(format!("{name}.npy"), options).map_err(io::Error::from);
        if let Err(error) = added.and_then(|()| self.zip.write_all(&bytes)) {
            // Memory takes everything; should it fail all the same, `save` reports it with the path.
            self.failed.get_or_insert(error);
        }
        self.names.push(name.into());
        Ok(())
    }

    /// Writes the archive. An older file is replaced as a whole or not at all. Equal arrays give equal bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(self, path: impl AsRef<Path>) -> Result<(), NpzError> {
        let path = path.as_ref();
        let written = self.finish().and_then(|bytes| atomic::replace(path, |out| out.write_all(&bytes)));
        written.map_err(|source| NpzError::Io { path: path.into(), action: "write", source })
    }

    /// The bytes of the archive.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.zip.finish().map_err(io::Error::from)?.into_inner()),
        }
    }
}

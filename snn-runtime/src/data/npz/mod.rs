//! Arrays of NumPy: `.npz` archives and `.npy` files.
//!
//! [`Npz`] opens an archive that Python wrote with `numpy.savez` or `numpy.savez_compressed`, [`NpzWriter`] writes one;
//! [`read_npy`] reads a single array. Versions 1 to 3 of the format, both byte orders and both orders of the elements
//! are read; objects, text and structured types are refused. A file is never trusted: a false header or a member that
//! unpacks to far more than it says costs no more memory than the limit allows.

mod element;
mod error;
mod header;
mod read;
mod write;

pub use element::{Element, ElementKind};
pub use error::{NpzError, Place};
pub use write::NpzWriter;

use super::SIZE_LIMIT;
use ndarray::{Array, Dimension};
use read::Content;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// What the header of an array says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayInfo {
    /// The type of the elements.
    pub kind: ElementKind,
    /// The sizes, empty for a single number.
    pub shape: Vec<usize>,
}

/// Where the bytes of an archive come from.
trait Source: Read + Seek + Send {}
impl<S: Read + Seek + Send> Source for S {}

/// An open archive.
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<Box<dyn Source>>,
    /// The arrays with their places in the archive.
    members: Vec<(String, usize)>,
    limit: u64,
}

/// The end of the names of arrays in an archive.
const ENDING: &str = ".npy";

impl Npz {
    /// Opens an archive and reads the list of its arrays.
    ///
    /// # Errors
    /// If the file cannot be read, is no archive, or has two members of one name.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NpzError> {
        let path = path.as_ref();
        Self::new(path, Box::new(BufReader::new(open(path)?)))
    }

    fn new(path: &Path, source: Box<dyn Source>) -> Result<Self, NpzError> {
        let archive = ZipArchive::new(source).map_err(|e| archive_error(path, e))?;
        let damaged = |reason: String| NpzError::Archive { path: path.into(), reason };
        if archive.has_duplicate_names() {
            return Err(damaged("two members have one name".into()));
        }
        let mut members = Vec::new();
        for (index, name) in archive.file_names().enumerate() {
            let name = name.map_err(|e| damaged(e.to_string()))?;
            // Other members are no arrays.
            members.extend(name.strip_suffix(ENDING).map(|name| (name.to_string(), index)));
        }
        Ok(Self { path: path.into(), archive, members, limit: SIZE_LIMIT })
    }

    /// Changes the most bytes that an array may have; [`SIZE_LIMIT`] to begin with.
    #[must_use]
    pub fn limit(self, bytes: u64) -> Self {
        Self { limit: bytes, ..self }
    }

    /// The names of the arrays, in their order in the archive.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }

    /// The type and shape of an array.
    ///
    /// # Errors
    /// If there is no such array, or its header is damaged or of a type that cannot be read.
    pub fn info(&mut self, name: &str) -> Result<ArrayInfo, NpzError> {
        self.content(name)?.info()
    }

    /// Reads an array of elements of exactly this type, in row-major order. `IxDyn` takes any number of dimensions.
    ///
    /// # Errors
    /// If there is no such array, it is damaged, has other elements or dimensions, or is larger than the limit.
    pub fn array<T: Element, D: Dimension>(&mut self, name: &str) -> Result<Array<T, D>, NpzError> {
        self.content(name)?.array()
    }

    fn content(&mut self, name: &str) -> Result<Content<ZipFile<'_, Box<dyn Source>>>, NpzError> {
        let Some(&(_, index)) = self.members.iter().find(|(own, _)| own == name) else {
            let others = self.names().map(String::from).collect();
            return Err(NpzError::Missing { path: self.path.clone(), name: name.into(), others });
        };
        let place = Place { path: self.path.clone(), array: Some(name.into()) };
        let limit = self.limit;
        match self.archive.by_index(index) {
            Ok(member) => match member.compression() {
                CompressionMethod::Stored | CompressionMethod::Deflated => Ok(Content::new(place, member, true, limit)),
                other => Err(NpzError::Packing { place, found: format!("compression method {other}") }),
            },
            Err(ZipError::UnsupportedArchive(reason)) => Err(NpzError::Packing { place, found: reason.into() }),
            Err(error) => Err(archive_error(&self.path, error)),
        }
    }
}

/// Reads the array of a `.npy` file, as [`Npz::array`] does.
///
/// # Errors
/// If the file cannot be read, is damaged, has other elements or dimensions, or is larger than [`SIZE_LIMIT`].
pub fn read_npy<T: Element, D: Dimension>(path: impl AsRef<Path>) -> Result<Array<T, D>, NpzError> {
    let path = path.as_ref();
    let place = Place { path: path.into(), array: None };
    Content::new(place, BufReader::new(open(path)?), false, SIZE_LIMIT).array()
}

fn open(path: &Path) -> Result<File, NpzError> {
    File::open(path).map_err(|source| NpzError::Io { path: path.into(), action: "open", source })
}

fn archive_error(path: &Path, error: ZipError) -> NpzError {
    match error {
        // The operating system's errors have a number, those of a damaged archive have none.
        ZipError::Io(source) if source.raw_os_error().is_some() => {
            NpzError::Io { path: path.into(), action: "read", source }
        }
        error => NpzError::Archive { path: path.into(), reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests;

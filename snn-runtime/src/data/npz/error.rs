//! What can be wrong with a file of NumPy arrays.

use super::ElementKind;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Where an array is: a `.npy` file, or a member of a `.npz` archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The name of the array in an archive.
    pub array: Option<String>,
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.array.as_ref().map_or(Ok(()), |name| write!(f, ", array `{name}`"))
    }
}

/// Errors of reading and writing NumPy arrays. Positions are bytes of the uncompressed array, header included, counted
/// from 0.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NpzError {
    /// The operating system refused.
    #[error(
        "{}: cannot {action} the file: {source}; check the path, the permissions and the free space", path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// `open`, `read` or `write`.
        action: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// Not a zip archive, or a damaged one.
    #[error(
        "{}: expected a complete NPZ archive, found another or a damaged file ({reason}); save or fetch it again",
        path.display()
    )]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An array is not in the archive.
    #[error("{}: expected an array `{name}`, found {}; use a name of the archive", path.display(), listed(others))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The name of the array.
        name: String,
        /// The arrays of the archive.
        others: Vec<String>,
    },
    /// An array is packed in a way that is not supported.
    #[error(
        "{place}: expected stored or deflated data, found {found}; \
         write it with `numpy.savez` or `numpy.savez_compressed`"
    )]
    Packing {
        /// The array.
        place: Place,
        /// How it is packed.
        found: String,
    },
    /// The data of an archive does not decompress, or its checksum is wrong.
    #[error("{place}: damaged data after byte {position} of the array: {reason}; save or fetch the file again")]
    Damaged {
        /// The array.
        place: Place,
        /// How many bytes could be read.
        position: u64,
        /// The reason.
        reason: String,
    },
    /// Not an array of NumPy.
    #[error(
        "{place}, byte 0: expected {:?}, which begins an array of NumPy, found {found:?}; {remedy}",
        super::header::MAGIC
    )]
    Magic {
        /// The array.
        place: Place,
        /// The first bytes.
        found: Vec<u8>,
        /// What to do.
        remedy: &'static str,
    },
    /// A version of the format that is not known.
    #[error(
        "{place}, byte 6: expected version 1.0, 2.0 or 3.0 of the NPY format, found {major}.{minor}; \
         save it with `numpy.save`"
    )]
    Version {
        /// The array.
        place: Place,
        /// The first number.
        major: u8,
        /// The second number.
        minor: u8,
    },
    /// A header that is not what NumPy writes.
    #[error(
        "{place}, byte {byte}: expected {expected}, found {found}; \
         save the array again with `numpy.save` or `numpy.savez`"
    )]
    Header {
        /// The array.
        place: Place,
        /// The position.
        byte: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Elements that cannot be read as numbers.
    #[error(
        "{place}, byte {byte}: expected elements of one of the types {}, found {found}; {remedy}",
        ElementKind::list()
    )]
    Unsupported {
        /// The array.
        place: Place,
        /// The position.
        byte: u64,
        /// What the header says.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Elements of another type than the one that is asked for.
    #[error(
        "{place}: expected elements of type {expected}, found {found}; convert the array with `.astype('{expected}')`"
    )]
    Type {
        /// The array.
        place: Place,
        /// The type that is asked for.
        expected: ElementKind,
        /// The type in the file.
        found: ElementKind,
    },
    /// Another number of dimensions than the one that is asked for.
    #[error(
        "{place}: expected {expected} dimensions, found shape {found:?}; give the array another shape with `.reshape`"
    )]
    Dimensions {
        /// The array.
        place: Place,
        /// The number of dimensions.
        expected: usize,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The header announces more than the limit.
    #[error(
        "{place}: expected at most {limit} bytes of data, found shape {shape:?} of {kind}; \
         the header is damaged, or the array has to be split"
    )]
    TooLarge {
        /// The array.
        place: Place,
        /// The shape in the header.
        shape: Vec<usize>,
        /// The type of the elements.
        kind: ElementKind,
        /// The limit.
        limit: u64,
    },
    /// The array ends too early.
    #[error("{place}: expected {expected} bytes of array, found an end after {found}; save or fetch the file again")]
    Truncated {
        /// The array.
        place: Place,
        /// Length of the header, or of the header and the data it announces.
        expected: u64,
        /// Length of the content.
        found: u64,
    },
    /// The array goes on after its data.
    #[error(
        "{place}: expected an end after {expected} bytes of array (as the header says), found more; \
         the header or the file is damaged, save or fetch it again"
    )]
    Trailing {
        /// The array.
        place: Place,
        /// Length of the header and the data it announces.
        expected: u64,
    },
    /// A truth value that is neither 0 nor 1.
    #[error(
        "{place}, byte {position}: expected 0 or 1 as element of type bool, found {found}; save or fetch the file again"
    )]
    Bool {
        /// The array.
        place: Place,
        /// The position.
        position: u64,
        /// The byte.
        found: u8,
    },
    /// Not enough memory for the array.
    #[error("{place}: expected memory for {shape:?} elements of {kind}, found not enough; split the array")]
    Memory {
        /// The array.
        place: Place,
        /// The shape in the header.
        shape: Vec<usize>,
        /// The type of the elements.
        kind: ElementKind,
    },
    /// A name that an archive cannot have, or has already.
    #[error(
        "expected another name for every array, not empty and at most 1000 bytes long, found {name:?}; rename the array"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// An array that the format cannot hold.
    #[error(
        "array `{name}`: expected at most {} dimensions and {} bytes, found shape {shape:?} of {kind}; split the array",
        super::header::MOST_DIMENSIONS,
        super::SIZE_LIMIT
    )]
    Unwritable {
        /// The name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The type of the elements.
        kind: ElementKind,
    },
}

fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    if names.is_empty() {
        return "no arrays".into();
    }
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} others") } else { String::new() };
    shown.join(", ") + &more
}

//! What can be wrong with an IDX file.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Errors of reading and writing IDX files. Positions are bytes of the uncompressed content, counted from 0.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdxError {
    /// The operating system refused.
    #[error("{}: cannot {action} the file: {source}; check the path, the permissions and the free space", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `open`, `read` or `write`.
        action: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// The file begins like gzip but does not decompress.
    #[error("{}: damaged gzip data after byte {position} of the content: {source}; fetch the file again", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// How many bytes could be decompressed.
        position: u64,
        /// The reason.
        source: io::Error,
    },
    /// A file of a data set is absent.
    #[error("{}: expected a file `{stem}` or `{stem}.gz`, found neither; put one there or name another folder", folder.display())]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// The name of the file without `.gz`.
        stem: &'static str,
    },
    /// Not an IDX file.
    #[error(
        "{}, byte 0: expected two zero bytes, which begin an IDX file, found {:#04x} {:#04x}; \
         give an IDX file, plain or compressed with gzip", path.display(), found[0], found[1]
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// The first two bytes.
        found: [u8; 2],
    },
    /// An IDX file of another element type than unsigned bytes.
    #[error(
        "{}, byte 2: expected type code 0x08 (unsigned bytes), found {code:#04x} ({name}), which is not supported; \
         convert the file to unsigned bytes", path.display()
    )]
    ElementType {
        /// The file.
        path: PathBuf,
        /// The type code.
        code: u8,
        /// What it stands for.
        name: &'static str,
    },
    /// A wrong number of dimensions.
    #[error("{}, byte 3: expected {expected} dimensions ({what}), found {found}; {remedy}", path.display())]
    Dimensions {
        /// The file.
        path: PathBuf,
        /// `images` or `labels`, and their dimensions.
        what: &'static str,
        /// The number of dimensions of such a file.
        expected: u8,
        /// The number in the file.
        found: u8,
        /// What to do.
        remedy: &'static str,
    },
    /// Images without pixels.
    #[error("{}, byte 8: expected images of at least 1 x 1 pixels, found {rows} x {columns}; write the file again", path.display())]
    NoPixels {
        /// The file.
        path: PathBuf,
        /// Rows of an image.
        rows: u32,
        /// Columns of an image.
        columns: u32,
    },
    /// The header announces more than [`super::SIZE_LIMIT`].
    #[error(
        "{}, byte 4: expected at most {limit} bytes of data, found sizes {sizes:?} in the header; \
         the header is damaged, or the set has to be split into several files", path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The sizes in the header.
        sizes: Vec<u32>,
        /// The limit.
        limit: u64,
    },
    /// The file ends too early.
    #[error("{}: expected {expected} bytes of content, found an end after {found}; fetch the file again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Length of the header, or of the header and the data it announces.
        expected: u64,
        /// Length of the content.
        found: u64,
    },
    /// The file goes on after its data.
    #[error(
        "{}: expected an end after {expected} bytes of content (as the header says), found more; \
         the header or the file is damaged, fetch it again", path.display()
    )]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Length of the header and the data it announces.
        expected: u64,
    },
    /// Images and labels do not belong together.
    #[error(
        "expected as many labels as images, found {labels} labels and {images} images; \
         take both files from the same part of the same set"
    )]
    Counts {
        /// The number of images.
        images: usize,
        /// The number of labels.
        labels: usize,
    },
    /// [`super::Images`] whose fields contradict each other.
    #[error(
        "expected {count} x {rows} x {columns} pixels, at least one for an image, found {found}; \
         set the sizes to those of the pixels"
    )]
    Pixels {
        /// The number of images.
        count: usize,
        /// Rows of an image.
        rows: usize,
        /// Columns of an image.
        columns: usize,
        /// The number of pixels.
        found: usize,
    },
    /// An image that the set does not have.
    #[error("expected an image below {images}, found {found}; use indices below `len()`")]
    Image {
        /// The number of images.
        images: usize,
        /// The index.
        found: usize,
    },
    /// A buffer that does not fit an image.
    #[error("expected {expected} places for the pixels of an image, found {found}; use `rows * columns`")]
    Places {
        /// The number of pixels of an image.
        expected: usize,
        /// The length of the buffer.
        found: usize,
    },
}

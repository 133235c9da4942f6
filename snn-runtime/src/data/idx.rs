//! The IDX format: two zero bytes, a type code, the number of dimensions, their sizes as big-endian `u32`, the data in
//! row-major order.

use super::IdxError;
use crate::atomic;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::Path;

/// The most data, in bytes, that a file may announce: 4 GiB, more than six times the largest set known in this format.
pub const SIZE_LIMIT: u64 = 1 << 32;

/// Memory that is set aside on the word of a header; more comes with the bytes themselves.
const FIRST_ALLOCATION: u64 = 1 << 20;

const UNSIGNED_BYTES: u8 = 0x08;

/// Grey images of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The number of images.
    pub count: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
    /// `[count, rows, columns]`, row-major; 0 is background.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Checks that the sizes are those of the pixels.
    pub(super) fn check(&self) -> Result<(), IdxError> {
        let Self { count, rows, columns, ref pixels } = *self;
        // An image must fit into memory as numbers of four bytes, even if there is none.
        let image = rows.checked_mul(columns).filter(|&n| n <= isize::MAX as usize / 4);
        let size = image.and_then(|n| n.checked_mul(count));
        if size == Some(pixels.len()) && rows > 0 && columns > 0 {
            return Ok(());
        }
        Err(IdxError::Pixels { count, rows, columns, found: pixels.len() })
    }
}

/// Reads images: an IDX file with three dimensions, plain or compressed with gzip (told by its first bytes, whatever its
/// name).
///
/// # Errors
/// If the file cannot be read, is not such a file, or does not have the length its header announces.
pub fn read_images(path: impl AsRef<Path>) -> Result<Images, IdxError> {
    let path = path.as_ref();
    let mut content = Content::open(path)?;
    let remedy = "a file with 1 dimension holds labels, give the file with the images";
    let [count, rows, columns] = content.header("images: count, rows, columns", remedy)?;
    if rows == 0 || columns == 0 {
        return Err(IdxError::NoPixels { path: path.into(), rows, columns });
    }
    let pixels = content.data(&[count, rows, columns])?;
    let images = Images { count: count as usize, rows: rows as usize, columns: columns as usize, pixels };
    images.check()?;
    Ok(images)
}

/// Reads labels: an IDX file with one dimension, plain or compressed with gzip (told by its first bytes, whatever its
/// name).
///
/// # Errors
/// If the file cannot be read, is not such a file, or does not have the length its header announces.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u8>, IdxError> {
    let mut content = Content::open(path.as_ref())?;
    let remedy = "a file with 3 dimensions holds images, give the file with the labels";
    let [count] = content.header("labels: count", remedy)?;
    content.data(&[count])
}

/// Writes images as an IDX file compressed with gzip. An older file is replaced as a whole or not at all.
///
/// # Errors
/// If the sizes are not those of the pixels, exceed [`SIZE_LIMIT`], or the file cannot be written.
pub fn write_images(path: impl AsRef<Path>, images: &Images) -> Result<(), IdxError> {
    images.check()?;
    write(path.as_ref(), &[images.count, images.rows, images.columns], &images.pixels)
}

/// Writes labels as an IDX file compressed with gzip. An older file is replaced as a whole or not at all.
///
/// # Errors
/// If there are more than [`SIZE_LIMIT`] allows, or the file cannot be written.
pub fn write_labels(path: impl AsRef<Path>, labels: &[u8]) -> Result<(), IdxError> {
    write(path.as_ref(), &[labels.len()], labels)
}

fn write(path: &Path, sizes: &[usize], data: &[u8]) -> Result<(), IdxError> {
    // Sizes that do not fit show as the largest.
    let sizes: Vec<u32> = sizes.iter().map(|&n| u32::try_from(n).unwrap_or(u32::MAX)).collect();
    if data.len() as u64 > SIZE_LIMIT || sizes.contains(&u32::MAX) {
        return Err(IdxError::TooLarge { path: path.into(), sizes, limit: SIZE_LIMIT });
    }
    let written = atomic::replace(path, |file| {
        let mut out = GzEncoder::new(file, Compression::default());
        out.write_all(&[0, 0, UNSIGNED_BYTES, sizes.len() as u8])?;
        for size in &sizes {
            out.write_all(&size.to_be_bytes())?;
        }
        out.write_all(data)?;
        out.finish().map(drop)
    });
    written.map_err(|source| IdxError::Io { path: path.into(), action: "write", source })
}

/// The uncompressed content of a file, and how far it has been read.
struct Content<'a> {
    path: &'a Path,
    reader: Box<dyn Read>,
    compressed: bool,
    position: u64,
}

impl<'a> Content<'a> {
    fn open(path: &'a Path) -> Result<Self, IdxError> {
        let file = File::open(path).map_err(|source| IdxError::Io { path: path.into(), action: "open", source })?;
        let mut content = Self { path, reader: Box::new(BufReader::new(file)), compressed: false, position: 0 };
        let start = content.up_to(2)?;
        content.position = 0;
        content.compressed = start == [0x1f, 0x8b];
        let whole = Cursor::new(start).chain(content.reader);
        content.reader = if content.compressed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        Ok(content)
    }

    /// The next `n` bytes, fewer at the end of the file.
    fn up_to(&mut self, n: u64) -> Result<Vec<u8>, IdxError> {
        let mut bytes = Vec::with_capacity(n.min(FIRST_ALLOCATION) as usize);
        let result = self.reader.by_ref().take(n).read_to_end(&mut bytes);
        self.position += bytes.len() as u64;
        match result {
            Ok(_) => Ok(bytes),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: io::Error) -> IdxError {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let path = self.path.into();
        if self.compressed && matches!(source.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            IdxError::Gzip { path, position: self.position, source }
        } else {
            IdxError::Io { path, action: "read", source }
        }
    }

    fn exactly<const N: usize>(&mut self, header: u64) -> Result<[u8; N], IdxError> {
        let bytes = self.up_to(N as u64)?;
        let truncated = IdxError::Truncated { path: self.path.into(), expected: header, found: self.position };
        bytes.try_into().map_err(|_| truncated)
    }

    /// The sizes of the `N` dimensions.
    fn header<const N: usize>(&mut self, what: &'static str, remedy: &'static str) -> Result<[u32; N], IdxError> {
        let length = 4 + 4 * N as u64;
        let [a, b, code, dimensions] = self.exactly(length)?;
        let path = || self.path.into();
        if (a, b) != (0, 0) {
            return Err(IdxError::Magic { path: path(), found: [a, b] });
        }
        if code != UNSIGNED_BYTES {
            return Err(IdxError::ElementType { path: path(), code, name: type_name(code) });
        }
        if usize::from(dimensions) != N {
            let (expected, found) = (N as u8, dimensions);
            return Err(IdxError::Dimensions { path: path(), what, expected, found, remedy });
        }
        let mut sizes = [0; N];
        for size in &mut sizes {
            *size = u32::from_be_bytes(self.exactly(length)?);
        }
        Ok(sizes)
    }

    /// The data of the announced sizes, to the end of the file.
    fn data(&mut self, sizes: &[u32]) -> Result<Vec<u8>, IdxError> {
        let size = sizes.iter().try_fold(1_u64, |n, &size| n.checked_mul(u64::from(size)));
        let Some(size) = size.filter(|&n| n <= SIZE_LIMIT && usize::try_from(n).is_ok()) else {
            return Err(IdxError::TooLarge { path: self.path.into(), sizes: sizes.into(), limit: SIZE_LIMIT });
        };
        let expected = self.position + size;
        let data = self.up_to(size)?;
        if self.position < expected {
            return Err(IdxError::Truncated { path: self.path.into(), expected, found: self.position });
        }
        // Also reads the checksum at the end of compressed data.
        if !self.up_to(1)?.is_empty() {
            return Err(IdxError::Trailing { path: self.path.into(), expected });
        }
        Ok(data)
    }
}

fn type_name(code: u8) -> &'static str {
    match code {
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floats",
        0x0e => "64-bit floats",
        _ => "no type of the format",
    }
}

#[cfg(test)]
mod tests;

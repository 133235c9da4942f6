//! One array from its bytes.

use super::error::{NpzError, Place};
use super::header::{Header, MAGIC, TEXT_LIMIT};
use super::{ArrayInfo, Element};
use ndarray::{Array, ArrayD, Dimension, IxDyn, ShapeBuilder};
use std::io::{self, Read};

/// The bytes that are decoded at once: memory is never set aside on the word of a header alone. A multiple of the size
/// of every element.
const CHUNK: usize = 1 << 16;

/// An array that is being read, and how far.
pub(super) struct Content<R> {
    place: Place,
    reader: R,
    /// In an archive; errors of reading are damages then.
    packed: bool,
    position: u64,
    limit: u64,
}

impl<R: Read> Content<R> {
    pub(super) fn new(place: Place, reader: R, packed: bool, limit: u64) -> Self {
        Self { place, reader, packed, position: 0, limit }
    }

    pub(super) fn info(&mut self) -> Result<ArrayInfo, NpzError> {
        let header = self.header()?;
        Ok(ArrayInfo { kind: header.kind, shape: header.shape })
    }

    /// The whole array, in row-major order.
    pub(super) fn array<T: Element, D: Dimension>(&mut self) -> Result<Array<T, D>, NpzError> {
        let header = self.header()?;
        let place = || self.place.clone();
        if header.kind != T::KIND {
            return Err(NpzError::Type { place: place(), expected: T::KIND, found: header.kind });
        }
        if let Some(expected) = D::NDIM.filter(|&n| n != header.shape.len()) {
            return Err(NpzError::Dimensions { place: place(), expected, found: header.shape });
        }
        // Zeros are left out: the shape of an empty array must not overflow either.
        let longest = header.shape.iter().filter(|&&n| n > 0).try_fold(1_usize, |n, &size| n.checked_mul(size));
        let longest = longest.and_then(|n| (n as u64).checked_mul(T::KIND.size() as u64));
        if longest.is_none_or(|n| n > self.limit || n > isize::MAX as u64) {
            return Err(NpzError::TooLarge { place: place(), shape: header.shape, kind: T::KIND, limit: self.limit });
        }
        let values = self.values::<T>(&header)?;
        let (place, shape, limit) = (self.place.clone(), header.shape.clone(), self.limit);
        let failed = NpzError::TooLarge { place, shape, kind: T::KIND, limit };
        let array = if header.fortran_order {
            let array = ArrayD::from_shape_vec(IxDyn(&header.shape).f(), values);
            // A copy in row-major order, which is what slices of an array need.
            array.map(|a| a.as_standard_layout().into_owned())
        } else {
            ArrayD::from_shape_vec(IxDyn(&header.shape), values)
        };
        array.and_then(ArrayD::into_dimensionality).map_err(|_| failed)
    }

    fn values<T: Element>(&mut self, header: &Header) -> Result<Vec<T>, NpzError> {
        let size = header.shape.iter().product::<usize>() * T::KIND.size();
        let expected = self.position + size as u64;
        let mut values = Vec::new();
        let mut buffer = vec![0; size.min(CHUNK)];
        let mut left = size;
        while left > 0 {
            let length = left.min(CHUNK);
            let Some(bytes) = buffer.get_mut(..length) else { break };
            let start = self.position;
            if self.fill(bytes)? < length {
                return Err(NpzError::Truncated { place: self.place.clone(), expected, found: self.position });
            }
            if values.try_reserve(length / T::KIND.size()).is_err() {
                return Err(NpzError::Memory { place: self.place.clone(), shape: header.shape.clone(), kind: T::KIND });
            }
            T::decode(bytes, header.big_endian, &mut values).map_err(|(place, found)| NpzError::Bool {
                place: self.place.clone(),
                position: start + place as u64,
                found,
            })?;
            left -= length;
        }
        // Also reads to the end of a member, which checks its checksum.
        if self.fill(&mut [0])? > 0 {
            return Err(NpzError::Trailing { place: self.place.clone(), expected });
        }
        Ok(values)
    }

    fn header(&mut self) -> Result<Header, NpzError> {
        let mut magic = [0; 6];
        let length = self.fill(&mut magic)?;
        let found = magic.get(..length).unwrap_or_default();
        if !MAGIC.starts_with(found) {
            let remedy = match found {
                [b'P', b'K', ..] => "open an NPZ archive with `Npz::open`",
                _ => "give an array that was saved with `numpy.save` or `numpy.savez`",
            };
            return Err(NpzError::Magic { place: self.place.clone(), found: found.to_vec(), remedy });
        }
        if length < magic.len() {
            return Err(NpzError::Truncated { place: self.place.clone(), expected: 10, found: self.position });
        }
        let [major, minor] = self.exactly(10)?;
        let length = match (major, minor) {
            (1, 0) => u64::from(u16::from_le_bytes(self.exactly(10)?)),
            (2 | 3, 0) => u64::from(u32::from_le_bytes(self.exactly(12)?)),
            _ => return Err(NpzError::Version { place: self.place.clone(), major, minor }),
        };
        if length > TEXT_LIMIT {
            let (place, expected) = (self.place.clone(), format!("a header of at most {TEXT_LIMIT} bytes"));
            return Err(NpzError::Header { place, byte: 8, expected, found: format!("a length of {length}") });
        }
        let start = self.position;
        let mut text = vec![0; length as usize];
        if self.fill(&mut text)? < text.len() {
            let (expected, found) = (start + length, self.position);
            return Err(NpzError::Truncated { place: self.place.clone(), expected, found });
        }
        Header::parse(&self.place, start, &text)
    }

    fn exactly<const N: usize>(&mut self, header: u64) -> Result<[u8; N], NpzError> {
        let mut bytes = [0; N];
        if self.fill(&mut bytes)? < N {
            return Err(NpzError::Truncated { place: self.place.clone(), expected: header, found: self.position });
        }
        Ok(bytes)
    }

    /// Reads as many bytes as there is room for, fewer at the end, and returns how many.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, NpzError> {
        let mut length = 0;
        while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
            match self.reader.read(room) {
                Ok(0) => break,
                Ok(n) => length += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(source, length as u64)),
            }
        }
        self.position += length as u64;
        Ok(length)
    }

    fn failed(&self, source: io::Error, read: u64) -> NpzError {
        // The operating system's errors have a number, those of unpacking have none.
        if self.packed && source.raw_os_error().is_none() {
            let (place, position) = (self.place.clone(), self.position + read);
            return NpzError::Damaged { place, position, reason: source.to_string() };
        }
        NpzError::Io { path: self.place.path.clone(), action: "read", source }
    }
}

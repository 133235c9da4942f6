//! Lists of connections in NPZ archives.

use super::npz::{Element, ElementKind, Npz, NpzError, Place};
use crate::connectivity::Edges;
use ndarray::Ix1;
use std::path::Path;
use thiserror::Error;

/// The arrays that an archive may have.
const ARRAYS: [&str; 4] = ["source", "target", "weight", "delay"];

/// What can be wrong with a list of connections, besides what can be wrong with any archive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EdgesError {
    /// The archive or an array of it cannot be read.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// An array that means nothing here.
    #[error(
        "{place}: expected the arrays `source`, `target` and, if need be, `weight` and `delay`, found another; \
         rename it, or leave it out"
    )]
    Unknown {
        /// The array.
        place: Place,
    },
    /// Numbers of neurons that are not whole.
    #[error(
        "{place}: expected integers, the numbers of neurons, found {found}; convert the array with `.astype('int64')`"
    )]
    Integers {
        /// The array.
        place: Place,
        /// The type of its elements.
        found: ElementKind,
    },
    /// Weights or delays that are no numbers.
    #[error("{place}: expected numbers, found {found}; convert the array with `.astype('float64')`")]
    Numbers {
        /// The array.
        place: Place,
        /// The type of its elements.
        found: ElementKind,
    },
    /// A neuron that no population has.
    #[error(
        "{place}, entry {entry}: expected the number of a neuron, from 0 to {}, found {found}; count neurons from 0",
        u32::MAX
    )]
    Neuron {
        /// The array.
        place: Place,
        /// The position, from 0.
        entry: usize,
        /// What is there.
        found: String,
    },
    /// An infinite or undefined weight or delay.
    #[error("{place}, entry {entry}: expected a finite number, found {found}; correct it, or leave the connection out")]
    Finite {
        /// The array.
        place: Place,
        /// The position, from 0.
        entry: usize,
        /// What is there.
        found: f64,
    },
    /// Arrays of different lengths.
    #[error("{place}: expected {expected} entries, as many as in `source`, found {found}; give each connection one")]
    Length {
        /// The array.
        place: Place,
        /// The length of `source`.
        expected: usize,
        /// The length of the array.
        found: usize,
    },
}

/// Reads connections from an NPZ archive of arrays with one dimension and an entry for each connection:
///
/// | array | type | |
/// |---|---|---|
/// | `source` | integers | the number of the source among those that take part in the projection, from 0 |
/// | `target` | integers | the same of the target |
/// | `weight` | numbers, optional | the starting weight in the base unit of the weights |
/// | `delay` | numbers, optional | in ms |
///
/// # Errors
/// If the file cannot be read or is no such archive, arrays have other names, types or different lengths, a number is
/// infinite or NaN, or a neuron has a negative number. What depends on the network is checked when that is made.
pub fn read_edges(path: impl AsRef<Path>) -> Result<Edges, EdgesError> {
    let path = path.as_ref();
    let mut npz = Npz::open(path)?;
    let place = |array: &str| Place { path: path.into(), array: Some(array.into()) };
    if let Some(other) = npz.names().find(|name| !ARRAYS.contains(name)) {
        return Err(EdgesError::Unknown { place: place(other) });
    }
    let has = |npz: &Npz, array: &str| npz.names().any(|name| name == array);
    let sources = neurons(&mut npz, place("source"), "source")?;
    let targets = neurons(&mut npz, place("target"), "target")?;
    let mut optional = |array: &'static str| match has(&npz, array) {
        true => numbers(&mut npz, place(array), array).map(Some),
        false => Ok(None),
    };
    let (weights, delays) = (optional("weight")?, optional("delay")?);
    let lengths = [("target", Some(targets.len())), ("weight", weights.as_ref().map(Vec::len))];
    for (array, found) in lengths.into_iter().chain([("delay", delays.as_ref().map(Vec::len))]) {
        if let Some(found) = found.filter(|&found| found != sources.len()) {
            return Err(EdgesError::Length { place: place(array), expected: sources.len(), found });
        }
    }
    let file = Some(path.to_path_buf());
    Ok(Edges { sources, targets, weights: weights.unwrap_or_default(), delays: delays.unwrap_or_default(), file })
}

/// The elements of an array, each made another number.
fn convert<T: Element, U>(
    npz: &mut Npz,
    array: &str,
    to: impl Fn(usize, T) -> Result<U, EdgesError>,
) -> Result<Vec<U>, EdgesError> {
    let array = npz.array::<T, Ix1>(array)?;
    array.iter().enumerate().map(|(entry, &x)| to(entry, x)).collect()
}

fn neurons(npz: &mut Npz, place: Place, array: &str) -> Result<Vec<u32>, EdgesError> {
    macro_rules! whole {
        ($type:ty) => {
            convert::<$type, u32>(npz, array, |entry, x| {
                let wrong = |_| EdgesError::Neuron { place: place.clone(), entry, found: x.to_string() };
                u32::try_from(x).map_err(wrong)
            })
        };
    }
    match npz.info(array)?.kind {
        ElementKind::Int8 => whole!(i8),
        ElementKind::Int16 => whole!(i16),
        ElementKind::Int32 => whole!(i32),
        ElementKind::Int64 => whole!(i64),
        ElementKind::Uint8 => convert::<u8, u32>(npz, array, |_, x| Ok(x.into())),
        ElementKind::Uint16 => convert::<u16, u32>(npz, array, |_, x| Ok(x.into())),
        ElementKind::Uint32 => convert::<u32, u32>(npz, array, |_, x| Ok(x)),
        ElementKind::Uint64 => whole!(u64),
        found => Err(EdgesError::Integers { place, found }),
    }
}

fn numbers(npz: &mut Npz, place: Place, array: &str) -> Result<Vec<f64>, EdgesError> {
    macro_rules! number {
        ($type:ty) => {
            convert::<$type, f64>(npz, array, |_, x| Ok(x as f64))
        };
    }
    let numbers = match npz.info(array)?.kind {
        ElementKind::Int8 => number!(i8),
        ElementKind::Int16 => number!(i16),
        ElementKind::Int32 => number!(i32),
        ElementKind::Int64 => number!(i64),
        ElementKind::Uint8 => number!(u8),
        ElementKind::Uint16 => number!(u16),
        ElementKind::Uint32 => number!(u32),
        ElementKind::Uint64 => number!(u64),
        ElementKind::Float32 => number!(f32),
        ElementKind::Float64 => number!(f64),
        found => Err(EdgesError::Numbers { place: place.clone(), found }),
    }?;
    match numbers.iter().enumerate().find(|(_, x)| !x.is_finite()) {
        Some((entry, &found)) => Err(EdgesError::Finite { place, entry, found }),
        None => Ok(numbers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::NpzWriter;
    use ndarray::{Array, Array1, array};

    fn saved(write: impl FnOnce(&mut NpzWriter)) -> Result<Edges, EdgesError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edges.npz");
        let mut out = NpzWriter::new();
        write(&mut out);
        out.save(&path).unwrap();
        read_edges(&path)
    }

    /// What is said behind the name of the file.
    fn wrong(write: impl FnOnce(&mut NpzWriter)) -> String {
        let error = saved(write).unwrap_err().to_string();
        error.split_once("edges.npz").unwrap().1.to_string()
    }

    fn ends(out: &mut NpzWriter) {
        out.add("source", array![0i64, 1, 2].view()).unwrap();
        out.add("target", array![3u8, 2, 1].view()).unwrap();
    }

    #[test]
    fn numbers_of_any_type() {
        let edges = saved(ends).unwrap();
        assert_eq!((&edges.sources[..], &edges.targets[..]), (&[0, 1, 2][..], &[3, 2, 1][..]));
        assert!(edges.weights.is_empty() && edges.delays.is_empty());
        let edges = saved(|out| {
            ends(out);
            out.add("weight", array![0.5f32, -1.0, 0.25].view()).unwrap();
            out.add("delay", array![1i16, 2, 3].view()).unwrap();
        });
        let edges = edges.unwrap();
        assert_eq!((&edges.weights[..], &edges.delays[..]), (&[0.5, -1.0, 0.25][..], &[1.0, 2.0, 3.0][..]));
        macro_rules! types {
            ($($type:ty),*) => {$(
                let edges = saved(|out| {
                    out.add("source", Array1::<$type>::from_elem(1, 7 as $type).view()).unwrap();
                    out.add("target", Array1::<$type>::from_elem(1, 9 as $type).view()).unwrap();
                    out.add("weight", Array1::<$type>::from_elem(1, 5 as $type).view()).unwrap();
                });
                let edges = edges.unwrap();
                assert_eq!((edges.sources[0], edges.targets[0], edges.weights[0]), (7, 9, 5.0));
            )*};
        }
        types!(i8, i16, i32, i64, u8, u16, u32, u64);
    }

    #[test]
    fn mistakes_name_the_array_and_the_entry() {
        let cases: [(String, &str); 9] = [
            (
                wrong(|out| out.add("source", array![0i32].view()).unwrap()),
                ": expected an array `target`, found `source`",
            ),
            (
                wrong(|out| {
                    ends(out);
                    out.add("weights", array![1.0f64].view()).unwrap();
                }),
                ", array `weights`: expected the arrays `source`, `target` and, if need be, `weight` and `delay`",
            ),
            (
                wrong(|out| {
                    out.add("source", array![0.0f64].view()).unwrap();
                    out.add("target", array![0i64].view()).unwrap();
                }),
                ", array `source`: expected integers, the numbers of neurons, found float64",
            ),
            (
                wrong(|out| {
                    out.add("source", array![0i64, 1].view()).unwrap();
                    out.add("target", array![0i64, -1].view()).unwrap();
                }),
                ", array `target`, entry 1: expected the number of a neuron, from 0 to 4294967295, found -1",
            ),
            (
                wrong(|out| {
                    out.add("source", array![0u64, 1 << 32].view()).unwrap();
                    out.add("target", array![0i64, 1].view()).unwrap();
                }),
                ", array `source`, entry 1: expected the number of a neuron, from 0 to 4294967295, found 4294967296",
            ),
            (
                wrong(|out| {
                    ends(out);
                    out.add("delay", array![1.0f64, 2.0].view()).unwrap();
                }),
                ", array `delay`: expected 3 entries, as many as in `source`, found 2",
            ),
            (
                wrong(|out| {
                    ends(out);
                    out.add("weight", array![1.0f64, f64::NAN, 2.0].view()).unwrap();
                }),
                ", array `weight`, entry 1: expected a finite number, found NaN",
            ),
            (
                wrong(|out| {
                    ends(out);
                    out.add("weight", array![true, false, true].view()).unwrap();
                }),
                ", array `weight`: expected numbers, found bool",
            ),
            (
                wrong(|out| {
                    out.add("source", Array::<i64, _>::zeros((2, 2)).view()).unwrap();
                    out.add("target", array![0i64].view()).unwrap();
                }),
                ", array `source`: expected 1 dimensions, found shape [2, 2]",
            ),
        ];
        for (found, expected) in cases {
            assert!(found.starts_with(expected), "{found}");
        }
        let missing = read_edges("no/such/file.npz").unwrap_err().to_string();
        assert!(missing.starts_with("no/such/file.npz: cannot open the file"), "{missing}");
    }
}

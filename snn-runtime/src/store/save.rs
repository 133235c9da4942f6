//! Writing.

use super::{FORMAT_VERSION, HASH_KEY, ModelId, NAME_KEY, StoreError, VERSION_KEY};
use crate::{Parameters, Real, atomic};
use safetensors::tensor::{Dtype, View};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// The length of the number, at the beginning of a file, that says how long the header is.
const LENGTH: usize = 8;

/// Saves the parameters in their own precision, atomically: the file is written under another name in the same folder,
/// synchronised with the disk, and renamed.
///
/// # Errors
/// If a parameter is infinite or NaN (which [`super::load`] would refuse), if names of tensors are not different, or if
/// the file cannot be written. An older file under this name is untouched then.
pub fn save<R: Real>(
    path: impl AsRef<Path>,
    parameters: &dyn Parameters<R>,
    model: &ModelId<'_>,
) -> Result<(), StoreError> {
    let path = path.as_ref();
    let (layout, values) = (parameters.layout(), parameters.values());
    if values.len() != layout.len() {
        return Err(StoreError::Length { expected: layout.len(), found: values.len() });
    }
    let mut names = BTreeSet::from(["__metadata__"]);
    let mut tensors = Vec::with_capacity(layout.tensors().len());
    for tensor in layout.tensors() {
        if !names.insert(&tensor.name) {
            return Err(StoreError::Name { path: path.into(), tensor: tensor.name.clone() });
        }
        let numbers = values.get(tensor.range.clone()).unwrap_or(&[]);
        check_finite(path, &tensor.name, numbers)?;
        tensors.push((tensor.name.as_str(), Numbers { shape: &tensor.shape, numbers }));
    }
    let hash = layout.hash_of(model.hash);
    let metadata = [(VERSION_KEY, FORMAT_VERSION), (NAME_KEY, model.name), (HASH_KEY, &hash)];
    write(path, "save the parameters", tensors, &metadata)
}

/// Replaces the file by one with these tensors and this metadata.
pub(crate) fn write<V: View>(
    path: &Path,
    action: &'static str,
    tensors: Vec<(&str, V)>,
    metadata: &[(&str, &str)],
) -> Result<(), StoreError> {
    let bytes = safetensors::serialize(tensors, None)
        .map_err(|e| StoreError::Damaged { path: path.into(), reason: e.to_string() })?;
    let (header, data) = with_metadata(&bytes, metadata);
    let length = (header.len() as u64).to_le_bytes();
    let written = atomic::replace(path, |out| {
        out.write_all(&length)?;
        out.write_all(header.as_bytes())?;
        out.write_all(data)
    });
    written.map_err(|source| StoreError::Io { path: path.into(), action, source })
}

/// Refuses numbers that loading would refuse.
pub(crate) fn check_finite<R: Real>(path: &Path, tensor: &str, numbers: &[R]) -> Result<(), StoreError> {
    match numbers.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(place) => {
            let (tensor, found) = (tensor.into(), numbers[place].to_f64());
            Err(StoreError::NotFinite { path: path.into(), tensor, place, found, kind: R::NAME })
        }
    }
}

/// The header with `metadata` as its first entry, and the data after it.
///
/// The safetensors crate takes metadata as a hash map and writes it in random order: the bytes of a file would change
/// from one run to the next.
fn with_metadata<'a>(bytes: &'a [u8], metadata: &[(&str, &str)]) -> (String, &'a [u8]) {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>().unwrap_or((&[0; LENGTH], &[]));
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
    let (header, data) = rest.split_at(length);
    let entries: Vec<String> =
        metadata.iter().map(|(key, value)| format!("{}:{}", quoted(key), quoted(value))).collect();
    let header = String::from_utf8_lossy(header);
    let tensors = header.trim_end().strip_prefix('{').unwrap_or("}");
    let comma = if tensors == "}" { "" } else { "," };
    let mut header = format!("{{\"__metadata__\":{{{}}}{comma}{tensors}", entries.join(","));
    // Spaces, so that the data is aligned for every type.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(LENGTH) - header.len()));
    (header, data)
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The type of numbers in a file.
pub(crate) fn dtype<R: Real>() -> Dtype {
    if R::NAME == "f32" { Dtype::F32 } else { Dtype::F64 }
}

/// The numbers of one tensor as bytes.
pub(crate) struct Numbers<'a, R> {
    pub(crate) shape: &'a [usize],
    pub(crate) numbers: &'a [R],
}

impl<R: Real> View for Numbers<'_, R> {
    fn dtype(&self) -> Dtype {
        dtype::<R>()
    }
    fn shape(&self) -> &[usize] {
        self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        // Both are exact: the numbers have the type that is written.
        match self.dtype() {
            Dtype::F32 => self.numbers.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
            _ => self.numbers.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
        }
    }
    fn data_len(&self) -> usize {
        size_of_val(self.numbers)
    }
}

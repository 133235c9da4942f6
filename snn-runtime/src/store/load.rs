//! Reading.

use super::{FORMAT_VERSION, HASH_KEY, ModelId, NAME_KEY, StoreError, VERSION_KEY};
use crate::{Layout, Parameters, Real};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Room for the header; the safetensors crate refuses longer ones.
pub(crate) const HEADER_LIMIT: u64 = 100_000_008;

/// Loads the parameters of a file, frozen ones too.
///
/// Tensors may be `F32` or `F64`, whatever the type of the parameters: `F32` is widened exactly, `F64` is rounded to the
/// nearest `f32`, and an error if it is too large for one. The hash of the model has to agree; its name may have changed.
///
/// # Errors
/// If the file cannot be read, is damaged, belongs to another model, or does not have exactly the tensors of the layout
/// with their shapes and finite numbers. The parameters are untouched then.
pub fn load<R: Real>(
    path: impl AsRef<Path>,
    parameters: &mut dyn Parameters<R>,
    model: &ModelId<'_>,
) -> Result<(), StoreError> {
    let path = path.as_ref();
    let layout = parameters.layout().clone();
    let (expected, found) = (layout.len(), parameters.values().len());
    if found != expected {
        return Err(StoreError::Length { expected, found });
    }
    let bytes = read(path, (expected as u64).saturating_mul(8), "the parameters in double precision")?;
    let damaged = |e: safetensors::SafeTensorError| StoreError::Damaged { path: path.into(), reason: e.to_string() };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let metadata = |key: &str| header.metadata().as_ref()?.get(key).cloned();
    check_version(path, VERSION_KEY, FORMAT_VERSION, metadata)?;
    check_model(path, model, &layout, metadata)?;
    let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    check_names(path, &layout, &file)?;
    let mut values = vec![R::ZERO; expected];
    for tensor in layout.tensors() {
        let view = file.tensor(&tensor.name).map_err(damaged)?;
        let out = values.get_mut(tensor.range.clone()).unwrap_or(&mut []);
        decode(path, &tensor.name, &tensor.shape, &view, out)?;
    }
    parameters.values_mut().copy_from_slice(&values);
    Ok(())
}

/// The whole file, if it is not longer than a header and `data` bytes of numbers, which is room for `room`.
pub(crate) fn read(path: &Path, data: u64, room: &'static str) -> Result<Vec<u8>, StoreError> {
    let failed = |action| move |source| StoreError::Io { path: path.into(), action, source };
    let limit = data.saturating_add(HEADER_LIMIT);
    let too_long = || StoreError::TooLong { path: path.into(), limit, room };
    let file = File::open(path).map_err(failed("open the file"))?;
    if file.metadata().is_ok_and(|m| m.len() > limit) {
        return Err(too_long());
    }
    // Not every file tells its length before.
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read the file"))?;
    if bytes.len() as u64 > limit { Err(too_long()) } else { Ok(bytes) }
}

/// The version of the format, before anything that depends on it.
pub(crate) fn check_version(
    path: &Path,
    key: &'static str,
    expected: &'static str,
    metadata: impl Fn(&str) -> Option<String>,
) -> Result<(), StoreError> {
    let found = entry(path, key, expected, metadata)?;
    if found == expected { Ok(()) } else { Err(StoreError::Version { path: path.into(), expected, found }) }
}

/// The hash of the model; its name may have changed.
pub(crate) fn check_model(
    path: &Path,
    model: &ModelId<'_>,
    layout: &Layout,
    metadata: impl Fn(&str) -> Option<String>,
) -> Result<(), StoreError> {
    let expected = layout.hash_of(model.hash);
    let found_name = entry(path, NAME_KEY, model.name, &metadata)?;
    let found = entry(path, HASH_KEY, &expected, &metadata)?;
    if found != expected {
        let name = model.name.into();
        return Err(StoreError::Hash { path: path.into(), name, expected, found_name, found });
    }
    Ok(())
}

fn entry(
    path: &Path,
    key: &'static str,
    expected: &str,
    metadata: impl Fn(&str) -> Option<String>,
) -> Result<String, StoreError> {
    metadata(key).ok_or_else(|| StoreError::Metadata { path: path.into(), key, expected: expected.into() })
}

fn check_names(path: &Path, layout: &Layout, file: &SafeTensors<'_>) -> Result<(), StoreError> {
    let others: BTreeSet<&str> = file.names().into_iter().filter(|name| layout.find(name).is_none()).collect();
    let names: BTreeSet<&str> = file.names().into_iter().collect();
    if let Some(missing) = layout.tensors().iter().find(|t| !names.contains(t.name.as_str())) {
        let others = others.into_iter().map(String::from).collect();
        let (tensor, shape) = (missing.name.clone(), missing.shape.clone());
        return Err(StoreError::Missing { path: path.into(), tensor, shape, others });
    }
    match others.first() {
        None => Ok(()),
        Some(&tensor) => {
            Err(StoreError::Extra { path: path.into(), tensor: tensor.into(), expected: layout.tensors().len() })
        }
    }
}

/// The numbers of a tensor, which has to have that shape.
pub(crate) fn decode<R: Real>(
    path: &Path,
    name: &str,
    shape: &[usize],
    view: &TensorView<'_>,
    out: &mut [R],
) -> Result<(), StoreError> {
    if view.shape() != shape {
        let (expected, found) = (shape.to_vec(), view.shape().to_vec());
        return Err(StoreError::Shape { path: path.into(), tensor: name.into(), expected, found });
    }
    let numbers: Vec<f64> = match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect(),
        Dtype::F64 => view.data().as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
        other => return Err(StoreError::Type { path: path.into(), tensor: name.into(), found: other.to_string() }),
    };
    for (place, (out, &found)) in out.iter_mut().zip(&numbers).enumerate() {
        *out = R::from_f64(found);
        if !out.is_finite() {
            return Err(StoreError::NotFinite { path: path.into(), tensor: name.into(), place, found, kind: R::NAME });
        }
    }
    Ok(())
}

//! Writing.

use super::checksum::checksum;
use super::{
    BATCH_KEY, CHECKSUM_KEY, Checkpoint, CheckpointError, EPOCH_KEY, FORMAT_VERSION, PARAMETER, Progress, ROOM,
    RULE_KEY, SERIES, SETTING, STATE, STEPS_KEY, UPDATES_KEY, VERSION_KEY, room,
};
use crate::optimise::Optimiser;
use crate::store::save::{Numbers, check_finite, write};
use crate::store::{HASH_KEY, NAME_KEY, StoreError};
use crate::{Parameters, Real};
use safetensors::tensor::{Dtype, View};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

impl Checkpoint<'_> {
    /// Saves the state of the training atomically: the file is written under another name in the same folder, synchronised
    /// with the disk, and renamed. Equal states give equal bytes.
    ///
    /// # Errors
    /// If a number is infinite or NaN, if the state of the optimiser has another length than the parameters, if names of
    /// tensors are not different, or if the file cannot be written. An older file under this name is untouched then.
    pub fn save<R: Real>(
        &self,
        parameters: &dyn Parameters<R>,
        optimiser: &dyn Optimiser<R>,
        progress: &Progress,
    ) -> Result<(), CheckpointError> {
        self.contents(parameters, optimiser, progress)?.write(&self.path)
    }

    pub(super) fn contents<R: Real>(
        &self,
        parameters: &dyn Parameters<R>,
        optimiser: &dyn Optimiser<R>,
        progress: &Progress,
    ) -> Result<Contents, CheckpointError> {
        let path = &self.path;
        let (layout, values) = (parameters.layout(), parameters.values());
        let (expected, found) = (layout.len(), values.len());
        if found != expected {
            return Err(StoreError::Length { expected, found }.into());
        }
        let mut tensors = BTreeMap::new();
        for tensor in layout.tensors() {
            let numbers = values.get(tensor.range.clone()).unwrap_or(&[]);
            let encoded = Encoded::new(path, &tensor.name, &tensor.shape, numbers)?;
            if tensors.insert(format!("{PARAMETER}{}", tensor.name), encoded).is_some() {
                return Err(StoreError::Name { path: path.into(), tensor: tensor.name.clone() }.into());
            }
        }
        let state = optimiser.state_view();
        let parts = state.parts.len();
        for (part, numbers) in state.parts {
            let found = numbers.len();
            if found != 0 && found != expected {
                return Err(CheckpointError::StateLength { path: path.into(), part, expected, found });
            }
            let name = format!("{STATE}{part}");
            let encoded = Encoded::new(path, &name, &[found], numbers)?;
            if tensors.insert(name, encoded).is_some() {
                return Err(StoreError::Name { path: path.into(), tensor: part.into() }.into());
            }
        }
        for (series, numbers) in &progress.series {
            let name = format!("{SERIES}{series}");
            let encoded = Encoded::new(path, &name, &[numbers.len()], numbers)?;
            tensors.insert(name, encoded);
        }
        let (length, limit) = (tensors.values().map(|t| t.data.len() as u64).sum::<u64>(), room(expected, parts));
        if length > limit {
            return Err(StoreError::TooLong { path: path.into(), limit, room: ROOM }.into());
        }
        let fixed = [
            (VERSION_KEY, FORMAT_VERSION.to_string()),
            (NAME_KEY, self.model.name.into()),
            (HASH_KEY, layout.hash_of(self.model.hash)),
            (EPOCH_KEY, progress.epoch.to_string()),
            (BATCH_KEY, progress.batch.to_string()),
            (UPDATES_KEY, progress.updates.to_string()),
            (RULE_KEY, optimiser.rule()),
            (STEPS_KEY, state.steps.to_string()),
        ];
        let settings = self.settings.iter().map(|(name, value)| (format!("{SETTING}{name}"), value.to_string()));
        let fixed = fixed.map(|(key, value)| (key.to_string(), value));
        Ok(Contents { tensors, metadata: fixed.into_iter().chain(settings).collect() })
    }
}

/// All that a file says, but the checksum.
pub(super) struct Contents {
    pub(super) tensors: BTreeMap<String, Encoded>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Contents {
    pub(super) fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let contents = self.tensors.iter().map(|(name, t)| (name.as_str(), (t.dtype, &t.shape[..], &t.data[..])));
        let contents = contents.collect();
        let mut metadata: Vec<_> = self.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let sum = checksum(metadata.iter().copied(), &contents);
        metadata.push((CHECKSUM_KEY, &sum));
        let tensors = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        Ok(write(path, "save the checkpoint", tensors, &metadata)?)
    }
}

/// A tensor as it is in the file.
#[derive(Clone)]
pub(super) struct Encoded {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<u8>,
}

impl Encoded {
    fn new<R: Real>(path: &Path, name: &str, shape: &[usize], numbers: &[R]) -> Result<Self, StoreError> {
        check_finite(path, name, numbers)?;
        let numbers = Numbers { shape, numbers };
        Ok(Self { dtype: numbers.dtype(), shape: shape.to_vec(), data: numbers.data().into_owned() })
    }
}

impl View for &Encoded {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        (&self.data).into()
    }
    fn data_len(&self) -> usize {
        self.data.len()
    }
}

//! Reading.

use super::checksum::checksum;
use super::{
    BATCH_KEY, CHECKSUM_KEY, Checkpoint, CheckpointError, EPOCH_KEY, FORMAT_VERSION, PARAMETER, Progress, ROOM,
    RULE_KEY, SERIES, SETTING, STATE, STEPS_KEY, UPDATES_KEY, VERSION_KEY, room,
};
use crate::optimise::Optimiser;
use crate::store::StoreError;
use crate::store::load::{check_model, check_version, decode, read};
use crate::store::save::dtype;
use crate::{Parameters, Real};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::collections::BTreeMap;
use std::path::Path;

impl Checkpoint<'_> {
    /// Loads parameters, frozen ones too, and the state of the optimiser, and returns how far the training had come.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or not a checkpoint, or belongs to another model, optimiser, precision or
    /// other settings; if it does not have exactly the numbers of a training, or one is not finite. Parameters and
    /// optimiser are untouched then.
    pub fn load<R: Real>(
        &self,
        parameters: &mut dyn Parameters<R>,
        optimiser: &mut dyn Optimiser<R>,
    ) -> Result<Progress, CheckpointError> {
        let path = self.path.as_path();
        let layout = parameters.layout().clone();
        let (expected, found) = (layout.len(), parameters.values().len());
        if found != expected {
            return Err(StoreError::Length { expected, found }.into());
        }
        let names: Vec<&str> = optimiser.state_view().parts.iter().map(|(name, _)| *name).collect();
        let bytes = read(path, room(expected, names.len()), ROOM)?;
        let file = File::open(path, &bytes)?;
        check_model(path, &self.model, &layout, |key| file.metadata.get(key).cloned())?;
        let (rule, now) = (file.text(RULE_KEY)?, optimiser.rule());
        if rule != now {
            return Err(CheckpointError::Optimiser { path: path.into(), expected: now, found: rule.into() });
        }
        self.settings.check(path, &file.settings())?;

        let mut values = vec![R::ZERO; expected];
        for tensor in layout.tensors() {
            let out = values.get_mut(tensor.range.clone()).unwrap_or(&mut []);
            file.numbers(&format!("{PARAMETER}{}", tensor.name), &tensor.shape, out)?;
        }
        let mut parts = Vec::with_capacity(names.len());
        for name in &names {
            let name = format!("{STATE}{name}");
            // Without numbers before the first step.
            let length = if file.tensors.get(name.as_str()).is_some_and(|t| t.shape() == [0]) { 0 } else { expected };
            let mut part = vec![R::ZERO; length];
            file.numbers(&name, &[length], &mut part)?;
            parts.push(part);
        }
        let progress = Progress {
            epoch: file.number(EPOCH_KEY)?,
            batch: file.number(BATCH_KEY)?,
            updates: file.number(UPDATES_KEY)?,
            series: file.series()?,
        };
        let steps = file.number(STEPS_KEY)?;
        let known = layout.tensors().len() + names.len() + progress.series.len();
        file.check_names(known, |name| {
            let parameter = name.strip_prefix(PARAMETER).is_some_and(|name| layout.find(name).is_some());
            parameter || name.starts_with(SERIES) || name.strip_prefix(STATE).is_some_and(|name| names.contains(&name))
        })?;

        // From here on nothing can fail.
        parameters.values_mut().copy_from_slice(&values);
        let state = optimiser.state_view_mut();
        *state.steps = steps;
        for (out, part) in state.parts.into_iter().zip(parts) {
            *out = part;
        }
        Ok(progress)
    }
}

/// A file whose version and checksum are right.
struct File<'a> {
    path: &'a Path,
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, TensorView<'a>>,
}

impl<'a> File<'a> {
    fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let damaged =
            |e: safetensors::SafeTensorError| StoreError::Damaged { path: path.into(), reason: e.to_string() };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let metadata = header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?.tensors().into_iter().collect();
        let mut file = Self { path, metadata, tensors };
        file.text(VERSION_KEY)?;
        check_version(path, VERSION_KEY, FORMAT_VERSION, |key| file.metadata.get(key).cloned())?;
        let expected = file.text(CHECKSUM_KEY)?.to_string();
        file.metadata.remove(CHECKSUM_KEY);
        let contents = file.tensors.iter().map(|(n, t)| (n.as_str(), (t.dtype(), t.shape(), t.data()))).collect();
        let found = checksum(file.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())), &contents);
        if found != expected {
            return Err(CheckpointError::Checksum { path: path.into(), expected, found });
        }
        Ok(file)
    }

    fn text(&self, key: &'static str) -> Result<&str, CheckpointError> {
        let missing = || CheckpointError::NotACheckpoint { path: self.path.into(), key };
        self.metadata.get(key).map(String::as_str).ok_or_else(missing)
    }

    fn number(&self, key: &'static str) -> Result<u64, CheckpointError> {
        let text = self.text(key)?;
        text.parse().map_err(|_| CheckpointError::Number { path: self.path.into(), key, found: text.into() })
    }

    fn settings(&self) -> BTreeMap<&str, &str> {
        self.metadata.iter().filter_map(|(key, value)| Some((key.strip_prefix(SETTING)?, value.as_str()))).collect()
    }

    /// The numbers of a tensor, in exactly the precision of `out`.
    fn numbers<R: Real>(&self, name: &str, shape: &[usize], out: &mut [R]) -> Result<(), CheckpointError> {
        let path = self.path;
        let Some(view) = self.tensors.get(name) else {
            let (tensor, shape) = (name.into(), shape.to_vec());
            return Err(StoreError::Missing { path: path.into(), tensor, shape, others: Vec::new() }.into());
        };
        let expected = dtype::<R>();
        if view.dtype() != expected {
            let (expected, found) = (expected.to_string(), view.dtype().to_string());
            return Err(CheckpointError::Precision { path: path.into(), tensor: name.into(), expected, found });
        }
        Ok(decode(path, name, shape, view, out)?)
    }

    fn series(&self) -> Result<BTreeMap<String, Vec<f64>>, CheckpointError> {
        let mut all = BTreeMap::new();
        for (name, view) in &self.tensors {
            let Some(series) = name.strip_prefix(SERIES) else { continue };
            let mut numbers = vec![0.0; view.shape().iter().product()];
            self.numbers(name, &[numbers.len()], &mut numbers)?;
            all.insert(series.to_string(), numbers);
        }
        Ok(all)
    }

    /// Refuses tensors that nothing asked for.
    fn check_names(&self, expected: usize, known: impl Fn(&str) -> bool) -> Result<(), CheckpointError> {
        match self.tensors.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(tensor) => Err(StoreError::Extra { path: self.path.into(), tensor: tensor.clone(), expected }.into()),
        }
    }
}

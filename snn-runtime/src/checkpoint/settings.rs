//! What has to be the same when training goes on.

use super::CheckpointError;
use crate::optimise::Schedule;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

/// Named settings that decide over the course of a training. A checkpoint is loaded only if it was saved with the same
/// names and values.
///
/// Values are kept as the text that `Debug` writes, which for numbers is exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    entries: BTreeMap<String, String>,
}

impl Settings {
    /// The settings `seed` and `schedule`.
    pub fn new(seed: u64, schedule: &Schedule) -> Self {
        Self { entries: BTreeMap::new() }.with("seed", seed).with("schedule", schedule)
    }

    /// Adds a setting, e.g. the size of a batch or of the data set. If there is one of that name its value is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Debug) -> Self {
        self.entries.insert(name.into(), format!("{value:?}"));
        self
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first setting, by name, that is not the same in a file.
    pub(super) fn check(&self, path: &Path, file: &BTreeMap<&str, &str>) -> Result<(), CheckpointError> {
        let names: BTreeSet<&str> = self.entries.keys().map(String::as_str).chain(file.keys().copied()).collect();
        for name in names {
            let (expected, found) = (self.entries.get(name).map(String::as_str), file.get(name).copied());
            if expected != found {
                let text = |value: Option<&str>| value.unwrap_or("none").to_string();
                let (expected, found) = (text(expected), text(found));
                return Err(CheckpointError::Setting { path: path.into(), name: name.into(), expected, found });
            }
        }
        Ok(())
    }
}

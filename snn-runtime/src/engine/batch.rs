//! What goes into one call: inputs and targets of some samples, checked against the network.

use super::error::Error;
use super::plan::{LIMIT, Plan};
use crate::encode::Encoder;
use crate::graph::{Input, InputKind, Target, TargetKind};
use crate::loss::Targets;
use crate::threads::PIECE;
use crate::{Real, SpikeTrain};
use ndarray::{ArrayView, ArrayView1, ArrayView2, ArrayView3, Axis, Dimension};
use rayon::prelude::*;
use std::borrow::Cow;

/// The samples of one call.
pub struct Batch<'a, R> {
    /// The number of samples, at least one.
    pub size: usize,
    /// One entry per input of the network, in their order.
    pub inputs: Vec<InputData<'a>>,
    /// One entry per target of the network, in their order. A call of `forward` may leave all of them out.
    pub targets: Vec<TargetData<'a, R>>,
}

/// The data of one input.
#[derive(Clone, Copy)]
pub enum InputData<'a> {
    /// One spike train per sample, with exactly the steps of the simulation.
    Spikes(&'a [SpikeTrain]),
    /// Numbers that are turned into spikes while the network runs.
    Encoded {
        /// `[samples, channels]`
        values: ArrayView2<'a, f32>,
        /// The rule.
        encoder: &'a dyn Encoder,
        /// The seed of the encoder's random numbers.
        seed: u64,
        /// A number per sample that its random numbers depend on, e.g. its place in the data set.
        samples: &'a [u64],
    },
    /// The numbers themselves, for an input of values: `[samples, steps, channels]`, or `[samples, 1, channels]` if they do
    /// not change.
    Values(Values<'a>),
}

/// Numbers of either precision: `array.view().into()`.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// 32 bits.
    Single(ArrayView3<'a, f32>),
    /// 64 bits.
    Double(ArrayView3<'a, f64>),
}

impl<'a> From<ArrayView3<'a, f32>> for Values<'a> {
    fn from(values: ArrayView3<'a, f32>) -> Self {
        Self::Single(values)
    }
}

impl<'a> From<ArrayView3<'a, f64>> for Values<'a> {
    fn from(values: ArrayView3<'a, f64>) -> Self {
        Self::Double(values)
    }
}

impl Values<'_> {
    /// Samples, steps, channels.
    pub fn dim(&self) -> (usize, usize, usize) {
        match self {
            Self::Single(values) => values.dim(),
            Self::Double(values) => values.dim(),
        }
    }

    /// Copies the numbers of a sample: `[steps, channels]`.
    pub(crate) fn copy<R: Real>(&self, sample: usize, out: &mut [R]) {
        let out = out.iter_mut();
        match self {
            Self::Single(values) => {
                let values = values.index_axis(Axis(0), sample);
                out.zip(values).for_each(|(out, &x)| *out = R::from_f64(f64::from(x)));
            }
            Self::Double(values) => {
                let values = values.index_axis(Axis(0), sample);
                out.zip(values).for_each(|(out, &x)| *out = R::from_f64(x));
            }
        }
    }

    /// The first number that is not finite: sample, step, channel, and the number.
    fn not_finite(&self) -> Option<((usize, usize, usize), f64)> {
        match self {
            Self::Single(values) => {
                let all = values.indexed_iter().map(|(place, &x)| (place, f64::from(x)));
                all.into_iter().find(|(_, x)| !x.is_finite())
            }
            Self::Double(values) => values.indexed_iter().map(|(place, &x)| (place, x)).find(|(_, x)| !x.is_finite()),
        }
    }
}

/// The data of one target.
#[derive(Clone, Copy)]
pub enum TargetData<'a, R> {
    /// One class per sample.
    Class(&'a [u32]),
    /// `[samples, size]`
    Values(ArrayView2<'a, R>),
    /// One class per sample and step, for a target over time. `[samples, steps]`
    ClassOverTime(ArrayView2<'a, u32>),
    /// For a target over time. `[samples, steps, size]`
    ValuesOverTime(ArrayView3<'a, R>),
}

/// A target in the order in which the loss reads it.
pub(crate) enum CheckedTarget<'a, R: Real> {
    Class(Cow<'a, [u32]>),
    Values(Cow<'a, [R]>),
    Missing,
}

impl<R: Real> CheckedTarget<'_, R> {
    /// The numbers.
    pub(crate) fn as_targets(&self) -> Targets<'_, R> {
        match self {
            Self::Class(classes) => Targets::Class(classes),
            Self::Values(values) => Targets::Values(values),
            Self::Missing => Targets::Missing,
        }
    }
}

/// Checks a batch; `all_targets` if the losses will be evaluated.
pub(crate) fn check<'a, R: Real>(
    plan: &Plan<R>,
    batch: &Batch<'a, R>,
    all_targets: bool,
) -> Result<Vec<CheckedTarget<'a, R>>, Error> {
    if batch.size == 0 {
        return Err(Error::EmptyBatch);
    }
    if batch.size > LIMIT {
        return Err(Error::LargeBatch { found: batch.size, limit: LIMIT });
    }
    if batch.inputs.len() != plan.inputs.len() {
        let names = plan.inputs.iter().map(|i| i.name.as_str());
        return Err(count("inputs", plan.inputs.len(), names, batch.inputs.len()));
    }
    for (input, data) in plan.inputs.iter().zip(&batch.inputs) {
        check_input(input, plan.simulation.steps, batch.size, data)?;
    }
    let needed = all_targets || plan.loss.readout_targets().next().is_some();
    if batch.targets.is_empty() && !needed {
        return Ok(plan.targets.iter().map(|_| CheckedTarget::Missing).collect());
    }
    if batch.targets.len() != plan.targets.len() {
        let names = plan.targets.iter().map(|t| t.name.as_str());
        return Err(count("targets", plan.targets.len(), names, batch.targets.len()));
    }
    let targets = plan.targets.iter().zip(&batch.targets);
    targets.map(|(target, data)| check_target(target, plan.simulation.steps, batch.size, data)).collect()
}

fn count<'n>(what: &'static str, expected: usize, names: impl Iterator<Item = &'n str>, found: usize) -> Error {
    let names = names.collect::<Vec<_>>().join(", ");
    Error::Count { what, expected, names: if names.is_empty() { "none".into() } else { names }, found }
}

fn check_input(input: &Input, steps: usize, samples: usize, data: &InputData<'_>) -> Result<(), Error> {
    let (name, size) = (input.name.as_str(), input.size);
    let fail = |reason: String| Err(Error::Input { input: name.into(), reason });
    let fail_sample = |sample, reason: String| Err(Error::InputSample { input: name.into(), sample, reason });
    match (input.kind, data) {
        (InputKind::Spikes, InputData::Values(_)) => {
            return fail("expected spikes, found values; give `InputData::Spikes` or `InputData::Encoded`".into());
        }
        (InputKind::Values, InputData::Spikes(_) | InputData::Encoded { .. }) => {
            return fail("expected values, found spikes; give `InputData::Values`".into());
        }
        (_, InputData::Values(values)) => {
            let (rows, times, channels) = values.dim();
            if rows != samples || channels != size || times != steps && times != 1 {
                return fail(format!(
                    "expected values of shape [{samples}, {steps}, {size}] or [{samples}, 1, {size}], found {:?}",
                    [rows, times, channels]
                ));
            }
            if let Some(((sample, step, channel), value)) = values.not_finite() {
                let reason = format!("channel {channel} is {value} in step {step}: expected finite numbers");
                return fail_sample(sample, format!("{reason}; clean the data"));
            }
        }
        (_, InputData::Spikes(trains)) => {
            if trains.len() != samples {
                return fail(format!(
                    "expected {samples} spike trains, one per sample, found {}; give the batch its size",
                    trains.len()
                ));
            }
            for (sample, train) in trains.iter().enumerate() {
                if let Some(fault) = train.fault(steps, size) {
                    return fail_sample(sample, fault.to_string());
                }
            }
        }
        (_, InputData::Encoded { values, encoder, samples: ids, .. }) => {
            if values.dim() != (samples, size) {
                return fail(format!(
                    "expected values of shape [{samples}, {size}], found {:?}; {SHAPE}",
                    values.shape()
                ));
            }
            if ids.len() != samples {
                return fail(format!(
                    "expected {samples} sample numbers, found {}; give one for each sample",
                    ids.len()
                ));
            }
            // Finite, and what else the rule of the encoder needs.
            let check = |sample| {
                let row: ArrayView1<'_, f32> = values.row(sample);
                let checked = match row.as_slice() {
                    Some(row) => encoder.check(row),
                    None => encoder.check(&row.to_vec()),
                };
                checked.err().map(|error| (sample, error))
            };
            let rows = (0..samples).into_par_iter().with_min_len(PIECE.div_ceil(size.max(1)));
            if let Some((sample, error)) = rows.find_map_first(check) {
                return fail_sample(sample, error.to_string());
            }
        }
    }
    Ok(())
}

fn check_target<'a, R: Real>(
    target: &Target,
    steps: usize,
    samples: usize,
    data: &TargetData<'a, R>,
) -> Result<CheckedTarget<'a, R>, Error> {
    let name = &target.name;
    let fail = |reason: String| Err(Error::Target { target: name.clone(), reason });
    match (&target.kind, target.over_time, data) {
        (&TargetKind::Class(classes), false, TargetData::Class(labels)) => {
            if labels.len() != samples {
                return fail(format!(
                    "expected {samples} classes, one per sample, found {}; give the batch its size",
                    labels.len()
                ));
            }
            check_classes(name, labels, classes, 1)?;
            Ok(CheckedTarget::Class(Cow::Borrowed(labels)))
        }
        (&TargetKind::Class(classes), true, TargetData::ClassOverTime(labels)) => {
            check_shape(name, "classes", &[samples, steps], labels.shape())?;
            let labels = flat(*labels);
            check_classes(name, &labels, classes, steps)?;
            Ok(CheckedTarget::Class(labels))
        }
        (&TargetKind::Values(size), false, TargetData::Values(values)) => {
            check_shape(name, "values", &[samples, size], values.shape())?;
            check_numbers(name, flat(*values), size)
        }
        (&TargetKind::Values(size), true, TargetData::ValuesOverTime(values)) => {
            check_shape(name, "values", &[samples, steps, size], values.shape())?;
            check_numbers(name, flat(*values), steps * size)
        }
        (TargetKind::Class(_), true, TargetData::Class(_)) => {
            fail("expected a class for every step, found one for a sample; give `TargetData::ClassOverTime`".into())
        }
        (TargetKind::Values(_), true, TargetData::Values(_)) => {
            fail("expected numbers for every step, found those of a sample; give `TargetData::ValuesOverTime`".into())
        }
        (TargetKind::Class(_), false, TargetData::ClassOverTime(_))
        | (TargetKind::Values(_), false, TargetData::ValuesOverTime(_)) => {
            fail("expected it once for a sample, found it for every step; declare the target `over time`".into())
        }
        (TargetKind::Class(_), false, _) => fail("expected classes, found numbers; give `TargetData::Class`".into()),
        (TargetKind::Class(_), true, _) => {
            fail("expected classes, found numbers; give `TargetData::ClassOverTime`".into())
        }
        (TargetKind::Values(_), false, _) => fail("expected numbers, found classes; give `TargetData::Values`".into()),
        (TargetKind::Values(_), true, _) => {
            fail("expected numbers, found classes; give `TargetData::ValuesOverTime`".into())
        }
    }
}

fn check_shape(target: &str, what: &str, expected: &[usize], found: &[usize]) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    let reason = format!("expected {what} of shape {expected:?}, found {found:?}; {SHAPE}");
    Err(Error::Target { target: target.into(), reason })
}

/// `steps` labels belong to one sample.
fn check_classes(target: &str, labels: &[u32], classes: usize, steps: usize) -> Result<(), Error> {
    let Some(place) = labels.iter().position(|&label| label as usize >= classes) else { return Ok(()) };
    let step = if steps > 1 { format!(" at step {}", place % steps) } else { String::new() };
    let reason = format!("class {}{step}: expected a class below {classes}; check the labels", labels[place]);
    Err(Error::TargetSample { target: target.into(), sample: place / steps, reason })
}

/// `length` numbers belong to one sample.
fn check_numbers<'a, R: Real>(
    target: &str,
    values: Cow<'a, [R]>,
    length: usize,
) -> Result<CheckedTarget<'a, R>, Error> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(CheckedTarget::Values(values)),
        Some(place) => {
            let reason =
                format!("number {} is {}: expected a finite number; clean the data", place % length, values[place]);
            Err(Error::TargetSample { target: target.into(), sample: place / length, reason })
        }
    }
}

/// What to do about a wrong shape.
const SHAPE: &str = "the rows are samples";

/// The numbers in row-major order, copied if they stand otherwise.
fn flat<T: Copy, D: Dimension>(values: ArrayView<'_, T, D>) -> Cow<'_, [T]> {
    match values.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(values.iter().copied().collect()),
    }
}

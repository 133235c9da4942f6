//! Errors that go back through weights as products with impulses alone: [`crate::ErrorFilter`].
//!
//! Instead of W e, with e the errors of the target, its product with the gradients of the target's states is kept for each projection, as
//! it was in the step behind, and moves on with W q, q the impulses of a step.

use super::impulses::{Impulses, Sparse};
use super::packed::{FACTOR, Packed};
use super::plan::PopulationPlan;
use crate::aligned::Aligned;
use crate::kernel::rows_mut;
use crate::math::flush;
use crate::neuron::Coefficients;
use crate::simd::places::WORD;
use crate::simd::{Loops, dispatch};
use crate::{ErrorFilter, FilterEntry, Real};

/// Matrices with fewer targets are multiplied as fast as impulses are listed, and lists make words.
const FEWEST_TARGETS: usize = WORD;

/// The constants of a filter, as numbers.
#[derive(Debug, Default)]
pub(crate) struct Constants<R> {
    transition: Vec<R>,
    gain: Vec<R>,
    read: Vec<R>,
    direct: Vec<R>,
}

impl<R: Real> Constants<R> {
    /// Those of a population of `n` neurons, if they are the same for all of them.
    pub(crate) fn new(filter: &ErrorFilter, coefficients: Coefficients<'_, R>, n: usize) -> Option<Self> {
        let number = |entry: &FilterEntry| match *entry {
            FilterEntry::Number(number) => Some(R::from_f64(number)),
            FilterEntry::Coefficient(c) if coefficients.per_neuron => {
                let (first, rest) = coefficients.values[c * n..][..n].split_first()?;
                rest.iter().all(|x| x == first).then_some(*first)
            }
            FilterEntry::Coefficient(c) => Some(coefficients.values[c]),
        };
        let numbers = |entries: &[FilterEntry]| entries.iter().map(number).collect::<Option<_>>();
        Some(Self {
            transition: numbers(&filter.transition)?,
            gain: numbers(&filter.gain)?,
            read: numbers(&filter.read)?,
            direct: numbers(&filter.direct)?,
        })
    }
}

/// What goes back through a projection in a step of its target.
pub(crate) struct Step<'a, R> {
    pub(crate) constants: &'a Constants<R>,
    /// The event port.
    pub(crate) port: usize,
    /// Weights `[target, source]`.
    pub(crate) weights: &'a Packed<R, FACTOR>,
    /// The impulses of the targets.
    pub(crate) impulses: Sparse<'a, R>,
}

/// What a projection has of the steps behind.
#[derive(Debug, Default)]
pub(crate) struct FilteredErrors<R> {
    /// The products of the weights with the gradients of the states. `[S, block sample, source]`
    sums: Aligned<R>,
    is_on: bool,
}

impl<R: Real> FilteredErrors<R> {
    /// Room for a block of so many samples.
    pub(crate) fn prepare(&mut self, target: &PopulationPlan<R>, sources: usize, samples: usize) {
        let states = target.layout.error_filter.as_ref().map_or(0, ErrorFilter::states);
        self.sums.resize(states * samples * sources);
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.sums.bytes()
    }

    /// Begins a block, in which so many targets may have impulses.
    pub(crate) fn begin(&mut self, targets: usize, densest: f64) {
        self.is_on = targets >= FEWEST_TARGETS || targets > 0 && densest >= 1.0;
        if self.is_on {
            self.sums.fill(R::ZERO);
        }
    }

    /// It reads the impulses of its target.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether the errors of a step of the target go back through the filter; `list` gets its impulses. If more than that share of the
    /// neurons has one they do not, here and in all steps before: then the product with all errors is no slower. So it depends on the
    /// block alone, whatever segments it is cut into.
    pub(crate) fn takes(&mut self, step: &Step<'_, R>, densest: f64, list: &mut Impulses) -> bool {
        if self.is_on {
            let Sparse { samples, rows, .. } = step.impulses;
            self.is_on = list.find(step.impulses) as f64 <= densest * (samples * rows) as f64;
        }
        self.is_on
    }

    /// Adds the errors of a step of the target, whose impulses are listed, to `out`, or begins it with them, and moves on to the step
    /// before. `part`: room. `[block sample, source]`
    pub(crate) fn step(&mut self, step: &Step<'_, R>, list: &Impulses, part: &mut [R], fresh: bool, out: &mut [R]) {
        list.product(step.impulses, step.weights, part);
        let Step { constants, port, .. } = *step;
        let sums = &mut self.sums[..];
        match constants.gain.len() {
            1 => dispatch(Filter::<R, 1> { constants, port, sums, impulses: part, fresh, out }),
            2 => dispatch(Filter::<R, 2> { constants, port, sums, impulses: part, fresh, out }),
            3 => dispatch(Filter::<R, 3> { constants, port, sums, impulses: part, fresh, out }),
            _ => {
                dispatch(Filter::<R, { ErrorFilter::MAX_STATES }> { constants, port, sums, impulses: part, fresh, out })
            }
        }
    }
}

struct Filter<'a, R, const S: usize> {
    constants: &'a Constants<R>,
    port: usize,
    sums: &'a mut [R],
    /// Products of weights with impulses.
    impulses: &'a [R],
    fresh: bool,
    out: &'a mut [R],
}

impl<R: Real, const S: usize> Loops for Filter<'_, R, S> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        if self.fresh { self.step::<true>() } else { self.step::<false>() }
    }
}

impl<R: Real, const S: usize> Filter<'_, R, S> {
    #[inline(always)]
    fn step<const FRESH: bool>(self) {
        let Constants { transition, gain, read, direct } = self.constants;
        let transition: [[R; S]; S] = std::array::from_fn(|s| std::array::from_fn(|r| transition[s * S + r]));
        let gain: [R; S] = std::array::from_fn(|s| gain[s]);
        let read: [R; S] = std::array::from_fn(|s| read[self.port * S + s]);
        let direct = direct[self.port];
        let n = self.impulses.len();
        let (impulses, out) = (self.impulses, &mut self.out[..n]);
        let sums: [&mut [R]; S] = rows_mut(self.sums, n);
        for i in 0..n {
            let x = impulses[i];
            let old: [R; S] = std::array::from_fn(|s| sums[s][i]);
            let error = (0..S).fold(direct * x, |sum, s| sum + read[s] * old[s]);
            out[i] = if FRESH { error } else { out[i] + error };
            for s in 0..S {
                sums[s][i] = flush((0..S).fold(gain[s] * x, |sum, r| sum + transition[s][r] * old[r]));
            }
        }
    }
}

//! The connections of a projection, for the kernels: which columns a row leads to, and by which weight.

mod draw;
mod grid;
mod section;
mod sparse;

pub(crate) use draw::Draw;
pub(crate) use grid::Window;
pub(crate) use section::Section;
pub(crate) use sparse::Sparse;

use crate::Real;
use crate::math::addend;
use crate::simd::{Loops, dispatch};

/// The connections of a projection.
#[derive(Clone, Debug)]
pub(crate) enum Wiring {
    /// All to all: weight `row * columns + column`.
    Dense,
    /// Listed.
    Sparse(Sparse),
    /// Computed from the place in a grid.
    Window(Window),
}

/// The connections of each row, in an order that is always the same.
pub(crate) trait Rows {
    /// Calls `connection(column, weight)` for each connection of a row.
    fn each(&self, row: usize, connection: impl FnMut(usize, usize));

    /// The same with `connection(column, weights[weight])`.
    #[inline(always)]
    fn each_weight<R: Real>(&self, row: usize, weights: &[R], mut connection: impl FnMut(usize, R)) {
        self.each(row, |column, weight| connection(column, weights[weight]));
    }
}

impl Wiring {
    /// Adds the weights of the rows that spiked, counted from `first`, to the columns; `same`: the weight, if all are.
    pub(crate) fn add_spikes<R: Real>(
        &self,
        spikes: &[u32],
        first: usize,
        weights: &[R],
        same: Option<R>,
        out: &mut [R],
    ) {
        each_row(self, AddSpikes { spikes, first, weights, same, out, term: std::convert::identity });
    }

    /// Undoes [`Self::add_spikes`] of the same spikes to what was `start`.
    pub(crate) fn restore<R: Real>(&self, spikes: &[u32], first: usize, start: &[R], out: &mut [R]) {
        each_row(self, Restore { spikes, first, start, out });
    }

    /// Adds what arrived by the rows that spiked, counted from `first`, to a state; then nothing is there any more.
    pub(crate) fn deliver<R: Real>(&self, spikes: &[u32], first: usize, arrived: &mut [R], state: &mut [R]) {
        each_row(self, Deliver { spikes, first, arrived, state });
    }

    /// [`Self::add_spikes`] and [`Self::deliver`] of a single row at once: it leads to no column twice.
    pub(crate) fn add_spike_to_state<R: Real>(
        &self,
        spike: u32,
        first: usize,
        weights: &[R],
        same: Option<R>,
        state: &mut [R],
    ) {
        each_row(self, AddSpikes { spikes: &[spike], first, weights, same, out: state, term: addend });
    }

    /// `out[column] += x[row] w` over all connections.
    pub(crate) fn add_values<R: Real>(&self, x: &[R], weights: &[R], out: &mut [R]) {
        dispatch(Dispatched(self, AddValues { x, weights, out }));
    }

    /// `out[row] += w errors[column]` over all connections.
    pub(crate) fn add_errors<R: Real>(&self, errors: &[R], weights: &[R], out: &mut [R]) {
        dispatch(Dispatched(self, AddErrors { errors, weights, out }));
    }

    /// `gradient[weight] += errors[column]` over the connections of the rows that spiked, counted from `first`.
    pub(crate) fn add_spike_gradient<R: Real>(&self, spikes: &[u32], first: usize, errors: &[R], gradient: &mut [R]) {
        each_row(self, AddSpikeGradient { spikes, first, errors, gradient });
    }

    /// `gradient[weight] += x[row] errors[column]` over all connections.
    pub(crate) fn add_value_gradient<R: Real>(&self, x: &[R], errors: &[R], gradient: &mut [R]) {
        dispatch(Dispatched(self, AddValueGradient { x, errors, gradient }));
    }

    /// The number of connections of a row; `columns` if all.
    pub(crate) fn degree(&self, row: usize, columns: usize) -> usize {
        match self {
            Self::Dense => columns,
            Self::Sparse(sparse) => sparse.degree(row),
            Self::Window(window) => {
                let mut count = 0;
                window.each(row, |_, _| count += 1);
                count
            }
        }
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Sparse(sparse) => sparse.bytes(),
            Self::Dense | Self::Window(_) => 0,
        }
    }
}

/// A loop over connections that are not dense, for each way to list them. Dense ones have kernels of their own
/// ([`super::packed`]).
trait Kernel {
    fn run(self, rows: &impl Rows);
}

#[inline(always)]
fn each_row(wiring: &Wiring, kernel: impl Kernel) {
    match wiring {
        Wiring::Dense => {}
        Wiring::Sparse(rows) => kernel.run(rows),
        Wiring::Window(rows) => kernel.run(rows),
    }
}

struct Dispatched<'a, K>(&'a Wiring, K);

impl<K: Kernel> Loops for Dispatched<'_, K> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        each_row(self.0, self.1);
    }
}

struct AddSpikes<'a, R, F> {
    spikes: &'a [u32],
    first: usize,
    weights: &'a [R],
    same: Option<R>,
    out: &'a mut [R],
    /// What is added for a weight.
    term: F,
}

impl<R: Real, F: Fn(R) -> R> Kernel for AddSpikes<'_, R, F> {
    #[inline(always)]
    fn run(self, rows: &impl Rows) {
        if let Some(weight) = self.same {
            let term = (self.term)(weight);
            // The list of weights, as long as that of the columns, is not read.
            for &spike in self.spikes {
                rows.each(spike as usize - self.first, |column, _| self.out[column] += term);
            }
            return;
        }
        for &spike in self.spikes {
            let add = |column: usize, weight| self.out[column] += (self.term)(weight);
            rows.each_weight(spike as usize - self.first, self.weights, add);
        }
    }
}

struct Restore<'a, R> {
    spikes: &'a [u32],
    first: usize,
    start: &'a [R],
    out: &'a mut [R],
}

impl<R: Real> Kernel for Restore<'_, R> {
    #[inline(always)]
    fn run(self, rows: &impl Rows) {
        let (start, out) = (&self.start[..self.out.len()], self.out);
        for &spike in self.spikes {
            rows.each(spike as usize - self.first, |column, _| out[column] = start[column]);
        }
    }
}

struct Deliver<'a, R> {
    spikes: &'a [u32],
    first: usize,
    arrived: &'a mut [R],
    state: &'a mut [R],
}

impl<R: Real> Kernel for Deliver<'_, R> {
    #[inline(always)]
    fn run(self, rows: &impl Rows) {
        let (arrived, state) = (&mut self.arrived[..self.state.len()], self.state);
        for &spike in self.spikes {
            // What came by several connections is added at the first.
            rows.each(spike as usize - self.first, |column, _| {
                state[column] += addend(std::mem::replace(&mut arrived[column], R::ZERO));
            });
        }
    }
}

/// As [`Wiring::deliver`] from all rows, where no one looks which connections were used.
pub(crate) fn deliver_all<R: Real>(arrived: &mut [R], state: &mut [R]) {
    struct All<'a, R>(&'a mut [R], &'a mut [R]);
    impl<R: Real> Loops for All<'_, R> {
        type Output = ();
        #[inline(always)]
        fn run<const BYTES: usize>(self) {
            let each = self.0.iter_mut().zip(self.1);
            each.for_each(|(arrived, state)| *state += addend(std::mem::replace(arrived, R::ZERO)));
        }
    }
    dispatch(All(arrived, state));
}

struct AddValues<'a, R> {
    x: &'a [R],
    weights: &'a [R],
    out: &'a mut [R],
}

impl<R: Real> Kernel for AddValues<'_, R> {
    #[inline(always)]
    fn run(self, rows: &impl Rows) {
        for (row, &x) in self.x.iter().enumerate().filter(|(_, x)| **x != R::ZERO) {
            rows.each(row, |column, weight| self.out[column] = x.mul_add(self.weights[weight], self.out[column]));
        }
    }
}

struct AddErrors<'a, R> {
    errors: &'a [R],
    weights: &'a [R],
    out: &'a mut [R],
}

impl<R: Real> Kernel for AddErrors<'_, R> {
    #[inline(always)]
    fn run(self, rows: &impl Rows) {
        for (row, out) in self.out.iter_mut().enumerate() {
            let mut sum = *out;
            rows.each(row, |column, weight| sum = self.errors[column].mul_add(self.weights[weight], sum));
            *out = sum;
        }
    }
}

struct AddSpikeGradient<'a, R> {
    spikes: &'a [u32],
    first: usize,
    errors: &'a [R],
    gradient: &'a mut [R],
}

impl<R: Real> Kernel for AddSpikeGradient<'_, R> {
    #[inline(always)]
    fn run(self, rows: &impl Rows) {
        for &spike in self.spikes {
            rows.each(spike as usize - self.first, |column, weight| self.gradient[weight] += self.errors[column]);
        }
    }
}

struct AddValueGradient<'a, R> {
    x: &'a [R],
    errors: &'a [R],
    gradient: &'a mut [R],
}

impl<R: Real> Kernel for AddValueGradient<'_, R> {
    #[inline(always)]
    fn run(self, rows: &impl Rows) {
        for (row, &x) in self.x.iter().enumerate().filter(|(_, x)| **x != R::ZERO) {
            rows.each(row, |column, weight| {
                self.gradient[weight] = x.mul_add(self.errors[column], self.gradient[weight]);
            });
        }
    }
}

//! One sample on several threads: each serves some neurons of every population, and after each step all wait for each other.
//!
//! In a step neurons depend on nothing but spikes of steps before it, if projections between populations have delays. So a
//! thread receives what reaches its own neurons, takes their step, and writes down which of them fired; then all read the lists
//! of all. What a neuron receives is added in the same order by however many threads, so that the results are the same bits.

mod board;
mod part;
mod progress;
mod receive;

use super::cells::Written;
use super::{Cells, Counts};
use crate::engine::call::{Call, forget};
use crate::engine::collect::collect;
use crate::engine::plan::Plan;
use crate::engine::projection::Carried;
use crate::engine::sent::Sent;
use crate::engine::wiring::Wiring;
use crate::engine::workspace::Scratch;
use crate::graph::Source;
use crate::neuron::Mode;
use crate::random::{Purpose, Stream, normal_numbers};
use crate::{Real, SpikeTrain};
use board::Board;
use part::{GRAIN, Part, ranges};
use progress::Progress;
use rayon::prelude::*;
use receive::View;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// See [`crate::Workspace::set_neurons_per_thread`].
pub(crate) const NEURONS_PER_THREAD: usize = 2000;

/// A thread must have so many steps to take of as many neurons as it is worth: it takes some 50 us to begin.
const STEPS: usize = 500;

/// So often spikes that are read no more are forgotten.
const FORGET: usize = 64;

/// What the threads have, kept from run to run.
#[derive(Debug)]
pub(crate) struct Together<R> {
    /// The plan it was made for.
    plan: Option<u64>,
    parts: Vec<Part<R>>,
    board: Board,
}

impl<R> Default for Together<R> {
    fn default() -> Self {
        Self { plan: None, parts: Vec::new(), board: Board::default() }
    }
}

impl<R: Real> Together<R> {
    fn prepare(&mut self, plan: &Plan<R>, threads: usize) {
        if self.plan == Some(plan.id) && self.parts.len() == threads {
            return self.board.clear();
        }
        let ranges = ranges(plan, threads);
        self.parts = (0..threads).into_par_iter().map(|part| Part::new(plan, &ranges, part)).collect();
        self.board = Board::new(&ranges);
        self.plan = Some(plan.id);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(Part::bytes).sum::<usize>() + self.board.bytes()
    }
}

/// Takes all steps of a block of one sample on several threads, where that is possible and worth while; else it does nothing,
/// and the answer is false.
pub(crate) fn forward_together<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, counts: &mut Counts) -> bool {
    let single = call.batch.size == 1 && call.mode == Mode::Spiking && call.traces.is_empty();
    if !single || call.tapes() || call.dropout.is_some() {
        return false;
    }
    let wanted = worth(call.plan, call.neurons_per_thread).min(rayon::current_num_threads());
    if wanted < 2 || !is_divisible(call.plan) {
        return false;
    }
    let Some(_taken) = Taken::threads(wanted) else { return false };
    let Scratch { together, sent, cells, .. } = scratch;
    together.prepare(call.plan, wanted);
    // These are written, while what inputs have sent is read.
    let mut trains = std::mem::take(&mut sent.trains);
    run(call, together, sent, cells, &mut trains);
    sent.trains = trains;
    for part in &together.parts {
        part.groups.iter().for_each(|group| group.end(&mut cells[group.population]));
        counts.operations += part.operations;
    }
    counts.threads = wanted;
    true
}

/// Whether the neurons of a step depend on nothing but spikes of the steps before it, which reach them by connections that can
/// be cut between them.
fn is_divisible<R>(plan: &Plan<R>) -> bool {
    plan.plastic.is_empty()
        && plan.projections.iter().all(|p| {
            let later = p.delay > 0 || matches!(p.source, Source::Input(_));
            let cut = match (&p.wiring, p.carried) {
                (_, Carried::Signal(_)) | (Wiring::Window(_), _) | (Wiring::Dense, Carried::Values) => false,
                (Wiring::Sparse(_), Carried::Spikes | Carried::Values) => true,
                (Wiring::Dense, Carried::Spikes) => p.targets.start.is_multiple_of(GRAIN),
            };
            later && cut
        })
}

/// How many threads a network is worth.
fn worth<R>(plan: &Plan<R>, neurons_per_thread: usize) -> usize {
    let least = neurons_per_thread.max(1);
    let neurons = plan.populations.iter().fold(0usize, |sum, p| sum.saturating_add(p.n));
    let work = neurons.saturating_mul(plan.simulation.steps) / least.saturating_mul(STEPS);
    let grains = plan.populations.iter().map(|p| p.n.div_ceil(GRAIN)).sum();
    (neurons / least).min(work).min(grains)
}

/// The threads of all runs of the process that take several.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// Threads that a run has taken.
struct Taken(usize);

impl Taken {
    /// Takes so many, if no other run has any or there are processors for both: threads that wait for each other must not also wait
    /// for a processor.
    fn threads(count: usize) -> Option<Self> {
        // It takes a while to ask for them.
        let processors = || thread::available_parallelism().map_or(1, usize::from);
        let more = |used: usize| (used == 0 || used + count <= processors()).then_some(used + count);
        IN_USE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self(count))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        IN_USE.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// What a thread needs for a step of a part.
struct Work<'a, R> {
    part: &'a mut Part<R>,
    /// Where the spikes of all parts are added to: with the first part.
    trains: Option<&'a mut [Vec<SpikeTrain>]>,
}

/// Takes all steps.
fn run<R: Real>(
    call: &Call<'_, '_, R>,
    together: &mut Together<R>,
    sent: &Sent<R>,
    cells: &[Cells<R>],
    trains: &mut [Vec<SpikeTrain>],
) {
    let Together { parts, board, .. } = together;
    let (threads, steps) = (parts.len(), call.plan.simulation.steps);
    let progress = Progress::new(threads, steps);
    let mut first = Some(&mut *trains);
    let work: Vec<_> = parts.iter_mut().map(|part| Mutex::new(Work { part, trains: first.take() })).collect();
    let step = |index: usize, t: usize| {
        // Nobody else has it, as a step is taken once.
        let mut work = work[index].lock().unwrap_or_else(PoisonError::into_inner);
        let Work { part, trains } = &mut *work;
        part.step(call, sent, cells, board, index, t);
        if let (Some(trains), Some(before)) = (trains, t.checked_sub(1)) {
            push(board, before, trains);
            if t.is_multiple_of(FORGET) {
                forget(trains, call.last_steps());
            }
        }
    };
    thread::scope(|scope| {
        for own in 1..threads {
            let (progress, step) = (&progress, &step);
            let named = thread::Builder::new().name(format!("snn part {own}"));
            // If there is no such thread, the others take its part over.
            drop(named.spawn_scoped(scope, move || progress.work(own, step)));
        }
        progress.work(0, step);
    });
    drop(work);
    push(board, steps - 1, trains);
}

/// Adds the spikes of step `t` to the trains.
fn push(board: &Board, t: usize, trains: &mut [Vec<SpikeTrain>]) {
    for (population, train) in trains.iter_mut().filter_map(|trains| trains.first_mut()).enumerate() {
        board.read(t, population).for_each(|spike| train.push(spike));
        train.end_step();
    }
}

impl<R: Real> Part<R> {
    /// Takes step `t` of all neurons of this part.
    fn step(
        &mut self,
        call: &Call<'_, '_, R>,
        sent: &Sent<R>,
        cells: &[Cells<R>],
        board: &Board,
        index: usize,
        t: usize,
    ) {
        let Self { groups, sections, recent, fired, operations } = self;
        match t.checked_sub(1) {
            None => {
                *operations = 0;
                groups.iter_mut().for_each(|group| group.begin(call, &cells[group.population]));
            }
            Some(before) => {
                let recent = recent.iter_mut().enumerate();
                recent.for_each(|(population, recent)| recent.push(before, board.read(before, population)));
            }
        }
        let view = View { call, sent, recent, sections };
        for group in groups {
            group.receive(&view, t, operations);
            group.step(call, t);
            if group.p.layout.spikes {
                fired.clear();
                collect(&group.cells.fired, fired);
                fired.end_step();
                board.write(t, group.population, index, group.range.start, fired.step(0));
            }
        }
    }
}

impl<R: Real> part::Group<R> {
    /// Takes step `t` of these neurons.
    fn step(&mut self, call: &Call<'_, '_, R>, t: usize) {
        if self.p.layout.noise > 0 {
            let stream = Stream::new(call.noise_seed, Purpose::Noise, 0);
            normal_numbers(stream, (call.before + t) as u32, self.p.first_noise, self.p.n, &mut self.cells.noise);
        }
        let shared = call.weights.coefficients(self.population, &self.p);
        let to = Written {
            spikes: &mut [],
            outputs: &mut [],
            tape: &mut [],
            tape_flags: &mut [],
            mode: Mode::Spiking,
            decisions: &mut [],
        };
        self.cells.step((call.before, t), &self.p, shared, to);
    }
}

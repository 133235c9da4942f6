//! A network that can be run and differentiated.

use super::BLOCK;
use super::batch::{self, Batch, CheckedTarget};
use super::call::{Call, Pass};
use super::carry::Carry;
use super::divergence;
use super::error::Error;
use super::forward::Wrong;
use super::in_tree::in_tree;
use super::initial;
use super::parameter_gradient::parameter_gradient;
use super::plan::{self, Plan};
use super::result::{Evaluation, Readouts, Recording};
use super::segments;
use super::session::Session;
use super::workspace::{Lane, Pool, Scratch, Shape, Workspace};
use crate::graph::{Graph, Simulation};
use crate::loss::Kept;
use crate::neuron::Mode;
use crate::threads::{all_finite, in_pool};
use crate::{Layout, ParameterSet, Parameters, Real, SpikeTrain};
use ndarray::{ArrayD, IxDyn};
use std::sync::Arc;

/// A network: the structure without the parameters, which are kept apart as [`Parameters`].
pub struct Network<R> {
    graph: Graph<R>,
    plan: Plan<R>,
}

impl<R: Real> Network<R> {
    /// Checks the graph, and reads lists of connections from files, relative to the current folder.
    ///
    /// # Errors
    /// If a file cannot be read, or sizes, indices, names, delays or the loss program contradict each other.
    pub fn new(graph: Graph<R>) -> Result<Self, Error> {
        let simulation = graph.simulation;
        Self::with_simulation(graph, simulation)
    }

    /// Checks the graph on another time grid than its own.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn with_simulation(mut graph: Graph<R>, simulation: Simulation) -> Result<Self, Error> {
        graph.simulation = simulation;
        graph.read_edges("")?;
        let plan = plan::plan(&graph, simulation)?;
        Ok(Self { graph, plan })
    }

    /// The description.
    pub fn graph(&self) -> &Graph<R> {
        &self.graph
    }

    pub(super) fn plan(&self) -> &Plan<R> {
        &self.plan
    }

    /// The number of connections of all projections.
    pub fn connections(&self) -> usize {
        let count = |p: &super::projection::ProjectionPlan| -> usize {
            (0..p.rows).map(|row| p.wiring.degree(row, p.columns)).sum()
        };
        self.plan.projections.iter().map(count).sum()
    }

    /// The time grid.
    pub fn simulation(&self) -> Simulation {
        self.plan.simulation
    }

    /// Names, shapes and units of the parameters: for every projection `NAME.weight` (`[source, target]`) and
    /// `NAME.bias` (`[target]`, of a convolution `[target channels]`), then for every population its stored parameters as
    /// `POPULATION.PARAMETER`.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.plan.layout
    }

    /// The bytes of the lists of connections, besides the weights: 2 for each connection that is drawn or listed, or 4 to more
    /// than 65536 neurons, and 4 more if delays differ, and nothing for dense projections, convolutions and pooling.
    pub fn connection_bytes(&self) -> usize {
        let rules: usize = self.plan.plastic.iter().map(|rule| rule.bytes()).sum();
        self.plan.projections.iter().map(|p| p.wiring.bytes()).sum::<usize>() + rules
    }

    /// Parameters to begin with: the same for the same seed.
    pub fn initial_parameters(&self, seed: u64) -> ParameterSet<R> {
        initial::parameters(&self.graph, &self.plan, seed)
    }

    /// Runs a batch and returns the readouts (leading axis: samples) and what is recorded.
    ///
    /// Targets are needed only if a readout depends on one.
    ///
    /// # Errors
    /// If the parameters or the batch do not fit the network, a parameter is infinite or NaN, or something to be
    /// recorded does not exist.
    pub fn forward(
        &self,
        parameters: &dyn Parameters<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        recording: &Recording,
    ) -> Result<Readouts<R>, Error> {
        self.check_parameters("the parameters", parameters)?;
        let (layout, values) = (parameters.layout(), parameters.values());
        let mut run = || {
            check_finite(layout, values)?;
            let targets = batch::check(&self.plan, batch, false)?;
            workspace.weights.prepare(&self.plan, values, false, false);
            self.run(None, batch, &targets, workspace, recording, Mode::Spiking, false)?;
            Ok(self.readouts(batch, workspace, recording))
        };
        // A single block is run by one thread.
        if batch.size > BLOCK { in_pool(run) } else { run() }
    }

    /// As [`Network::forward`], but the run begins where `carry` says and leaves its end there. A carry that has taken no
    /// steps stands for the initial state.
    ///
    /// Encoders begin anew in each window: a window needs a seed of its own.
    ///
    /// # Errors
    /// As [`Network::forward`], and if the carry comes from another network or another number of samples, or a state became
    /// infinite or NaN. The carry is then as it was.
    pub fn forward_from(
        &self,
        carry: &mut Carry<R>,
        parameters: &dyn Parameters<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        recording: &Recording,
    ) -> Result<Readouts<R>, Error> {
        self.check_parameters("the parameters", parameters)?;
        check_finite(parameters.layout(), parameters.values())?;
        workspace.weights.prepare(&self.plan, parameters.values(), false, false);
        self.window(carry, batch, workspace, recording)
    }

    /// A window with weights that are prepared.
    pub(super) fn window(
        &self,
        carry: &mut Carry<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        recording: &Recording,
    ) -> Result<Readouts<R>, Error> {
        let targets = batch::check(&self.plan, batch, false)?;
        self.check_carry(carry, batch)?;
        self.run(Some(carry), batch, &targets, workspace, recording, Mode::Spiking, false)?;
        self.advance(carry, batch, workspace, None)?;
        Ok(self.readouts(batch, workspace, recording))
    }

    /// As [`Network::loss_and_gradient`] of a window that begins where `carry` says, and leaves its end there: truncated
    /// backpropagation through time. What comes before the window is a constant.
    ///
    /// # Errors
    /// As [`Network::loss_and_gradient`] and [`Network::forward_from`].
    pub fn loss_and_gradient_from(
        &self,
        carry: &mut Carry<R>,
        parameters: &dyn Parameters<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        gradient: &mut ParameterSet<R>,
    ) -> Result<Evaluation<R>, Error> {
        self.check_carry(carry, batch)?;
        let evaluation = self.differentiate(Some(carry), parameters, batch, workspace, gradient, Mode::Spiking)?;
        self.advance(carry, batch, workspace, workspace.dropout_seed)?;
        Ok(evaluation)
    }

    /// A network that runs on window by window with these parameters.
    ///
    /// # Errors
    /// If the parameters do not fit the network or are not finite.
    pub fn session(&self, parameters: &dyn Parameters<R>) -> Result<Session<'_, R>, Error> {
        self.check_parameters("the parameters", parameters)?;
        check_finite(parameters.layout(), parameters.values())?;
        let mut workspace = Workspace::new();
        workspace.weights.prepare(&self.plan, parameters.values(), false, false);
        Ok(Session::new(self, workspace))
    }

    fn check_carry(&self, carry: &Carry<R>, batch: &Batch<'_, R>) -> Result<(), Error> {
        if carry.steps > 0 && (carry.plan != self.plan.id || carry.samples.len() != batch.size) {
            let samples = carry.samples.len();
            return Err(Error::Carry { expected: batch.size, found: samples, same: carry.plan == self.plan.id });
        }
        Ok(())
    }

    /// Takes the ends of all samples over, after a run with `dropout` or without.
    fn advance(
        &self,
        carry: &mut Carry<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        dropout: Option<u64>,
    ) -> Result<(), Error> {
        let finite = |lane: &Lane<R>| lane.carry.iter().all(super::carry::Sample::is_finite);
        if !workspace.lane.iter().all(finite)
            && let Some(error) = divergence::locate_state(&self.plan, batch, workspace, Some(carry), dropout)
        {
            return Err(error);
        }
        let lanes = workspace.lane.len();
        let mut ends: Vec<_> = workspace.lane.iter_mut().map(|lane| lane.carry.drain(..)).collect();
        let mut samples = Vec::with_capacity(batch.size);
        for (lane, range) in dealt(batch.size, lanes) {
            samples.extend(ends[lane].by_ref().take(range.len()));
        }
        drop(ends);
        carry.samples = samples;
        carry.plan = self.plan.id;
        carry.steps += self.plan.simulation.steps;
        Ok(())
    }

    /// Runs a batch forwards and backwards and overwrites `gradient` with that of the loss. Frozen tensors get 0.
    ///
    /// # Errors
    /// If the parameters, the gradient or the batch do not fit the network, a parameter is infinite or NaN, or if the
    /// loss is not finite; the gradient is then left as it was. Also if a state is not finite and the gradient therefore
    /// neither; the gradient then holds numbers that are not finite. A gradient that overflows by itself is for the
    /// optimiser to refuse.
    pub fn loss_and_gradient(
        &self,
        parameters: &dyn Parameters<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        gradient: &mut ParameterSet<R>,
    ) -> Result<Evaluation<R>, Error> {
        self.loss_and_gradient_in_mode(parameters, batch, workspace, gradient, Mode::Spiking)
    }

    /// As [`Network::loss_and_gradient`], optionally with spikes replaced by the smooth primitive of their surrogate.
    ///
    /// A run with [`Mode::SmoothRecord`] keeps all yes/no decisions (branches, refractory counters, positions of
    /// maxima) in the workspace; runs with [`Mode::SmoothReplay`] of the same batch repeat them. So the loss becomes
    /// differentiable, and the gradient can be compared with differences.
    ///
    /// # Errors
    /// Also if a population has no smooth mode, or there is nothing to replay.
    pub fn loss_and_gradient_in_mode(
        &self,
        parameters: &dyn Parameters<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        gradient: &mut ParameterSet<R>,
        mode: Mode,
    ) -> Result<Evaluation<R>, Error> {
        self.differentiate(None, parameters, batch, workspace, gradient, mode)
    }

    fn differentiate(
        &self,
        carry: Option<&Carry<R>>,
        parameters: &dyn Parameters<R>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        gradient: &mut ParameterSet<R>,
        mode: Mode,
    ) -> Result<Evaluation<R>, Error> {
        self.check_parameters("the parameters", parameters)?;
        self.check_parameters("the gradient", gradient)?;
        let (layout, values) = (parameters.layout(), parameters.values());
        in_pool(|| {
            check_finite(layout, values)?;
            self.differentiate_at(values, carry, batch, workspace, gradient.values_mut(), mode)
        })
    }

    /// The same, with parameters that are checked.
    fn differentiate_at(
        &self,
        values: &[R],
        carry: Option<&Carry<R>>,
        batch: &Batch<'_, R>,
        workspace: &mut Workspace<R>,
        gradient: &mut [R],
        mode: Mode,
    ) -> Result<Evaluation<R>, Error> {
        if let Some(rule) = self.graph.plasticity.first() {
            let name = self.graph.projections.get(rule.projection).map(|p| p.name.clone()).unwrap_or_default();
            return Err(Error::Plastic(name));
        }
        let targets = batch::check(&self.plan, batch, true)?;
        let recording = Recording::none();
        workspace.weights.prepare(&self.plan, values, true, workspace.dropout_seed.is_some());
        self.run(carry, batch, &targets, workspace, &recording, mode, true)?;

        let mut losses = Vec::with_capacity(batch.size * self.plan.loss.losses.len());
        for (lane, samples) in dealt(batch.size, workspace.lane.len()) {
            let terms = self.plan.loss.losses.len();
            losses.extend_from_slice(&workspace.lane[lane].losses[samples.start * terms..samples.end * terms]);
        }
        let mut terms = vec![0.0; self.plan.loss.losses.len()];
        for sample in losses.chunks_exact(terms.len().max(1)) {
            terms.iter_mut().zip(sample).for_each(|(sum, loss)| *sum += loss);
        }
        terms.iter_mut().for_each(|sum| *sum /= batch.size as f64);
        let loss: f64 = terms.iter().sum();
        if !loss.is_finite() {
            return Err(divergence::locate(&self.plan, batch, workspace, carry, workspace.dropout_seed, &losses, mode));
        }
        let dropout = workspace.dropout_seed.is_some();
        if let Some(sum) = workspace.lane.first() {
            parameter_gradient(&self.plan, sum, values, dropout, gradient);
        }
        // A state can overflow where the loss does not see it.
        if !all_finite(gradient)
            && mode == Mode::Spiking
            && let Some(error) = divergence::locate_state(&self.plan, batch, workspace, carry, workspace.dropout_seed)
        {
            return Err(error);
        }
        Ok(Evaluation { loss, terms, readouts: self.readouts(batch, workspace, &recording) })
    }

    fn check_parameters(&self, what: &'static str, parameters: &dyn Parameters<R>) -> Result<(), Error> {
        let (own, other) = (&self.plan.layout, parameters.layout());
        let found = parameters.values().len();
        if found != own.len() || !(Arc::ptr_eq(own, other) || own == other) {
            return Err(Error::Parameters(what, own.len(), found));
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the arguments of the public calls and what tells them apart")]
    fn run(
        &self,
        carry: Option<&Carry<R>>,
        batch: &Batch<'_, R>,
        targets: &[CheckedTarget<'_, R>],
        workspace: &mut Workspace<R>,
        recording: &Recording,
        mode: Mode,
        gradient: bool,
    ) -> Result<(), Error> {
        let plan = &self.plan;
        let (recorded, trains) = recording.resolve(plan)?;
        let traces: Vec<_> = plan.loss.traces.iter().cloned().chain(recorded).collect();
        if mode != Mode::Spiking
            && let Some(p) = plan.populations.iter().find(|p| !p.neuron.smooth())
        {
            return Err(Error::Smooth(p.name.clone()));
        }
        let key = (plan.id, batch.size);
        match mode {
            Mode::Spiking => {}
            Mode::SmoothRecord => workspace.recorded = Some(key),
            Mode::SmoothReplay if workspace.recorded != Some(key) => return Err(Error::Replay),
            Mode::SmoothReplay => {}
        }

        let blocks = batch.size.div_ceil(BLOCK);
        let lanes = workspace.lanes().min(blocks);
        let coupled = gradient && plan.loss.is_coupled();
        if mode == Mode::Spiking && (lanes < workspace.lane.len() || coupled) {
            // The decisions of the lanes that go are lost, and so are the positions that are kept of each block.
            workspace.recorded = None;
        }
        workspace.lane.resize_with(lanes, Default::default);
        if gradient {
            let length = segments::length(plan, BLOCK.min(batch.size), workspace.tape_bytes);
            workspace.segments = plan.simulation.steps.div_ceil(length);
        }
        let dropout = workspace.dropout_seed.filter(|_| gradient);
        let targets: Vec<_> = targets.iter().map(CheckedTarget::as_targets).collect();
        let mut call = Call {
            plan,
            weights: &workspace.weights,
            batch,
            targets: &targets,
            traces: &traces,
            trains: &trains,
            mode,
            carry: carry.map_or(&[], |c| &c.samples),
            carries: carry.is_some(),
            before: carry.map_or(0, |c| c.steps),
            noise_seed: workspace.noise_seed,
            dropout,
            gradient: gradient && !coupled,
            pass: if coupled { Pass::First } else { Pass::Only },
            keeps: false,
            densest_impulses: workspace.densest_impulses,
            neurons_per_thread: workspace.neurons_per_thread,
        };
        let shape = Shape {
            mode,
            gradient,
            traces: &traces,
            trains: trains.len(),
            dropout: dropout.is_some(),
            tape_bytes: workspace.tape_bytes,
        };
        let pool = &workspace.pool;
        call.keeps = coupled && kept_bytes(plan, shape, batch.size) <= workspace.kept_bytes;
        let gradients = &workspace.gradients;
        let pass = |call: &Call<'_, '_, R>, lane: &mut [Lane<R>]| {
            let run = |index: usize, lane: &mut Lane<R>| {
                if call.pass != Pass::Second {
                    lane.prepare(plan, shape, blocks.div_ceil(lanes));
                }
                if call.gradient {
                    lane.begin_gradient(plan, call.begins_by_rows(), gradients);
                }
                for (local, block) in (index..blocks).step_by(lanes).enumerate() {
                    let mut scratch = match lane.blocks.get_mut(local) {
                        Some(kept) if !call.runs() => std::mem::take(kept),
                        _ => pool.take(),
                    };
                    if call.runs() {
                        scratch.prepare(plan, shape, BLOCK.min(batch.size - block * BLOCK));
                    }
                    call.block(&mut scratch, lane, block, local);
                    if call.keeps && call.pass == Pass::First {
                        lane.blocks.push(scratch);
                    } else {
                        pool.put(scratch);
                    }
                }
            };
            in_tree(lane, &run, &|left, right| {
                if call.gradient {
                    left.add_gradient(right, plan, gradients);
                }
            });
        };
        pass(&call, &mut workspace.lane);
        if coupled {
            couple(&call, &mut workspace.lane, pool);
            (call.gradient, call.pass) = (true, Pass::Second);
            pass(&call, &mut workspace.lane);
        }
        match workspace.lane.iter().find_map(|lane| lane.wrong) {
            Some(Wrong { input, sample, fault }) => {
                let reason = format!("its encoder gave what it must not: {fault}");
                Err(Error::InputSample { input: plan.inputs[input].name.clone(), sample, reason })
            }
            None => Ok(()),
        }
    }

    /// Collects what the lanes left, in the order of the samples.
    fn readouts<'w>(&self, batch: &Batch<'_, R>, workspace: &'w Workspace<R>, recording: &Recording) -> Readouts<R> {
        let (plan, lanes) = (&self.plan, &workspace.lane);
        let gather = |part: &dyn Fn(&'w Lane<R>) -> &'w [R], shape: &[usize]| {
            let length: usize = shape.iter().product();
            let mut values = Vec::with_capacity(batch.size * length);
            for (lane, samples) in dealt(batch.size, lanes.len()) {
                values.extend_from_slice(&part(&lanes[lane])[samples.start * length..samples.end * length]);
            }
            let shape: Vec<usize> = std::iter::once(batch.size).chain(shape.iter().copied()).collect();
            // The lengths agree by construction; an empty array is better than a panic.
            ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap_or_default()
        };
        let arrays = plan.loss.readouts.iter().enumerate().map(|(index, (name, node))| {
            let shape = plan.loss.nodes[*node].shape;
            let shape: Vec<usize> = [shape.time, shape.neurons].into_iter().flatten().collect();
            (name.clone(), gather(&|lane| &lane.readouts[index], &shape))
        });
        let size = |name: &str| plan.populations.iter().find(|p| p.name == name).map_or(0, |p| p.n);
        let traces = recording.trace_names().iter().enumerate().map(|(index, (name, what))| {
            let array = gather(&|lane| &lane.traces[index], &[plan.simulation.steps, size(name)]);
            (name.clone(), what.clone(), array)
        });
        let trains = recording.spike_names().iter().enumerate().map(|(index, name)| {
            let dealt = dealt(batch.size, lanes.len());
            let trains = dealt.flat_map(|(lane, samples)| lanes[lane].trains[index][samples].iter().cloned());
            (name.clone(), trains.collect::<Vec<SpikeTrain>>())
        });
        let counts = plan.populations.iter().enumerate();
        let counts = counts.map(|(index, p)| (p.name.clone(), lanes.iter().map(|lane| lane.spikes[index]).sum()));
        Readouts {
            arrays: arrays.collect(),
            traces: traces.collect(),
            trains: trains.collect(),
            counts: counts.collect(),
            synaptic_operations: lanes.iter().map(|lane| lane.operations).sum(),
        }
    }
}

/// About what the first pass over a batch leaves in memory, if it leaves all: for each block its buffers, and what losses keep.
fn kept_bytes<R: Real>(plan: &Plan<R>, shape: Shape<'_>, samples: usize) -> usize {
    let (mut scratch, mut kept) = (Scratch::default(), Kept::default());
    scratch.prepare(plan, shape, BLOCK.min(samples));
    kept.prepare(&plan.loss, scratch.traced, BLOCK.min(samples));
    (scratch.bytes() + kept.bytes()).saturating_mul(samples.div_ceil(BLOCK))
}

/// The losses of a batch whose samples they couple, and their gradients with respect to what was kept of each sample.
fn couple<R: Real>(call: &Call<'_, '_, R>, lanes: &mut [Lane<R>], pool: &Pool<Scratch<R>>) {
    let count = lanes.len();
    let terms = call.plan.loss.losses.len();
    let mut scratch = pool.take();
    let losses = {
        let mut kept: Vec<_> = lanes.iter_mut().map(|lane| lane.kept.iter_mut()).collect();
        let dealt = dealt(call.batch.size, count);
        let mut blocks: Vec<_> = dealt.filter_map(|(lane, _)| kept[lane].next()).collect();
        let replay = call.mode == Mode::SmoothReplay;
        call.plan.loss.couple(&mut blocks, call.targets, replay, &mut scratch.loss)
    };
    pool.put(scratch);
    let mut losses = losses.chunks_exact(terms.max(1));
    for (lane, own) in dealt(call.batch.size, count) {
        losses.by_ref().take(own.len()).for_each(|terms| lanes[lane].losses.extend_from_slice(terms));
    }
}

/// A weight that is NaN can keep a layer silent, and the loss stays finite: it has to be found before the run.
fn check_finite<R: Real>(layout: &Layout, values: &[R]) -> Result<(), Error> {
    if all_finite(values) {
        return Ok(());
    }
    let wrong = layout.tensors().iter().find_map(|tensor| {
        let numbers = values.get(tensor.range.clone())?;
        let (element, value) = numbers.iter().enumerate().find(|(_, x)| !x.is_finite())?;
        Some(Error::ParameterNotFinite { tensor: tensor.name.clone(), element, value: value.to_string() })
    });
    wrong.map_or(Ok(()), Err)
}

/// The blocks of a batch in order: the lane of each, and its samples within the lane.
fn dealt(samples: usize, lanes: usize) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
    let lanes = lanes.max(1);
    (0..samples.div_ceil(BLOCK)).map(move |block| {
        let first = block / lanes * BLOCK;
        (block % lanes, first..first + BLOCK.min(samples - block * BLOCK))
    })
}

//! A checked network: indices resolved, delays in steps, every tensor with its place.

use super::error::Error;
use crate::graph::{Delay, Graph, Input, Population, Projection, Sign, Simulation, Source, Target, TargetKind};
use crate::loss;
use crate::neuron::{Neuron, NeuronLayout};
use crate::{Layout, Real, Update};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest number of steps or neurons: indices are 32 bits wide, and spike lists hold steps times neurons.
pub(crate) const LIMIT: usize = 1 << 28;

/// A checked network.
pub(crate) struct Plan<R> {
    /// Another one for every plan of the process.
    pub(crate) id: u64,
    pub(crate) simulation: Simulation,
    pub(crate) inputs: Vec<Input>,
    pub(crate) targets: Vec<Target>,
    pub(crate) populations: Vec<PopulationPlan<R>>,
    pub(crate) projections: Vec<ProjectionPlan>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) loss: loss::Plan<R>,
}

/// A population.
pub(crate) struct PopulationPlan<R> {
    pub(crate) name: String,
    pub(crate) n: usize,
    pub(crate) neuron: Arc<dyn Neuron<R>>,
    pub(crate) layout: NeuronLayout,
    pub(crate) refractory_steps: u32,
    /// The probability with which a neuron sends nothing in training.
    pub(crate) dropout: f64,
    /// Where its numbers of white noise begin among those of a step; even.
    pub(crate) first_noise: u32,
    /// The projections to each port, in declaration order.
    pub(crate) incoming: Vec<Vec<usize>>,
    /// How many of `incoming[port]`, from the first, come from inputs.
    pub(crate) prefix: Vec<usize>,
    /// The projections from here, in declaration order.
    pub(crate) outgoing: Vec<usize>,
    /// The tensors of the stored parameters.
    pub(crate) parameters: Vec<Range<usize>>,
    /// Some stored parameter differs from neuron to neuron, so the coefficients do.
    pub(crate) per_neuron: bool,
    /// For each state, the place of its initial value in the differentiated coefficients.
    pub(crate) initial: Vec<Option<usize>>,
}

/// A projection.
pub(crate) struct ProjectionPlan {
    pub(crate) source: Source,
    pub(crate) target: usize,
    pub(crate) port: usize,
    pub(crate) delay: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Option<Range<usize>>,
    pub(crate) sign: Option<Sign>,
    pub(crate) no_self: bool,
    pub(crate) frozen: bool,
}

impl ProjectionPlan {
    /// The weight in effect: |W| with the sign, zero from a neuron to itself if so declared.
    #[inline(always)]
    pub(crate) fn effective<R: Real>(&self, row: usize, column: usize, w: R) -> R {
        if self.no_self && row == column {
            return R::ZERO;
        }
        match self.sign {
            None => w,
            Some(Sign::Positive) => w.abs(),
            Some(Sign::Negative) => -w.abs(),
        }
    }

    /// The gradient of the stored weight from that of the weight in effect. At W = 0 the slope of |W| is taken as 1, so
    /// that a weight can leave zero.
    #[inline(always)]
    pub(crate) fn stored_gradient<R: Real>(&self, row: usize, column: usize, w: R, gradient: R) -> R {
        if self.no_self && row == column {
            return R::ZERO;
        }
        let negative = w < R::ZERO;
        match self.sign {
            None => gradient,
            Some(Sign::Positive) if negative => -gradient,
            Some(Sign::Negative) if !negative => -gradient,
            Some(_) => gradient,
        }
    }
}

impl<R: Real> Plan<R> {
    /// The factor of the spikes of a projection in a run with dropout.
    pub(crate) fn dropout_scale(&self, p: &ProjectionPlan, dropout: bool) -> Option<R> {
        match p.source {
            Source::Population(source) if dropout && self.populations[source].dropout > 0.0 => {
                Some(R::from_f64(1.0 / (1.0 - self.populations[source].dropout)))
            }
            _ => None,
        }
    }
}

/// Checks the network.
pub(crate) fn plan<R: Real>(graph: &Graph<R>, simulation: Simulation) -> Result<Plan<R>, Error> {
    check_simulation(simulation)?;
    check_names(graph)?;
    let mut layout = Layout::default();
    let projections = graph
        .projections
        .iter()
        .map(|p| projection(graph, p, simulation.dt, &mut layout))
        .collect::<Result<Vec<_>, _>>()?;
    let mut populations = graph
        .populations
        .iter()
        .enumerate()
        .map(|(index, p)| population(index, p, &projections, simulation.dt, &mut layout))
        .collect::<Result<Vec<_>, _>>()?;
    let mut first_noise = 0usize;
    for p in &mut populations {
        p.first_noise = first_noise as u32;
        first_noise += (p.layout.noise * p.n).next_multiple_of(2);
        if first_noise > u32::MAX as usize {
            let message =
                format!("population `{}`: too many neurons with white noise; make the layers smaller", p.name);
            return Err(Error::graph(message));
        }
    }
    check_tensor_names(&layout)?;
    let loss = loss::Plan::new(&graph.program, graph, simulation)?;
    static PLANS: AtomicU64 = AtomicU64::new(0);
    Ok(Plan {
        id: PLANS.fetch_add(1, Ordering::Relaxed),
        simulation,
        inputs: graph.inputs.clone(),
        targets: graph.targets.clone(),
        populations,
        projections,
        layout: Arc::new(layout),
        loss,
    })
}

fn check_simulation(simulation: Simulation) -> Result<(), Error> {
    if !(simulation.dt > 0.0 && simulation.dt.is_finite()) {
        return Err(Error::Simulation(format!(
            "expected a positive dt in ms, found {}; change the time grid",
            simulation.dt
        )));
    }
    if simulation.steps == 0 || simulation.steps > LIMIT {
        return Err(Error::Simulation(format!(
            "expected 1 to {LIMIT} steps, found {}; change the time grid",
            simulation.steps
        )));
    }
    Ok(())
}

fn check_names<R: Real>(graph: &Graph<R>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let names = graph.inputs.iter().map(|i| &i.name).chain(graph.targets.iter().map(|t| &t.name));
    for name in names.chain(graph.populations.iter().map(|p| &p.name)) {
        if !seen.insert(name) {
            return Err(Error::graph(format!("the name `{name}` is given twice")));
        }
    }
    for input in &graph.inputs {
        check_size("input", &input.name, input.size)?;
    }
    for population in &graph.populations {
        check_size("population", &population.name, population.size)?;
    }
    for target in &graph.targets {
        let (TargetKind::Class(size) | TargetKind::Values(size)) = target.kind;
        check_size("target", &target.name, size)?;
    }
    Ok(())
}

fn check_tensor_names(layout: &Layout) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    match layout.tensors().iter().find(|t| !seen.insert(&t.name)) {
        Some(tensor) => Err(Error::graph(format!("two tensors have the name `{}`", tensor.name))),
        None => Ok(()),
    }
}

fn check_size(what: &str, name: &str, size: usize) -> Result<(), Error> {
    if size == 0 || size > LIMIT {
        return Err(Error::graph(format!(
            "{what} `{name}` has size {size}: expected 1 to {LIMIT}; change the size, or leave it out"
        )));
    }
    Ok(())
}

fn projection<R: Real>(
    graph: &Graph<R>,
    p: &Projection,
    dt: f64,
    layout: &mut Layout,
) -> Result<ProjectionPlan, Error> {
    let name = &p.name;
    let fail = |reason: String| Err(Error::graph(format!("projection `{name}`: {reason}")));
    let Some(target) = graph.populations.get(p.target) else {
        return fail(format!("there is no population {}", p.target));
    };
    if p.port >= target.neuron.layout().events.len() {
        return fail(format!("population `{}` has no event port {}", target.name, p.port));
    }
    let rows = match p.source {
        Source::Input(i) => match graph.inputs.get(i) {
            Some(input) => input.size,
            None => return fail(format!("there is no input {i}")),
        },
        Source::Population(i) => match graph.populations.get(i) {
            Some(source) if !source.neuron.layout().spikes => {
                return fail(format!("population `{}` has no threshold, so it sends no spikes", source.name));
            }
            Some(source) => source.size,
            None => return fail(format!("there is no population {i}")),
        },
    };
    let delay = match p.delay {
        Delay::Steps(steps) => steps,
        Delay::Time(time) if time >= 0.0 && time.is_finite() => ((time / dt).round() as usize).max(1),
        Delay::Time(time) => return fail(format!("expected a delay of at least 0 ms, found {time}")),
    };
    // A longer delay than any simulation is no different, and sums of steps cannot overflow.
    let delay = delay.min(LIMIT);
    if let Source::Population(source) = p.source
        && delay == 0
        && source >= p.target
    {
        return fail("a recurrent or backward projection needs a delay of at least one step".into());
    }
    let columns = target.size;
    if p.no_self && p.source != Source::Population(p.target) {
        return fail("`no_self` needs a projection from a population to itself".into());
    }
    if rows.checked_mul(columns).is_none_or(|n| n > 1 << 40) {
        return fail(format!("{rows} x {columns} weights are too many; make a layer smaller"));
    }
    let tensor = layout.push(format!("{name}.weight"), &[rows, columns], p.unit.clone(), p.frozen);
    let bias = p.bias.then(|| layout.push(format!("{name}.bias"), &[columns], p.unit.clone(), p.frozen));
    let [low, high] = p.clip;
    if !(p.rate >= 0.0 && p.rate.is_finite()) {
        return fail(format!("expected a factor of the learning rate of at least 0, found {}", p.rate));
    }
    if low.is_nan() || high.is_nan() || low > high {
        return fail(format!("expected weights to be clipped to a range, found {low} .. {high}"));
    }
    layout.set_update(tensor, Update { rate: p.rate, low, high });
    if let Some(bias) = bias {
        layout.set_update(bias, Update { rate: p.rate, ..Update::default() });
    }
    let range = |tensor: usize| layout.tensors()[tensor].range.clone();
    Ok(ProjectionPlan {
        source: p.source,
        target: p.target,
        port: p.port,
        delay,
        rows,
        columns,
        weight: range(tensor),
        bias: bias.map(range),
        sign: p.sign,
        no_self: p.no_self,
        frozen: p.frozen,
    })
}

fn population<R: Real>(
    index: usize,
    p: &Population<R>,
    projections: &[ProjectionPlan],
    dt: f64,
    layout: &mut Layout,
) -> Result<PopulationPlan<R>, Error> {
    let neuron = p.neuron.layout().clone();
    if neuron.initial.len() != neuron.states.len()
        || neuron.initial.iter().chain(&neuron.differentiated).any(|&c| c >= neuron.coefficients)
    {
        return Err(Error::graph(format!("population `{}`: the layout of model `{}` is broken", p.name, neuron.name)));
    }
    if !(0.0..1.0).contains(&p.dropout) {
        let reason = format!("expected a probability of dropout in 0..1, found {}", p.dropout);
        return Err(Error::graph(format!("population `{}`: {reason}", p.name)));
    }
    let mut parameters = Vec::new();
    for stored in &neuron.parameters {
        let shape: &[usize] = if stored.per_neuron { &[p.size] } else { &[] };
        let name = format!("{}.{}", p.name, stored.name);
        let tensor = layout.push(name, shape, stored.unit.clone(), !stored.trainable);
        parameters.push(layout.tensors()[tensor].range.clone());
    }
    let incoming: Vec<Vec<usize>> = (0..neuron.events.len())
        .map(|port| {
            let here = |j: &usize| projections[*j].target == index && projections[*j].port == port;
            (0..projections.len()).filter(here).collect()
        })
        .collect();
    let from_input = |j: &&usize| matches!(projections[**j].source, Source::Input(_));
    Ok(PopulationPlan {
        name: p.name.clone(),
        n: p.size,
        neuron: p.neuron.clone(),
        refractory_steps: p.neuron.refractory_steps(dt),
        dropout: p.dropout,
        first_noise: 0,
        prefix: incoming.iter().map(|list| list.iter().take_while(from_input).count()).collect(),
        incoming,
        outgoing: (0..projections.len()).filter(|&j| projections[j].source == Source::Population(index)).collect(),
        parameters,
        per_neuron: neuron.parameters.iter().any(|p| p.per_neuron),
        initial: neuron.initial.iter().map(|c| neuron.differentiated.iter().position(|d| d == c)).collect(),
        layout: neuron,
    })
}

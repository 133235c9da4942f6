//! A checked network: indices resolved, delays in steps, every tensor with its place.

use super::error::Error;
use super::lane_gradient::Places;
use super::plastic::{self, PlasticPlan};
use super::projection::{Carried, ProjectionPlan, projection};
use super::wiring::Wiring;
use crate::connectivity::Connectivity;
use crate::graph::{Graph, Input, Population, Signal, Simulation, Source, Target, TargetKind};
use crate::loss;
use crate::neuron::{Neuron, NeuronLayout, counted_steps};
use crate::random::normal_blocks;
use crate::{Layout, Real};
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
    /// The sources and delays of the spikes that are sorted by neuron.
    pub(crate) sorted: Vec<(Source, usize)>,
    /// What projections carry besides spikes: of which population, and what.
    pub(crate) signals: Vec<(usize, Signal)>,
    /// Rules for weights.
    pub(crate) plastic: Vec<PlasticPlan<R>>,
    pub(crate) layout: Arc<Layout>,
    /// The places of a gradient.
    pub(crate) places: Places,
    pub(crate) loss: loss::Plan<R>,
}

/// A population.
#[derive(Clone)]
pub(crate) struct PopulationPlan<R> {
    pub(crate) name: String,
    pub(crate) n: usize,
    pub(crate) neuron: Arc<dyn Neuron<R>>,
    pub(crate) layout: NeuronLayout,
    pub(crate) refractory_steps: u16,
    /// The probability with which a neuron sends nothing in training.
    pub(crate) dropout: f64,
    /// The first of its blocks of normal numbers among those of a step.
    pub(crate) first_noise: u32,
    /// The projections to each port, in declaration order: the event ports, and then the drives if any has some.
    pub(crate) incoming: Vec<Vec<usize>>,
    /// How many of `incoming[port]`, from the first, are dense matrices between all spikes of an input and all neurons.
    pub(crate) prefix: Vec<usize>,
    /// Spikes arrive by listed connections alone, without biases, and are no more than added to states.
    pub(crate) direct: bool,
    /// The projections from here, in declaration order.
    pub(crate) outgoing: Vec<usize>,
    /// The tensors of the stored parameters.
    pub(crate) parameters: Vec<Range<usize>>,
    /// Some stored parameter differs from neuron to neuron, so the coefficients do.
    pub(crate) per_neuron: bool,
    /// For each state, the place of its initial value in the differentiated coefficients.
    pub(crate) initial: Vec<Option<usize>>,
}

impl<R> PopulationPlan<R> {
    /// How many event ports and drives the model has.
    pub(crate) fn ports(&self) -> usize {
        self.layout.events.len() + self.layout.drives.len()
    }
}

impl<R> Plan<R> {
    /// How many steps of the impulses of a population are kept at once.
    pub(crate) fn impulses_of(&self, population: usize) -> usize {
        self.longest_delay(|p| p.filtered && p.target == population) + 1
    }

    /// The longest delay of some projections.
    pub(crate) fn longest_delay(&self, which: impl Fn(&ProjectionPlan) -> bool) -> usize {
        self.projections.iter().filter(|p| which(p)).map(|p| p.delay).max().unwrap_or(0)
    }
}

impl<R: Real> Plan<R> {
    /// The factor of the spikes of a projection in a run with dropout.
    pub(crate) fn dropout_scale(&self, p: &ProjectionPlan, dropout: bool) -> Option<R> {
        match p.source {
            Source::Population(source)
                if dropout && p.carried == Carried::Spikes && self.populations[source].dropout > 0.0 =>
            {
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
    let (mut projections, mut signals) = (Vec::new(), Vec::new());
    for number in 0..graph.projections.len() {
        projection(graph, number, simulation.dt, &mut layout, &mut signals, &mut projections)?;
    }
    for p in &graph.projections {
        if let Connectivity::Edges(edges) = &p.connectivity {
            layout.add_connections(edges);
        }
    }
    let mut populations = graph
        .populations
        .iter()
        .enumerate()
        .map(|(index, p)| population(index, p, &projections, simulation.dt, &mut layout))
        .collect::<Result<Vec<_>, _>>()?;
    let mut first_noise = 0usize;
    for p in &mut populations {
        p.first_noise = first_noise as u32;
        first_noise = first_noise.saturating_add(normal_blocks(p.layout.noise, p.n));
        if first_noise > u32::MAX as usize {
            let message =
                format!("population `{}`: too many neurons with white noise; make the layers smaller", p.name);
            return Err(Error::graph(message));
        }
    }
    check_tensor_names(&layout)?;
    let plastic = graph.plasticity.iter().map(|p| plastic::plan(graph, p, simulation.dt, &projections, &populations));
    let plastic: Vec<_> = plastic.collect::<Result<_, _>>()?;
    for (k, p) in plastic.iter().enumerate() {
        projections[p.projection].plastic = Some(k);
    }
    let sorted = sorted(&mut projections, &populations);
    let loss = loss::Plan::new(&graph.program, graph, simulation)?;
    check_silent(&populations, &signals, &loss)?;
    mark_filtered(&mut projections, &populations, &signals, &loss);
    static PLANS: AtomicU64 = AtomicU64::new(0);
    let places = Places::new(&projections, layout.len());
    Ok(Plan {
        id: PLANS.fetch_add(1, Ordering::Relaxed),
        simulation,
        inputs: graph.inputs.clone(),
        targets: graph.targets.clone(),
        populations,
        projections,
        sorted,
        signals,
        plastic,
        layout: Arc::new(layout),
        places,
        loss,
    })
}

/// Which spikes are sorted by neuron: those through trained dense weights to all neurons of a population.
fn sorted<R>(projections: &mut [ProjectionPlan], populations: &[PopulationPlan<R>]) -> Vec<(Source, usize)> {
    let mut lists = Vec::new();
    for p in projections {
        let all = p.columns == populations[p.target].n && matches!(p.wiring, Wiring::Dense);
        if all && p.carried == Carried::Spikes && !p.frozen {
            let key = (p.source, p.delay);
            let place = lists.iter().position(|&list| list == key).unwrap_or(lists.len());
            if place == lists.len() {
                lists.push(key);
            }
            p.sorted = Some(place);
        }
    }
    lists
}

/// Through which projections errors may go back as products with impulses: those of all spikes of a population through dense weights,
/// where the target has an error filter and no gradient comes to its states from outside.
fn mark_filtered<R>(
    projections: &mut [ProjectionPlan],
    populations: &[PopulationPlan<R>],
    signals: &[(usize, Signal)],
    loss: &loss::Plan<R>,
) {
    let seen = |population: usize| {
        let mut traces = loss.traces.iter().filter(|t| t.gradient && t.population == population);
        let mut sent = signals.iter().filter(|s| s.0 == population);
        traces.any(|t| matches!(t.observable, loss::Observable::State(_)))
            || sent.any(|s| matches!(s.1, Signal::State(_)))
    };
    for p in projections {
        let target = &populations[p.target];
        let whole = matches!(p.source, Source::Population(source) if populations[source].n == p.rows);
        let dense = p.carried == Carried::Spikes && matches!(p.wiring, Wiring::Dense);
        let filter = target.layout.error_filter.is_some() && p.port < target.layout.events.len();
        p.filtered = whole && dense && filter && !seen(p.target);
    }
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

/// No gradient enters a state for which none was derived.
fn check_silent<R>(
    populations: &[PopulationPlan<R>],
    signals: &[(usize, Signal)],
    loss: &loss::Plan<R>,
) -> Result<(), Error> {
    let traces = loss.traces.iter().filter(|t| t.gradient).filter_map(|t| match t.observable {
        loss::Observable::State(state) => Some((t.population, state)),
        _ => None,
    });
    let sent = signals.iter().filter_map(|&(population, signal)| match signal {
        Signal::State(state) => Some((population, state)),
        _ => None,
    });
    match traces.chain(sent).find(|&(population, state)| populations[population].layout.silent.contains(&state)) {
        None => Ok(()),
        Some((population, state)) => {
            let p = &populations[population];
            let state = p.layout.states.get(state).map_or("?", |s| &s.name);
            Err(Error::graph(format!(
                "population `{}`: no gradient of state `{state}` of model `{}` was derived; compile the model with a network \
                 that looks at it, or without networks",
                p.name, p.layout.name
            )))
        }
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
        || !(neuron.direct_events.is_empty() || neuron.direct_events.len() == neuron.events.len())
        || neuron.direct_events.iter().any(|&state| state >= neuron.states.len())
        || neuron.error_filter.as_ref().is_some_and(|f| !f.is_sound(neuron.events.len(), neuron.coefficients))
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
    let here = |j: &usize| projections[*j].target == index;
    let driven = (0..projections.len()).filter(here).any(|j| projections[j].port >= neuron.events.len());
    let ports = neuron.events.len() + if driven { neuron.drives.len() } else { 0 };
    let of_port = |port| (0..projections.len()).filter(here).filter(|&j| projections[j].port == port).collect();
    let incoming: Vec<Vec<usize>> = (0..ports).map(of_port).collect();
    let listed = |&j: &usize| !matches!(projections[j].wiring, Wiring::Dense) && projections[j].bias.is_none();
    let direct = !neuron.direct_events.is_empty() && incoming[..neuron.events.len()].iter().flatten().all(listed);
    let early = |j: &&usize| projections[**j].is_early(p.size);
    Ok(PopulationPlan {
        name: p.name.clone(),
        n: p.size,
        neuron: p.neuron.clone(),
        refractory_steps: counted_steps(&*p.neuron, dt)?,
        dropout: p.dropout,
        first_noise: 0,
        prefix: incoming.iter().map(|list| list.iter().take_while(early).count()).collect(),
        direct,
        incoming,
        outgoing: (0..projections.len()).filter(|&j| projections[j].source == Source::Population(index)).collect(),
        parameters,
        per_neuron: neuron.parameters.iter().any(|p| p.per_neuron),
        initial: neuron.initial.iter().map(|c| neuron.differentiated.iter().position(|d| d == c)).collect(),
        layout: neuron,
    })
}

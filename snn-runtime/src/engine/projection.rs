//! A checked projection: which neurons it connects, when, and by which weights.

use super::error::Error;
use super::plan::LIMIT;
use super::wiring::{Draw, Sparse, Window, Wiring};
use crate::connectivity::{Connectivity, Edges, Grid};
use crate::graph::{Delay, Graph, InputKind, Projection, Sign, Signal, Source};
use crate::random::{Purpose, Stream};
use crate::{Layout, Real, Update};
use std::collections::BTreeMap;
use std::ops::Range;

/// More weights or connections than this are taken for a slip.
const MOST_WEIGHTS: usize = 1 << 40;

/// Connections are numbered with 32 bits.
const MOST_CONNECTIONS: usize = u32::MAX as usize;

/// What a projection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Spikes.
    Spikes,
    /// The numbers of an input.
    Values,
    /// A number from each neuron in each step: the place in [`super::plan::Plan::signals`].
    Signal(usize),
}

/// A projection, or its connections with one delay if these differ.
pub(crate) struct ProjectionPlan {
    /// Its place in the graph.
    pub(crate) number: usize,
    pub(crate) source: Source,
    pub(crate) carried: Carried,
    /// The neurons of the source that are its rows.
    pub(crate) sources: Range<usize>,
    /// These are all.
    whole_source: bool,
    pub(crate) target: usize,
    /// The neurons of the target that are its columns.
    pub(crate) targets: Range<usize>,
    pub(crate) port: usize,
    pub(crate) delay: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) wiring: Wiring,
    /// Sources of a target and targets of a source, on average.
    pub(crate) fans: (usize, usize),
    pub(crate) weight: Range<usize>,
    /// If its weight gradients are sums of errors over the spikes of each row: which list of [`super::plan::Plan::sorted`].
    pub(crate) sorted: Option<usize>,
    /// Errors may go back through it as products with impulses, see [`super::filtered_errors`].
    pub(crate) filtered: bool,
    /// The first of the projections with these weights.
    pub(crate) lead: usize,
    /// Of the first.
    pub(crate) bias: Option<Range<usize>>,
    /// How many columns in a row each number of the bias is for.
    pub(crate) columns_of_a_bias: usize,
    pub(crate) sign: Option<Sign>,
    /// Of dense weights: the column of the neuron that is row 0, if neurons are not connected to themselves.
    pub(crate) no_self: Option<isize>,
    pub(crate) frozen: bool,
    /// The rule for its weights: its place in [`super::plan::Plan::plastic`].
    pub(crate) plastic: Option<usize>,
}

impl ProjectionPlan {
    /// A dense matrix between all spikes of an input and all `n` neurons of the target.
    pub(crate) fn is_early(&self, n: usize) -> bool {
        let dense = matches!(self.wiring, Wiring::Dense) && self.columns == n;
        dense && matches!(self.source, Source::Input(_)) && self.carried == Carried::Spikes && self.whole_source
    }

    /// The weight in effect: |W| with the sign, zero from a neuron to itself if so declared.
    #[inline(always)]
    pub(crate) fn effective<R: Real>(&self, row: usize, column: usize, w: R) -> R {
        if self.is_self(row, column) { R::ZERO } else { self.signed(w) }
    }

    /// The weights in effect are those that are stored.
    pub(crate) fn is_stored(&self) -> bool {
        self.sign.is_none() && self.no_self.is_none()
    }

    /// |W| with the sign, if there is one.
    #[inline(always)]
    pub(crate) fn signed<R: Real>(&self, w: R) -> R {
        match self.sign {
            None => w,
            Some(Sign::Positive) => w.abs(),
            Some(Sign::Negative) => -w.abs(),
        }
    }

    /// Whether a dense weight belongs to no connection.
    #[inline(always)]
    fn is_self(&self, row: usize, column: usize) -> bool {
        self.no_self.is_some_and(|first| row as isize + first == column as isize)
    }

    /// The dense weight of a row that belongs to no connection.
    pub(crate) fn own_weight(&self, row: usize) -> Option<usize> {
        let column = usize::try_from(row as isize + self.no_self?).ok()?;
        (column < self.columns).then_some(row * self.columns + column)
    }

    /// The gradient of the stored weight from that of the weight in effect. At W = 0 the slope of |W| is taken as 1, so
    /// that a weight can leave zero.
    #[inline(always)]
    pub(crate) fn stored_gradient<R: Real>(&self, w: R, gradient: R) -> R {
        let negative = w < R::ZERO;
        match self.sign {
            None => gradient,
            Some(Sign::Positive) if negative => -gradient,
            Some(Sign::Negative) if !negative => -gradient,
            Some(_) => gradient,
        }
    }
}

/// Checks projection `number` of the graph and adds it to `plans`, once for each delay.
pub(crate) fn projection<R: Real>(
    graph: &Graph<R>,
    number: usize,
    dt: f64,
    layout: &mut Layout,
    signals: &mut Vec<(usize, Signal)>,
    plans: &mut Vec<ProjectionPlan>,
) -> Result<(), Error> {
    let Some(p) = graph.projections.get(number) else { return Ok(()) };
    let failed = |reason: String| Error::graph(format!("projection `{}`: {reason}", p.name));
    let ends = ends(graph, p).map_err(failed)?;
    let (rows, columns) = (ends.sources.len(), ends.targets.len());
    // Populations of the same size may stand for each other.
    let sizes = match p.source {
        Source::Input(_) => None,
        Source::Population(i) => graph.populations.get(i).zip(graph.populations.get(p.target)),
    };
    let no_self = match (p.no_self, sizes.is_some_and(|(source, target)| source.size == target.size)) {
        (true, false) => return Err(failed("`no_self` needs a projection from a population to itself".into())),
        (true, true) => Some(ends.sources.start as isize - ends.targets.start as isize),
        (false, _) => None,
    };
    let tied = match p.tied {
        Some(k) => {
            let found = plans.iter().find(|plan| plan.number == k && k < number);
            let found = found.filter(|plan| plan.rows == rows && plan.columns == columns);
            Some(found.ok_or_else(|| failed(format!("it cannot have the weights of projection {k}")))?.lead)
        }
        None => None,
    };
    // The same connections are drawn again.
    let drawn = p.tied.unwrap_or(number);
    let wired = wire(p, drawn, rows, columns, no_self).map_err(failed)?;
    let Wired { wiring, shape, fans } = wired;
    let dense = matches!(wiring, Wiring::Dense);
    let drawn_from = Draw::new(rows, columns, no_self, 0, drawn as u64);
    // Weights that follow rules are listed.
    let is_plastic = graph.plasticity.iter().any(|p| p.projection == number);
    let wiring = match wiring {
        Wiring::Dense if is_plastic && rows * columns <= MOST_CONNECTIONS => Wiring::Sparse(drawn_from.all()),
        wiring => wiring,
    };
    let parts = delays(p, dt, drawn_from, wiring).map_err(failed)?;
    if let Source::Population(source) = p.source
        && parts.iter().any(|part| part.0 == 0)
        && source >= p.target
    {
        return Err(failed("a recurrent or backward projection needs a delay of at least one step".into()));
    }
    let carried = match (p.source, p.signal) {
        (Source::Input(i), _) if graph.inputs[i].kind == InputKind::Values => Carried::Values,
        (Source::Input(_), _) | (_, Signal::Spikes) => Carried::Spikes,
        (Source::Population(population), signal) => {
            let known = signals.iter().position(|s| *s == (population, signal));
            Carried::Signal(known.unwrap_or_else(|| {
                signals.push((population, signal));
                signals.len() - 1
            }))
        }
    };
    let lead = tied.unwrap_or(plans.len());
    let weight = match plans.get(lead) {
        Some(lead) => lead.weight.clone(),
        None => {
            let tensor = layout.push(format!("{}.weight", p.name), &shape, p.unit.clone(), p.frozen);
            layout.set_update(tensor, Update { rate: p.rate, low: p.clip[0], high: p.clip[1] });
            layout.tensors()[tensor].range.clone()
        }
    };
    let [low, high] = p.clip;
    if !(p.rate >= 0.0 && p.rate.is_finite()) {
        return Err(failed(format!("expected a factor of the learning rate of at least 0, found {}", p.rate)));
    }
    if low.is_nan() || high.is_nan() || low > high {
        return Err(failed(format!("expected weights to be clipped to a range, found {low} .. {high}")));
    }
    let columns_of_a_bias = p.connectivity.columns_of_a_bias().max(1);
    let biases = columns / columns_of_a_bias;
    let bias = p.bias.then(|| layout.push(format!("{}.bias", p.name), &[biases], p.unit.clone(), p.frozen));
    if let Some(bias) = bias {
        layout.set_update(bias, Update { rate: p.rate, ..Update::default() });
    }
    let range = |tensor: usize| layout.tensors()[tensor].range.clone();
    for (k, (delay, wiring)) in parts.into_iter().enumerate() {
        plans.push(ProjectionPlan {
            number,
            source: p.source,
            carried,
            sources: ends.sources.clone(),
            whole_source: ends.whole_source,
            target: p.target,
            targets: ends.targets.clone(),
            port: p.port,
            delay,
            rows,
            columns,
            wiring,
            fans,
            weight: weight.clone(),
            sorted: None,
            filtered: false,
            lead,
            bias: bias.filter(|_| k == 0).map(range),
            columns_of_a_bias,
            sign: p.sign,
            no_self: no_self.filter(|_| dense),
            frozen: p.frozen,
            plastic: None,
        });
    }
    Ok(())
}

/// The neurons at both ends.
struct Ends {
    sources: Range<usize>,
    whole_source: bool,
    targets: Range<usize>,
}

fn ends<R: Real>(graph: &Graph<R>, p: &Projection) -> Result<Ends, String> {
    let target = graph.populations.get(p.target).ok_or_else(|| format!("there is no population {}", p.target))?;
    let layout = target.neuron.layout();
    if p.port >= layout.events.len() + layout.drives.len() {
        return Err(format!("population `{}` has no port {}", target.name, p.port));
    }
    let size = match p.source {
        Source::Input(i) => {
            let input = graph.inputs.get(i).ok_or_else(|| format!("there is no input {i}"))?;
            if p.signal != Signal::Spikes {
                return Err(format!("input `{}` has no states", input.name));
            }
            input.size
        }
        Source::Population(i) => {
            let source = graph.populations.get(i).ok_or_else(|| format!("there is no population {i}"))?;
            let layout = source.neuron.layout();
            match p.signal {
                Signal::Spikes if !layout.spikes => {
                    return Err(format!("population `{}` has no threshold, so it sends no spikes", source.name));
                }
                Signal::State(state) if state >= layout.states.len() => {
                    return Err(format!("population `{}` has no state {state}", source.name));
                }
                Signal::Output(output) if output >= layout.outputs.len() => {
                    return Err(format!("population `{}` has no output {output}", source.name));
                }
                Signal::Spikes | Signal::State(_) | Signal::Output(_) => source.size,
            }
        }
    };
    let part = |range: &Option<Range<usize>>, size: usize, name: &str| match range {
        None => Ok(0..size),
        Some(range) if range.start < range.end && range.end <= size => Ok(range.clone()),
        Some(range) => {
            Err(format!("expected neurons within 0 .. {size} of `{name}`, found {} .. {}", range.start, range.end))
        }
    };
    let source_name = match p.source {
        Source::Input(i) => &graph.inputs[i].name,
        Source::Population(i) => &graph.populations[i].name,
    };
    let sources = part(&p.sources, size, source_name)?;
    let whole_source = sources == (0..size);
    Ok(Ends { sources, whole_source, targets: part(&p.targets, target.size, &target.name)? })
}

/// The connections, the shape of the weights, and how many connections a target and a source have.
struct Wired {
    wiring: Wiring,
    shape: Vec<usize>,
    fans: (usize, usize),
}

fn wire(p: &Projection, number: usize, rows: usize, columns: usize, no_self: Option<isize>) -> Result<Wired, String> {
    let draw = |seed| Draw::new(rows, columns, no_self, seed, number as u64);
    let own = usize::from(no_self.is_some());
    let listed = |sparse: Sparse| {
        let count = sparse.len();
        let fans = (count.div_ceil(columns), count.div_ceil(rows));
        Wired { wiring: Wiring::Sparse(sparse), shape: vec![count], fans }
    };
    let few = |count: f64| match count <= MOST_CONNECTIONS as f64 {
        true => Ok(()),
        false => Err(format!("expected at most {MOST_CONNECTIONS} connections, found about {count:.0}")),
    };
    match &p.connectivity {
        Connectivity::Dense => match rows.checked_mul(columns) {
            Some(count) if count <= MOST_WEIGHTS => {
                Ok(Wired { wiring: Wiring::Dense, shape: vec![rows, columns], fans: (rows, columns) })
            }
            _ => Err(format!("{rows} x {columns} weights are too many; make a layer smaller")),
        },
        Connectivity::OneToOne if rows != columns => {
            Err(format!("one to one needs as many sources as targets, found {rows} and {columns}"))
        }
        Connectivity::OneToOne => Ok(listed(Sparse::from_rows((0..rows as u32).map(|row| vec![row])))),
        &Connectivity::Random { probability, seed } => {
            if !(0.0..=1.0).contains(&probability) {
                return Err(format!("expected a probability from 0 to 1, found {probability}"));
            }
            few(rows as f64 * columns as f64 * probability)?;
            Ok(listed(draw(seed).pairs(probability)))
        }
        &Connectivity::FixedIndegree { count, seed } => {
            if count + own > rows {
                return Err(format!("expected at most {} sources for each target, found {count}", rows - own));
            }
            few(columns as f64 * count as f64)?;
            Ok(listed(draw(seed).rows_of_columns(count)))
        }
        &Connectivity::FixedOutdegree { count, seed } => {
            if count + own > columns {
                return Err(format!("expected at most {} targets for each source, found {count}", columns - own));
            }
            few(rows as f64 * count as f64)?;
            Ok(listed(draw(seed).columns_of_rows(count)))
        }
        Connectivity::File(file) => Err(format!("{} has not been read; call `Graph::read_edges`", file.display())),
        Connectivity::Edges(edges) => {
            check_edges(edges, rows, columns, no_self)?;
            Ok(listed(Sparse::from_pairs(rows, &edges.sources, &edges.targets, &[])))
        }
        Connectivity::Convolution(grid) => {
            check_grid(grid, rows, columns)?;
            let [kh, kw] = grid.kernel;
            let (from, to) = (grid.source[0], grid.target[0]);
            let window = Window { grid: *grid, pool: false };
            Ok(Wired {
                wiring: Wiring::Window(window),
                shape: vec![to, from, kh, kw],
                fans: (from * kh * kw, to * kh * kw),
            })
        }
        Connectivity::Pool(grid) => {
            check_grid(grid, rows, columns)?;
            if grid.source[0] != grid.target[0] {
                let message = "pooling needs as many channels in the target as in the source, found";
                return Err(format!("{message} {} and {}", grid.target[0], grid.source[0]));
            }
            let window = Window { grid: *grid, pool: true };
            Ok(Wired { wiring: Wiring::Window(window), shape: vec![1], fans: (grid.kernel[0] * grid.kernel[1], 1) })
        }
    }
}

fn check_edges(edges: &Edges, rows: usize, columns: usize, no_self: Option<isize>) -> Result<(), String> {
    let count = edges.sources.len();
    // As the arrays of a file are called.
    let array = |name: &str| match &edges.file {
        Some(file) => format!("{}, array `{name}`", file.display()),
        None => format!("array `{name}` of the connections"),
    };
    if count > MOST_CONNECTIONS {
        return Err(format!("{}: expected at most {MOST_CONNECTIONS} connections, found {count}", array("source")));
    }
    let lists = [
        ("target", edges.targets.len(), None),
        ("weight", edges.weights.len(), Some(&edges.weights)),
        ("delay", edges.delays.len(), Some(&edges.delays)),
    ];
    for (name, length, numbers) in lists {
        if length != count && !(length == 0 && numbers.is_some()) {
            let array = array(name);
            return Err(format!("{array}: expected {count} entries, as many as in `source`, found {length}"));
        }
        if let Some((k, x)) = numbers.and_then(|list| list.iter().enumerate().find(|(_, x)| !x.is_finite())) {
            return Err(format!("{}, entry {k}: expected a finite number, found {x}", array(name)));
        }
    }
    if let Some((k, delay)) = edges.delays.iter().enumerate().find(|(_, d)| **d <= 0.0) {
        let array = array("delay");
        return Err(format!(
            "{array}, entry {k}: expected a delay above 0 ms, found {delay}; the shortest delay of a connection is one step"
        ));
    }
    for (name, of, list, size) in
        [("source", "sources", &edges.sources, rows), ("target", "targets", &edges.targets, columns)]
    {
        if let Some((k, neuron)) = list.iter().enumerate().find(|(_, neuron)| **neuron as usize >= size) {
            let array = array(name);
            return Err(format!(
                "{array}, entry {k}: expected one of the {size} {of} of the projection, counted from 0, found {neuron}"
            ));
        }
    }
    let pair = |k: usize| (edges.sources[k], edges.targets[k]);
    let own = |(row, column): (u32, u32)| no_self.is_some_and(|first| row as isize + first == column as isize);
    if let Some(k) = (0..count).find(|&k| own(pair(k))) {
        let array = array("target");
        return Err(format!(
            "{array}, entry {k}: expected no connection from a neuron to itself, found one of neuron {}; \
             take it out of the list, or remove `no_self`",
            pair(k).1
        ));
    }
    // The entries of a pair are neighbours then, and the first that is there twice is found.
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_unstable_by_key(|&k| (pair(k as usize), k));
    let again = order.windows(2).filter(|two| pair(two[0] as usize) == pair(two[1] as usize));
    if let Some(two) = again.min_by_key(|two| two[1]) {
        let (array, (row, column)) = (array("source"), pair(two[0] as usize));
        return Err(format!(
            "{array}, entry {}: expected each connection once, found that from {row} to {column} a second time, after \
             entry {}; add their weights up, or use a projection for each",
            two[1], two[0]
        ));
    }
    Ok(())
}

fn check_grid(grid: &Grid, rows: usize, columns: usize) -> Result<(), String> {
    let size = |shape: &[usize; 3]| shape.iter().try_fold(1usize, |n, &k| n.checked_mul(k));
    if size(&grid.source) != Some(rows) || size(&grid.target) != Some(columns) {
        let message = "expected grids with as many places as there are neurons,";
        return Err(format!("{message} {rows} and {columns}, found {:?} and {:?}", grid.source, grid.target));
    }
    if grid.kernel.contains(&0) || grid.stride.contains(&0) {
        return Err(format!("expected a kernel and a stride above 0, found {:?} and {:?}", grid.kernel, grid.stride));
    }
    let extent = grid.extent();
    if extent != grid.target[1..] {
        return Err(format!("the windows give a target of {extent:?}, found {:?}", &grid.target[1..]));
    }
    Ok(())
}

/// The connections by delay, in steps. `draw` knows the neurons at both ends.
fn delays(p: &Projection, dt: f64, draw: Draw, wiring: Wiring) -> Result<Vec<(usize, Wiring)>, String> {
    // A longer delay than any simulation is no different, and sums of steps cannot overflow.
    let steps = |time: f64| ((time / dt).round() as usize).clamp(1, LIMIT);
    let own = match &p.connectivity {
        Connectivity::Edges(edges) if !edges.delays.is_empty() => &edges.delays[..],
        _ => &[],
    };
    let (low, high, seed) = match p.delay {
        _ if !own.is_empty() => (0.0, 0.0, 0),
        Delay::Steps(steps) => return Ok(vec![(steps.min(LIMIT), wiring)]),
        Delay::Time(time) if time >= 0.0 && time.is_finite() => return Ok(vec![(steps(time), wiring)]),
        Delay::Time(time) => return Err(format!("expected a delay of at least 0 ms, found {time}")),
        Delay::Uniform { low, high, seed } if low >= 0.0 && high >= low && high.is_finite() => (low, high, seed),
        Delay::Uniform { low, high, .. } => {
            return Err(format!("expected delays in an ascending range from 0 ms, found {low} .. {high}"));
        }
    };
    let sparse = match wiring {
        Wiring::Sparse(sparse) => sparse,
        Wiring::Dense if draw.rows * draw.columns <= MOST_CONNECTIONS => draw.all(),
        Wiring::Dense => return Err(format!("expected at most {MOST_CONNECTIONS} connections")),
        Wiring::Window(_) => return Err("connections that share weights have one delay".into()),
    };
    let stream = Stream::new(seed, Purpose::Delays, draw.number);
    let mut parts: BTreeMap<usize, [Vec<u32>; 3]> = BTreeMap::new();
    for (row, column, weight) in sparse.iter() {
        let time = match own.get(weight as usize) {
            Some(&time) => time,
            None => {
                let pair = stream.uniform_pair(0, weight / 2);
                low + (high - low) * pair[weight as usize % 2]
            }
        };
        let lists = parts.entry(steps(time)).or_default();
        [row, column, weight].into_iter().zip(lists).for_each(|(x, list)| list.push(x));
    }
    if parts.is_empty() {
        parts.insert(1, Default::default());
    }
    let part = |[sources, targets, weights]: [Vec<u32>; 3]| {
        Wiring::Sparse(Sparse::from_pairs(draw.rows, &sources, &targets, &weights))
    };
    Ok(parts.into_iter().map(|(delay, lists)| (delay, part(lists))).collect())
}

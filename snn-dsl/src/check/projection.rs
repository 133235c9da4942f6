//! Projections: source, port, delay, options, and how the weights begin.

use super::connectivity::{End, connectivity, kinds, listed, part, unknown};
use super::dimension::Dimension;
use super::network::Checker;
use super::neuron::Checked;
use super::scope::{Entry, Scope};
use super::synapse::CheckedSynapse;
use super::values::distribution;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest::closest;
use crate::expr::number as number_text;
use crate::model::{self, Connectivity, Delay, Initialiser, Signal, Source, Value};
use crate::source::Span;
use crate::syntax::tree::{
    Call, Expr, ExprKind, Ident, NetworkStatement, Projection, ProjectionOption, ProjectionOptionKind as Kind,
    ValueRange,
};
use std::collections::{BTreeMap, BTreeSet};

/// More weights than that do not fit into memory: in single precision they take 4 GB, and training three times as much.
const MOST_WEIGHTS: usize = 1_000_000_000;

/// A projection and its place.
pub(super) struct CheckedProjection {
    pub projection: model::Projection,
    pub span: Span,
}

/// Checks all projections.
pub(super) fn check(checker: &mut Checker) -> Vec<CheckedProjection> {
    let mut found = Vec::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut weights = 0;
    for statement in &checker.tree.statements {
        let NetworkStatement::Projection(tree) = statement else { continue };
        if let Some(mut projection) = projection(checker, tree) {
            weights = count_weights(checker, &projection, tree, weights);
            let plain = projection.name.clone();
            let count = counts.entry(plain.clone()).or_insert(1);
            while !names.insert(projection.name.clone()) {
                *count += 1;
                projection.name = format!("{plain}_{count}");
            }
            found.push(CheckedProjection { projection, span: tree.span });
        }
    }
    found
}

/// Reports the projection whose weights make too many; returns their number with those `before`.
fn count_weights(checker: &mut Checker, projection: &model::Projection, tree: &Projection, before: usize) -> usize {
    let (rows, columns) = (projection.sources.len(), projection.targets.len());
    let drawn = || (rows as f64 * projection.connectivity.fans(rows, columns).1) as usize;
    let shape = projection.connectivity.weights(rows, columns);
    let own = shape.map_or_else(drawn, |shape| shape.iter().fold(1, |n: usize, &side| n.saturating_mul(side)));
    let all = before.saturating_add(own);
    if all > MOST_WEIGHTS && before <= MOST_WEIGHTS {
        let (from, to) = (&tree.source.name, &tree.target.name);
        let rest = if before == 0 { String::new() } else { format!(", and {before} of the projections before it") };
        let message =
            format!("expected at most {MOST_WEIGHTS} weights in a network, found {own} from `{from}` to `{to}`{rest}");
        let mut diagnostic = Diagnostic::error("E0503", tree.span, message);
        if projection.connectivity == Connectivity::Dense {
            diagnostic = diagnostic
                .label(format!("{rows} x {columns} weights"))
                .hint("each neuron of the source is connected to each of the target: make one of the two smaller, or connect fewer pairs, e.g. `random(0.01)`");
        } else {
            diagnostic = diagnostic.hint("connect fewer neurons");
        }
        checker.typing.diagnostics.push(diagnostic);
    }
    all
}

fn projection<'a>(checker: &mut Checker<'a>, tree: &'a Projection) -> Option<model::Projection> {
    let source = source(checker, tree);
    let target = target(checker, &tree.target);
    let port = target.and_then(|t| port(checker, t, &tree.port));
    let ends = ends(checker, tree, source.map(|s| s.0), target);
    let options = Options::collect(checker, tree);
    let delay = match options.delay {
        Some(expr) => delay(checker, expr),
        None => Some(Delay::Steps(0)),
    };
    let through =
        options.synapse.and_then(|call| synapse(checker, call, tree, source.map(|s| s.0), (target?, port?), delay));
    let port_unit = port.filter(|_| options.synapse.is_none()).and_then(|p| {
        let checked = checker.layers.get(target?)?.checked?;
        let port = checked.neuron.port(p)?;
        (!checked.poisoned.contains(&port.name)).then_some(port.dimension)
    });
    let unit = match &through {
        Some((_, weight)) => *weight,
        None => port_unit.zip(source).and_then(|(port, (_, signal))| Some(port.over(signal.1?))),
    };
    if let (Some(call), Some(signal)) = (options.synapse, &tree.signal)
        && signal.name != "spike"
    {
        let message = format!("expected the spikes of `{}` for a synapse, found `{}`", tree.source.name, signal.name);
        let hint = "a synapse says itself what it reads of its source: `reads pre V_pre : mV`";
        let diagnostic = Diagnostic::error("E0515", signal.span, message).also(call.span, "the synapse");
        checker.typing.diagnostics.push(diagnostic.hint(hint));
    }
    if let (Some(call), true) = (options.synapse, options.bias) {
        let message = "expected no `bias` of a projection with a synapse, found one";
        let diagnostic = Diagnostic::error("E0515", call.span, message);
        checker.typing.diagnostics.push(diagnostic.hint("remove it: only spikes go through a synapse"));
    }
    let plastic = through.as_ref().is_some_and(|(through, _)| checker.synapses[through.synapse].edge.is_some());
    if let (Some(call), Some(_)) = (options.synapse, options.sign)
        && plastic
    {
        let message = "expected no `sign` of weights that change by a rule, found one";
        let diagnostic = Diagnostic::error("E0515", call.span, message);
        checker
            .typing
            .diagnostics
            .push(diagnostic.hint("the rule says where weights end: `clip(w + dw, 0 nA, w_max)`"));
    }
    if let (true, Some(call), Some(factor)) = (plastic, options.synapse, options.rate) {
        let name = &call.name.name;
        let message = format!("expected no `lr` of weights that change by the rule of `{name}`, found one");
        let hint = "they are not trained by gradients: remove it";
        checker.typing.diagnostics.push(Diagnostic::error("E0516", factor.span, message).hint(hint));
    }
    if let (true, Some(call), Some(kind)) = (plastic, options.synapse, options.connectivity)
        && matches!(kind.name.name.as_str(), "conv" | "pool")
    {
        let name = &call.name.name;
        let message = format!(
            "expected a weight for each connection for `{name}`, found the shared ones of `{}`",
            kind.name.name
        );
        let diagnostic =
            Diagnostic::error("E0515", kind.span, message).also(call.span, "its rule changes weights one by one");
        checker
            .typing
            .diagnostics
            .push(diagnostic.hint("connect by `dense`, `random(p)` or another kind without a kernel"));
    }
    let recurrent = target.is_some_and(|t| source.is_some_and(|s| s.0 == Source::Layer(t)));
    if let Some(span) = options.no_self
        && source.is_some()
        && target.is_some()
        && !recurrent
    {
        let message = "expected a projection of a layer to itself for `no_self`, found one between two populations";
        checker.typing.diagnostics.push(Diagnostic::error("E0512", span, message).hint("remove `no_self`"));
    }
    let connectivity = match (options.connectivity, options.edges) {
        (Some(call), _) => {
            let own = options.no_self.is_some() && recurrent;
            connectivity(checker, call, ends.as_ref().map(|(s, t)| (s, t)), own)
        }
        (None, Some(file)) => listed(checker, file),
        (None, None) => None,
    };
    if let (Some(Delay::Uniform { .. }), Some(Connectivity::Convolution(_) | Connectivity::Pool(_)), Some(expr)) =
        (delay, &connectivity, options.delay)
    {
        let message = "expected one delay for connections that share their weights, found a distribution";
        checker.typing.diagnostics.push(Diagnostic::error("E0508", expr.span, message).hint("write e.g. `delay 1 ms`"));
    }
    let rate = match options.rate {
        Some(expr) => learning_rate(checker, expr),
        None => Some(1.0),
    };
    let clip = match options.clip {
        Some((range, span)) => clip(checker, range, span, unit, options.sign.is_some()),
        None => Some([f64::NEG_INFINITY, f64::INFINITY]),
    };
    if options.frozen
        && let Some(span) = options.rate.map(|e| e.span).or(options.clip.map(|c| c.1))
    {
        let message = "expected no rule for the training of weights that are `frozen`, found one";
        checker.typing.diagnostics.push(Diagnostic::error("E0516", span, message).hint("remove it, or `frozen`"));
    }
    let (rows, columns) = ends.as_ref().map_or((1, 1), |(s, t)| (s.part.len(), t.part.len()));
    let fans = connectivity.as_ref().unwrap_or(&Connectivity::Dense).fans(rows, columns);
    let is_listed = options.edges.is_some();
    let initial = match (options.init, unit) {
        (Some(call), _) if is_listed && names_fans(&checker.typing.text(call.span)) => {
            let message =
                "expected starting weights that the text alone fixes, found the number of connections of a neuron";
            let hint = "connections in a file are not known here: write the number, or put `weight` into the file";
            checker.typing.fail(Diagnostic::error("E0511", call.span, message).hint(hint))
        }
        (Some(call), _) => initialiser(checker, call, unit, fans).map(|i| (i, checker.typing.text(call.span))),
        (None, Some(unit)) => {
            let (initial, text) = default_initialiser(unit, fans.0);
            Some((if is_listed { Initialiser::FanIn } else { initial }, text))
        }
        (None, None) => None,
    };
    let initial = initial.map(|(i, text)| (i, if is_listed { format!("of the file, else {text}") } else { text }));
    let (source, signal) = source?;
    let (target, port, delay, (initial, initial_text)) = (target?, port?, delay?, initial?);
    let (connectivity, (from, to)) = (connectivity?, ends?);
    if options.synapse.is_some() && through.is_none() {
        return None;
    }
    let sent = tree.signal.as_ref().filter(|_| signal.0 != Signal::Spikes);
    let sent = sent.map_or_else(String::new, |s| format!("_{}", s.name));
    let (rate, clip) = (rate?, clip?);
    Some(model::Projection {
        name: format!("{}{sent}_to_{}_{}", tree.source.name, tree.target.name, tree.port.name),
        source,
        signal: signal.0,
        sources: from.part,
        target,
        targets: to.part,
        port,
        unit: unit?,
        connectivity,
        tied: None,
        through: String::new(),
        plasticity: None,
        synapse: through.map(|t| t.0),
        delay,
        bias: options.bias,
        sign: options.sign,
        no_self: options.no_self.is_some(),
        frozen: options.frozen,
        rate,
        clip,
        initial,
        initial_text,
        text: checker.typing.text(tree.span),
    })
}

/// The synapse that a projection names, and what its weights measure.
fn synapse<'a>(
    checker: &mut Checker<'a>,
    call: &'a Call,
    tree: &'a Projection,
    source: Option<Source>,
    (target, port): (usize, usize),
    delay: Option<Delay>,
) -> Option<(model::SynapseUse, Option<Dimension>)> {
    let synapses = checker.synapses;
    let index = synapses.iter().position(|s| s.name == call.name.name)?;
    let synapse = synapses.get(index).filter(|s| s.sound)?;
    let values = checker.arguments(call, &synapse.post, checker.dt);
    let target = checker.layers.get(target).and_then(|l| l.checked)?;
    let events = target.neuron.events.len();
    let (_, output) = synapse.output?;
    let Some(drive) = port.checked_sub(events).and_then(|drive| target.neuron.drives.get(drive)) else {
        let message =
            format!("expected a drive for the synapse `{}`, found the event port `{}`", synapse.name, tree.port.name);
        let hint = match target.neuron.drives.iter().find(|d| d.dimension == output) {
            Some(drive) => format!("its output flows all the time: write `{}.{}`", tree.target.name, drive.name),
            None => format!("declare one in `{}`: `drive I_syn : {}`", target.neuron.name, output.base_unit()),
        };
        return checker.typing.fail(Diagnostic::error("E0515", tree.port.span, message).hint(hint));
    };
    if drive.dimension != output && !target.poisoned.contains(&drive.name) {
        let message =
            format!("expected {} for `{}`, found {output} of `{}`", drive.dimension, drive.name, synapse.name);
        return checker.typing.fail(Diagnostic::error("E0515", call.span, message));
    }
    let at_spike = synapse.spike.is_some() || synapse.edge.as_ref().is_some_and(super::synapse::Edge::acts_at_spike);
    if at_spike && target.neuron.spike.is_none() {
        let (name, model) = (&synapse.name, &target.neuron.name);
        let message = format!("`{name}` acts at spikes of its target, and `{model}` has no threshold");
        let diagnostic = Diagnostic::error("E0515", call.span, message);
        return checker.typing.fail(diagnostic.hint("connect a layer that spikes"));
    }
    if let (Some(_), Some(Delay::Uniform { .. })) = (&synapse.edge, delay) {
        let message = "expected one delay for weights that change by a rule, found a distribution";
        return checker.typing.fail(Diagnostic::error("E0508", call.span, message).hint("write e.g. `delay 1 ms`"));
    }
    if let (true, Some(Source::Layer(i))) = (synapse.keeps_spikes(), source)
        && checker.layers.get(i).is_some_and(|l| l.layer.dropout > 0.0)
    {
        let message = format!("`{}` has states at its source, whose spikes dropout makes larger", synapse.name);
        let diagnostic = Diagnostic::error("E0516", call.span, message);
        return checker.typing.fail(diagnostic.hint("use it behind a layer without `dropout`"));
    }
    let mut sound = true;
    let mut reads = |checker: &mut Checker<'a>, reads: &[super::synapse::Read], checked: &Checked, of: &str| {
        for read in reads {
            let states = || checked.neuron.states.iter().map(|s| &s.quantity);
            match states().find(|q| q.name == source_name(&read.name, of)) {
                Some(state) if state.dimension == read.dimension || checked.poisoned.contains(&state.name) => {}
                Some(state) => {
                    let (name, neuron) = (&read.name, &checked.neuron.name);
                    let message =
                        format!("expected {} for `{name}` of `{neuron}`, found {}", read.dimension, state.dimension);
                    checker.typing.diagnostics.push(Diagnostic::error("E0515", call.span, message));
                    sound = false;
                }
                None => {
                    let name = source_name(&read.name, of);
                    let message = format!(
                        "`{}` reads the state `{name}`, which `{}` does not have",
                        synapse.name, checked.neuron.name
                    );
                    let list: Vec<&str> = states().map(|q| q.name.as_str()).collect();
                    let hint = format!("it has `{}`", list.join("`, `"));
                    checker.typing.diagnostics.push(Diagnostic::error("E0515", call.span, message).hint(hint));
                    sound = false;
                }
            }
        }
    };
    reads(checker, &synapse.reads, target, "");
    if !synapse.reads_source.is_empty() {
        match source.map(|s| match s {
            Source::Layer(i) => checker.layers.get(i).and_then(|l| l.checked),
            Source::Input(_) => None,
        }) {
            Some(Some(checked)) => reads(checker, &synapse.reads_source, checked, PRE),
            Some(None) => {
                let message =
                    format!("`{}` reads states of its source, and `{}` has none", synapse.name, tree.source.name);
                let diagnostic = Diagnostic::error("E0515", call.span, message);
                return checker.typing.fail(diagnostic.hint("connect a layer"));
            }
            None => return None,
        }
    }
    sound.then_some((model::SynapseUse { synapse: index, values }, synapse.weight))
}

/// The end of a name in a synapse that reads the state of its source: `V_pre` is `V` there.
pub(super) const PRE: &str = "_pre";

/// The name that a state has in its own neuron.
pub(super) fn source_name<'n>(name: &'n str, ending: &str) -> &'n str {
    name.strip_suffix(ending).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// The neurons at both ends.
fn ends<'a>(
    checker: &mut Checker<'a>,
    tree: &'a Projection,
    source: Option<Source>,
    target: Option<usize>,
) -> Option<(End<'a>, End<'a>)> {
    let layer = |checker: &Checker<'a>, i: usize| checker.layers.get(i).map(|l| (l.layer.size, l.layer.grid));
    let from = match source? {
        Source::Input(i) => checker.inputs.get(i).map(|s| (s.size, s.grid)),
        Source::Layer(i) => layer(checker, i),
    };
    let to = layer(checker, target?);
    let (from, to) = (from?, to?);
    let sources = part(checker, tree.sources.as_ref(), &tree.source, from.0);
    let targets = part(checker, tree.targets.as_ref(), &tree.target, to.0);
    let source = End { name: &tree.source, size: from.0, part: sources?, grid: from.1 };
    Some((source, End { name: &tree.target, size: to.0, part: targets?, grid: to.1 }))
}

/// Where a projection begins, what it sends, and the unit of that (`None` if it is not known).
type Sender = (Source, (Signal, Option<Dimension>));

fn source(checker: &mut Checker, tree: &Projection) -> Option<Sender> {
    let name = &tree.source;
    if checker.poisoned.contains(&name.name) {
        return None;
    }
    let spikes = (Signal::Spikes, Some(Dimension::NONE));
    let found = checker.sources.get(&name.name).copied();
    if let Some(Source::Input(_)) = found {
        if let Some(signal) = tree.signal.as_ref().filter(|s| s.name != "spike") {
            let message = format!("expected a projection of the input `{}` itself, found `{}`", name.name, signal.name);
            let hint = format!("an input has no states: write `{} -> ...`", name.name);
            return checker.typing.fail(Diagnostic::error("E0505", signal.span, message).hint(hint));
        }
        return found.map(|source| (source, spikes));
    }
    if let Some(Source::Layer(index)) = found {
        let checked = checker.layers.get(index)?.checked?;
        if let Some(signal) = tree.signal.as_ref().filter(|s| s.name != "spike") {
            return state(checker, checked, signal).map(|found| (Source::Layer(index), found));
        }
        // A synapse may send states alone.
        let through = tree.options.iter().find_map(|option| match &option.kind {
            Kind::Connectivity(call) => checker.synapses.iter().find(|s| s.name == call.name.name),
            _ => None,
        });
        if checked.sound && checked.neuron.spike.is_none() && through.is_none_or(CheckedSynapse::needs_spikes) {
            let message =
                format!("expected a layer that spikes, found `{}` of neurons `{}`", name.name, checked.neuron.name);
            let hint = match checked.neuron.states.first() {
                Some(state) => {
                    let state = &state.quantity.name;
                    format!("its model has no `spike when` statement; send a state: `{}.{state} -> ...`", name.name)
                }
                None => "its model has no `spike when` statement".into(),
            };
            return checker.typing.fail(Diagnostic::error("E0505", name.span, message).hint(hint));
        }
        return Some((Source::Layer(index), spikes));
    }
    let names = checker.inputs.iter().map(|i| i.name.as_str());
    let near = checker.typing.near(&name.name, names.chain(checker.layers.iter().map(|l| l.layer.name.as_str())));
    let diagnostic =
        Diagnostic::error("E0505", name.span, format!("expected an input or a layer, found `{}`", name.name));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("declare it: `input {0}[100] spikes` or `layer {0}[100] = LIF`", name.name),
    };
    checker.typing.fail(diagnostic.hint(hint))
}

/// A state that is sent instead of spikes.
fn state(checker: &mut Checker, checked: &Checked, signal: &Ident) -> Option<(Signal, Option<Dimension>)> {
    let states = || checked.neuron.states.iter().map(|s| s.quantity.name.as_str());
    if let Some(index) = states().position(|s| s == signal.name) {
        let dimension = checked.neuron.states.get(index).map(|s| s.quantity.dimension);
        return Some((Signal::State(index), dimension.filter(|_| !checked.poisoned.contains(&signal.name))));
    }
    if checked.poisoned.contains(&signal.name) {
        return None;
    }
    let message = format!("expected a state of `{}`, found `{}`", checked.neuron.name, signal.name);
    let hint = match checker.typing.near(&signal.name, states()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has `{}`; without a state its spikes are sent", states().collect::<Vec<_>>().join("`, `")),
    };
    checker.typing.fail(Diagnostic::error("E0505", signal.span, message).hint(hint))
}

fn target(checker: &mut Checker, name: &Ident) -> Option<usize> {
    if checker.poisoned.contains(&name.name) {
        return None;
    }
    let layers = || checker.layers.iter().map(|l| l.layer.name.as_str());
    if let Some(&Source::Layer(index)) = checker.sources.get(&name.name) {
        return Some(index);
    }
    let diagnostic = Diagnostic::error("E0506", name.span, format!("expected a layer, found `{}`", name.name));
    let hint = match checker.typing.near(&name.name, layers()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if checker.sources.contains_key(&name.name) => "an input cannot receive spikes".into(),
        None => format!("declare it: `layer {}[100] = LIF`", name.name),
    };
    checker.typing.fail(diagnostic.hint(hint))
}

fn port(checker: &mut Checker, layer: usize, name: &Ident) -> Option<usize> {
    let checked = checker.layers.get(layer)?.checked?;
    let ports = || checked.neuron.events.iter().chain(&checked.neuron.drives).map(|e| e.name.as_str());
    if let Some(index) = ports().position(|p| p == name.name) {
        return Some(index);
    }
    let message = format!("expected an event port or a drive of `{}`, found `{}`", checked.neuron.name, name.name);
    let list = ports().collect::<Vec<_>>().join("`, `");
    let hint = match checker.typing.near(&name.name, ports()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if list.is_empty() => format!("it has none: declare `event {} : nA` in the neuron", name.name),
        None => format!("it has `{list}`"),
    };
    checker.typing.fail(Diagnostic::error("E0506", name.span, message).hint(hint))
}

/// The options of a projection, each at most once.
#[derive(Default)]
struct Options<'a> {
    connectivity: Option<&'a Call>,
    synapse: Option<&'a Call>,
    edges: Option<&'a Ident>,
    delay: Option<&'a Expr>,
    init: Option<&'a Call>,
    sign: Option<bool>,
    bias: bool,
    frozen: bool,
    no_self: Option<Span>,
    rate: Option<&'a Expr>,
    clip: Option<(&'a ValueRange, Span)>,
}

impl<'a> Options<'a> {
    fn collect(checker: &mut Checker<'a>, tree: &'a Projection) -> Self {
        let mut options = Self::default();
        let mut seen: Vec<(&str, &ProjectionOption)> = Vec::new();
        for option in &tree.options {
            let is_synapse = |call: &Call| {
                let name = call.name.name.as_str();
                checker.synapses.iter().any(|s| s.name == name) && kinds().all(|kind| kind != name)
            };
            let name = match &option.kind {
                Kind::Connectivity(call) if is_synapse(call) => "synapse",
                Kind::Connectivity(_) | Kind::Edges(_) => "connectivity",
                Kind::Bias => "bias",
                Kind::Delay(_) => "delay",
                Kind::Init(_) => "init",
                Kind::Sign(_) => "sign",
                Kind::NoSelf => "no_self",
                Kind::Frozen => "frozen",
                Kind::LearningRate(_) => "lr",
                Kind::Clip(_) => "clip",
            };
            let known = name == "synapse"
                || !matches!(&option.kind, Kind::Connectivity(call) if kinds().all(|kind| kind != call.name.name));
            if let Some((_, first)) = seen.iter().find(|s| s.0 == name && known) {
                let message = match (&option.kind, &first.kind) {
                    _ if name == "synapse" => "expected one synapse, found a second one".into(),
                    (a, b) if a == b || name != "connectivity" => format!("option `{name}` is given twice"),
                    _ => "expected one kind of connectivity, found a second one".into(),
                };
                checker.typing.diagnostics.push(
                    Diagnostic::error("E0510", option.span, message)
                        .also(first.span, "first here")
                        .hint("remove one of them"),
                );
                continue;
            }
            if known {
                seen.push((name, option));
            }
            match &option.kind {
                Kind::Connectivity(call) if name == "synapse" => options.synapse = Some(call),
                Kind::Connectivity(call) if known => options.connectivity = Some(call),
                Kind::Connectivity(call) => unknown(checker, call),
                Kind::Edges(file) => options.edges = Some(file),
                Kind::Bias => options.bias = true,
                Kind::Delay(expr) => options.delay = Some(expr),
                Kind::Init(call) => options.init = Some(call),
                Kind::Sign(sign) => options.sign = Some(*sign),
                Kind::NoSelf => options.no_self = Some(option.span),
                Kind::Frozen => options.frozen = true,
                Kind::LearningRate(factor) => options.rate = Some(factor),
                Kind::Clip(range) => options.clip = Some((range, option.span)),
            }
        }
        let others = tree.options.iter().any(|o| match &o.kind {
            Kind::Connectivity(call) => options.synapse != Some(call),
            kind => matches!(kind, Kind::Edges(_)),
        });
        if !others {
            let message = "expected a kind of connectivity, found none";
            checker
                .typing
                .diagnostics
                .push(Diagnostic::error("E0507", tree.span, message).hint("add it: `... : dense`"));
        }
        options
    }
}

/// `lr x FACTOR`
fn learning_rate<'a>(checker: &mut Checker<'a>, expr: &'a Expr) -> Option<f64> {
    let factor = checker.typing.constant_of(expr, Dimension::NONE, "a factor of the learning rate")?;
    if factor > 0.0 {
        return Some(factor);
    }
    let message = format!("expected a factor of the learning rate above 0, found {}", number_text(factor));
    let hint = if factor == 0.0 { "weights that are not trained are `frozen`" } else { "write e.g. `lr x 0.1`" };
    checker.typing.fail(Diagnostic::error("E0516", expr.span, message).hint(hint))
}

/// `clip LOW .. HIGH`, in the unit of the port; `None` for the unit if that is not known, which has been reported.
fn clip<'a>(
    checker: &mut Checker<'a>,
    range: &'a ValueRange,
    span: Span,
    unit: Option<Dimension>,
    has_sign: bool,
) -> Option<[f64; 2]> {
    if has_sign {
        let message = "expected `sign` or `clip`, found both";
        let hint = "`clip 0 nA ..` alone keeps weights from becoming negative, `clip .. 0 nA` from becoming positive";
        return checker.typing.fail(Diagnostic::error("E0516", span, message).hint(hint));
    }
    let unit = unit?;
    let mut end = |expr: &'a Option<Expr>, none: f64| match expr {
        Some(expr) => checker.typing.constant_of(expr, unit, "an end of the range of weights"),
        None => Some(none),
    };
    let (low, high) = (end(&range.low, f64::NEG_INFINITY), end(&range.high, f64::INFINITY));
    let (low, high) = (low?, high?);
    if low < high {
        return Some([low, high]);
    }
    let message = format!("expected a range for `clip`, found {} .. {}", number_text(low), number_text(high));
    checker.typing.fail(Diagnostic::error("E0516", span, message).hint("the smaller end stands first"))
}

fn delay<'a>(checker: &mut Checker<'a>, expr: &'a Expr) -> Option<Delay> {
    let typing = &mut checker.typing;
    if let ExprKind::Number { value, unit: Some((unit, 1)) } = &expr.kind
        && (unit.name == "step" || unit.name == "steps")
    {
        if *value >= 0.0 && value.fract() == 0.0 && *value <= 1e6 {
            return Some(Delay::Steps(*value as usize));
        }
        let message = format!("expected a whole number of steps from 0 to 1000000, found {}", number_text(*value));
        return typing.fail(Diagnostic::error("E0508", expr.span, message).hint("write e.g. `delay 1 step`"));
    }
    if let ExprKind::Number { unit: Some((unit, _)), .. } = &expr.kind
        && super::units::lookup(&unit.name).is_none()
        && let Some(near) = closest(&unit.name, ["step", "steps"].into_iter())
    {
        let message = format!("expected steps or a time as delay, found `{}`", unit.name);
        return typing.fail(Diagnostic::error("E0508", unit.span, message).hint(format!("did you mean `{near}`?")));
    }
    if let ExprKind::Call(call) = &expr.kind
        && call.name.name == "uniform"
        && !typing.definitions.functions.contains_key("uniform")
    {
        let (value, _) = distribution(typing, call, Some(Dimension::TIME))?;
        return match value {
            Value::Uniform { low, high } if low > 0.0 => Some(Delay::Uniform { low, high }),
            _ => {
                let message = "expected delays above 0 ms, found a range that begins at or below it";
                typing
                    .fail(Diagnostic::error("E0508", expr.span, message).hint("begin with a time of at least one step"))
            }
        };
    }
    let found = typing.number(expr, Some(Dimension::TIME))?;
    if found.dimension != Dimension::TIME {
        let text = typing.text(expr.span);
        let diagnostic = Diagnostic::error(
            "E0508",
            expr.span,
            format!("expected steps or a time as delay, found {}", found.dimension),
        );
        return typing.fail(match found.dimension.is_none() {
            true => {
                let steps = if text == "1" { "step" } else { "steps" };
                diagnostic.hint(format!("write `delay {text} {steps}` or `delay {text} ms`"))
            }
            false => diagnostic.hint("write e.g. `delay 1 step` or `delay 2 ms`"),
        });
    }
    let time = typing.constant_of(expr, Dimension::TIME, "a delay")?;
    if time > 0.0 {
        return Some(Delay::Time(time));
    }
    let message = format!("expected a time above 0 ms as delay, found {} ms", number_text(time));
    typing.fail(Diagnostic::error("E0508", expr.span, message).hint("write `delay 0 step` for the same step"))
}

/// `init NAME(ARGS)` with `fan_in` and `fan_out` in scope, in the unit of the port.
fn initialiser<'a>(
    checker: &mut Checker<'a>,
    call: &'a Call,
    unit: Option<Dimension>,
    (fan_in, fan_out): (f64, f64),
) -> Option<Initialiser> {
    let mut scope = Scope::new();
    scope.insert("fan_in".into(), Entry::Constant(fan_in, Dimension::NONE));
    scope.insert("fan_out".into(), Entry::Constant(fan_out, Dimension::NONE));
    let name = call.name.name.as_str();
    checker.typing.within(scope, |typing| match name {
        "uniform" | "normal" => match distribution(typing, call, unit)?.0 {
            Value::Uniform { low, high } => Some(Initialiser::Uniform { low, high }),
            Value::Normal { mean, sd } => Some(Initialiser::Normal { mean, sd }),
            Value::Constant(value) => Some(Initialiser::Constant(value)),
            Value::LogUniform { .. } => None,
        },
        "zeros" if call.arguments.is_empty() => Some(Initialiser::Constant(0.0)),
        "constant" => match call.arguments.as_slice() {
            [one] if one.name.is_none() => {
                let value = match unit {
                    Some(unit) => typing.constant_of(&one.value, unit, "the initial weight"),
                    None => typing.constant(&one.value, "the initial weight").map(|c| c.0),
                };
                value.map(Initialiser::Constant)
            }
            _ => typing.fail(Diagnostic::error("E0208", call.span, "expected one argument of `constant`")),
        },
        "zeros" => {
            typing.fail(Diagnostic::error("E0208", call.span, "expected no arguments of `zeros`").hint("write `zeros`"))
        }
        _ => {
            let message = format!("expected an initialiser, found `{name}`");
            let all = ["uniform", "normal", "constant", "zeros"];
            let base = unit.unwrap_or_default();
            let (zero, one) = (super::remedy::zero(base), super::remedy::with_unit("1", base));
            let hint = match closest(name, all.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if ["kaiming", "kaiming_normal", "he", "he_normal"].contains(&name) => {
                    format!("write `normal({zero}, {one}*sqrt(2/fan_in))`")
                }
                None if ["xavier", "xavier_normal", "glorot", "glorot_normal"].contains(&name) => {
                    format!("write `normal({zero}, {one}*sqrt(2/(fan_in + fan_out)))`")
                }
                None if ["file", "load", "from_file", "weights"].contains(&name) => {
                    "weights in a file stand there with their connections: `edges(\"connections.npz\")`".into()
                }
                None => format!("there are `{}`", all.join("`, `")),
            };
            typing.fail(Diagnostic::error("E0511", call.name.span, message).hint(hint))
        }
    })
}

/// Whether a text has the word `fan_in` or `fan_out`.
fn names_fans(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| matches!(word, "fan_in" | "fan_out"))
}

fn default_initialiser(unit: Dimension, fan_in: f64) -> (Initialiser, String) {
    let high = 1.0 / fan_in.sqrt();
    let one = super::remedy::with_unit("1", unit);
    (Initialiser::Uniform { low: -high, high }, format!("uniform(-{one}/sqrt(fan_in), {one}/sqrt(fan_in))"))
}

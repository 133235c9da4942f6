//! Projections: source, port, delay, options, and how the weights begin.

use super::dimension::Dimension;
use super::network::Checker;
use super::scope::{Entry, Scope};
use super::values::distribution;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest::closest;
use crate::expr::number as number_text;
use crate::model::{self, Delay, Initialiser, Source, Value};
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

/// The numbers of neurons at both ends.
fn sizes(checker: &Checker, source: Source, target: usize) -> (usize, usize) {
    let layer = |i: usize| checker.layers.get(i).map_or(1, |l| l.layer.size);
    match source {
        Source::Input(i) => (checker.inputs.get(i).map_or(1, |s| s.size), layer(target)),
        Source::Layer(i) => (layer(i), layer(target)),
    }
}

/// Reports the projection whose weights make too many; returns their number with those `before`.
fn count_weights(checker: &mut Checker, projection: &model::Projection, tree: &Projection, before: usize) -> usize {
    let (rows, columns) = sizes(checker, projection.source, projection.target);
    let own = rows.saturating_mul(columns);
    let all = before.saturating_add(own);
    if all > MOST_WEIGHTS && before <= MOST_WEIGHTS {
        let (from, to) = (&tree.source.name, &tree.target.name);
        let rest = if before == 0 { String::new() } else { format!(", and {before} of the projections before it") };
        let message =
            format!("expected at most {MOST_WEIGHTS} weights in a network, found {own} from `{from}` to `{to}`{rest}");
        let diagnostic = Diagnostic::error("E0503", tree.span, message)
            .label(format!("{rows} x {columns} weights"))
            .hint("each neuron of the source is connected to each of the target: make one of the two smaller");
        checker.typing.diagnostics.push(diagnostic);
    }
    all
}

fn projection<'a>(checker: &mut Checker<'a>, tree: &'a Projection) -> Option<model::Projection> {
    let source = source(checker, &tree.source);
    let target = target(checker, &tree.target);
    let port = target.and_then(|t| port(checker, t, &tree.port));
    let fan_in = source.map(|s| match s {
        Source::Input(i) => checker.inputs.get(i).map_or(1, |s| s.size),
        Source::Layer(i) => checker.layers.get(i).map_or(1, |l| l.layer.size),
    });
    let fan_out = target.and_then(|t| checker.layers.get(t)).map(|l| l.layer.size);
    let unit = port.and_then(|p| {
        let checked = checker.layers.get(target?)?.checked?;
        let port = checked.neuron.events.get(p)?;
        (!checked.poisoned.contains(&port.name)).then_some(port.dimension)
    });
    let options = Options::collect(checker, tree);
    let delay = match options.delay {
        Some(expr) => delay(checker, expr),
        None => Some(Delay::Steps(0)),
    };
    if let Some(span) = options.no_self
        && source.is_some()
        && target.is_some()
        && source != target.map(Source::Layer)
    {
        let message = "expected a projection of a layer to itself for `no_self`, found one between two populations";
        checker.typing.diagnostics.push(Diagnostic::error("E0512", span, message).hint("remove `no_self`"));
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
        checker.typing.diagnostics.push(Diagnostic::error("E0513", span, message).hint("remove it, or `frozen`"));
    }
    let fans = (fan_in.unwrap_or(1), fan_out.unwrap_or(1));
    let initial = match (options.init, unit) {
        (Some(call), _) => initialiser(checker, call, unit, fans).map(|i| (i, checker.typing.text(call.span))),
        (None, Some(unit)) => Some(default_initialiser(unit, fans.0)),
        (None, None) => None,
    };
    let (source, target, port, delay, (initial, initial_text)) = (source?, target?, port?, delay?, initial?);
    let (rate, clip) = (rate?, clip?);
    Some(model::Projection {
        name: format!("{}_to_{}_{}", tree.source.name, tree.target.name, tree.port.name),
        source,
        target,
        port,
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

fn source(checker: &mut Checker, name: &Ident) -> Option<Source> {
    if checker.poisoned.contains(&name.name) {
        return None;
    }
    let found = checker.sources.get(&name.name).copied();
    if let Some(Source::Input(_)) = found {
        return found;
    }
    if let Some(Source::Layer(index)) = found {
        let checked = checker.layers.get(index)?.checked?;
        if checked.sound && checked.neuron.spike.is_none() {
            let message =
                format!("expected a layer that spikes, found `{}` of neurons `{}`", name.name, checked.neuron.name);
            return checker
                .typing
                .fail(Diagnostic::error("E0505", name.span, message).hint("its model has no `spike when` statement"));
        }
        return Some(Source::Layer(index));
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
    let ports = || checked.neuron.events.iter().map(|e| e.name.as_str());
    if let Some(index) = ports().position(|p| p == name.name) {
        return Some(index);
    }
    if checked.neuron.drives.iter().any(|d| d.name == name.name) {
        return checker.typing.fail(Diagnostic::not_supported(name.span, "a projection to a drive"));
    }
    let message = format!("expected an event port of `{}`, found `{}`", checked.neuron.name, name.name);
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
            let name = match &option.kind {
                Kind::Connectivity(_) => "connectivity",
                Kind::Bias => "bias",
                Kind::Delay(_) => "delay",
                Kind::Init(_) => "init",
                Kind::Sign(_) => "sign",
                Kind::NoSelf => "no_self",
                Kind::Frozen => "frozen",
                Kind::LearningRate(_) => "lr",
                Kind::Clip(_) => "clip",
            };
            let known =
                !matches!(&option.kind, Kind::Connectivity(call) if !CONNECTIVITY.contains(&call.name.name.as_str()));
            if let Some((_, first)) = seen.iter().find(|s| s.0 == name && known) {
                let message = match (&option.kind, &first.kind) {
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
                Kind::Connectivity(call) => connectivity(checker, call),
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
        let unknown = tree.options.iter().any(|o| matches!(o.kind, Kind::Connectivity(_)));
        if !unknown {
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
    checker.typing.fail(Diagnostic::error("E0513", expr.span, message).hint(hint))
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
        return checker.typing.fail(Diagnostic::error("E0513", span, message).hint(hint));
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
    checker.typing.fail(Diagnostic::error("E0513", span, message).hint("the smaller end stands first"))
}

const CONNECTIVITY: [&str; 7] = ["dense", "one_to_one", "random", "fixed_indegree", "fixed_outdegree", "conv", "pool"];

fn connectivity(checker: &mut Checker, call: &Call) {
    let name = call.name.name.as_str();
    let diagnostic = match name {
        "dense" if call.arguments.is_empty() => return,
        "dense" => Diagnostic::error("E0208", call.span, "expected no arguments of `dense`").hint("write `dense`"),
        _ if CONNECTIVITY.contains(&name) => {
            Diagnostic::not_supported(call.span, format!("the connectivity `{name}`")).hint("this version has `dense`")
        }
        _ => {
            let words = ["bias", "delay", "init", "sign", "no_self", "frozen", "lr", "clip"];
            let message = format!("expected an option of a projection, found `{name}`");
            let near = match name {
                "all_to_all" | "full" | "fully_connected" | "linear" | "Linear" | "all" => Some("dense"),
                _ => closest(name, CONNECTIVITY.into_iter().chain(words)),
            };
            Diagnostic::error("E0507", call.name.span, message).hint(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the options are `dense`, `{}`", words.join("`, `")),
            })
        }
    };
    checker.typing.diagnostics.push(diagnostic);
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
    (fan_in, fan_out): (usize, usize),
) -> Option<Initialiser> {
    let mut scope = Scope::new();
    scope.insert("fan_in".into(), Entry::Constant(fan_in as f64, Dimension::NONE));
    scope.insert("fan_out".into(), Entry::Constant(fan_out as f64, Dimension::NONE));
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
                None => format!("there are `{}`", all.join("`, `")),
            };
            typing.fail(Diagnostic::error("E0511", call.name.span, message).hint(hint))
        }
    })
}

fn default_initialiser(unit: Dimension, fan_in: usize) -> (Initialiser, String) {
    let high = 1.0 / (fan_in.max(1) as f64).sqrt();
    let one = super::remedy::with_unit("1", unit);
    (Initialiser::Uniform { low: -high, high }, format!("uniform(-{one}/sqrt(fan_in), {one}/sqrt(fan_in))"))
}

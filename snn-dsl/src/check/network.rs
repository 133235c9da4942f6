//! A network: times, sizes, layers and their models.

use super::dimension::Dimension;
use super::evaluate::{Interval, bounds};
use super::neuron::{Checked, interval};
use super::program::{Population, ProgramBuilder};
use super::scope::{Context, Entry, Names, Scope};
use super::spike::{not_positive, scale_bounds};
use super::typing::Typing;
use super::{losses, order, projection, values};
use crate::diagnostic::suggest::closest;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{ExprId, Leaf, number as number_text};
use crate::model;
use crate::source::Span;
use crate::syntax::tree::{self, Expr, Network, NetworkStatement, Simulate};
use std::collections::{BTreeMap, BTreeSet};

/// Larger populations are taken for a slip.
const LARGEST: f64 = 1e7;
/// More steps are refused by the runtime: it counts them with 32 bits.
const MOST_STEPS: usize = 1 << 28;

/// A layer with its model; `None` if that is not known, which has been reported.
pub(super) struct CheckedLayer<'a> {
    pub layer: model::Layer,
    pub checked: Option<&'a Checked>,
}

/// The state of the check of one network.
pub(super) struct Checker<'a> {
    pub typing: Typing<'a>,
    pub tree: &'a Network,
    pub neurons: &'a [Checked],
    pub inputs: Vec<model::Input>,
    pub targets: Vec<model::Target>,
    pub layers: Vec<CheckedLayer<'a>>,
    /// Where inputs and layers are, by name.
    pub sources: BTreeMap<String, model::Source>,
    /// Names whose statement is wrong, which has been reported.
    pub poisoned: BTreeSet<String>,
}

/// A checked network and what it observes: models by index, with the states that are read.
pub(super) struct Outcome {
    pub network: model::Network,
    pub observed: Vec<(usize, model::Observable)>,
    pub diagnostics: Diagnostics,
}

/// Checks one network of the user's text.
pub(super) fn check<'a>(context: Context<'a>, neurons: &'a [Checked], tree: &'a Network) -> Option<Outcome> {
    let typing = Typing::new(context.sources, context.texts.first()?, Scope::new());
    let poisoned = BTreeSet::new();
    let mut checker = Checker {
        typing,
        tree,
        neurons,
        inputs: Vec::new(),
        targets: Vec::new(),
        layers: Vec::new(),
        sources: BTreeMap::new(),
        poisoned,
    };
    let time = simulate(&mut checker);
    let dt = time.map(|t| t.0);
    declare(&mut checker, dt);
    let mut projections = projection::check(&mut checker);
    order::check(&mut checker, &mut projections);
    distinct_tensors(&mut checker, &projections);
    checker.populate(time);
    let program = losses::check(&mut checker.typing, &tree.statements);
    let observed = checker.typing.program.as_mut().map(|p| std::mem::take(&mut p.observed)).unwrap_or_default();
    let model_of = |layer: usize| checker.layers.get(layer).map(|l| l.layer.neuron);
    let observed = observed.into_iter().filter_map(|(layer, o)| Some((model_of(layer)?, o))).collect();
    let program = losses::finish(&mut checker.typing, program);
    let (dt, steps) = time.unwrap_or((1.0, 1));
    let dt_of = |s: &NetworkStatement| match s {
        NetworkStatement::Simulate(line) => Some(line.dt.span),
        _ => None,
    };
    let dt_span = tree.statements.iter().find_map(dt_of).unwrap_or(tree.name.span);
    let network = model::Network {
        name: tree.name.name.clone(),
        docs: tree.docs.clone(),
        span: tree.name.span,
        dt,
        dt_span,
        steps,
        inputs: checker.inputs,
        targets: checker.targets,
        layers: checker.layers.into_iter().map(|l| l.layer).collect(),
        projections: projections.into_iter().map(|p| p.projection).collect(),
        program,
    };
    Some(Outcome { network, observed, diagnostics: checker.typing.diagnostics })
}

/// `a_to_b_exc.weight` is the name of the weights of `a -> b.exc`; a layer `a_to_b_exc` must have no such parameter.
fn distinct_tensors(checker: &mut Checker, projections: &[projection::CheckedProjection]) {
    for layer in &checker.layers {
        let Some(checked) = layer.checked else { continue };
        let Some(found) = projections.iter().find(|p| p.projection.name == layer.layer.name) else { continue };
        let stored = |p: &&model::Parameter| p.trainable || p.per_neuron;
        let clash = checked.neuron.parameters.iter().filter(stored).find(|p| {
            let name = p.quantity.name.as_str();
            name == "weight" || name == "bias" && found.projection.bias
        });
        let Some(parameter) = clash else { continue };
        let tensor = format!("{}.{}", layer.layer.name, parameter.quantity.name);
        let message =
            format!("the parameter `{tensor}` would have the name of a tensor of `{}`", found.projection.text);
        let diagnostic = Diagnostic::error("E0202", layer.layer.span, message);
        checker.typing.diagnostics.push(diagnostic.hint("trained numbers are saved by their names: rename the layer"));
    }
}

/// The time step in ms and the number of steps.
fn simulate(checker: &mut Checker) -> Option<(f64, usize)> {
    let tree = checker.tree;
    let mut lines = tree.statements.iter().filter_map(|s| match s {
        NetworkStatement::Simulate(line) => Some(line),
        _ => None,
    });
    let Some(first) = lines.next() else {
        let message = format!("network `{}` has no `simulate` line", tree.name.name);
        return checker
            .typing
            .fail(Diagnostic::error("E0501", tree.name.span, message).hint("write `simulate dt = 1 ms, for 100 ms`"));
    };
    for line in lines {
        checker.typing.diagnostics.push(
            Diagnostic::error("E0501", line.keyword, "expected one `simulate` line, found a second one")
                .also(first.keyword, "the first one")
                .hint("remove one of them"),
        );
    }
    times(&mut checker.typing, first)
}

fn times<'a>(typing: &mut Typing<'a>, line: &'a Simulate) -> Option<(f64, usize)> {
    let mut positive = |expr: &'a Expr, what: &str| {
        let value = typing.constant_of(expr, Dimension::TIME, what)?;
        if value > 0.0 {
            return Some(value);
        }
        let message = format!("expected {what} above 0, found {} ms", number_text(value));
        typing.fail(Diagnostic::error("E0502", expr.span, message).hint("write e.g. `simulate dt = 1 ms, for 100 ms`"))
    };
    let dt = positive(&line.dt, "the time step");
    let duration = positive(&line.duration, "the length of the simulation");
    let (dt, duration) = (dt?, duration?);
    let steps = (duration / dt).round();
    let whole = (duration / dt - steps).abs() <= 1e-6 * steps.max(1.0);
    if steps < 1.0 || !whole {
        let near = (steps.max(1.0)) * dt;
        let message = format!(
            "expected a whole number of steps, found {} ms / {} ms = {}",
            number_text(duration),
            number_text(dt),
            number_text((duration / dt * 1e3).round() / 1e3)
        );
        return typing.fail(
            Diagnostic::error("E0502", line.duration.span, message)
                .hint(format!("write `for {} ms`", number_text(near))),
        );
    }
    if steps > MOST_STEPS as f64 {
        let message = format!("expected at most {MOST_STEPS} steps, found {}", number_text(steps));
        let hint = "make `dt` larger, or the simulation shorter";
        return typing.fail(Diagnostic::error("E0502", line.duration.span, message).hint(hint));
    }
    Some((dt, steps as usize))
}

/// Inputs, targets, layers; `let` names wait for their line.
fn declare(checker: &mut Checker, dt: Option<f64>) {
    let mut names = Names::default();
    for statement in &checker.tree.statements {
        let (name, entry) = match statement {
            NetworkStatement::Input(i) => (&i.name, forbidden("input", &i.name.name)),
            NetworkStatement::Target(t) => (&t.name, forbidden("target", &t.name.name)),
            NetworkStatement::Layer(l) => (&l.name, forbidden("layer", &l.name.name)),
            NetworkStatement::Let(l) => {
                let message = format!("`{}` is defined further down", l.name.name);
                (
                    &l.name,
                    Entry::Forbidden(message, Some("a `let` is visible to the lines below it: move it up".into())),
                )
            }
            NetworkStatement::Unsupported(words) => {
                let what = super::neuron::named(&words.name);
                checker.typing.diagnostics.push(Diagnostic::not_supported(words.span, what));
                continue;
            }
            _ => continue,
        };
        let free = names.declare(name, &mut checker.typing.diagnostics);
        let sound = match statement {
            NetworkStatement::Input(tree) => checker.input(tree, free),
            NetworkStatement::Target(tree) => checker.target(tree, free),
            NetworkStatement::Layer(tree) => checker.layer(tree, free, dt),
            _ => Some(()),
        };
        if sound.is_none() {
            checker.poisoned.insert(name.name.clone());
        }
        if free {
            let entry = if sound.is_none() { Entry::Poisoned } else { entry };
            checker.typing.scope.insert(name.name.clone(), entry);
        }
    }
    let message = "expected a value of the losses, found `dt`".to_string();
    checker.typing.scope.insert("dt".into(), Entry::Forbidden(message, Some("write the time step as a number".into())));
    checker.typing.scope.insert("t".into(), Entry::Unsupported("the time `t`"));
}

/// The values that an expression takes in a layer. What the layer sets counts as it is, and not as the range in which
/// it may lie.
fn layer_values(neuron: &model::Neuron, root: ExprId, values: &[(usize, model::Value)]) -> Interval {
    bounds(&neuron.arena, root, |leaf| match leaf {
        Leaf::Parameter(i) => match values.iter().find(|v| v.0 == usize::from(i)).map(|v| v.1) {
            Some(model::Value::Constant(value)) => Interval::point(value),
            _ => neuron.parameters.get(usize::from(i)).map_or(Interval::ALL, |p| interval(p, p.value)),
        },
        Leaf::Dt => Interval::new(f64::MIN_POSITIVE, f64::INFINITY),
        _ => Interval::ALL,
    })
}

/// The place of the argument of a layer on which an expression of its neuron depends; the whole call if there are more.
fn argument_of(call: &tree::Call, neuron: &model::Neuron, root: ExprId) -> Span {
    let reads = |name: &str| {
        let index = neuron.parameters.iter().position(|p| p.quantity.name == name);
        index.is_some_and(|i| neuron.arena.depends_on(root, Leaf::Parameter(i as u16)))
    };
    let mut given = call.arguments.iter().filter(|a| a.name.as_ref().is_some_and(|n| reads(&n.name)));
    match (given.next(), given.next()) {
        (Some(one), None) => one.value.span,
        _ => call.span,
    }
}

fn forbidden(what: &str, name: &str) -> Entry {
    let hint = match what {
        "layer" => format!("read one of its states or its spikes: `{name}.spike`"),
        "target" => format!("compare with it: `cross_entropy(y, {name})` or `mse(y, {name})`"),
        _ => "only layers can be read".to_string(),
    };
    Entry::Forbidden(format!("expected a value, found the {what} `{name}`"), Some(hint))
}

impl<'a> Checker<'a> {
    fn size(&mut self, expr: &'a Expr, what: &str) -> Option<usize> {
        let found = self.typing.constant_of(expr, Dimension::NONE, what)?;
        if (1.0..=LARGEST).contains(&found) && found.fract() == 0.0 {
            return Some(found as usize);
        }
        let message = format!("expected a whole number from 1 to 10000000 for {what}, found {}", number_text(found));
        self.typing.fail(Diagnostic::error("E0503", expr.span, message).hint("write a whole number, e.g. `[100]`"))
    }

    fn input(&mut self, tree: &'a tree::Input, free: bool) -> Option<()> {
        let size = self.size(&tree.size, "the size of an input");
        if tree.kind.name != "spikes" {
            let diagnostic = match tree.kind.name.as_str() {
                "values" | "current" | "currents" | "rates" | "poisson" | "events" => {
                    Diagnostic::not_supported(tree.kind.span, format!("an input of kind `{}`", tree.kind.name))
                }
                other => {
                    Diagnostic::error("E0504", tree.kind.span, format!("expected a kind of input, found `{other}`"))
                }
            };
            self.typing.diagnostics.push(diagnostic.hint("write `spikes`"));
        }
        let size = size?;
        if free {
            self.sources.insert(tree.name.name.clone(), model::Source::Input(self.inputs.len()));
            self.inputs.push(model::Input { name: tree.name.name.clone(), size });
        }
        Some(())
    }

    fn target(&mut self, tree: &'a tree::Target, free: bool) -> Option<()> {
        let size = self.size(&tree.size, "the size of a target");
        let is_class = match tree.kind.name.as_str() {
            "class" => true,
            "values" => false,
            other => {
                let message = format!("expected `class` or `values`, found `{other}`");
                let near = closest(other, ["class", "values"].into_iter());
                let hint = near.map_or("`class[10]` is one of 10, `values[10]` are 10 numbers".into(), |n| {
                    format!("did you mean `{n}`?")
                });
                return self.typing.fail(Diagnostic::error("E0504", tree.kind.span, message).hint(hint));
            }
        };
        let size = size?;
        if free {
            self.targets.push(model::Target { name: tree.name.name.clone(), is_class, size });
        }
        Some(())
    }

    fn layer(&mut self, tree: &'a tree::Layer, free: bool, dt: Option<f64>) -> Option<()> {
        let size = self.size(&tree.size, "the size of a layer");
        let neuron = self.model(&tree.model);
        // Of a model that is too large nothing is known.
        let neuron = neuron.filter(|(_, checked)| !checked.too_large);
        let values = neuron.map(|(_, checked)| self.arguments(&tree.model, checked, dt)).unwrap_or_default();
        let (size, (neuron, checked)) = (size?, neuron?);
        if free {
            self.sources.insert(tree.name.name.clone(), model::Source::Layer(self.layers.len()));
            let layer = model::Layer { name: tree.name.name.clone(), span: tree.name.span, size, neuron, values };
            self.layers.push(CheckedLayer { layer, checked: Some(checked) });
        }
        Some(())
    }

    fn model(&mut self, call: &'a tree::Call) -> Option<(usize, &'a Checked)> {
        let name = call.name.name.as_str();
        let found = self.neurons.iter().position(|c| c.neuron.name == name);
        if let Some(index) = found {
            return Some((index, self.neurons.get(index)?));
        }
        let message = format!("expected a neuron model, found `{name}`");
        let own = self.neurons.iter().map(|c| c.neuron.name.as_str());
        let near = self.typing.near(name, own.chain(crate::library::neuron_names().iter().copied()));
        let diagnostic = Diagnostic::error("E0209", call.name.span, message);
        self.typing.fail(match near {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => {
                diagnostic.hint(format!("define it: `neuron {name} {{ ... }}`, or use one of the library, e.g. `LIF`"))
            }
        })
    }

    /// The parameters that a layer sets.
    fn arguments(&mut self, call: &'a tree::Call, checked: &'a Checked, dt: Option<f64>) -> Vec<(usize, model::Value)> {
        let neuron = &checked.neuron;
        let mut values: Vec<(usize, model::Value)> = Vec::new();
        let mut seen: Vec<(usize, Span)> = Vec::new();
        let names = || neuron.parameters.iter().map(|p| p.quantity.name.as_str());
        for argument in &call.arguments {
            let Some(name) = &argument.name else {
                let example = names().next().unwrap_or("tau");
                let text = self.typing.text(argument.value.span);
                let message = format!("expected a named parameter of `{}`, found a value", neuron.name);
                self.typing.diagnostics.push(
                    Diagnostic::error("E0211", argument.value.span, message)
                        .hint(format!("write e.g. `{example} = {text}`")),
                );
                continue;
            };
            let Some(index) = names().position(|n| n == name.name) else {
                let message = format!("expected a parameter of `{}`, found `{}`", neuron.name, name.name);
                let list = names().collect::<Vec<_>>().join("`, `");
                self.typing.diagnostics.push(Diagnostic::error("E0211", name.span, message).hint(
                    match self.typing.near(&name.name, names()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if list.is_empty() => "it has no parameters".into(),
                        None => format!("it has `{list}`"),
                    },
                ));
                continue;
            };
            if let Some((_, first)) = seen.iter().find(|s| s.0 == index) {
                let message = format!("parameter `{}` is given twice", name.name);
                self.typing.diagnostics.push(
                    Diagnostic::error("E0211", name.span, message)
                        .also(*first, "first here")
                        .hint("remove one of them"),
                );
                continue;
            }
            seen.push((index, name.span));
            let Some(parameter) = neuron.parameters.get(index) else { continue };
            let known = (!checked.poisoned.contains(&name.name)).then_some(parameter.quantity.dimension);
            let what = format!("parameter `{}`", name.name);
            let value = self.typing.within(Scope::new(), |t| values::value(t, &argument.value, known, &what));
            let (Some((value, _)), Some(_)) = (value, known) else { continue };
            values::in_range(&mut self.typing, parameter, value, argument.value.span);
            if !matches!(value, model::Value::Constant(_)) && !parameter.per_neuron {
                let message = format!("expected a constant for `{}`, found a distribution", name.name);
                self.typing.diagnostics.push(
                    Diagnostic::error("E0405", argument.value.span, message)
                        .also(parameter.quantity.span, "one value for the whole layer")
                        .hint(format!("declare the parameter `per neuron` in `{}`", neuron.name)),
                );
            }
            if parameter.per_neuron || matches!(value, model::Value::Constant(_)) {
                values.push((index, value));
            }
        }
        if self.typing.spend(6 * checked.weight, call.span).is_some() {
            self.consequences(call, neuron, &values, dt);
        }
        values
    }

    /// What was proved of the model must also hold with the layer's values.
    fn consequences(
        &mut self,
        call: &tree::Call,
        neuron: &model::Neuron,
        values: &[(usize, model::Value)],
        dt: Option<f64>,
    ) {
        if let Some(spike) = &neuron.spike {
            let range = scale_bounds(&neuron.arena, spike.scale, neuron, values);
            let before = || scale_bounds(&neuron.arena, spike.scale, neuron, &[]);
            if range.low <= 0.0 && before().low > 0.0 {
                let dimension = neuron.states.iter().map(|s| s.quantity.dimension);
                let lhs = neuron.arena.leaves(spike.lhs);
                let state = lhs.iter().find_map(|l| if let Leaf::State(i) = l { Some(usize::from(*i)) } else { None });
                let dimension = state.and_then(|s| dimension.clone().nth(s)).unwrap_or_default();
                let diagnostic = not_positive(call.span, range, dimension).label("with these parameters");
                self.typing.diagnostics.push(diagnostic);
            }
        }
        for state in &neuron.states {
            let is_zero = |values| {
                let factor = layer_values(neuron, state.coefficient, values);
                factor.low == 0.0 && factor.high == 0.0
            };
            if is_zero(values) && !is_zero(&[]) {
                let name = &state.quantity.name;
                let message = format!("expected a factor of `d{name}/dt` that is not 0");
                let diagnostic = Diagnostic::error("E0404", argument_of(call, neuron, state.coefficient), message)
                    .label("with this it is 0")
                    .hint("give the layer another value");
                self.typing.diagnostics.push(diagnostic);
            }
        }
        let at = neuron.refractory.as_ref().map_or(call.span, |r| argument_of(call, neuron, r.duration));
        if let Some(refractory) = &neuron.refractory {
            let range = layer_values(neuron, refractory.duration, values);
            if range.high <= 0.0 {
                let message = format!("expected a positive refractory period, found {} ms", number_text(range.high));
                let diagnostic = Diagnostic::error("E0416", at, message).label("with this value");
                self.typing.diagnostics.push(diagnostic.hint("give a time of at least one step"));
            }
        }
        if let (Some(refractory), Some(dt)) = (&neuron.refractory, dt) {
            let range = scale_bounds(&neuron.arena, refractory.duration, neuron, values);
            if range.high > 0.0 && range.high < 0.5 * dt {
                let message = format!(
                    "expected a refractory period of at least one step of {} ms, found {} ms",
                    number_text(dt),
                    number_text(range.high)
                );
                self.typing
                    .diagnostics
                    .push(Diagnostic::error("E0416", at, message).hint("make it longer, or `dt` smaller"));
            }
        }
    }

    /// Prepares the check of the losses, for which layers have their final places.
    fn populate(&mut self, time: Option<(f64, usize)>) {
        let population = |l: &CheckedLayer<'a>| Population {
            name: l.layer.name.clone(),
            size: l.layer.size,
            neuron: l.checked.filter(|c| c.sound).map(|c| &c.neuron),
        };
        let mut populations: Vec<Population> = self.layers.iter().map(population).collect();
        // Wrong layers keep their names, so that reading them says nothing more.
        let known: BTreeSet<String> = populations.iter().map(|p| p.name.clone()).collect();
        let wrong = self.poisoned.iter().filter(|n| !known.contains(*n)).cloned();
        populations.extend(wrong.map(|name| Population { name, size: 0, neuron: None }));
        let mut program = ProgramBuilder::new(populations);
        program.targets = self.targets.clone();
        program.poisoned = self.poisoned.clone();
        program.duration = time.map_or(f64::INFINITY, |(dt, steps)| dt * steps as f64);
        program.dt = time.map(|t| t.0);
        self.typing.program = Some(program);
    }
}

//! Losses and readouts: expressions over the axes time and neuron, as nodes of an array program.
//!
//! While expressions are checked, `Argument(k)` in the arena is the array of node k. Elementwise operations build up in
//! the arena and become one `Map` where a reduction, a loss or a readout needs them as an array.

use super::budget::WRITTEN;
use super::dimension::Dimension;
use super::scope::{Axes, Quantity, TimeAxis, Typed};
use super::typing::{Typing, number};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest::closest;
use crate::expr::{ExprId, Leaf, Node};
use crate::model::{self, Observable, ProgramNode, Reduction, Window};
use crate::source::Span;
use crate::syntax::tree::{Call, Expr, ExprKind, Ident};
use std::collections::{BTreeMap, BTreeSet};

/// The operations on axes.
pub(super) const OPERATIONS: [&str; 12] = [
    "max_t",
    "mean_t",
    "sum_t",
    "last_t",
    "first_spike_t",
    "sum_n",
    "mean_n",
    "max_n",
    "mean_b",
    "cross_entropy",
    "mse",
    "before_reset",
];

/// The most arrays of a network: expressions count them with 16 bits.
const ARRAYS: usize = 10_000;

/// True for an operation on axes.
pub(super) fn is_operation(name: &str) -> bool {
    OPERATIONS.contains(&name)
}

/// A layer as losses and readouts see it.
#[derive(Clone, Debug)]
pub(super) struct Population<'a> {
    pub name: String,
    pub size: usize,
    /// `None` if its model is wrong, which has been reported.
    pub neuron: Option<&'a model::Neuron>,
}

/// The nodes found so far.
#[derive(Debug, Default)]
pub(super) struct ProgramBuilder<'a> {
    pub populations: Vec<Population<'a>>,
    pub targets: Vec<model::Target>,
    /// Names whose statement is wrong, which has been reported.
    pub poisoned: BTreeSet<String>,
    /// The length of the simulation in ms; infinite if it is wrong, which has been reported.
    pub duration: f64,
    /// The time step in ms, likewise.
    pub dt: Option<f64>,
    pub nodes: Vec<ProgramNode>,
    /// The axes of the nodes that expressions read.
    axes: BTreeMap<usize, Axes>,
    /// Where each node is, by its text.
    places: BTreeMap<String, usize>,
    /// Where each population is, by its name.
    layers: BTreeMap<String, usize>,
    /// Layers and states that were read.
    pub observed: Vec<(usize, Observable)>,
}

impl<'a> ProgramBuilder<'a> {
    /// Nothing but populations, by whose names their states are read.
    pub(super) fn new(populations: Vec<Population<'a>>) -> Self {
        // The first of a name counts.
        let names = populations.iter().enumerate().rev();
        let layers = names.map(|(i, p)| (p.name.clone(), i)).collect();
        Self { populations, layers, ..Self::default() }
    }

    /// What to write for a state's bare name.
    pub(super) fn state_hint(&self, name: &str) -> Option<String> {
        let has = |p: &&Population| p.neuron.is_some_and(|n| n.states.iter().any(|s| s.quantity.name == name));
        let population = self.populations.iter().find(has)?;
        Some(format!("a state is read from its layer: `{}.{name}`", population.name))
    }

    /// The same for the first of them in an expression: there `V` was taken for the volt.
    pub(super) fn state_hint_in(&self, expr: &Expr) -> Option<String> {
        super::functions::parts(expr).into_iter().find_map(|part| match &part.kind {
            ExprKind::Name(name) => self.state_hint(name),
            _ => None,
        })
    }

    fn node(&mut self, node: ProgramNode) -> usize {
        *self.places.entry(format!("{node:?}")).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }

    /// Simplification may have taken away what gave an expression its axes, as in `0*out.V`. Then this is an array that
    /// has those which the inputs lack, to be repeated along; the inner `None` if they lack none.
    #[allow(clippy::option_option, reason = "there may be no such array, and it may not be needed")]
    fn witness(&self, inputs: &[usize], axes: Axes) -> Option<Option<usize>> {
        let of = |node: &usize| self.axes.get(node).copied().unwrap_or_default();
        let has = |test: fn(&Axes) -> bool| inputs.iter().any(|node| test(&of(node)));
        let time = axes.time.filter(|_| !has(|a| a.time.is_some()));
        let neurons = axes.neurons.filter(|_| !has(|a| a.neurons.is_some()));
        if time.is_none() && neurons.is_none() && !inputs.is_empty() {
            return Some(None);
        }
        let fits = |a: &Axes| {
            let within = (a.time.is_none() || a.time == axes.time) && (a.neurons.is_none() || axes.neurons.is_some());
            within && (time.is_none() || a.time == time) && (neurons.is_none() || a.neurons.is_some())
        };
        let size = |layer: Option<usize>| layer.map(|l| self.size(l));
        let same_size = |a: &Axes| a.neurons.is_none() || size(a.neurons) == size(axes.neurons);
        self.axes.iter().find(|(_, a)| fits(a) && same_size(a)).map(|(node, _)| Some(*node))
    }

    fn size(&self, layer: usize) -> usize {
        self.populations.get(layer).map_or(0, |p| p.size)
    }

    fn name(&self, layer: usize) -> &str {
        self.populations.get(layer).map_or("", |p| p.name.as_str())
    }
}

impl<'a> Typing<'a> {
    /// The axes of an elementwise operation on two arrays.
    pub(super) fn broadcast(&mut self, a: Axes, a_span: Span, b: Axes, b_span: Span) -> Option<Axes> {
        if let (Some(x), Some(y), Some(program)) = (a.neurons, b.neurons, &self.program) {
            let (m, n) = (program.size(x), program.size(y));
            if m != n {
                let (first, second) = (program.name(x).to_string(), program.name(y).to_string());
                return self.fail(
                    Diagnostic::error(
                        "E0603",
                        b_span,
                        format!("expected {m} neurons as in `{first}`, found {n} of `{second}`"),
                    )
                    .label(format!("over the neurons of `{second}`"))
                    .also(a_span, format!("over the neurons of `{first}`"))
                    .hint("reduce one of them first, e.g. with `mean_n(...)`"),
                );
            }
        }
        if let (Some(x), Some(y)) = (a.time, b.time)
            && x != y
        {
            return self.fail(
                Diagnostic::error("E0603", b_span, "expected the same window of time, found another one")
                    .also(a_span, "over this window"),
            );
        }
        Some(Axes { time: a.time.or(b.time), neurons: a.neurons.or(b.neurons), samples: a.samples || b.samples })
    }

    /// `POP.x`
    pub(super) fn field(&mut self, owner: &'a Ident, field: &'a Ident, span: Span) -> Option<Typed> {
        let (layer, observable, dimension) = self.observable(owner, field, span)?;
        self.observe(layer, observable, dimension, span)
    }

    /// `before_reset(POP.x)`
    fn before_reset(&mut self, call: &'a Call) -> Option<Typed> {
        let (arguments, _) = self.operands(call, 1, false)?;
        let argument = *arguments.first()?;
        let expected = "expected a state of a layer for `before_reset`";
        let hint = "write `before_reset(LAYER.STATE)` for each state that is meant";
        let ExprKind::Field(owner, field) = &argument.kind else {
            self.number(argument, None)?;
            let message = format!("{expected}, found `{}`", self.text(argument.span));
            return self.fail(Diagnostic::error("E0609", argument.span, message).hint(hint));
        };
        let (layer, observable, dimension) = self.observable(owner, field, argument.span)?;
        let Observable::State(state) = observable else {
            let message = format!("{expected}, found its spikes");
            return self.fail(Diagnostic::error("E0609", argument.span, message).hint(hint));
        };
        let program = self.program.as_mut()?;
        program.observed.push((layer, observable));
        let neuron = program.populations.get(layer)?.neuron?;
        let resets = neuron.spike.iter().flat_map(|spike| &spike.reset).any(|assign| assign.state == state);
        // What no reset changes is the state itself; else see `super::outputs`.
        let observable = if resets { Observable::Output(state) } else { observable };
        self.observe(layer, observable, dimension, call.span)
    }

    /// What `POP.x` looks at: the layer, what of it, and what that measures.
    fn observable(&mut self, owner: &'a Ident, field: &'a Ident, span: Span) -> Option<(usize, Observable, Dimension)> {
        let Some(program) = &self.program else {
            return self.fail(
                Diagnostic::error("E0212", span, format!("expected a name, found `{}.{}`", owner.name, field.name))
                    .hint("only a network has layers whose states can be read"),
            );
        };
        let Some(&layer) = program.layers.get(&owner.name) else {
            let names = program.populations.iter().map(|p| p.name.as_str());
            let near = self.near(&owner.name, names).map(str::to_string);
            let diagnostic =
                Diagnostic::error("E0201", owner.span, format!("expected a layer, found `{}`", owner.name));
            return self.fail(match near {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None if self.scope.contains_key(&owner.name) => {
                    diagnostic.hint("only the states and spikes of layers can be read")
                }
                None => diagnostic.hint("the layers are the names after `layer`"),
            });
        };
        let population = program.populations.get(layer)?;
        let neuron = population.neuron?;
        if let Some(state) = neuron.states.iter().position(|s| s.quantity.name == field.name) {
            let dimension = neuron.states.get(state)?.quantity.dimension;
            return Some((layer, Observable::State(state), dimension));
        }
        if field.name == "spike" {
            if neuron.spike.is_none() {
                let message =
                    format!("expected a layer that spikes, found `{}` of neurons `{}`", owner.name, neuron.name);
                return self
                    .fail(Diagnostic::error("E0608", span, message).hint("its model has no `spike when` statement"));
            }
            return Some((layer, Observable::Spikes, Dimension::NONE));
        }
        if neuron.parameters.iter().any(|p| p.quantity.name == field.name) {
            return self.fail(Diagnostic::not_supported(span, "reading a parameter of a layer"));
        }
        let names: Vec<&str> = neuron.states.iter().map(|s| s.quantity.name.as_str()).chain(["spike"]).collect();
        let message = format!("expected a state of `{}` or `spike`, found `{}`", neuron.name, field.name);
        let diagnostic = Diagnostic::error("E0212", field.span, message);
        self.fail(match closest(&field.name, names.iter().copied()) {
            Some(near) => diagnostic.hint(format!("did you mean `{}.{near}`?", owner.name)),
            None => diagnostic.hint(format!("it has `{}`", names.join("`, `"))),
        })
    }

    fn observe(&mut self, layer: usize, observable: Observable, dimension: Dimension, span: Span) -> Option<Typed> {
        let axes = Axes { time: Some(TimeAxis::WHOLE), neurons: Some(layer), samples: true };
        let program = self.program.as_mut()?;
        program.observed.push((layer, observable));
        let node = program.node(ProgramNode::Observe { layer, observable });
        self.array(node, dimension, axes, span)
    }

    /// The array of a node as an expression.
    fn array(&mut self, node: usize, dimension: Dimension, axes: Axes, span: Span) -> Option<Typed> {
        let Some(index) = u16::try_from(node).ok().filter(|_| node < ARRAYS) else {
            let message =
                format!("expected at most {ARRAYS} arrays in the losses and readouts of a network, found more");
            let hint = "every state that is read, every reduction and every loss is an array: remove some of them";
            return self.fail(Diagnostic::error("E0311", span, message).hint(hint));
        };
        self.program.as_mut()?.axes.insert(node, axes);
        Some(number(self.arena.leaf(Leaf::Argument(index)), dimension, axes))
    }

    /// The node that holds the value of an expression with these axes.
    pub(super) fn materialise(&mut self, id: ExprId, axes: Axes, span: Span) -> Option<usize> {
        if let Node::Leaf(Leaf::Argument(node)) = self.arena.node(id)
            && self.program.as_ref()?.witness(&[usize::from(node)], axes) == Some(None)
        {
            return Some(usize::from(node));
        }
        // A `let` is computed again in every array that reads it.
        self.spend(WRITTEN * self.arena.bound(id), span)?;
        let leaves: Vec<Leaf> = self.arena.leaves(id).into_iter().collect();
        let mut inputs = Vec::new();
        let mut places = BTreeMap::new();
        for leaf in leaves {
            let Leaf::Argument(node) = leaf else { continue };
            let old = self.arena.leaf(leaf);
            let new = self.arena.leaf(Leaf::Argument(inputs.len() as u16));
            places.insert(old, new);
            inputs.push(usize::from(node));
        }
        if let Some(witness) = self.program.as_ref()?.witness(&inputs, axes)? {
            inputs.push(witness);
        }
        let function = self.arena.substitute(id, &places);
        let function = self.finished(function);
        Some(self.program.as_mut()?.node(ProgramNode::Map { inputs, function }))
    }

    /// A call of one of [`OPERATIONS`].
    pub(super) fn operation(&mut self, call: &'a Call) -> Option<Typed> {
        let name = call.name.name.as_str();
        if self.program.is_none() {
            let message = format!("expected a function of numbers, found `{name}`");
            return self.fail(
                Diagnostic::error("E0206", call.name.span, message)
                    .hint("it reduces arrays: use it in a `loss` or a `readout` of a network"),
            );
        }
        if name == "before_reset" {
            return self.before_reset(call);
        }
        let (compares, has_window) =
            (matches!(name, "cross_entropy" | "mse"), !name.ends_with("_n") && name != "mean_b");
        let (arguments, window) = self.operands(call, if compares { 2 } else { 1 }, has_window)?;
        let first = *arguments.first()?;
        let expected = compares.then_some(Dimension::NONE);
        let found = self.number(first, expected);
        if name == "mean_b" {
            return self.mean_of_samples(call, first, found?);
        }
        if compares {
            let target = arguments.get(1).copied().and_then(|t| self.target(t, name));
            return self.compare(call, (first, found?), target?, window?);
        }
        let (found, window) = (found?, window?);
        let reduction = match name.split('_').next() {
            Some("max") => Reduction::Max,
            Some("mean") => Reduction::Mean,
            Some("sum") => Reduction::Sum,
            Some("first") => Reduction::First,
            _ => Reduction::Last,
        };
        let over_time = has_window;
        let lacking = if over_time { found.axes.time.is_none() } else { found.axes.neurons.is_none() };
        if lacking {
            let axis = if over_time { "time" } else { "neuron" };
            let message = format!("expected an array with {axis} axis for `{name}`, found one without");
            let is_constant = !self.arena.reads_anything(found.id);
            let state = self.program.as_ref().filter(|_| is_constant).and_then(|p| p.state_hint_in(first));
            let hint = state.unwrap_or_else(|| match (is_constant, over_time) {
                (true, _) => "this is a constant; read a layer, e.g. `out.V`".into(),
                (false, true) => "its time is reduced already".into(),
                (false, false) => "its neurons are reduced already".into(),
            });
            return self.fail(Diagnostic::error("E0602", first.span, message).hint(hint));
        }
        if over_time && (window != Window::default()) && found.axes.time != Some(TimeAxis::WHOLE) {
            return self.fail(Diagnostic::error("E0606", call.span, "expected one window, found a window of a window"));
        }
        let mut dimension = found.dimension;
        if reduction == Reduction::First {
            if !found.dimension.is_none() {
                let message = format!("expected spikes for `{name}`, found {}", found.dimension);
                let hint = "it takes numbers that are 1 at a spike and else 0, e.g. `first_spike_t(out.spike)`";
                return self.fail(Diagnostic::error("E0601", first.span, message).hint(hint));
            }
            if found.axes.time != Some(TimeAxis::WHOLE) {
                let message = format!("expected the whole time for `{name}`, found a window of it");
                let hint = format!("give the window to `{name}` itself, with `from` and `to`");
                return self.fail(Diagnostic::error("E0606", first.span, message).hint(hint));
            }
            dimension = Dimension::TIME;
        }
        let input = self.materialise(found.id, found.axes, call.span)?;
        let (node, axes) = if over_time {
            (ProgramNode::ReduceTime { input, reduction, window }, Axes { time: None, ..found.axes })
        } else {
            (ProgramNode::ReduceNeuron { input, reduction }, Axes { neurons: None, ..found.axes })
        };
        let node = self.program.as_mut()?.node(node);
        self.array(node, dimension, axes, call.span)
    }

    /// `mean_b(y)`
    fn mean_of_samples(&mut self, call: &'a Call, expr: &Expr, found: Quantity) -> Option<Typed> {
        if !found.axes.samples {
            let message = "expected an array with a value for every sample for `mean_b`, found one without";
            let hint = if self.arena.reads_anything(found.id) {
                "it is a mean over the samples already"
            } else {
                "this is a constant; read a layer, e.g. `out.V`"
            };
            return self.fail(Diagnostic::error("E0602", expr.span, message).hint(hint));
        }
        let input = self.materialise(found.id, found.axes, call.span)?;
        let node = self.program.as_mut()?.node(ProgramNode::MeanSamples { input });
        self.array(node, found.dimension, Axes { samples: false, ..found.axes }, call.span)
    }

    fn compare(
        &mut self,
        call: &'a Call,
        (expr, found): (&'a Expr, Quantity),
        target: usize,
        window: Window,
    ) -> Option<Typed> {
        let name = call.name.name.as_str();
        let declared = self.program.as_ref()?.targets.get(target)?;
        let (target_name, size, over_time) = (declared.name.clone(), declared.size, declared.over_time);
        if !found.dimension.is_none() {
            let what = if name == "mse" { "the output" } else { "the logits" };
            let message = format!("expected a number without unit for {what} of `{name}`, found {}", found.dimension);
            let diagnostic = Diagnostic::error("E0601", expr.span, message);
            let diagnostic = self.remedy(diagnostic, expr, found.dimension, Dimension::NONE);
            return self.fail(diagnostic);
        }
        let Some(layer) = found.axes.neurons else {
            let message = format!("expected an array with neuron axis for `{name}`, found one without");
            let hint = "every neuron is compared with its part of the target: do not reduce them before";
            return self.fail(Diagnostic::error("E0602", expr.span, message).hint(hint));
        };
        let program = self.program.as_ref()?;
        let neurons = program.size(layer);
        if neurons != size {
            let layer = program.name(layer);
            let message = format!("expected {size} neurons as in target `{target_name}`, found {neurons} of `{layer}`");
            let hint = format!("write `layer {layer}[{size}]`, or give the target the size {neurons}");
            return self.fail(Diagnostic::error("E0603", expr.span, message).hint(hint));
        }
        if over_time && found.axes.time.is_none() {
            let message =
                format!("expected an array with time axis, as target `{target_name}` is over time, found one without");
            let hint = "do not reduce its time before, or declare the target without `over time`";
            return self.fail(Diagnostic::error("E0602", expr.span, message).hint(hint));
        }
        if found.axes.time.is_none() && window != Window::default() {
            let message = format!("expected an array with time axis for the window of `{name}`, found one without");
            return self.fail(Diagnostic::error("E0602", expr.span, message).hint("remove `from` and `to`"));
        }
        if found.axes.time.is_some_and(|t| t != TimeAxis::WHOLE) && window != Window::default() {
            return self.fail(Diagnostic::error("E0606", call.span, "expected one window, found a window of a window"));
        }
        let time = match found.axes.time {
            Some(_) if window != Window::default() => Some(TimeAxis::window(window, program.dt, program.duration)),
            time => time,
        };
        let input = self.materialise(found.id, found.axes, call.span)?;
        let node = if name == "mse" {
            ProgramNode::MeanSquaredError { output: input, target, window }
        } else {
            ProgramNode::CrossEntropy { logits: input, target, window }
        };
        let node = self.program.as_mut()?.node(node);
        self.array(node, Dimension::NONE, Axes { time, neurons: None, samples: true }, call.span)
    }

    /// The positional arguments of an operation, and its window (`None` inside if that is wrong).
    fn operands(&mut self, call: &'a Call, arity: usize, has_window: bool) -> Option<(Vec<&'a Expr>, Option<Window>)> {
        let name = call.name.name.as_str();
        let mut positional = Vec::new();
        let (mut from, mut to): (Option<&Expr>, Option<&Expr>) = (None, None);
        for argument in &call.arguments {
            match &argument.name {
                None => positional.push(&argument.value),
                Some(n) if has_window && n.name == "from" && from.is_none() => from = Some(&argument.value),
                Some(n) if has_window && n.name == "to" && to.is_none() => to = Some(&argument.value),
                Some(n) if has_window && (n.name == "from" || n.name == "to") => {
                    let message = format!("`{}` is given twice", n.name);
                    return self.fail(Diagnostic::error("E0211", n.span, message));
                }
                Some(n) => {
                    let choice = if has_window { "`from` and `to`" } else { "none" };
                    let message = format!("expected a named argument of `{name}` ({choice}), found `{}`", n.name);
                    let diagnostic = Diagnostic::error("E0211", n.span, message);
                    let is_window = !has_window && (n.name == "from" || n.name == "to");
                    return self.fail(match is_window {
                        true => diagnostic.hint("a window belongs to a reduction of the time, such as `mean_t`"),
                        false => diagnostic.hint("remove it"),
                    });
                }
            }
        }
        if positional.len() != arity {
            let message = format!(
                "expected {arity} argument{} of `{name}`, found {}",
                if arity == 1 { "" } else { "s" },
                positional.len()
            );
            let diagnostic = Diagnostic::error("E0208", call.span, message);
            return self.fail(match name {
                "cross_entropy" | "mse" => diagnostic.hint(format!("write `{name}(y, target)`")),
                _ if has_window => diagnostic.hint(format!("a window is named: `{name}(y, from = 10 ms, to = 20 ms)`")),
                _ => diagnostic,
            });
        }
        let window = self.window(from, to);
        Some((positional, window))
    }

    fn window(&mut self, from: Option<&'a Expr>, to: Option<&'a Expr>) -> Option<Window> {
        let (duration, dt) = self.program.as_ref().map(|p| (p.duration, p.dt))?;
        let mut sound = true;
        let mut end = |this: &mut Self, expr: Option<&'a Expr>, what: &str| {
            let expr = expr?;
            let value = this.constant_of(expr, Dimension::TIME, what);
            let inside = value.filter(|v| (0.0..=duration).contains(v));
            if let (Some(v), None) = (value, inside) {
                let message = format!("expected a time from 0 ms to {duration} ms, found {v} ms");
                this.diagnostics.push(Diagnostic::error("E0606", expr.span, message).label("outside the simulation"));
            }
            sound &= inside.is_some();
            inside
        };
        let window =
            Window { from: end(self, from, "the begin of a window"), to: end(self, to, "the end of a window") };
        let (low, high) = (window.from.unwrap_or(0.0), window.to.unwrap_or(duration));
        let step = |time: f64| dt.map(|dt| (time / dt).round());
        if sound && low < high && dt.is_some() && step(low) >= step(high) {
            let span = from.or(to)?.span;
            let message = format!("expected a window that holds a step, found {low} ms .. {high} ms");
            return self.fail(Diagnostic::error("E0606", span, message).hint("windows end at whole steps"));
        }
        if sound && low >= high {
            let span = from.or(to)?.span;
            let message = format!("expected a window that begins before it ends, found {low} ms .. {high} ms");
            return self.fail(Diagnostic::error("E0606", span, message));
        }
        sound.then_some(window)
    }

    fn target(&mut self, expr: &'a Expr, operation: &str) -> Option<usize> {
        let program = self.program.as_ref()?;
        let ExprKind::Name(name) = &expr.kind else {
            return self.fail(Diagnostic::error("E0605", expr.span, "expected the name of a target"));
        };
        if program.poisoned.contains(name) {
            return None;
        }
        let Some(index) = program.targets.iter().position(|t| t.name == *name) else {
            let near = self.near(name, program.targets.iter().map(|t| t.name.as_str())).map(str::to_string);
            let diagnostic = Diagnostic::error("E0605", expr.span, format!("expected a target, found `{name}`"));
            return self.fail(match near {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None if operation == "mse" => diagnostic.hint(format!("declare it: `target {name} : values[10]`")),
                None => diagnostic.hint(format!("declare it: `target {name} : class[10]`")),
            });
        };
        let target = program.targets.get(index)?;
        let wants_class = operation != "mse";
        if target.is_class != wants_class {
            let (wanted, other) = if wants_class { ("class", "mse") } else { ("values", "cross_entropy") };
            let found = if target.is_class { "class" } else { "values" };
            let message = format!("expected a target of kind `{wanted}` for `{operation}`, found `{found}`");
            let hint = format!("use `{other}`, or declare `target {name} : {wanted}[{}]`", target.size);
            return self.fail(Diagnostic::error("E0605", expr.span, message).hint(hint));
        }
        Some(index)
    }
}

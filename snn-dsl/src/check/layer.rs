//! A layer: its model, the values of its parameters, and what follows from them.

use super::dimension::Dimension;
use super::network::{CheckedLayer, Checker};
use super::neuron::{Checked, interval};
use super::scope::Scope;
use super::spike::{not_positive, scale_bounds};
use super::values;
use crate::diagnostic::Diagnostic;
use crate::expr::{ExprId, Interval, Leaf, bounds, number as number_text};
use crate::model;
use crate::source::Span;
use crate::syntax::tree;

impl<'a> Checker<'a> {
    pub(super) fn layer(&mut self, tree: &'a tree::Layer, free: bool, dt: Option<f64>) -> Option<()> {
        let shape = self.shape(&tree.shape, "the size of a layer", tree.name.span);
        let neuron = self.model(&tree.model);
        // Of a model that is too large nothing is known.
        let neuron = neuron.filter(|(_, checked)| !checked.too_large);
        let values = neuron.map(|(_, checked)| self.arguments(&tree.model, checked, dt)).unwrap_or_default();
        let dropout = match &tree.dropout {
            Some(expr) => self.dropout(expr, neuron.map(|(_, checked)| checked)),
            None => Some(0.0),
        };
        let ((size, grid), (neuron, checked), dropout) = (shape?, neuron?, dropout?);
        if free {
            self.sources.insert(tree.name.name.clone(), model::Source::Layer(self.layers.len()));
            let (name, span) = (tree.name.name.clone(), tree.name.span);
            let layer = model::Layer { name, span, size, grid, neuron, values, dropout };
            self.layers.push(CheckedLayer { layer, checked: Some(checked) });
        }
        Some(())
    }

    /// `dropout P`
    fn dropout(&mut self, expr: &'a tree::Expr, checked: Option<&Checked>) -> Option<f64> {
        let probability = self.typing.constant_of(expr, Dimension::NONE, "the probability of dropout")?;
        if let Some(checked) = checked.filter(|c| c.sound && c.neuron.spike.is_none()) {
            let message = format!("expected neurons that spike for `dropout`, found `{}`", checked.neuron.name);
            let hint = "its model has no `spike when` statement: remove `dropout`";
            return self.typing.fail(Diagnostic::error("E0516", expr.span, message).hint(hint));
        }
        if (0.0..1.0).contains(&probability) {
            return Some(probability);
        }
        let message =
            format!("expected a probability from 0 to less than 1 for `dropout`, found {}", number_text(probability));
        self.typing.fail(Diagnostic::error("E0516", expr.span, message).hint("write e.g. `dropout 0.2`"))
    }

    fn model(&mut self, call: &'a tree::Call) -> Option<(usize, &'a Checked)> {
        let name = call.name.name.as_str();
        let found = self.neurons.iter().position(|c| c.neuron.name == name);
        if let Some(index) = found {
            return Some((index, self.neurons.get(index)?));
        }
        let message = format!("expected a neuron model, found `{name}`");
        if self.synapses.iter().any(|s| s.name == name) || crate::library::synapse_names().contains(&name) {
            let hint = format!("it is a synapse, which belongs to a projection: `x -> a.I_ext : dense, {name}`");
            return self.typing.fail(Diagnostic::error("E0209", call.name.span, message).hint(hint));
        }
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
    pub(super) fn arguments(
        &mut self,
        call: &'a tree::Call,
        checked: &'a Checked,
        dt: Option<f64>,
    ) -> Vec<(usize, model::Value)> {
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
                        None if name.name == "dropout" => {
                            let value = self.typing.text(argument.value.span);
                            format!(
                                "it is no parameter of the model: `layer ... = {}(...), dropout {value}`",
                                neuron.name
                            )
                        }
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
                let diagnostic = not_positive(call.span, range, spike.scale_dimension);
                self.typing.diagnostics.push(diagnostic.label("with these parameters"));
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
        if let Some(refractory) = &neuron.refractory {
            let at = argument_of(call, neuron, refractory.duration);
            let range = layer_values(neuron, refractory.duration, values);
            if range.high <= 0.0 {
                let message = format!("expected a positive refractory period, found {} ms", number_text(range.high));
                let diagnostic = Diagnostic::error("E0416", at, message).label("with this value");
                self.typing.diagnostics.push(diagnostic.hint("give a time of at least one step"));
            } else if let Some(dt) = dt.filter(|dt| range.high < 0.5 * dt) {
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
}

/// The values that an expression takes in a layer. What the layer sets counts as it is, and not as the range in which
/// it may lie.
pub(crate) fn layer_values(neuron: &model::Neuron, root: ExprId, values: &[(usize, model::Value)]) -> Interval {
    bounds(&neuron.arena, root, |leaf| match leaf {
        Leaf::Parameter(i) => {
            let i = usize::from(i);
            let set = values.iter().any(|v| v.0 == i);
            match (neuron.parameters.get(i), neuron.value(i, values)) {
                (_, Some(model::Value::Constant(value))) if set => Interval::point(value),
                (Some(parameter), Some(value)) => interval(parameter, value),
                _ => Interval::ALL,
            }
        }
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

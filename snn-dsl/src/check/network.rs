//! A network: its declarations in order, sizes, inputs and targets; [`super::layer`] and [`super::time`] check the rest.

use super::dimension::Dimension;
use super::neuron::Checked;
use super::program::{Population, ProgramBuilder};
use super::scope::{Context, Entry, Names, Scope};
use super::synapse::CheckedSynapse;
use super::typing::Typing;
use super::{losses, order, projection, time};
use crate::diagnostic::suggest::closest;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::number as number_text;
use crate::model;
use crate::source::Span;
use crate::syntax::tree::{self, Expr, Network, NetworkStatement};
use std::collections::{BTreeMap, BTreeSet};

/// Larger populations are taken for a slip.
const LARGEST: f64 = 1e7;

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
    pub synapses: &'a [CheckedSynapse],
    pub dt: Option<f64>,
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
pub(super) fn check<'a>(
    context: Context<'a>,
    neurons: &'a [Checked],
    synapses: &'a [CheckedSynapse],
    tree: &'a Network,
    diagnostics: Diagnostics,
) -> Option<Outcome> {
    let mut typing = Typing::new(context.sources, context.texts.first()?, Scope::new());
    typing.diagnostics = diagnostics;
    let poisoned = BTreeSet::new();
    let mut checker = Checker {
        typing,
        tree,
        neurons,
        synapses,
        dt: None,
        inputs: Vec::new(),
        targets: Vec::new(),
        layers: Vec::new(),
        sources: BTreeMap::new(),
        poisoned,
    };
    let time = time::simulate(&mut checker);
    let dt = time.map(|t| t.0);
    checker.dt = dt;
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

fn forbidden(what: &str, name: &str) -> Entry {
    let hint = match what {
        "layer" => format!("read one of its states or its spikes: `{name}.spike`"),
        "target" => format!("compare with it: `cross_entropy(y, {name})` or `mse(y, {name})`"),
        _ => "only layers can be read".to_string(),
    };
    Entry::Forbidden(format!("expected a value, found the {what} `{name}`"), Some(hint))
}

impl<'a> Checker<'a> {
    pub(super) fn size(&mut self, expr: &'a Expr, what: &str) -> Option<usize> {
        let found = self.typing.constant_of(expr, Dimension::NONE, what)?;
        if (1.0..=LARGEST).contains(&found) && found.fract() == 0.0 {
            return Some(found as usize);
        }
        let message = format!("expected a whole number from 1 to 10000000 for {what}, found {}", number_text(found));
        self.typing.fail(Diagnostic::error("E0503", expr.span, message).hint("write a whole number, e.g. `[100]`"))
    }

    /// The number of neurons, and their grid if there is one: `[C, H, W]`, or `[C, L]` for a line.
    pub(super) fn shape(&mut self, sides: &'a [Expr], what: &str, span: Span) -> Option<(usize, Option<[usize; 3]>)> {
        let found: Vec<_> = sides.iter().map(|side| self.size(side, what)).collect();
        let found: Vec<usize> = found.into_iter().collect::<Option<_>>()?;
        let grid = match *found.as_slice() {
            [size] => return Some((size, None)),
            [channels, length] => [channels, 1, length],
            [channels, height, width] => [channels, height, width],
            _ => {
                let message = format!("expected one to three sides of a population, found {}", found.len());
                let hint = "write `[CHANNELS, HEIGHT, WIDTH]`, or `[CHANNELS, LENGTH]`";
                return self.typing.fail(Diagnostic::error("E0503", span, message).hint(hint));
            }
        };
        let size = grid.iter().map(|&side| side as f64).product::<f64>();
        if size <= LARGEST {
            return Some((size as usize, Some(grid)));
        }
        let message = format!("expected at most 10000000 neurons, found {}", number_text(size));
        self.typing.fail(Diagnostic::error("E0503", span, message).hint("make a side smaller"))
    }

    fn input(&mut self, tree: &'a tree::Input, free: bool) -> Option<()> {
        let shape = self.shape(&tree.shape, "the size of an input", tree.name.span);
        if !matches!(tree.kind.name.as_str(), "spikes" | "values") {
            let diagnostic = match tree.kind.name.as_str() {
                "current" | "currents" | "rates" | "poisson" | "events" => {
                    Diagnostic::not_supported(tree.kind.span, format!("an input of kind `{}`", tree.kind.name))
                }
                other => {
                    Diagnostic::error("E0504", tree.kind.span, format!("expected a kind of input, found `{other}`"))
                }
            };
            self.typing.diagnostics.push(diagnostic.hint("write `spikes`, or `values` for numbers"));
        }
        let (size, grid) = shape?;
        if free {
            self.sources.insert(tree.name.name.clone(), model::Source::Input(self.inputs.len()));
            let is_values = tree.kind.name == "values";
            self.inputs.push(model::Input { name: tree.name.name.clone(), size, grid, is_values });
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
            self.targets.push(model::Target {
                name: tree.name.name.clone(),
                is_class,
                size,
                over_time: tree.over_time,
            });
        }
        Some(())
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
